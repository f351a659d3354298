"""ReluOutputModel: what it stores and refuses, its shapes and conventions, and how other packages use it."""

from __future__ import annotations

import inspect
import pickle
import re
import textwrap
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from analytic import ReluOutputModel, ToyModel, decayed_loss
from analytic.landscape.decay import decayed_loss as decay_of
from analytic.loss import relu_output

EPS = np.finfo(float).eps


def joint(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(2**n)).reshape((2,) * n)


def test_parameters_in_all_words() -> None:
    model = ReluOutputModel(3, 2, importance=(1, 2, 3), sparsity=0.75, bias="shared")
    assert (model.features, model.hidden, model.bias) == (3, 2, "shared")
    assert model.importance.tolist() == [1, 2, 3]
    assert model.sparsity.tolist() == [0.75] * 3
    assert model.density.tolist() == [0.25] * 3
    assert model.independent
    assert model.patterns[1, 0, 1] == 0.25 * 0.75 * 0.25


def test_one_number_is_for_all_features_also_for_two() -> None:
    assert ReluOutputModel(2, 1, 0.5).importance.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "model",
    [
        ReluOutputModel(5, 2),
        ReluOutputModel(2, 3, (0.5, 2.0), (0.25, 0.5), bias="none"),
        ReluOutputModel.from_density(3, 2, 0.1, (1, 2, 3)),
        ReluOutputModel.from_density(4, 1, Fraction(1, 3), bias="shared"),
        ReluOutputModel.from_patterns(1, [[0.25, 0.25], [0.5, 0.0]], importance=(2.0, 1.0)),
    ],
)
def test_equal_hashable_picklable_and_printable(model: ReluOutputModel) -> None:
    model.loss(np.ones((model.hidden, model.features)))
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert hash(again) == hash(model)
    if model.exact_density[0] != Fraction(1, 3):
        assert eval(repr(model), {"ReluOutputModel": ReluOutputModel}) == model


def test_the_same_problem_in_two_ways_is_equal() -> None:
    density = (0.25, 0.5, 0.75)
    independent = ReluOutputModel.from_density(3, 2, density)
    table = independent.patterns
    assert ReluOutputModel.from_patterns(2, table) == independent == ReluOutputModel(3, 2, sparsity=(0.75, 0.5, 0.25))
    assert ReluOutputModel.from_patterns(2, joint(3)) != independent


def test_patterns_keep_their_axes() -> None:
    """Index 1 means on, axis j is feature j; the pair's order P00, P10, P01, P11 is not the array's."""
    table = joint(3)
    model = ReluOutputModel.from_patterns(2, table)
    np.testing.assert_allclose(model.patterns, table, atol=2 * EPS)
    np.testing.assert_allclose(model.density, [table[1].sum(), table[:, 1].sum(), table[:, :, 1].sum()], rtol=4 * EPS)
    pair = ToyModel.from_patterns(0.1, 0.2, 0.3, 0.4)
    assert pair.as_relu_output().patterns[1, 0] == 0.2


def test_certain_patterns_are_the_models_of_their_features() -> None:
    """If exactly features 0 and 2 are on, always, the others are constants zero."""
    table = np.zeros((2, 2, 2))
    table[1, 0, 1] = 1
    W, b = np.random.default_rng(3).normal(size=(2, 3)), np.array([0.1, -0.2, 0.3])
    loss = ReluOutputModel.from_patterns(2, table).loss(W, b)
    both = ReluOutputModel.from_density(2, 2, 1.0).loss(W[:, [0, 2]], b[[0, 2]])
    middle = ReluOutputModel.from_patterns(2, table, importance=(1, 1e9, 1)).loss(W, b) - loss
    alone = middle / (1e9 - 1)
    np.testing.assert_allclose(loss, both + alone, rtol=1e-6)


SHAPES: Any = [
    (
        {"W": np.zeros((5, 2))},
        r"W must have shape \(..., hidden, features\) = \(..., 2, 5\), got \(5, 2\); .*transpose",
    ),
    ({"W": np.zeros(5)}, r"W must have shape"),
    ({"W": np.zeros((2, 5)), "b": np.zeros(4)}, r"b must have shape \(..., 5\)"),
    ({"W": np.zeros((3, 2, 5)), "b": np.zeros((2, 5))}, r"W and b must broadcast, got leading shapes \(3,\)"),
    ({"W": np.zeros((2, 5)), "method": "exact"}, "method must be one of 'recurrence', 'lattice', got 'exact'"),
    ({"W": np.zeros((2, 5)), "tolerance": -1}, "tolerance must be greater than 0, got -1"),
]


@pytest.mark.parametrize(("arguments", "words"), SHAPES)
def test_bad_arguments_of_loss(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ReluOutputModel(5, 2).loss(**arguments)


def test_bad_models() -> None:
    with pytest.raises(ValueError, match="features must be a whole number, at least 1, got 0"):
        ReluOutputModel(0, 1)
    with pytest.raises(ValueError, match="hidden must be a whole number"):
        ReluOutputModel(3, 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"importance must be one number or 3 numbers \(one per feature\), not 2"):
        ReluOutputModel(3, 1, (1, 2))
    with pytest.raises(ValueError, match=r"sparsity must lie in .* density = 1 - sparsity"):
        ReluOutputModel(3, 1, 1, 1.5)
    with pytest.raises(ValueError, match="b must be None for a model without bias"):
        ReluOutputModel(3, 1, bias="none").loss(np.zeros((1, 3)), np.zeros(3))
    with pytest.raises(TypeError, match="W must be an array of real numbers"):
        ReluOutputModel(2, 1).loss([["a", "b"]])


def test_bad_patterns() -> None:
    with pytest.raises(ValueError, match=r"patterns must sum to 1, got 1.5"):
        ReluOutputModel.from_patterns(1, [[0.5, 0.5], [0.25, 0.25]])
    with pytest.raises(ValueError, match=r"patterns must hold probabilities in \[0, 1\], got -0.5"):
        ReluOutputModel.from_patterns(1, [[0.5, 0.5], [0.5, -0.5]])
    with pytest.raises(ValueError, match=r"patterns must have shape \(2, 2, ..., 2\)"):
        ReluOutputModel.from_patterns(1, [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match="patterns must describe at most 12 features, got 13"):
        ReluOutputModel.from_patterns(1, np.full((2,) * 13, 2.0**-13))
    with pytest.raises(ValueError, match=r"patterns has .* at most 20 features, not 30"):
        _ = ReluOutputModel(30, 2).patterns


def test_limits_of_the_recurrence_are_named() -> None:
    W = np.ones((2, 13))
    with pytest.raises(ValueError, match=r"method = 'recurrence' serves outputs that depend on at most 12 .* on 13"):
        ReluOutputModel(13, 2).loss(W, method="recurrence")
    with pytest.raises(ValueError, match=r"hessian serves outputs that depend on at most 12 .* on 13"):
        ReluOutputModel(13, 2).hessian(W)
    with pytest.raises(ValueError, match="exact_loss serves outputs that depend on at most 12 features, not 13"):
        ReluOutputModel(13, 2).exact_loss(W.tolist())
    with pytest.raises(ValueError, match="method = 'lattice' is for independent features"):
        ReluOutputModel.from_patterns(2, joint(3)).loss(np.zeros((2, 3)), method="lattice")


def test_every_point_of_a_batch_takes_its_own_route() -> None:
    """Six orthogonal digons by the recurrence, a full W on the lattice, NaN nowhere else than where it is."""
    rng = np.random.default_rng(1)
    model = ReluOutputModel.from_density(12, 6, 0.2)
    W = rng.normal(size=(4, 6, 12)) / 3
    W[1] = 0
    for a in range(6):
        W[1, a, 2 * a : 2 * a + 2] = rng.normal(size=2)
    W[3, 0, 0] = np.nan
    assert relu_output.takes_recurrence(W, model.problem, None).tolist() == [False, True, False, False]
    loss, by_W, by_b = model.loss_and_gradient(W)
    alone = [model.loss_and_gradient(each) for each in W]
    for k, (one, slopes, bias_slopes) in enumerate(alone):
        assert np.array_equal(loss[k], one, equal_nan=True)
        assert np.array_equal(by_W[k], slopes, equal_nan=True)
        assert np.array_equal(by_b[k], bias_slopes, equal_nan=True)
    assert np.array_equal(np.isnan(loss), [False, False, False, True])
    error = model.loss_error(W)
    exact = model.loss(W[0], method="recurrence")
    assert abs(model.loss(W[0]) - exact) <= error[0] <= 1e-8 * 10
    assert error[1] < 1e-10


def test_eleven_features_by_the_recurrence_on_request() -> None:
    """177,147 states an output; all columns equal, so that the sum of the features on decides."""
    rng = np.random.default_rng(0)
    model = ReluOutputModel.from_density(11, 1, 0.3)
    W = np.full((1, 11), 0.5)
    loss = model.loss(W, np.full(11, -0.1), method="recurrence")
    x = rng.random((400_000, 11)) * (rng.random((400_000, 11)) < 0.3)
    losses = ((x - np.maximum(0.25 * x.sum(1, keepdims=True) - 0.1, 0)) ** 2).sum(1)
    assert abs(losses.mean() - loss) <= 4.5 * losses.std() / np.sqrt(len(x))


@pytest.mark.parametrize("bias", ["none", "shared", "per-feature"])
def test_bias_conventions(bias: Any) -> None:
    """Fewer biases are a restriction of one for each feature, so derivatives by them are sums."""
    full = ReluOutputModel.from_density(3, 2, 0.4)
    model = ReluOutputModel.from_density(3, 2, 0.4, bias=bias)
    W = np.random.default_rng(1).normal(size=(4, 2, 3))
    b = {"none": None, "shared": np.full(4, 0.1), "per-feature": np.full((4, 3), 0.1)}[bias]
    each = np.zeros(3) if bias == "none" else np.full(3, 0.1)
    loss, by_W, by_b = model.loss_and_gradient(W, b)
    full_loss, full_W, full_b = full.loss_and_gradient(W, each)
    assert np.array_equal(loss, full_loss)
    assert np.array_equal(by_W, full_W)
    expected = {"none": None, "shared": full_b.sum(-1), "per-feature": full_b}[bias]
    assert by_b is None if expected is None else np.array_equal(by_b, expected)
    embedding = model.bias.embedding(3, 2)
    np.testing.assert_allclose(model.hessian(W, b), embedding.T @ full.hessian(W, each) @ embedding, atol=1e-14)
    if bias != "none":
        assert np.array_equal(model.loss(W), model.loss(W, np.zeros_like(b)))


def test_scaling_law() -> None:
    """h is homogeneous: on the ray (s W, s^2 b) the loss is c - a s^2 + q s^4."""
    model = ReluOutputModel.from_density(4, 2, 0.3)
    rng = np.random.default_rng(2)
    W, b, s = rng.normal(size=(2, 4)), rng.normal(size=4), np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    losses = model.loss(s[:, None, None] * W, s[:, None] ** 2 * b)
    coefficients = np.polynomial.polynomial.polyfit(s**2, losses, 2)
    np.testing.assert_allclose(np.polynomial.polynomial.polyval(s**2, coefficients), losses, rtol=1e-12)
    np.testing.assert_allclose(coefficients[0], 4 * 0.3 / 3, rtol=1e-12)


def test_exact_loss_follows_the_arithmetic_of_its_arguments() -> None:
    import sympy

    model = ReluOutputModel(3, 2, sparsity=Fraction(1, 2))
    assert isinstance(model.exact_loss([[1, 0, 0], [0, 1, -1]], [0, 0, 0]), Fraction)
    with mpmath.workdps(40):
        value = model.exact_loss([[mpmath.sqrt(2), 0, 0], [0, 1, -1]], [0, 0, 0])
        symbolic = model.exact_loss([[sympy.sqrt(2), 0, 0], [0, 1, -1]], [0, 0, 0])
        assert isinstance(value, mpmath.mpf)
        assert isinstance(symbolic, sympy.Expr)
        assert abs(value - mpmath.mpf(str(sympy.N(symbolic, 40)))) < mpmath.mpf(10) ** -38


def test_exact_loss_of_the_pair_is_that_of_its_own_formulas() -> None:
    """Two programs that share nothing, equal as rationals, borders included."""
    rng = np.random.default_rng(4)
    for pair in (ToyModel((1, 2), (0.25, 0.5)), ToyModel.from_patterns(0.125, 0.25, 0.5, 0.125)):
        model = pair.as_relu_output()
        for _ in range(60):
            w1, w2, b1, b2 = (Fraction(int(k), 4) for k in rng.integers(-6, 7, size=4))
            assert model.exact_loss([[w1, w2]], [b1, b2]) == pair.exact_loss([w1, w2], [b1, b2])


def test_loss_variance_is_an_estimate_with_a_standard_error() -> None:
    pair = ToyModel((1, 2), (0.3, 0.6))
    W, b = np.array([[0.8, -0.5], [1.0, 0.2]]), np.array([0.1, -0.1])
    estimate = pair.as_relu_output().loss_variance(W[:, None], b)
    assert np.all(np.abs(estimate.variance - pair.loss_variance(W, b)) <= 4.5 * estimate.standard_error)
    assert estimate.variance[1] == pair.as_relu_output().loss_variance(W[1:], b).variance
    correlated = ToyModel.from_patterns(0.1, 0.2, 0.3, 0.4)
    estimate = correlated.as_relu_output().loss_variance(W[:, None], b)
    assert np.all(np.abs(estimate.variance - correlated.loss_variance(W, b)) <= 4.5 * estimate.standard_error)


def test_weight_decay_is_added_where_it_is_asked_for() -> None:
    assert decayed_loss is decay_of
    model = ReluOutputModel.from_density(3, 2, 0.4)
    W, b = np.random.default_rng(5).normal(size=(6, 2, 3)), np.array([0.1, 0.2, 0.3])
    expected = model.loss(W, b) + 0.05 * ((W**2).sum((1, 2)) + 0.14)
    np.testing.assert_allclose(decayed_loss(model, W, b, 0.1), expected, rtol=4 * EPS)


def test_memory_of_a_batch_stays_below_a_gibibyte(monkeypatch) -> None:
    """By its own account: pieces times what each keeps, for the largest workspaces and for many points."""
    for count, states, rows, each in ((1, 3**12, 6, 10**4), (64, 3**12, 15, 10**4), (10**7, 3**2, 6, 500)):
        pieces, threads = relu_output._pieces(count, each, 64 * states * rows)
        longest = max(piece.stop - piece.start for piece in pieces)
        assert threads * (64 * states * rows + longest * each) <= 2**30
        assert sum(len(range(*piece.indices(count))) for piece in pieces) == count


def test_scipy_minimises_in_one_line() -> None:
    from scipy.optimize import minimize

    model = ReluOutputModel.from_density(5, 2, 0.1)
    start = np.random.default_rng(6).normal(size=15) * 0.3
    found = minimize(model.loss_and_gradient_at, start, jac=True, options={"gtol": 1e-9})
    W, b = found.x[:10].reshape(2, 5), found.x[10:]
    assert abs(found.fun - model.loss(W, b)) <= 4 * EPS
    assert max(np.abs(part).max() for part in model.gradient(W, b)) < 1e-6
    with pytest.raises(ValueError, match=r"theta must have shape \(15,\)"):
        model.loss_and_gradient_at(start[:-1])


def snippet(language: str) -> str:
    """The wrapper for another package, as the docstring of `loss_and_gradient` prints it."""
    text = inspect.cleandoc(ReluOutputModel.loss_and_gradient.__doc__ or "") + "\n"
    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", text)
    return textwrap.dedent(next(block for block in blocks if f"import {language}" in block))


def test_torch_differentiates_through_the_documented_wrapper() -> None:
    torch = pytest.importorskip("torch")
    model = ReluOutputModel.from_density(5, 2, 0.1)
    names: dict[str, Any] = {}
    exec(snippet("torch"), names)
    W = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    b = torch.full((5,), -0.1, dtype=torch.float64, requires_grad=True)
    loss = 3 * names["ExactLoss"].apply(W, b, model)
    loss.backward()
    value, by_W, by_b = model.loss_and_gradient(W, b)
    assert loss.item() == 3 * value
    assert np.array_equal(W.grad.numpy(), 3 * by_W)
    assert np.array_equal(b.grad.numpy(), 3 * by_b)


def test_jax_differentiates_through_the_documented_wrapper() -> None:
    jax = pytest.importorskip("jax")
    model = ReluOutputModel.from_density(5, 2, 0.1)
    names: dict[str, Any] = {}
    exec(snippet("jax"), names)
    W, b = np.random.default_rng(0).normal(size=(2, 5)), np.full(5, -0.1)
    found = jax.grad(names["exact_loss"](model), argnums=(0, 1))(W, b)
    for part, exact in zip(found, model.gradient(W, b), strict=True):
        np.testing.assert_allclose(part, exact, rtol=1e-5, atol=1e-6)
