"""An atlas against curves: the two agree; a curve that is moved or left out, or a wrong cell, is noticed.

The atlas is drawn here from lists of stationary points, so that nothing is proved and nothing knows of the curves but
which cells are left open.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from analytic import Atlas, PhaseBoundaries, ToyModel, find_stationary_points, phase_boundaries
from analytic.diagrams.strips import against
from analytic.models.bias import Bias
from analytic.proofs.regions.lookup import Lookup
from analytic.proofs.regions.records import at_path
from analytic.proofs.regions.sheets import AtlasCell, Sheet
from analytic.validation import InvalidInput

SIDES = (0.35, 0.45), (0.45, 0.65)
PATHS = ["".join(letters) for letters in product(*(("pP", "rR") * 4))]


@cache
def curves() -> PhaseBoundaries:
    """A fold and an instability."""
    return phase_boundaries("shared", density=SIDES[0], importance=SIDES[1])


def drawn(open_paths: frozenset[str]) -> Atlas:
    cells = tuple(cell(path, path in open_paths) for path in PATHS)
    return Atlas(Bias.SHARED, *SIDES, 10.0, 0.01, (Sheet(SIDES, cells, 0.0),))


@cache
def cell(path: str, is_open: bool) -> AtlasCell:
    density, importance = at_path(SIDES, path)
    if is_open:
        return AtlasCell(path, density, importance, (), None, 0.0, "CROWDED")
    model = ToyModel.from_density(float(np.mean(density)), float(np.mean(importance)), "shared")
    points = list(find_stationary_points(model))
    named = tuple(sorted((point.kind, point.phase) for point in points))
    return AtlasCell(path, density, importance, named, points[0].phase, 0.01, "")


@cache
def honest() -> Atlas:
    """Open where a curve is."""
    everywhere = drawn(frozenset())
    crossed: set[str] = set()
    for curve in curves().curves:
        logs = np.log(np.stack([curve.density, curve.importance], axis=-1))
        found = Lookup(everywhere).at(np.exp(CubicSpline(logs[:, 1], logs)(np.linspace(logs[0, 1], logs[-1, 1], 9000))))
        crossed |= {everywhere.cells[i].path for i in found if i >= 0}
    return drawn(frozenset(crossed))


def test_curves_and_an_honest_atlas_agree() -> None:
    found = against(honest(), curves())
    assert found.consistent
    assert len(curves().curves) == 2
    assert [course.proved for course in found.courses] == [0, 0]
    assert all(course.confirmed >= 3 for course in found.courses)
    assert not found.empty
    assert {k for strip in found.strips for k in strip.curves} == {0, 1}


@pytest.mark.parametrize("kept", [0, 1])
def test_a_curve_that_is_left_out_is_missing(kept: int) -> None:
    """Beside the other one the minima do not change as it says alone."""
    found = against(honest(), replace(curves(), curves=(curves().curves[kept],)))
    assert not found.consistent
    assert len(found.courses[0].contradictions) >= 3


def test_without_curves_different_cells_hang_together() -> None:
    found = against(honest(), replace(curves(), curves=()))
    assert found.missing
    assert (found.courses, found.empty) == ((), found.strips)


def test_a_curve_that_is_moved_runs_through_proved_cells() -> None:
    moved = tuple(replace(curve, density=1.05 * curve.density) for curve in curves().curves)
    found = against(honest(), replace(curves(), curves=moved))
    assert max(course.proved for course in found.courses) > 0.05
    assert any(course.contradictions for course in found.courses)


def test_a_curve_with_its_sides_exchanged_is_contradicted() -> None:
    turned = tuple(replace(curve, left=curve.right, right=curve.left) for curve in curves().curves)
    found = against(honest(), replace(curves(), curves=turned))
    assert sum(len(course.contradictions) for course in found.courses) >= 6
    assert sum(course.confirmed for course in found.courses) == 0


def test_a_strip_without_a_curve_is_named() -> None:
    closed = [cell for cell in honest().cells if not cell.reason]
    lonely = next(
        k
        for k, cell in enumerate(honest().cells)
        if cell is max(closed, key=lambda cell: cell.density[0] / cell.importance[0])
    )
    opened = {cell.path for cell in honest().cells if cell.reason} | {honest().cells[lonely].path}
    (strip,) = against(drawn(frozenset(opened)), curves()).empty
    assert strip.cells.tolist() == [lonely]
    assert strip.reasons == ("CROWDED",)
    (p, q), (r, s) = honest().cells[lonely].sides
    assert strip.middle == (pytest.approx(np.sqrt(p * q)), pytest.approx(np.sqrt(r * s)))


def test_a_wrong_cell_is_found() -> None:
    """Number and kinds are changed in one proved cell that no curve meets."""
    wrong: list[Any] = list(honest().cells)
    k = next(k for k, cell in enumerate(wrong) if not cell.reason)
    wrong[k] = replace(wrong[k], points=wrong[k].points[1:])
    assert against(replace(honest(), sheets=(Sheet(SIDES, tuple(wrong), 0.0),)), curves()).missing


def test_another_convention_is_refused() -> None:
    with pytest.raises(InvalidInput, match="bias of the atlas"):
        against(honest(), phase_boundaries("none"))


def test_lookup() -> None:
    lookup, rng = Lookup(honest()), np.random.default_rng(0)
    places = np.stack([rng.uniform(0.3, 0.5, 500), rng.uniform(0.4, 0.7, 500)], axis=-1)
    for place, k in zip(places, lookup.at(places), strict=True):
        inside = [
            j
            for j, cell in enumerate(honest().cells)
            if all(low <= x <= high for x, (low, high) in zip(place, cell.sides, strict=True))
        ]
        assert inside == ([k] if k >= 0 else [])
