"""The expected loss and its derivatives: against exact arithmetic, against routes that share nothing, on ladders."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from facts.known import KNOWN, integrated_loss, sampled_loss
from hypothesis import given, settings
from hypothesis import strategies as st

from analytic import ToyModel
from analytic.loss import kernels
from analytic.models.bias import BiasLike

EPS = np.finfo(float).eps
LADDER = [0.0, 5e-324, 1e-300, 1e-155, 1e-100, 1e-30, 1e-16, 1e-12, 1e-8, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 3.0, 1e3]


def exact_scale(model: ToyModel, W: list[float], b: list[float]) -> Fraction:
    """sum_i I_i (E[x_i^2] + E[ReLU(h_i)^2]) times the condition number of h_i, exactly."""
    (w1, w2), (b1, b2) = map(Fraction, W), map(Fraction, b)
    p00, p10, p01, p11 = model.exact_patterns
    total = Fraction(0)
    for weight, bias, own, p_own, p_other in ((w1, b1, 0, p10, p01), (w2, b2, 1, p01, p10)):
        alpha, beta = weight**2, w1 * w2
        hh = kernels.moments(alpha, beta, bias, p00, p_own, p_other, p11)[0]
        top = max(bias, alpha + bias, beta + bias, alpha + beta + bias)
        condition = max(1, (alpha + abs(beta) + abs(bias)) / top) if top > 0 else 1
        total += model.exact_importance[own] * (model.exact_density[own] / 3 + hh) * condition
    return total


def errors_in_eps(points: list[tuple[ToyModel, list[float], list[float]]]) -> np.ndarray:
    found = []
    for model, W, b in points:
        error = abs(Fraction(float(model.loss(W, b))) - model.exact_loss(W, b))
        found.append(float(error / exact_scale(model, W, b)) / EPS)
    return np.array(found)


def ladder_points(seed: int, count: int) -> list[tuple[ToyModel, list[float], list[float]]]:
    """Random points, points on ladders to the singular places, and points with a kink through a corner."""
    rng = np.random.default_rng(seed)
    points = []
    for k in range(count):
        density = (10.0 ** rng.uniform(-12, 0), 1.0 - 10.0 ** rng.uniform(-12, 0), float(rng.random()), 1.0)[k % 4]
        model = ToyModel.from_density(density, 10.0 ** rng.uniform(-2, 2))
        W, b = rng.normal(size=2), rng.normal(size=2) * rng.choice([0.1, 1.0])
        if k % 3 == 1:
            W[k % 2] = rng.choice(LADDER) * rng.choice([-1, 1])
            b[rng.integers(2)] = rng.choice(LADDER) * rng.choice([-1, 1])
        if k % 3 == 2:
            corner = rng.integers(4)
            h = [0.0, W[0] ** 2, W[0] * W[1], W[0] ** 2 + W[0] * W[1]][corner]
            b[0] = -h * (1 + rng.choice([0, 0, EPS, -EPS, 1e-8, -1e-8]))
        points.append((model, [float(w) for w in W], [float(v) for v in b]))
    return points


def test_accuracy_against_exact_rationals_at_10_000_points() -> None:
    """The docstring of `ToyModel.loss` claims 4 eps; this is the measurement."""
    errors = errors_in_eps(ladder_points(seed=1, count=10_000))
    assert errors.max() <= 4


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_known_answers(known) -> None:
    exact = known.model.exact_loss(known.W, known.b)
    assert exact == known.loss, known.proof
    b = None if known.b is None else np.array(known.b, dtype=float)
    np.testing.assert_allclose(known.model.loss(np.array(known.W, dtype=float), b), float(known.loss), rtol=4 * EPS)


@pytest.mark.parametrize("seed", range(60))
def test_loss_agrees_with_quadrature_from_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = ToyModel((1.0, rng.uniform(0.1, 5)), tuple(rng.random(2)))
    W, b = rng.normal(size=2), rng.normal(size=2) * 0.5
    np.testing.assert_allclose(model.loss(W, b), integrated_loss(model, W, b), rtol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_loss_and_variance_agree_with_samples(seed: int) -> None:
    """By z-score; the variance of the sample variance comes from the samples."""
    rng = np.random.default_rng(seed)
    none, first, second, _ = rng.dirichlet(np.ones(4))
    model = ToyModel.from_patterns(none, first, second, 1 - (none + first + second), importance=(0.7, 1.9))
    W, b = rng.normal(size=2), rng.normal(size=2) * 0.4
    losses = sampled_loss(model, W, b, 400_000, seed)
    z_mean = (losses.mean() - model.loss(W, b)) / np.sqrt(model.loss_variance(W, b) / losses.size)
    squares = (losses - losses.mean()) ** 2
    z_variance = (squares.mean() - model.loss_variance(W, b)) / (squares.std() / np.sqrt(losses.size))
    assert abs(z_mean) < 4.5
    assert abs(z_variance) < 4.5


def test_variance_of_a_silent_model() -> None:
    """L = x^2 for one feature: the variance is p/5 - p^2/9, and features add up when independent."""
    p = 0.375
    model = ToyModel.from_density(p, bias="none")
    np.testing.assert_allclose(model.loss_variance([0.0, 0.0]), 2 * (p / 5 - p**2 / 9), rtol=8 * EPS)


@pytest.mark.parametrize("seed", range(40))
def test_derivatives_against_mpmath(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    model = ToyModel.from_density(float(rng.random()), 10 ** rng.uniform(-1, 1))
    theta = np.concatenate([rng.normal(size=2), rng.normal(size=2) * 0.3])
    with mpmath.workdps(40):

        def loss(*values):
            return model.exact_loss(values[:2], values[2:])

        point = [mpmath.mpf(float(value)) for value in theta]
        orders = np.eye(4, dtype=int)
        gradient = [float(mpmath.diff(loss, point, tuple(int(n) for n in row))) for row in orders]
        hessian = [
            [float(mpmath.diff(loss, point, tuple(int(n) for n in orders[i] + orders[j]))) for i in range(4)]
            for j in range(4)
        ]
    np.testing.assert_allclose(model.gradient(theta[:2], theta[2:]), gradient, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(model.hessian(theta[:2], theta[2:]), hessian, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("w2", LADDER)
@pytest.mark.parametrize("b2", [0.0, 0.1, -0.1, 1e-300, -1e-16])
def test_gradient_is_continuous_up_to_singular_places(w2: float, b2: float) -> None:
    """With a bias L is C^1 except where W_i = 0 = b_i: the derivative on the ladder tends to the one at zero."""
    model = ToyModel.from_density(0.3, 0.7)
    gradient = model.gradient([1.0, w2], [0.1, b2])
    assert np.all(np.isfinite(gradient))
    if w2 <= 1e-8 and abs(b2) == 0.1:
        np.testing.assert_allclose(gradient, model.gradient([1.0, 0.0], [0.1, b2]), atol=1e-7)


finite = st.floats(-1e3, 1e3)


@settings(max_examples=200, deadline=None)
@given(finite, finite, finite, finite, st.floats(1e-290, 1))
def test_symmetries_are_bit_exact(w1: float, w2: float, b1: float, b2: float, p: float) -> None:
    model, exchanged = ToyModel.from_density(p, (1.0, 0.3)), ToyModel.from_density(p, (0.3, 1.0))
    loss = model.loss([w1, w2], [b1, b2])
    assert loss == model.loss([-w1, -w2], [b1, b2])
    assert abs(loss - exchanged.loss([w2, w1], [b2, b1])) <= EPS * abs(loss)
    assert loss >= -4 * EPS * float(exact_scale(model, [w1, w2], [b1, b2]))


def test_batches_equal_loops_bit_for_bit_and_broadcast() -> None:
    rng = np.random.default_rng(5)
    model = ToyModel.from_density(0.4, 0.6)
    W, b = rng.normal(size=(7, 1, 2)), rng.normal(size=(5, 2))
    for method, shape in ((model.loss, ()), (model.gradient, (4,)), (model.hessian, (4, 4)), (model.loss_variance, ())):
        batch = method(W, b)
        assert batch.shape == (7, 5, *shape)
        loop = np.array([[method(W[i, 0], b[j]) for j in range(5)] for i in range(7)])
        assert np.array_equal(batch, loop)


@pytest.mark.parametrize(("bias", "b", "k"), [("none", None, 2), ("shared", 0.25, 3), ("per-feature", [0.25, 0.25], 4)])
def test_bias_conventions_agree(bias: BiasLike, b, k: int) -> None:
    """A shared bias is the diagonal of the per-feature one, so derivatives by it are sums."""
    full = ToyModel.from_density(0.4, 0.6)
    model = ToyModel.from_density(0.4, 0.6, bias)
    W, both = [0.8, -0.5], [0.25, 0.25] if b is not None else [0.0, 0.0]
    into = {2: np.eye(4)[:, :2], 3: np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1.0]]), 4: np.eye(4)}[k]
    assert model.loss(W, b) == full.loss(W, both)
    np.testing.assert_allclose(model.gradient(W, b), full.gradient(W, both) @ into, rtol=1e-14)
    np.testing.assert_allclose(model.hessian(W, b), into.T @ full.hessian(W, both) @ into, rtol=1e-14)


def test_nan_in_nan_out() -> None:
    model = ToyModel.from_density(0.5)
    assert np.isnan(model.loss([np.nan, 0.0], [0.0, 0.0]))
    assert np.isnan(model.loss([1.0, 0.0], [0.0, np.nan]))
    assert np.all(np.isnan(model.gradient([np.nan, 0.0])))
    assert np.all(np.isnan(model.hessian([0.0, np.nan])))
    assert np.isnan(model.loss_variance([np.nan, 0.0]))
    assert np.array_equal(np.isnan(model.loss([[np.nan, 1.0], [1.0, 1.0]])), [True, False])


def test_ten_million_points_allocate_little_more_than_the_result() -> None:
    model = ToyModel.from_density(0.5)
    W = np.zeros((10_000_000, 2))
    tracemalloc.start()
    model.loss(W, [0.1, 0.1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**30


def test_exact_loss_follows_the_arithmetic_of_its_arguments() -> None:
    import sympy

    model = ToyModel(Fraction(1, 3), Fraction(1, 4))
    assert isinstance(model.exact_loss((1, 0), (0, Fraction(1, 3))), Fraction)
    with mpmath.workdps(50):
        value = model.exact_loss((mpmath.sqrt(2), 1), (0, 0))
        symbolic = model.exact_loss((sympy.sqrt(2), 1), (0, 0))
        assert isinstance(value, mpmath.mpf)
        assert isinstance(symbolic, sympy.Expr)
        assert abs(value - mpmath.mpf(str(sympy.N(symbolic, 50)))) < mpmath.mpf(10) ** -48


def test_symbolic_loss_agrees_with_the_numbers() -> None:
    from analytic import symbolic_loss

    loss = symbolic_loss("per-feature")
    s = loss.symbols
    values = {"W1": 0.7, "W2": -0.9, "b1": 0.1, "b2": -0.05, "I1": 1, "I2": 0.5, "S1": 0.7, "S2": 0.4}
    number = loss.expression.subs({s[name]: value for name, value in values.items()})
    model = ToyModel((1, 0.5), (0.7, 0.4))
    assert abs(float(number) - model.loss([0.7, -0.9], [0.1, -0.05])) < 1e-14
    assert loss.latex().startswith("L = ")
    with pytest.raises(ValueError, match="pattern must be one of"):
        loss.piece("AE", "A")
