"""The driver itself: what the other tests of the page see through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from explorer.browser import JavaScriptError, Tab, straight

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><style>body { margin: 0 }
@media (prefers-color-scheme: dark) { body { background: rgb(1, 2, 3) } }</style>
<div id="pad" style="width: 100px; height: 100px; touch-action: none"></div><input id="field">
<script>
const seen = [];
for (const kind of ["pointerdown", "pointermove", "pointerup"])
    pad.addEventListener(kind, (e) => seen.push([kind, e.pointerType, e.clientX, e.clientY, e.buttons]));
</script>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_values_promises_and_exceptions(show: Callable[..., Tab], page: Path) -> None:
    tab = show(page)
    assert tab.evaluate("[1 / 3, 'ä', null, {a: [true]}]") == [1 / 3, "ä", None, {"a": [True]}]
    assert tab.evaluate("new Promise((done) => setTimeout(() => done(2), 20))") == 2
    with pytest.raises(JavaScriptError, match="absent is not defined"):
        tab.evaluate("absent + 1")
    with pytest.raises(TimeoutError, match="never true"):
        tab.wait_for("false", 0.05)
    assert tab.errors == []


def test_errors_and_requests_are_heard(show: Callable[..., Tab], page: Path) -> None:
    tab = show(page)
    tab.evaluate("setTimeout(() => { throw new Error('thrown late') }), console.error('said', 3), 0")
    tab.wait_for("new Promise((done) => setTimeout(() => done(true), 50))")
    assert tab.errors[0] == "said 3"
    assert "thrown late" in tab.errors[1]
    assert tab.requests == [page.as_uri()]


def test_mouse_finger_and_keys(show: Callable[..., Tab], page: Path) -> None:
    tab = show(page, touch=True)
    tab.drag(list(straight((10, 10), (30, 50), 2)))
    assert tab.evaluate("seen.filter((e) => e[4])") == [
        ["pointerdown", "mouse", 10, 10, 1],
        ["pointermove", "mouse", 20, 30, 1],
        ["pointermove", "mouse", 30, 50, 1],
    ]
    tab.evaluate("seen.length = 0")
    tab.swipe([(10, 10), (40, 60)])
    assert [event[:2] for event in tab.evaluate("seen")] == [
        ["pointerdown", "touch"],
        ["pointermove", "touch"],
        ["pointerup", "touch"],
    ]
    tab.click("#field")
    tab.press("a", " ", "b", "Home", "Delete")
    assert tab.evaluate("field.value") == " b"


def test_size_scheme_and_screenshot(show: Callable[..., Tab], page: Path) -> None:
    tab = show(page, width=400, height=300, scheme="dark", reduced_motion=True)
    assert tab.evaluate("[innerWidth, innerHeight]") == [400, 300]
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(1, 2, 3)"
    assert tab.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    picture = tab.screenshot()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture[16:20], "big") == 400
    tab.set(width=600)
    assert tab.evaluate("innerWidth") == 600
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(1, 2, 3)"
