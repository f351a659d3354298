"""The triangle and the digon of equal features, against the package."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from analytic import ReluOutputModel
from analytic.diagrams.crossings import tie
from derivations import triangle

DIGON = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
SIMPLEX = np.array([[1.0, -0.5, -0.5], [0.0, 0.75**0.5, -(0.75**0.5)]])


@pytest.mark.parametrize("density", [0.05, 0.4, 0.9])
@pytest.mark.parametrize("beta", [0.01, 0.2, 0.45])
def test_losses_are_those_of_the_model(density: float, beta: float) -> None:
    model = ReluOutputModel.from_density(3, 2, density)
    for k, W in ((3, SIMPLEX), (2, DIGON)):
        X, Y = (float(each.subs({triangle.beta: beta, triangle.p: density})) for each in triangle.moments(k))
        size, b = X / Y, np.full(3, beta * X / Y)
        scaled = np.sqrt(size) * W
        if k == 2:
            b[2], scaled[:, 2] = 0, DIGON[:, 2]
        expected = float(triangle.loss(k).subs({triangle.beta: beta, triangle.p: density}))
        assert model.loss(scaled, b) == pytest.approx(expected, rel=1e-13)


def test_the_crossing_is_where_exact_descent_finds_the_tie() -> None:
    density, *betas = triangle.crossing(30)
    assert mp.nstr(density, 24) == "0.521837659071424996007955"

    def model(t: float) -> ReluOutputModel:
        return ReluOutputModel.from_density(3, 2, 0.5 + 0.04 * t)

    # both are minima on the whole interval
    at, loss = tie(model, (DIGON, np.array([0.1, 0.1, 0.0])), (0.95 * SIMPLEX, np.full(3, 0.18)))
    assert 0.5 + 0.04 * at == pytest.approx(float(density), abs=1e-12)
    for k, beta in zip((3, 2), betas, strict=True):
        value = triangle.loss(k).subs({triangle.beta: sp.Float(beta), triangle.p: sp.Float(density)})
        assert loss == pytest.approx(float(value), rel=1e-12)


def test_without_bias_the_triangle_is_worse_at_every_density() -> None:
    assert triangle.triangle_is_worse()
    model = ReluOutputModel.from_density(3, 2, 0.7, bias="none")
    for expression, shape in zip(triangle.unbiased_losses(), (SIMPLEX, DIGON), strict=True):
        k = 3 if shape is SIMPLEX else 2
        X, Y = (float(each.subs({triangle.beta: 0, triangle.p: 0.7})) for each in triangle.moments(k))
        scale = np.sqrt(X / Y) * np.ones(3)
        scale[k:] = 1
        assert model.loss(shape * scale) == pytest.approx(float(expression.subs(triangle.p, 0.7)), rel=1e-13)


def test_without_bias_leaning_towards_the_feature_by_itself_lowers_the_loss() -> None:
    expected = sp.factor(triangle.p**2 * (4 * triangle.p - 5) / (12 * (4 - 3 * triangle.p)))
    assert sp.simplify(triangle.leaning() - expected) == 0
    density, step = 0.6, 1e-7
    model = ReluOutputModel.from_density(3, 2, density, bias="none")
    X, Y = (float(each.subs({triangle.beta: 0, triangle.p: density})) for each in triangle.moments(2))
    W = DIGON * np.array([np.sqrt(X / Y), np.sqrt(X / Y), 1.0])
    leaning = W + step * np.array([[0, 0, 0], [1.0, 0, 0]])
    slope = (model.loss(leaning) - model.loss(W)) / step
    assert slope == pytest.approx(density * float(expected.subs(triangle.p, density)), rel=1e-4)
