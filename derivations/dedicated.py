"""When the dedicated solution stops being a minimum, towards each side, from the definition.

*Bias per feature*, independent features. W = (1, 0), b = (0, p2/2): feature 1 is reproduced exactly, feature 2 by its
mean. The Hessian jumps here, so take second-order terms in epsilon along

    W1 = 1 + u eps,   W2 = +-eps,   b1 = d eps,   b2 = p2/2 + e eps

Output 2 is live on the whole square. Output 1 has its corners at h = d eps (both features off), (d +- 1) eps (only
feature 2 on) and near 1, so the term of second order depends on the signs of d and d +- 1: on the activation pattern.
It is convex in (u, d, e). `second_order` computes it per pattern, `reduced` minimises it over u and e, and the least
value over d is taken where `slope` vanishes, on the pattern that contains the root:

    towards confused (+)    AEF, -1 < d < 0        towards antipodal (-)    ABF, 0 < d < 1

The slope is quadratic in d. At the ends of the interval it has the signs - and +, so one root lies inside, and that is
the root with the positive square root. The value of the form there is linear in the importances; solving for I2/I1
gives the instability line, explicitly.

*Shared bias*, equal densities. W = (s, 0), b > 0: both outputs are live on the whole square, so the loss is smooth, and
`shared_determinant` is the determinant of its Hessian; the minor of (W1, b) is positive. One line for both sides.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from derivations.moments import natural_coordinates, p00, p11, p_other, p_own, stable
from derivations.patterns import alpha, b, beta
from derivations.signs import is_positive

p, r = sp.symbols("p r", positive=True)
p1, p2, I1, I2 = sp.symbols("p1 p2 I1 I2", positive=True)
u, d, e = sp.symbols("u d e", real=True)
eps, q = sp.symbols("epsilon q", positive=True)
W1, W2, c = sp.symbols("W1 W2 c", real=True)

#: Side -> (sign of W2, pattern of output 1).
SIDES = {"confused": (1, "AEF"), "antipodal": (-1, "ABF")}


def _loss(pattern: str, W: tuple[sp.Expr, sp.Expr], bias: sp.Expr, own: sp.Expr, other: sp.Expr) -> sp.Expr:
    """E[(x - ReLU(h))^2] of one output with the activation pattern given; `own` and `other` are densities."""
    at = {
        alpha: W[0] ** 2,
        beta: W[0] * W[1],
        b: bias,
        p00: (1 - own) * (1 - other),
        p_own: own * (1 - other),
        p_other: (1 - own) * other,
        p11: own * other,
    }
    xh, hh = (stable(pattern, name).subs(natural_coordinates(pattern), simultaneous=True) for name in ("xh", "hh"))
    return own / 3 + (hh - 2 * xh).subs(at, simultaneous=True)


@cache
def second_order(side: str) -> sp.Expr:
    """The coefficient of eps^2 in the loss; the coefficient of eps vanishes."""
    sign, pattern = SIDES[side]
    W = (1 + u * eps, sign * eps)
    first = _loss(pattern, W, d * eps, p1, p2)
    second = _loss("ABEF", W[::-1], p2 / 2 + e * eps, p2, p1)
    growth = sp.cancel(sp.together(I1 * first + I2 * (second - p2 / 3 + p2**2 / 4)) / eps**2)
    return sp.expand(sp.limit(growth, eps, 0))


@cache
def reduced(side: str) -> sp.Expr:
    """The form minimised over u and e, as a function of d."""
    form = second_order(side)
    best = sp.solve([sp.diff(form, u), sp.diff(form, e)], [u, e], dict=True)[0]
    return sp.expand(sp.cancel(sp.together(form.subs(best))))


def slope(side: str) -> sp.Expr:
    """Derivative of `reduced` by d over I1: quadratic in d."""
    return sp.expand(sp.diff(reduced(side), d) / I1)


def instability(side: str) -> sp.Expr:
    """I2/I1 above which the dedicated point is a saddle towards `side`, for equal densities p: explicit in p.

    Towards confused it is rational: (5 + 8 p - 9 p^2) / (4 (4 - 3 p)).
    """
    equal = {p1: 1 - q, p2: 1 - q, I1: 1, I2: r}
    a2, a1, a0 = (sp.factor(a) for a in sp.Poly(slope(side).subs(equal), d).all_coeffs())
    root = (-a1 + sp.sqrt(sp.factor(a1**2 - 4 * a2 * a0))) / (2 * a2)
    ratio = sp.solve(reduced(side).subs(equal), r)[0].subs(d, root)
    return sp.factor(sp.radsimp(sp.simplify(ratio)).subs(q, 1 - p))


@cache
def shared_loss() -> sp.Expr:
    """The loss with a shared bias c where both outputs are live on the whole square: a polynomial."""
    return sp.expand(_loss("ABEF", (W1, W2), c, p, p) + r * _loss("ABEF", (W2, W1), c, p, p))


def shared_point() -> dict[sp.Symbol, sp.Expr]:
    """W1^2 and c of the dedicated point with a shared bias."""
    bias = r * p / (2 * (1 - 3 * p / 4 + r))
    return {W1**2: 1 - 3 * bias / 2, c: bias}


def at_shared_point(expression: sp.Expr) -> sp.Expr:
    """An expression even in W1, on W2 = 0, at the dedicated point."""
    value = sp.Integer(0)
    for (power,), coefficient in sp.Poly(sp.expand(expression.subs(W2, 0)), W1).terms():
        assert power % 2 == 0
        value += coefficient * shared_point()[W1**2] ** (power // 2)
    return sp.factor(sp.together(value.subs(c, shared_point()[c])))


def shared_determinant() -> sp.Expr:
    """Determinant of the Hessian in (W1, W2, c) at the dedicated point; a minimum where it is positive."""
    return at_shared_point(sp.hessian(shared_loss(), (W1, W2, c)).det())


def shared_minor() -> sp.Expr:
    """Determinant of the Hessian in (W1, c): positive."""
    return at_shared_point(sp.hessian(shared_loss(), (W1, c)).det())


def no_first_order() -> bool:
    """Whether the loss grows with eps^2 on both sides: the coefficient of eps^2 is a polynomial in u, d, e."""
    return all(second_order(side).is_polynomial(u, d, e) for side in SIDES)


def root_is_inside() -> bool:
    """Whether the slope in d is negative and positive at the two ends of the interval of d, for all densities."""
    ends = {"confused": (-1, 0), "antipodal": (0, 1)}
    return all(
        is_positive(-slope(side).subs(d, low), p1, p2) and is_positive(slope(side).subs(d, high), p1, p2)
        for side, (low, high) in ends.items()
    )


def confused_line_is_rational() -> bool:
    """Whether the instability towards confused is (5 + 8 p - 9 p^2) / (4 (4 - 3 p))."""
    return bool(sp.simplify(instability("confused") - (5 + 8 * p - 9 * p**2) / (4 * (4 - 3 * p))) == 0)


def shared_point_is_stationary() -> bool:
    """Whether the gradient vanishes at the dedicated point with a shared bias; W1 makes its first entries even."""
    by_W1, by_W2, by_c = (sp.diff(shared_loss(), parameter) for parameter in (W1, W2, c))
    return not any(map(at_shared_point, (W1 * by_W1, W1 * by_W2, by_c)))


def shared_line() -> bool:
    """Whether it is a minimum exactly for r < (4 - 3 p) / (4 + 3 p): signs of determinant and minor."""
    above = sp.cancel(shared_determinant() / (4 - 3 * p - r * (4 + 3 * p)))
    return is_positive(above, p) and is_positive(shared_minor(), p)
