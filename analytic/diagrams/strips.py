"""An atlas held against the curves of `phase_boundaries`: what one proves constant, the other says where it changes.

Proofs know nothing of the curves, which were found by following points in floating point, so each checks the other:

1. No curve runs through a cell that is proved. A tie of two minima may run through a cell of which number and kinds of
   the points are proved, but not the best minimum.
2. Cells that no curve meets are connected through shared edges. What is proved is the same wherever they are: else a
   curve is missing between them.
3. Across a curve, from the proved cell on one side to that on the other, the minima change as the curve says.
4. A connected strip of undecided cells holds a curve, or is undecided for another reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytic.diagrams.boundaries import PhaseBoundaries
from analytic.diagrams.courses import Course, Line, Place, course
from analytic.proofs.regions.lookup import Lookup
from analytic.proofs.regions.sheets import Atlas, AtlasCell
from analytic.proofs.regions.touching import Ints, connected
from analytic.validation import refuse


@dataclass(frozen=True)
class Strip:
    """A connected set of undecided cells.

    Attributes
    ----------
    cells : (n,) indices into `Atlas.cells`
    area : float
        On logarithmic axes.
    middle : (density, importance) of the middle of its cell nearest to its centre
    reasons : tuple of str
        Names of `Reason`, the one with most cells first.
    curves : tuple of int
        Which curves run through it, by index.
    """

    cells: Ints
    area: float
    middle: Place
    reasons: tuple[str, ...]
    curves: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """What `against` found.

    Attributes
    ----------
    strips : tuple of Strip, the largest first
    courses : tuple of Course
        One for each curve that enters a finished rectangle.
    missing : tuple of pairs of (density, importance)
        Middles of proved cells that say different things although no curve separates them.
    """

    strips: tuple[Strip, ...]
    courses: tuple[Course, ...]
    missing: tuple[tuple[Place, Place], ...]

    @property
    def consistent(self) -> bool:
        """No contradictions, and no curve that is missing."""
        return not self.missing and not any(course.contradictions for course in self.courses)

    @property
    def empty(self) -> tuple[Strip, ...]:
        """Strips without a curve."""
        return tuple(strip for strip in self.strips if not strip.curves)


def against(atlas: Atlas, boundaries: PhaseBoundaries) -> Comparison:
    """Hold an atlas against the curves of the same convention.

    Curves are interpolated between their points by cubic splines, to about 1e-5 of their steps of 0.06.
    """
    if boundaries.bias is not atlas.bias:
        refuse("boundaries", f"have the bias of the atlas, {atlas.bias}", str(boundaries.bias))
    lookup = Lookup(atlas)
    lines = [Line.of(curve, atlas, lookup) for curve in boundaries.curves]
    courses = tuple(course(k, lines, atlas, lookup) for k, line in enumerate(lines) if len(line.met))
    met = [line.met for line in lines]
    strips = sorted((_strip(atlas, cells, met) for cells in atlas.strips), key=lambda strip: -strip.area)
    return Comparison(tuple(strips), courses, tuple(_missing(atlas, met)))


def _strip(atlas: Atlas, cells: Ints, met: list[Ints]) -> Strip:
    areas = np.array([atlas.cells[i].area for i in cells])
    middles = np.log([_middle(atlas.cells[i]) for i in cells])
    centre = np.average(middles, axis=0, weights=areas)
    nearest = atlas.cells[cells[np.argmin(np.hypot(*(middles - centre).T))]]
    reasons = Counter(atlas.cells[i].reason for i in cells)
    curves = tuple(k for k, other in enumerate(met) if np.isin(cells, other).any())
    return Strip(cells, float(areas.sum()), _middle(nearest), tuple(name for name, _ in reasons.most_common()), curves)


def _middle(cell: AtlasCell) -> Place:
    (p, q), (r, s) = cell.sides
    return float(np.sqrt(p * q)), float(np.sqrt(r * s))


def _missing(atlas: Atlas, met: list[Ints]) -> Iterator[tuple[Place, Place]]:
    """Proved cells that differ, in a set of cells that hangs together through edges and meets no curve."""
    pairs = atlas.sides[atlas.touching]  # (pair, cell, axis, end)
    lengths = pairs[..., 1].min(axis=1) - pairs[..., 0].max(axis=1)
    free = np.ones(len(atlas.cells), bool)
    free[np.concatenate([*met, np.empty(0, np.intp)])] = False
    for cells in connected(free, atlas.touching[lengths.max(axis=1) > 0]):
        for claim in ("points", "phase"):
            claims: dict[object, Place] = {}
            for cell in (atlas.cells[i] for i in cells):
                if said := getattr(cell, claim):
                    claims.setdefault(said, _middle(cell))
            first, *others = claims.values() or [(0.0, 0.0)]
            yield from ((first, other) for other in others)
