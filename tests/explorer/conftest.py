"""A browser for the tests of the page; they are skipped where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from explorer.browser import Browser, Tab, executable

from analytic.explorer.modules import program
from analytic.explorer.page import SOURCE


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    path = executable()
    if path is None:
        pytest.skip("no Chromium on this machine")
    with Browser(path) as running:
        yield running


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Opens a file in a new tab: show(path, "#state", width=400, scheme="dark"); settings as for `Tab.set`."""
    with ExitStack() as tabs:

        def open_file(path: Path, address: str = "", **settings: Any) -> Tab:
            return tabs.enter_context(closing(browser.open(path.as_uri() + address, **settings)))

        yield open_file


@pytest.fixture
def script(show: Callable[..., Tab], tmp_path: Path) -> Callable[..., Tab]:
    """Opens an empty page with modules of the explorer: "network/model.js" is there as $network_model."""

    def open_modules(*paths: str) -> Tab:
        text = program(SOURCE, {"false": paths[0]} | {f"false && {path!r}": path for path in paths[1:]})
        page = tmp_path / "modules.html"
        page.write_text(f"<!DOCTYPE html><meta charset=utf-8><script>{text}</script>", encoding="utf-8")
        return show(page)

    return open_modules
