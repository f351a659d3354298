"""Bisection of one search until every box is excluded or belongs to a proved zero.

Every box is excluded, or lies inside a box with exactly one zero, or is split at its middle; what is left when a limit
is hit is reported as unresolved. Candidates for zeros come from Newton's method in floating point; nothing depends on
finding them, except that boxes around a zero that was missed stay unresolved. So no constant here can make a proof
wrong; they decide how long it takes and when it is given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analytic.proofs.boxes import Problem, examined, krawczyk, located
from analytic.proofs.certificate import as_box
from analytic.proofs.points import kind, place
from analytic.proofs.records import Place, Reason, Tree, Unresolved, Zero
from analytic.proofs.searches import EXCLUDED, LETTERS, UNRESOLVED, Boxes, overlap, settled_by

Index = npt.NDArray[np.int_]
#: Halvings of every side: at 2^-45 the rounding of float64 is all that is left of an enclosure.
HALVINGS = 45
#: Boxes of one level in memory: certificates that end have had at most 6,000 at once, but for two of 100 models with
#: densities down to 1e-4, each its own, which had 200,000; this many take 60 MB.
_MOST_BOXES = 300_000
#: Starts of Newton's method per level, and its steps: from a tenth away, four reach the last digit; eight for damping.
_CANDIDATES, _STEPS = 32, 12
#: The longest Newton step, how far beyond the cube iterates may go (zeros at tau = 1 have images beyond), when two
#: limits are one, and when an iteration has arrived. Iterates with tau near 0 belong to the edge of closed forms.
_LONGEST_STEP, _BEYOND, _SAME, _ARRIVED, _SMALLEST_TAU = 0.2, 0.3, 1e-7, 1e-9, 1e-6


def approach(problem: Problem, starts: Boxes) -> list[Boxes]:
    """Limits of damped Newton iterations from (n, d) starts, without repetitions; nothing is claimed about them.

    On a box of width zero Krawczyk's image is Newton's.
    """
    x, size = starts, np.full(len(starts), np.inf)
    for _ in range(_STEPS):
        step = krawczyk(problem, np.stack([x, x], -1))[0].mean(-1) - x
        size = np.abs(step).max(1, initial=0.0)
        x = x + step * np.minimum(1.0, _LONGEST_STEP / np.where(size > 0, size, 1.0))[:, None]
        near = ((x > -_BEYOND) & (x < 1 + _BEYOND)).all(1) & (x[:, 0] > _SMALLEST_TAU)
        x, size = x[near], size[near]
    limits: list[Boxes] = []
    for point in x[size < _ARRIVED]:
        if all(np.abs(point - other).max() > _SAME for other in limits):
            limits.append(point)
    return limits


def _balls(centre: Boxes) -> Boxes:
    """Boxes around a point with radii from 1/4 down to where rounding ends Krawczyk's test, in steps of sqrt(2)."""
    radius = (2.0 ** -np.arange(2.0, 52.0, 0.5))[:, None]
    boxes = np.stack([centre - radius, centre + radius], -1)
    boxes[:, 0, 0] = np.maximum(boxes[:, 0, 0], centre[0] / 2)
    return boxes


def prove_zero(problem: Problem, centre: Boxes) -> Zero | None:
    """The largest box around `centre` in which Krawczyk's test proves one zero, and a small one.

    The small one is a quarter wider than need be, so that another arithmetic, with other roundings, finds it right too.
    """
    boxes = _balls(centre)
    proved = np.flatnonzero(krawczyk(problem, boxes)[1])
    if not len(proved):
        return None
    unique = boxes[proved[0]]
    inner = located(problem, unique)
    inner = inner + (inner[:, 1] - inner[:, 0])[:, None] * [-0.125, 0.125]
    where = place(problem, inner)
    second_order = kind(problem, inner) if where in (Place.INSIDE, Place.TIE) else "undecided"
    return Zero(*problem.key, as_box(unique), as_box(inner), where, second_order)


@dataclass
class Search:
    """Breadth-first bisection of one problem.

    Of every level `letters` says what settled each box; those that are split have children in the next level, in turn.
    """

    problem: Problem
    zeros: list[Zero]
    letters: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    splits: list[Index] = field(default_factory=list)

    def run(self, deadline: float | None, report: Callable[[float], None]) -> list[Unresolved]:
        """Search until nothing is left or a limit is hit; returns what is left, as one entry."""
        d = self.problem.case.dimension
        boxes, reason = self.problem.whole[None], Reason.NARROW
        volume = np.prod(np.diff(boxes[0]))
        for level in range(HALVINGS * d):
            boxes, left, axes = self._settle(boxes)
            report(1.0 - float(np.prod(boxes[:, :, 1] - boxes[:, :, 0], -1).sum() / volume))
            if not len(boxes):
                return []
            out_of_time = deadline is not None and time.monotonic() > deadline
            if out_of_time or len(boxes) > _MOST_BOXES or level + 1 == HALVINGS * d:
                crowded = len(boxes) > _MOST_BOXES
                reason = Reason.TIME if out_of_time else Reason.CROWDED if crowded else Reason.NARROW
                break
            if level >= 3 * d and level % (2 * d) == d:
                self._look_for_zeros(boxes[:: len(boxes) // _CANDIDATES + 1, :d].mean(-1))
            self.letters[-1][left], self.splits[-1] = axes + ord("0"), left
            boxes = halves(boxes, axes)
        hull = np.stack([boxes[..., 0].min(0), boxes[..., 1].max(0)], -1)
        return [Unresolved(reason, self.problem.name, as_box(hull), len(boxes))]

    def _look_for_zeros(self, starts: Boxes) -> None:
        known = [z for z in self.zeros if z.key == self.problem.key]
        for centre in approach(self.problem.middle, starts):
            if any(all(low <= x <= high for x, (low, high) in zip(centre, z.unique, strict=True)) for z in known):
                continue
            zero = prove_zero(self.problem, centre)
            if zero is not None and len(self.zeros) < len(LETTERS) and not any(overlap(zero, z) for z in known):
                self.zeros.append(zero)
                known.append(zero)

    def _settle(self, boxes: Boxes) -> tuple[Boxes, npt.NDArray[np.int_], npt.NDArray[np.int_]]:
        """A new level: the boxes that no zero and no exclusion settles, their numbers, and the axes to cut."""
        letters, left = np.full(len(boxes), ord(UNRESOLVED), np.uint8), np.arange(len(boxes))
        for letter, zero in zip(LETTERS, self.zeros, strict=False):
            if zero.place is not Place.UNDECIDED and zero.key == self.problem.key:
                done = settled_by(self.problem, boxes[left], zero)
                letters[left[done]], left = ord(letter), left[~done]
        done, axes = examined(self.problem, boxes[left])
        letters[left[done]], left = ord(EXCLUDED), left[~done]
        self.letters.append(letters)
        self.splits.append(left[:0])
        return boxes[left], left, axes[~done]

    def tree(self) -> Tree:
        """The finished tree."""
        parents = [(split, np.full(len(split), 2)) for split in self.splits]
        return Tree(*self.problem.key, preorder(self.letters, parents))


def preorder(letters: list[npt.NDArray[np.uint8]], parents: list[tuple[Index, Index]]) -> str:
    """The code of a tree in preorder, from its levels: letters, and which places have how many children below.

    Subtrees are measured from the leaves up, and placed from the root down.
    """
    sizes = [np.ones(len(level), dtype=int) for level in letters]
    for level in range(len(sizes) - 1, 0, -1):
        places, children = parents[level - 1]
        if len(places):
            sizes[level - 1][places] += np.add.reduceat(sizes[level], np.cumsum(children) - children)
    code, at = np.empty(sizes[0][0], np.uint8), np.zeros(1, dtype=int)
    for row, (places, children), below in zip(letters, parents, [*sizes[1:], sizes[0][:0]], strict=True):
        code[at] = row
        first = np.cumsum(children) - children
        before = np.cumsum(below) - below
        at = np.repeat(at[places] + 1, children) + before - np.repeat(before[first] if len(below) else first, children)
    return code.tobytes().decode("ascii")


def halves(boxes: Boxes, axes: npt.NDArray[np.int_]) -> Boxes:
    """Boxes (n, d, 2) cut at the middle of one axis each: (2 n, d, 2), lower and upper half in turn."""
    both = np.repeat(boxes, 2, axis=0)
    rows, axis = np.arange(len(both)), np.repeat(axes, 2)
    middle = 0.5 * (both[rows, axis, 0] + both[rows, axis, 1])
    both[rows[::2], axis[::2], 1] = middle[::2]
    both[rows[1::2], axis[1::2], 0] = middle[1::2]
    return both
