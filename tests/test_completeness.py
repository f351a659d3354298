"""The identities and lemmas of derivations/completeness.md: symbolically where they are marked (S), and sampled."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp

from analytic import ToyModel, kernels
from analytic.proofs.closed_form import closed_form_points, dedicated_kind
from analytic.proofs.enclosures import Case, Constants, first_output, second_output, stationarity

x, w, alpha, c, p = sp.symbols("x w alpha c p", positive=True)


def over_row(integrand: sp.Expr) -> sp.Expr:
    """E_x[integrand 1(h > 0)] on a row -alpha < c <= 0: x runs from 1 - w to 1, where c = -alpha (1 - w)."""
    return p * sp.integrate(sp.expand(integrand.subs(c, -alpha * (1 - w))), (x, 1 - w, 1))


ERROR = alpha * x + c - x
PSI = p * w / 2 * ((alpha + 1) * w - 2)


def test_psi_on_partial_rows() -> None:
    assert sp.expand(over_row(ERROR) - PSI) == 0


def test_psi_on_full_rows_is_continuous_at_zero() -> None:
    full = p * sp.integrate(ERROR, (x, 0, 1)) + (1 - p) * c
    assert sp.expand(full - (p * (alpha - 1) / 2 + c)) == 0
    assert sp.expand(full.subs(c, 0) - PSI.subs(w, 1)) == 0


def test_identity_of_lemma_2() -> None:
    left = over_row((2 * alpha * x + c) * ERROR) - alpha * PSI
    assert sp.expand(left - p * alpha * (alpha - 1) * w**3 / 6) == 0


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


@pytest.mark.parametrize("case", Case)
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


def test_closed_form_points_are_stationary() -> None:
    for importance in (1.0, 0.4):
        model = ToyModel.from_density(Fraction(3, 10), importance)
        points = closed_form_points(model)
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
        dedicated_kind(Constants.exact(ToyModel.from_density(Fraction(7, 10), (1, Fraction(k, 40))), False)).value
        for k in range(1, 60)
    ]
    assert kinds[0] == "minimum"
    assert kinds[-1] == "saddle"
    assert sum(a != b for a, b in pairwise(kinds)) == 1
