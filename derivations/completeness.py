"""The identities of completeness.md that are marked (S1), (S2), ..., by symbolic computation.

The page proves that the list of stationary points is complete; these are its steps that are algebra. Symbols are those
of the page. Everything about the loss comes from the definition (`moments.direct`).
"""

from __future__ import annotations

import sympy as sp

from derivations.loss import from_definition, pattern_loss, vanishes
from derivations.moments import p00, p11, p_other, p_own
from derivations.patterns import alpha, b, beta
from derivations.signs import is_positive

x, w, a, p = sp.symbols("x w a p", positive=True)
c = sp.Symbol("c", real=True)
p1, p2, I1, I2, v, rho_square = sp.symbols("p1 p2 I1 I2 v rho2", positive=True)
tau, kappa = sp.symbols("tau kappa", positive=True)

#: The error a x + c - x on a row, and E[error 1(h > 0)] where the row is partly on.
ERROR = a * x + c - x
PSI = p * w / 2 * ((a + 1) * w - 2)
#: Where psi changes sign, as a function of a > 1 (section 9).
TURNING_POINT = -a * (a - 1) / (a + 1)


def _over_row(integrand: sp.Expr) -> sp.Expr:
    """E_x[integrand 1(h > 0)] on a row -a < c <= 0: x runs from 1 - w to 1, where c = -a (1 - w)."""
    return p * sp.integrate(sp.expand(integrand.subs(c, -a * (1 - w))), (x, 1 - w, 1))


def psi_on_rows() -> bool:
    """(S1): psi where a row is partly on, where it is on, and that it is continuous between."""
    full = p * sp.integrate(ERROR, (x, 0, 1)) + (1 - p) * c
    differences = (
        _over_row(ERROR) - PSI,
        full - (p * (a - 1) / 2 + c),
        full.subs(c, 0) - PSI.subs(w, 1),
        PSI.subs(w, 0),
    )
    return not any(map(sp.expand, differences))


def weight_on_rows() -> bool:
    """(S2): the identity of Lemma 2."""
    left = _over_row((2 * a * x + c) * ERROR) - a * PSI
    return bool(sp.expand(left - p * a * (a - 1) * w**3 / 6) == 0)


def turning_point_is_low() -> bool:
    """(S3): 3 - 2 sqrt 2 minus the turning point is a square over a + 1."""
    square = (a - sp.sqrt(2) + 1) ** 2 / (a + 1)
    return bool(sp.simplify(3 - 2 * sp.sqrt(2) - TURNING_POINT - square) == 0)


def _variance(density: sp.Symbol) -> sp.Expr:
    return density / 3 - density**2 / 4


def _on_everywhere(own: sp.Symbol, other: sp.Symbol, square: sp.Expr, product: sp.Expr) -> sp.Expr:
    """One output's loss with all corners on, from the definition, as a polynomial in the bias."""
    on_off = {p00: (1 - own) * (1 - other), p_own: own * (1 - other), p_other: (1 - own) * other, p11: own * other}
    at = {alpha: square, beta: product, **on_off}
    return pattern_loss("ABEF").subs(at, simultaneous=True)


def _best_shared(first: sp.Expr, second: sp.Expr, product: sp.Expr) -> sp.Expr:
    """The loss with both outputs on everywhere, at the best shared bias."""
    total = I1 * _on_everywhere(p1, p2, first, product) + I2 * _on_everywhere(p2, p1, second, product)
    (best,) = sp.solve(sp.diff(total, b), b)
    return sp.expand(sp.cancel(total.subs(b, best)))


def _along_rays(sign: int) -> sp.Poly:
    """The same on W = rho (1, sign v): a polynomial in rho^2."""
    ray = _best_shared(rho_square, v**2 * rho_square, sign * v * rho_square)
    return sp.Poly(ray, rho_square)


def shared_loss_where_both_are_on() -> bool:
    """(S4): the loss of section 9 at the best b, and that the coefficient of rho^4 is a sum of positive terms."""
    first, second, product = sp.symbols("alpha1 alpha2 beta", real=True)
    coupling = I1 * I2 / (I1 + I2)
    imbalance = p1 / 2 * (first - 1) - p2 / 2 * (second - 1) + product * (p2 - p1) / 2
    claimed = I1 * ((first - 1) ** 2 * _variance(p1) + product**2 * _variance(p2))
    claimed += I2 * ((second - 1) ** 2 * _variance(p2) + product**2 * _variance(p1)) + coupling * imbalance**2
    if sp.cancel(_best_shared(first, second, product) - claimed) != 0:
        return False
    squares = I1 * (_variance(p1) + v**2 * _variance(p2)) + I2 * v**2 * (v**2 * _variance(p2) + _variance(p1))
    for sign in (1, -1):
        leading = p1 / 2 - p2 * v**2 / 2 + sign * v * (p2 - p1) / 2
        ray = _along_rays(sign)
        if ray.degree() != 2 or sp.cancel(ray.coeff_monomial(rho_square**2) - squares - coupling * leading**2) != 0:
            return False
    return is_positive(squares, p1, p2)


def rays_on_the_axis() -> bool:
    """(S5): N(0) = 2 a'(0) q(0) - a(0) q'(0)."""
    for sign in (1, -1):
        ray = _along_rays(sign)
        linear, square = (ray.coeff_monomial(rho_square**k) for k in (1, 2))
        at_zero = (2 * sp.diff(linear, v) * square - linear * sp.diff(square, v)).subs(v, 0)
        claimed = sign * I1 * I2 / (I1 + I2) * (p2 - p1) * p2 * I1 * _variance(p1)
        if sp.cancel(at_zero - claimed) != 0:
            return False
    return True


def corner_of_equal_features() -> bool:
    """(S6): the comparison that makes the corner a minimum."""
    difference = (4 - 3 * p) - (1 - p) ** 2 * (4 + 3 * p)
    same = sp.expand(difference - p * (2 + 2 * p - 3 * p**2)) == 0
    return bool(same and is_positive(difference, p))


def corner_of_lemma_5() -> bool:
    """(S7): H D_A - XH D_H at tau = 0, kappa = 1 for g1 = x1 + tau (x2 - kappa), from its moments."""
    on_off = {p00: (1 - p1) * (1 - p2), p_own: p1 * (1 - p2), p_other: (1 - p1) * p2, p11: p1 * p2}
    at = {alpha: 1, beta: tau, b: -tau * kappa, **on_off}
    h, x_on, xh, xx = (from_definition("AEF", name).subs(at, simultaneous=True) for name in ("h", "x", "xh", "xx"))
    corner = {tau: 0, kappa: 1}
    divided = [sp.cancel((plus - minus) / tau).subs(corner) for plus, minus in ((h, x_on), (xh, xx))]
    h, xh = (sp.cancel(value).subs(corner) for value in (h, xh))
    found = h * divided[1] - xh * divided[0]
    return vanishes(found - p1**2 * (2 - p2) / 24) and is_positive(found, p1, p2)


def ray_of_equal_densities() -> bool:
    """(S8): N = 4 v v1 M with M linear in u = v^2, where the densities are equal."""
    u = v**2
    for sign in (1, -1):
        ray = _along_rays(sign).as_expr().subs(p2, p1)
        linear, square = (sp.expand(ray).coeff(rho_square, k) for k in (1, 2))
        N = 2 * sp.diff(linear, v) * square - linear * sp.diff(square, v)
        M = _variance(p1) * (I1 - I2) * (I1 + I2 * u) - I1 * I2 * p1**2 / 2 * (1 - u)
        if sp.cancel(N - 4 * v * _variance(p1) * M) != 0:
            return False
    return True
