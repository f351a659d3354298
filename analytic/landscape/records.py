"""What a search returns: stationary points, flat sets, and the landscape that they form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.models.toy import ToyModel

Kind: TypeAlias = Literal["minimum", "saddle", "maximum", "undecided"]
Phase: TypeAlias = Literal["antipodal", "confused", "dedicated-1", "dedicated-2", "silent"]


def phase_of(W1: Any, W2: Any) -> Phase:
    """The phase that the signs of the weights name."""
    if W1 == 0 and W2 == 0:
        return "silent"
    if W2 == 0:
        return "dedicated-1"
    if W1 == 0:
        return "dedicated-2"
    return "confused" if (W1 > 0) == (W2 > 0) else "antipodal"


@dataclass(frozen=True, eq=False)
class StationaryPoint:
    """An isolated stationary point; (-W, b) is its symmetric copy.

    Attributes
    ----------
    W : shape (2,)
        Weights, with W1 > 0, or W1 = 0 and W2 >= 0. Floats; mpmath numbers in an object array if digits were asked for.
    b : None, a number (shared) or shape (2,)
    loss : number
    kind : "minimum", "saddle", "maximum" or "undecided"
        A saddle is everything that is neither minimum nor maximum, degenerate points included.
    phase : "antipodal" (W1 W2 < 0), "confused" (W1 W2 > 0), "dedicated-1" (W2 = 0), "dedicated-2" (W1 = 0), "silent"
    eigenvalues : ascending eigenvalues of the Hessian, or None on a kink, where there is no Hessian
    on_kink : bool
        Whether the loss is not twice differentiable here, so that `kind` comes from one-sided behaviour.
    """

    W: npt.NDArray[Any]
    b: Any
    loss: Any
    kind: Kind
    eigenvalues: npt.NDArray[np.float64] | None
    on_kink: bool

    @property
    def phase(self) -> Phase:
        return phase_of(*self.W)

    @property
    def copies(self) -> tuple[npt.NDArray[Any], ...]:
        """The orbit of W under W -> -W: two points, or one if W = 0."""
        return (self.W,) if not np.any(self.W) else (self.W, -self.W)


class Family(Enum):
    """What the outputs do on a flat set."""

    DEAD = "both outputs are dead"
    PERFECT = "one output is dead, the feature of the live one is reproduced exactly"
    CONSTANT = "one output is dead, the live one is constant at the mean of its feature"


@dataclass(frozen=True, eq=False)
class FlatSet:
    """A connected family of stationary points with one loss, on which an output is dead.

    `family` says what the outputs do, `live` which output is not dead, 0 or 1 (None if both are dead).
    `contains(W, b)` tells whether a point belongs to it, exactly.
    """

    kind: Kind
    phase: Phase
    loss: Any
    description: str
    family: Family
    live: int | None
    contains: Callable[[npt.ArrayLike, npt.ArrayLike | None], bool] = field(repr=False)


#: Somewhere that training can end.
End: TypeAlias = StationaryPoint | FlatSet


@dataclass(frozen=True, eq=False)
class Landscape:
    """All stationary points of one model, each tuple sorted by loss, one representative per W -> -W orbit.

    Attributes
    ----------
    model : ToyModel
    minima, saddles, maxima : tuple of StationaryPoint
    undecided : tuple of StationaryPoint
        Points whose kind could not be decided (within rounding error of a fold or an instability).
    flat_sets : tuple of FlatSet
    certificate : None or Certificate
    """

    model: ToyModel
    minima: tuple[StationaryPoint, ...]
    saddles: tuple[StationaryPoint, ...]
    maxima: tuple[StationaryPoint, ...]
    undecided: tuple[StationaryPoint, ...] = ()
    flat_sets: tuple[FlatSet, ...] = ()
    certificate: Any = None

    def __iter__(self) -> Iterator[StationaryPoint]:
        """Minima, saddles, maxima and undecided points in this order."""
        yield from (*self.minima, *self.saddles, *self.maxima, *self.undecided)

    @property
    def ends(self) -> tuple[End, ...]:
        """Where training can end in a minimum: isolated and flat minima by loss, isolated ones first where they tie."""
        flat = (each for each in self.flat_sets if each.kind == "minimum")
        return tuple(sorted((*self.minima, *flat), key=lambda end: end.loss))

    @property
    def gap(self) -> Any:
        """Loss of the second of `ends` minus that of the first; NaN where there is only one."""
        ends = self.ends
        return ends[1].loss - ends[0].loss if len(ends) > 1 else float("nan")

    @property
    def global_minimum(self) -> End:
        """The first of `ends`."""
        return self.ends[0]

    @classmethod
    def collect(cls, model: ToyModel, points: list[StationaryPoint], flat_sets: list[FlatSet]) -> Landscape:
        """Sorts points by kind and loss."""
        by_loss = sorted(points, key=lambda point: point.loss)

        def of(kind: Kind) -> tuple[StationaryPoint, ...]:
            return tuple(point for point in by_loss if point.kind == kind)

        flat = tuple(sorted(flat_sets, key=lambda flat_set: flat_set.loss))
        return cls(model, of("minimum"), of("saddle"), of("maximum"), of("undecided"), flat)
