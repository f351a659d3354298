"""Where the best minimum of a larger model jumps: on the edges of a grid, to rounding error.

A diagram knows the best minimum of every pixel. Followed into a neighbouring pixel it is either the best one there as
well, or another one has taken over somewhere on the edge between them. Both minima are then followed along the edge by
descent, and the zero of the difference of their losses is where they tie. Between the edges of a cell the curve is
drawn straight. Where the best minimum changes without a jump there is no tie, and no curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import toms748

from analytic.diagrams.larger import Grid
from analytic.diagrams.phases import PhaseDiagram
from analytic.models.relu_output import ReluOutputModel
from analytic.search.importances import numbered
from analytic.search.minimiser import CONVERGED, Ends, Objective, minimise
from analytic.work import Progress, counted, reporting

Array = npt.NDArray[np.float64]

#: A minimum is another one where its loss is higher by more than this, in units of the silent loss.
_OTHER = 1e-9
#: Minima whose entries of W^T W differ by more than this may be of two branches even if each leads to the other.
_FAR = 0.05
#: Entries of W^T W of the two minima of a tie differ by more than this.
_APART = 1e-3
#: Ties are located to this share of an edge; shorter pieces of it hold no jump.
_TOLERANCE, _SHORTEST = 1e-13, 1e-4


@dataclass(frozen=True, eq=False)
class Crossings:
    """Ties of the two best minima on the edges of a diagram's grid; NaN where the best minimum does not jump.

    density, importance : the grid, (m,) and (n,)
    across : (m, n - 1)  importance of the tie between neighbouring columns
    down : (m - 1, n)    density of the tie between neighbouring rows
    """

    density: Array
    importance: Array
    across: Array
    down: Array

    def points(self) -> Array:
        """All ties as (density, importance), (N, 2)."""
        rows, columns = np.nonzero(np.isfinite(self.across))
        lower, left = np.nonzero(np.isfinite(self.down))
        level = np.stack([self.density[rows], self.across[rows, columns]], axis=1)
        return np.concatenate([level, np.stack([self.down[lower, left], self.importance[left]], axis=1)])

    def segments(self) -> Array:
        """The curves, cell by cell: (N, 2 ends, (density, importance)); where three meet, to their mean."""
        found: list[Array] = []
        for i, j in np.ndindex(self.down.shape[0], self.across.shape[1]):
            ends = self._on_edges(i, j)
            if len(ends) == 2:
                found.append(ends)
            elif len(ends) > 2:
                found += [np.stack([end, np.exp(np.log(ends).mean(0))]) for end in ends]
        return np.array(found).reshape(-1, 2, 2)

    def _on_edges(self, i: int, j: int) -> Array:
        """The ties on the four edges of a cell."""
        p, r = self.density, self.importance
        level = [(p[k], self.across[k, j]) for k in (i, i + 1)]
        ends = np.array(level + [(self.down[i, k], r[k]) for k in (j, j + 1)])
        return ends[np.isfinite(ends).all(1)]


def crossings(diagram: PhaseDiagram, progress: Progress = None) -> Crossings:
    """Where the best minimum of a diagram of larger models jumps, on every edge of its grid."""
    across, down = (_jumps(diagram, 0, 1), _jumps(diagram, 1, 0))
    edges = [(i, j, i, j + 1) for i, j in np.argwhere(across)] + [(i, j, i + 1, j) for i, j in np.argwhere(down)]
    found = Crossings(diagram.density, diagram.importance, *(np.full(each.shape, np.nan) for each in (across, down)))
    with reporting(progress, "crossings", "edge") as report:
        for i, j, k, m in counted(edges, report):
            density, importance = _on_edge(diagram, (i, j), (k, m))
            if i == k:
                found.across[i, j] = importance
            else:
                found.down[i, j] = density
    return found


def _jumps(diagram: PhaseDiagram, down: int, across: int) -> npt.NDArray[np.bool_]:
    """Between which neighbours the best minimum may jump: it is far from the other, or does not lead to it."""
    forth, back = _excess(diagram, down, across), _excess(diagram, -down, -across)
    rows, columns = diagram.loss.shape
    here, there = np.s_[: rows - down, : columns - across], np.s_[down:, across:]
    gram = np.swapaxes(diagram.W, -1, -2) @ diagram.W
    far = np.abs(gram[here] - gram[there]).max((-1, -2)) > _FAR
    return far | (forth[here] > _OTHER) | (back[there] > _OTHER)


def _excess(diagram: PhaseDiagram, down: int, across: int) -> Array:
    """By how much the neighbour's best minimum, followed into each pixel, exceeds the best one there; 0 at the rim."""
    grid = Grid(diagram.features, diagram.hidden, diagram.bias, diagram.density, diagram.importance)
    theta = np.concatenate([diagram.W.reshape(*diagram.loss.shape, -1), diagram.b], axis=-1)
    excess = np.zeros(diagram.loss.shape)
    columns = np.arange(len(diagram.importance))
    columns = columns[(columns + across >= 0) & (columns + across < len(columns))]
    for i in range(max(0, -down), len(diagram.density) - max(0, down)):
        row = grid.row(i)
        reached = minimise(row, numbered(theta[i + down, columns + across], columns)).loss
        excess[i, columns] = reached - row(numbered(theta[i, columns], columns))[0]
    return excess


def _on_edge(diagram: PhaseDiagram, first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """(density, importance) of the tie between two neighbouring pixels."""
    ends = [np.log([diagram.density[i], diagram.importance[j]]) for i, j in (first, second)]
    minima = [(diagram.W[each], diagram.b[each]) for each in (first, second)]

    def at(t: float) -> tuple[float, float]:
        density, importance = np.exp((1 - t) * ends[0] + t * ends[1])
        return min(1.0, float(density)), float(importance)

    def model(t: float) -> ReluOutputModel:
        density, importance = at(t)
        return ReluOutputModel.from_density(
            diagram.features, diagram.hidden, density, (*[1.0] * (diagram.features - 1), importance), diagram.bias
        )

    t = tie(model, minima[0], minima[1])[0]
    return at(t) if np.isfinite(t) else (np.nan, np.nan)


def tie(
    model: Callable[[float], ReluOutputModel], first: tuple[Array, Array], second: tuple[Array, Array]
) -> tuple[float, float]:
    """Where two minima (W, b), followed through models of a parameter from 0 to 1, have the same loss, and that loss.

    The first is the best one known at 0, the second at 1. NaN where one turns into the other without a jump.
    """
    starts = [np.concatenate([W.ravel(), np.asarray(b).ravel()]) for W, b in (first, second)]
    edge = _Edge(model, 0.0, 1.0, starts[0], starts[1])
    while not edge.is_bracket():
        if edge.high - edge.low < _SHORTEST:
            return np.nan, np.nan
        edge = edge.halved()
    at = toms748(edge.difference, edge.low, edge.high, xtol=_TOLERANCE, rtol=4 * np.finfo(float).eps)
    return (at, edge.tied_loss(at)) if edge.are_two(at) else (np.nan, np.nan)


@dataclass(frozen=True)
class _Edge:
    """A piece of an edge with the best minimum that is known at each end, as parameters (k,)."""

    model: Callable[[float], ReluOutputModel]
    low: float
    high: float
    first: Array
    second: Array

    def followed(self, t: float, *others: Array) -> Ends:
        """Where both minima (or others) lead at t."""
        return minimise(Objective(self.model(t)), np.stack(others or (self.first, self.second)))

    def difference(self, t: float) -> float:
        """By how much the first minimum is above the second, in units of the silent loss."""
        losses = self.followed(t).loss
        return float(losses[0] - losses[1]) / self.model(t).silent_loss

    def tied_loss(self, t: float) -> float:
        """The loss of both."""
        return float(self.followed(t).loss.mean())

    def are_two(self, t: float) -> bool:
        """Whether both are converged and apart: where one loses its stability, neither need be."""
        objective, ends = Objective(self.model(t)), self.followed(t)
        G = np.swapaxes(objective.split(ends.theta)[0], -1, -2) @ objective.split(ends.theta)[0]
        return bool(np.all(ends.gradient_norm <= CONVERGED * objective.unit) and np.abs(G[0] - G[1]).max() > _APART)

    def is_bracket(self) -> bool:
        """Whether both minima exist at both ends, where each is the better one at its own."""
        return self.difference(self.low) < -_OTHER and self.difference(self.high) > _OTHER

    def halved(self) -> _Edge:
        """The half in which the best minimum jumps."""
        middle = (self.low + self.high) / 2
        ends, unit = self.followed(middle), self.model(middle).silent_loss
        losses, theta = ends.loss, ends.theta
        if abs(losses[0] - losses[1]) > _OTHER * unit:
            first_is_better = bool(losses[0] < losses[1])
        else:  # only one is left: the first, if it leads back to where the first is
            back = self.followed(self.low, theta[0], self.first).loss
            first_is_better = bool(abs(back[0] - back[1]) <= _OTHER * unit)
        if first_is_better:
            return replace(self, low=middle, first=theta[0])
        return replace(self, high=middle, second=theta[1])
