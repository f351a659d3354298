"""What is known of the pair in closed form, as programs for the page.

Two independent features of density p with importances (1, r): where the dedicated point W2 = 0 lies if the bias is
shared, and the importance beyond which the loss falls from it, towards each side and for each convention.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from derivations import dedicated
from derivations.dedicated import p, r
from derivations.program import Function, evaluation
from derivations.unbiased import boundary_polynomials


def _line(name: str, ratio: sp.Expr, where: str) -> Function:
    """The function of the density that gives the importance at which a dedicated point changes."""
    summary = f"Importance r above which the loss falls from the dedicated point W2 = 0 {where}."
    return Function(name, ("p",), summary, evaluation([_positive_below(ratio)]))


def _positive_below(ratio: sp.Expr) -> sp.Expr:
    """A quotient whose denominator is positive for densities below 1, so that a pole at 1 is positive infinity."""
    above, below = sp.fraction(sp.together(ratio))
    sign = sp.sign(below.subs(p, sp.Rational(1, 2)))
    return sp.expand(sign * above) / sp.expand(sign * below)


def without_cancellation(ratio: sp.Expr) -> sp.Expr:
    """(u + v sqrt(s)) / w as ((u^2 - v^2 s) / w) / (u - v sqrt(s)): exact where u and v sqrt(s) cancel."""
    roots = [power for power in ratio.atoms(sp.Pow) if power.exp == sp.Rational(1, 2)]
    if not roots:
        return ratio
    (root,) = roots
    u, v = (sp.expand(sp.numer(ratio)).coeff(root, k) for k in (0, 1))
    return sp.factor((u**2 - v**2 * root**2) / sp.denom(ratio)) / (u - v * root)


def closed_forms() -> Iterator[Function]:
    """The dedicated point with a shared bias, and the lines beyond which each dedicated point is unstable."""
    values = [sp.together(value) for value in dedicated.shared_point().values()]
    yield Function("shared_dedicated", ("p", "r"), "W1^2 and b at W2 = 0, with a shared bias.", evaluation(values))
    unbiased = boundary_polynomials()["instability"]
    yield _line("unbiased_line", sp.solve(unbiased, r)[0], "towards W1 W2 < 0, without bias")
    yield _line("shared_line", (4 - 3 * p) / (4 + 3 * p), "with a shared bias")
    for side in dedicated.SIDES:
        ratio = without_cancellation(dedicated.instability(side))
        yield _line(f"{side}_line", ratio, f"towards the {side} side, with a bias per feature")
