"""Phase diagrams of three features in two dimensions, against candidates, the smallest model and searches."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest

from analytic import PhaseDiagram, ReluOutputModel, ToyModel, find_minima, phase_diagram, search_minima
from analytic.diagrams.larger import canonical

DENSITY = np.array([0.02, 0.3, 0.55, 0.85])
IMPORTANCE = np.array([0.05, 0.6, 1.0, 1.3, 20.0])
#: Losses are compared in these units: rounding leaves 1e-15.
TIGHT = 1e-12


@pytest.fixture(scope="module", params=["none", "per-feature"])
def diagram(request: pytest.FixtureRequest) -> PhaseDiagram:
    return phase_diagram(features=3, hidden=2, density=DENSITY, importance=IMPORTANCE, bias=request.param)


def model_at(diagram: PhaseDiagram, i: int, j: int) -> ReluOutputModel:
    return ReluOutputModel.from_density(3, 2, DENSITY[i], (1, 1, IMPORTANCE[j]), diagram.bias)


def same(left: PhaseDiagram, right: PhaseDiagram) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=name == "gap") if isinstance(a, np.ndarray) else a == b
        for (name, a), b in zip(left.__dict__.items(), right.__dict__.values(), strict=True)
    )


def test_every_pixel_holds_a_stationary_point_with_its_loss(diagram: PhaseDiagram) -> None:
    assert diagram.W.shape == (4, 5, 2, 3)
    assert (diagram.features, diagram.hidden) == (3, 2)
    assert diagram.b.shape == (4, 5, 0 if diagram.bias == "none" else 3)
    for i, j in np.ndindex(diagram.loss.shape):
        model = model_at(diagram, i, j)
        loss, by_W, by_b = model.loss_and_gradient(diagram.W[i, j], None if without_bias(diagram) else diagram.b[i, j])
        unit = model.silent_loss
        assert diagram.loss[i, j] == pytest.approx(loss, abs=1e-14 * unit)
        assert np.sqrt(np.sum(by_W**2) + (0 if by_b is None else np.sum(by_b**2))) <= 2 * TIGHT * unit


def without_bias(diagram: PhaseDiagram) -> bool:
    return diagram.bias == "none"


def test_weights_are_in_their_canonical_form(diagram: PhaseDiagram) -> None:
    W = diagram.W
    assert np.all(W[..., 1, 0] == 0)
    assert np.all(W[..., [0, 1], [0, 1]] >= 0)
    with_last = np.einsum("...mi,...m->...i", W[..., :2], W[..., 2])
    assert np.all(with_last[..., 0] <= with_last[..., 1] + 1e-11)


def test_the_canonical_image_is_an_image() -> None:
    """Of a random point: the same loss at any r, and the features in order."""
    rng, model = np.random.default_rng(1), ReluOutputModel.from_density(3, 2, 0.4, (1, 1, 0.3))
    for _ in range(20):
        W, b = rng.normal(size=(2, 3)), rng.normal(size=3) / 3
        image, biases = canonical(W, b)
        assert model.loss(image, biases) == pytest.approx(model.loss(W, b), rel=1e-13)
        assert image[:, 0] @ image[:, 2] <= image[:, 1] @ image[:, 2] + 1e-11


def candidates(bias: str) -> np.ndarray:
    """The theory notebook's four: first ignored, last ignored, first two antipodal, last two antipodal."""
    p, r = DENSITY[:, None], IMPORTANCE
    ignored = p / 3 - (p**2 / 4 if bias == "per-feature" else 0)
    return np.stack([ignored + 0 * r, r * ignored, p**2 / 3 + 0 * r, (1 + r) * p**2 / 6])


def test_never_above_the_candidates(diagram: PhaseDiagram) -> None:
    assert np.all(diagram.loss <= candidates(diagram.bias).min(0) * (1 + TIGHT))


def pair_loss(density: float, importance: float) -> float:
    return float(find_minima(ToyModel.from_density(density, importance, "per-feature")).minima[0].loss)


def test_never_above_a_pair_and_a_feature_by_itself() -> None:
    """With a bias per feature a pair in one dimension, a feature by itself in the other: exactly the pair's loss."""
    diagram = phase_diagram(features=3, hidden=2, density=DENSITY, importance=IMPORTANCE, bias="per-feature")
    for i, j in np.ndindex(diagram.loss.shape):
        pairs = [pair_loss(DENSITY[i], r) for r in (1.0, IMPORTANCE[j])]
        assert diagram.loss[i, j] <= min(pairs) * (1 + TIGHT)
        if diagram.phase[i, j] in ("digon", "single", "not represented"):
            assert diagram.loss[i, j] == pytest.approx(min(pairs), rel=1e-11)


@pytest.mark.parametrize(("i", "j"), [(0, 1), (1, 1), (2, 0), (2, 3), (3, 3), (3, 4)])
def test_pixels_agree_with_a_search(diagram: PhaseDiagram, i: int, j: int) -> None:
    model = model_at(diagram, i, j)
    found = search_minima(model, starts=100, progress=False)
    assert diagram.loss[i, j] == pytest.approx(found.global_minimum.loss, abs=TIGHT * model.silent_loss)
    assert diagram.n_minima[i, j] >= sum(minimum.hits > 2 for minimum in found)


def test_phases(diagram: PhaseDiagram) -> None:
    assert diagram.phase[2, 0] == "not represented"
    assert diagram.phase[1, 1] == "digon"
    assert diagram.phase[1, 4] == "single"
    assert diagram.phase[2, 2] == ("digon" if without_bias(diagram) else "triangle")


def test_ties_at_equal_importance_have_no_gap(diagram: PhaseDiagram) -> None:
    """At r = 1 the digon can be any of three pairs: two points modulo the exchange of features 1 and 2."""
    assert diagram.gap[1, 2] == pytest.approx(0, abs=1e-13)
    assert diagram.n_minima[1, 2] >= 2


def test_files_give_back_what_was_saved(diagram: PhaseDiagram, tmp_path) -> None:
    for suffix in ("npz", "csv"):
        diagram.save(tmp_path / f"d.{suffix}")
        assert same(PhaseDiagram.load(tmp_path / f"d.{suffix}"), diagram)


def test_results_do_not_depend_on_the_executor() -> None:
    grid: dict[str, Any] = {"density": [0.5, 0.6], "importance": [0.9, 1.1]}
    seen: list[tuple[float, float]] = []
    one = phase_diagram(features=3, hidden=2, **grid, bias="none", progress=lambda *now: seen.append(now))
    with ProcessPoolExecutor(1) as executor:
        assert same(phase_diagram(features=3, hidden=2, **grid, bias="none", executor=executor), one)
    assert seen[-1][0] == seen[-1][1]


def test_what_a_notebook_shows(diagram: PhaseDiagram) -> None:
    assert repr(diagram).startswith("PhaseDiagram(features=3, hidden=2, bias=")
    assert diagram._repr_html_().startswith("<img")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"features": 3}, "phase diagrams are of 2 features in 1 or 3 in 2 hidden units, got 3 in 1"),
        ({"features": 4, "hidden": 2}, "got 4 in 2"),
        ({"features": 2.5, "hidden": 2}, "features must be a whole number"),
        ({"features": 3, "hidden": 2, "density": np.linspace(0.1, 1, 400), "importance": np.linspace(1, 2, 400)},
         "at most 90,000 grid points"),
    ],
)  # fmt: skip
def test_other_sizes_are_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        phase_diagram(**{"bias": "none", **arguments})
