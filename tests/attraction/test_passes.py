"""Mountain passes: against the complete lists of the smallest model, and against a flood of its plane of weights."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path

from analytic import ReluOutputModel, ToyModel, find_stationary_points, mountain_passes, search_minima
from analytic.landscape.records import StationaryPoint

PAIR = ToyModel.from_density(0.3, 0.8, bias="none")


@pytest.fixture(scope="module")
def pair():
    return mountain_passes(search_minima(PAIR, starts=60), starts=20)


def flooded(model: ToyModel, first: np.ndarray, second: np.ndarray, step: float) -> float:
    """The least height of a way between two points of the plane of weights, on a lattice: a minimax path is one in a
    minimum spanning tree of the graph whose edges weigh as much as the higher of their ends."""
    axis = np.arange(-1.4, 1.4 + step, step)
    loss = model.loss(np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1))
    number = np.arange(loss.size).reshape(loss.shape)
    edges = [(number[1:], number[:-1]), (number[:, 1:], number[:, :-1]), (number[1:, 1:], number[:-1, :-1])]
    rows, columns = (np.concatenate([np.ravel(edge[k]) for edge in edges]) for k in (0, 1))
    weights = np.maximum(loss.flat[rows], loss.flat[columns])
    tree = minimum_spanning_tree(coo_matrix((weights, (rows, columns)), shape=(loss.size, loss.size)))
    start, end = (number[tuple(np.abs(axis - w).argmin() for w in point)] for point in (first, second))
    before = shortest_path(tree, directed=False, indices=start, return_predecessors=True)[1]
    top, here = -np.inf, end
    while here >= 0:
        top, here = max(top, loss.flat[here]), before[here]
    return float(top)


def test_heights_are_those_of_a_flood(pair) -> None:
    """On a lattice of step h the height is off by at most the curvature times h^2."""
    first, second = pair.minima
    points = [np.asarray(each.W[0]) for each in (first, second)]
    copies = [sign * points[1] for sign in (1, -1)]
    height = min(flooded(PAIR, points[0], each, 0.005) for each in copies)
    assert first.loss + pair.barrier(0, 1) == pytest.approx(height, abs=3e-5)
    assert pair.barrier(0, 1) > 0.001


def test_saddles_of_the_pair_are_on_its_complete_list(pair) -> None:
    known = [point for point in find_stationary_points(PAIR) if isinstance(point, StationaryPoint)]
    saddles = sorted(
        point.loss for point in known if point.kind == "saddle" and point.loss < PAIR.loss([0.0, 0.0]) - 1e-9
    )
    assert pair.unresolved == 0
    np.testing.assert_allclose([each.saddle.loss for each in pair.passes], saddles, atol=1e-13)
    np.testing.assert_allclose(
        [each.loss for each in pair.minima], sorted(p.loss for p in known if p.kind == "minimum"), atol=1e-13
    )


def test_heights_are_consistent(pair) -> None:
    gap = pair.minima[1].loss - pair.minima[0].loss
    assert pair.barrier(0, 1) == pytest.approx(gap + pair.barrier(1, 0), abs=1e-15)
    assert pair.barrier(1, 1) == 0
    assert pair.barrier_down(0) == np.inf
    assert pair.barrier_down(1) == pair.barrier(1, 0)
    assert pair.barrier_out(1) <= pair.barrier_down(1)
    assert "lowest pass out" in str(pair)


def test_points_near_a_minimum_belong_to_it() -> None:
    model = ReluOutputModel.from_density(3, 1, 0.1, (1, 0.7, 0.5))
    passes = mountain_passes(search_minima(model, starts=40), starts=4)
    assert {k for each in passes.passes for k in each.ends} <= set(range(len(passes.minima)))
    W, b = (np.array([getattr(each, name) for each in passes.minima]) for name in ("W", "b"))
    np.testing.assert_array_equal(passes.identify(-W, b), np.arange(len(W)))
    assert passes.identify(W[0] + 1e-4, b[0]) == 0
    assert passes.identify(np.zeros((1, 3)), np.full(3, -9.0)) == -1


def test_what_is_no_search_is_refused() -> None:
    with pytest.raises(TypeError, match="found must be what search_minima returns"):
        mountain_passes(PAIR)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="starts must be a whole number"):
        mountain_passes(search_minima(PAIR, starts=2), starts=0)
