"""The group acts: images have the same loss, orbits the right size, distances vanish on them."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import ToyModel
from analytic.models.bias import Bias
from analytic.models.symmetry import Symmetry, canonical, exchanged, negated, orbit, same

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("bias", Bias)
@pytest.mark.parametrize(
    "model", [ToyModel.from_density((0.3, 0.6), (0.7, 2.0)), ToyModel.from_patterns(0.4, 0.3, 0.2, 0.1, importance=3.0)]
)
def test_the_exchanged_model_has_the_loss_of_exchanged_weights(model: ToyModel, bias: Bias) -> None:
    model = ToyModel.from_patterns(*model.patterns, importance=model.importance, bias=bias)
    W, each = RNG.normal(size=2), RNG.normal(size=2) / 3
    b, other = {"none": (None, None), "shared": (0.2, 0.2), "per-feature": (each, each[::-1])}[bias]
    assert abs(model.loss(W, b) - model.exchanged.loss(W[::-1], other)) <= 1e-15 * (1 + model.loss(W, b))
    assert model.exchanged.exchanged == model
    assert not model.symmetric


def test_a_symmetric_model() -> None:
    model = ToyModel.from_patterns(0.5, 0.2, 0.2, 0.1)
    assert model.symmetric
    assert model.symmetry.alike == ((0, 1),)


def test_rows_of_the_pair() -> None:
    theta = RNG.normal(size=(5, 4))
    np.testing.assert_array_equal(negated(negated(theta)), theta)
    np.testing.assert_array_equal(exchanged(exchanged(theta)), theta)
    np.testing.assert_array_equal(canonical(negated(theta)), canonical(theta))
    assert (canonical(theta)[:, 0] > 0).all()
    assert canonical(np.array([0.0, -1.0, 2.0, 3.0])).tolist() == [0, 1, 2, 3]


def test_orbits_of_rows() -> None:
    theta = np.array([1.0, 2.0, 0.1, 0.2])
    np.testing.assert_array_equal(orbit(theta), [theta, negated(theta)])
    assert len(orbit(np.array([0.0, -0.0, 0.1, 0.2]))) == 1
    assert same(theta, negated(theta), 0.0)
    assert same(theta, theta + 1e-9, 1e-8)
    assert not same(theta, theta + 1e-7, 1e-8)
    assert not same(theta, exchanged(theta), 1e-3)


def test_points_are_matched_by_what_rotations_leave() -> None:
    group = Symmetry(2, ((0, 2, 3), (1,)))
    W, b = RNG.normal(size=(2, 4)), RNG.normal(size=4)
    G = W.T @ W
    for order in ([0, 1, 2, 3], [2, 1, 0, 3], [3, 1, 0, 2]):
        found = group.match((G, b), (G[np.ix_(order, order)], b[order]), 1e-12)
        assert found is not None
        np.testing.assert_array_equal(G[np.ix_(order, order)][np.ix_(found, found)], G)
    swapped = [1, 0, 2, 3]
    assert group.match((G, b), (G[np.ix_(swapped, swapped)], b[swapped]), 1e-6) is None
    assert group.match((G, b), (G + 1e-3, b), 1e-6) is None


def test_copies_are_counted_by_orbits() -> None:
    def copies(vectors: np.ndarray, alike: tuple[tuple[int, ...], ...]) -> int:
        return Symmetry(2, alike).copies(vectors.T @ vectors, np.zeros(vectors.shape[1]), 1e-9)

    everything = ((0, 1, 2, 3, 4),)
    angles = 2 * np.pi * np.arange(5) / 5
    pentagon = np.stack([np.cos(angles), np.sin(angles)])
    assert copies(pentagon, everything) == 12  # 5! orders over 10 symmetries of the pentagon
    digons = np.array([[1.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0, 0.0]])
    assert copies(digons, everything) == 15  # which one is left out, and three ways to pair the others
    assert copies(np.zeros((2, 5)), everything) == 1
    assert copies(RNG.normal(size=(2, 5)), everything) == 120
    assert copies(pentagon, tuple((i,) for i in range(5))) == 1
