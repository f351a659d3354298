"""The bias convention: an object that is also its name, and linear maps that are transposes of each other."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from analytic import ToyModel
from analytic.models.bias import Bias
from analytic.validation import InvalidValue

SIZES = [(2, 1), (3, 2), (5, 2)]


@pytest.mark.parametrize("bias", list(Bias))
def test_a_convention_is_its_name(bias: Bias) -> None:
    name = bias.value
    assert Bias.of(name) is bias
    assert bias == name
    assert {name: 1}[bias] == 1
    assert (f"{bias}", str(bias), repr(bias), json.dumps(bias)) == (name, name, repr(name), json.dumps(name))
    assert pickle.loads(pickle.dumps(ToyModel(bias=bias))).bias is bias


def test_other_names_are_refused() -> None:
    with pytest.raises(InvalidValue, match="bias must be one of 'none', 'shared', 'per-feature', got 'all'"):
        Bias.of("all")


@pytest.mark.parametrize(("features", "hidden"), SIZES)
@pytest.mark.parametrize("bias", list(Bias))
def test_embedding_and_its_transpose(bias: Bias, features: int, hidden: int) -> None:
    rng = np.random.default_rng(0)
    E = bias.embedding(features, hidden)
    weights = features * hidden
    assert E.shape == (weights + features, weights + len(bias.names(features)))
    theta, g = rng.normal(size=(7, E.shape[1])), rng.normal(size=(7, E.shape[0]))
    H = rng.normal(size=(7, E.shape[0], E.shape[0]))
    np.testing.assert_array_equal(bias.embed(theta, features, hidden), theta @ E.T)
    np.testing.assert_allclose(bias.gather(g, features, hidden), g @ E, rtol=1e-14)
    np.testing.assert_allclose(bias.gather_hessian(H, features, hidden), E.T @ H @ E, rtol=1e-13)


@pytest.mark.parametrize("bias", list(Bias))
def test_the_users_pair_and_back(bias: Bias) -> None:
    theta = np.random.default_rng(1).normal(size=(4, 2 + bias.size()))
    W, b = bias.weights_and_bias(theta)
    assert (b is None) == (bias is Bias.NONE)
    np.testing.assert_array_equal(bias.parameters(W, b), theta)
    np.testing.assert_array_equal(np.broadcast_to(bias.each(b), (4, 2)), bias.embed(theta)[:, 2:])


def test_a_bias_where_there_is_none_is_refused() -> None:
    with pytest.raises(InvalidValue, match="b must be None"):
        Bias.NONE.each(0.0)
