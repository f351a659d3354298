"""Which minimum is the best for all models of a rectangle, and by how much.

The loss of each minimum is enclosed as base + slopes . (theta - middle): differences of two of them keep what they have
in common, while differences of ranges would drown in the change of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from analytic.landscape.records import Phase
from analytic.proofs.duals import Dual
from analytic.proofs.intervals import Interval
from analytic.proofs.records import Box, Pair
from analytic.proofs.regions.family import middles


@dataclass(frozen=True)
class End:
    """A minimum, isolated or flat, and its loss as base + slopes . (theta - middle) for theta in a rectangle.

    `margin`: some other model weights have a loss that is lower by at least this; 0 if none are known.
    """

    phase: Phase
    base: Interval
    slopes: tuple[Any, Any]
    margin: float = 0.0

    @classmethod
    def of(cls, phase: Phase, loss: Dual, margin: float = 0.0) -> End:
        """From a function of density and importance."""
        slopes = tuple(0 if g is None else g for g in loss.chord)
        return cls(phase, loss.centre, (slopes[0], slopes[1]), margin)


def lead(ends: Sequence[End], rectangle: Box) -> tuple[Phase, Pair]:
    """The phase that is best in the middle, and the range of the loss of the next best one minus its own.

    Minima whose loss is the same function count as one, with the first of their phases, as in `Landscape.ends`. They
    are the two with a shared bias at which both outputs are on. One with a margin is not the best: completeness.md,
    section 10.
    """
    best = min((end for end in ends if end.margin <= 0), key=lambda end: (float(end.base.mid), end.phase))
    behind = [(_difference(end, best, rectangle), end.margin) for end in ends if end.base is not best.base]
    least = min(max(float(x.lo), margin) if margin > 0 else float(x.lo) for x, margin in behind)
    return best.phase, (least, min(float(x.hi) for x, _ in behind))


def _difference(end: End, best: End, rectangle: Box) -> Interval:
    steps = [Interval(*side) - middle for side, middle in zip(rectangle, middles(rectangle), strict=True)]
    changes = [(a - b) * step for a, b, step in zip(end.slopes, best.slopes, steps, strict=True)]
    return Interval.of(reduce(add, changes, end.base - best.base))
