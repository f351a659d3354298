"""The integrals behind the loss, per activation pattern, twice: from the definition and in stable form.

Everything the package needs from one output h = alpha x + beta y + b is an expectation over the four on/off patterns of
the two features. An off feature is the point mass at zero, so the expectation of any f(x, y) is

    p11 int_0^1 int_0^1 f(x, y) dx dy + p_own int_0^1 f(x, 0) dx + p_other int_0^1 f(0, y) dy + p00 f(0, 0)

and the ReLU restricts each domain of integration to {h > 0}. `direct` integrates exactly that, with the limits of
`patterns.strips`; the result is a quotient with removable singularities at alpha = 0 and beta = 0. `stable` integrates
over the same region in natural coordinates, where nothing is removable: only quotients bounded by one appear.

*Line moments* are integrals against delta(h), the unit mass on the kink line that appears when 1(h > 0) is
differentiated: d/dc E[f 1(h + c > 0)] = E[f delta(h)]. The Hessian needs them with a factor x.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from derivations.patterns import (
    CORNERS,
    Corner,
    H,
    alpha,
    b,
    beta,
    corner_value,
    strips,
    x,
    y,
)

#: Name -> integrand of the moments that loss and gradient need; H stands for ReLU(h).
MOMENTS = {"hh": H**2, "xh": x * H, "h": H, "yh": y * H, "x": x, "xx": x**2, "xy": x * y}
#: What the Hessian needs besides x, xx and xy: areas first, then line moments, whose names start with d.
AREAS = {"one": sp.Integer(1), "y": y, "yy": y**2}
LINES = {"dx": x, "dxx": x**2, "dxy": x * y, "dxxx": x**3, "dxxy": x**2 * y, "dxyy": x * y**2}

f, u, v, w, m = sp.symbols("f u v w m", nonnegative=True)
own, other = sp.symbols("own other", nonnegative=True)
p00, p_own, p_other, p11 = sp.symbols("p00 p_own p_other p11", nonnegative=True)
a_corner, b_corner, e_corner = sp.symbols("A B E", real=True)


def _coordinates(pattern: str) -> dict[sp.Symbol, sp.Expr]:
    value = {name: corner_value(name) for name in CORNERS}
    middle = b + (alpha + beta) / 2
    return {
        "": {},
        "F": {f: value["F"], u: value["F"] / alpha, v: value["F"] / beta},
        "A": {f: value["A"], u: value["A"] / alpha, v: -value["A"] / beta},
        "AF": {u: value["A"] / alpha, w: value["F"] / alpha},
        "EF": {u: value["E"] / beta, w: value["F"] / beta},
        "AB": {u: -value["B"] / beta, w: -value["A"] / beta},
        "AEF": {m: middle, f: -value["B"], u: -value["B"] / alpha, v: -value["B"] / beta},
        "ABF": {m: middle, f: -value["E"], u: -value["E"] / alpha, v: value["E"] / beta},
        "ABEF": {m: middle},
    }[pattern]


def natural_coordinates(pattern: str) -> dict[sp.Symbol, sp.Expr]:
    """All coordinates of a pattern: those of the square, and those of its two edges through the origin."""
    coordinates = dict(_coordinates(pattern))
    if "A" in pattern and "B" not in pattern:
        coordinates[own] = corner_value("A") / alpha
    if "E" in pattern and "B" not in pattern:
        coordinates[other] = corner_value("E") / beta
    if "B" in pattern and "E" not in pattern:
        coordinates[other] = -b / beta
    coordinates |= {a_corner: corner_value("A"), b_corner: b, e_corner: corner_value("E")}
    return coordinates


def _full_square(integrand: sp.Expr) -> sp.Expr:
    centred = integrand.subs(H, m + alpha * (x - sp.Rational(1, 2)) + beta * (y - sp.Rational(1, 2)))
    return sp.integrate(sp.expand(centred), (x, 0, 1), (y, 0, 1))


def _band(integrand: sp.Expr, along: sp.Symbol, across: sp.Symbol, slope: sp.Expr, start: int) -> sp.Expr:
    """Over the trapezoid between the edge `across` = start and the kink line, at a distance running from u to w."""
    s = sp.Symbol("s", nonnegative=True)
    width = u * (1 - along) + w * along
    reach = start + (1 - 2 * start) * width * s
    on_piece = integrand.subs(H, slope * width * (1 - s)).subs(across, reach) * width
    return sp.integrate(sp.expand(on_piece), (s, 0, 1), (along, 0, 1))


def square(pattern: str, integrand: sp.Expr) -> sp.Expr:
    """int int integrand 1(h > 0) dx dy over the unit square, in natural coordinates."""
    match pattern:
        case "":
            return sp.Integer(0)
        case "F" | "A":
            return Corner(pattern, 1).integrate(integrand, f, u, v)
        case "AF":
            return _band(integrand, y, x, alpha, 1)
        case "EF":
            return _band(integrand, x, y, beta, 1)
        case "AB":
            return _band(integrand, x, y, -beta, 0)
        case "AEF":
            return _full_square(integrand) + Corner("B", -1).integrate(integrand, -f, u, v)
        case "ABF":
            return _full_square(integrand) + Corner("E", -1).integrate(integrand, -f, u, v)
        case _:
            return _full_square(integrand)


def own_edge(pattern: str, integrand: sp.Expr) -> sp.Expr:
    """int_0^1 integrand(x, 0) 1(h > 0) dx: only the output's own feature is on."""
    s, at_y = sp.Symbol("s"), integrand.subs(y, 0)
    if "B" in pattern:
        value = b_corner * (1 - x) + a_corner * x
        return sp.integrate(sp.expand(at_y.subs(H, value)), (x, 0, 1))
    if "A" in pattern:
        on_piece = at_y.subs({H: a_corner * (1 - s), x: 1 - own * s}, simultaneous=True) * own
        return sp.integrate(sp.expand(on_piece), (s, 0, 1))
    return sp.Integer(0)


def other_edge(pattern: str, integrand: sp.Expr) -> sp.Expr:
    """int_0^1 integrand(0, y) 1(h > 0) dy: only the other feature is on."""
    s, at_x = sp.Symbol("s"), integrand.subs(x, 0)
    if "B" in pattern and "E" in pattern:
        value = b_corner * (1 - y) + e_corner * y
        return sp.integrate(sp.expand(at_x.subs(H, value)), (y, 0, 1))
    if "E" in pattern:
        on_piece = at_x.subs({H: e_corner * (1 - s), y: 1 - other * s}, simultaneous=True) * other
    elif "B" in pattern:
        on_piece = at_x.subs({H: b_corner * (1 - s), y: other * s}, simultaneous=True) * other
    else:
        return sp.Integer(0)
    return sp.integrate(sp.expand(on_piece), (s, 0, 1))


def off(pattern: str, integrand: sp.Expr) -> sp.Expr:
    """integrand(0, 0) 1(h > 0): both features are off."""
    return integrand.subs({x: 0, y: 0, H: b_corner}, simultaneous=True) if "B" in pattern else sp.Integer(0)


def square_line(pattern: str, integrand: sp.Expr) -> sp.Expr:
    """int int integrand delta(h) dx dy: over the segment of the kink line inside the square."""
    t = sp.Symbol("t", nonnegative=True)
    width = u * (1 - t) + w * t
    match pattern:
        case "F" | "A" | "AEF" | "ABF":
            cx, cy = CORNERS[{"F": "F", "A": "A", "AEF": "B", "ABF": "E"}[pattern]]
            at, mass = {x: cx + (1 - 2 * cx) * u * (1 - t), y: cy + (1 - 2 * cy) * v * t}, v / alpha
        case "AF":
            at, mass = {x: 1 - width, y: t}, 1 / alpha
        case "EF":
            at, mass = {x: t, y: 1 - width}, 1 / beta
        case "AB":
            at, mass = {x: t, y: width}, -1 / beta
        case _:
            return sp.Integer(0)
    return mass * sp.integrate(sp.expand(integrand.subs(at, simultaneous=True)), (t, 0, 1))


def own_edge_line(pattern: str, integrand: sp.Expr) -> sp.Expr:
    """int_0^1 integrand(x, 0) delta(alpha x + b) dx. On the other edge line moments vanish: they carry a factor x."""
    if "A" in pattern and "B" not in pattern:
        return integrand.subs({y: 0, x: 1 - own}, simultaneous=True) / alpha
    return sp.Integer(0)


@cache
def stable(pattern: str, name: str) -> sp.Expr:
    """The named moment in natural coordinates, all four on/off patterns together."""
    if name in LINES:
        integrand = LINES[name]
        return p11 * sp.factor(square_line(pattern, integrand)) + p_own * sp.factor(own_edge_line(pattern, integrand))
    integrand = (MOMENTS | AREAS)[name]
    parts = {p11: square, p_own: own_edge, p_other: other_edge, p00: off}
    return sum((p * sp.factor(part(pattern, integrand)) for p, part in parts.items()), sp.Integer(0))


@cache
def direct(pattern: str, integrand: sp.Expr) -> dict[str, sp.Expr]:
    """The same integrals from the definition: iterated integrals of alpha x + beta y + b with the limits of `strips`.

    Returns one quotient for each of "square", "own", "other" and "off".
    """
    body = integrand.subs(H, alpha * x + beta * y + b)
    total = sp.Integer(0)
    for inner, outer in strips(pattern):
        total += sp.integrate(sp.expand(sp.integrate(sp.expand(body), inner)), outer)
    start_own = 0 if "B" in pattern else -b / alpha
    start_other, end_other = (0 if "B" in pattern else -b / beta), (1 if "E" in pattern else -b / beta)
    on_own, on_other = "A" in pattern, "E" in pattern or "B" in pattern
    return {
        "square": sp.cancel(total),
        "own": sp.cancel(sp.integrate(body.subs(y, 0), (x, start_own, 1))) if on_own else sp.Integer(0),
        "other": sp.cancel(sp.integrate(body.subs(x, 0), (y, start_other, end_other))) if on_other else sp.Integer(0),
        "off": body.subs({x: 0, y: 0}) if "B" in pattern else sp.Integer(0),
    }
