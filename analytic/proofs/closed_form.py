"""Stationary points known in closed form, and their kinds: what the searches of `certificate.py` leave out.

With independent features and a bias per feature these are W = 0 with b = p/2, the two dedicated solutions, and points
at which both outputs are on everywhere; `shared` has those of a shared bias. The derivations are in
derivations/completeness.md, sections 3, 6 and 7. Decisions are exact; numbers are enclosures.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from analytic.proofs.enclosures import Constants, first_output
from analytic.proofs.intervals import Interval

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

Pair = tuple[float, float]


class Kind(str, Enum):
    """Second-order type."""

    MINIMUM = "minimum"
    SADDLE = "saddle"
    MAXIMUM = "maximum"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class ProvedPoint:
    """One stationary point up to W -> -W: enclosures (lo, hi) of W, b and loss, and its kind."""

    W: tuple[Pair, Pair]
    b: tuple[Pair, Pair]
    loss: Pair
    kind: Kind
    on_kink: bool


def enclose(value: Fraction | Interval) -> Pair:
    """The tightest floats around an exact number, or the ends of an enclosure."""
    interval = Interval.of(value)
    return float(interval.lo), float(interval.hi)


def closed_form_points(model: ToyModel) -> tuple[list[ProvedPoint], bool]:
    """W = 0 with b = p/2; W_i = 1, W_j = 0, b_i = 0, b_j = p_j / 2; and points of `always_on`; False if undecided."""
    r, p = model.exact_importance, model.exact_density
    b = (enclose(p[0] / 2), enclose(p[1] / 2))
    lost = [r[i] * (p[i] / 3 - p[i] ** 2 / 4) for i in (0, 1)]
    zero, one = (0.0, 0.0), (1.0, 1.0)
    c = Constants.exact(model, False)
    points = [
        ProvedPoint((zero, zero), b, enclose(lost[0] + lost[1]), Kind.SADDLE, False),
        ProvedPoint((one, zero), (zero, b[1]), enclose(lost[1]), dedicated_kind(c), True),
        ProvedPoint((zero, one), (b[0], zero), enclose(lost[0]), dedicated_kind(Constants.exact(model, True)), True),
    ]
    if alike(c):
        half = (float(np.nextafter(np.sqrt(0.5), 0.0)), float(np.nextafter(np.sqrt(0.5), 1.0)))
        points.append(ProvedPoint((half, half), (zero, zero), enclose(lost[0]), Kind.SADDLE, True))
    saddles = always_on(c)
    return points + (saddles or []), saddles is not None


def dedicated_kind(c: Constants) -> Kind:
    """The kind of W = (1, 0), b = (0, p2/2), from exact constants, by the blow-up tau -> 0.

    L - L0 = tau^2 (I1 phi + I2 (v1 - 2 v2)) + o(tau^2) after minimising over W1, b1 and b2 on each side s of W2 = 0,
    with phi > 0 the minimum of a strictly convex function of one ratio kappa in (0, 1), which is bisected
    in exact arithmetic.
    """
    kinds = set()
    for sign in (1, -1):
        low, high = Fraction(0), Fraction(1)
        for _ in range(60):
            middle = (low + high) / 2
            *_, dh, da, _ = first_output(c, sign, Fraction(0), middle)
            falls = sign * (dh - da * Fraction(3, 2)) > 0
            low, high = (middle, high) if falls else (low, middle)
        kappa = Interval.between(low, high)
        *_, da, db = first_output(Constants(*map(Interval.of, vars(c).values())), sign, Interval(0.0), kappa)
        phi = sign * (db - da * Fraction(3, 4) * Interval.of(c.p2))
        value = c.I1 * phi + c.I2 * (c.v1 - 2 * c.v2)
        kinds.add(Kind.MINIMUM if value.lo > 0 else Kind.SADDLE if value.hi < 0 else Kind.UNDECIDED)
    if Kind.SADDLE in kinds:
        return Kind.SADDLE
    return Kind.MINIMUM if kinds == {Kind.MINIMUM} else Kind.UNDECIDED


def alike(c: Constants) -> bool:
    """Whether exchanging the features changes nothing; then W1 = W2 = 1/sqrt(2), b = 0 is a stationary point."""
    return bool(c.p1 == c.p2 and c.I1 == c.I2)


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
            points.append(ProvedPoint((W1, W2), (b1, b2), enclose(loss), Kind.SADDLE, False))
    return points
