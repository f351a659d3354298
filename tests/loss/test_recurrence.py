"""The recurrence for any number of features: against exact corner sums, the pair's own kernels, samples, itself."""

from __future__ import annotations

import inspect
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from routes import corners

from analytic import ReluOutputModel, ToyModel
from analytic.loss import outputs, recurrence, relu_output

EPS = np.finfo(float).eps
NONE = np.zeros(0)


def model_of(W: Any, density: Any, bias: Any = "per-feature") -> ReluOutputModel:
    n = len(W[0])
    return ReluOutputModel.from_density(n, len(W), density, [Fraction(1 + i % 3) for i in range(n)], bias)


def loss_errors(counts: dict[int, int], seed: int) -> np.ndarray:
    """Errors and their bounds in eps x scale, shape (points, 2)."""
    found = []
    for W, b, density in corners.points(seed, counts):
        model = model_of(W, density)
        exact, scale = corners.loss_and_scale(W, b, model.exact_importance, model.exact_density)
        error = abs(Fraction(float(model.loss(W, b))) - exact)
        found.append((float(error / scale), float(model.loss_error(W, b)) / float(scale)))
    return np.array(found) / EPS


def test_loss_error_on_ladders() -> None:
    """The docstring of `ReluOutputModel.loss` claims 4 eps x scale, and `loss_error` to be a bound."""
    errors = loss_errors({1: 100, 2: 150, 3: 150, 4: 80, 5: 30, 6: 8, 7: 2, 8: 1}, seed=1)
    assert errors[:, 0].max() <= 4
    assert np.all(errors[:, 0] <= errors[:, 1])


@pytest.mark.slow
def test_loss_error_at_2_000_points() -> None:
    errors = loss_errors({1: 200, 2: 400, 3: 500, 4: 400, 5: 250, 6: 140, 7: 80, 8: 30}, seed=2)
    assert len(errors) == 2000
    assert errors[:, 0].max() <= 4
    assert np.all(errors[:, 0] <= errors[:, 1])


def test_gradient_error_on_ladders() -> None:
    """1e-13 x scale x (1 + |W|) beyond the rounding of the value, away from W_i = 0 = b_i, as the docstring says."""
    for W, b, density in corners.points(3, {1: 60, 2: 60, 3: 60, 4: 20, 5: 2}):
        model = model_of(W, density)
        weights = np.array(W)
        if np.any((np.abs(weights).max(0) < 1e-140) & (np.abs(b) < 1e-280)):
            continue
        exact = corners.gradient(W, b, model.exact_importance, model.exact_density)
        scale = float(corners.loss_and_scale(W, b, model.exact_importance, model.exact_density)[1])
        allowed = 1e-13 * scale * (1 + np.linalg.norm(weights))
        for found, truth in zip(model.gradient(W, b), exact, strict=True):
            errors = [
                abs(Fraction(x) - y)
                for x, y in zip(found.ravel().tolist(), np.ravel(np.array(truth, dtype=object)), strict=True)
            ]
            excess = np.array([float(e) for e in errors]) - 8 * EPS * np.abs(found).ravel()
            assert excess.max() <= allowed


def on_borders(seed: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points of the pair, two thirds of them with h exactly zero at a corner of the square."""
    rng = np.random.default_rng(seed)
    points = []
    for k in range(count):
        W = np.round(rng.normal(size=2), 2) if k % 2 else 2.0 ** rng.integers(-4, 2, 2) * rng.choice([-1, 1], 2)
        b = rng.normal(size=2) * 0.3
        if k % 3:
            b = -np.array([0, W[0] ** 2, W[0] * W[1], W[0] ** 2 + W[0] * W[1]])[rng.integers(4, size=2)]
        points.append((W, b))
    return points


@pytest.mark.parametrize("patterns", [None, (0.1, 0.2, 0.3, 0.4)])
def test_pair_agrees_with_its_own_kernels(patterns: tuple[float, float, float, float] | None) -> None:
    """On every activation pattern, on the borders between them, and for the Hessian on the same side of them."""
    pair = ToyModel((1, 0.6), (0.3, 0.8)) if patterns is None else ToyModel.from_patterns(*patterns, importance=(1, 3))
    model = pair.as_relu_output()
    for W, b in on_borders(5, 300):
        loss, by_W, by_b = model.loss_and_gradient(W[None], b)
        scale = 1 + float(np.abs(W).max()) ** 4
        assert abs(loss - pair.loss(W, b)) <= 8 * EPS * scale
        np.testing.assert_allclose([*by_W[0], *by_b], pair.gradient(W, b), atol=16 * EPS * scale, rtol=0)
        hessian = pair.hessian(W, b)
        np.testing.assert_allclose(model.hessian(W[None], b), hessian, atol=64 * EPS * np.abs(hessian).max())


@pytest.mark.parametrize("n", [2, 3, 5, 8])
@pytest.mark.parametrize("correlated", [False, True])
def test_loss_and_gradient_agree_with_samples(n: int, correlated: bool) -> None:
    """By z-score, 4.5 standard errors for each of the outputs' losses and derivatives."""
    rng = np.random.default_rng(n)
    m, count = max(1, n // 2), 200_000
    if correlated:
        flat = rng.dirichlet(np.full(2**n, 0.5))
        model = ReluOutputModel.from_patterns(m, flat.reshape((2,) * n))
        pattern = rng.choice(2**n, size=count, p=flat)
        on = (pattern[:, None] >> np.arange(n)[::-1] & 1).astype(bool)
    else:
        density = rng.random(n)
        model = ReluOutputModel.from_density(n, m, density)
        on = rng.random((count, n)) < density
    W, b = rng.normal(size=(m, n)) / np.sqrt(m), rng.normal(size=n) * 0.2
    x = rng.random((count, n)) * on
    h = x @ W.T @ W + b
    miss = np.maximum(h, 0) - x
    losses = (miss**2).sum(1)
    by_b = 2 * miss * (h > 0)
    by_W = by_b @ W.T, x @ W.T
    slopes = by_W[0][:, :, None] * x[:, None] + by_W[1][:, :, None] * by_b[:, None]
    loss, exact_W, exact_b = model.loss_and_gradient(W, b)
    for samples, exact in ((losses, loss), (by_b, exact_b), (slopes, exact_W)):
        standard_error = samples.std(0) / np.sqrt(count)
        assert np.all(np.abs(samples.mean(0) - exact) <= 4.5 * standard_error + 1e-15)


@pytest.mark.parametrize("seed", range(6))
def test_hessian_is_the_derivative_of_the_gradient(seed: int) -> None:
    """Central differences, with orthogonal groups in half of the cases."""
    rng = np.random.default_rng(seed)
    n, m = (3, 4, 5, 6, 1, 2)[seed], 2
    model = ReluOutputModel.from_density(n, m, rng.random(n), rng.random(n) + 0.5)
    W, b = rng.normal(size=(m, n)), rng.normal(size=n) * 0.3
    if seed % 2:
        W[0, : n // 2] = W[1, n // 2 :] = 0
    theta, step = np.concatenate([W.ravel(), b]), 1e-5
    gradient = lambda at: model.loss_and_gradient_at(at)[1]  # noqa: E731
    numeric = [(gradient(theta + step * e) - gradient(theta - step * e)) / (2 * step) for e in np.eye(theta.size)]
    hessian = model.hessian(W, b)
    np.testing.assert_allclose(hessian, numeric, atol=1e-7 * np.abs(hessian).max())
    assert np.array_equal(hessian, hessian.T)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_batch_equals_loop_bit_for_bit_on_any_number_of_threads(threads: int, monkeypatch) -> None:
    monkeypatch.setattr(relu_output, "cores", lambda: threads)
    monkeypatch.setattr(relu_output, "_SMALL", 0)
    rng = np.random.default_rng(7)
    model = ReluOutputModel.from_density(5, 2, rng.random(5), rng.random(5) + 0.5)
    W, b = rng.normal(size=(7, 1, 2, 5)), rng.normal(size=(3, 5)) * 0.2
    W[::2, :, 0, :2] = W[::2, :, 1, 2:] = 0
    loss, by_W, by_b = model.loss_and_gradient(W, b)
    hessian, error = model.hessian(W, b), model.loss_error(W, b)
    assert (loss.shape, by_W.shape, by_b.shape, hessian.shape) == ((7, 3), (7, 3, 2, 5), (7, 3, 5), (7, 3, 15, 15))
    for i, j in np.ndindex(7, 3):
        one = model.loss_and_gradient(W[i, 0], b[j])
        assert loss[i, j] == one[0] == model.loss(W[i, 0], b[j])
        assert np.array_equal(by_W[i, j], one[1])
        assert np.array_equal(by_b[i, j], one[2])
        assert np.array_equal(hessian[i, j], model.hessian(W[i, 0], b[j]))
        assert error[i, j] == model.loss_error(W[i, 0], b[j])


def test_twenty_features_in_ten_digons_cost_ten_pairs() -> None:
    """Their loss is the sum of the pairs' losses, and the gradient keeps what crosses the groups."""
    rng = np.random.default_rng(11)
    n, m = 20, 10
    W, b, density = np.zeros((m, n)), rng.normal(size=n) * 0.1, rng.random(n)
    pairs = rng.normal(size=(m, 2))
    for a in range(m):
        W[a, 2 * a : 2 * a + 2] = pairs[a]
    model = ReluOutputModel.from_density(n, m, density)
    assert relu_output.depends_on(W[None], model.problem) == [2]
    parts = [
        ToyModel.from_density(tuple(density[[j, j + 1]]), (1, 1)).loss(pairs[j // 2], b[j : j + 2])
        for j in range(0, n, 2)
    ]
    np.testing.assert_allclose(model.loss(W, b), sum(parts), rtol=8 * EPS)
    step = np.zeros((m, n))
    step[0, 7] = 1e-6
    numeric = (model.loss(W + step, b) - model.loss(W - step, b)) / 2e-6
    by_W = model.gradient(W, b)[0]
    assert abs(by_W[0, 7]) > 1e-3
    np.testing.assert_allclose(by_W[0, 7], numeric, atol=1e-8)


def test_not_a_number_stays_where_it_is() -> None:
    model = ReluOutputModel.from_density(3, 2, 0.5)
    W, b = np.ones((3, 2, 3)), np.zeros((3, 3))
    W[0, 1, 2], b[2, 0] = np.nan, np.inf
    loss, by_W, by_b = model.loss_and_gradient(W, b)
    assert np.array_equal(np.isnan(loss), [True, False, True])
    assert np.array_equal(np.isnan(by_W).all((1, 2)), [True, False, True])
    assert np.array_equal(np.isnan(by_b).any(1), [True, False, True])
    assert np.array_equal(np.isnan(model.hessian(W, b)).all((1, 2)), [True, False, True])


# The compiled functions in plain Python, on NumPy arrays of eight: to perturb them, and to check the lanes.


def load(array: np.ndarray, index: int) -> np.ndarray:
    return array[8 * index : 8 * index + 8].copy()


def store(array: np.ndarray, index: int, value: np.ndarray) -> None:
    array[8 * index : 8 * index + 8] = value


LANES = {
    "WIDTH": 8,
    "load": load,
    "store": store,
    "spread": lambda number: np.full(8, float(number)),
    "where_positive": lambda condition, then, otherwise: np.where(condition > 0, then, otherwise),
    "any_positive": lambda value: bool((value > 0).any()),
    "POWERS": recurrence.POWERS,
}
SOURCE = "\n\n".join(
    inspect.getsource(each.py_func).replace("@njit(**COMPILED)\n", "")
    for each in (recurrence.bounds, recurrence.add_compensated, recurrence.sweep_up, recurrence.sweep_down)
)


def plain(source: str) -> dict[str, Any]:
    """The functions of `source` on NumPy arrays, which += would change in place."""
    functions: dict[str, Any] = dict(LANES)
    exec(re.sub(r"(\w+) ([-+*/])= (.*)", r"\1 = \1 \2 (\3)", source), functions)
    return functions


def moments_of(sweeps: dict[str, Any], W: np.ndarray, b: np.ndarray, density: np.ndarray) -> np.ndarray:
    """S, R, E[(h - x_0) 1(h > 0)], E[x_0^2 1(h > 0)], E[(h - x_0) x_j 1(h > 0)] of every output."""
    n = len(b)
    G, free, states = W.T @ W, recurrence.free_features(n), recurrence.pattern_states(n)
    orders = np.array([[i, *(j for j in range(n) if j != i)] for i in range(n)])
    low, high, A, C, V, M = np.zeros((6, 8 * 3**n))
    g, on, off = np.zeros(8 * n), np.zeros(8 * n), np.ones(8 * n)
    offsets, sums, slopes = np.zeros(8), np.zeros(24), np.zeros(8 * n)
    arguments = G[None], b[None], density, 1 - density, orders[None], np.zeros(n, int), np.arange(n)
    outputs.fill_lanes(*arguments, g, offsets, on, off)
    outputs.independent_weights(on, off, states, A)
    with np.errstate(divide="ignore", invalid="ignore"):
        sweeps["bounds"](g, offsets, low, high)
        sweeps["sweep_up"](g, low, high, free, V, M)
        slope = (A.reshape(-1, 8) * V.reshape(-1, 8))[states].sum(0)
        sweeps["sweep_down"](g, low, high, free, A, C, True, V, M, sums, slopes)
    return np.concatenate([sums.reshape(3, 8), slope[None], slopes.reshape(n, 8)[1:]])[:, :n]


def exact_moments_of(W: np.ndarray, b: np.ndarray, density: np.ndarray) -> np.ndarray:
    n, p = len(b), [Fraction(d) for d in density]
    table = np.zeros((3 + n, n))
    for i, g in enumerate(corners.gram(W.tolist())):
        for on in corners.subsets(range(n)):
            weight, bias = corners.probability(on, p), Fraction(b[i])
            at = lambda q, powers: float(weight * corners.pattern_moment(q, bias, g, powers, on))  # noqa: B023, E731
            others = [j for j in range(n) if j != i]
            table[:4, i] += at(2, {}), at(1, {i: 1}), at(0, {i: 2}), at(1, {}) - at(0, {i: 1})
            table[4:, i] += [at(1, {j: 1}) - at(0, {i: 1, j: 1}) for j in others]
    return table


def caught(source: str) -> bool:
    """Whether one of a few points shows that the functions in `source` are not the right ones."""
    sweeps = plain(source)
    rng = np.random.default_rng(0)
    for k in range(4):
        W, b, density = rng.normal(size=(2, 3)), rng.normal(size=3) * 0.4, rng.random(3)
        if k == 3:
            W[:, 2], b[2] = 0, -0.1
        if not np.allclose(moments_of(sweeps, W, b, density), exact_moments_of(W, b, density), atol=1e-12, rtol=0):
            return True
    return False


#: Every term of the recurrence, and of the sums over it, with one thing wrong in it.
PERTURBATIONS = (
    ("lo + (g - up)", "lo + g"),
    ("hi + up)", "hi + g)"),
    ("store(low, s + size, lo + g)", "store(low, s + size, lo)"),
    ("v += on * v_on + off * load(V, s - 2 * stride)", "v += on * v_on"),
    ("v += on * v_on + off", "v += off * v_on + off"),
    ("m += on * m_on + off * load(M, s - 2 * stride)", "m += on * m_on"),
    ("m += on * m_on + off", "m += off"),
    ("v_on, own_off = v_on - m_on, off", "own_off = off"),
    ("v_on, own_off = v_on - m_on, off", "v_on = v_on - m_on"),
    ("m /= spread(float(count))", "m /= spread(count + 1.0)"),
    ("(v - own_off * m) / spread(count + 1.0)", "(v - own_off * m) / spread(count + 2.0)"),
    ("mean -= half", "mean -= zero"),
    ("where_positive(negative, m, one)", "where_positive(negative, m, half)"),
    ("store(V, s, where_positive(hi, v, zero))", "store(V, s, v)"),
    ("store(M, s, where_positive(hi, m, zero))", "store(M, s, m)"),
    ("/ spread(count + 2.0)", "/ spread(count + 1.0)"),
    ("leaf_c * mean", "zero * mean"),
    ("half * mean + twelfth * load(slopes, 0)", "half * mean"),
    ("half * mean + twelfth * load(slopes, 0)", "twelfth * load(slopes, 0)"),
    ("own_squares += third * leaf_a + leaf_c", "own_squares += third * leaf_a"),
    ("own_squares += third * leaf_a + leaf_c", "own_squares += leaf_c"),
    ("c += a * where_positive(load(slopes, 0), tau, rest)", "c += a * where_positive(load(slopes, 0), rest, tau)"),
    ("c = where_positive(undecided, c, zero) / spread(count + 1.0)", "c = where_positive(undecided, c, zero)"),
    ("here, leaf = a * v - c * m, half", "here, leaf = a * v, half"),
    ("half * (leaf_a * v - leaf_c)", "half * leaf_a * v"),
    ("square += twelfth * g * g", "square += zero"),
    ("leaf + twelfth * g * leaf_a", "leaf"),
    ("load(A, s - stride) + a * on", "load(A, s - stride) + a * off"),
    ("load(A, s - 2 * stride) + a * off", "load(A, s - 2 * stride) + a * on"),
    ("(c + a if j == 0 else c) * on", "c * on"),
    ("load(C, s - 2 * stride) + c * off", "load(C, s - 2 * stride)"),
    ("part += off * here + on", "part += on"),
    ("on * (a * load(V, s - stride) - c * m_on)", "on * (a * load(V, s - stride))"),
    ("on * m_on * (a + c + c)", "on * m_on * (a + c)"),
    ("off * m * (c + c)", "off * m * c"),
    ("leaf_a * square", "leaf_a * mean"),
)


def test_the_functions_as_they_are_pass() -> None:
    assert not caught(SOURCE)


@pytest.mark.parametrize(("old", "new"), PERTURBATIONS)
def test_every_perturbed_term_is_caught(old: str, new: str) -> None:
    assert old in SOURCE, "the perturbation no longer applies"
    assert caught(SOURCE.replace(old, new, 1))


def test_lanes_compute_what_numpy_computes() -> None:
    """Bit for bit: eight lanes are eight times the same IEEE arithmetic."""
    compiled = {name: getattr(recurrence, name) for name in ("bounds", "sweep_up", "sweep_down")}
    rng = np.random.default_rng(2)
    W, b, density = rng.normal(size=(2, 4)), rng.normal(size=4) * 0.4, rng.random(4)
    assert np.array_equal(moments_of(plain(SOURCE), W, b, density), moments_of(compiled, W, b, density))


@pytest.mark.parametrize("features", [1, 3, 8, 12])
@pytest.mark.parametrize("size", [1e100, 1e155, 1e200, 1e308])
def test_weights_whose_products_overflow_have_no_finite_loss(features: int, size: float) -> None:
    model = ReluOutputModel.from_density(features, 1, 0.2)
    W, b = np.full((2, 1, features), size), np.zeros((2, features))
    with np.errstate(all="ignore"):
        for point in (0, slice(None)):
            assert not np.isfinite(model.loss(W[point], b[point])).any()
            assert not np.isfinite(model.loss_and_gradient(W[point], b[point])[0]).any()
