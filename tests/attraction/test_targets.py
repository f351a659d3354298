"""Distances from targets: zero for members and only for them, and which flat set a point belongs to."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import ToyModel, find_stationary_points
from analytic.attraction.destinations import destinations
from analytic.attraction.targets import describe, distance, targets, ties
from analytic.landscape.records import Family, FlatSet

MODEL = ToyModel.from_density(0.3, 0.7)
MEMBERS: dict[tuple[Family, int | None], list[tuple[float, ...]]] = {
    (Family.DEAD, None): [(0, 0, -1, -1), (1, -1, -2, -1), (2, 1, -7, -4)],
    (Family.PERFECT, 0): [(1, 0, 0, -0.5), (-1, 0, 0, -3)],
    (Family.PERFECT, 1): [(0, 1, -0.5, 0), (0, -1, -3, 0)],
    (Family.CONSTANT, 0): [(0, 5, 0.15, -26), (0, -2, 0.15, -4)],
    (Family.CONSTANT, 1): [(5, 0, -26, 0.15), (-2, 0, -4, 0.15)],
}


def flat_ends(model: ToyModel) -> list[FlatSet]:
    return [end for end in find_stationary_points(model).ends if isinstance(end, FlatSet)]


@pytest.mark.parametrize("point", [(key, point) for key, points in MEMBERS.items() for point in points])
def test_a_member_has_distance_zero_from_its_own_set_only(point):
    key, theta = point
    at = [target for target in flat_ends(MODEL) if distance(MODEL, target, np.array(theta, float)) == 0]
    assert [(target.family, target.live) for target in at] == [key]
    assert at[0].contains(theta[:2], theta[2:])


@pytest.mark.parametrize("point", [(key, point) for key, points in MEMBERS.items() for point in points])
def test_a_member_is_where_it_ends(point):
    # W = 0, b = (-1, -1) was said to be heading for "constant at the mean", and a member of that set to go nowhere
    key, theta = point
    (end,) = destinations(MODEL, [theta])
    assert isinstance(end, FlatSet)
    assert (end.family, end.live) == key


def test_distance_zero_means_member_or_border():
    rng = np.random.default_rng(0)
    starts = rng.normal(size=(3000, 4)) * np.where(rng.random((3000, 4)) < 0.4, 0, 1)
    starts[:, 2:] -= rng.choice([0, 5], size=(3000, 2))
    starts[rng.random(3000) < 0.3, 0] = 1
    starts[rng.random(3000) < 0.3, 2] = 0
    seen = 0
    for target in flat_ends(MODEL):
        zero = distance(MODEL, target, starts) == 0
        member = np.array([target.contains(theta[:2], theta[2:]) for theta in starts])
        assert not np.any(member & ~zero)
        border = np.any((starts[:, :2] == 0) & (starts[:, 2:] == 0), axis=1)
        assert np.all(member | ~zero | border)
        seen += int(member.sum())
    assert seen > 100


def test_features_that_exclude_each_other_have_a_larger_set():
    model = ToyModel.from_patterns(0.4, 0.3, 0.3, 0.0, importance=0.5)
    (perfect,) = (end for end in flat_ends(model) if end.family is Family.PERFECT and end.live == 0)
    assert distance(model, perfect, np.array([1.0, -0.5, 0.0, -0.3])) == 0
    assert distance(model, perfect, np.array([1.0, 0.5, 0.0, -2.0])) == pytest.approx(0.5)
    assert distance(model, perfect, np.array([1.0, -0.5, 0.0, -0.2])) == pytest.approx(0.05)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_ties_are_relative_to_the_loss(scale):
    # once 1e-12, absolutely: with importances of 1e-9 every minimum was "global"
    model = ToyModel.from_density(0.5, (scale, 0.6 * scale))
    losses = [float(target.loss) for target in targets(find_stationary_points(model))]
    assert [ties(model, loss - losses[0]) for loss in losses] == [True] + [False] * (len(losses) - 1)


def test_descriptions_tell_targets_apart():
    names = [describe(target) for target in flat_ends(MODEL)]
    assert len(set(names)) == len(names) == 5
