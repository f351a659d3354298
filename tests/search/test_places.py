"""Distances modulo rotations, permutations of features that are alike, and flat sets of dead outputs."""

from __future__ import annotations

import numpy as np
import pytest

from analytic.models.relu_output import ReluOutputModel
from analytic.search.distinct import distinct
from analytic.search.minimiser import Ends, Objective
from analytic.search.places import distance


def rotation(rng: np.random.Generator, size: int) -> np.ndarray:
    """Any orthogonal matrix, reflections among them."""
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


@pytest.mark.parametrize("bias", ["none", "shared", "per-feature"])
def test_an_image_has_distance_zero_and_noise_its_own_length_at_most(bias) -> None:
    rng, order = np.random.default_rng(0), [2, 1, 0, 4, 3]
    model = ReluOutputModel.from_density(5, 3, 0.1, (1.0, 0.5, 1.0, 0.7, 0.7), bias)  # 0 and 2, 3 and 4 are alike
    objective = Objective(model)
    target = rng.normal(size=15 + model.bias.size(5))
    W, b = objective.split(target)
    dealt = b[order] if b is not None and b.ndim else b
    image = objective.join(rotation(rng, 3) @ W[:, order], dealt)
    assert distance(objective, image, target) < 1e-7
    noise = 1e-3 * rng.normal(size=len(target))
    assert 0 < distance(objective, image + noise, target) <= np.linalg.norm(noise)
    other = objective.join(W[:, [1, 0, 2, 3, 4]], b)  # these two are not alike
    assert distance(objective, other, target) > 0.1


def test_without_rotations_to_make_it_is_euclidean() -> None:
    """All features differ, and W stays diagonal: no rotation brings two diagonals closer."""
    objective = Objective(ReluOutputModel.from_density(3, 3, 0.2, (1.0, 0.7, 0.4)))
    first = objective.join(np.diag([1.0, 0.8, 0.9]), np.array([0.1, 0.2, 0.3]))
    second = objective.join(np.diag([1.1, 0.7, 1.2]), np.array([0.0, 0.2, 0.3]))
    assert distance(objective, first, second) == pytest.approx(np.linalg.norm(first - second), rel=1e-12)


def test_members_of_a_flat_set_are_one_point() -> None:
    """Output 3 is dead: its bias may fall, and its weights in the direction that no live feature has are free."""
    objective = Objective(ReluOutputModel.from_density(3, 2, 0.2))
    W = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    turned = np.array([[0.0, 0.0, -0.4], [1.0, -1.0, 0.0]])
    theta = objective.join(np.stack([W, turned]), np.array([[0.0, 0.0, -0.1], [0.0, 0.0, -3.0]]))
    loss, _ = objective(theta)
    assert loss[0] == loss[1]
    assert len(distinct(objective, Ends(theta, loss, np.zeros(2)))) == 1
    assert distance(objective, theta[1], theta[0]) < 1e-12
    above = objective.join(W, np.array([0.0, 0.0, 0.2]))
    assert distance(objective, above, theta[0]) == pytest.approx(0.2)
