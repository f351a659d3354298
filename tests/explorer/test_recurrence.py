"""The exact loss of the page is that of the package, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from explorer.browser import Tab

from analytic import ReluOutputModel
from analytic.models.bias import BiasLike

BIASES: tuple[BiasLike, ...] = ("none", "shared", "per-feature")
#: What the page is asked: loss and gradient at every parameter vector of every model.
ANSWERS = """cases.map(({model, thetas}) => {
    const m = new $network_model.Model(model);
    return thetas.map((theta) => {
        const {loss, gradient} = m.lossAndGradient(Float64Array.from(theta));
        return [loss, m.loss(Float64Array.from(theta)), ...gradient];
    });
})"""


def parameters(model: ReluOutputModel, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
    """Random ones; in every third h vanishes at corners of the cube, in every sixth W has zeros, too."""
    size = 2 * model.features + {"none": 0, "shared": 1, "per-feature": model.features}[str(model.bias)]
    theta = rng.normal(size=(count, size)) * 10 ** rng.uniform(-2, 0.5, (count, 1))
    theta[::3] = np.round(2 * theta[::3]) / 2
    theta[::6] *= rng.random(theta[::6].shape) < 0.7
    return theta


def expected(model: ReluOutputModel, theta: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Loss, loss, gradient of Python, as the page gives them."""
    split = 2 * model.features
    W, rest = theta[:, :split].reshape(-1, 2, model.features), theta[:, split:]
    b = {"none": None, "shared": rest[:, :1].reshape(-1), "per-feature": rest}[str(model.bias)]
    loss, by_W, by_b = model.loss_and_gradient(W, b)
    columns = [loss[:, None], model.loss(W, b)[:, None], by_W.reshape(len(theta), -1)]
    if by_b is not None:
        columns.append(by_b.reshape(len(theta), -1))
    return np.hstack(columns)


def test_ten_thousand_points(script: Callable[..., Tab]) -> None:
    rng, cases, wanted = np.random.default_rng(7), [], []
    for features, count in ((2, 1000), (3, 1000), (4, 700), (5, 400), (6, 234)):
        for bias in BIASES:
            density, importance = float(rng.choice([1.0, rng.uniform(0.02, 1)])), rng.uniform(0.1, 2, features)
            model = ReluOutputModel.from_density(features, 2, density, importance=importance, bias=bias)
            theta = parameters(model, rng, count)
            given = {"features": features, "density": density, "importance": importance.tolist(), "bias": bias}
            cases.append({"model": given, "thetas": theta.tolist()})
            wanted.append(expected(model, theta))
    assert sum(map(len, wanted)) >= 10_000
    tab = script("network/model.js")
    answers = tab.evaluate(f"(() => {{ const cases = {json.dumps(cases)}; return {ANSWERS}; }})()")
    for answer, want in zip(answers, wanted, strict=True):
        np.testing.assert_array_equal(answer, want)


@pytest.mark.parametrize("bias", BIASES)
def test_parameters_are_split_and_joined(script: Callable[..., Tab], bias: BiasLike) -> None:
    tab = script("network/model.js")
    model = json.dumps({"features": 3, "density": 0.5, "importance": [1, 1, 1], "bias": bias})
    assert tab.evaluate(
        f"(() => {{ const m = new $network_model.Model({model});"
        " const theta = Float64Array.from({length: m.size}, (_, k) => k + 1);"
        " const {W, b} = m.split(theta); return m.join(W, b).every((value, k) => value === theta[k]) && m.silent; })()"
    ) == pytest.approx(0.5)
