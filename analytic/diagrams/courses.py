"""The course of one curve of `phase_boundaries` through an atlas: where it runs, and what is proved on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy.interpolate import CubicSpline

from analytic.diagrams.boundaries import Boundary
from analytic.diagrams.events import Event
from analytic.proofs.regions.lookup import Lookup
from analytic.proofs.regions.sheets import Atlas, AtlasCell
from analytic.proofs.regions.touching import Floats, Ints

#: Density, importance.
Place: TypeAlias = tuple[float, float]

#: Curves are sampled this often on the smallest width of a cell: at 8 they missed corners, where two sides met.
_SAMPLES = 64
#: How far from a curve a proved cell is looked for, on logarithmic axes.
_REACH = 0.3
#: What changes the best minimum, and neither number nor kinds of the points.
_TIES = (Event.FIRST_ORDER, Event.EXACT_TIE)


@dataclass(frozen=True)
class Course:
    """One curve in an atlas.

    Attributes
    ----------
    curve : int
        Index into `PhaseBoundaries.curves`.
    points : int
        Points of the curve, which solve its equations, in finished rectangles.
    length, proved : float
        On logarithmic axes: of the curve in finished rectangles, and of that in cells that exclude it.
    contradictions : tuple of (density, importance)
        Points of the curve in cells that exclude it, and points beside which the proved minima do not change as the
        curve says.
    confirmed : int
        Points beside which they do.
    """

    curve: int
    points: int
    length: float
    proved: float
    contradictions: tuple[Place, ...]
    confirmed: int


@dataclass(frozen=True, eq=False)
class Line:
    """A curve in an atlas, on logarithmic axes (log density, log importance): its points, and samples in between.

    Samples lie on a cubic spline, (n, 2), `spacing` apart; `at` and `met` are the cells of the points, and those that
    the samples meet.
    """

    curve: Boundary
    points: Floats
    samples: Floats
    spacing: float
    at: Ints
    sampled: Ints

    @classmethod
    def of(cls, curve: Boundary, atlas: Atlas, lookup: Lookup) -> Line:
        """Sampled finely enough for the smallest cells."""
        points, spacing = np.log(np.stack([curve.density, curve.importance], axis=-1)), atlas.smallest / _SAMPLES
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        samples = CubicSpline(along, points)(np.linspace(0, along[-1], int(np.ceil(along[-1] / spacing)) + 1))
        return cls(curve, points, samples, spacing, *(lookup.at(np.exp(places)) for places in (points, samples)))

    @cached_property
    def met(self) -> Ints:
        """The cells that it meets."""
        return np.unique(self.sampled[self.sampled >= 0])

    @property
    def change(self) -> Counter[str]:
        """How many minima of each phase there are more on its right."""
        change = Counter[str](self.curve.right)
        change.subtract(self.curve.left)
        return change

    def crossings(self, start: Floats, end: Floats) -> Iterator[int]:
        """For each time that the way from start to end crosses the curve, 1 if from left to right, else -1."""
        way = end - start
        beside = _cross(way, self.samples - start)
        for k in np.flatnonzero((beside[:-1] > 0) != (beside[1:] > 0)):
            step = self.samples[k + 1] - self.samples[k]
            place = self.samples[k] + step * beside[k] / (beside[k] - beside[k + 1])
            if 0 <= (place - start) @ way <= way @ way:
                # axes are (density, importance), upwards and to the right: a left turn has a negative product
                yield 1 if _cross(step, way) > 0 else -1


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def course(k: int, lines: Sequence[Line], atlas: Atlas, lookup: Lookup) -> Course:
    """The k-th of the lines, and whether the proved cells on both sides of its points differ as the curves say."""
    line = lines[k]
    excludes = np.array([*(_excludes(cell, line.curve.kind) for cell in atlas.cells), False])
    beside = [_changes_as_said(k, i, lines, atlas, lookup) for i in range(1, len(line.points) - 1)]
    wrong = {*np.flatnonzero(excludes[line.at]), *(i for i, said in enumerate(beside, start=1) if said is False)}
    places = tuple((float(p), float(r)) for p, r in np.exp(line.points[sorted(wrong)]))
    inside, proved = (line.spacing * float(np.count_nonzero(on)) for on in (line.sampled >= 0, excludes[line.sampled]))
    return Course(k, int(np.count_nonzero(line.at >= 0)), inside, proved, places, beside.count(True))


def _excludes(cell: AtlasCell, kind: Event) -> bool:
    """Whether what is proved about the models of a cell rules out that a curve runs through it."""
    return not cell.reason if kind in _TIES else bool(cell.points)


def _changes_as_said(k: int, i: int, lines: Sequence[Line], atlas: Atlas, lookup: Lookup) -> bool | None:
    """Whether curves explain how the proved cells on both sides of a point differ; None if there are none."""
    line = lines[k]
    up, right = line.points[i + 1] - line.points[i - 1]
    left = np.array([right, -up]) / np.hypot(up, right)
    first, last = (_proved_beside(line, line.points[i], way, atlas, lookup) for way in (left, -left))
    if line.curve.kind is Event.EXACT_TIE or first is None or last is None:
        return None
    (start, here), (end, there) = first, last
    crossed = [(other, sign) for other in lines for sign in other.crossings(start, end)]
    if line.curve.kind is Event.FIRST_ORDER:
        alone = [other for other, _ in crossed if other.curve.kind in (*_TIES, Event.INSTABILITY)] == [line]
        said = (*line.curve.left, *line.curve.right)
        return (here.phase, there.phase) == said if alone else None
    found = Counter[str](phase for kind, phase in there.points if kind == "minimum")
    found.subtract(phase for kind, phase in here.points if kind == "minimum")
    for other, sign in crossed:
        if other.curve.kind not in _TIES:
            found.subtract({phase: sign * count for phase, count in other.change.items()})
    return not any(found.values())


def _proved_beside(
    line: Line, point: Floats, way: Floats, atlas: Atlas, lookup: Lookup
) -> tuple[Floats, AtlasCell] | None:
    """The first proved cell in a direction, and where it is reached."""
    walked = point + np.arange(line.spacing, _REACH, line.spacing)[:, None] * way
    for place, index in zip(walked, lookup.at(np.exp(walked)), strict=True):
        if index < 0:
            return None
        if _excludes(cell := atlas.cells[index], line.curve.kind):
            return place, cell
    return None
