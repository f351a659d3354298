"""The search behind `certify`: bisection until every box is excluded or belongs to a proved zero.

Every box of a search is excluded, or lies inside a box with exactly one zero, or is split at its middle; what is left
when a limit is hit is reported as unresolved. Candidates for zeros come from Newton's method in floating point; nothing
depends on finding them, except that boxes around a zero that was missed stay unresolved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytic.proofs.boxes import Problem, excluded, is_regular, jacobian_row, krawczyk
from analytic.proofs.certificate import (
    EXCLUDED,
    LETTERS,
    UNRESOLVED,
    Boxes,
    Certificate,
    ProvedPoint,
    Reason,
    Tree,
    Unresolved,
    Zero,
    as_pairs,
    check_provable,
    conclude,
    overlap,
    problems,
    settled_by,
)
from analytic.proofs.closed_form import Kind
from analytic.proofs.intervals import Interval
from analytic.proofs.points import Place, kind, place
from analytic.proofs.unbiased import UnbiasedCertificate, certify_unbiased

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel


@np.errstate(all="ignore")
def _approach(problem: Problem, starts: Boxes, steps: int = 12) -> list[Boxes]:
    """Limits of damped Newton iterations from (n, d) starts, without repetitions; nothing is claimed about them."""
    x = starts
    for _ in range(steps):
        rows = problem.on([Interval(column) for column in x.T])
        residual = np.stack([row.centre.mid for row in rows], -1)
        jacobian = np.stack([np.stack([e.mid for e in jacobian_row(row, row.value)], -1) for row in rows], -2)
        usable = np.isfinite(jacobian).all((1, 2)) & np.isfinite(residual).all(1)
        usable[usable] &= is_regular(jacobian[usable])
        step = np.linalg.solve(jacobian[usable], residual[usable][..., None])[..., 0]
        step /= np.maximum(1.0, 5 * np.abs(step).max(1, initial=0.0))[:, None]
        x = x[usable] - step
        near = ((x > -0.3) & (x < 1.3)).all(1) & (x[:, 0] > 1e-6)
        x, step = x[near], step[near]
    limits: list[Boxes] = []
    for point in x[np.abs(step).max(1, initial=0.0) < 1e-9]:
        if all(np.abs(point - other).max() > 1e-7 for other in limits):
            limits.append(point)
    return limits


def _balls(centre: Boxes, exponents: npt.NDArray[np.float64]) -> Boxes:
    radius = (2.0**-exponents)[:, None]
    boxes = np.stack([centre - radius, centre + radius], -1)
    boxes[:, 0, 0] = np.maximum(boxes[:, 0, 0], centre[0] / 2)
    return boxes


def _prove_zero(problem: Problem, centre: Boxes) -> Zero | None:
    """The largest box around `centre` in which Krawczyk's test proves one zero, and a small one."""
    boxes = _balls(centre, np.arange(2.0, 52.0, 0.5))
    proved = np.flatnonzero(krawczyk(problem, boxes)[1])
    if not len(proved):
        return None
    unique, inner = boxes[proved[0]], boxes[proved[-1]]
    where = place(problem, inner)
    second_order = kind(problem, inner) if where in (Place.INSIDE, Place.TIE) else Kind.UNDECIDED
    key = problem.case, problem.swapped, problem.sign
    return Zero(*key, as_pairs(unique), as_pairs(inner), where, second_order)


@dataclass
class _Search:
    """Breadth-first bisection of one problem; `code` and `children` describe the tree by node number."""

    problem: Problem
    zeros: list[Zero]
    code: list[str] = field(default_factory=lambda: [UNRESOLVED])
    children: dict[int, int] = field(default_factory=dict)
    reason: Reason = Reason.NARROW

    def run(self, out_of_time: Callable[[], bool], report: Callable[[float], None]) -> list[Unresolved]:
        """Search until nothing is left or a limit is hit; returns the boxes that are left."""
        d = self.problem.case.dimension
        boxes, nodes = np.tile([0.0, 1.0], (1, d, 1)), np.zeros(1, dtype=int)
        for level in range(45 * d):
            boxes, nodes = self._settle(boxes, nodes)
            report(1.0 - float(np.prod(boxes[:, :, 1] - boxes[:, :, 0], -1).sum()))
            if not len(boxes):
                return []
            if out_of_time() or len(boxes) > 200_000:
                self.reason = Reason.TIME if out_of_time() else Reason.CROWDED
                break
            if level >= 3 * d and level % (2 * d) == d:
                self._look_for_zeros(boxes[:: len(boxes) // 32 + 1].mean(-1))
            boxes, nodes = self._split(boxes, nodes)
        label = f"{self.problem.case.value}, sign {self.problem.sign}, swapped {self.problem.swapped}"
        return [Unresolved(self.reason, label, as_pairs(box)) for box in boxes]

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


def certify(
    model: ToyModel,
    landscape: Any = None,
    *,
    time_limit: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Certificate | UnbiasedCertificate:
    """Prove which stationary points a model has, and compare with a landscape.

    Parameters
    ----------
    model
        Without bias: any densities above 0. With bias: independent features, densities strictly between 0 and 1.
    landscape
        Anything with `minima`, `saddles` and `maxima` of points that have `W` and `b`; see `missing` and `unproved`.
    time_limit
        Seconds after which the rest is reported as unresolved; None for no limit.
    progress
        Called with the fraction of the work settled, from 0 to 1.

    Returns
    -------
    Certificate, or UnbiasedCertificate without bias
        Also after Ctrl-C, with what was proved by then.

    Raises
    ------
    ValueError
        For a model outside the theory, naming the condition.
    """
    if model.bias == "none":
        exact = certify_unbiased(model)
        differences = compare(exact.points, landscape) if landscape is not None else ((), ())
        return replace(exact, missing=differences[0], unproved=differences[1])
    check_provable(model)
    start = time.monotonic()
    tasks, zeros, trees, left = problems(model), [], [], []  # type: ignore[var-annotated]
    search = None
    try:
        for i, problem in enumerate(tasks):
            search = _Search(problem, zeros)
            left += search.run(
                lambda: time_limit is not None and time.monotonic() - start > time_limit,
                lambda part, i=i: progress((i + part) / len(tasks)) if progress else None,  # type: ignore[misc]
            )
            trees.append(search.tree())
    except KeyboardInterrupt:
        left.append(Unresolved(Reason.INTERRUPTED, f"{len(tasks) - len(trees)} of {len(tasks)} searches"))
    points, doubts = conclude(model, zeros)
    missing, unproved = compare(points, landscape) if landscape is not None else ((), ())
    seconds = time.monotonic() - start
    return Certificate(model, tuple(trees), tuple(zeros), points, (*left, *doubts), missing, unproved, seconds)


def compare(points: Iterable[ProvedPoint], landscape: Any) -> tuple[tuple[ProvedPoint, ...], tuple[Any, ...]]:
    """Proved points that match no listed one, and listed points that match no proved one; kinds must agree."""
    listed = [(p, kind) for kind in Kind for p in getattr(landscape, _LISTS.get(kind, ""), ())]
    pairs = [(i, j) for i, p in enumerate(points) for j, (q, kind) in enumerate(listed) if _same(p, q, kind)]
    hit, used = {i for i, _ in pairs}, {j for _, j in pairs}
    missing = tuple(p for i, p in enumerate(points) if i not in hit)
    return missing, tuple(q for j, (q, _) in enumerate(listed) if j not in used)


_LISTS = {Kind.MINIMUM: "minima", Kind.SADDLE: "saddles", Kind.MAXIMUM: "maxima"}


def _same(proved: ProvedPoint, listed: Any, kind: Kind, tolerance: float = 1e-6) -> bool:
    b = np.broadcast_to(np.asarray(0.0 if listed.b is None else listed.b, dtype=float), (2,))
    W = np.asarray(listed.W, dtype=float)
    box = np.array([*proved.W, *proved.b])
    near = [np.concatenate([s * W, b]) for s in (1, -1)]
    within = [((x >= box[:, 0] - tolerance) & (x <= box[:, 1] + tolerance)).all() for x in near]
    return any(within) and kind is proved.kind
