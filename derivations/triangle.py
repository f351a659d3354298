"""Equal importances: the triangle of three features in the plane, and the digon of two on a line, from the definition.

Let all outputs of a group of k features see the same: h = a x_1 + g (x_2 + ... + x_k) + b with g = -a/(k - 1), so that
the W_i point to the corners of a regular simplex. By homogeneity h = a h(1), b = a beta, and the loss of the group is

    k (p/3 - 2 a X + a^2 Y),   X = E[x_1 h_+],  Y = E[h_+^2]  at a = 1;   the best a is X/Y, of loss  k (p/3 - X^2/Y)

With beta between 0 and the next corner, positive are b, a + b, and what has x_1 = 1. There X and Y are polynomials in
beta and p (`moments`), and a best beta is a root of `stationarity` = 2 X' Y - X Y'. Triangle and digon (with the third
feature by itself, at no loss) tie where the two losses agree: three polynomial equations, solved by `crossing` to any
number of digits.

*Without bias*, beta = 0: both losses are explicit (`unbiased_losses`). The triangle's is higher at every density in
(0, 1], by Sturm's theorem (`triangle_is_worse`): without bias the triangle is never the best. But a digon with a
feature by itself is no minimum either. Let feature 1 lean towards the third one: W_1 = (w, epsilon), W_2 = (-w, 0),
W_3 = (0, 1) with w^2 = s. To first order nothing changes but h_1 = s (x_1 - x_2) + epsilon x_3, and h_3 where feature 3
is off, at a cost of order epsilon^2. The slope of the loss is p `leaning`, negative for all p: the best of three in two
is strictly below the pair's.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations

import mpmath as mp
import sympy as sp

beta, p, s = sp.symbols("beta p s", positive=True)
#: A value of beta between 0 and 1/2, the lowest other corner of the two groups.
_INSIDE = sp.Rational(1, 5)


def _over_cube(slopes: tuple[sp.Rational, ...]) -> sp.Expr:
    """E[h_+^2] for h = beta + sum_j g_j x_j, all x_j on: corners, by iterated integration."""
    k, total = len(slopes), sp.Integer(0)
    for size in range(k + 1):
        for chosen in combinations(slopes, size):
            corner = beta + sum(chosen)
            if corner.subs(beta, _INSIDE) > 0:
                total += (-1) ** (k - size) * corner ** (2 + k)
    return 2 * total / sp.factorial(2 + k) / sp.prod(slopes)


@cache
def moments(k: int) -> tuple[sp.Expr, sp.Expr]:
    """X and Y of a simplex of k features, as polynomials in beta and p."""
    slope, X, Y = -sp.Rational(1, k - 1), sp.Integer(0), sp.Integer(0)
    for size in range(k):
        others = (slope,) * size
        weight = sp.binomial(k - 1, size) * p**size * (1 - p) ** (k - 1 - size)
        border, inside = _over_cube(others).subs(beta, beta + 1), _over_cube((sp.Integer(1), *others))
        if size:  # x_1 = 1 lifts every corner above zero
            border = _polynomial_second_moment(others)
        X += p * weight * (border - inside) / 2
        Y += weight * (p * inside + (1 - p) * _over_cube(others))
    return sp.expand(sp.cancel(X)), sp.expand(sp.cancel(Y))


def _polynomial_second_moment(slopes: tuple[sp.Rational, ...]) -> sp.Expr:
    """E[(1 + beta + sum_j g_j x_j)^2], positive throughout."""
    mean = 1 + beta + sum(slopes) / 2
    return mean**2 + sum(slope**2 for slope in slopes) / 12


@cache
def stationarity(k: int) -> sp.Expr:
    """A polynomial in beta and p that vanishes at the best beta."""
    X, Y = moments(k)
    return sp.factor(2 * sp.diff(X, beta) * Y - X * sp.diff(Y, beta))


def loss(k: int) -> sp.Expr:
    """The loss of the group at its best size, in beta and p."""
    X, Y = moments(k)
    return k * (p / 3 - X**2 / Y)


def crossing(digits: int = 30) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """The density at which triangle and digon tie, and beta of both there."""
    three, two = sp.symbols("beta_3 beta_2", positive=True)
    equations = [stationarity(3).subs(beta, three), stationarity(2).subs(beta, two)]
    equations.append(loss(3).subs(beta, three) - loss(2).subs(beta, two))
    with mp.workdps(digits + 10):
        solve = sp.lambdify((p, three, two), equations, "mpmath")
        density, first, second = mp.findroot(solve, (mp.mpf("0.5218"), mp.mpf("0.192"), mp.mpf("0.128")))
        return +density, +first, +second


def unbiased_losses() -> tuple[sp.Expr, sp.Expr]:
    """Triangle, and digon with a feature by itself, without bias."""
    return sp.factor(loss(3).subs(beta, 0)), sp.factor(loss(2).subs(beta, 0))


def triangle_is_worse() -> bool:
    """Whether, without bias, the triangle's loss is the higher one for all densities in (0, 1]."""
    triangle, digon = unbiased_losses()
    numerator, denominator = (sp.Poly(part, p) for part in sp.fraction(sp.cancel((triangle - digon) / p)))
    # no change of sign on [0, 1], and a positive difference at one density
    roots = [sp.count_roots(part, 0, 1) for part in (sp.Poly(sp.cancel(numerator / p), p), denominator)]
    return numerator.eval(0) == 0 and roots == [0, 0] and bool((triangle - digon).subs(p, 1) > 0)


def leaning() -> sp.Expr:
    """dL/d epsilon at epsilon = 0, over p: E[(h_1 - x_1) 1(h_1 > 0)], since x_3 is independent and has mean p/2."""
    alone = p * (1 - p) * (s - 1) / 2
    # over x_1 > x_2: E[x_1 - x_2] = 1/6, E[x_1] = 1/3
    both = p**2 * (s / 6 - sp.Rational(1, 3))
    X, Y = (each.subs(beta, 0) for each in moments(2))
    return sp.factor((alone + both).subs(s, X / Y))
