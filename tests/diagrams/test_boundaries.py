"""Boundaries: every change of a grid is explained, every curve does what it says, every end is a named point."""

from __future__ import annotations

import csv
import json
from typing import Any

import matplotlib.pyplot as plt
import mpmath
import numpy as np
import pytest
import sympy as sp
from diagrams.changes import edges, unexplained_counts, unexplained_jumps

from analytic import ToyModel, find_stationary_points, phase_boundaries, phase_diagram
from analytic.diagrams.boundaries import Boundary, PhaseBoundaries
from analytic.diagrams.events import Event
from analytic.landscape.records import Landscape, StationaryPoint
from analytic.loss import kernels
from analytic.models.bias import Bias

#: How far to step off a curve, in log density and log importance.
_OFF = 1e-4


@pytest.fixture(scope="module", params=list(Bias))
def boundaries(request: pytest.FixtureRequest) -> PhaseBoundaries:
    return phase_boundaries(request.param, progress=False)


@pytest.fixture(scope="module")
def unbiased() -> PhaseBoundaries:
    return phase_boundaries("none")


def grid(density: int, importance: int) -> dict[str, Any]:
    """Just inside the plane, so that no line of the grid is a border; even, so that importance 1 is between two."""
    return {"density": np.geomspace(0.0101, 0.999, density), "importance": np.geomspace(0.101, 9.9, importance)}


def test_every_change_of_a_small_grid_is_explained(boundaries: PhaseBoundaries) -> None:
    diagram = phase_diagram(**grid(24, 20), bias=boundaries.bias, progress=False)
    assert np.ptp(diagram.n_minima) > 0
    assert unexplained_counts(boundaries, diagram) == []


@pytest.mark.slow
def test_every_change_of_a_fine_grid_is_explained(boundaries: PhaseBoundaries) -> None:
    """Minima gained and lost, as an equality on each of 35,730 edges, and jumps of the best minimum."""
    diagram = phase_diagram(**grid(150, 120), bias=boundaries.bias, progress=False)
    assert unexplained_counts(boundaries, diagram) == []
    assert unexplained_jumps(boundaries, diagram, 0.2) == []


def test_leaving_out_a_curve_is_noticed(boundaries: PhaseBoundaries) -> None:
    """The check of the grid has teeth: without the longest curve that gains minima, changes remain."""
    gaining = [curve for curve in boundaries.curves if curve.gain]
    longest = max(gaining, key=lambda curve: float(np.ptp(np.log(curve.density))))
    rest = PhaseBoundaries(boundaries.bias, tuple(c for c in boundaries.curves if c is not longest), boundaries.points)
    axes = grid(24, 20).values()
    full, less = ([edge.gain for edge in edges(each, *axes)] for each in (boundaries, rest))
    assert full != less


def test_there_are_no_loose_ends(boundaries: PhaseBoundaries) -> None:
    for curve in boundaries.curves:
        for k, end in ((0, curve.ends[0]), (-1, curve.ends[1])):
            assert end.name != "followed no further", curve
            place = np.log([float(end.density), float(end.importance)])
            assert np.abs(place - np.log([curve.density[k], curve.importance[k]])).max() < 3e-6, curve
            if end.is_border:
                assert {float(end.density), float(end.importance)} & {0.01, 1.0, 0.1, 10.0} or np.isclose(
                    [float(end.density), float(end.importance), float(end.importance)], [0.01, 0.1, 10], rtol=1e-9
                ).any(), curve


def both_sides(bias: Bias, curve: Boundary, k: int, off: float) -> list:
    """The landscapes on the left and on the right of the k-th point of a curve."""
    place = np.log([curve.importance, curve.density])
    along = place[:, k + 1] - place[:, k - 1]
    left = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    steps = (np.exp(place[:, k] + sign * off * left) for sign in (1, -1))
    return [find_stationary_points(ToyModel.from_density(float(min(p, 1)), float(r), bias)) for r, p in steps]


def middle_points(curve: Boundary) -> list[int]:
    size = curve.density.size
    return sorted({max(1, size // 4), size // 2, min(size - 2, 3 * size // 4)})


def phases(points) -> list[str]:
    return sorted(point.phase for point in points)


def test_minima_on_both_sides_are_those_claimed(boundaries: PhaseBoundaries) -> None:
    """What is on the left beyond the right is `left`, and the other way round."""
    for curve in boundaries.curves:
        if curve.kind in (Event.FIRST_ORDER, Event.EXACT_TIE):
            continue
        for k in middle_points(curve):
            sides = both_sides(boundaries.bias, curve, k, off_curve(boundaries, curve, k))
            left, right = (phases(side.minima) for side in sides)
            for phase in curve.left:
                left.remove(phase)
            for phase in curve.right:
                right.remove(phase)
            assert left == right, (curve, curve.density[k], curve.importance[k])


def off_curve(boundaries: PhaseBoundaries, curve: Boundary, k: int) -> float:
    """A step off a curve that crosses no other one."""
    place = np.log([curve.density[k], curve.importance[k]])
    others = [np.log([c.density, c.importance]).T for c in boundaries.curves if c is not curve]
    nearest = min(_distance(place, polyline) for polyline in others)
    return min(_OFF, nearest / 3)


def _distance(place: np.ndarray, polyline: np.ndarray) -> float:
    steps = np.diff(polyline, axis=0)
    share = np.clip(((place - polyline[:-1]) * steps).sum(1) / np.maximum((steps**2).sum(1), 1e-300), 0, 1)
    return float(np.linalg.norm(polyline[:-1] + share[:, None] * steps - place, axis=1).min())


def best(landscape: Landscape) -> StationaryPoint:
    """The best minimum, the antipodal one where a confused one ties with it exactly."""
    least = landscape.minima[0].loss
    return min((z for z in landscape.minima if z.loss <= least + 1e-14), key=lambda z: z.W[0] * z.W[1])


def test_the_best_minimum_jumps_across_first_order_lines(boundaries: PhaseBoundaries) -> None:
    for curve in boundaries.curves:
        if curve.kind is not Event.FIRST_ORDER:
            continue
        assert not curve.continuous
        for k in middle_points(curve):
            sides = both_sides(boundaries.bias, curve, k, 1e-5)
            left, right = map(best, sides)
            assert (left.phase, right.phase) == (*curve.left, *curve.right), (curve, curve.density[k])
            assert np.abs(left.W - right.W).max() > 100 * 1e-5


def test_curves_lie_on_stationary_points(boundaries: PhaseBoundaries) -> None:
    """Gradients at the points that a curve is about, relative to density, from the public model."""
    for curve in boundaries.curves:
        for k in range(0, len(curve.density), 7):
            model = ToyModel.from_density(float(min(curve.density[k], 1)), float(curve.importance[k]), boundaries.bias)
            for W, b in zip(curve.W[k], curve.b[k], strict=True):
                bias = {"none": None, "shared": b[0] if b.size else None}.get(str(boundaries.bias), b)
                gradient = np.concatenate(
                    [np.atleast_1d(part).ravel() for part in model.gradient(W, bias) if part is not None]
                )
                assert np.abs(gradient).max() < 1e-9 * curve.density[k] * max(1, curve.importance[k]), curve


def test_exchanging_the_features_mirrors_the_curves(boundaries: PhaseBoundaries) -> None:
    images = sorted((c.kind, *np.round(1 / c.importance[[0, -1]], 9), c.gain) for c in boundaries.curves)
    own = sorted((c.kind, *np.round(c.importance[[-1, 0]], 9), c.gain) for c in boundaries.curves)
    for image, curve in zip(images, own, strict=True):
        assert image[0] == curve[0]
        assert np.allclose(image[1:3], curve[1:3], rtol=1e-6)


def test_known_points_with_bias() -> None:
    """Computed before by following the tie and the instability alone."""
    known: dict[Bias, list[tuple[str, float, float]]] = {
        Bias.SHARED: [("first-order line meets the instability", 0.6201751713, 0.3650652968)],
        Bias.PER_FEATURE: [
            ("first-order line meets the instability", 0.5117414702, 0.5641398166),
            ("first-order line reaches equal importance", 0.7064036927, 1.0),
        ],
    }
    for bias, rows in known.items():
        points = phase_boundaries(bias, progress=False).points
        for name, density, importance in rows:
            found = [(float(p.density), float(p.importance)) for p in points if p.name == name]
            assert any(np.allclose(each, (density, importance), rtol=0, atol=2e-10) for each in found), (name, found)


def test_where_the_first_order_line_meets_the_instability() -> None:
    """There the dedicated point ties with the antipodal minimum: r = (4 - 3p)/(4 + 3p) for a shared bias."""
    points = phase_boundaries("shared", progress=False).points
    point = next(p for p in points if p.name == "first-order line meets the instability")
    density = float(point.density)
    assert abs(float(point.importance) - (4 - 3 * density) / (4 + 3 * density)) < 1e-10


def test_instability_as_an_exact_expression(boundaries: PhaseBoundaries) -> None:
    """The coefficients in the importance, with a SymPy symbol for the density, vanish on the curve."""
    p = sp.Symbol("p", positive=True)
    for curve in boundaries.curves:
        if curve.kind is Event.INSTABILITY:
            assert curve.polynomial is not None
            coefficients = [sp.lambdify(p, c) for c in curve.polynomial(p)]
            values = [c(curve.density) * curve.importance**k for k, c in enumerate(coefficients)]
            assert np.abs(sum(values)).max() < 1e-11 * np.abs(values).max()


def test_polynomials_vanish_on_their_curves_and_points(unbiased: PhaseBoundaries) -> None:
    for curve in unbiased.curves:
        if curve.polynomial is None:
            continue
        with mpmath.workdps(60):
            for p, r in list(zip(curve.density, curve.importance, strict=True))[::9]:
                terms = [c * mpmath.mpf(r) ** k for k, c in enumerate(curve.polynomial(mpmath.mpf(p)))]
                assert abs(sum(terms)) < 1e-9 * sum(map(abs, terms))
    end = next(point for point in unbiased.points if point.name == "fold ends at density 1")
    with mpmath.workdps(50):
        value = sum(c * end.importance**k for k, c in enumerate(kernels.fold_polynomial(1)))
        size = sum(abs(c) * end.importance**k for k, c in enumerate(kernels.fold_polynomial(1)))
        assert abs(value) < mpmath.mpf(10) ** -28 * size


def test_tie_at_equal_importance_in_closed_form(unbiased: PhaseBoundaries) -> None:
    """Equal losses p/3 - p^2/4 and 2 p/3 - p (8 - 5 p)^2 / (24 (4 - 3 p)): 43 p^2 - 80 p + 32 = 0."""
    p = (40 - 4 * sp.sqrt(14)) / 43
    antipodal = sp.Rational(2, 3) * p - p * (8 - 5 * p) ** 2 / (24 * (4 - 3 * p))
    assert sp.simplify(antipodal - (p / 3 - p**2 / 4)) == 0
    with mpmath.workdps(40):
        assert abs(unbiased.points[0].density - mpmath.mpf(str(sp.N(p, 40)))) < mpmath.mpf(10) ** -30


def test_slope_of_the_tie_at_the_origin(unbiased: PhaseBoundaries) -> None:
    points = {point.name: point for point in unbiased.points}
    with mpmath.workdps(40):
        closed = (2 + mpmath.sqrt(2)) / 8
        assert abs(points["origin: slope r/p of the tie"].importance - closed) < mpmath.mpf(10) ** -30


def test_files_and_representations(unbiased: PhaseBoundaries, tmp_path) -> None:
    assert len(repr(unbiased)) < 200
    assert "first-order" in repr(unbiased)
    assert unbiased._repr_html_().startswith("<img")
    unbiased.save(tmp_path / "b.json")
    data = json.loads((tmp_path / "b.json").read_text())
    assert data["curves"][0]["density"] == unbiased.curves[0].density.tolist()
    assert data["points"][0]["density"].startswith("0.58217140588")
    unbiased.save(tmp_path / "b.csv")
    rows = list(csv.DictReader((tmp_path / "b.csv").read_text().splitlines()))
    assert len(rows) == sum(len(curve.density) for curve in unbiased.curves)
    with pytest.raises(ValueError, match=r"must end in \.json or \.csv"):
        unbiased.save(tmp_path / "b.txt")


def test_pictures_have_limits_on_empty_and_on_used_axes(unbiased: PhaseBoundaries) -> None:
    """Also on axes that are logarithmic already and hold nothing."""
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log")
    unbiased.plot(ax)
    assert np.allclose([*ax.get_xlim(), ax.get_ylim()[1]], [0.1, 10, 1])
    diagram = phase_diagram(density=[0.2, 0.5, 0.9], importance=[0.5, 1.0, 2.0], bias="none")
    used = unbiased.plot(diagram.plot())
    assert used.get_xlim() == (0.5, 2.0)
    plt.close("all")


def test_spans() -> None:
    """Importances on one side of 1 only, and a narrower range of densities."""
    part = phase_boundaries("none", importance=(2, 5), density=(0.3, 0.9))
    assert {curve.kind for curve in part.curves} == {Event.FIRST_ORDER, Event.FOLD, Event.INSTABILITY}
    for curve in part.curves:
        assert curve.importance.min() >= 2 * (1 - 1e-9)
        assert curve.importance.max() <= 5 * (1 + 1e-9)
        assert 0.3 * (1 - 1e-9) <= curve.density.min() <= curve.density.max() <= 0.9 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"importance": 0.5}, r"importance must be a pair \(low, high\), got 0.5"),
        ({"density": (0.5, 2)}, "density must be a pair 0 < low < high <= 1"),
        ({"bias": "shared", "digits": 20}, "digits must be None for a model with bias"),
        ({"bias": "all"}, "bias must be one of"),
    ],
)
def test_bad_arguments(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        phase_boundaries(**{"bias": "none", **arguments})
