"""Where the number of minima and the best minimum change between neighbouring models of a grid, against the curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from analytic import PhaseDiagram, ToyModel, find_stationary_points
from analytic.diagrams.boundaries import Boundary, PhaseBoundaries
from analytic.diagrams.events import Event


@dataclass(frozen=True)
class Edge:
    """Two neighbouring models, and what the curves that cross between them say: minima gained, best minimum jumps."""

    models: tuple[tuple[int, int], tuple[int, int]]
    gain: int
    jumps: bool


def refined(places: np.ndarray) -> np.ndarray:
    """Points of a curve with twenty times as many in between, on a cubic spline over the length of the chords."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    fine = np.interp(np.arange(20 * len(length) - 19) / 20, np.arange(len(length)), length)
    return CubicSpline(length, places)(fine)


def crossings(curve: Boundary, moving: int, fixed: float) -> Iterator[tuple[float, float]]:
    """Where a curve crosses a line of the grid, and in which direction.

    Coordinates are (log importance, log density); `moving` is the one that varies along the line.
    """
    places = refined(np.log(np.stack([curve.importance, curve.density], axis=1)))
    height = places[:, 1 - moving] - fixed
    for k in np.flatnonzero((height[1:] > 0) != (height[:-1] > 0)):
        share = height[k] / (height[k] - height[k + 1])
        yield (
            float(places[k, moving] + share * (places[k + 1, moving] - places[k, moving])),
            float(np.sign(height[k + 1] - height[k])),
        )


def edges(boundaries: PhaseBoundaries, density: np.ndarray, importance: np.ndarray) -> Iterator[Edge]:
    """Every edge of the grid."""
    axes = np.log(importance), np.log(density)
    for moving in (0, 1):
        for line, fixed in enumerate(axes[1 - moving]):
            gain, jumps = np.zeros(len(axes[moving]) - 1, int), np.zeros(len(axes[moving]) - 1, bool)
            for curve in boundaries.curves:
                for at, direction in crossings(curve, moving, fixed):
                    k = np.searchsorted(axes[moving], at) - 1
                    if 0 <= k < len(gain):
                        # Moving upwards (density) across a curve towards growing importance leads from right to left.
                        gain[k] += round(curve.gain * direction * (1 if moving == 1 else -1))
                        jumps[k] |= curve.kind in (Event.FIRST_ORDER, Event.EXACT_TIE, Event.INSTABILITY)
            for k in range(len(gain)):
                ends = ((line, k), (line, k + 1)) if moving == 0 else ((k, line), (k + 1, line))
                yield Edge(ends, int(gain[k]), bool(jumps[k]))


def count(diagram: PhaseDiagram, at: tuple[int, int]) -> int:
    """The number of minima of one model of the grid by a search of its own."""
    density, importance = diagram.density[at[0]], diagram.importance[at[1]]
    return len(find_stationary_points(ToyModel.from_density(density, importance, diagram.bias)).ends)


def unexplained_counts(boundaries: PhaseBoundaries, diagram: PhaseDiagram) -> list[tuple[Edge, int]]:
    """Edges on which the number of minima does not change as the curves say, with the change.

    A diagram follows points from model to model and can miss a pair on a thin strip, so what it disputes is searched.
    """
    disputed = [
        edge
        for edge in edges(boundaries, diagram.density, diagram.importance)
        if diagram.n_minima[edge.models[1]] - diagram.n_minima[edge.models[0]] != edge.gain
    ]
    changes = [(edge, count(diagram, edge.models[1]) - count(diagram, edge.models[0])) for edge in disputed]
    return [(edge, change) for edge, change in changes if change != edge.gain]


def unexplained_jumps(boundaries: PhaseBoundaries, diagram: PhaseDiagram, jump: float) -> list[Edge]:
    """Edges on which the phase of the best minimum, or its weights by more than `jump`, change without a curve."""
    found = []
    tie = diagram.gap < 1e-11
    for edge in edges(boundaries, diagram.density, diagram.importance):
        one, other = edge.models
        moved = np.abs(np.abs(diagram.W[one]) - np.abs(diagram.W[other])).max() > jump
        if (moved or diagram.phase[one] != diagram.phase[other]) and not edge.jumps and not (tie[one] and tie[other]):
            found.append(edge)
    return found
