"""One rectangle: what follows for its models from searches that are settled on it, or on a rectangle around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from analytic.landscape.records import Phase
from analytic.models.bias import Bias
from analytic.proofs.intervals import Array, Interval
from analytic.proofs.records import Box, Pair, Place, Reason
from analytic.proofs.regions import unbiased
from analytic.proofs.regions.closed import Doubt, flat_ends, known_points
from analytic.proofs.regions.family import Family
from analytic.proofs.regions.losses import End, lead
from analytic.proofs.regions.records import Cell, RegionPoint, Tube
from analytic.proofs.regions.tubes import at_middle, reported

#: A search on its own rectangle, and the tubes that settle it.
Settled = tuple[Family, Sequence[Tube]]


def concluded(path: str, rectangle: Box, bias: Bias, searches: Iterable[Settled]) -> Cell:
    """The cell that all searches of the convention settle; without bias there are none."""
    if bias is Bias.NONE:
        return unbiased.cell(path, rectangle)
    known, doubts = known_points(rectangle, bias)
    points = [point for point, *_ in known]
    ends = [End.of(point.phase, loss, margin) for point, loss, margin in known if point.kind == "minimum"]
    ends += flat_ends(rectangle, bias)
    for problem, tubes in searches:
        doubts += doubts_about(problem, tubes)
        for tube in tubes:
            if tube.place is Place.INSIDE:
                point, end = _from_tube(problem, tube, rectangle)
                points.append(point)
                ends += [end] if point.kind == "minimum" else []
    density, importance = rectangle
    if doubts:
        return Cell(path, density, importance, reasons=tuple(doubts))
    points.sort(key=lambda point: point.loss)
    phase, gap = lead(ends, rectangle)
    if not gap[0] > 0:
        open_question = Reason.LEAD, f"the lead is between {gap[0]:.3g} and {gap[1]:.3g}"
        return Cell(path, density, importance, tuple(points), reasons=(open_question,))
    return Cell(path, density, importance, tuple(points), phase, gap)


def doubts_about(problem: Family, tubes: Sequence[Tube]) -> list[Doubt]:
    """What the tubes of one search leave open."""
    at = [at_middle(problem.seen(tube.frame), np.array(tube.inner)) for tube in tubes]
    found = [(Reason.DOUBLE, problem.name) for a, b in combinations(at, 2) if meet(a, b)]
    found += [(Reason.PLACE, problem.name) for tube in tubes if tube.place is Place.UNDECIDED]
    return found + [
        (Reason.KIND, problem.name) for tube in tubes if tube.place is Place.INSIDE and tube.kind == "undecided"
    ]


def meet(a: Array, b: Array) -> bool:
    """Whether two boxes (d, 2) have a point in common."""
    return bool((np.maximum(a[:, 0], b[:, 0]) <= np.minimum(a[:, 1], b[:, 1])).all())


def _from_tube(problem: Family, tube: Tube, rectangle: Box) -> tuple[RegionPoint, End]:
    """The point in a tube over a rectangle within that of its search, and its loss."""
    *ranges, loss, base = (found := reported(problem, tube, rectangle))[:6]
    slopes = found[6:]
    W1, W2, b1, b2 = (_pair(x) for x in ranges)
    phase: Phase = "confused" if tube.sign > 0 else "antipodal"
    W, b = ((W2, W1), (b2, b1)) if tube.swapped else ((W1, W2), (b1, b2))
    return RegionPoint(W, b, _pair(loss), tube.kind, phase, False), End(phase, base, (slopes[0], slopes[1]))


def _pair(x: Interval) -> Pair:
    return float(x.lo), float(x.hi)


def contains_equal(rectangle: Box, bias: Bias) -> bool:
    """Whether the features are equal for some of the models; without bias nothing happens there."""
    return bias is not Bias.NONE and rectangle[1][0] <= 1 <= rectangle[1][1]
