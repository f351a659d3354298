"""Proofs that a list of stationary points is complete, for independent features and a bias per feature.

`derivations/completeness.md` reduces the question to twelve searches: three systems of equations (`Case`), two signs of
W1 W2, two choices of the larger weight, each on a unit square or cube. Every box of a search is excluded, or lies inside
a box with exactly one zero, or is split at its middle; what is left when a limit is hit is reported as unresolved.

A certificate holds no numbers that have to be believed: the order of the splits, the boxes of uniqueness and the
claims. `verify.py` evaluates everything again.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytic.closed_points import BothOn, Kind, ProvedPoint, both_on, closed_form_points
from analytic.enclosures import Case, Constants
from analytic.intervals import Interval
from analytic.newton import Problem, excluded, jacobian_row, krawczyk
from analytic.points import Parameters, Place, kind, mirror, parameters, place

if TYPE_CHECKING:
    from analytic.model import ToyModel

Boxes = npt.NDArray[np.float64]
FORMAT, VERSION = "analytic certificate of completeness", 1
#: One letter per zero in the code of a tree; digits are splits, x is excluded, ? is unresolved.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwyz"
EXCLUDED, UNRESOLVED = "x", "?"


class Reason(str, Enum):
    """Why something could not be decided."""

    TIME = "the time limit was reached"
    INTERRUPTED = "interrupted"
    NARROW = "no test decided, down to the smallest width: two points close to each other, or a point close to an edge"
    CROWDED = "too many boxes in memory at once"
    PLACE = "a zero too close to an edge of its case"
    DOUBLE = "two zeros of one search whose enclosures overlap, so that they may be the same"
    TIE = "a zero with |W1| = |W2| within its enclosure, without its mirror image"
    KIND = "the kind of a point: an eigenvalue of the Hessian too close to zero"
    BOTH_ON = "a degenerate coincidence of densities and importances with both outputs always on"


@dataclass(frozen=True)
class Zero:
    """A box (d, 2) in which the equations of a case have exactly one zero, and a smaller one that holds it."""

    case: Case
    swapped: bool
    sign: int
    unique: tuple[tuple[float, float], ...]
    inner: tuple[tuple[float, float], ...]
    place: Place
    kind: Kind


@dataclass(frozen=True)
class Tree:
    """One search, in preorder: an axis to split at the middle, or what settles a leaf."""

    case: Case
    swapped: bool
    sign: int
    code: str


@dataclass(frozen=True)
class Unresolved:
    """Something not proved: a reason, and the box (d, 2) in the coordinates of its case if there is one."""

    reason: Reason
    where: str
    box: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Certificate:
    """What was proved about all stationary points of a model.

    Attributes
    ----------
    points
        Every proved isolated stationary point with a live output; exactly all of them if `complete`.
    unresolved
        What could not be proved, each with its reason.
    missing, unproved
        Points proved but not listed in the landscape given to `certify`, and listed points that match none proved.
    """

    model: ToyModel
    trees: tuple[Tree, ...]
    zeros: tuple[Zero, ...]
    points: tuple[ProvedPoint, ...]
    unresolved: tuple[Unresolved, ...]
    missing: tuple[ProvedPoint, ...] = ()
    unproved: tuple[Any, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def complete(self) -> bool:
        """Whether every box was dealt with and every kind decided."""
        return not self.unresolved

    @property
    def minima(self) -> tuple[ProvedPoint, ...]:
        """The proved isolated minima."""
        return tuple(point for point in self.points if point.kind is Kind.MINIMUM)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        model = self.model
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": {
                "importance": [str(x) for x in model.exact_importance],
                "patterns": [str(x) for x in model.exact_patterns],
                "bias": model.bias,
            },
            "complete": self.complete,
            "zeros": [asdict(zero) for zero in self.zeros],
            "trees": [asdict(tree) for tree in self.trees],
            "points": [asdict(point) for point in self.points],
            "unresolved": [asdict(item) for item in self.unresolved],
            "seconds": self.seconds,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON to a temporary name in the same folder, then rename."""
        target = Path(path)
        with tempfile.NamedTemporaryFile("w", dir=target.parent, suffix=".part", delete=False) as stream:
            json.dump(self.as_dict(), stream)
        os.replace(stream.name, target)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read what `save` wrote; a ValueError if the file is something else. Loading proves nothing: verify it."""
        try:
            return cls.from_dict(json.loads(Path(path).read_text()))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)!r} is not a valid certificate: {error}") from None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Certificate:
        """The inverse of `as_dict`."""
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            raise ValueError(f"expected format {FORMAT!r} version {VERSION}, got {data.get('version')!r}")
        return cls(
            model=_model(data["model"]),
            trees=tuple(
                Tree(Case(t["case"]), bool(t["swapped"]), int(t["sign"]), str(t["code"])) for t in data["trees"]
            ),
            zeros=tuple(_zero(z) for z in data["zeros"]),
            points=tuple(_point(p) for p in data["points"]),
            unresolved=tuple(Unresolved(Reason(u["reason"]), u["where"], _pairs(u["box"])) for u in data["unresolved"]),
            seconds=float(data["seconds"]),
        )


def _model(data: dict[str, Any]) -> ToyModel:
    from analytic.model import ToyModel

    patterns = [Fraction(x) for x in data["patterns"]]
    importance = tuple(Fraction(x) for x in data["importance"])
    return ToyModel.from_patterns(*patterns, importance=importance, bias=data["bias"])


def _pairs(rows: Iterable[Any]) -> tuple[Any, ...]:
    return tuple((float(low), float(high)) for low, high in rows)


def _tree(t: dict[str, Any]) -> Tree:
    return Tree(Case(t["case"]), bool(t["swapped"]), int(t["sign"]), str(t["code"]))


def _zero(z: dict[str, Any]) -> Zero:
    boxes = _pairs(z["unique"]), _pairs(z["inner"])
    return Zero(Case(z["case"]), bool(z["swapped"]), int(z["sign"]), *boxes, Place(z["place"]), Kind(z["kind"]))


def _point(p: dict[str, Any]) -> ProvedPoint:
    loss = (float(p["loss"][0]), float(p["loss"][1]))
    return ProvedPoint(_pairs(p["W"]), _pairs(p["b"]), loss, Kind(p["kind"]), bool(p["on_kink"]))


def problems(model: ToyModel) -> list[Problem]:
    """The twelve searches."""
    sides = {swapped: Constants.enclosed(model, swapped) for swapped in (False, True)}
    corner = both_on(Constants.exact(model, False)) is BothOn.CORNER
    return [
        Problem(case, swapped, sign, sides[swapped], corner and sign > 0)
        for case in Case
        for swapped in sides
        for sign in (1, -1)
    ]


def check_provable(model: ToyModel) -> None:
    """A ValueError for models to which the theory does not apply."""
    if model.bias != "per-feature":
        raise ValueError(f"certify needs bias='per-feature', got {model.bias!r}")
    if not model.independent:
        raise ValueError("certify needs independent features: the lemmas that bound the search do not hold otherwise")
    if not all(0 < p < 1 for p in model.exact_density):
        raise ValueError(f"certify needs densities strictly between 0 and 1, got {model.density!r}")


# --- finding zeros -------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")
def _approach(problem: Problem, starts: Boxes, steps: int = 12) -> list[Boxes]:
    """Limits of damped Newton iterations from (n, d) starts, without repetitions; nothing is claimed about them."""
    x = starts
    for _ in range(steps):
        rows = problem.on([Interval(column) for column in x.T])
        residual = np.stack([row.centre.mid for row in rows], -1)
        jacobian = np.stack([np.stack([e.mid for e in jacobian_row(row, row.value)], -1) for row in rows], -2)
        usable = np.isfinite(jacobian).all((1, 2)) & np.isfinite(residual).all(1)
        usable[usable] &= np.abs(np.linalg.det(jacobian[usable])) > 1e-14
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
    boxes = _balls(centre, np.arange(2.0, 40.0, 0.5))
    proved = np.flatnonzero(krawczyk(problem, boxes)[1])
    if not len(proved):
        return None
    unique, inner = boxes[proved[0]], boxes[proved[-1]]
    where = place(problem, inner)
    second_order = kind(problem, inner) if where in (Place.INSIDE, Place.TIE) else Kind.UNDECIDED
    boxes = _pairs(unique), _pairs(inner)
    return Zero(problem.case, problem.swapped, problem.sign, *boxes, where, second_order)


def settled_by(problem: Problem, boxes: Boxes, zero: Zero) -> npt.NDArray[np.bool_]:
    """For boxes (n, d, 2): where every stationary point is the one of `zero`, because it lies in its unique box."""
    if (zero.case, zero.swapped, zero.sign) != (problem.case, problem.swapped, problem.sign):
        return np.zeros(len(boxes), dtype=bool)
    unique = np.array(zero.unique)
    return ((boxes[..., 0] >= unique[:, 0]) & (boxes[..., 1] <= unique[:, 1])).all(-1)


def tied(zero: Zero, other: Zero) -> bool:
    """Whether two zeros of the two halves are proved to be one point, seen with the features exchanged."""
    exchanged = {Case.BOTH: Case.BOTH, Case.FIRST: Case.SECOND, Case.SECOND: Case.FIRST}
    if (other.case, other.swapped, other.sign) != (exchanged[zero.case], not zero.swapped, zero.sign):
        return False
    if other.place is not Place.TIE:
        return False
    image, unique = mirror(np.array(zero.inner)), np.array(other.unique)
    return bool(((image[:, 0] >= unique[:, 0]) & (image[:, 1] <= unique[:, 1])).all())


# --- the search ----------------------------------------------------------------------------------------------------


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
        return [Unresolved(self.reason, label, _pairs(box)) for box in boxes]

    def _look_for_zeros(self, starts: Boxes) -> None:
        known = [z for z in self.zeros if z.case is self.problem.case]
        known = [z for z in known if (z.swapped, z.sign) == (self.problem.swapped, self.problem.sign)]
        for centre in _approach(self.problem, starts):
            if any(all(low <= x <= high for x, (low, high) in zip(centre, z.unique, strict=True)) for z in known):
                continue
            zero = _prove_zero(self.problem, centre)
            if zero is not None and len(self.zeros) < len(LETTERS) and not any(_overlap(zero, z) for z in known):
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
) -> Certificate:
    """Prove which stationary points a model has, and compare with a landscape.

    Parameters
    ----------
    model
        Per-feature bias, independent features, densities strictly between 0 and 1.
    landscape
        Anything with `minima`, `saddles` and `maxima` of points that have `W` and `b`; see `missing` and `unproved`.
    time_limit
        Seconds after which the rest is reported as unresolved; None for no limit.
    progress
        Called with the fraction of the work settled, from 0 to 1.

    Returns
    -------
    Certificate
        Also after Ctrl-C, with what was proved by then.

    Raises
    ------
    ValueError
        For a model outside the theory, naming the condition.
    """
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


def conclude(model: ToyModel, zeros: Iterable[Zero]) -> tuple[tuple[ProvedPoint, ...], tuple[Unresolved, ...]]:
    """The stationary points that follow from proved zeros, those known in closed form, and what stays in doubt."""
    zeros = list(zeros)
    tasks = {(p.case, p.swapped, p.sign): p for p in problems(model)}
    points, doubts = (
        closed_form_points(model),
        [Unresolved(Reason.DOUBLE, a.case.value, a.inner) for a, b in combinations(zeros, 2) if _overlap(a, b)],
    )
    for zero in zeros:
        label = f"{zero.case.value}, sign {zero.sign}, swapped {zero.swapped}"
        if zero.place is Place.UNDECIDED:
            doubts.append(Unresolved(Reason.PLACE, label, zero.inner))
        if zero.place is Place.TIE and not any(tied(zero, other) for other in zeros):
            doubts.append(Unresolved(Reason.TIE, label, zero.inner))
        if zero.place is Place.INSIDE or (zero.place is Place.TIE and not zero.swapped):
            problem = tasks[zero.case, zero.swapped, zero.sign]
            at: Parameters = parameters(problem, np.array(zero.inner))
            points.append(ProvedPoint(at.W, at.b, at.loss, zero.kind, False))
    points.sort(key=lambda point: point.loss)
    doubts += [Unresolved(Reason.KIND, f"W near {p.W}, b near {p.b}") for p in points if p.kind is Kind.UNDECIDED]
    if (answer := both_on(Constants.exact(model, False))) not in (BothOn.NONE, BothOn.CORNER):
        doubts.append(Unresolved(Reason.BOTH_ON, answer.value))
    return tuple(points), tuple(doubts)


def _overlap(a: Zero, b: Zero) -> bool:
    if (a.case, a.swapped, a.sign) != (b.case, b.swapped, b.sign):
        return False
    return all(max(x[0], y[0]) <= min(x[1], y[1]) for x, y in zip(a.inner, b.inner, strict=True))


def compare(points: Iterable[ProvedPoint], landscape: Any) -> tuple[tuple[ProvedPoint, ...], tuple[Any, ...]]:
    """Proved points that match no listed one, and listed points that match no proved one; kinds must agree."""
    listed = [(p, kind) for kind in Kind for p in getattr(landscape, _LISTS.get(kind, ""), ())]
    pairs = [(i, j) for i, p in enumerate(points) for j, (q, kind) in enumerate(listed) if _same(p, q, kind)]
    hit, used = {i for i, _ in pairs}, {j for _, j in pairs}
    missing = tuple(p for i, p in enumerate(points) if i not in hit)
    return missing, tuple(q for j, (q, _) in enumerate(listed) if j not in used)


_LISTS = {Kind.MINIMUM: "minima", Kind.SADDLE: "saddles", Kind.MAXIMUM: "maxima"}


def _same(proved: ProvedPoint, listed: Any, kind: Kind, tolerance: float = 1e-6) -> bool:
    W, b = np.asarray(listed.W, dtype=float), np.broadcast_to(np.asarray(listed.b, dtype=float), (2,))
    box = np.array([*proved.W, *proved.b])
    near = [np.concatenate([s * W, b]) for s in (1, -1)]
    within = [((x >= box[:, 0] - tolerance) & (x <= box[:, 1] + tolerance)).all() for x in near]
    return any(within) and kind is proved.kind
