"""The statements behind the lattice for many independent features, decided by SymPy.

One output of the ReLU output model, h = alpha x + c, where c = b + sum of the other g_j x_j. The conditional error
phi(c) = E[(x - h_+)^2] comes from its definition, integrated over x above the kink x = -c/alpha; everything else is
about means over [c, c + g], about the cubics on the lattice, and about what is lost by using them. lattice.md is the
chapter for readers; lattice.py, sweeps.py, interpolation.py and conditional.py in analytic/loss use the results.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import sympy as sp

alpha, p = sp.symbols("alpha p", positive=True)
b, c, g, h, s, t, x = sp.symbols("b c g h s t x", real=True)
v = sp.Function("v")

NODES = (-1, 0, 1, 2)


@cache
def conditional(region: str) -> sp.Expr:
    """phi from the definition: "below" both kinks (c <= -alpha), "between" them, or "above" (0 <= c)."""
    off = {"below": sp.Integer(0), "between": sp.Integer(0), "above": c**2}[region]
    start = {"below": sp.Integer(1), "between": -c / alpha, "above": sp.Integer(0)}[region]
    missed = sp.integrate(x**2, (x, 0, start))
    return sp.expand((1 - p) * off + p * (missed + sp.integrate((x - alpha * x - c) ** 2, (x, start, 1))))


@cache
def stable(region: str) -> sp.Expr:
    """phi as analytic/loss/conditional.py evaluates it."""
    y = 1 + c / alpha
    return {
        "below": p / 3,
        "between": p / 3 + p * alpha * y**2 * ((1 + alpha) * y / 3 - 1),
        "above": c**2 + p * (alpha - 1) * (c + (alpha - 1) / 3),
    }[region]


def _zero(expression: sp.Expr) -> bool:
    return sp.simplify(sp.expand(expression)) == 0


def _conditional_is_stable() -> bool:
    return all(_zero(conditional(region) - stable(region)) for region in ("below", "between", "above"))


def kink_jumps(order: int) -> tuple[sp.Expr, sp.Expr]:
    """Jumps of a derivative of phi at c = -alpha and at c = 0, from left to right."""
    regions = [sp.diff(conditional(region), c, order) for region in ("below", "between", "above")]
    ends = ((regions[1] - regions[0]).subs(c, -alpha), (regions[2] - regions[1]).subs(c, 0))
    return sp.simplify(ends[0]), sp.simplify(ends[1])


def _kinks() -> bool:
    expected = (-2 * p / alpha, 2 * (1 - p))
    second = kink_jumps(2)
    return kink_jumps(0) == kink_jumps(1) == (0, 0) and all(
        _zero(found - right) for found, right in zip(second, expected, strict=True)
    )


def _merged_kink() -> bool:
    """alpha -> 0: the slope of phi falls by p just below 0 and turns into 2 c above."""
    slope = sp.diff(conditional("above"), c).subs(alpha, 0).subs(c, 0)
    return _zero(slope + p)


def mean(f: sp.Expr, length: sp.Expr = g) -> sp.Expr:
    """Mean of f(c) over [c, c + length]."""
    return sp.integrate(f.subs(c, c + t), (t, 0, length)) / length


def _mean_slopes() -> bool:
    """d/dc is (f(c + g) - f(c)) / g and d/dg is (f(c + g) - mean) / g: values of f, no derivative of it."""
    primitive = sp.Function("F")
    average = (primitive(c + g) - primitive(c)) / g
    value = sp.diff(primitive(c), c)
    by_c = (value.subs(c, c + g).doit() - value) / g
    by_g = (value.subs(c, c + g).doit() - average) / g
    return _zero(sp.diff(average, c) - by_c) and _zero(sp.diff(average, g) - by_g)


def _splitting() -> bool:
    """u = Q phi + v becomes Q (1 - p) phi + v' with v' = (1 - p) v + p (mean v + Q mean phi)."""
    Q, phi, rest, mean_phi, mean_rest = sp.symbols("Q phi v mean_phi mean_v")
    whole = (1 - p) * (Q * phi + rest) + p * (Q * mean_phi + mean_rest)
    return _zero(whole - Q * (1 - p) * phi - ((1 - p) * rest + p * (mean_rest + Q * mean_phi)))


@cache
def cubic(node: int) -> sp.Expr:
    """The cubic in s that is one at a node of -1, 0, 1, 2 and zero at the others."""
    others = [other for other in NODES if other != node]
    return sp.expand(sp.prod([sp.Rational(1, node - other) * (s - other) for other in others]))


def defect(power: int) -> sp.Expr:
    """What the cubic through the nodes integrates wrongly over [0, s], for s^power."""
    through = sum((sp.Integer(node) ** power * cubic(node) for node in NODES), sp.Integer(0))
    return sp.expand(sp.integrate(s**power - through, (s, 0, s)))


def _exact_for_cubics() -> bool:
    return all(defect(power) == 0 for power in range(4))


def whole_step() -> tuple[sp.Expr, ...]:
    """Weights of the integral over one step, [0, 1]."""
    return tuple(sp.integrate(cubic(node), (s, 0, 1)) for node in NODES)


def end_step() -> tuple[sp.Expr, ...]:
    """Weights of the integral over the first step of a lattice, [-1, 0]."""
    return tuple(sp.integrate(cubic(node), (s, -1, 0)) for node in NODES)


def _step_weights() -> bool:
    return whole_step() == tuple(sp.Rational(k, 24) for k in (-1, 13, 13, -1)) and end_step() == tuple(
        sp.Rational(k, 24) for k in (9, 19, -5, 1)
    )


def _one_step_of_a_quartic() -> bool:
    """Fourth order: a smooth function costs 11/720 h^5 f'''' per step."""
    return defect(4).subs(s, 1) / sp.factorial(4) == sp.Rational(11, 720)


def step_defect(power: int, kink: sp.Expr) -> sp.Expr:
    """What one step [0, 1] integrates wrongly for (s - kink)_+^power with 0 <= kink <= 1, in steps."""
    exact = (1 - kink) ** (power + 1) / (power + 1)
    return exact - sum(w * (node - kink) ** power for node, w in zip((1, 2), whole_step()[2:], strict=True))


def _kinked_steps() -> bool:
    """A jump of the q-th derivative costs a part of h^(q + 1) that depends on its place in the step, below 1/40."""
    place = sp.Symbol("u")
    costs = [sp.Poly(step_defect(q, place) / sp.factorial(q), place) for q in (2, 3)]
    margins = [sp.Rational(1, 40) + sign * cost for cost in costs for sign in (1, -1)]
    return all(cost.degree() > 0 for cost in costs) and all(
        margin.eval(0) > 0 and margin.count_roots(0, 1) == 0 for margin in margins
    )


def _extrapolation() -> bool:
    limit, fourth, fifth = sp.symbols("L a_4 a_5")
    value = lambda step: limit + fourth * step**4 + fifth * step**5  # noqa: E731
    better = sp.expand((16 * value(h) - value(2 * h)) / 15)
    return better.coeff(h, 4) == 0 and better.coeff(h, 0) == limit and better.coeff(h, 5) == -16 * fifth / 15


def _two_gauss_points() -> bool:
    """Exact for cubics on [0, 1]."""
    points = [sp.Rational(1, 2) + sign / (2 * sp.sqrt(3)) for sign in (-1, 1)]
    return all(_zero(sum(u**power for u in points) / 2 - sp.Rational(1, power + 1)) for power in range(4))


def _middle_and_curvature() -> bool:
    """The slope of phi between the kinks, averaged along two lengths: its middle and its curvature."""
    slope = sp.diff(conditional("between"), c)
    both = mean(mean(slope), s)
    middle = slope.subs(c, c + (g + s) / 2) + sp.diff(slope, c, 2) * (g**2 + s**2) / 24
    return _zero(both - middle)


def _least_scale() -> bool:
    """|Y|^2 >= (sqrt(L) - |X|)^2 where L = |X - Y|^2: in the plane that X and Y span, with X along the axis."""
    length, first, second = sp.symbols("r y_1 y_2", real=True)
    loss = (length - first) ** 2 + second**2
    gap = sp.expand(4 * length**2 * loss - (loss + length**2 - first**2 - second**2) ** 2)
    return _zero(gap - 4 * length**2 * second**2)


_CONDITIONAL = "analytic/loss/conditional.py"
_INTERPOLATION = "analytic/loss/interpolation.py"
_PAGE = "derivations/lattice.md"
_ONE_OUTPUT = "alpha > 0, independent features"

#: (statement, what it assumes, who relies on it, proof)
FACTS: tuple[tuple[str, str, str, Callable[[], bool]], ...] = (
    (
        "the conditional error equals its definition in all three pieces",
        _ONE_OUTPUT,
        _CONDITIONAL,
        _conditional_is_stable,
    ),
    (
        "the conditional error is C1, its second derivative jumps by -2 p/alpha and 2 (1 - p)",
        _ONE_OUTPUT,
        _PAGE,
        _kinks,
    ),
    ("the two kinks merge into a jump of the slope", "alpha -> 0", _PAGE, _merged_kink),
    ("derivatives of a mean need values only", "any f", "analytic/loss/sweeps.py", _mean_slopes),
    ("the part with all features off never meets the lattice", "any f", "analytic/loss/sweeps.py", _splitting),
    ("cubics through four nodes integrate cubics exactly", "equidistant nodes", _INTERPOLATION, _exact_for_cubics),
    ("weights of one step, inside and at the ends", "equidistant nodes", _INTERPOLATION, _step_weights),
    ("a smooth step costs 11/720 h^5 f''''", "f a quartic", _PAGE, _one_step_of_a_quartic),
    ("a step with a jump of the q-th derivative costs less than 1/40 of h^(q + 1)", "q = 2, 3", _PAGE, _kinked_steps),
    ("one doubling removes h^4", "an expansion in powers of h", "analytic/loss/lattice.py", _extrapolation),
    ("two Gauss points are exact for cubics", "", _CONDITIONAL, _two_gauss_points),
    ("slope between the kinks: middle and curvature", _ONE_OUTPUT, _CONDITIONAL, _middle_and_curvature),
    ("the scale from the loss, by the triangle inequality", "any W, b", "analytic/loss/lattice.py", _least_scale),
)
