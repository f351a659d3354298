"""Every stationary point of extreme models: densities and importances over twelve decades, correlated features.

Nothing that an independent search finds is missing (`routes.scaled_search`), and the indices always add up: the package
warns where they do not, and warnings are errors here.
"""

from __future__ import annotations

import numpy as np
import pytest
from routes.scaled_search import as_vector, ends, extreme_model

from analytic import ToyModel, find_stationary_points
from analytic.models.bias import Bias

BIASED = [Bias.PER_FEATURE, Bias.SHARED]


def differ(found, z):
    """How far apart two points are, relative to each weight, and to the squares of the weights for the biases."""
    if np.any(np.sign(found[:2]) != np.sign(z[:2])):
        return np.inf
    weights = np.abs(np.log(found[:2] / z[:2])).max()
    return max(weights, np.abs(found[2:] - z[2:]).max() / max(z[:2] ** 2))


def misses(seed, bias, starts):
    """Ends of the independent search that are not listed."""
    values = extreme_model(seed)
    first, second, p00, p10, p01, p11 = values
    model = ToyModel.from_patterns(p00, p10, p01, p11, (first, second), bias)
    if 0 in model.exact_density:
        return []
    points = [np.array([*p.W, *np.ravel(p.b)]) for p in find_stationary_points(model) if p.W[0] * p.W[1] != 0]
    shared = bias == "shared"
    found = [as_vector(sign, u, shared) for sign, u in ends(values, shared, starts, seed)]
    return [z for z in found if all(differ(point, z) > 1e-4 for point in points)]


@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_missing_in_a_few_extreme_models(seed, bias):
    assert misses(seed, bias, starts=20) == []


@pytest.mark.slow
@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize("block", range(20))
def test_nothing_is_missing_in_a_thousand_extreme_models(block, bias):
    for seed in range(50 * block, 50 * block + 50):
        assert misses(seed, bias, starts=400) == [], seed


def test_two_antipodal_saddles_of_strongly_correlated_features():
    """Their indices cancel, so nothing but a search sees that one of a pair is missing."""
    values = 0.8059595763751614, 0.1374879029985847, 0.0, 0.05655252062625391
    model = ToyModel.from_patterns(*values, importance=(0.28436746586254713, 7.145492320092759))
    antipodal = [p.W for p in find_stationary_points(model).saddles if p.phase == "antipodal"]
    for W in ([0.182, -0.0625], [0.355, -0.120]):
        assert sum(np.abs(point - W).max() < 1e-3 for point in antipodal) == 1


@pytest.mark.parametrize("exponent", [-9, -12, -15])
@pytest.mark.parametrize("bias", BIASED)
def test_points_that_approach_an_axis_with_the_ratio_of_importances(bias, exponent):
    """The unimportant feature's weight is of the order of the ratio; the indices add up all the way."""
    model = ToyModel.from_patterns(0.5, 0.2, 0.1, 0.2, importance=(1.0, 10.0**exponent), bias=bias)
    points = [p for p in find_stationary_points(model) if p.W[0] * p.W[1] != 0]
    assert min(abs(p.W[1] / p.W[0]) for p in points) < 10.0 ** (exponent + 1)
