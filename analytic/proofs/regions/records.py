"""What a proof for a rectangle of models consists of and what it says: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytic.landscape.records import Kind, Phase
from analytic.proofs.records import Box, Pair, Reason, Tree, Zero
from analytic.proofs.regions.frames import Frame

#: The letters of a path, lower and upper half: density is cut, importance is cut.
HALVES = ("pP", "rR")


@dataclass(frozen=True)
class Tube(Zero):
    """A box with one zero for each model theta = (density, importance) of a rectangle, in a frame that moves with it.

    For each theta the zero has its z in `inner`, and is the only one with z in `unique`. `kind` is that of the zero for
    every theta.
    """

    frame: Frame


@dataclass(frozen=True)
class Part:
    """One search that is settled for all models of the rectangle at `path`."""

    path: str
    tree: Tree
    tubes: tuple[Tube, ...]


@dataclass(frozen=True)
class RegionPoint:
    """One stationary point of each model, up to W -> -W: ranges of W, b and loss over the rectangle, and its kind."""

    W: tuple[Pair, Pair]
    b: tuple[Pair, Pair]
    loss: Pair
    kind: Kind
    phase: Phase
    on_kink: bool


@dataclass(frozen=True)
class Cell:
    """A rectangle that is proved, or the reason why it is not.

    Attributes
    ----------
    path : str
        How it is cut from the whole, one letter for each halving: p, P lower and upper density, r, R importance.
    density, importance : (low, high)
    points : tuple of RegionPoint
        All isolated stationary points of each of its models; empty if that is not proved. Where only the lead is not,
        they are.
    phase : phase of the best minimum, flat ones included; None if that is not proved
        "antipodal" where it ties with a confused one for all models, which happens with a shared bias.
    lead : (low, high) or None
        Range, over the models, of the loss of the next best minimum minus that of the best, and of those that tie.
    reasons : tuple of (Reason, where)
        Empty if it is proved.
    """

    path: str
    density: Pair
    importance: Pair
    points: tuple[RegionPoint, ...] = ()
    phase: Phase | None = None
    lead: Pair | None = None
    reasons: tuple[tuple[Reason, str], ...] = ()

    @property
    def rectangle(self) -> Box:
        """Density and importance."""
        return self.density, self.importance

    @property
    def signature(self) -> Any:
        """What is the same for all models of a connected region: the points by kind and phase, and the best phase."""
        return sorted((point.kind, point.phase) for point in self.points), self.phase


def at_path(rectangle: Box, path: str) -> Box:
    """The rectangle (density, importance) that a path cuts out of another one."""
    sides = list(rectangle)
    for letter in path:
        axis, upper = next((axis, pair.index(letter)) for axis, pair in enumerate(HALVES) if letter in pair)
        low, high = sides[axis]
        middle = 0.5 * (low + high)
        sides[axis] = (middle, high) if upper else (low, middle)
    return tuple(sides)


def tiled(paths: Sequence[str]) -> bool:
    """Whether the paths are the leaves of a tree of halvings, once each."""
    if list(paths) == [""]:
        return True
    firsts = {path[:1] for path in paths}
    if tuple(sorted(firsts)) not in [tuple(sorted(pair)) for pair in HALVES]:
        return False
    return all(tiled([path[1:] for path in paths if path[0] == first]) for first in firsts)
