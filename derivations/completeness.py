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
#: g with psi = p g / 2 there, and f with E[2 x error 1(h > 0)] = 2 psi + p f.
PULL = (a + 1) * w**2 - 2 * w
LOW = w**2 - (a + 2) * w**3 / 3
#: P11 of correlated features.
JOINT = sp.Symbol("P11", positive=True)
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


def bound_on_error_products() -> bool:
    """(S9): the two forms of E_x[x error 1(h > 0)] by which Lemma 6 compares it with psi."""
    full = p * sp.integrate(x * ERROR, (x, 0, 1)) - (p * (a - 1) / 2 + c) / 2
    partly = _over_row(2 * x * ERROR) - 2 * PSI - p * LOW
    return sp.expand(full - p * (a - 1) / 12 + c * (1 - p) / 2) == 0 and sp.expand(partly) == 0


def low_rows() -> bool:
    """(S10): how f + lambda g factors, and its mean over a uniform part that begins at l or ends at m."""
    at, d = sp.symbols("l d", positive=True)
    third = LOW + PULL / 3 - w / 3 * (1 - w) * ((a + 2) * w - 2)
    r = (3 / (a + 2) - at) / (1 - at * (a + 1) / 2)
    rest = LOW - LOW.subs(w, at) / PULL.subs(w, at) * PULL - (a + 2) / 3 * w * (w - at) * (r - w)
    R, S, e, y = sp.symbols("R S e y", positive=True)
    upwards = sp.integrate((at + y) * y * (R - y), (y, 0, d)) - d**2 * (at * R / 2 + (R - at) * d / 3 - d**2 / 4)
    downwards = sp.integrate((1 - y) * y * (S - y), (y, 0, e)) - e**2 * (S / 2 - (1 + S) * e / 3 + e**2 / 4)
    return all(sp.cancel(sp.expand(value)) == 0 for value in (third, rest, upwards, downwards))


def _pattern_probabilities(first: sp.Symbol, second: sp.Symbol) -> list[dict[sp.Symbol, sp.Expr]]:
    """P00 and so on from densities and P11, as seen from each output."""
    both = {p11: JOINT, p00: 1 - first - second + JOINT}
    return [{p_own: own - JOINT, p_other: other - JOINT, **both} for own, other in ((first, second), (second, first))]


def correlated_loss_where_both_are_on() -> bool:
    """(S11): on rays, c + a rho^2 + q rho^4 for any patterns, with a bias each and with a shared one."""
    covariance = (JOINT - p1 * p2) / 4
    for sign in (1, -1):
        beta_on_ray = sign * v * rho_square
        squares = rho_square, v**2 * rho_square
        parts = [
            pattern_loss("ABEF").subs({**on, alpha: square, beta: beta_on_ray}, simultaneous=True)
            for on, square in zip(_pattern_probabilities(p1, p2), squares, strict=True)
        ]
        each = sum(
            weight * part.subs(b, sp.solve(sp.diff(part, b), b)[0])
            for weight, part in zip((I1, I2), parts, strict=True)
        )
        linear = -2 * (I1 * _variance(p1) + sign * (I1 + I2) * covariance * v + I2 * _variance(p2) * v**2)
        square = (I1 + I2 * v**2) * (_variance(p1) + 2 * sign * covariance * v + _variance(p2) * v**2)
        claimed = I1 * _variance(p1) + I2 * _variance(p2) + linear * rho_square + square * rho_square**2
        total = I1 * parts[0] + I2 * parts[1]
        shared = total.subs(b, sp.solve(sp.diff(total, b), b)[0])
        misfit = (p1 + sign * (p2 - p1) * v - p2 * v**2) / 2 * rho_square - (p1 - p2) / 2
        coupled = claimed + I1 * I2 / (I1 + I2) * misfit**2
        if sp.cancel(each - claimed) != 0 or sp.cancel(shared - coupled) != 0:
            return False
    return True


def corner_of_equal_correlated_features() -> bool:
    """(S12): the second-order form at W1 = W2, b = 0, what one negative bias adds to it, and its two minima."""
    e, t, first, second, scale = sp.symbols("e t first second scale", real=True)
    on = {p11: JOINT, p_own: p - JOINT, p_other: p - JOINT, p00: 1 - 2 * p + JOINT}
    covariance = (JOINT - p**2) / 4
    R, angle = 1 + scale * e, scale * t
    product = R / 2 * sp.cos(2 * angle)
    total = sum(
        pattern_loss("ABEF").subs({**on, alpha: R / 2 * (1 + turn * sp.sin(2 * angle)), beta: product, b: scale * bias})
        for turn, bias in ((-1, first), (1, second))
    )
    form = sp.diff(total, scale, 2).subs(scale, 0) / 2
    means = (first + p / 2 * (e - t)) ** 2 + (second + p / 2 * (e + t)) ** 2
    claimed = (_variance(p) + covariance) * e**2 + 2 * covariance * t**2 + means
    clipped = sp.diff((pattern_loss("ABEF") - pattern_loss("AEF")).subs(b, scale * b), scale, 2).subs(scale, 0) / 2
    u = sp.Symbol("u", positive=True)
    with_one_bias = (2 - u) * (sp.Rational(1, 3) + u / 4) - sp.Rational(1, 2)
    return sp.expand(form - claimed) == 0 and sp.cancel(clipped - p00 * b**2) == 0 and is_positive(with_one_bias, u)


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
