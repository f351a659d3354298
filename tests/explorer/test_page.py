"""The page as a file, as the command writes it, and in a notebook."""

from __future__ import annotations

import html
import re
import webbrowser
from pathlib import Path

import pytest

from analytic import cli, explore
from analytic.explorer.page import VIEWS
from analytic.validation import InvalidInput


def test_the_page_asks_nobody_for_anything() -> None:
    text = explore().html
    assert "{{" not in text
    addresses = set(re.findall(r'(?:src|href)\s*=\s*"([^"]*)"|url\(([^)]*)\)|https?://[^\s"<>)]+', text))
    assert not addresses - {("", "")}
    assert set(re.findall(r"https?://[\w./]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert len(text) < 2_000_000


def test_a_notebook_gets_the_page_in_a_frame() -> None:
    page = explore(density=0.25, bias="shared")
    inside = re.search(r'srcdoc="([^"]*)"', page._repr_html_())
    assert inside
    assert html.unescape(inside[1]) == page.html
    assert 'data-state="view=pair&amp;density=0.25&amp;bias=shared"' in page.html
    assert repr(page) == "<the explorer at view=pair&density=0.25&bias=shared; .show() opens it, .save(path) writes it>"


@pytest.mark.parametrize("nonsense", [{"density": 0}, {"density": 2}, {"importance": 99}, {"bias": "no"}, {"view": 3}])
def test_nonsense_is_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(nonsense))):
        explore(**nonsense)  # type: ignore[arg-type]


def test_the_command_writes_and_opens_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    written, shown = tmp_path / "written.html", tmp_path / "shown.html"
    assert cli.main(["explore", "--sparsity", "0.75", "--output", str(written), "--no-open"]) == 0
    assert opened == []
    assert written.read_text(encoding="utf-8") == explore(density=0.25).html
    for view in VIEWS:
        assert cli.main(["explore", "--view", view, "--output", str(shown)]) == 0
        assert opened.pop() == shown.as_uri()
        assert shown.read_text(encoding="utf-8") == explore(view=view).html
    assert cli.main(["explore", "--no-open"]) == 2
    assert "--output" in capsys.readouterr().err
