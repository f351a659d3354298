"""The lattice against rational arithmetic, the pair's closed form and sampling; its order, estimate and edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from routes.corners import pattern_moment, probability, subsets

from analytic import ToyModel
from analytic.loss import interpolation, lattice
from analytic.loss.conditional import error, mean_error, mean_slope, mean_slopes, rise

EPS = np.finfo(float).eps


def random_weights(rng, n, m, small=False):
    """Columns of length about one; with `small` most of them are shrunk, by up to 1e-7."""
    W = rng.normal(size=(m, n)) / np.sqrt(m)
    return W * 10.0 ** -rng.uniform(0, 7, size=n) if small else W


def biases(rng, kind, G):
    """Generic, or with a kink close to an atom: near 0, near -g_ii, near -g_ij, and at 0."""
    n = len(G)
    near = 10.0 ** -rng.uniform(2, 8, size=n) * rng.choice([-1, 1], size=n)
    return {
        "generic": rng.normal(size=n) * 0.3,
        "near 0": near,
        "near -g_ii": near - np.diag(G),
        "near -g_ij": near - G[np.arange(n), rng.integers(n, size=n)],
        "0": np.zeros(n),
    }[kind]


KINDS = ("generic", "near 0", "near -g_ii", "near -g_ij", "0")


def random_output(rng, kind, most):
    """One output of a random model of up to `most` features, half of them with columns of very different lengths."""
    n = int(rng.integers(2, most + 1))
    W = random_weights(rng, n, int(rng.integers(1, n + 1)), small=rng.random() < 0.5)
    G = W.T @ W
    density = np.minimum(10.0 ** rng.uniform(-4, 0.5, size=n), 1.0)
    return lattice.output_of(G, biases(rng, kind, G), density, 0)


def exact_output(output, gradient=False):
    """Loss of one output in rationals and, if asked for, its derivatives by b, alpha and every g."""
    b, p = Fraction(output.b), Fraction(output.p)
    g = [Fraction(v) for v in (output.alpha, *output.g)]
    density = [p, *(Fraction(v) for v in output.on)]
    loss, slopes = p / 3, [Fraction(0)] * (len(g) + 1 if gradient else 0)
    for on in subsets(range(len(g))):
        weight = probability(on, density)
        moment = lambda q, powers, on=on: pattern_moment(q, b, g, powers, on)  # noqa: E731
        loss += weight * (moment(2, {}) - 2 * moment(1, {0: 1}))
        for entry in range(len(slopes)):
            x, own = ({}, {0: 1}) if entry == 0 else ({entry - 1: 1}, {0: 2} if entry == 1 else {0: 1, entry - 1: 1})
            slopes[entry] += 2 * weight * (moment(1, x) - moment(0, own))
    return loss, np.array([float(slope) for slope in slopes])


def scale_of(value, output):
    return lattice.least_scale(max(value, 0.0), output.p / 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tolerance", [1e-6, 1e-10])
def test_loss_equals_the_rational_value_within_its_estimate(kind: str, tolerance: float) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(8):
        output = random_output(rng, kind, 6)
        exact, _ = exact_output(output)
        found = lattice.refined(output, False, tolerance, 0.0, 1)
        assert found.error <= tolerance * scale_of(found.loss, output)
        assert abs(float(found.loss - exact)) <= 2 * found.error


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_equal_the_rational_ones_within_their_estimate(kind: str) -> None:
    rng = np.random.default_rng(10 + KINDS.index(kind))
    for _ in range(5):
        output = random_output(rng, kind, 5)
        _, exact = exact_output(output, gradient=True)
        found = lattice.refined(output, True, 1e-9, 0.0, 1)
        wrong = np.abs(found.derivatives - exact).max()
        assert wrong <= 5 * found.derivative_error
        assert wrong <= 1e-9 * scale_of(found.loss, output) * (1 + math.sqrt(output.alpha))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_estimates_hold_over_hundreds_of_outputs(kind: str) -> None:
    rng = np.random.default_rng(20 + KINDS.index(kind))
    for _ in range(100):
        output = random_output(rng, kind, 7)
        exact, _ = exact_output(output)
        for tolerance in (1e-5, 1e-8, 1e-11):
            found = lattice.refined(output, False, tolerance, 0.0, 1)
            assert abs(float(found.loss - exact)) <= 2 * found.error, (output, tolerance)


def _at(value: float, G: np.ndarray) -> float:
    return value


def _above_own_kink(value: float, G: np.ndarray) -> float:
    return value - G[0, 0]


PLACES: dict[str, Callable[[np.ndarray], float]] = {
    "generic": lambda G: -0.15,
    **{f"|b| = 1e-{k}": partial(_at, 10.0**-k) for k in range(2, 9)},
    **{f"b = -g_ii + 1e-{k}": partial(_above_own_kink, 10.0**-k) for k in (2, 4, 6, 8)},
    "b = -g_ij": lambda G: -G[0, 1],
}


@pytest.mark.parametrize("place", PLACES)
def test_fourth_order_wherever_the_atoms_lie(place: str) -> None:
    """Eight times as many cells: the loss gains a factor of 8^4 = 4096, derivatives 8^3 = 512, give or take a few."""
    rng = np.random.default_rng(1)
    losses, slopes = [], []
    for _ in range(6):
        W = random_weights(rng, 20, 5)
        G = W.T @ W
        output = lattice.output_of(G, np.full(20, PLACES[place](G)), np.full(20, 0.2), 0)
        values = np.array([lattice.sweep(output, True, cells) for cells in (256, 2048, 16384)])
        wrong = np.abs(values[:2] - values[2])
        losses.append(wrong[:, 0])
        slopes.append(wrong[:, 1:].max(1))
    coarse, fine = np.mean(losses, axis=0)
    assert coarse < 1e-6
    assert fine < coarse / 1000
    coarse, fine = np.mean(slopes, axis=0)
    assert coarse < 1e-5
    assert fine < coarse / 150


def test_ten_digons_cost_ten_pairs_exactly() -> None:
    rng = np.random.default_rng(2)
    W, b = np.zeros((10, 20)), rng.normal(size=20) * 0.2
    importance, density = rng.uniform(0.5, 2, size=20), rng.uniform(0.05, 0.9, size=20)
    total, by_W, by_b = 0.0, np.zeros((10, 20)), np.zeros(20)
    for row in range(10):
        pair = slice(2 * row, 2 * row + 2)
        W[row, pair] = rng.normal(size=2)
        (p0, p1), (I0, I1) = density[pair], importance[pair]
        model = ToyModel.from_patterns((1 - p0) * (1 - p1), p0 * (1 - p1), (1 - p0) * p1, p0 * p1, (I0, I1))
        total += float(model.loss(W[row, pair], b[pair]))
        gradient = model.gradient(W[row, pair], b[pair])
        by_W[row, pair], by_b[pair] = gradient[..., :2], gradient[..., 2:]
    found, slopes, bias_slopes, estimate = lattice.loss_and_gradient(W, b, importance, density, 1e-8)
    assert abs(found - total) <= 20 * EPS * total
    assert estimate < 1e-12
    np.testing.assert_allclose(bias_slopes, by_b, rtol=0, atol=1e-14)
    inside = W != 0
    np.testing.assert_allclose(slopes[inside], by_W[inside], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("n", "m", "density"), [(20, 5, 0.2), (100, 20, 0.05)])
def test_sampled_loss_agrees(n: int, m: int, density: float) -> None:
    rng = np.random.default_rng(n)
    W, b, importance = random_weights(rng, n, m), rng.normal(size=n) * 0.1, rng.uniform(0.5, 2, size=n)
    x = rng.random((100_000, n)) * (rng.random((100_000, n)) < density)
    losses = np.square(x - np.maximum(x @ W.T @ W + b, 0)) @ importance
    found, estimate = lattice.loss(W, b, importance, np.full(n, density), 1e-8)
    assert estimate <= 1e-8 * lattice.least_scale(found, importance.sum() * density / 3)
    assert abs(losses.mean() - found) < 3.5 * losses.std() / math.sqrt(len(losses))


@pytest.mark.parametrize("groups", [1, 2])
def test_gradient_is_the_slope_of_the_loss(groups: int) -> None:
    """Along random directions in (W, b), by central differences of the loss at a much smaller tolerance.

    With two orthogonal groups most g_ij are 0, and the derivatives by these are not.
    """
    rng = np.random.default_rng(3)
    W, b = random_weights(rng, 14, 4), rng.normal(size=14) * 0.1
    if groups == 2:
        W[:2, :7], W[2:, 7:] = 0.0, 0.0
    importance, density = rng.uniform(0.5, 2, size=14), rng.uniform(0.05, 0.5, size=14)
    _, by_W, by_b, _ = lattice.loss_and_gradient(W, b, importance, density, 1e-9)
    for _ in range(3):
        V, v, step = rng.normal(size=W.shape), rng.normal(size=14), 1e-4
        ends = [lattice.loss(W + s * step * V, b + s * step * v, importance, density, 1e-13)[0] for s in (2, 1, -1, -2)]
        slope = (8 * (ends[1] - ends[2]) - (ends[0] - ends[3])) / (12 * step)
        assert abs(slope - (by_W * V).sum() - by_b @ v) < 2e-8


@pytest.mark.parametrize("exponent", [3, 8, 40, 200])
def test_a_vanishing_feature_keeps_its_derivative(exponent: int) -> None:
    """As g -> 0 the derivative by g tends to that at g = 0, p/2 times the derivative by b; both at the atom b = 0."""
    on = np.array([0.3, 0.2, 0.4])
    g = np.array([0.7, -0.4, 10.0**-exponent])
    without = lattice.Output(0.0, 0.8, 0.3, g[:2], on[:2], np.arange(2))
    with_it = lattice.Output(0.0, 0.8, 0.3, g, on, np.arange(3))
    small, none = lattice.refined(with_it, True, 1e-10, 0.0, 1), lattice.refined(without, True, 1e-10, 0.0, 1)
    assert abs(small.loss - none.loss) < 10.0**-exponent + 1e-10
    assert abs(small.derivatives[4] - on[2] / 2 * none.derivatives[0]) < 10.0**-exponent + 1e-10


def test_zero_columns_and_dead_outputs() -> None:
    rng = np.random.default_rng(4)
    W, density, importance = random_weights(rng, 12, 3), np.full(12, 0.3), np.ones(12)
    W[:, 3] = 0
    b = np.full(12, -50.0)
    b[3] = 0.0
    found, by_W, by_b, _ = lattice.loss_and_gradient(W, b, importance, density, 1e-8)
    assert abs(found - 12 * 0.1) < 1e-14
    assert not by_W.any()
    assert not by_b.any()


def test_a_large_bias_needs_no_lattice() -> None:
    """Where h > 0 throughout, the loss is the second moment of x - h: a quadratic form."""
    rng = np.random.default_rng(5)
    W, b, density = random_weights(rng, 30, 5), np.full(30, 40.0), np.full(30, 0.2)
    mean, variance = density / 2, density / 3 - density**2 / 4
    miss = np.eye(30) - W.T @ W
    expected = (miss**2 @ variance + (miss @ mean - b) ** 2).sum()
    found, _ = lattice.loss(W, b, np.ones(30), density, 1e-8)
    assert abs(found - expected) < 1e-13 * expected


def test_importance_zero_and_density_zero_drop_out() -> None:
    rng = np.random.default_rng(6)
    W, b = random_weights(rng, 12, 3), rng.normal(size=12) * 0.1
    importance, density = np.ones(12), np.full(12, 0.3)
    importance[:2], density[:2] = 0.0, 0.0
    whole = lattice.loss_and_gradient(W, b, importance, density, 1e-10)
    part = lattice.loss_and_gradient(W[:, 2:], b[2:], importance[2:], density[2:], 1e-10)
    assert abs(whole[0] - part[0]) < 1e-13
    np.testing.assert_allclose(whole[1][:, 2:], part[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(whole[2], np.concatenate([[0, 0], part[2]]), rtol=0, atol=1e-12)


def test_what_was_not_reached_is_told(monkeypatch) -> None:
    rng = np.random.default_rng(7)
    W, density = random_weights(rng, 14, 4), np.full(14, 0.3)
    monkeypatch.setattr(lattice, "_MOST", 512)
    found, estimate = lattice.loss(W, np.zeros(14), np.ones(14), density, 1e-12)
    assert estimate > 1e-12 * lattice.least_scale(found, density.sum() / 3)


def test_nan_in_nan_out() -> None:
    one = np.ones(12)
    assert math.isnan(lattice.loss(np.full((2, 12), math.nan), one, one, one, 1e-8)[0])
    found = lattice.loss_and_gradient(np.ones((2, 12)), one * math.inf, one, one, 1e-8)
    assert all(np.isnan(value).all() for value in found)


def test_least_scale_is_below_the_scale() -> None:
    """ToyModel's loss at W = 0 with a bias: sum (E[x^2] + b^2) is known."""
    for p in (1e-3, 0.3, 1.0):
        for b in (0.0, 0.1, 0.5, 30.0):
            loss = ToyModel.from_density(p).loss((0.0, 0.0), (b, b))
            assert lattice.least_scale(float(loss), 2 * p / 3) <= 2 * (p / 3 + b * b) * (1 + 4 * EPS)


@pytest.mark.parametrize("alpha", [2.0, 0.7, 1e-6, 0.0])
def test_averages_of_the_conditional_error(alpha: float) -> None:
    """Against the midpoint rule on 20,000 points, and slopes against differences, the kinks inside or not."""
    rng, t = np.random.default_rng(8), (np.arange(20_000) + 0.5) / 20_000
    for _ in range(30):
        c, g, p = rng.normal(), rng.normal(), rng.random()
        plain = np.mean([error(c + g * u, alpha, p) for u in t])
        assert abs(mean_error(c, g, alpha, p) - plain) < 1e-7
        step = 1e-6
        assert abs(rise(c, 0.3, g, alpha, p) - mean_error(c + 0.3, g, alpha, p) + mean_error(c, g, alpha, p)) < 1e-14
        by_c = (mean_error(c + step, g, alpha, p) - mean_error(c - step, g, alpha, p)) / (2 * step)
        by_g = (mean_error(c, g + step, alpha, p) - mean_error(c, g - step, alpha, p)) / (2 * step)
        assert abs(mean_slope(c, g, alpha, p) - by_c) < 1e-5
        assert abs(mean_slopes(c, g, alpha, p)[0] - by_g) < 1e-5
        if alpha > 0.1:
            by_alpha = (mean_error(c, g, alpha + step, p) - mean_error(c, g, alpha - step, p)) / (2 * step)
            assert abs(mean_slopes(c, g, alpha, p)[1] - by_alpha) < 1e-5


@pytest.mark.parametrize("length", [0.3, 7.0, -4.6, 31.5])
def test_means_are_exact_for_cubics(length: float) -> None:
    """On all nodes for which the interval stays inside; 31.5 leaves almost none."""
    x = np.arange(40.0)
    J, out = np.empty(40), np.empty(40)
    power = np.polynomial.Polynomial([0.3, -1.0, 0.02, 0.001])
    interpolation.running_integral(power(x), 40, J)
    interpolation.means(power(x), J, 40, length, 0, 40, out)
    inside = (x + length >= 0) & (x + length <= 39)
    integral = power.integ()
    np.testing.assert_allclose(out[inside], ((integral(x + length) - integral(x)) / length)[inside], atol=1e-12)


@pytest.mark.parametrize("length", [0.3, 7.25, -4.6, 31.5, 60.0])
def test_adjoints(length: float) -> None:
    """<w, A v> = <A^T w, v>, for the means and for the finer lattice."""
    rng = np.random.default_rng(9)
    v, w, J, out, back = rng.normal(size=40), rng.normal(size=40), np.empty(40), np.empty(40), np.zeros(40)
    interpolation.running_integral(v, 40, J)
    interpolation.means(v, J, 40, length, 3, 37, out)
    interpolation.add_from_means(w, 40, length, 3, 37, back, J)
    assert abs(w[:34] @ out[:34] - back @ v) < 1e-12
    slope = interpolation.slope_by_length(w, v, out, 40, length, 3, 37) / length
    ends = []
    for moved in (length + 1e-6, length - 1e-6):
        interpolation.running_integral(v, 40, J)
        interpolation.means(v, J, 40, moved, 3, 37, out)
        ends.append(w[:34] @ out[:34])
    assert abs(slope - (ends[0] - ends[1]) / 2e-6) < 1e-6
    back[:] = 0
    interpolation.finer(v, 40, 15, 0.13, 40, 17, out)
    interpolation.add_from_finer(w, 40, 15, 0.13, 40, 17, back)
    assert abs(w @ out - back @ v) < 1e-12
