"""The lemmas of derivations/completeness.md, sampled, and the package's equations against them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp

from analytic import ToyModel
from analytic.loss import kernels
from analytic.models.bias import Bias
from analytic.proofs.affine import AffineLoss
from analytic.proofs.boxes import Problem, impossible, low
from analytic.proofs.closed_form import closed_form_points, corner_kind, dedicated_kind
from analytic.proofs.enclosures import Case, Constants, first_output, second_output, shared_scale, stationarity
from analytic.proofs.sturm import evaluate


def stationary_biases(moments_at: object, lowest: float, highest: float) -> list[float]:
    """Sign changes of G over b, refined by bisection."""
    grid = np.linspace(lowest, highest, 300)
    G = [moments_at(b)[2] - moments_at(b)[4] for b in grid]  # type: ignore[operator]
    roots = []
    for i in np.flatnonzero(np.sign(G[:-1]) * np.sign(G[1:]) < 0):
        low, high = grid[i], grid[i + 1]
        for _ in range(60):
            middle = (low + high) / 2
            value = moments_at(middle)[2] - moments_at(middle)[4]  # type: ignore[operator]
            low, high = (middle, high) if value * G[i] > 0 else (low, middle)
        roots.append((low + high) / 2)
    return roots


def test_lemmas_on_random_outputs() -> None:
    """Cross term, firing with the own feature off, and height, at every live b with G = 0 that a grid finds."""
    rng = np.random.default_rng(10)
    seen = low_rows = 0
    for _ in range(600):
        p_own, p_other = rng.uniform(0.02, 1, 2)
        a = 10 ** rng.uniform(-1.5, 1.5)
        beta = a * rng.normal()
        patterns = ((1 - p_own) * (1 - p_other), p_own * (1 - p_other), p_other * (1 - p_own), p_own * p_other)
        moments_at = lambda b, a=a, beta=beta, q=patterns: kernels.moments(a, beta, b, *q)  # noqa: E731
        for b in stationary_biases(moments_at, -a - max(beta, 0.0) + 1e-9, 2 + abs(beta)):
            _, xh, _, yh, _, xx, xy = moments_at(b)
            assert beta * (yh - xy) > 0
            assert a + max(beta, 0.0) + b > p_own / 2
            if max(b, beta + b) <= 0:
                low_rows += 1
                assert a > 1
                assert 2 * (xh - xx) + beta / a * (yh - xy) > 0
            seen += 1
    assert seen > 500
    assert low_rows > 100


def floats(constants: Constants) -> Constants:
    return Constants(*map(float, constants.numbers))


def correlated(bias: Bias, swapped: bool) -> ToyModel:
    """Densities 0.9 and 0.3 as in the independent model, but P11 = 0.22 instead of 0.27."""
    alone = (0.08, 0.68) if swapped else (0.68, 0.08)
    return ToyModel.from_patterns(0.02, *alone, 0.22, importance=(1.0, 0.6), bias=bias)


@pytest.mark.parametrize("case", [Case.BOTH, Case.FIRST, Case.SECOND])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("independent", [True, False])
def test_equations_against_the_gradient(case: Case, sign: int, swapped: bool, independent: bool) -> None:
    """With sigma and the eliminated biases from their equations, the rest are combinations of the compiled gradient."""
    model = ToyModel.from_density((0.3, 0.9) if swapped else (0.9, 0.3), (1.0, 0.6))
    model = model if independent else correlated(Bias.PER_FEATURE, swapped)
    number = floats(Constants.exact(model, swapped))
    rng = np.random.default_rng(11)
    checked = 0
    while checked < 30:
        at = rng.uniform(0.1, 0.9, case.dimension)
        if case is Case.SECOND:
            # the first output is always on only for similar weights, close to where the second is always on too
            at = np.array([1 - at[0] / 4, at[1] / 8 if sign > 0 else 1 - at[1] / 8])
        tau = at[0]
        if case is Case.SECOND:
            h, _, _, x_on, *_ = second_output(number, sign, tau, at[1])
            sigma = x_on / h / tau
        else:
            h, *_, divided, _, _ = first_output(number, sign, tau, at[1])
            sigma = 1 - tau * divided / h
        beta = sign * sigma * tau
        b1 = number.p1 / 2 * (1 - sigma) - beta * number.p2 / 2 if case is Case.SECOND else -beta * at[1]
        b2 = number.p2 / 2 * (1 - sigma * tau**2) - beta * number.p1 / 2 if case is Case.FIRST else -beta * at[-1]
        always_on = {Case.BOTH: 1.0, Case.FIRST: b2, Case.SECOND: b1}[case]
        if always_on <= max(0.0, -beta):
            continue
        W, b = np.array([sigma**0.5, sign * tau * sigma**0.5]), np.array([b1, b2])
        order = [1, 0] if swapped else [0, 1]
        by_W1, by_W2, by_b1, by_b2 = model.gradient(W[order], b[order])[[*order, *(2 + i for i in order)]]
        first, ratio = by_W1 / (2 * W[0]), (W[0] * by_W1 - W[1] * by_W2) / (4 * sigma)
        expected = {
            Case.BOTH: (by_b2 / (2 * number.I2), first / tau, ratio / tau),
            Case.FIRST: ((first - 2 * ratio) / tau**2, ratio / tau),
            Case.SECOND: ((first - 2 * ratio) / tau, tau * ratio),
        }[case]
        if not independent and case is not Case.BOTH:
            expected = tau * expected[0], expected[1]
        assert np.allclose(stationarity(case, number, sign, *map(float, at)), expected, atol=1e-11)
        assert abs(by_b2 if case is Case.SECOND else by_b1) < 1e-13
        checked += 1


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("independent", [True, False])
def test_equations_of_one_bias_against_the_gradient(sign: int, swapped: bool, independent: bool) -> None:
    """With sigma from the stationarity in b, the rest are combinations of the compiled gradient."""
    model = ToyModel.from_density((0.3, 0.9) if swapped else (0.9, 0.3), (1.0, 0.6), bias="shared")
    model = model if independent else correlated(Bias.SHARED, swapped)
    c = floats(Constants.exact(model, swapped))
    rng = np.random.default_rng(12)
    order = [1, 0] if swapped else [0, 1]
    for tau, k in rng.uniform(0, 1, (100, 2)):
        sigma = 1 + shared_scale(c, sign, tau, k)[0]
        W = np.array([sigma**0.5, sign * tau * sigma**0.5])
        *by_W, by_b = model.gradient(W[order], -sign * sigma * tau * k)
        by_W1, by_W2 = (by_W[i] for i in order)
        first, second = by_W1 / (2 * W[0]), by_W2 / (2 * W[0])
        assert abs(by_b) < 1e-13
        expected = (first - sign * tau * second) / 2, second
        assert np.allclose(stationarity(Case.SHARED, c, sign, tau, k), expected, atol=1e-12)


def test_lemmas_of_one_bias_on_random_outputs() -> None:
    """The two inequalities behind Lemma 4 where all rows are at most zero, and that of Lemma 5 where h is low."""
    rng = np.random.default_rng(13)
    low = 0
    for _ in range(3000):
        p_own, p_other = rng.uniform(0.02, 1, 2)
        a, beta = 10 ** rng.uniform(-1.5, 1.5), rng.normal() * 2
        b = -max(beta, 0.0) - rng.random() * a
        if a + max(beta, 0.0) + b <= 0:
            continue
        patterns = ((1 - p_own) * (1 - p_other), p_own * (1 - p_other), p_other * (1 - p_own), p_own * p_other)
        _, xh, h, yh, x_on, xx, xy = kernels.moments(a, beta, b, *patterns)
        G, A, B = h - x_on, xh - xx, yh - xy
        turning_point = -a * (a - 1) / (a + 1)
        assert beta * B >= (turning_point - b) * G - 1e-12 * (1 + a)
        weight = 2 * A + beta / a * B - (1 - b / a) * G
        assert (weight > -1e-12) if a > 1 else (weight < 1e-12)
        if a + max(beta, 0.0) + b < p_own / 2:
            low += 1
            assert max(G, A) < 0
    assert low > 200


def numbers(case: Case, sign: int, c: Constants, box: Sequence[Any]) -> list[Any]:
    return list(impossible(case, sign, c, box)[0])


@pytest.mark.parametrize("sign", [1, -1])
def test_boxes_excluded_by_lemma_5(sign: int) -> None:
    """Wherever the test on boxes uses the lemma, G2 and A2 are negative and the inequality fails."""
    model = ToyModel.from_density((0.6, 0.4), (1.0, 0.5), bias="shared")
    rng = np.random.default_rng(15)
    low = rng.uniform(0, 0.95, (3000, 2)) ** 2
    low[:, 1] = 0.95 - low[:, 1] if sign > 0 else low[:, 1]
    boxes = np.stack([low, low + 0.05 * rng.random((3000, 1))], -1)
    first, second = Problem(Case.SHARED, False, sign, Constants.exact(model, False)).evaluate(numbers, boxes)
    excluded = (first.lo > 0) & (second.lo > 0)
    c = floats(Constants.exact(model, False))
    assert 100 < excluded.sum() < 2900
    for tau, k in boxes[excluded].mean(-1):
        excess, (h1, xh1, _, dh, da, _), (h2, xh2, _, x2, xx2, _) = shared_scale(c, sign, tau, k)
        w = tau * (1 + excess)
        assert w * (tau + (1 - k if sign > 0 else k)) < c.p2 / 2
        assert max(w * h2 - x2, w * xh2 - xx2) < 0
        assert h1 * da > xh1 * dh


def test_corner_of_lemma_5() -> None:
    p1, p2 = sp.symbols("p1 p2", positive=True)
    c = Constants(1, 1, p1, p2, (1 - p1) * (1 - p2), p1 * (1 - p2), p2 * (1 - p1), p1 * p2, 0, 0)
    h, xh, _, dh, da, _ = first_output(c, 1, sp.Integer(0), sp.Integer(1))
    assert sp.expand(h * da - xh * dh - p1**2 * (2 - p2) / 24) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_rays_along_the_axis(sign: int) -> None:
    """N(0) = 2 a'(0) q(0) - a(0) q'(0) in closed form."""
    I1, I2, p1, p2, v1, v2 = sp.symbols("I1 I2 p1 p2 v1 v2", positive=True)
    affine = AffineLoss(Constants(I1, I2, p1, p2, 0, 0, 0, 0, v1, v2), sign)
    a, q = affine.linear(), affine.square()
    expected = sign * affine.coupling * (p2 - p1) * p2 * I1 * v1
    assert sp.expand(sp.simplify(2 * a[1] * q[0] - a[0] * q[1] - expected)) == 0


def split_means(a: float, beta: float, b: float, q: Sequence[float]) -> tuple[float, float, float]:
    """G, A and B of one output."""
    _, xh, h, yh, x_on, xx, xy = kernels.moments(a, beta, b, *q)
    return h - x_on, xh - xx, yh - xy


def random_patterns(rng: np.random.Generator) -> tuple[float, ...]:
    """Often extreme ones: nearly perfectly correlated, nearly exclusive."""
    return tuple(rng.dirichlet(rng.choice([0.1, 0.3, 1.0], 4)) * (1 - 4e-6) + 1e-6)


def test_lemma_6_on_random_patterns() -> None:
    """An output below importance one: A < 0, and what follows where the cross term has the wrong sign."""
    rng = np.random.default_rng(16)
    wrong = {1: 0, -1: 0}
    for _ in range(300):
        q, a, sign = random_patterns(rng), rng.uniform(0.02, 1), int(rng.choice([1, -1]))
        beta = sign * 10 ** rng.uniform(-2, 0.5)
        moments_at = lambda b, a=a, beta=beta, q=q: kernels.moments(a, beta, b, *q)  # noqa: E731
        for b in stationary_biases(moments_at, -a - max(beta, 0.0) + 1e-9, 1 + abs(beta)):
            _, A, B = split_means(a, beta, b, q)
            assert A < 0
            if beta * B < -1e-13:
                wrong[sign] += 1
                assert beta < 0.75 * (1 - a)
                assert sign > 0 or abs(beta * B) <= (1 - a) / 4 * abs(A) * (1 + 1e-9)
    assert min(wrong.values()) > 8


def low_output(a: float, first: float, last: float) -> tuple[float, float, float] | None:
    """2 A, T and the share of the row `first`, at which G = 0; the other rows have widths from `first` to `last`."""
    ends = np.array([max(last, 0.0), first])
    powers = {n: (ends[1] ** (n + 1) - ends[0] ** (n + 1)) / (n + 1) / (first - last) for n in (1, 2, 3)}
    pull, row = (a + 1) * powers[2] - 2 * powers[1], (a + 1) * first**2 - 2 * first
    if not first > 0 or pull * row >= 0:
        return None
    share = -pull / row
    squares, cubes = share * first**2 + powers[2], share * first**3 + powers[3]
    return squares - (a + 2) / 3 * cubes, (a - 1) / 6 * cubes, share


def test_lemma_7_on_random_rows() -> None:
    """Where all rows are low and A < 0: the bounds on A and on the slope of the rows."""
    rng = np.random.default_rng(17)
    seen = {1: 0, -1: 0}
    for _ in range(30000):
        a, d, sign = 1 + 10 ** rng.uniform(-2, 1), rng.uniform(0, 1.5), int(rng.choice([1, -1]))
        first = rng.uniform(0, 1) ** rng.choice([1, 3])
        found = low_output(a, first, first + sign * d) if first + sign * d <= 1 else None
        if found is not None and found[0] < 0:
            seen[sign] += 1
            assert -found[0] / 2 <= found[1]
            assert (d**2 * a > 0.2) if sign < 0 else (a * d > 0.75 * (1 - d**2 * a))
    assert min(seen.values()) > 50


def test_rows_of_a_low_output_against_the_moments() -> None:
    """The means over widths of the test above are those of the compiled moments."""
    a, d, first, sign = 1.3, 0.8, 0.95, -1
    twice_A, _, share = low_output(a, first, first + sign * d)  # type: ignore[misc]
    both_on, own = 0.1, 0.1 * share
    patterns = (0.9 - own - 0.3, own, 0.3, both_on)
    G, A, _ = split_means(a, sign * a * d, a * (first - 1), patterns)
    assert abs(G) < 1e-15
    assert abs(2 * A - both_on * twice_A) < 1e-15


def test_lemma_8_on_random_patterns() -> None:
    """Wherever the number of the lemma is positive, G and A of the second output are negative."""
    rng, seen = np.random.default_rng(21), {1: 0, -1: 0}
    for _ in range(20000):
        p00, p10, p01, p11 = rng.dirichlet([0.5, 0.5, 0.5, 1.0])
        p01, p00 = (0.0, p00 + p01) if rng.random() < 0.3 else (p01, p00)
        tau, k, sign = rng.random() ** 2, rng.random() ** 2, int(rng.choice([1, -1]))
        k, w = (1 - k if sign > 0 else k), rng.random()
        p1, p2 = p10 + p11, p01 + p11
        c = Constants(1.0, 1.0, p1, p2, p00, p10, p01, p11, 0, 0, (p11 - p1 * p2) / 4, p11 / p1)
        if low(c, sign, w, tau + (1 - k if sign > 0 else k)) > 0:
            h, xh, _, x_on, xx, _ = second_output(c, sign, tau, k)
            seen[sign] += h > 0
            assert h == 0 or max(w * h - x_on, w * xh - xx) < 1e-15
    assert min(seen.values()) > 500


def test_an_output_fires_when_its_own_feature_is_off() -> None:
    """Lemma 2 for any patterns: a low output, the other one, and the importances that would make W stationary."""
    rng = np.random.default_rng(18)
    seen = 0
    for _ in range(300):
        p00, only_i, only_j, both = random_patterns(rng)
        a, other = 1 + 10 ** rng.uniform(-2, 1), 10 ** rng.uniform(-3, 1)
        beta = float(rng.choice([1, -1])) * (a * other) ** 0.5
        q, mirrored = (p00, only_i, only_j, both), (p00, only_j, only_i, both)
        at_i = lambda b, a=a, beta=beta, q=q: kernels.moments(a, beta, b, *q)  # noqa: E731
        at_j = lambda b, a=other, beta=beta, q=mirrored: kernels.moments(a, beta, b, *q)  # noqa: E731
        for lowest in stationary_biases(at_i, -a - max(beta, 0.0) + 1e-9, -max(beta, 0.0)):
            _, A, B = split_means(a, beta, lowest, q)
            for b in stationary_biases(at_j, -other - max(beta, 0.0) + 1e-9, 1 + abs(beta)):
                _, A2, B2 = split_means(other, beta, b, mirrored)
                if A * A2 > 0:
                    importance = other * A2 / (a * A)
                    assert 2 * other * A2 + beta * (importance * B + B2) > 0
                    seen += 1
    assert seen > 5


@pytest.mark.parametrize("bias", [Bias.SHARED, Bias.PER_FEATURE])
@pytest.mark.parametrize("sign", [1, -1])
def test_correlated_polynomial_where_both_outputs_are_on(bias: Bias, sign: int) -> None:
    """Loss and least h on rays are the polynomials, exactly for rational weights."""
    model = ToyModel.from_patterns(
        Fraction(1, 10), Fraction(3, 10), Fraction(1, 5), Fraction(2, 5), importance=(1, Fraction(2, 5)), bias=bias
    )
    affine = AffineLoss(Constants.exact(model, False), sign, bias)
    for v, rho in ((Fraction(1, 7), Fraction(1, 9)), (Fraction(1, 2), Fraction(1, 4)), (Fraction(1), Fraction(1, 3))):
        W, beta = (rho, sign * v * rho), sign * v * rho**2
        biases = affine.biases(rho**2, v)
        b = biases if bias == "per-feature" else biases[0]
        assert min(biases) + min(0, beta) > 0
        a, q = evaluate(affine.linear(), v), evaluate(affine.square(), v)
        assert model.exact_loss(W, b) == affine.offset + a * rho**2 + q * rho**4
        sigma = -a / (2 * q)
        least = [x + min(0, sign * sigma * v) for x in affine.biases(sigma, v)]
        margins = [evaluate(margin, v) / (4 * q) for margin in affine.margins()]
        assert margins == (least if bias == "per-feature" else [sum(affine.c.numbers[:2]) * least[0]])


@pytest.mark.parametrize(
    ("patterns", "kind"), [((4, 1, 1, 10), "minimum"), ((10, 3, 3, 4), "saddle"), ((3, 4, 4, 1), "saddle")]
)
def test_corner_of_correlated_features(patterns: tuple[int, ...], kind: str) -> None:
    """The kind in closed form against the loss at random points close by; with a shared bias always a minimum."""
    p00, p10, p01, p11 = (Fraction(n, sum(patterns)) for n in patterns)
    model = ToyModel.from_patterns(p00, p10, p01, p11)
    assert corner_kind(Constants.exact(model, False), Bias.PER_FEATURE) == kind
    corner, step = model.loss([0.5**0.5] * 2, [0.0, 0.0]), np.random.default_rng(19).normal(size=(200000, 4)) * 1e-3
    falls = (model.loss(0.5**0.5 + step[:, :2], step[:, 2:]) < corner).any()
    assert falls == (kind == "saddle")
    shared = ToyModel.from_patterns(p00, p10, p01, p11, bias="shared")
    assert (shared.loss(0.5**0.5 + step[:, :2], step[:, 2]) > corner).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_polynomial_where_both_outputs_are_on(sign: int) -> None:
    """c + a rho^2 + q rho^4 is the compiled loss at the best b, exactly for rational weights."""
    model = ToyModel.from_density((Fraction(3, 10), Fraction(4, 5)), (1, Fraction(2, 5)), bias="shared")
    affine = AffineLoss(Constants.exact(model, False), sign)
    checked = 0
    for v in (Fraction(1, 7), Fraction(1, 2), Fraction(1)):
        for rho in (Fraction(1, 9), Fraction(1, 4)):
            b, _ = affine.biases(rho**2, v)
            assert b + min(0, sign * v * rho**2) > 0
            a, q = evaluate(affine.linear(), v), evaluate(affine.square(), v)
            assert model.exact_loss((rho, sign * v * rho), b) == affine.offset + a * rho**2 + q * rho**4
            assert model.exact_loss((rho, sign * v * rho), b + Fraction(1, 99)) > model.exact_loss(
                (rho, sign * v * rho), b
            )
            checked += 1
    assert checked == 6


def test_corner_is_a_minimum_with_one_bias() -> None:
    """Section 9: no point close by is lower."""
    model = ToyModel.from_density(Fraction(3, 10), 1, bias="shared")
    corner = model.loss([0.5**0.5, 0.5**0.5], 0.0)
    rng = np.random.default_rng(14)
    step = rng.normal(size=(4000, 3)) * 1e-3
    assert (model.loss(0.5**0.5 + step[:, :2], step[:, 2]) > corner).all()


def test_closed_form_points_are_stationary() -> None:
    for importance in (1.0, 0.4):
        model = ToyModel.from_density(Fraction(3, 10), importance)
        points, decided = closed_form_points(model)
        assert decided
        assert len(points) == (4 if importance == 1 else 3)
        for point in points:
            W, b = np.mean(point.W, axis=1), np.mean(point.b, axis=1)
            assert np.abs(model.gradient(W, b)).max() < 1e-15
            assert np.allclose(point.loss, model.loss(W, b), rtol=1e-14)


def test_corner_is_a_saddle() -> None:
    """Along the circle W1^2 + W2^2 = 1 with b_i = p (1 - alpha_i - beta) / 2 the loss falls to both sides."""
    model = ToyModel.from_density(Fraction(3, 10), 1)
    for step in (1e-3, -1e-3):
        W = np.array([np.cos(np.pi / 4 + step), np.sin(np.pi / 4 + step)])
        b = 0.15 * (1 - W**2 - W[0] * W[1])
        assert model.loss(W, b) < model.loss([0.5**0.5, 0.5**0.5], [0.0, 0.0]) - 1e-9


def test_dedicated_kind_changes_once_with_importance() -> None:
    """Importance of the feature that is not represented only hurts: the kind changes once, minimum to saddle."""
    kinds = [
        dedicated_kind(Constants.exact(ToyModel.from_density(Fraction(7, 10), (1, Fraction(k, 40))), False))
        for k in range(1, 60)
    ]
    assert kinds[0] == "minimum"
    assert kinds[-1] == "saddle"
    assert sum(a != b for a, b in pairwise(kinds)) == 1
