"""Where the best minimum of three features in two dimensions jumps, against the smallest model and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import ReluOutputModel, ToyModel, find_minima, phase_diagram, search_minima
from analytic.diagrams.crossings import Crossings, crossings, tie
from analytic.models.bias import BiasLike


@pytest.fixture(scope="module")
def found() -> Crossings:
    diagram = phase_diagram(
        features=3, hidden=2, density=[0.2, 0.4, 0.68, 0.72], importance=[0.1, 0.5, 2.0], bias="per-feature"
    )
    return crossings(diagram)


def test_the_pair_changes_places_at_equal_importance(found: Crossings) -> None:
    """For r < 1 the last feature is in the digon, for r > 1 it is by itself: the losses are P(p, r) and P(p, 1)."""
    np.testing.assert_allclose(found.across[:2, 1], 1, rtol=1e-12)


def test_leaving_the_last_feature_out_ties_where_it_does_for_the_pair(found: Crossings) -> None:
    ties = [(p, r) for p, r in zip(found.density, found.across[:, 0], strict=True) if np.isfinite(r)]
    assert len(ties) == 2
    for density, importance in ties:
        minima = find_minima(ToyModel.from_density(density, importance, "per-feature")).minima
        assert minima[1].loss - minima[0].loss <= 1e-13
        assert [minimum.phase for minimum in minima[:2]] != ["antipodal", "antipodal"]


def test_the_digon_of_equal_features_jumps_where_the_pair_does(found: Crossings) -> None:
    """Between two antipodal minima of the pair, at density 0.7064036927 and importance 1 (scripts/findings.md, 7)."""
    assert found.down[2, 2] == pytest.approx(0.7064036927, abs=1e-10)


def test_points_and_segments(found: Crossings) -> None:
    count = int(np.isfinite(found.across).sum() + np.isfinite(found.down).sum())
    assert found.points().shape == (count, 2)
    assert found.segments().shape[1:] == (2, 2)
    points = {tuple(point) for point in found.points()}
    assert sum(tuple(end) in points for segment in found.segments() for end in segment) >= len(found.segments())


@pytest.mark.parametrize("bias", ["none", "per-feature"])
def test_no_tie_on_one_branch(bias: BiasLike) -> None:
    def model(t: float) -> ReluOutputModel:
        return ReluOutputModel.from_density(3, 2, 0.2 + 0.05 * t, (1, 1, 0.5), bias)

    ends = [search_minima(model(t), starts=20, progress=False).global_minimum for t in (0.0, 1.0)]
    minima = [(end.W, np.zeros(0) if end.b is None else end.b) for end in ends]
    assert np.isnan(tie(model, *minima)).all()
