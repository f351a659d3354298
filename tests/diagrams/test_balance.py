"""Curves of a small window, whose coarse grid steps over a strip with a second antipodal minimum."""

from __future__ import annotations

from analytic import phase_boundaries
from analytic.diagrams.events import Event


def test_a_strip_between_all_points_of_the_grid_is_found() -> None:
    """A second antipodal minimum lives on densities 0.360 to 0.372, at importance 0.4: two folds, not one.

    Proofs of rectangles on both sides say so: the minima beside the fold at 0.360 differ by more than it explains.
    """
    found = phase_boundaries("per-feature", importance=(0.4, 0.9), density=(0.3, 0.5)).curves
    folds = [curve for curve in found if curve.kind is Event.FOLD and curve.importance[0] < 0.41]
    starts = sorted((round(float(curve.density[0]), 2), curve.gain) for curve in folds)
    assert starts == [(0.36, 1), (0.37, -1), (0.46, -1)]
