"""Stationary points and flat sets known in closed form, and their kinds: what the searches leave out.

With independent features and a bias per feature these are W = 0 with b = p/2, the two dedicated solutions, and points
at which both outputs are on everywhere; `affine` has those of a shared bias and of correlated features. The derivations
are in derivations/completeness.md, sections 3, 6, 7 and 11. Decisions are exact; numbers are enclosures.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from analytic.landscape.records import Kind, Phase
from analytic.models.bias import Bias
from analytic.proofs.enclosures import Constants, first_output
from analytic.proofs.fine import Fine
from analytic.proofs.intervals import Interval
from analytic.proofs.records import Bracket, Pair, ProvedFlatSet, ProvedPoint
from analytic.proofs.sturm import interpolate, isolate, sturm_chain

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel


def enclose(value: Fraction | Interval | Fine) -> Pair:
    """The tightest floats around an exact number or a fine interval, or the ends of an enclosure."""
    interval = Interval.between(value.lo, value.hi) if isinstance(value, Fine) else Interval.of(value)
    return float(interval.lo), float(interval.hi)


def flat_sets(model: ToyModel) -> list[ProvedFlatSet]:
    """The families with a dead output: completeness.md, sections 3 and 9 (shared bias); none without bias."""
    levels = flat_levels(Bias.of(model.bias), model.exact_importance, model.exact_density, model.independent)
    return [ProvedFlatSet(kind, enclose(loss), description) for kind, _, loss, description in levels]


def flat_levels(
    bias: Bias, r: Sequence[Any], p: Sequence[Any], independent: bool = True
) -> list[tuple[Kind, Phase, Any, str]]:
    """Kind, phase, loss and description of each family, in the arithmetic of importances and densities."""
    if bias is Bias.NONE:
        return []
    silent = [r[i] * p[i] * Fraction(1, 3) for i in (0, 1)]
    sets: list[tuple[Kind, Phase, Any, str]] = [("minimum", "silent", silent[0] + silent[1], "both outputs dead")]
    named: list[tuple[int, int, Phase]] = [(1, 0, "dedicated-1"), (0, 1, "dedicated-2")]
    for dead, live, phase in named if bias is Bias.PER_FEATURE else ():
        name = f"output {dead + 1} dead, output {live + 1}"
        constant = silent[dead] + silent[live] - r[live] * p[live] ** 2 * Fraction(1, 4)
        sets += [
            ("minimum", phase, silent[dead], f"{name} perfect"),
            ("saddle", "silent", constant, f"{name} constant at the mean"),
        ]
        if independent:
            sets.append(("minimum", "silent", constant, f"{name} constant at the mean, |W{dead + 1}| large"))
    return sets


def closed_form_points(model: ToyModel) -> tuple[list[ProvedPoint], bool]:
    """W = 0 with b = p/2; W_i = 1, W_j = 0, b_i = 0, b_j = p_j / 2; and points of `always_on`; False if undecided."""
    r, p = model.exact_importance, model.exact_density
    b = (enclose(p[0] / 2), enclose(p[1] / 2))
    lost = [r[i] * (p[i] / 3 - p[i] ** 2 / 4) for i in (0, 1)]
    zero, one = (0.0, 0.0), (1.0, 1.0)
    c = Constants.exact(model, False)
    points = [
        ProvedPoint((zero, zero), b, enclose(lost[0] + lost[1]), "saddle", False),
        ProvedPoint((one, zero), (zero, b[1]), enclose(lost[1]), dedicated_kind(c), True),
        ProvedPoint((zero, one), (b[0], zero), enclose(lost[0]), dedicated_kind(Constants.exact(model, True)), True),
    ]
    if alike(c):
        half = (float(np.nextafter(np.sqrt(0.5), 0.0)), float(np.nextafter(np.sqrt(0.5), 1.0)))
        points.append(ProvedPoint((half, half), (zero, zero), enclose(lost[0]), corner_kind(c, Bias.PER_FEATURE), True))
    saddles = always_on(c)
    return points + (saddles or []), saddles is not None


def dedicated_kind(c: Constants) -> Kind:
    """The kind of W = (1, 0), b = (0, p2/2), from exact constants, by the blow-up tau -> 0.

    L - L0 = tau^2 (I1 phi + I2 (v1 - 2 v2)) + o(tau^2) after minimising over W1, b1 and b2 on each side s of W2 = 0,
    with phi > 0 the minimum of a strictly convex function of one ratio kappa in (0, 1). There its derivative vanishes,
    a polynomial of degree two, whose root is isolated exactly.
    """
    kinds: set[Kind] = set()
    for sign in (1, -1):
        kappa = Interval.between(*turning_point(c, sign))
        *_, da, db = first_output(Constants(*map(Interval.of, c.numbers)), sign, Interval(0.0), kappa)
        phi = sign * (db - da * Fraction(3, 4) * Interval.of(c.p2))
        value = c.I1 * phi + c.I2 * (c.v1 - 2 * c.v2)
        kinds.add("minimum" if value.lo > 0 else "saddle" if value.hi < 0 else "undecided")
    return kind_on_both_sides(kinds)


def kind_on_both_sides(kinds: set[Kind]) -> Kind:
    """The kind of a point from those on either side of it."""
    if "saddle" in kinds:
        return "saddle"
    return "minimum" if kinds == {"minimum"} else "undecided"


def turning_point(c: Constants, sign: int) -> Bracket:
    """The ratio kappa at which phi is least."""
    slopes = [slope_of_phi(c, sign, kappa) for kappa in _NODES]
    (bracket,) = isolate(sturm_chain(interpolate(_NODES, slopes)))
    return bracket


_NODES = (Fraction(0), Fraction(1, 2), Fraction(1))


def slope_of_phi(c: Constants, sign: int, kappa: Any) -> Any:
    """What has the sign of phi' at kappa, or the opposite one, in the arithmetic of the arguments."""
    *_, dh, da, _ = first_output(c, sign, Fraction(0), kappa)
    return dh - da * Fraction(3, 2)


def alike(c: Constants) -> bool:
    """Whether exchanging the features changes nothing; then W1 = W2 = 1/sqrt(2), b = 0 is a stationary point."""
    return bool(c.p1 == c.p2 and c.I1 == c.I2)


def corner_kind(c: Constants, bias: Bias) -> Kind:
    """The kind of W1 = W2 = 1/sqrt(2), b = 0 for equal features, completeness.md, sections 6, 9 and 11."""
    if bias is Bias.SHARED:
        return "minimum"
    if c.covariance <= 0:
        return "saddle"
    stiffness = 1 / (c.v1 + c.covariance) + 1 / (2 * c.covariance)
    lost = c.p00 * (1 + c.p1**2 * stiffness / 4)
    return "minimum" if lost < 1 else "saddle" if lost > 1 else "undecided"


def always_on(c: Constants) -> list[ProvedPoint] | None:
    """Saddles inside the region where both outputs are on everywhere, decided exactly; None if on its edge."""
    first, second, cross = 2 * c.I1 * c.v1, 2 * c.I2 * c.v2, c.I1 * c.v2 + c.I2 * c.v1
    if first == second == cross:
        return [] if alike(c) else None
    if not (first < cross and second < cross):
        return []
    # (1 - alpha1) first = alpha2 cross and the same with the features exchanged
    determinant = first * second - cross**2
    alpha1, alpha2 = second * (first - cross) / determinant, first * (second - cross) / determinant
    square = alpha1 * alpha2
    loss = c.I1 * (1 - alpha1) ** 2 * c.v1 + c.I2 * (1 - alpha2) ** 2 * c.v2 + square * cross
    rooms = [((1 - a) * p, q) for a, p, q in ((alpha1, c.p1, c.p2), (alpha2, c.p2, c.p1))]
    points = []
    for sign in (1, -1):
        # 2 b_i = p_i (1 - alpha_i) - beta p_j must exceed 0, or -2 beta where beta < 0
        margins = [room**2 - square * (q if sign > 0 else 2 - q) ** 2 for room, q in rooms]
        if min(margins) == 0:
            return None
        if min(margins) > 0:
            beta = sign * Interval.of(square).sqrt()
            W = [Interval.of(alpha1).sqrt(), sign * Interval.of(alpha2).sqrt()]
            b = [(room - beta * q) / 2 for room, q in rooms]
            (W1, W2), (b1, b2) = (map(enclose, pair) for pair in (W, b))
            points.append(ProvedPoint((W1, W2), (b1, b2), enclose(loss), "saddle", False))
    return points
