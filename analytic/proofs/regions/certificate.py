"""The certificate for a rectangle of models: the record, and its file in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from analytic.files import PathLike, read_json, reading, write_json
from analytic.landscape.records import Phase
from analytic.models.bias import Bias
from analytic.proofs.certificate import as_box, kind_from, tree_from, zero_from
from analytic.proofs.records import Pair, Reason
from analytic.proofs.regions.frames import Frame, as_rows
from analytic.proofs.regions.records import Cell, Part, RegionPoint, Tube
from analytic.validation import InvalidValue, shown

FORMAT, VERSION = "analytic certificate for a rectangle of models", 1
_WHAT = "certificate"


@dataclass(frozen=True)
class RegionCertificate:
    """What was proved about the stationary points of all models of a rectangle.

    Attributes
    ----------
    density, importance : (low, high)
        Of both independent features, and of feature 2 relative to feature 1. The ends belong to the rectangle.
    bias : Bias
    cells : tuple of Cell
        Rectangles that together are the whole: each proved, or with the reasons why not.
    parts : tuple of Part
        The proofs: for each cell every search that its models need is settled on it or on a rectangle around it.
    seconds : float
        How long it took; certificates that differ in nothing else are equal.
    """

    density: Pair
    importance: Pair
    bias: Bias
    cells: tuple[Cell, ...]
    parts: tuple[Part, ...]
    seconds: float = field(default=0.0, compare=False)

    @property
    def complete(self) -> bool:
        """Whether all cells are proved, and agree.

        Cells that touch have models in common, so proved cells can only disagree if some between them are not proved.
        """
        return not self.unresolved and all(cell.signature == self.cells[0].signature for cell in self.cells)

    @property
    def unresolved(self) -> tuple[Cell, ...]:
        """The rectangles that are not proved, with their reasons."""
        return tuple(cell for cell in self.cells if cell.reasons)

    @property
    def points(self) -> tuple[RegionPoint, ...]:
        """All isolated stationary points of every model, with ranges over the whole rectangle, if it is complete."""
        if not self.complete:
            return ()
        ranked = (sorted(cell.points, key=lambda point: (point.kind, point.phase, point.loss)) for cell in self.cells)
        return tuple(map(hull, zip(*ranked, strict=True)))

    @property
    def phase(self) -> Phase | None:
        """The phase of the best minimum of every model, flat ones included; None if the certificate is not complete."""
        return self.cells[0].phase if self.complete else None

    @property
    def lead(self) -> Pair | None:
        """The range of the loss of the second-best minimum minus that of the best; None if incomplete, or one only."""
        leads = [cell.lead for cell in self.cells if cell.lead]
        return (min(low for low, _ in leads), max(high for _, high in leads)) if self.complete and leads else None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"format": FORMAT, "version": VERSION, "complete": self.complete, **asdict(self)}

    def save(self, path: PathLike) -> None:
        """Write JSON, whole or not at all."""
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: PathLike) -> RegionCertificate:
        """Read what `save` wrote; an InvalidValue if the file is something else. Loading proves nothing: verify it."""
        with reading(path, _WHAT):
            return cls.from_dict(read_json(path, _WHAT))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RegionCertificate:
        """The inverse of `as_dict`; an InvalidValue names a format or version that cannot be read."""
        if data.get("format") != FORMAT:
            raise InvalidValue(f'this certificate has "format": "{FORMAT}", got {shown(data.get("format"))}')
        if data.get("version") != VERSION:
            raise InvalidValue(f"this is version {shown(data.get('version'))} of the format; this program reads 1")
        density, importance = as_box([data["density"], data["importance"]])
        cells, parts = tuple(map(_cell, data["cells"])), tuple(map(_part, data["parts"]))
        return cls(density, importance, Bias.of(data["bias"]), cells, parts, float(data["seconds"]))


def hull(points: tuple[RegionPoint, ...]) -> RegionPoint:
    """One point for several rectangles. Of a cell it is the n-th of its kind and phase by loss, not always the same."""

    def widest(pairs: Iterator[Pair]) -> Pair:
        lows, highs = zip(*pairs, strict=True)
        return min(lows), max(highs)

    W, b = (tuple(widest(getattr(point, name)[i] for point in points) for i in (0, 1)) for name in ("W", "b"))
    loss = widest(point.loss for point in points)
    return RegionPoint(W, b, loss, points[0].kind, points[0].phase, points[0].on_kink)  # type: ignore[arg-type]


def _cell(data: dict[str, Any]) -> Cell:
    density, importance = as_box([data["density"], data["importance"]])
    gap = None if data["lead"] is None else as_box([data["lead"]])[0]
    reasons = tuple((Reason(reason), str(where)) for reason, where in data["reasons"])
    return Cell(str(data["path"]), density, importance, tuple(map(_point, data["points"])), data["phase"], gap, reasons)


def _point(data: dict[str, Any]) -> RegionPoint:
    (W1, W2), (b1, b2), (loss,) = as_box(data["W"]), as_box(data["b"]), as_box([data["loss"]])
    return RegionPoint((W1, W2), (b1, b2), loss, kind_from(data["kind"]), data["phase"], bool(data["on_kink"]))


def _part(data: dict[str, Any]) -> Part:
    return Part(str(data["path"]), tree_from(data["tree"]), tuple(map(_tube, data["tubes"])))


def _tube(data: dict[str, Any]) -> Tube:
    return Tube(**vars(zero_from(data)), frame=Frame(as_rows(data["frame"]["rows"])))
