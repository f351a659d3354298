"""Certificates that a list of stationary points is complete: what they contain, and what follows from it.

`derivations/completeness.md` reduces the question, for independent features, to twelve searches with a bias per
feature: three systems of equations (`Case`), two signs of W1 W2, two choices of the larger weight, each on a unit
square or cube. With one bias it is one system and four searches. A certificate says for each how to cut it into boxes,
and for each box that it is excluded or which zero it belongs to.

It holds no number that has to be believed: the order of the splits, the boxes of uniqueness and the claims. `prover.py`
finds them, `verify.py` evaluates everything again; both use what is below.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from analytic.files import replacing
from analytic.proofs.boxes import Problem
from analytic.proofs.closed_form import Kind, ProvedPoint, alike, closed_form_points
from analytic.proofs.enclosures import Case, Constants
from analytic.proofs.points import Parameters, Place, mirror, parameters
from analytic.proofs.shared import shared_points

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

_Record = TypeVar("_Record")
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
    BOTH_ON = "both outputs always on: a degenerate coincidence of densities and importances, or too close to the edge"


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
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": model_data(self.model),
            "complete": self.complete,
            "zeros": [asdict(zero) for zero in self.zeros],
            "trees": [asdict(tree) for tree in self.trees],
            "points": [asdict(point) for point in self.points],
            "unresolved": [asdict(item) for item in self.unresolved],
            "seconds": self.seconds,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON to a temporary name in the same folder, then rename."""
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read what `save` wrote; a ValueError if the file is something else. Loading proves nothing: verify it."""
        return read_json(path, cls.from_dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Certificate:
        """The inverse of `as_dict`."""
        return cls(
            model=model_from_data(data["model"]),
            trees=tuple(_tree(t) for t in data["trees"]),
            zeros=tuple(_zero(z) for z in data["zeros"]),
            points=tuple(_point(p) for p in data["points"]),
            unresolved=tuple(_unresolved(u) for u in data["unresolved"]),
            seconds=float(data["seconds"]),
        )


def write_json(path: str | os.PathLike[str], data: dict[str, Any]) -> None:
    """The data as a file that is complete or not there."""
    with replacing(path, "w") as stream:
        json.dump(data, stream)


def read_json(path: str | os.PathLike[str], build: Callable[[dict[str, Any]], _Record]) -> _Record:
    """What `build` makes of the file, or a ValueError that says what is wrong with it."""
    try:
        data = json.loads(Path(path).read_text())
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            raise ValueError(f"expected format {FORMAT!r} version {VERSION}, got {data.get('version')!r}")
        return build(data)
    except (KeyError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a valid certificate: {error}") from None


def model_data(model: ToyModel) -> dict[str, Any]:
    """The exact inputs of a model as JSON data."""
    importance, patterns = model.exact_importance, model.exact_patterns
    return {"importance": [str(x) for x in importance], "patterns": [str(x) for x in patterns], "bias": model.bias}


def model_from_data(data: dict[str, Any]) -> ToyModel:
    """The inverse of `model_data`."""
    from analytic.models.toy import ToyModel

    patterns = [Fraction(x) for x in data["patterns"]]
    importance = tuple(Fraction(x) for x in data["importance"])
    p00, p10, p01, p11 = patterns
    return ToyModel.from_patterns(p00, p10, p01, p11, importance=importance, bias=data["bias"])


def as_pairs(rows: Iterable[Any]) -> tuple[Any, ...]:
    """Boxes as tuples of floats."""
    return tuple((float(low), float(high)) for low, high in rows)


def _tree(t: dict[str, Any]) -> Tree:
    return Tree(Case(t["case"]), bool(t["swapped"]), int(t["sign"]), str(t["code"]))


def _zero(z: dict[str, Any]) -> Zero:
    unique, inner = as_pairs(z["unique"]), as_pairs(z["inner"])
    return Zero(Case(z["case"]), bool(z["swapped"]), int(z["sign"]), unique, inner, Place(z["place"]), Kind(z["kind"]))


def _unresolved(u: dict[str, Any]) -> Unresolved:
    return Unresolved(Reason(u["reason"]), str(u["where"]), as_pairs(u["box"]))


def _point(p: dict[str, Any]) -> ProvedPoint:
    loss = (float(p["loss"][0]), float(p["loss"][1]))
    return ProvedPoint(as_pairs(p["W"]), as_pairs(p["b"]), loss, Kind(p["kind"]), bool(p["on_kink"]))


def problems(model: ToyModel) -> list[Problem]:
    """The searches: twelve with a bias per feature, four with one bias."""
    sides = {swapped: Constants.enclosed(model, swapped) for swapped in (False, True)}
    corner = alike(Constants.exact(model, False))
    return [
        Problem(case, swapped, sign, sides[swapped], corner and sign > 0)
        for case in ([Case.SHARED] if model.bias == "shared" else [Case.BOTH, Case.FIRST, Case.SECOND])
        for swapped in sides
        for sign in (1, -1)
    ]


def check_provable(model: ToyModel) -> None:
    """A ValueError for models to which the theory does not apply."""
    if not model.independent:
        raise ValueError("certify needs independent features: the lemmas that bound the search do not hold otherwise")
    if not all(0 < p < 1 for p in model.exact_density):
        raise ValueError(f"certify needs densities strictly between 0 and 1, got {model.density!r}")


def settled_by(problem: Problem, boxes: Boxes, zero: Zero) -> npt.NDArray[np.bool_]:
    """For boxes (n, d, 2): where every stationary point is the one of `zero`, because it lies in its unique box."""
    if (zero.case, zero.swapped, zero.sign) != (problem.case, problem.swapped, problem.sign):
        return np.zeros(len(boxes), dtype=bool)
    unique = np.array(zero.unique)
    return np.asarray(((boxes[..., 0] >= unique[:, 0]) & (boxes[..., 1] <= unique[:, 1])).all(-1))


def tied(zero: Zero, other: Zero) -> bool:
    """Whether two zeros of the two halves are proved to be one point, seen with the features exchanged."""
    exchanged = {Case.FIRST: Case.SECOND, Case.SECOND: Case.FIRST}
    if (other.case, other.swapped, other.sign) != (exchanged.get(zero.case, zero.case), not zero.swapped, zero.sign):
        return False
    if other.place is not Place.TIE:
        return False
    image, unique = mirror(np.array(zero.inner)), np.array(other.unique)
    return bool(((image[:, 0] >= unique[:, 0]) & (image[:, 1] <= unique[:, 1])).all())


def conclude(model: ToyModel, zeros: Iterable[Zero]) -> tuple[tuple[ProvedPoint, ...], tuple[Unresolved, ...]]:
    """The stationary points that follow from proved zeros, those known in closed form, and what stays in doubt."""
    zeros = list(zeros)
    tasks = {(p.case, p.swapped, p.sign): p for p in problems(model)}
    points, decided = shared_points(model) if model.bias == "shared" else closed_form_points(model)
    doubts = [Unresolved(Reason.DOUBLE, a.case.value, a.inner) for a, b in combinations(zeros, 2) if overlap(a, b)]
    if not decided:
        doubts.append(Unresolved(Reason.BOTH_ON, "the region where both outputs are on everywhere"))
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
    return tuple(points), tuple(doubts)


def overlap(a: Zero, b: Zero) -> bool:
    """Whether two zeros of one search might be the same."""
    if (a.case, a.swapped, a.sign) != (b.case, b.swapped, b.sign):
        return False
    return all(max(x[0], y[0]) <= min(x[1], y[1]) for x, y in zip(a.inner, b.inner, strict=True))
