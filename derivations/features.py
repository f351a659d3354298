"""Writes `derivations/features.md`, the chapter on any number of features, and lists what it proves."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import mpmath
import sympy as sp

from derivations import polytopes, recurrence
from derivations.document import display, equation, filled, latex, table
from derivations.patterns import PATTERNS, alpha, b, beta

PROSE = Path(__file__).with_name("features_prose.md")

#: Densities at which the minimum of each regular arrangement is shown: where its pattern is the one of the expression.
DENSITIES = {
    "digon": sp.Rational(3, 10),
    "triangle": sp.Rational(3, 5),
    "pentagon": sp.Rational(1, 10),
    "hexagon": sp.Rational(3, 100),
    "tetrahedron": sp.Rational(1, 2),
}
#: Expressions longer than this are given in the code, not on paper.
_LONGEST = 700


def _signs_up_to(k: int) -> list[tuple[int, ...]]:
    return [signs for size in range(1, k + 1) for signs in product((1, -1), repeat=size)]


def _jumps() -> bool:
    ones = sp.ones(2, 2)
    return recurrence.jump_of_own("A") == -ones / alpha and recurrence.jump_of_own("B") == sp.zeros(2, 2)


def _minima() -> bool:
    """Whether both derivatives vanish at each minimum, to twenty digits beyond double precision."""
    with mpmath.workdps(60):
        for name, density in DENSITIES.items():
            found = polytopes.minimum(name, density, 40)
            value = polytopes.loss(name, found.positive).subs(polytopes.p, density)
            for parameter in (polytopes.w, polytopes.b):
                slope = sp.lambdify((polytopes.w, polytopes.b), sp.diff(value, parameter), "mpmath")
                if abs(slope(found.w, found.b)) > mpmath.mpf(10) ** -36:
                    return False
    return True


_RECURRENCE = "analytic/loss/recurrence.py"
_CURVATURE = "analytic/loss/curvature.py"

#: (statement, what it assumes, who relies on it, proof)
FACTS: tuple[tuple[str, str, str, Callable[[], bool]], ...] = (
    (
        "divergence behind the recurrence",
        "any q, exponents and slopes; k up to 4",
        _RECURRENCE,
        lambda: not any(map(recurrence.field_defect, range(1, 5))),
    ),
    (
        "h(t) = 0 for the chosen t",
        "lo < 0 < hi; k up to 4, all signs",
        _RECURRENCE,
        lambda: not any(map(recurrence.choice_defect, _signs_up_to(4))),
    ),
    (
        "the recurrence gives the kernels of the pair",
        "n = 2, every activation pattern, both signs of beta",
        _RECURRENCE,
        lambda: all(map(recurrence.pair_agrees, PATTERNS)),
    ),
    (
        "the sweeps give loss and gradient of the pair",
        "n = 2, every activation pattern, both signs of beta, any on/off probabilities",
        _RECURRENCE,
        lambda: all(map(recurrence.pair_sweeps_agree, PATTERNS)),
    ),
    (
        "the sweeps give loss and gradient of three features",
        "nine rational points, three of them with h = 0 at a corner",
        _RECURRENCE,
        lambda: recurrence.sweeps_agree_in_rationals(3, 9),
    ),
    (
        "chain rule from g and b to W and b",
        "m = 2, n = 3",
        _CURVATURE,
        lambda: recurrence.chain_rule_holds(2, 3),
    ),
    ("jumps of the Hessian with one feature on", "alpha > 0", _CURVATURE, _jumps),
    ("minima of the regular arrangements", "the densities of the table", "derivations/features.md", _minima),
)


def _example(k: int) -> str:
    """The recurrence written out for k = 1 or 2 and q = 1 in the case lo < 0 < hi, all slopes positive."""
    slopes = (alpha, beta)[:k]
    numbers = {alpha: 3, beta: 5, b: -1}
    value = recurrence.moment_of_states(b, slopes, numbers)(1, (0,) * k, (recurrence.FREE,) * k)
    return equation("E[h_+]", sp.factor(value))


def _jump() -> str:
    return display(
        rf"\Delta \left( E[u u^\top 1(h > 0)] - E[x u u^\top \delta(h)] \right) = {latex(recurrence.jump_of_own('A'))}"
    )


def _arrangements() -> str:
    rows = []
    for name, density in DENSITIES.items():
        found = polytopes.minimum(name, density, 20)
        digits = [mpmath.nstr(value, 16) for value in (found.w, found.b, found.loss)]
        rows.append(
            (name, f"${latex(density)}$", *digits, f"{len(found.positive)} of {2 ** len(next(iter(found.positive)))}")
        )
    return table(("arrangement", "$p$", "$w$", "$b$", "$L$", "corners with $h > 0$"), rows)


def _expressions() -> str:
    """The coefficients of p^k (1 - p)^(n - k) in the loss per feature less p / 3, where they are short enough."""
    parts = []
    for name, density in DENSITIES.items():
        positive = polytopes.minimum(name, density, 20).positive
        n, omitted = len(polytopes.COSINES[name]), []
        parts.append(f"**{name.capitalize()}**")
        for k, value in polytopes.collected(name, positive).items():
            shown = latex(value)
            if len(shown) <= _LONGEST:
                parts.append(display(rf"c_{{{k}}} = {shown}"))
            else:
                omitted.append(f"$c_{{{k}}}$")
        if omitted:
            parts.append(f"{', '.join(omitted)} of {n} features: `polytopes.collected({name!r}, positive)`.")
    return "\n\n".join(parts)


INSERTS: dict[str, Callable[[], str]] = {
    "one feature": lambda: _example(1),
    "two features": lambda: _example(2),
    "jump": _jump,
    "arrangements": _arrangements,
    "expressions": _expressions,
}


def chapter() -> str:
    """The complete text of `features.md`."""
    return filled(PROSE, INSERTS)
