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
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.proofs.boxes import Problem, excluded, inverse, jacobian_row, krawczyk
from analytic.proofs.certificate import as_box
from analytic.proofs.intervals import Interval
from analytic.proofs.points import kind, place
from analytic.proofs.records import Place, Reason, Tree, Unresolved, Zero
from analytic.proofs.searches import EXCLUDED, LETTERS, UNRESOLVED, Boxes, overlap, settled_by

#: Halvings of every side: at 2^-45 the rounding of float64 is all that is left of an enclosure.
_HALVINGS = 45
#: Boxes of one level in memory: certificates that end have had at most 6,000 at once; this many take 20 MB.
_MOST_BOXES = 100_000
#: Starts of Newton's method per level, and its steps: from a tenth away, four reach the last digit; eight for damping.
_CANDIDATES, _STEPS = 32, 12
#: The longest Newton step, how far beyond the cube iterates may go (zeros at tau = 1 have images beyond), when two
#: limits are one, and when an iteration has arrived. Iterates with tau near 0 belong to the edge of closed forms.
_LONGEST_STEP, _BEYOND, _SAME, _ARRIVED, _SMALLEST_TAU = 0.2, 0.3, 1e-7, 1e-9, 1e-6


@np.errstate(all="ignore")
def _approach(problem: Problem, starts: Boxes) -> list[Boxes]:
    """Limits of damped Newton iterations from (n, d) starts, without repetitions; nothing is claimed about them."""
    x = starts
    for _ in range(_STEPS):
        rows = problem.on([Interval(column) for column in x.T])
        residual = np.stack([row.centre.mid for row in rows], -1)
        jacobian = [[entry.mid for entry in jacobian_row(row, row.value)] for row in rows]
        inverted = np.stack([np.stack(row, -1) for row in inverse(jacobian)], -2)
        step = (inverted @ residual[..., None])[..., 0]
        size = np.abs(step).max(1, initial=0.0)
        step *= np.minimum(1.0, _LONGEST_STEP / np.where(size > 0, size, 1.0))[:, None]
        x = x - step
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


def _prove_zero(problem: Problem, centre: Boxes) -> Zero | None:
    """The largest box around `centre` in which Krawczyk's test proves one zero, and a small one."""
    boxes = _balls(centre)
    proved = np.flatnonzero(krawczyk(problem, boxes)[1])
    if not len(proved):
        return None
    unique, inner = boxes[proved[0]], boxes[proved[-1]]
    where = place(problem, inner)
    second_order = kind(problem, inner) if where in (Place.INSIDE, Place.TIE) else "undecided"
    return Zero(*problem.key, as_box(unique), as_box(inner), where, second_order)


@dataclass
class Search:
    """Breadth-first bisection of one problem; `code` and `children` describe the tree by node number."""

    problem: Problem
    zeros: list[Zero]
    code: list[str] = field(default_factory=lambda: [UNRESOLVED])
    children: dict[int, int] = field(default_factory=dict)
    reason: Reason = Reason.NARROW

    def run(self, deadline: float | None, report: Callable[[float], None]) -> list[Unresolved]:
        """Search until nothing is left or a limit is hit; returns what is left, as one entry."""
        d = self.problem.case.dimension
        boxes, nodes = np.tile([0.0, 1.0], (1, d, 1)), np.zeros(1, dtype=int)
        for level in range(_HALVINGS * d):
            boxes, nodes = self._settle(boxes, nodes)
            report(1.0 - float(np.prod(boxes[:, :, 1] - boxes[:, :, 0], -1).sum()))
            if not len(boxes):
                return []
            out_of_time = deadline is not None and time.monotonic() > deadline
            if out_of_time or len(boxes) > _MOST_BOXES:
                self.reason = Reason.TIME if out_of_time else Reason.CROWDED
                break
            if level >= 3 * d and level % (2 * d) == d:
                self._look_for_zeros(boxes[:: len(boxes) // _CANDIDATES + 1].mean(-1))
            boxes, nodes = self._split(boxes, nodes)
        hull = np.stack([boxes[..., 0].min(0), boxes[..., 1].max(0)], -1)
        return [Unresolved(self.reason, self.problem.name, as_box(hull), len(boxes))]

    def _look_for_zeros(self, starts: Boxes) -> None:
        known = [z for z in self.zeros if z.case is self.problem.case]
        known = [z for z in known if (z.swapped, z.sign) == (self.problem.swapped, self.problem.sign)]
        for centre in _approach(self.problem, starts):
            if any(all(low <= x <= high for x, (low, high) in zip(centre, z.unique, strict=True)) for z in known):
                continue
            zero = _prove_zero(self.problem, centre)
            if zero is not None and len(self.zeros) < len(LETTERS) and not any(overlap(zero, z) for z in known):
                self.zeros.append(zero)
                known.append(zero)

    def _settle(self, boxes: Boxes, nodes: npt.NDArray[np.int_]) -> tuple[Boxes, npt.NDArray[np.int_]]:
        """Drop the boxes that a zero or an exclusion settles."""
        for letter, zero in zip(LETTERS, self.zeros, strict=False):
            if zero.place is not Place.UNDECIDED:
                boxes, nodes = self._drop(boxes, nodes, settled_by(self.problem, boxes, zero), letter)
        return self._drop(boxes, nodes, excluded(self.problem, boxes), EXCLUDED)

    def _drop(self, boxes: Boxes, nodes: Any, done: npt.NDArray[np.bool_], letter: str) -> tuple[Boxes, Any]:
        for node in nodes[done]:
            self.code[node] = letter
        return boxes[~done], nodes[~done]

    def _split(self, boxes: Boxes, nodes: npt.NDArray[np.int_]) -> tuple[Boxes, npt.NDArray[np.int_]]:
        axes = (boxes[:, :, 1] - boxes[:, :, 0]).argmax(1)
        first = len(self.code)
        for i, (node, axis) in enumerate(zip(nodes.tolist(), axes.tolist(), strict=True)):
            self.code[node], self.children[node] = str(axis), first + 2 * i
        self.code += [UNRESOLVED] * (2 * len(boxes))
        return halves(boxes, axes), np.arange(first, len(self.code))

    def tree(self) -> Tree:
        """The finished tree in preorder."""
        code, stack = [], [0]
        while stack:
            node = stack.pop()
            code.append(self.code[node])
            if node in self.children:
                stack += [self.children[node] + 1, self.children[node]]
        return Tree(self.problem.case, self.problem.swapped, self.problem.sign, "".join(code))


def halves(boxes: Boxes, axes: npt.NDArray[np.int_]) -> Boxes:
    """Boxes (n, d, 2) cut at the middle of one axis each: (2 n, d, 2), lower and upper half in turn."""
    both = np.repeat(boxes, 2, axis=0)
    rows, axis = np.arange(len(both)), np.repeat(axes, 2)
    middle = 0.5 * (both[rows, axis, 0] + both[rows, axis, 1])
    both[rows[::2], axis[::2], 1] = middle[::2]
    both[rows[1::2], axis[1::2], 0] = middle[1::2]
    return both
