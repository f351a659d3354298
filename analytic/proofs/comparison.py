"""Proof and list: whether a landscape lists exactly what was proved.

A listed point is a proved one if that is the nearest, if it has its kind and loss, and if it is stationary up to the
rounding of a gradient: enclosures can be wider than that, so the gradient and the loss are evaluated at the listed
point. Where there is no gradient, on a kink, the proved coordinates are exact and decide. Each proved point answers for
one listed point, so that the second of two copies is left over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytic.models.symmetry import orbit
from analytic.proofs.records import Pair, ProvedFlatSet, ProvedPoint
from analytic.validation import InvalidValue

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

_EPS = float(np.finfo(np.float64).eps)
#: Rounding errors of a list in units of eps: gradients relative to scale times size^2, losses relative to scale,
#: coordinates to size. The largest in the lists of 40 models are 2, 1.1 and 0.
_GRADIENT, _LOSS, _COORDINATE = 16.0, 8.0, 4.0
#: A listed point farther than this from every proved one is none of them.
_NEAR = 1e-6


@dataclass(frozen=True)
class Comparison:
    """What is proved and not listed, what is listed and not proved, and a sentence for each of them."""

    missing: tuple[ProvedPoint | ProvedFlatSet, ...]
    unproved: tuple[Any, ...]
    differences: tuple[str, ...]


def compare(
    model: ToyModel, points: Iterable[ProvedPoint], flat_sets: Iterable[ProvedFlatSet], landscape: Any
) -> Comparison:
    """Compare proved points and flat sets with `minima`, `saddles`, `maxima`, `undecided` and `flat_sets`.

    Raises
    ------
    InvalidValue
        If the landscape says that it belongs to another model.
    """
    if getattr(landscape, "model", model) != model:
        raise InvalidValue(f"landscape must be one of {model!r}, got one of {landscape.model!r}")
    points, open_sets = list(points), list(flat_sets)
    open_points = list(points)
    unproved, differences = [], []
    for listed, kind in _listed(landscape):
        reasons = [_objection(model, proved, listed, kind) for proved in open_points]
        if "" in reasons:
            del open_points[reasons.index("")]
        else:
            unproved.append(listed)
            differences.append(_why_unproved(listed, kind, points, model))
    for flat in getattr(landscape, "flat_sets", ()):
        match = next(
            (s for s in open_sets if s.kind == flat.kind and _within(flat.loss, s.loss, model.silent_loss)), None
        )
        if match is None:
            unproved.append(flat)
            differences.append(f"listed, not proved: a flat {flat.kind} with loss {float(flat.loss):.10g}")
        else:
            open_sets.remove(match)
    missing: tuple[ProvedPoint | ProvedFlatSet, ...] = (*open_points, *open_sets)
    differences += [f"proved, not listed: {_name(thing)}" for thing in missing]
    return Comparison(missing, tuple(unproved), tuple(differences))


def _listed(landscape: Any) -> list[tuple[Any, str]]:
    words = {"minima": "minimum", "saddles": "saddle", "maxima": "maximum", "undecided": "undecided"}
    return [(point, kind) for name, kind in words.items() for point in getattr(landscape, name, ())]


def _objection(model: ToyModel, proved: ProvedPoint, listed: Any, kind: str) -> str:
    """Why a listed point is not this proved one; empty if it is."""
    at = _coordinates(listed)
    distance, size = _distance(proved, at), 1.0 + float(np.abs(at).max())
    if not distance <= (_COORDINATE * _EPS * size if proved.on_kink else _NEAR):
        return f"the nearest proved point is {distance:.1e} away"
    if kind not in (proved.kind, "undecided"):
        return f"proved to be a {proved.kind}"
    if not proved.on_kink and not (steep := _steepness(model, listed) / size**2) <= _GRADIENT:
        return f"displaced: its gradient is {steep:.1e} times rounding"
    found = float(model.loss(np.asarray(listed.W, float), None if listed.b is None else np.asarray(listed.b, float)))
    if not (
        _within(listed.loss, proved.loss, model.silent_loss) and _within(listed.loss, (found, found), model.silent_loss)
    ):
        return f"its loss is {found:.17g}, not {float(listed.loss):.17g}"
    return ""


def _steepness(model: ToyModel, listed: Any) -> float:
    """The largest derivative in units of eps times the scale of the loss."""
    b = None if listed.b is None else np.asarray(listed.b, float)
    return float(np.abs(model.gradient(np.asarray(listed.W, float), b)).max()) / (_EPS * model.silent_loss)


def _why_unproved(listed: Any, kind: str, points: Iterable[ProvedPoint], model: ToyModel) -> str:
    """One sentence on the nearest proved point."""
    all_points = list(points)
    W = ", ".join(f"{float(w):.10g}" for w in listed.W)
    text = f"listed, not proved: a {kind} at W = ({W}) with loss {float(listed.loss):.10g}"
    if not all_points:
        return text
    nearest = min(all_points, key=lambda proved: _distance(proved, _coordinates(listed)))
    reason = _objection(model, nearest, listed, kind) or "listed twice"
    return f"{text}: {reason}"


def _name(thing: ProvedPoint | ProvedFlatSet) -> str:
    if isinstance(thing, ProvedFlatSet):
        return f"a flat {thing.kind} with loss {thing.loss[0]:.10g}: {thing.description}"
    W = ", ".join(f"{np.mean(w):.10g}" for w in thing.W)
    return f"a {thing.kind} at W = ({W}) with loss {thing.loss[0]:.10g}"


def _coordinates(listed: Any) -> npt.NDArray[np.float64]:
    b = np.broadcast_to(np.asarray(0.0 if listed.b is None else listed.b, dtype=float), (2,))
    return np.concatenate([np.asarray(listed.W, dtype=float), b])


def _distance(proved: ProvedPoint, at: npt.NDArray[np.float64]) -> float:
    """Largest distance of a coordinate from its enclosure, for the better one of W and -W."""
    box = np.array([*proved.W, *proved.b])
    images = orbit(at)
    return float(np.maximum(box[:, 0] - images, images - box[:, 1]).clip(0.0).max(1).min())


def _within(value: Any, enclosure: Pair, scale: float) -> bool:
    return bool(enclosure[0] - _LOSS * _EPS * scale <= value <= enclosure[1] + _LOSS * _EPS * scale)
