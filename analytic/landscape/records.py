"""What a search returns: stationary points, flat sets, and the landscape that they form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic import tables
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
    CIRCLE = "no output is dead, and the loss does not change with the direction of W"


@dataclass(frozen=True, eq=False)
class FlatSet:
    """A connected family of stationary points with one loss, on which an output is dead.

    Attributes
    ----------
    kind : "minimum", "saddle", "maximum" or "undecided"
    phase : str
    loss : float, or mpf if digits were asked for
    description : str
        Its equations.
    family : Family
        What the outputs do.
    live : 0, 1 or None
        The output that is not dead, None if both are.
    contains : callable
        contains(W, b) tells whether a point belongs to it, exactly.
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

#: Losses closer than this fraction of the loss of silent outputs tie: rounding error is a few hundred times smaller.
TIE = 1e-13


@dataclass(frozen=True, eq=False, repr=False)
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

    def __len__(self) -> int:
        """How many isolated points there are, one for each W -> -W orbit; flat sets do not count."""
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        parts = [f"{len(points)} {name}" for name, points in self._by_kind() if points]
        return f"<Landscape of {self.model!r}: {', '.join(parts)}>"

    def __str__(self) -> str:
        """A table with one row for each point and flat set."""
        return f"{self.model!r}\n{tables.as_text(self._HEADER, self._rows())}"

    def _repr_html_(self) -> str:
        """Give the same table to notebooks."""
        return tables.as_html(self._HEADER, self._rows(), repr(self.model))

    _HEADER: ClassVar[tuple[str, ...]] = ("kind", "phase", "loss", "W1", "W2", "b")

    def _by_kind(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        named = ("minima", "saddles", "maxima", "undecided", "flat_sets")
        return tuple((name.replace("_", " "), getattr(self, name)) for name in named)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """Cells of the table: ends in their order, then the other points, then the other flat sets."""
        rest: list[End] = [*self.saddles, *self.maxima, *self.undecided]
        rest += [each for each in self.flat_sets if each.kind != "minimum"]
        for each in (*self.ends, *rest):
            loss = f"{float(each.loss):.8g}"
            if isinstance(each, FlatSet):
                yield f"flat {each.kind}", each.phase, loss, "", "", each.description
            else:
                b = "" if each.b is None else ", ".join(f"{float(x):.6g}" for x in np.ravel(each.b))
                yield each.kind, each.phase, loss, *(f"{float(w):.6g}" for w in each.W), b

    @property
    def ends(self) -> tuple[End, ...]:
        """Where training can end: isolated and flat minima by loss; in a tie isolated ones first, by phase.

        Losses tie if they agree within 1e-13 of the model's loss with silent outputs: a matter of the model's scale.
        """
        flat: tuple[End, ...] = tuple(each for each in self.flat_sets if each.kind == "minimum")
        waiting = sorted((*self.minima, *flat), key=lambda end: end.loss)
        ranked: list[End] = []
        while waiting:
            tied = [end for end in waiting if end.loss <= waiting[0].loss + self._tie]
            ranked += sorted(tied, key=lambda end: (isinstance(end, FlatSet), end.phase))
            waiting = waiting[len(tied) :]
        return tuple(ranked)

    @property
    def _tie(self) -> float:
        """Largest difference of losses that tie: none where there are more digits than those of float64."""
        return TIE * self.model.silent_loss if all(isinstance(each.loss, float) for each in self) else 0.0

    @property
    def ties(self) -> tuple[End, ...]:
        """The ends that tie for the least loss, the global minimum first."""
        level = min(end.loss for end in self.ends) + self._tie
        return tuple(end for end in self.ends if end.loss <= level)

    @property
    def gap(self) -> Any:
        """Loss of the second of `ends` minus that of the first, not below zero; NaN where there is only one."""
        ends = self.ends
        return max(ends[1].loss - ends[0].loss, 0 * ends[0].loss) if len(ends) > 1 else float("nan")

    @property
    def global_minimum(self) -> End:
        """The first of `ends`."""
        return self.ends[0]

    @classmethod
    def collect(cls, model: ToyModel, points: list[StationaryPoint], flat_sets: list[FlatSet]) -> Landscape:
        """The landscape that these points and flat sets make, sorted by kind and loss.

        Parameters
        ----------
        model : ToyModel
        points : list of StationaryPoint
        flat_sets : list of FlatSet
        """
        by_loss = sorted(points, key=lambda point: point.loss)

        def of(kind: Kind) -> tuple[StationaryPoint, ...]:
            return tuple(point for point in by_loss if point.kind == kind)

        flat = tuple(sorted(flat_sets, key=lambda flat_set: flat_set.loss))
        return cls(model, of("minimum"), of("saddle"), of("maximum"), of("undecided"), flat)
