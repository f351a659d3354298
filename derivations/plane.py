"""The plane of density and importance without bias: across which curves the stationary points change, and no others.

Section 12 of completeness.md has the argument; here are its steps that are algebra, marked (S13), (S14), .... Two
independent features of density p, importances (1, r); S(u; p, r) is the sextic of `unbiased` for W = sqrt(s) (1, -u).
Everything follows from one fact: S = A r^2 + B r + C with A > 0 > C, so that for every p and u there is one importance
phi(p, u) at which the ratio u is stationary, and S has the sign of r - phi. All that can happen in the plane is
then a question about the graph of phi: polynomials in p and u instead of discriminants in p and r.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from derivations.signs import bernstein, is_positive_inside, is_positive_on_box, sign_inside
from derivations.unbiased import amplitude_and_quartic, independent, p, quartic, r, sextic
from derivations.unbiased import t as u

#: Below this ratio phi grows with p; the fold stays below it.
RATIO = sp.Rational(141, 200)
#: A lower bound of phi.
LOW = p * (2 + p) / 5
#: Densities between which the seventh to ninth Bernstein coefficient of `fold_ratio` change their signs, one by one.
TURNS = sp.Rational(13, 20), sp.Rational(17, 20)


def threshold() -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """A, B, C of the sextic as a polynomial in r."""
    A, B, C = sextic().as_expr().as_poly(r).all_coeffs()
    return A, B, C


@cache
def fold_ratio() -> sp.Expr:
    """G(p, u), which vanishes where u is a double root of the sextic for some r: the resultant by r over -8 p^2 u^4."""
    S = sextic().as_expr()
    return sp.cancel(sp.resultant(S, sp.diff(S, u), r) / (-8 * p**2 * u**4))


def normalised(sector: str) -> tuple[sp.Expr, sp.Expr]:
    """a / p and q / p, which are linear in p and in r."""
    a, q = (sp.expand(independent(value) / p) for value in amplitude_and_quartic(sector))
    return a, q


def slope_in_density(sector: str) -> sp.Expr:
    """The sign of -d(L/p)/dp along stationary points: 2 a_p q - a q_p for a / p and q / p."""
    a, q = normalised(sector)
    return sp.expand(2 * sp.diff(a, p) * q - a * sp.diff(q, p))


def one_importance_for_each_ratio() -> bool:
    """(S13): A > 0 > C for 0 < p <= 1, 0 < u <= 1, and the sextic at both ends."""
    A, _, C = threshold()
    S = sextic().as_expr()
    steep = sp.expand(A - p * u**5 * (3 * p * u + 16 * (1 - p))) == 0
    at_zero = sp.expand(S.subs(u, 0) - 4 * (9 * p**2 - 16 * p + 32 * r * (1 - p))) == 0
    at_one = sp.expand(S.subs(u, 1) - p * (16 - 13 * p) * (r**2 - 1)) == 0
    return bool(steep and at_zero and at_one and is_positive_on_box(-sp.cancel(C / p), {p: (0, 1), u: (0, 1)}))


def one_fold_for_each_density() -> bool:
    """(S14): the Bernstein coefficients of G on 0 <= u <= 1 change sign exactly once, for every 0 < p <= 1."""
    low, high = TURNS
    coefficients = bernstein(fold_ratio(), u)
    seventh, eighth, ninth = coefficients[7:10]
    at_one = [c.subs(p, 1) for c in coefficients]
    return bool(
        max(at_one[:10]) <= 0 < min(at_one[10:])
        and {sign_inside(c, p, 0, 1) for c in coefficients[:7]} == {-1}
        and {sign_inside(c, p, 0, 1) for c in coefficients[10:]} == {1}
        and sign_inside(eighth, p, 0, low) == sign_inside(ninth, p, 0, high) == 1
        and sign_inside(seventh, p, low, 1) == sign_inside(eighth, p, high, 1) == -1
    )


def fold_is_a_minimum() -> bool:
    """(S15): for p = 1/2 phi is below 1/3 at u = 1/2 and above at both ends; so the root of G is its minimum."""
    S = sextic().as_expr().subs({p: sp.Rational(1, 2), r: sp.Rational(1, 3)})
    return bool(S.subs(u, sp.Rational(1, 2)) > 0 > max(S.subs(u, 0), S.subs(u, 1)))


def boundaries_rise() -> bool:
    """(S16): phi grows with p for u <= 141/200, and the fold lies there; LOW is a lower bound of phi."""
    S = sextic().as_expr()
    A, B, C = threshold()
    turning = sp.expand(p * sp.diff(S, p) - 2 * S)
    linear = 32 * (1 - u**2) + p * (u**5 * (1 + 2 * LOW) + 24 * u**2 - 9 * u - 16)
    constant = p * (8 - 6 * u)
    identity = turning + 8 * (2 * p * u**5 * r * (r - LOW) + linear * r - constant)
    box = {p: (0, 1), u: (0, RATIO)}
    return bool(
        sp.expand(identity) == 0
        and is_positive_on_box(-sp.cancel(S.subs(r, LOW) / p), {p: (0, 1), u: (0, 1)})
        and is_positive_on_box(linear, box)
        and is_positive_on_box(-sp.cancel((A * constant**2 + B * constant * linear + C * linear**2) / p), box)
        and sign_inside(fold_ratio().subs(u, RATIO), p, 0, 1) == 1
    )


def losses_part_with_density() -> bool:
    """(S17): along stationary points L/p falls with p on the confused side and grows on the antipodal one."""
    confused, antipodal = (sp.Poly(slope_in_density(sector), u) for sector in ("confused", "antipodal"))
    if any(sign < 0 for c in confused.coeffs() for sign in sp.Poly(c, p, r).coeffs()):
        return False
    S, P = sextic().as_expr(), sp.expand(antipodal.as_expr() / u**2)
    _, factors = sp.factor_list(sp.resultant(S, P, r), p, u)
    long = [factor for factor, _ in factors if len(sp.Poly(factor, p, u).terms()) > 2]
    trivial = all(factor in (u, u - 1) for factor, _ in factors if factor not in long)
    definite = all(is_positive_inside(factor, p, u) or is_positive_inside(-factor, p, u) for factor in long)
    half = {p: sp.Rational(1, 2), u: sp.Rational(1, 2)}
    phi = max(sp.solve(S.subs(half), r))
    return bool(trivial and definite and phi > 0 and P.subs(half).subs(r, phi) < 0)


def confused_ratio_rises() -> bool:
    """(S18): for the quartic Q, r Q_r - Q < 0, and Q_p is a positive multiple of a sum whose terms have one sign."""
    Q = quartic().as_expr()
    rising = sp.expand(r * sp.diff(Q, r) - Q + (16 - 9 * p**2) * (u + r**2 * u**3)) == 0
    in_density = 12 * r * (u**4 - 1) + 18 * p * (1 + r) * u * (r * u**2 - 1)
    at_one = sp.expand(Q.subs(u, 1) - (1 - r) * (1 + r) * (16 - 9 * p**2)) == 0
    return bool(rising and at_one and sp.expand(sp.diff(Q, p) - in_density) == 0)


#: Mark in completeness.md, name, proof.
FACTS = (
    ("S13", "each antipodal ratio is stationary at one importance", one_importance_for_each_ratio),
    ("S14", "one fold for each density", one_fold_for_each_density),
    ("S15", "the fold is where antipodal points begin", fold_is_a_minimum),
    ("S16", "fold and instability rise with density", boundaries_rise),
    ("S17", "confused and antipodal losses part with density", losses_part_with_density),
    ("S18", "the confused ratio rises with importance", confused_ratio_rises),
)
