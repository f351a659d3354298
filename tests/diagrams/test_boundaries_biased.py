"""Boundaries with bias: on both sides of every curve the landscape differs as the curve says."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from analytic import ToyModel, find_stationary_points, phase_boundaries
from analytic.diagrams.boundaries import Boundary, PhaseBoundaries
from analytic.landscape.records import Landscape

#: How far to step off a curve, in log density and log importance. Two folds come as close as 5e-4 to each other.
_OFF = 1e-4


@pytest.fixture(scope="module", params=["per-feature", "shared"])
def boundaries(request: pytest.FixtureRequest) -> PhaseBoundaries:
    return phase_boundaries(request.param)


def both_sides(bias: str, curve: Boundary, k: int) -> tuple[Landscape, Landscape]:
    """The landscapes a small step off the k-th point of a curve, across it."""
    place = np.log([curve.density, curve.importance])
    along = place[:, k + 1] - place[:, k - 1]
    across = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    steps = (np.exp(place[:, k] + sign * _OFF * across) for sign in (-1, 1))
    one, other = (find_stationary_points(ToyModel.from_density(float(min(p, 1)), float(r), bias)) for p, r in steps)
    return one, other


def middle_points(curve: Boundary) -> list[int]:
    size = curve.density.size
    return sorted({max(1, size // 4), size // 2, min(size - 2, 3 * size // 4)}) if size > 6 else [size // 2]


def test_ties_change_the_best_minimum(boundaries: PhaseBoundaries) -> None:
    for curve in boundaries.curves:
        if curve.kind != "first-order":
            continue
        assert not curve.continuous
        for k in middle_points(curve):
            one, other = (side.minima[0] for side in both_sides(boundaries.bias, curve, k))
            assert np.abs(one.W - other.W).max() > 0.05, (curve.label, curve.density[k], curve.importance[k])


def test_folds_add_one_minimum_and_one_saddle(boundaries: PhaseBoundaries) -> None:
    for curve in boundaries.curves:
        if curve.kind != "fold":
            continue
        for k in middle_points(curve):
            one, other = both_sides(boundaries.bias, curve, k)
            kinds = [{p.phase: p.kind for p in side if p.phase.startswith("dedicated")} for side in (one, other)]
            if kinds[0] != kinds[1]:
                continue  # so close to an instability that the step crosses both curves
            phase = curve.label.split()[0]
            for group in ("minima", "saddles"):
                counts = [sum(point.phase == phase for point in getattr(side, group)) for side in (one, other)]
                assert abs(counts[0] - counts[1]) == 1, (curve.label, curve.density[k], curve.importance[k], group)


def test_instabilities_change_the_kind_of_the_dedicated_point(boundaries: PhaseBoundaries) -> None:
    for curve in boundaries.curves:
        if curve.kind != "instability":
            continue
        phase = "dedicated-1" if "feature 1" in curve.label else "dedicated-2"
        for k in middle_points(curve):
            kinds = {
                point.kind for side in both_sides(boundaries.bias, curve, k) for point in side if point.phase == phase
            }
            assert kinds == {"minimum", "saddle"}, (curve.label, curve.density[k], curve.importance[k])


def test_instability_as_an_exact_expression(boundaries: PhaseBoundaries) -> None:
    """The coefficients in the importance, with a SymPy symbol for the density, vanish on the curve."""
    curve = next(c for c in boundaries.curves if c.kind == "instability" and "feature 1" in c.label)
    p = sp.Symbol("p", positive=True)
    assert curve.polynomial is not None
    c0, c1 = curve.polynomial(p)
    for density, importance in list(zip(curve.density, curve.importance, strict=True))[::60]:
        value = float((c0 + c1 * importance).subs(p, density))
        assert abs(value) < 1e-12


def test_where_the_first_order_line_meets_the_instability(boundaries: PhaseBoundaries) -> None:
    """There the dedicated point ties with the antipodal minimum and is about to lose its stability."""
    point = next(p for p in boundaries.points if p.name == "first-order line meets the instability")
    density, importance = float(point.density), float(point.importance)
    landscape = find_stationary_points(ToyModel.from_density(density, importance * (1 - 1e-6), boundaries.bias))
    by_phase = {minimum.phase: minimum.loss for minimum in reversed(landscape.minima)}
    assert abs(by_phase["dedicated-1"] - by_phase["antipodal"]) < 1e-7
    if boundaries.bias == "shared":
        assert abs(importance - (4 - 3 * density) / (4 + 3 * density)) < 1e-10
