"""The algebra of the bias-free model: one ratio is left, and its stationary values are roots of polynomials.

h is homogeneous: with b = 0, W -> sqrt(s) W sends h to s h. Put W = sqrt(s) (1, t). Then

    L = c - a(t) s + q(t) s^2,    a(t) = 2 sum_i I_i E[x_i g_i+],    q(t) = sum_i I_i E[g_i+^2],    g = h at s = 1

so the best scale is s = a / (2 q), and L = c - a^2 / (4 q) along it. The ratio t is stationary where a^2 / q is, that
is where 2 a' q - a q' vanishes. The signs of the corners decide between three sectors (up to W -> -W):

    confused   t = W2/W1 > 0            every corner but the origin is positive
    antipodal  u = -W2/W1 in (0, 1]     h_1 is positive at A and F, h_2 at A only
    antipodal  -W1/W2 in (0, 1]         the same with the features exchanged

In the first, 2 a' q - a q' is a quartic in t; in the second it is u times a sextic in u.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from derivations.moments import MOMENTS, natural_coordinates, p00, p11, p_other, p_own, stable
from derivations.patterns import alpha, b, beta
from derivations.signs import is_positive

t = sp.Symbol("t", positive=True)
I1, I2 = sp.symbols("I1 I2", positive=True)
p10, p01 = sp.symbols("p10 p01", nonnegative=True)
p, r = sp.symbols("p r", positive=True)

#: Sector name -> (W2/W1 as a function of t, pattern of output 1, pattern of output 2).
SECTORS = {"confused": (t, "AEF", "AEF"), "antipodal": (-t, "AF", "A")}


def _moment(pattern: str, name: str, own_square: sp.Expr, product: sp.Expr, own: sp.Expr, other: sp.Expr) -> sp.Expr:
    """A moment of one output at b = 0."""
    expression = stable(pattern, name).subs(natural_coordinates(pattern), simultaneous=True)
    at = {alpha: own_square, beta: product, b: 0, p_own: own, p_other: other, p00: 0}
    return sp.cancel(expression.subs(at, simultaneous=True))


@cache
def amplitude_and_quartic(sector: str) -> tuple[sp.Expr, sp.Expr]:
    """a(t) and q(t), for any on/off probabilities and importances."""
    ratio, first, second = SECTORS[sector]
    assert set(MOMENTS) >= {"xh", "hh"}
    value = {
        name: I1 * _moment(first, name, sp.Integer(1), ratio, p10, p01)
        + I2 * _moment(second, name, t**2, ratio, p01, p10)
        for name in ("xh", "hh")
    }
    return sp.expand(2 * value["xh"]), sp.expand(value["hh"])


@cache
def stationary_polynomial(sector: str) -> sp.Poly:
    """The polynomial in t whose positive roots (in (0, 1] for "antipodal") are the stationary ratios.

    It has the sign of d(a^2/q)/dt, which is the sign of -dL/dt at the best scale: a change from + to - is a minimum.
    It is scaled to integer coefficients.
    """
    a, q = amplitude_and_quartic(sector)
    poly = sp.Poly(sp.expand(2 * sp.diff(a, t) * q - a * sp.diff(q, t)), t)
    if sector == "antipodal":
        poly = sp.Poly(sp.expand(sp.cancel(poly.as_expr() / t)), t)
    content = sp.ilcm(*(sp.fraction(sp.together(c))[1] for c in poly.all_coeffs()))
    return sp.Poly(sp.expand(poly.as_expr() * content), t)


def independent(expression: sp.Expr) -> sp.Expr:
    """The expression for two independent features of density p, with importances (1, r)."""
    return sp.expand(expression.subs({p10: p * (1 - p), p01: p * (1 - p), p11: p**2, I1: 1, I2: r}, simultaneous=True))


@cache
def quartic() -> sp.Poly:
    """The confused sector's polynomial for independent features, divided by -p^2."""
    return sp.Poly(sp.cancel(-independent(stationary_polynomial("confused").as_expr()) / p**2), t)


@cache
def sextic() -> sp.Poly:
    """The antipodal sector's polynomial for independent features, divided by p^2."""
    return sp.Poly(sp.cancel(independent(stationary_polynomial("antipodal").as_expr()) / p**2), t)


@cache
def discriminant(sector: str) -> tuple[sp.Expr, tuple[tuple[sp.Expr, int], ...]]:
    """The discriminant of `quartic` or `sextic` by t, factored: the constant, and (factor, multiplicity)."""
    polynomial = {"confused": quartic, "antipodal": sextic}[sector]()
    constant, factors = sp.factor_list(polynomial.discriminant(), p, r)
    return constant, tuple(factors)


def boundary_polynomials() -> dict[str, sp.Expr]:
    """Polynomials in (p, r) that vanish on the boundaries of the diagram for independent features of density p.

    "fold": two stationary points with W1 W2 < 0 merge; the factor of the sextic's discriminant that changes sign.
    "instability": the axis W2 = 0 turns from repelling to attracting on the side W1 W2 < 0; the sextic's constant term.
    """
    _, factors = discriminant("antipodal")
    fold = max((factor for factor, _ in factors), key=lambda factor: sp.Poly(factor, p, r).total_degree())
    return {"fold": fold, "instability": sp.factor(sextic().all_coeffs()[-1] / 4)}


def confused_is_unique() -> bool:
    """Whether the quartic has exactly one positive root for independent features of equal density, by Descartes' rule.

    Up to a common factor its coefficients of 1, t, ..., t^4 are -12 p r, k - m, 0, r (k + m), 12 p r with
    k = 16 (1 - r) and m = 9 p^2 (1 + r) > 0. Were there more than one sign variation, k - m > 0 > k + m would hold.
    """
    c4, c3, c2, c1, c0 = (sp.factor(c) for c in quartic().all_coeffs())
    ends = sp.simplify(c0 + 12 * p * r) == 0 and sp.simplify(c4 - 12 * p * r) == 0 and c2 == 0
    low = sp.expand(c1 - (16 * (1 - r) - 9 * p**2 * (1 + r))) == 0
    high = sp.expand(c3 / r - (16 * (1 - r) + 9 * p**2 * (1 + r))) == 0
    return bool(ends and low and high)


def symmetric_loss(sector: str) -> sp.Expr:
    """L at the best scale for r = 1 and W proportional to (1, 1) or (1, -1)."""
    a, q = (independent(value).subs({t: 1, r: 1}) for value in amplitude_and_quartic(sector))
    return sp.factor(2 * p / 3 - a**2 / (4 * q))


def tie_polynomial() -> sp.Expr:
    """For r = 1: the factor of the difference of the two symmetric losses that vanishes inside 0 < p < 1."""
    difference = sp.factor(symmetric_loss("confused") - symmetric_loss("antipodal"))
    return next(factor for factor, _ in sp.factor_list(sp.numer(difference))[1] if factor.has(p) and factor != p)


def tie_density() -> sp.Expr:
    """The density at which, for r = 1, the confused and the antipodal minimum have the same loss."""
    return next(root for root in sp.solve(tie_polynomial(), p) if root < 1)


def symmetric_quotient() -> sp.Poly:
    """The sextic at r = 1, divided by 1 - t.

    For p < (8 - 4 sqrt 2)/3 its coefficients change sign once, so it has one positive root; it is positive at t = 0
    and t = 1, so that root lies beyond 1. Then the sextic changes from + to - at t = 1 and has no root in (0, 1):
    W proportional to (1, -1) is the only antipodal stationary point, a minimum. At r = 1 the other half mirrors this.
    """
    return sp.Poly(sp.cancel(sextic().as_expr().subs(r, 1) / (1 - t)), t)


def tie_is_equal() -> bool:
    """Whether both symmetric points have the same loss at the tie."""
    difference = symmetric_loss("confused") - symmetric_loss("antipodal")
    return bool(0 < tie_density() < 1 and sp.simplify(difference.subs(p, tie_density())) == 0)


def antipodal_is_unique_at_equal_importance() -> bool:
    """The counting of roots in `symmetric_quotient`: signs of its coefficients, and its values at 0 and 1."""
    quotient = symmetric_quotient()
    exact = sp.expand(quotient.as_expr() * (1 - t) - sextic().as_expr().subs(r, 1)) == 0
    *high, c1, c0 = quotient.all_coeffs()
    below = sp.Poly(c0, p).all_coeffs()[0] > 0 and min(sp.solve(c0, p)) == (8 - 4 * sp.sqrt(2)) / 3
    at_one = sp.Poly(quotient.as_expr().subs(t, 1), p)
    positive_at_one = at_one.discriminant() < 0 and at_one.all_coeffs()[0] > 0
    signs = is_positive(c1, p) and all(is_positive(-c, p) for c in high)
    return bool(exact and below and positive_at_one and signs)
