"""The pair in the browser: its numbers are the package's, and the page does what it says."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from explorer.browser import Tab, straight

from analytic import ToyModel, explore, find_stationary_points
from analytic.attraction.destinations import destinations
from analytic.explorer.packing import unpacked
from analytic.explorer.page import STORED
from analytic.explorer.pair import UNIT, axes, off_axis_points
from analytic.loss import kernels
from analytic.models.bias import Bias

STORED_PAIR = STORED / "pair.bin"
#: (density, importance) with one, two and three minima and with r > 1, off the stored grid.
MODELS = [(0.3, 0.7), (0.07, 1.9), (0.85, 0.4), (0.5, 1.0)]


def points(count: int) -> list[list[float]]:
    """(W1, W2, b1, b2, density, importance); every third has a weight or a bias far down, or zero."""
    rng = np.random.default_rng(11)
    theta = rng.normal(size=(count, 4))
    small = rng.choice([0.0, 1e-300, 1e-16, 1e-5], count // 3 + 1)
    for k in range(0, count, 3):
        theta[k, rng.integers(4)] *= small[k // 3]
    return np.column_stack([theta, rng.uniform(0.01, 1, count), 10 ** rng.uniform(-1, 1, count)]).tolist()


@pytest.fixture
def page(show: Callable[..., Tab], tmp_path: Path) -> Callable[..., Tab]:
    """The explorer at a state, with the list of points on it."""

    def opened(state: str = "", **settings: Any) -> Tab:
        path = tmp_path / "page.html"
        explore().save(path)
        tab = show(path, f"#{state}", **settings)
        tab.wait_for("!!document.querySelector('tbody tr')")
        return tab

    return opened


#: The shares as text, and whether they have been counted.
SHARES = "[...document.querySelectorAll('tbody tr')].map((row) => row.children[3].textContent)"
COUNTED = "/%$/.test(document.querySelector('tbody tr').children[3].textContent)"

EVALUATED = """
points.map(([W1, W2, b1, b2, density, importance]) => {
  const model = new $pair_model.Model({density, importance, bias: "per-feature"});
  const g = [0, 0, 0, 0];
  const loss = model.slope([W1, W2, b1, b2], g);
  return [loss, ...g, ...model.curvature([W1, W2, b1, b2]).flat()];
})
"""


def test_ten_thousand_points_have_the_same_bits(script: Callable[..., Tab]) -> None:
    tab, tried = script("pair/model.js"), points(10_000)
    found = tab.evaluate(f"(() => {{ const points = {json.dumps(tried)}; return {EVALUATED.strip()} }})()")
    for (*theta, p, r), values in zip(tried, found, strict=True):
        at = [*theta, 1.0, r, (1 - p) * (1 - p), p * (1 - p), p * (1 - p), p * p]
        h = list(kernels.hessian(*at))
        full = np.zeros((4, 4))
        full[np.triu_indices(4)] = [*h[:8], 0.0, h[8]]
        full += np.triu(full, 1).T
        assert values == [*kernels.gradient(*at), *full.ravel()]


@pytest.mark.parametrize("bias", list(Bias))
def test_the_list_is_that_of_the_package(page: Callable[..., Tab], bias: Bias) -> None:
    for p, r in MODELS:
        tab = page(f"density={p}&importance={r}&bias={bias}")
        expected = sorted(float(each.loss) for each in find_stationary_points(ToyModel.from_density(p, r, bias)))
        rows = "[...document.querySelectorAll('tbody tr')].filter((row) => !row.querySelector('.words'))"
        losses = sorted(map(float, tab.evaluate(f"{rows}.map((row) => row.children[2].textContent)")))
        assert losses == pytest.approx(expected, rel=1e-5), (p, r)


MANY = """
$common_stored.stored("pair").then((knowledge) => %s.map(([density, importance, bias]) => {
  const model = new $pair_model.Model({density, importance, bias});
  const starts = new $pair_grid.Grid(knowledge, bias).around(density, importance, 2);
  return $pair_landscape.refined(model, starts).points.map(({kind, phase, loss}) => [kind, phase, loss]);
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("bias", list(Bias))
def test_the_list_is_that_of_the_package_on_many_models(script: Callable[..., Tab], bias: Bias) -> None:
    rng = np.random.default_rng(7)
    places = np.column_stack([10 ** rng.uniform(-2, 0, 300), 10 ** rng.uniform(-1, 1, 300)]).tolist()
    tab = script("pair/landscape.js", "pair/grid.js", "pair/model.js", "common/stored.js")
    data = base64.b64encode(STORED_PAIR.read_bytes()).decode()
    tab.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), "
        f"{{type: 'text/plain', textContent: '{data}'}})); document.body.lastChild.dataset.stored = 'pair'"
    )
    found = tab.evaluate(MANY.strip() % json.dumps([[p, r, str(bias)] for p, r in places]))
    for (p, r), listed in zip(places, found, strict=True):
        points = find_stationary_points(ToyModel.from_density(p, r, bias))
        expected = sorted((each.kind, each.phase, float(each.loss)) for each in points)
        assert [tuple(each[:2]) for each in sorted(listed)] == [each[:2] for each in expected], (p, r)
        assert sorted(each[2] for each in listed) == pytest.approx(sorted(each[2] for each in expected), rel=1e-12)


def test_a_descent_from_each_basin_ends_at_its_minimum(page: Callable[..., Tab]) -> None:
    model = ToyModel.from_density(0.3, 0.7, "per-feature")
    starts = [(0.5, -0.4), (0.5, 0.4), (-0.3, 0.9), (0.2, -1.1)]
    ends = destinations(model, [[*start, 0.0, 0.0] for start in starts])
    assert {end.phase for end in ends if end} == {"antipodal", "confused"}
    tab = page()
    for (W1, W2), end in zip(starts, ends, strict=True):
        assert end is not None
        tab.evaluate(f"location.hash = '#start={W1},{W2}'")
        text = tab.wait_for("document.querySelector('[role=status]').textContent.match(/^Ended.*/)?.[0]")
        assert f"Ended at the {end.phase} minimum" in text
        assert f"{float(end.loss):.6f}"[:7] in text
        tab.evaluate("document.querySelector('[role=status]').textContent = ''")
    assert tab.errors == []


def test_dragging_the_model_changes_model_list_and_address(page: Callable[..., Tab]) -> None:
    tab = page("bias=none")
    x, y, width, height = tab.box("canvas")
    before = tab.evaluate("document.querySelector('tbody').textContent")
    tab.drag(list(straight((x + 0.3 * width, y + 0.3 * height), (x + 0.6 * width, y + 0.6 * height), 5)))
    tab.wait_for("Number(/importance=([^&]*)/.exec(location.hash)?.[1]) > 1")
    state = dict(pair.split("=") for pair in tab.evaluate("location.hash.slice(1)").split("&"))
    assert tab.evaluate("document.querySelector('tbody').textContent") != before
    assert 0.02 < float(state["density"]) < 0.2
    assert 1 < float(state["importance"]) < 4
    assert tab.errors == []


def test_a_finger_drags_the_model_and_taps_a_start(page: Callable[..., Tab]) -> None:
    tab = page("bias=none", width=400, touch=True)
    x, y, width, height = tab.box("canvas")
    tab.swipe(list(straight((x + 0.5 * width, y + 0.5 * height), (x + 0.8 * width, y + 0.8 * height), 4)))
    tab.wait_for("location.hash.includes('density=0.0')")
    x, y, width, height = tab.box("canvas.clicked")
    for _ in range(5):  # on a loaded machine a tap may last so long that it is none
        tab.swipe([(x + 0.7 * width, y + 0.4 * height)])
        if "start=" in tab.evaluate("new Promise((done) => setTimeout(() => done(location.hash), 500))"):
            break
    tab.wait_for("document.querySelector('[role=status]').textContent.startsWith('Ended at')")
    assert tab.errors == []


def test_without_motion_a_descent_is_at_its_end_at_once(page: Callable[..., Tab]) -> None:
    tab = page(reduced_motion=True)
    tab.evaluate("location.hash = '#start=0.5,0.4&motion=gd'")
    tab.wait_for("!document.querySelector('[role=status]').textContent.startsWith('Click')")
    assert tab.evaluate("document.querySelector('[role=status]').textContent").startswith(
        "Ended at the confused minimum"
    )


def test_a_row_selects_the_biases_of_the_surface(page: Callable[..., Tab]) -> None:
    tab = page()
    note = "document.querySelector('.panel:nth-child(2) .note').textContent"
    tab.wait_for(f"{note}.includes('b = (0.0143, 0.0232)')")
    tab.click("tbody tr:nth-child(2)")
    tab.wait_for(f"{note}.includes('b = (−0.1011, 0.1113)')")
    tab.wait_for("location.hash.includes('point=1')")
    tab.drag(list(straight(tab.center("canvas"), tab.center("canvas"), 2)))
    assert "confused" in tab.evaluate("document.querySelector('tr[aria-selected=true]').textContent")


@pytest.mark.parametrize("asked", ["basins=true", "surface=best"])
def test_shares_outlast_what_else_is_asked_for(page: Callable[..., Tab], asked: str) -> None:
    tab = page()
    tab.wait_for(COUNTED)
    shares = tab.evaluate(SHARES)
    tab.evaluate(f"location.hash = '#{asked}'")
    done = {
        "basins=true": "document.querySelector('.bar').hidden && document.querySelector('[aria-label=Basins] li')",
        "surface=best": "document.body.textContent.includes('Every W has the biases that are best for it.')",
    }
    tab.wait_for(f"!!({done[asked]})")
    tab.wait_for(COUNTED)
    assert tab.evaluate(SHARES) == shares
    tab.evaluate("location.hash = '#basins=false'")
    tab.wait_for("!document.querySelector('.bar').hidden")


@pytest.mark.parametrize("bias", ["shared", "per-feature"])
@pytest.mark.parametrize("start", ["0,0", "1,0"])
def test_the_edge_of_a_dead_set_is_no_minimum(page: Callable[..., Tab], bias: Bias, start: str) -> None:
    model, W = ToyModel.from_density(0.3, 0.7, bias), [float(each) for each in start.split(",")]
    at, beside = (0.0, 1e-6) if bias == "shared" else ([0.0, 0.0], [0.0, 1e-6])
    assert model.loss(W, beside) < model.loss(W, at)
    tab = page(f"bias={bias}&start={start}")
    text = tab.wait_for("document.querySelector('[role=status]').textContent.match(/.* after time .*/)?.[0]")
    assert "flat minimum" not in text
    if bias == "per-feature" or start == "0,0":
        assert text.startswith("No slope here (ReLU′(0) = 0), but the loss falls as b grows")


def test_a_row_keeps_the_focus_when_it_is_chosen_by_key(page: Callable[..., Tab]) -> None:
    tab = page()
    tab.wait_for(COUNTED)
    tab.evaluate("document.querySelector('tbody tr:nth-child(2)').focus()")
    tab.press("Enter")
    tab.wait_for("location.hash.includes('point=1')")
    assert tab.evaluate("document.activeElement === document.querySelector('tbody tr:nth-child(2)')")


def test_a_boundary_is_named_only_under_the_pointer(page: Callable[..., Tab]) -> None:
    tab = page()
    x, y, width, height = tab.box("canvas")
    name = "document.querySelector('.panel .note').textContent"
    column = [(x + 0.6 * width, y + share * height) for share in np.linspace(0.05, 0.9, 60)]

    def on_boundary() -> tuple[float, float]:
        for point in column:
            tab.hover(point)
            if tab.evaluate(name):
                return point
        raise AssertionError("no boundary in this column")

    found = on_boundary()
    tab.hover((x + 0.5 * width, y - 20))
    tab.wait_for(f"{name} === ''")
    tab.hover(found)
    tab.wait_for(f"{name}.startsWith('Boundary: ')")
    tab.drag([found, (found[0] + 3, found[1] + 3)])
    assert tab.evaluate(name) == ""


def test_the_lines_of_python_stay_until_somebody_changes_something(page: Callable[..., Tab]) -> None:
    tab = page()
    box = "document.getElementById('python').parentElement.hidden"
    tab.wait_for(COUNTED)
    copied(tab)
    assert not tab.evaluate(box)
    tab.click("tbody tr:nth-child(2)")
    tab.wait_for(box)
    tab = page("view=network")
    tab.click("button.main")
    copied(tab)
    tab.wait_for("[...document.querySelectorAll('button')].some((each) => each.textContent === 'Go on')")
    assert not tab.evaluate(box)


def test_a_finger_reads_a_word_without_choosing_its_row(page: Callable[..., Tab]) -> None:
    tab = page(width=400, touch=True)
    tab.wait_for(COUNTED)
    word = "tbody tr:nth-child(2) dfn"
    tab.evaluate(f"document.querySelector('{word}').scrollIntoView({{block: 'center'}})")
    tab.swipe([tab.center(word)])
    tab.wait_for("!document.querySelector('.tip').hidden")
    assert not tab.evaluate("new Promise((done) => setTimeout(() => done(location.hash), 400))").count("point=")
    assert not tab.evaluate("document.querySelector('.tip').hidden")


def test_keys_move_the_model_and_start_a_descent(page: Callable[..., Tab]) -> None:
    tab = page()
    tab.evaluate("document.querySelectorAll('canvas')[0].focus()")
    tab.press("ArrowUp", "ArrowRight")
    tab.wait_for("location.hash.includes('density=0.306') && location.hash.includes('importance=0.714')")
    tab.evaluate("document.querySelectorAll('canvas')[1].focus()")
    tab.press("ArrowDown", "Enter")
    tab.wait_for("document.querySelector('[role=status]').textContent.startsWith('Ended at')")
    assert tab.errors == []


@pytest.mark.parametrize(
    "state", ["", "bias=none&basins=true", "bias=shared&surface=best", "density=x&point=99&start=a"]
)
def test_every_state_loads_without_an_error_and_without_the_network(page: Callable[..., Tab], state: str) -> None:
    tab = page(state, width=400, scheme="dark")
    tab.wait_for(COUNTED)
    assert tab.errors == []
    assert [address for address in tab.requests if not address.startswith("file:")] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def copied(tab: Tab) -> str:
    tab.click("#copy")
    return str(tab.evaluate("document.getElementById('python').textContent"))


def test_the_lines_of_python_run_and_show_the_same(page: Callable[..., Tab], monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(len(plt.get_fignums())))
    names: dict[str, Any] = {}
    exec(copied(page("density=0.2&importance=0.5&bias=none")), names)
    assert names["model"] == ToyModel.from_density(0.2, 0.5, "none")
    assert shown == [1]
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("bias", list(Bias))
@pytest.mark.parametrize("motion", ["flow", "gd", "adam", "sgd", "adam-sampled"])
def test_all_lines_of_python_run(
    page: Callable[..., Tab], monkeypatch: pytest.MonkeyPatch, motion: str, bias: Bias
) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    exec(copied(page(f"bias={bias}&motion={motion}&start=0.5,0.4&rate=0.1&basins=true")), {})
    plt.close("all")


def test_anybody_may_ask_for_a_loss(page: Callable[..., Tab]) -> None:
    tab = page()
    model = ToyModel.from_density(0.3, 0.7, "per-feature")
    asked = "analytic.loss([1, -0.9], [0.1, 0], {density: 0.3, importance: 0.7})"
    assert tab.evaluate(asked) == pytest.approx(float(model.loss([1, -0.9], [0.1, 0])), rel=1e-15)
    larger = "analytic.loss([[1, -0.9]], [0.1, 0], {density: 0.3, importance: [1, 0.7]})"
    assert tab.evaluate(larger) == pytest.approx(float(model.loss([1, -0.9], [0.1, 0])), rel=1e-14)


@pytest.mark.parametrize("bias", list(Bias))
def test_what_is_stored_is_what_the_solver_finds(bias: Bias) -> None:
    stored = unpacked(STORED_PAIR.read_bytes())["conventions"][str(bias)]
    counts, kept = stored["counts"], stored["points"]
    density, importance = axes(counts.shape)
    first = np.concatenate([[0], np.cumsum(counts.astype(int))])
    for node in np.random.default_rng(0).choice(counts.size, 6, replace=False):
        i, j = divmod(int(node), counts.shape[1])
        expected = off_axis_points(density[i], importance[j], bias)
        found = kept[first[node] : first[node + 1]] * UNIT
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=0.51 * UNIT)
