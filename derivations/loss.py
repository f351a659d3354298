"""The loss of one output per activation pattern, and the proofs about it: derivatives, smoothness, scaling.

For one output of importance one, with h = alpha x + beta y + b and u = (x, y, 1),

    L = E[(x - ReLU(h))^2] = E[x^2] - 2 E[x h+] + E[h+^2]

is a rational function of (alpha, beta, b) on every activation pattern. `pattern_loss` takes it from the iterated
integrals of the definition (`moments.direct`); everything is proved about that function, and by differentiating it, so
the stable forms that the package evaluates are compared with something that does not know them:

`moments_agree`         every stable moment equals its direct integral
`gradient_agrees`       dL = 2 E[(h - x) u 1(h > 0)]
`hessian_agrees`        d2L = 2 (E[u u^T 1(h > 0)] - E[x u u^T delta(h)])
`border_difference`     L and its gradient agree on both sides of every border between two patterns
`hessian_jump`          and what the Hessian does there
`one_sided_slopes`      where W_i = 0 = b_i there is no gradient: the slope is not linear in the direction
`hessian_near_dedicated`  where beta = 0 = b_i the Hessian depends on the direction of approach
`euler_defect`          the scaling law

Between them these decide smoothness everywhere. 1(h > 0) is continuous in (alpha, beta, b) almost surely, so the
expectations of the gradient are continuous, unless h vanishes on a whole edge or on the square; where only the other
feature is on, or none, x = 0 and the integrand h u 1(h > 0) is continuous anyway. What remains is alpha = 0 = b.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sympy as sp

from derivations.moments import (
    AREAS,
    MOMENTS,
    direct,
    natural_coordinates,
    p00,
    p11,
    p_other,
    p_own,
    stable,
)
from derivations.patterns import PATTERNS, alpha, b, beta, corner_value

ON_OFF = (p00, p_own, p_other, p11)
PARAMETERS = (alpha, beta, b)
#: Names of the moments in the gradient, E[h+ u] - E[x u 1], and in the two halves of the Hessian, E[u u^T ...].
GRADIENT = (("xh", "xx"), ("yh", "xy"), ("h", "x"))
INDICATOR = (("xx", "xy", "x"), ("xy", "yy", "y"), ("x", "y", "one"))
DELTA = (("dxxx", "dxxy", "dxx"), ("dxxy", "dxyy", "dxy"), ("dxx", "dxy", "dx"))

eps = sp.Symbol("epsilon", positive=True)


def vanishes(expression: sp.Expr) -> bool:
    """Whether an expression, linear in the on/off probabilities and rational in the rest, is identically zero."""
    constant = expression.subs(dict.fromkeys(ON_OFF, 0))
    return all(sp.cancel(part) == 0 for part in (constant, *(sp.diff(expression, p) for p in ON_OFF)))


@cache
def from_definition(pattern: str, name: str) -> sp.Expr:
    """The named moment by direct integration, all four on/off patterns together."""
    parts = direct(pattern, (MOMENTS | AREAS)[name])
    weights = {"square": p11, "own": p_own, "other": p_other, "off": p00}
    return sum((weight * parts[part] for part, weight in weights.items()), sp.Integer(0))


@cache
def evaluated(pattern: str, name: str) -> sp.Expr:
    """The stable form of a moment, with its natural coordinates written out."""
    return stable(pattern, name).subs(natural_coordinates(pattern), simultaneous=True)


def moments_agree(pattern: str, name: str) -> bool:
    """Whether the stable form of a moment equals the direct integral."""
    return vanishes(evaluated(pattern, name) - from_definition(pattern, name))


@cache
def pattern_loss(pattern: str) -> sp.Expr:
    """L on one pattern, for importance one, from the direct integrals."""
    return (p_own + p11) / 3 - 2 * from_definition(pattern, "xh") + from_definition(pattern, "hh")


@cache
def gradient(pattern: str) -> sp.Matrix:
    """The derivatives of `pattern_loss` by (alpha, beta, b)."""
    return sp.Matrix([sp.diff(pattern_loss(pattern), parameter) for parameter in PARAMETERS])


@cache
def hessian(pattern: str) -> sp.Matrix:
    """The second derivatives of `pattern_loss` by (alpha, beta, b)."""
    return gradient(pattern).jacobian(PARAMETERS)


def gradient_agrees(pattern: str) -> bool:
    """Whether dL = 2 (xh - xx, yh - xy, h - x) with the stable moments."""
    claimed = [2 * (evaluated(pattern, plus) - evaluated(pattern, minus)) for plus, minus in GRADIENT]
    return all(vanishes(value) for value in gradient(pattern) - sp.Matrix(claimed))


def hessian_agrees(pattern: str) -> bool:
    """Whether d2L = 2 (E[u u^T 1] - E[x u u^T delta(h)]) with the stable moments."""
    entries = [(i, j) for i in range(3) for j in range(i + 1)]
    found = hessian(pattern)
    return all(
        vanishes(found[i, j] - 2 * (evaluated(pattern, INDICATOR[i][j]) - evaluated(pattern, DELTA[i][j])))
        for i, j in entries
    )


def borders() -> Iterator[tuple[str, str, str]]:
    """All (pattern, neighbour, corner): the neighbour has one more corner on, the one that is zero on the border."""
    for pattern in PATTERNS:
        for neighbour in PATTERNS:
            extra = set(neighbour) - set(pattern)
            if len(extra) == 1 and set(pattern) < set(neighbour):
                yield pattern, neighbour, extra.pop()


def _on_border(corner: str) -> dict[sp.Symbol, sp.Expr]:
    return {b: b - corner_value(corner)}


def border_difference(pattern: str, neighbour: str, corner: str) -> list[sp.Expr]:
    """L and its three derivatives, neighbour minus pattern, where the corner is zero. All zero: L is C1 there."""
    at = _on_border(corner)
    values = [pattern_loss(neighbour) - pattern_loss(pattern), *(gradient(neighbour) - gradient(pattern))]
    return [simplified(value.subs(at)) for value in values]


def hessian_jump(pattern: str, neighbour: str, corner: str) -> sp.Matrix:
    """Second derivatives, neighbour minus pattern, where the corner is zero."""
    difference = hessian(neighbour) - hessian(pattern)
    return difference.subs(_on_border(corner)).applyfunc(simplified)


def expected_jump(corner: str) -> sp.Matrix:
    """What `hessian_jump` finds: an atom at B, the end of the own edge at A, nothing at E and F.

    At B, ReLU(b)^2 with weight p00. At A, the kink enters the edge where only x is on, at x = 1, with density 1/alpha.
    """
    direction = {"B": sp.Matrix([0, 0, 1]), "A": sp.Matrix([1, 0, 1])}.get(corner, sp.zeros(3, 1))
    weight = {"B": 2 * p00, "A": -2 * p_own / alpha}.get(corner, sp.Integer(0))
    return weight * direction * direction.T


def simplified(expression: sp.Expr) -> sp.Expr:
    """The expression with each coefficient of the on/off probabilities cancelled."""
    constant = sp.cancel(expression.subs(dict.fromkeys(ON_OFF, 0)))
    return sum((p * sp.factor(sp.cancel(sp.diff(expression, p))) for p in ON_OFF), constant)


#: Direction of departure from W_i = 0 = b_i: the rates of change of beta and of b. alpha = W_i^2 is of second order.
beta_rate, b_rate, curvature = sp.symbols("beta_1 b_1 a_2", real=True)


def one_sided_slopes() -> dict[str, sp.Expr]:
    """dL/d epsilon at epsilon = 0+ for (alpha, beta, b) = (a_2 eps^2, beta_1 eps, b_1 eps), per pattern entered.

    "ABEF": b_1 > 0 and b_1 + beta_1 > 0, "AB": b_1 > 0 > b_1 + beta_1, "EF": the reverse, "": both negative.
    A gradient would make this linear in (beta_1, b_1), with the same coefficients in all four.
    """
    at = {alpha: curvature * eps**2, beta: beta_rate * eps, b: b_rate * eps}
    slopes = {}
    for pattern in ("ABEF", "AB", "EF", ""):
        change = pattern_loss(pattern).subs(at, simultaneous=True) - pattern_loss("")
        slopes[pattern] = simplified(simplified(change / eps).subs(eps, 0))
    return slopes


def slopes_without_bias() -> dict[str, sp.Expr]:
    """dL_2/d epsilon at epsilon = 0+ for W = (w, +-epsilon), b = 0 and importance one: "AEF" for +, "A" for -.

    The other output changes with the square of epsilon there, which `axis_slope_of_first` shows.
    """
    w = sp.Symbol("w", positive=True)
    slopes = {}
    for pattern, sign in (("AEF", 1), ("A", -1)):
        at = {alpha: eps**2, beta: sign * w * eps, b: 0}
        change = pattern_loss(pattern).subs(at, simultaneous=True) - pattern_loss("")
        slopes[pattern] = simplified(simplified(change / eps).subs(eps, 0))
    return slopes


def axis_slope_of_first() -> dict[str, sp.Expr]:
    """dL_1/d beta where beta -> 0 at b = 0 from above (pattern AEF) and from below (AF): equal, so no kink."""
    values = {pattern: gradient(pattern)[1].subs(b, 0) for pattern in ("AEF", "AF")}
    return {pattern: simplified(simplified(value).subs(beta, 0)) for pattern, value in values.items()}


kappa = sp.Symbol("kappa", positive=True)


def hessian_near_dedicated() -> sp.Expr:
    """d2L/db2 for beta -> 0+ along b = -kappa beta, 0 < kappa < 1 (pattern AEF): it depends on kappa."""
    along = simplified(hessian("AEF")[2, 2].subs(b, -kappa * beta))
    return simplified(along.subs(beta, 0))


#: Degree of every moment under (alpha, beta, b) -> s (alpha, beta, b).
DEGREES = {"hh": 2, "xh": 1, "h": 1, "yh": 1, "x": 0, "xx": 0, "xy": 0}


def is_homogeneous(pattern: str, name: str) -> bool:
    """Whether the moment has the degree that DEGREES states; W -> rho W, b -> rho^2 b is s = rho^2."""
    s = sp.Symbol("s", positive=True)
    scaled = from_definition(pattern, name).subs({v: s * v for v in PARAMETERS}, simultaneous=True)
    return vanishes(scaled - s ** DEGREES[name] * from_definition(pattern, name))


def euler_defect(pattern: str) -> sp.Expr:
    """(alpha, beta, b) . dL - 2 (hh - xh), which is zero.

    Summed over outputs the first term is half the derivative of L along (W, 2 b), zero at a stationary point. So there
    sum I E[h+^2] = sum I E[x h+] and L = c - sum I E[h+^2].
    """
    along = sum(v * d for v, d in zip(PARAMETERS, gradient(pattern), strict=True))
    return simplified(along - 2 * (from_definition(pattern, "hh") - from_definition(pattern, "xh")))


def corner_identity(pattern: str) -> bool:
    """Whether E[h+^2 | both on] = (F+^4 - A+^4 - E+^4 + B+^4)/(12 alpha beta), z+ = max(z, 0), on this pattern."""
    signs = {"F": 1, "A": -1, "E": -1, "B": 1}
    total = sum((sign * corner_value(name) ** 4 for name, sign in signs.items() if name in pattern), sp.Integer(0))
    return sp.cancel(direct(pattern, MOMENTS["hh"])["square"] - total / (12 * alpha * beta)) == 0
