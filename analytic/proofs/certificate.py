"""The certificate that a list of stationary points is complete: the record for every model, and its file.

The file is JSON. Version 1 listed every unresolved box by itself, and no points without bias; it still loads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

from analytic.files import PathLike, read_json, reading, write_json
from analytic.landscape.records import Phase
from analytic.proofs.closed_form import flat_sets
from analytic.proofs.enclosures import Case
from analytic.proofs.records import (
    Box,
    Place,
    ProvedFlatSet,
    ProvedPoint,
    Reason,
    Roots,
    Searches,
    Tree,
    Unresolved,
    Zero,
)
from analytic.proofs.unbiased import points_from
from analytic.validation import InvalidValue, shown

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

FORMAT, VERSION = "analytic certificate of completeness", 2
_READABLE = (1, 2)


@dataclass(frozen=True)
class Certificate:
    """What was proved about all stationary points of a model.

    Attributes
    ----------
    proof : Searches or Roots
        How it was proved: by searches with bias, by counting roots without.
    points : tuple of ProvedPoint
        Every proved isolated stationary point with a live output, by loss; exactly all of them if `complete`.
    unresolved : tuple of Unresolved
        What could not be proved, each with its reason.
    missing : tuple of ProvedPoint and ProvedFlatSet
        What was proved and is not in the landscape given to `certify`.
    unproved : tuple
        Listed points and flat sets that match nothing proved: invented, displaced, listed twice, wrong loss or kind.
    differences : tuple of str
        One sentence for each member of `missing` and `unproved`.
    seconds : float
        How long the proof took; certificates that differ in nothing else are equal.
    """

    model: ToyModel
    proof: Searches | Roots
    points: tuple[ProvedPoint, ...]
    unresolved: tuple[Unresolved, ...] = ()
    missing: tuple[ProvedPoint | ProvedFlatSet, ...] = ()
    unproved: tuple[Any, ...] = ()
    differences: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def complete(self) -> bool:
        """Whether every box was dealt with and every kind decided."""
        return not self.unresolved

    @property
    def minima(self) -> tuple[ProvedPoint, ...]:
        """The proved isolated minima."""
        return tuple(point for point in self.points if point.kind == "minimum")

    @property
    def flat_sets(self) -> tuple[ProvedFlatSet, ...]:
        """The stationary points that are not isolated, known in closed form."""
        return tuple(flat_sets(self.model))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": model_data(self.model),
            "complete": self.complete,
            **_proof_data(self.proof),
            "points": [asdict(point) for point in self.points],
            "unresolved": [asdict(item) for item in self.unresolved],
            "seconds": self.seconds,
        }

    def save(self, path: PathLike) -> None:
        """Write JSON, whole or not at all."""
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: PathLike) -> Certificate:
        """Read what `save` wrote; an InvalidValue if the file is something else. Loading proves nothing: verify it."""
        with reading(path, "certificate"):
            return cls.from_dict(read_json(path, "certificate"))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Certificate:
        """The inverse of `as_dict`; an InvalidValue names a version that cannot be read."""
        if data.get("format") != FORMAT:
            raise InvalidValue(f'a certificate has "format": "{FORMAT}", got {shown(data.get("format"))}')
        if data.get("version") not in _READABLE:
            known = " and ".join(map(str, _READABLE))
            version = shown(data.get("version"))
            raise InvalidValue(f"this is version {version} of the format; this program reads versions {known}")
        model, proof = model_from_data(data["model"]), _proof(data)
        if isinstance(proof, Roots) and "points" not in data:
            return cls(model, proof, points_from(model, proof), seconds=float(data["seconds"]))
        points = tuple(map(_point, data["points"]))
        unresolved = tuple(map(_unresolved, data.get("unresolved", ())))
        return cls(model, proof, points, unresolved, seconds=float(data["seconds"]))


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


def _proof_data(proof: Searches | Roots) -> dict[str, Any]:
    if isinstance(proof, Roots):
        return {"roots": [[[str(low), str(high)] for low, high in arc] for arc in proof.arcs]}
    return {"zeros": [asdict(zero) for zero in proof.zeros], "trees": [asdict(tree) for tree in proof.trees]}


def _proof(data: dict[str, Any]) -> Searches | Roots:
    if "roots" in data:
        return Roots(tuple(tuple((Fraction(low), Fraction(high)) for low, high in arc) for arc in data["roots"]))
    return Searches(tuple(map(tree_from, data["trees"])), tuple(map(zero_from, data["zeros"])))


def as_box(rows: Iterable[Any]) -> Box:
    """Rows (lo, hi) as floats."""
    return tuple((float(low), float(high)) for low, high in rows)


def kind_from(word: Any) -> Any:
    """One of the kinds."""
    if word not in ("minimum", "saddle", "maximum", "undecided"):
        raise InvalidValue(f"{word!r} is no kind of stationary point")
    return word


def phase_from(word: Any) -> Any:
    """One of the phases."""
    if word not in get_args(Phase):
        raise InvalidValue(f"{word!r} is no phase")
    return word


def tree_from(t: dict[str, Any]) -> Tree:
    """The inverse of `asdict`."""
    return Tree(Case(t["case"]), bool(t["swapped"]), int(t["sign"]), str(t["code"]))


def zero_from(z: dict[str, Any]) -> Zero:
    """The inverse of `asdict`."""
    unique, inner = as_box(z["unique"]), as_box(z["inner"])
    return Zero(
        Case(z["case"]), bool(z["swapped"]), int(z["sign"]), unique, inner, Place(z["place"]), kind_from(z["kind"])
    )


def _unresolved(u: dict[str, Any]) -> Unresolved:
    return Unresolved(Reason(u["reason"]), str(u["where"]), as_box(u["box"]), int(u.get("boxes", 1)))


def _point(p: dict[str, Any]) -> ProvedPoint:
    (W1, W2), (b1, b2), (loss,) = as_box(p["W"]), as_box(p["b"]), as_box([p["loss"]])
    return ProvedPoint((W1, W2), (b1, b2), loss, kind_from(p["kind"]), bool(p["on_kink"]))
