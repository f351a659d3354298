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
from analytic.proofs.boxes import Problem, impossible
from analytic.proofs.closed_form import closed_form_points, dedicated_kind
from analytic.proofs.enclosures import Case, Constants, first_output, second_output, shared_scale, stationarity
from analytic.proofs.shared_bias import AffineLoss
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


@pytest.mark.parametrize("case", [Case.BOTH, Case.FIRST, Case.SECOND])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("swapped", [False, True])
def test_equations_against_the_gradient(case: Case, sign: int, swapped: bool) -> None:
    """With sigma and the eliminated biases from their equations, the rest are combinations of the compiled gradient."""
    model = ToyModel.from_density((0.3, 0.9) if swapped else (0.9, 0.3), (1.0, 0.6))
    constants = Constants.exact(model, swapped)
    number = Constants(*(float(value) for value in vars(constants).values()))
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
        assert np.allclose(stationarity(case, number, sign, *map(float, at)), expected, atol=1e-11)
        assert abs(by_b2 if case is Case.SECOND else by_b1) < 1e-13
        checked += 1


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("swapped", [False, True])
def test_equations_of_one_bias_against_the_gradient(sign: int, swapped: bool) -> None:
    """With sigma from the stationarity in b, the rest are combinations of the compiled gradient."""
    model = ToyModel.from_density((0.3, 0.9) if swapped else (0.9, 0.3), (1.0, 0.6), bias="shared")
    c = Constants(*(float(value) for value in vars(Constants.exact(model, swapped)).values()))
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
    first, second = Problem(Case.SHARED, False, sign, Constants.enclosed(model, False)).evaluate(numbers, boxes)
    excluded = (first.lo > 0) & (second.lo > 0)
    c = Constants(*(float(value) for value in vars(Constants.exact(model, False)).values()))
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


@pytest.mark.parametrize("sign", [1, -1])
def test_polynomial_where_both_outputs_are_on(sign: int) -> None:
    """c + a rho^2 + q rho^4 is the compiled loss at the best b, exactly for rational weights."""
    model = ToyModel.from_density((Fraction(3, 10), Fraction(4, 5)), (1, Fraction(2, 5)), bias="shared")
    affine = AffineLoss(Constants.exact(model, False), sign)
    checked = 0
    for v in (Fraction(1, 7), Fraction(1, 2), Fraction(1)):
        for rho in (Fraction(1, 9), Fraction(1, 4)):
            b = affine.bias(rho**2, v)
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
