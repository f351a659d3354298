"""Five features in two hidden units in the browser: what it names, what it finds, and what the hand can do."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stdout
from typing import Any

import numpy as np
import pytest
from explorer.browser import Browser, Tab, straight

from analytic import ReluOutputModel, explore, feature_dimensionality, geometry, search_minima
from analytic.polytopes.groups import in_words

#: Density 0.1: the pentagon, and above it a digon beside three confused features, and two digons.
PENTAGON, CONFUSED = 0.026305131123932, 0.037238055633198


def polygons(rng: np.random.Generator) -> list[np.ndarray[Any, Any]]:
    """Weights at random, and those of every shape and mixture, turned, shaken and scaled."""
    found = [rng.normal(size=(2, n)) for n in (2, 3, 4, 5, 6) for _ in range(20)]
    for count in (1, 2, 3, 4, 5, 6):
        angles = 2 * np.pi * np.arange(count) / count + rng.uniform(0, 7)
        shape = np.array([np.cos(angles), np.sin(angles)])
        for absent, noise in ((0, 0.0), (1, 0.0), (2, 0.02), (1, 0.07)):
            columns = np.hstack([shape, np.zeros((2, absent))])
            found.append(rng.uniform(0.1, 3) * (columns + noise * rng.normal(size=columns.shape)))
    line = np.array([[1.0, 1.0, -1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    return [*found, line, line[:, :2], np.zeros((2, 4))]


def test_arrangements_have_the_names_of_the_package(script: Callable[..., Tab]) -> None:
    given = polygons(np.random.default_rng(3))
    ask = (
        f"{json.dumps([W.tolist() for W in given])}.map((W) => {{ const groups = $network_geometry.geometry(W);"
        " return [groups, $network_geometry.inWords(groups), $network_geometry.dimensionality(W)]; })"
    )
    seen = set()
    for W, (groups, words, shares) in zip(given, script("network/geometry.js").evaluate(ask), strict=True):
        wanted = geometry(W)
        assert [(tuple(group["features"]), group["name"]) for group in groups] == [(g.features, g.name) for g in wanted]
        assert words == re.sub(r"(^|, )not represented", r"\g<1>1 not represented", in_words(wanted))
        np.testing.assert_allclose(shares, feature_dimensionality(W), rtol=1e-13)
        seen |= {group.name for group in wanted}
    assert seen == {
        *("single", "digon", "triangle", "pentagon", "hexagon"),
        *("confused", "irregular", "not represented"),
    }


@pytest.mark.parametrize(("density", "decay", "bias"), [(0.1, 1.0, "per-feature"), (0.3, 0.9, "shared")])
def test_the_levels_are_those_of_the_search(
    script: Callable[..., Tab], density: float, decay: float, bias: Any
) -> None:
    importance = decay ** np.arange(5)
    model = ReluOutputModel.from_density(5, 2, density, importance=importance, bias=bias)
    wanted = search_minima(model, starts=100)
    given = {"features": 5, "density": density, "importance": importance.tolist(), "bias": bias}
    levels = script("network/levels.js", "network/model.js").evaluate(
        f"(() => {{ const model = new $network_model.Model({json.dumps(given)}); const levels = new"
        " $network_levels.Levels(model); levels.add($network_levels.ends(model, 0, 60)); return levels.all; })()"
    )
    losses = np.array([level["loss"] for level in levels])
    assert losses[0] == pytest.approx(wanted.global_minimum.loss, abs=1e-12)
    for minimum in wanted:
        if minimum.share.low > 0.07:
            assert np.abs(losses - minimum.loss).min() < 1e-12, f"{minimum.shape} at {minimum.loss} is missing"
    for level in levels:
        theta = np.array(list(level["theta"].values()))
        W, b = theta[:10].reshape(2, 5), theta[10:]
        assert float(model.loss(W, b[0] if bias == "shared" else b)) == pytest.approx(level["loss"], abs=1e-15)


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The page on five in two at density 0.1, with the search done and the arrows at rest; one for all tests."""
    path = tmp_path_factory.mktemp("network") / "page.html"
    explore(view="network", density=0.1).save(path)
    with closing(browser.open(path.as_uri())) as tab:
        searched(tab)
        yield tab


@pytest.fixture
def pentagon(shown: Tab) -> Tab:
    """The page at rest in the pentagon."""
    shown.evaluate("location.hash = '#view=network&density=0.1'")
    searched(shown)
    shown.wait_for("[...document.querySelectorAll('.ladder button')].some((each) => each.textContent === 'pentagon')")
    press(shown, "pentagon")
    rest(shown)
    return shown


def searched(tab: Tab) -> None:
    tab.wait_for("document.querySelector('.ladder button') && !document.querySelector('.stale')")
    rest(tab)


def text_of(selector: str) -> str:
    return f"document.querySelector('{selector}').textContent"


def rest(tab: Tab) -> None:
    """Waits until the descent has ended and the address says where."""
    tab.wait_for("[...document.querySelectorAll('button')].some((each) => each.textContent === 'Go on')")
    tab.wait_for("new Promise((done) => setTimeout(() => done(true), 250))")


def loss_of(tab: Tab) -> float:
    return float(re.findall(r"loss ([\d.]+)", tab.evaluate(text_of(".network")))[0])


def weights(tab: Tab) -> np.ndarray[Any, Any]:
    return np.array(re.search(r"arrows=([^&]*)", tab.evaluate("location.hash"))[1].split("%2C"), float)  # type: ignore[index]


def press(tab: Tab, words: str) -> None:
    """Presses the button with this text, at once: a ladder that grows makes its buttons anew."""
    tab.evaluate(f"[...document.querySelectorAll('button')].find((b) => b.textContent === '{words}').click()")


def tip(tab: Tab, feature: int) -> tuple[float, float]:
    return tab.center(f".arrow:nth-child({feature}) .hand")


def test_a_level_is_a_press_away_and_the_python_reproduces_it(pentagon: Tab) -> None:
    tab = pentagon
    for words, wanted in (("pentagon", PENTAGON), ("confused, digon", CONFUSED)):
        press(tab, words)
        assert loss_of(tab) == pytest.approx(wanted, rel=1e-5)
        assert tab.evaluate(text_of("tr[aria-current]")).startswith(("1pentagon", "2confused"))
    rest(tab)
    theta = weights(tab)
    model = ReluOutputModel.from_density(5, 2, 0.1)
    assert float(model.loss(theta[:10].reshape(2, 5), theta[10:])) == pytest.approx(CONFUSED, abs=1e-9)
    press(tab, "Copy as Python")
    lines = tab.evaluate("document.getElementById('python').textContent").split("\n")
    with redirect_stdout(io.StringIO()) as said:
        exec("\n".join(lines[:5]), {})
    assert float(said.getvalue().split()[0]) == pytest.approx(CONFUSED, abs=1e-12)
    assert "'confused'" in said.getvalue()
    assert lines[5] == "print(search_minima(model))"
    assert tab.errors == []
    assert all(address.startswith("file:") for address in tab.requests)


def test_every_start_ends_on_a_level(pentagon: Tab) -> None:
    tab = pentagon
    for motion in ("gd", "adam"):
        tab.evaluate(
            f"(() => {{ const s = document.querySelector('.network select'); s.value = '{motion}';"
            " s.dispatchEvent(new Event('change')); })()"
        )
        press(tab, "Start")
        assert loss_of(tab) > 0.05, "from small weights nothing is represented"
        rest(tab)
        assert "on level" in tab.evaluate(text_of(".network"))


@pytest.mark.parametrize("touch", [False, True])
def test_an_arrow_that_is_dragged_away_comes_back(pentagon: Tab, touch: bool) -> None:
    tab = pentagon
    tab.set(touch=touch, width=420 if touch else 1280)
    start = tip(tab, 2)
    way = list(straight(start, (start[0] + 30, start[1] - 20)))
    assert loss_of(tab) == pytest.approx(PENTAGON, rel=1e-5)
    tab.evaluate("window.most = 0, new MutationObserver(() => { most = Math.max(most, +"
                 f"{text_of('.network')}.match(/loss ([\\d.]+)/)[1]); }}).observe(document.querySelector('.network'),"
                 " {subtree: true, childList: true})")  # fmt: skip
    (tab.swipe if touch else tab.drag)(way)
    rest(tab)
    assert tab.evaluate("most") > 1.05 * PENTAGON
    assert loss_of(tab) == pytest.approx(PENTAGON, rel=1e-4)


def test_a_finger_holds_an_arrow_until_it_lets_go(pentagon: Tab) -> None:
    tab = pentagon
    tab.set(touch=True, width=400)
    start = tip(tab, 2)
    where = (
        "(() => { const r = document.querySelector('.arrow:nth-child(2) .hand').getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2, scrollY]; })()"
    )
    scrolled = tab.evaluate(where)[2]
    tab.evaluate("window.cancelled = 0, addEventListener('pointercancel', () => cancelled++, {once: true})")
    for number, (x, y) in enumerate(straight(start, (start[0] - 15, start[1] - 60))):
        kind = "touchMove" if number else "touchStart"
        tab.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        np.testing.assert_allclose(tab.evaluate(where), (x, y, scrolled), atol=1.5)
    assert tab.evaluate("cancelled") == 0
    tab.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    rest(tab)
    assert loss_of(tab) == pytest.approx(PENTAGON, rel=1e-4)


def labels_of(tab: Tab) -> list[str]:
    return tab.evaluate("[...document.querySelectorAll('.arrows .labels text')].map((each) => each.textContent)")


def stand(tab: Tab, W: Any, b: Any, density: float = 0.1) -> None:
    """Puts the arrows where they are wanted, at rest."""
    arrows = ",".join(map(str, np.concatenate([np.ravel(W), b])))
    tab.evaluate(f"location.hash = '#view=network&density={density}&arrows={arrows}'")
    tab.wait_for(f"document.querySelector('.arrow line').getAttribute('x2') == {np.ravel(W)[0]}")


def test_a_saddle_is_said_to_be_on_none_of_the_levels(pentagon: Tab) -> None:
    stand(pentagon, np.zeros((2, 5)), np.full(5, 0.04))
    assert "none of the levels" not in pentagon.evaluate(text_of(".network")), "the gradient is not zero"
    stand(pentagon, np.zeros((2, 5)), np.full(5, 0.1 / 2))  # without weights the best bias is the mean of the input
    pentagon.wait_for(f"{text_of('.network')}.includes('at rest, on none of the levels: a saddle, or a minimum')")


def test_arrows_that_coincide_share_a_label_and_short_ones_are_in_a_gap(pentagon: Tab) -> None:
    stand(pentagon, [[0.9, 0, 0, 0.91, 0], [0, 0.9, -0.9, 0, 0]], np.zeros(5))
    assert labels_of(pentagon) == ["1, 4", "2", "3", "5"]
    at = pentagon.evaluate("(() => { const t = [...document.querySelectorAll('.labels text')].at(-1);"
                           " return [+t.getAttribute('x'), +t.getAttribute('y')]; })()")  # fmt: skip
    assert at == pytest.approx([-0.15, 0], abs=1e-12), "the side without an arrow"
    assert pentagon.evaluate("document.querySelector('.arrows').lastElementChild.matches('.labels')")


def test_a_tip_that_is_dragged_far_stays_in_the_picture(pentagon: Tab) -> None:
    start = tip(pentagon, 2)
    pentagon.call("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], button="left", clickCount=1)
    pentagon.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1, button="left", buttons=1)
    inside = pentagon.evaluate(
        "(() => { const frame = document.querySelector('.arrows').getBoundingClientRect();"
        " return [...document.querySelectorAll('.labels text, .arrow .hand')].every((each) => {"
        " const r = each.getBoundingClientRect(); return r.left > frame.left && r.right < frame.right"
        " && r.top > frame.top && r.bottom < frame.bottom; }); })()"
    )
    pentagon.call("Input.dispatchMouseEvent", type="mouseReleased", x=1, y=1, button="left", clickCount=1)
    rest(pentagon)
    assert inside


def test_losses_above_the_best_are_told_apart_and_all_starts_are_accounted_for(pentagon: Tab) -> None:
    pentagon.wait_for(f"{text_of('.network')}.includes('not proved')")
    cells = pentagon.evaluate(
        "[...document.querySelectorAll('.ladder tbody tr')].map((tr) => [...tr.cells].map((td) => td.textContent))"
    )
    assert len({cell[3] for cell in cells}) == len(cells) > 2
    said = pentagon.evaluate(text_of(".network"))
    lost = int(found[1]) if (found := re.search(r"(\d+) of which did not converge", said)) else 0
    assert sum(int(cell[4].split()[0]) for cell in cells) == pytest.approx(100 * (1 - lost / 200), abs=len(cells) / 2)
    assert "the Start button begins smaller" in said


def test_arrows_move_by_keys_and_say_where_they_are(pentagon: Tab) -> None:
    tab = pentagon
    tab.evaluate("document.querySelector('.arrow').focus()")
    label = tab.evaluate("document.querySelector('.arrow').getAttribute('aria-label')")
    tab.press("ArrowRight", "ArrowUp", shift=True)
    moved = tab.evaluate("document.querySelector('.arrow').getAttribute('aria-label')")
    assert label != moved
    assert re.match(r"feature 1, \w+, at [−\d.]+, [−\d.]+; arrow keys move it, Enter lets it go", moved)
    assert loss_of(tab) > PENTAGON * 1.001
    tab.press("Enter")
    rest(tab)
    assert loss_of(tab) == pytest.approx(PENTAGON, rel=1e-4)


def test_sliders_change_the_model_and_the_arrows_follow(shown: Tab) -> None:
    tab = shown
    tab.evaluate("location.hash = '#view=network&density=0.1&features=3&bias=none'")
    tab.evaluate("document.querySelector('.slider input').focus()")
    tab.press("PageUp", "PageUp")
    tab.wait_for(f"{text_of('.network')}.includes('not proved')")
    rest(tab)
    density = float(re.search(r"density=([\d.]+)", tab.evaluate("location.hash"))[1])  # type: ignore[index]
    assert density > 0.11
    best = search_minima(ReluOutputModel.from_density(3, 2, density, bias="none"), starts=30).global_minimum.loss
    assert float(tab.evaluate(text_of(".ladder td:nth-child(3)"))) == pytest.approx(best, rel=1e-3)


def test_a_loss_of_zero_is_said_to_be_zero(shown: Tab) -> None:
    shown.evaluate("location.hash = '#view=network&features=2'")
    searched(shown)
    press(shown, "2 singles")
    assert loss_of(shown) == 0
    assert shown.evaluate(text_of(".ladder td:nth-child(3)")) == "0"


def test_an_address_with_nonsense_is_read_as_the_nearest_state(shown: Tab) -> None:
    tab = shown
    tab.evaluate("location.hash = '#view=network&features=9&density=7&decay=-1&bias=maybe&arrows=1,2&dynamics=walk'")
    searched(tab)
    assert tab.errors == []
    assert tab.evaluate("document.querySelectorAll('.arrow').length") == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_all_has_a_name(pentagon: Tab, scheme: str) -> None:
    for width in (360, 400, 800, 1280, 1700, 2560):
        pentagon.set(width=width, scheme=scheme)
        assert pentagon.evaluate("document.documentElement.scrollWidth") <= width
    nameless = pentagon.evaluate(
        "[...document.querySelectorAll('button, input, select, svg, .arrow')].filter((e) =>"
        " !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)"
    )
    assert nameless == []


def test_the_page_refuses_a_view_that_it_does_not_have() -> None:
    assert explore(view="network", density=0.1).state == "view=network&density=0.1"
    with pytest.raises(ValueError, match="view must be 'pair' or 'network', got 'both'"):
        explore(view="both")


def test_the_views_take_turns(pentagon: Tab) -> None:
    for name, wanted in (("pair", ".pair canvas"), ("network", ".network .arrow")) * 2:
        pentagon.click(f"[role=tab][data-view={name}]")
        pentagon.wait_for(f"document.querySelector('{wanted}') && document.querySelectorAll('main > div').length === 1")
        tips = pentagon.evaluate(
            "[...document.querySelectorAll('[data-tip]')].map((e) => [e.dataset.tip, e.ariaLabel])"
        )
        assert len(tips) > 5
        assert not [tip for tip in tips if not tip[0] or "undefined" in " ".join(map(str, tip))]
    searched(pentagon)
    assert loss_of(pentagon) == pytest.approx(PENTAGON, rel=1e-5), "the address keeps the arrows"
    assert pentagon.errors == []
