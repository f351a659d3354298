"""Groups of features in orthogonal subspaces, with independent features and a bias per feature: their losses add.

h_i sees only the features of its own group, so each output is one of the group's model, and the loss is a sum over
outputs. Permutations of features that are alike leave the loss as it is, so they permute stationary points and minima.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.linalg import block_diag

from analytic import ReluOutputModel, ToyModel, find_minima, search_minima

EPS = float(np.finfo(float).eps)


def test_losses_of_orthogonal_groups_add() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        density, importance = rng.uniform(0.1, 1, 5), rng.uniform(0.1, 2, 5)
        groups = [slice(0, 3), slice(3, 5)]
        W, b = [rng.normal(size=(2, 3)), rng.normal(size=(1, 2))], rng.normal(size=5) / 3
        parts = [
            ReluOutputModel.from_density(w.shape[1], len(w), density[at], importance[at]).loss(w, b[at])
            for w, at in zip(W, groups, strict=True)
        ]
        whole = ReluOutputModel.from_density(5, 3, density, importance).loss(block_diag(*W), b)
        assert whole == pytest.approx(sum(parts), rel=16 * EPS)


@pytest.mark.parametrize(("density", "importance"), [(0.05, 1.0), (0.3, 0.6), (0.5, 1.0), (0.6, 0.8)])
def test_a_digon_in_a_larger_model_is_the_antipodal_minimum_of_the_pair(density: float, importance: float) -> None:
    minima = find_minima(ToyModel.from_density(density, importance, "per-feature")).minima
    pair = next(each for each in minima if each.phase == "antipodal")
    model = ReluOutputModel.from_density(3, 2, density, (1, 1, importance))
    W = np.array([[pair.W[0], 0, pair.W[1]], [0, 1, 0]])
    loss, by_W, by_b = model.loss_and_gradient(W, [pair.b[0], 0, pair.b[1]])
    assert loss == pytest.approx(pair.loss, rel=1e-12)
    assert max(np.abs(by_W).max(), np.abs(by_b).max()) <= 1e-12


def test_permutations_of_features_that_are_alike_permute_minima() -> None:
    model = ReluOutputModel.from_density(3, 2, 0.55, (1, 1, 1))
    for minimum in search_minima(model, starts=40, progress=False):
        for order in permutations(range(3)):
            loss, by_W, by_b = model.loss_and_gradient(minimum.W[:, order], minimum.b[list(order)])
            assert loss == pytest.approx(minimum.loss, rel=16 * EPS)
            assert max(np.abs(by_W).max(), np.abs(by_b).max()) <= 1e-12
