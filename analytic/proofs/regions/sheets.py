"""What an atlas consists of: sheets, the rectangles of its first cut, each cut into cells by halving.

A cell is named by its path within its sheet (`records.at_path`), so its sides follow from the sheet's, bit for bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil, log
from typing import TYPE_CHECKING, Any

import numpy as np

from analytic.files import PathLike, reading
from analytic.landscape.records import Kind, Phase
from analytic.models.bias import Bias
from analytic.proofs.certificate import as_box, kind_from, phase_from
from analytic.proofs.records import Box, Pair, Reason
from analytic.proofs.regions.atlas_file import WHAT, read, sides_of
from analytic.proofs.regions.records import at_path
from analytic.proofs.regions.touching import Floats, Ints, connected, touching
from analytic.validation import refuse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More rectangles than this would not fit into the memory of a laptop.
MOST = 1_000_000


@dataclass(frozen=True)
class AtlasCell:
    """What is proved about all models of a rectangle.

    Attributes
    ----------
    path : str
        How it is cut from its sheet; see `analytic.proofs.regions.records.Cell`.
    density, importance : (low, high)
    points : tuple of (kind, phase)
        Sorted, one for each isolated stationary point of every model, up to W -> -W; empty if that is not proved.
    phase : phase of the best minimum, None if that is not proved
    lead : how much it is better than the next one, at least; 0 if that is not proved, or if there is none
    reason : the name of a `Reason` why something is not proved, empty if everything is
    """

    path: str
    density: Pair
    importance: Pair
    points: tuple[tuple[Kind, Phase], ...]
    phase: Phase | None
    lead: float
    reason: str

    @property
    def sides(self) -> Box:
        """Density and importance."""
        return self.density, self.importance

    @property
    def minima(self) -> int:
        """How many isolated minima each model has; 0 if that is not proved."""
        return sum(kind == "minimum" for kind, _ in self.points)

    @property
    def area(self) -> float:
        """On logarithmic axes."""
        return log(self.density[1] / self.density[0]) * log(self.importance[1] / self.importance[0])


@dataclass(frozen=True)
class Sheet:
    """A finished rectangle of the first cut, (density, importance), and the processor time that it took."""

    sides: Box
    cells: tuple[AtlasCell, ...]
    seconds: float

    @classmethod
    def of(cls, row: dict[str, Any]) -> Sheet:
        """From a line of the file."""
        sides = sides_of(row)
        return cls(sides, tuple(_cell(sides, *cell) for cell in row["cells"]), float(row["seconds"]))


def _cell(sides: Box, path: str, points: list[str], phase: Phase | None, lead: float, reason: str) -> AtlasCell:
    named = tuple((kind_from(kind), phase_from(of)) for kind, of in map(str.split, points))
    best = None if phase is None else phase_from(phase)
    density, importance = at_path(sides, path)
    return AtlasCell(path, density, importance, named, best, float(lead), Reason[reason].name if reason else "")


@dataclass(frozen=True)
class Atlas:
    """The finished rectangles of an atlas.

    Attributes
    ----------
    bias : Bias
    density, importance : (low, high)
    width, smallest : float
        Differences of logarithms: of the first cut, and down to which rectangles are cut in half where undecided.
    sheets : tuple of Sheet
        What is finished, in the order in which it was.
    """

    bias: Bias
    density: Pair
    importance: Pair
    width: float
    smallest: float
    sheets: tuple[Sheet, ...]

    @classmethod
    def load(cls, path: PathLike) -> Atlas:
        """Read the finished part of an atlas, from a .jsonl file or a compressed one, .jsonl.gz.

        Raises
        ------
        InvalidValue
            If the file is something else. Loading proves nothing: see `verify_atlas`.
        """
        first, rows = read(path)
        with reading(path, WHAT):
            density, importance = as_box([first["density"], first["importance"]])
            asked = Bias.of(first["bias"]), density, importance, float(first["width"]), float(first["smallest"])
            return cls(*asked, tuple(map(Sheet.of, rows)))

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draws what is proved; see `analytic.plotting.atlas.plot_atlas`."""
        from analytic.plotting.atlas import plot_atlas

        return plot_atlas(self, ax, **options)

    @cached_property
    def cells(self) -> tuple[AtlasCell, ...]:
        """All of all sheets."""
        return tuple(cell for sheet in self.sheets for cell in sheet.cells)

    @cached_property
    def sides(self) -> Floats:
        """Those of all cells, (n, 2, 2): density and importance, low and high."""
        return np.array([cell.sides for cell in self.cells]).reshape(-1, 2, 2)

    @cached_property
    def touching(self) -> Ints:
        """Pairs (m, 2) of cells, by index, that have a model in common."""
        return touching(self.sides)

    @property
    def areas(self) -> list[Ints]:
        """Connected sets of proved cells, by index; number, kinds and best phase are constant on each."""
        return connected(np.array([not cell.reason for cell in self.cells], bool), self.touching)

    @property
    def strips(self) -> list[Ints]:
        """Connected sets of cells that are not proved, by index."""
        return connected(np.array([bool(cell.reason) for cell in self.cells], bool), self.touching)

    @property
    def finished(self) -> int:
        """How many rectangles of the first cut are."""
        return len(self.sheets)

    @cached_property
    def total(self) -> int:
        """How many rectangles the first cut has."""
        return len(rectangles((self.density, self.importance), self.width))

    @property
    def seconds(self) -> float:
        """Processor time of what is finished."""
        return sum(sheet.seconds for sheet in self.sheets)

    @property
    def complete(self) -> bool:
        """Whether every rectangle is finished; parts of it may be undecided."""
        return self.finished == self.total

    @property
    def proved(self) -> float:
        """The share of the finished logarithmic area on which everything is proved."""
        return self._share(lambda cell: not cell.reason)

    @property
    def counted(self) -> float:
        """The share on which number and kinds of the points are proved, whether or not the best minimum is."""
        return self._share(lambda cell: bool(cell.points))

    def _share(self, chosen: Callable[[AtlasCell], bool]) -> float:
        whole = sum(cell.area for cell in self.cells)
        return sum(cell.area for cell in self.cells if chosen(cell)) / whole if whole else 0.0

    def reasons(self) -> dict[str, float]:
        """The share of the finished area left open for each reason, largest first."""
        found: Counter[str] = Counter()
        for cell in self.cells:
            if cell.reason:
                found[cell.reason] += cell.area  # type: ignore[assignment]
        whole = sum(cell.area for cell in self.cells)
        return {reason: area / whole for reason, area in found.most_common()}


def rectangles(sides: Box, width: float) -> list[Box]:
    """The first cut: all rectangles have about this width on logarithmic axes, for the density also in 1 - p.

    Cuts are rounded to nine digits, so that logarithms whose last bit depends on the machine give the same ones.
    """
    (p, q), (r, s) = sides
    pieces = [max(1, ceil(length / width)) for length in (log(q / p) + log((1 - p) / (1 - q)), log(s / r))]
    if pieces[0] * pieces[1] > MOST:
        refuse("width", f"cut the region into at most {MOST} rectangles", width)
    odds = np.linspace(log(p / (1 - p)), log(q / (1 - q)), pieces[0] + 1)
    densities = [p, *_rounded(1 / (1 + np.exp(-odds[1:-1]))), q]
    importances = [r, *_rounded(np.geomspace(r, s, pieces[1] + 1)[1:-1]), s]
    return [((a, b), (c, d)) for a, b in pairwise(densities) for c, d in pairwise(importances)]


def _rounded(cuts: np.ndarray) -> list[float]:
    return [float(f"{cut:.9g}") for cut in cuts]
