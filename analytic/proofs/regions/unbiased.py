"""Without bias: rectangles of models, by comparing a few of them exactly. completeness.md, section 12.

Exchange the features if needed so that r <= 1. Two curves rise with the density p through the plane: the fold, above
which there are an antipodal minimum and a saddle, and the instability of the axis W2 = 0, where the saddle ends.
`stage` counts how many of them lie below a model. It falls with p and grows with r, so it is constant on a rectangle if
two corners agree. The mirror images of the curves decide in the same way about saddles with the larger W2.

Along a stationary point L is concave in r and grows with it, and L/p grows with p on the antipodal side and falls on
the confused one. So ranges of the losses, and which minimum is the best, follow from models on the edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from analytic.landscape.records import Kind, Phase, phase_of
from analytic.loss import kernels
from analytic.models.bias import Bias
from analytic.models.toy import ToyModel
from analytic.proofs.closed_form import enclose
from analytic.proofs.intervals import Interval
from analytic.proofs.records import Box, Bracket, Pair, ProvedPoint, Reason
from analytic.proofs.regions.certificate import hull
from analytic.proofs.regions.records import Cell, RegionPoint
from analytic.proofs.sturm import count_roots, evaluate, interpolate, sturm_chain
from analytic.proofs.unbiased import isolated_roots, points_from

#: An edge is halved at most so often to show which minimum is the better one.
_HALVINGS = 5
#: Weights are enclosed on so many parts of each of density, importance and ratio.
_TILES = 4
#: Below this ratio an antipodal stationary point moves one way with the density, and the fold lies there: (S16).
_RATIO = Fraction(141, 200)
#: How far outside of its values at the corners a ratio is tried as a bound, in units of their difference.
_STEPS = (Fraction(0), Fraction(1, 8), Fraction(1, 2), Fraction(2))
_ZERO, _ONE = (0.0, 0.0), (1.0, 1.0)
#: A point off the axes: its kind, its phase, and for a saddle whether the second weight is the larger one.
Name: TypeAlias = tuple[Kind, Phase, bool]
CONFUSED: Name = ("minimum", "confused", False)
ANTIPODAL: Name = ("minimum", "antipodal", False)


@dataclass(frozen=True)
class Node:
    """One model: density p, importances (1, r)."""

    p: Fraction
    r: Fraction

    @cached_property
    def points(self) -> dict[Name, ProvedPoint]:
        """Its points off the axes."""
        model = ToyModel.from_density(self.p, self.r, Bias.NONE)
        off_axes = (point for point in points_from(model, isolated_roots(model)) if not point.on_kink)
        return {_name(point): point for point in off_axes}

    def stage(self, swapped: bool) -> int | None:
        """How many of fold and instability lie below, for a first (second) weight that is larger; None on a curve."""
        r = 1 / self.r if swapped else self.r
        constant, slope = kernels.instability_polynomial(self.p)
        height = constant + slope * r
        if height >= 0 or r > 1:
            return 2 if height > 0 else 1 if height < 0 else None
        found = ANTIPODAL in self.points, ("saddle", "antipodal", swapped) in self.points
        # On the fold minimum and saddle are one point, which counts as a saddle.
        return int(found[0]) if found[0] == found[1] else None

    def relative_loss(self, name: Name) -> Interval:
        """L/p at one of the points."""
        return Interval(*self.points[name].loss) / self.p

    def ratio(self, name: Name, larger: int) -> tuple[Fraction, Fraction]:
        """Bounds of |smaller weight / larger weight|."""
        W = [Interval(*w) for w in self.points[name].W]
        ratio = W[1 - larger] / W[larger]
        low, high = sorted(abs(Fraction(float(end))) for end in (ratio.lo, ratio.hi))
        return low, high


@lru_cache(maxsize=256)
def node(p: Fraction, r: Fraction) -> Node:
    """Neighbouring rectangles share their corners."""
    return Node(p, r)


def _name(point: ProvedPoint) -> Name:
    first, second = (max(map(abs, w)) for w in point.W)
    return point.kind, phase_of(point.W[0][0], point.W[1][0]), point.kind == "saddle" and second > first


def cell(path: str, rectangle: Box) -> Cell:
    """What is proved about all models of a rectangle."""
    density, importance = rectangle
    parts = list(_parts(rectangle))
    if any(None in part.stages for part in parts):
        return Cell(path, density, importance, reasons=((Reason.BOUNDARY, ""),))
    listed = (sorted(part.points().items()) for part in parts)
    off_axes = [hull(tuple(point for _, point in same)) for same in zip(*listed, strict=True)]
    points = tuple(sorted([*_closed_form(rectangle), *off_axes], key=lambda point: point.loss))
    if ANTIPODAL not in parts[0].names:
        return Cell(path, density, importance, points, "confused")
    best = min((CONFUSED, ANTIPODAL), key=lambda name: float(parts[0].corner(0, 0).relative_loss(name).mid))
    leads = [part.lead(best) for part in parts]
    low, high = min(low for low, _ in leads), max(high for _, high in leads)
    if not low > 0:
        return Cell(path, density, importance, points, reasons=((Reason.LEAD, ""),))
    return Cell(path, density, importance, points, best[1], (low, high))


def _parts(rectangle: Box) -> Iterator[Part]:
    """The rectangle, cut at r = 1."""
    (p, q), (r, s) = (tuple(map(Fraction, side)) for side in rectangle)
    cuts = [r, Fraction(1), s] if r < 1 < s else [r, s]
    for low, high in pairwise(cuts):
        yield Part((p, q), (low, high), int(low >= 1))


def _closed_form(rectangle: Box) -> list[RegionPoint]:
    """W = 0, a maximum, and the axes, where the loss falls linearly on one side: saddles on a kink."""
    p, r = (Interval(*side) for side in rectangle)
    return [
        RegionPoint((_ZERO, _ZERO), (_ZERO, _ZERO), enclose((1 + r) * p / 3), "maximum", "silent", True),
        RegionPoint((_ONE, _ZERO), (_ZERO, _ZERO), enclose(r * p / 3), "saddle", "dedicated-1", True),
        RegionPoint((_ZERO, _ONE), (_ZERO, _ZERO), enclose(p / 3), "saddle", "dedicated-2", True),
    ]


@dataclass(frozen=True)
class Part:
    """A rectangle on one side of r = 1; `larger` is the index of the larger weight at minima."""

    p: Bracket
    r: Bracket
    larger: int

    def corner(self, i: int, j: int) -> Node:
        """Lower or upper density; less or more equal importances."""
        return node(self.p[i], self.r[j if self.larger == 0 else 1 - j])

    @cached_property
    def stages(self) -> tuple[int | None, int | None]:
        """The stage of all models for points with the larger weight of minima, and for the others; None if not one."""
        found = []
        for swapped, corners in ((self.larger == 1, ((0, 1), (1, 0))), (self.larger == 0, ((0, 0), (1, 1)))):
            first, second = (self.corner(*at).stage(swapped) for at in corners)
            found.append(first if first == second else None)
        return found[0], found[1]

    @cached_property
    def names(self) -> list[Name]:
        """The points off the axes."""
        near, far = self.stages
        saddles: list[Name] = [
            ("saddle", "antipodal", bool(self.larger) == (k == 0)) for k in (0, 1) if (near, far)[k] == 1
        ]
        return [CONFUSED, *([ANTIPODAL] if near else []), *saddles]

    def points(self) -> dict[Name, RegionPoint]:
        """The points off the axes, with ranges."""
        return {name: self._point(name) for name in self.names}

    def _point(self, name: Name) -> RegionPoint:
        W, (low, high) = self._weights(name), self._losses(name)
        kind, phase, _ = name
        return RegionPoint(W, (_ZERO, _ZERO), enclose(low.join(high)), kind, phase, False)

    def _losses(self, name: Name) -> tuple[Interval, Interval]:
        """Bounds of L: p times those of L/p."""
        p = self.p if name[1] == "antipodal" else self.p[::-1]
        least, most = (node(p[k], self.r[k]).relative_loss(name) for k in (0, 1))
        return least * self.p[0], most * self.p[1]

    def _weights(self, name: Name) -> tuple[Pair, Pair]:
        """W1 > 0 and W2, from the best scale for each model and ratio."""
        kind, phase, second = name
        larger = int(second) if kind == "saddle" else self.larger
        p, r, t = _tiles(self.p, self.r, self._ratios(name, larger))
        scale = kernels.confused_scale if phase == "confused" else kernels.antipodal_scale
        I1, I2 = (r, 1) if larger else (1, r)
        a, q = scale(t, I1, I2, *_on_off_over_density(p))
        large = (a / (2 * q)).sqrt()
        W1, W2 = (_range(w) for w in ((t * large, large) if larger else (large, t * large)))
        return W1, W2 if phase == "confused" else (-W2[1], -W2[0])

    def _ratios(self, name: Name, larger: int) -> tuple[Fraction, Fraction]:
        """Bounds of |smaller weight / larger weight|: at two corners, but for the antipodal minimum."""
        if name == ANTIPODAL:
            return self._antipodal_ratios()
        near_saddle = name[0] == "saddle" and larger == self.larger
        least, most = ((0, 1), (1, 0)) if near_saddle else ((0, 0), (1, 1))
        return self.corner(*least).ratio(name, larger)[0], min(self.corner(*most).ratio(name, larger)[1], Fraction(1))

    def _antipodal_ratios(self) -> tuple[Fraction, Fraction]:
        """Bounds for the minimum. Its ratio u is larger for more equal importances, and most often for less density.

        Where S(u) > 0 for the least equal importances and all densities, all ratios are larger; where S(u) < 0 for the
        most equal ones, they are smaller.
        """
        at = [[end for i in (0, 1) for end in self.corner(i, j).ratio(ANTIPODAL, self.larger)] for j in (0, 1)]
        low, high = min(at[0]), max(at[1])
        below = (*(low - step * (high - low) for step in _STEPS), _RATIO)
        above = (high + step * (high - low) for step in _STEPS)
        r = self.r if self.larger == 0 else (1 / self.r[1], 1 / self.r[0])
        least = next((u for u in below if u > 0 and _sextic_sign(u, self.p, r[0]) > 0), Fraction(0))
        return least, next((u for u in above if u < 1 and _sextic_sign(u, self.p, r[1]) < 0), Fraction(1))

    def lead(self, best: Name) -> Pair:
        """Bounds of the loss of the other minimum minus that of the best; if the lower is not positive, undecided."""
        other = CONFUSED if best == ANTIPODAL else ANTIPODAL
        worst = best == ANTIPODAL
        low = _least_difference(self.p[worst], self.r, other, best, _HALVINGS)
        high = _least_difference(self.p[not worst], self.r, best, other, 0)
        return float((low * self.p[0]).lo), float((-high * self.p[1]).hi)


def _least_difference(p: Fraction, r: Bracket, first: Name, second: Name, halvings: int) -> Interval:
    """A lower bound of the difference of L/p of two minima along an edge, from its ends and its middle.

    Both are concave functions of r: the first lies above its chords, and the second below their continuations.
    """
    middle = (r[0] + r[1]) / 2
    (x0, y0), (x, y), (x1, y1) = (
        [node(p, at).relative_loss(name) for name in (first, second)] for at in (r[0], middle, r[1])
    )
    least = min((x0 - (2 * y - y1), x - y, x1 - (2 * y - y0)), key=lambda difference: float(difference.lo))
    if least.lo > 0 or halvings == 0 or not min((x0 - y0).lo, (x - y).lo, (x1 - y1).lo) > 0:
        return least
    halves = (_least_difference(p, half, first, second, halvings - 1) for half in ((r[0], middle), (middle, r[1])))
    return min(halves, key=lambda difference: float(difference.lo))


def _on_off_over_density(p: Any) -> tuple[Any, Any, Any]:
    """Probabilities of only the first, only the second, and both features on, over p: what is linear in them stays."""
    return 1 - p, 1 - p, p


def _sextic_sign(u: Fraction, p: Bracket, r: Fraction) -> int:
    """The sign of the sextic at u for all densities from p[0] to p[1]; 0 if it changes. It is a square in p."""
    nodes = (p[0], (p[0] + p[1]) / 2, p[1])
    values = [evaluate(list(kernels.antipodal_polynomial(1, r, *_on_off_over_density(x))), u) for x in nodes]
    if 0 in values or count_roots(sturm_chain(interpolate(nodes, values)), p[0], p[1]):
        return 0
    return 1 if values[0] > 0 else -1


def _tiles(*sides: Bracket) -> list[Interval]:
    """A box cut into equal parts along each side."""
    edges = [np.linspace(*enclose(Interval.between(*side)), _TILES + 1) for side in sides]
    lows, highs = (np.meshgrid(*(edge[cut] for edge in edges)) for cut in (slice(-1), slice(1, None)))
    return [Interval(low, high) for low, high in zip(lows, highs, strict=True)]


def _range(values: Interval) -> Pair:
    return float(values.lo.min()), float(values.hi.max())
