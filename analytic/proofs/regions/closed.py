"""What is known without a search, for all models of a rectangle: completeness.md, sections 3, 6, 7, 9 and 10.

Every number is a function of density p and importance r (`Dual`), so its range over the rectangle is a mean value form.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from analytic.landscape.records import Kind, Phase
from analytic.models.bias import Bias
from analytic.proofs.closed_form import flat_levels, kind_on_both_sides, slope_of_phi
from analytic.proofs.duals import Dual
from analytic.proofs.enclosures import Constants, first_output
from analytic.proofs.intervals import Interval
from analytic.proofs.records import Box, Pair, Reason
from analytic.proofs.regions.family import constants, ranged
from analytic.proofs.regions.losses import End
from analytic.proofs.regions.records import RegionPoint

_ZERO, _ONE = (0.0, 0.0), (1.0, 1.0)
#: A point with its loss as a function of density and importance, and the `margin` of the loss as an `End`.
Known = tuple[RegionPoint, Dual, float]
Doubt = tuple[Reason, str]
#: Half widths of brackets for the turning point.
_BRACKETS = 2.0 ** -np.arange(2.0, 40.0)


def plane(rectangle: Box) -> tuple[Dual, Dual]:
    """Density and importance as functions on the rectangle."""
    p, r = Dual.variables(*(Interval(*side) for side in rectangle))
    return p, r


def flat_ends(rectangle: Box, bias: Bias) -> list[End]:
    """The flat minima."""
    p, r = plane(rectangle)
    levels = flat_levels(bias, (1, r), (p, p))
    return [End.of(phase, loss) for kind, phase, loss, _ in levels if kind == "minimum"]


def known_points(rectangle: Box, bias: Bias) -> tuple[list[Known], list[Doubt]]:
    """All isolated stationary points outside the searches, and what stays in doubt."""
    found = list((_shared if bias is Bias.SHARED else _per_feature)(rectangle))
    doubts = [(Reason.KIND, f"W near {point.W}") for point, *_ in found if point.kind == "undecided"]
    return found, doubts


def span(x: Any) -> Pair:
    """The range of a function as a pair of floats."""
    found = Interval.of(ranged(x))
    return float(found.lo), float(found.hi)


def _point(
    W: tuple[Pair, Pair], b: tuple[Any, Any], loss: Dual, kind: Kind, phase: Phase, on_kink: bool, margin: float = 0.0
) -> Known:
    return RegionPoint(W, (span(b[0]), span(b[1])), span(loss), kind, phase, on_kink), loss, margin


def _per_feature(rectangle: Box) -> Iterator[Known]:
    """W = 0, and the two dedicated solutions; both outputs on everywhere is impossible for r != 1."""
    p, r = plane(rectangle)
    v, mean = constants(False, p, r).v1, p * Fraction(1, 2)
    first, second = (dedicated_kind(rectangle, swapped) for swapped in (False, True))
    yield _point((_ZERO, _ZERO), (mean, mean), (1 + r) * v, "saddle", "silent", False)
    yield _point((_ONE, _ZERO), (0, mean), r * v, first, "dedicated-1", True)
    yield _point((_ZERO, _ONE), (mean, 0), v, second, "dedicated-2", True)


def dedicated_kind(rectangle: Box, swapped: bool) -> Kind:
    """The kind of the dedicated solution, the same for all models, as `closed_form.dedicated_kind` decides it."""
    kinds: set[Kind] = set()
    for sign in (1, -1):
        p, r, at = Dual.variables(*(Interval(*side) for side in (*rectangle, _bracket(rectangle, sign))))
        c = constants(swapped, p, r)
        *_, da, db = first_output(c, sign, Interval(0.0), at)
        value = ranged(c.I1 * (sign * (db - da * Fraction(3, 4) * c.p2)) + c.I2 * (c.v1 - 2 * c.v2))
        kinds.add("minimum" if value.lo > 0 else "saddle" if value.hi < 0 else "undecided")
    return kind_on_both_sides(kinds)


def _bracket(rectangle: Box, sign: int) -> Pair:
    """Ends between which the slope of phi changes its sign, for every model of the rectangle: its root is between.

    It is looked for near the root of the model in the middle, the only one in (0, 1).
    """
    p, r = plane(rectangle)
    c = constants(False, p, r)
    middle = Constants(*(float(x.centre.mid) if isinstance(x, Dual) else x for x in vars(c).values()))
    parabola = np.polyfit([0.0, 0.5, 1.0], [slope_of_phi(middle, sign, kappa) for kappa in (0.0, 0.5, 1.0)], 2)
    near = min(np.roots(parabola).real, key=lambda root: abs(root - 0.5))
    ends = np.clip([near - _BRACKETS, near + _BRACKETS], 0.0, 1.0)
    first, last = ranged(slope_of_phi(c, sign, Interval(ends[0]))), ranged(slope_of_phi(c, sign, Interval(ends[1])))
    changes = ((first.lo > 0) & (last.hi < 0)) | ((first.hi < 0) & (last.lo > 0))
    return (0.0, 1.0) if not changes.any() else tuple(ends[:, np.flatnonzero(changes)[-1]])


def _shared(rectangle: Box) -> Iterator[Known]:
    """W = 0, the points with W2 = 0 and W1 = 0, and those at which both outputs are on everywhere."""
    p, r = plane(rectangle)
    c, mean = constants(False, p, r), p * Fraction(1, 2)
    yield _point((_ZERO, _ZERO), (mean, mean), (1 + r) * c.v1, "saddle", "silent", False)
    phases: dict[bool, Phase] = {False: "dedicated-1", True: "dedicated-2"}
    for swapped, phase in phases.items():
        c = constants(swapped, p, r)
        rise = ranged(c.v1 * (c.I1 - c.I2) - c.I2 * c.p1**2 * Fraction(1, 2))
        kind: Kind = "minimum" if rise.lo > 0 else "saddle" if rise.hi < 0 else "undecided"
        sigma, loss = _on_ray(c, 0 * p)
        b, weight = _bias_on_ray(c, sigma, 0 * p), span(sigma.sqrt())
        yield _point((_ZERO, weight) if swapped else (weight, _ZERO), (b, b), loss, kind, phase, False)
        if kind != "minimum" and ranged(c.I1 - c.I2).hi > 0:
            yield from _both_on(c, swapped)


def _on_ray(c: Constants, v: Any) -> tuple[Any, Any]:
    """sigma and the loss at the best place of the rays W2 = +- v W1, if both outputs are on there."""
    weight, u = c.I1 + c.I2, v**2
    price = c.I1 * c.I2 / weight * c.p1**2 * Fraction(1, 4)
    a, q = 2 * c.v1 * (c.I1 + c.I2 * u), c.v1 * (1 + u) * (c.I1 + c.I2 * u) + price * (1 - u) ** 2
    sigma = (a / (2 * q)).tight()
    return sigma, weight * c.v1 - a * sigma * Fraction(1, 2)


def _bias_on_ray(c: Constants, sigma: Any, v: Any) -> Any:
    """The best b there; v is negative on the ray W2 < 0."""
    means = (c.I1 * (1 - sigma) + c.I2 * (1 - sigma * v**2)) / (c.I1 + c.I2)
    return ((means - sigma * v) * c.p1 * Fraction(1, 2)).tight()


def _both_on(c: Constants, swapped: bool) -> Iterator[Known]:
    """The two points W2 = +- v W1, v^2 the root in (S8), where there is one and min h > 0."""
    half, gain = c.p1**2 * Fraction(1, 2), c.v1 * (c.I1 - c.I2)
    square = (c.I1 * (c.I2 * half - gain) / (c.I2 * (gain + c.I1 * half))).tight()
    if square.value.lo <= 0:
        yield _point((_ZERO, _ZERO), (0, 0), square, "undecided", "confused", False)
        return
    sigma, loss = _on_ray(c, square.sqrt())
    margin = 0.0
    for sign in (-1, 1):
        phase: Phase = "confused" if sign > 0 else "antipodal"
        v = sign * square.sqrt()
        b = _bias_on_ray(c, sigma, v)
        room = ranged(b if sign > 0 else b + sigma * v)
        if room.hi >= 0:
            W = span(sigma.sqrt()), span(v * sigma.sqrt())
            kind: Kind = "minimum" if room.lo > 0 else "undecided"
            yield _point(W[::-1] if swapped else W, (b, b), loss, kind, phase, False, margin)
        else:
            margin = _gain(c, -sigma * v, -room)


def _gain(c: Constants, beta: Any, depth: Interval) -> float:
    """How much the outputs gain from the ReLU at the image with v < 0 of the confused point, at least.

    Its output i is h = b - beta x_j where only x_j is on, down to -depth: sum_i I_i P(only j) E[h^2 1(h < 0)]. Without
    the ReLU both have the same loss.
    """
    gain = ranged((c.I1 + c.I2) * c.q1) * depth**3 / (3 * ranged(beta))
    return max(0.0, float(gain.lo))
