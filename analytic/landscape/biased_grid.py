"""The minima of a whole grid of models with bias: follow every point from model to model, scan where that fails.

Independent features of equal density, importances (1, r). Between neighbouring models a stationary point moves
little, and Newton's method follows it; a new one appears only in a pair, at a fold, or out of a point known in
closed form. So, on a grid with further models between those of a coarse one,

1. search a coarse subset of the models (`off_axes`);
2. spread: an unsolved model takes every point of a solved neighbour as a start;
3. exchange: neighbours try each other's points, until nothing is gained; also where they list equally many, since
   those need not be the same. This carries a pair over its whole region once it is known anywhere in it;
4. check: the indices of all points of a model have to sum to one (`kinds`). Where they do not, scan it, and exchange
   again with what was found.

Points of closed form are never searched: W = 0, a saddle of index 1; the dedicated points, whose kinds are explicit. A
region smaller than the coarse grid that no index betrays can be missed. Models on which rounding leaves a kind open,
and those that exchanging the features leaves unchanged (r = 1), are solved one by one by `biased_landscape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.landscape.biased import biased_landscape
from analytic.landscape.kinds import dedicated_form, inertia, sizes
from analytic.landscape.newton import converge, derivatives, record
from analytic.landscape.off_axes import LEVELS, find_off_axes
from analytic.landscape.records import TIE, FlatSet
from analytic.loss.pair import COMPILED, point_gradient
from analytic.models.features import independent_parameters
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]
Run = Callable[[list[Callable[[], Any]]], Sequence[Any]]

#: Points kept per model, and the least number of rows and columns that are scanned first.
_ROOM, _SEEDS = 20, 11
#: Neighbouring models may differ by this much in log density or log importance; else up to so many pieces are made.
#: A pair of points in a thin region is not followed over longer distances.
_STEP, _PIECES = 0.03, 4
#: Weights below this belong to a point on an axis, which is known in closed form.
_ON_AXIS = 1e-9
#: Points closer than this fraction of |W| are one point.
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class GridMinima:
    """The best minimum per model: W and b (m, n, 2), loss, number of minima, gap to the second; flat ones count."""

    W: Array
    b: Array
    loss: Array
    n_minima: npt.NDArray[np.int64]
    gap: Array


@njit(**COMPILED)
def _drop_axis_points(found, count):
    """Removes points with a vanishing weight; returns the new count."""
    kept = 0
    for k in range(count):
        if abs(found[k, 0]) > _ON_AXIS and abs(found[k, 1]) > _ON_AXIS:
            found[kept] = found[k]
            kept += 1
    return kept


@njit(**COMPILED)
def _take(source, n, shared, model, found, count, scratch):
    """Newton at `model` from `n` points of a neighbour; the new count."""
    point, step, matrix, settled = scratch
    for k in range(n):
        for i in range(4):
            point[i] = source[k, i]
        if converge(point, 0.0, np.inf, shared, model, step, matrix, settled, found, count) == 2:
            count = record(point, found, count, _SAME)
    return _drop_axis_points(found, count)


@njit(**COMPILED)
def _spread(models, shared, points, counts, queue):
    """Solves all unsolved models (count < 0) from their first solved neighbour, breadth first."""
    rows, columns = counts.shape
    scratch = np.empty(4), np.empty(4), np.empty((4, 4)), np.empty(5)
    end = 0
    for i in range(rows):
        for j in range(columns):
            if counts[i, j] >= 0:
                queue[end] = i * columns + j
                end += 1
    start = 0
    while start < end:
        i, j = queue[start] // columns, queue[start] % columns
        start += 1
        for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= k < rows and 0 <= m < columns and counts[k, m] < 0:
                counts[k, m] = _take(points[i, j], counts[i, j], shared, models[k, m], points[k, m], 0, scratch)
                queue[end] = k * columns + m
                end += 1


@njit(**COMPILED)
def _exchange(models, shared, points, counts, fresh):
    """Neighbours try each other's points until nothing is gained, also where they list equally many: not the same ones.

    `fresh` marks the models whose points have not been offered yet; it is all False at the end.
    """
    rows, columns = counts.shape
    scratch = np.empty(4), np.empty(4), np.empty((4, 4)), np.empty(5)
    busy = True
    while busy:
        busy = False
        for i in range(rows):
            for j in range(columns):
                if not fresh[i, j]:
                    continue
                fresh[i, j] = False
                for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                    if 0 <= k < rows and 0 <= m < columns:
                        old = counts[k, m]
                        counts[k, m] = _take(
                            points[i, j], counts[i, j], shared, models[k, m], points[k, m], old, scratch
                        )
                        if counts[k, m] > old:
                            fresh[k, m] = True
                            busy = True


@njit(**COMPILED)
def _losses(models, points, losses):
    """The loss at one point of every model."""
    for i in range(losses.shape[0]):
        for j in range(losses.shape[1]):
            z = points[i, j]
            losses[i, j] = point_gradient(z[0], z[1], z[2], z[3], models[i, j])[0]


@njit(**COMPILED)
def _verdicts(models, shared, points, counts, losses, definite, indices):
    """Loss, inertia (1 minimum, -1 saddle, 0 undecided) and index of every point."""
    n = 3 if shared else 4
    hessian, work, bounds, slope = np.empty((4, 4)), np.empty((4, 4)), np.empty(4), np.empty(4)
    rows, columns = counts.shape
    for i in range(rows):
        for j in range(columns):
            for k in range(counts[i, j]):
                z = points[i, j, k]
                losses[i, j, k] = derivatives(z, shared, models[i, j], slope, hessian)
                sizes(z, shared, models[i, j], bounds)
                definite[i, j, k] = inertia(hessian, bounds, n, work)
                indices[i, j, k] = 1 if np.linalg.det(hessian[:n, :n].copy()) > 0 else -1


def scan_model(model: Array, shared: bool, level: int) -> Array:
    """Points of one model off the axes, (k, 4)."""
    found = find_off_axes(model, shared, level)[:_ROOM]
    return found[: _drop_axis_points(found, len(found))]


def _dedicated_signs(density: Array, importance: Array, shared: bool, first: bool) -> npt.NDArray[np.int64]:
    """Signs of the second-order form of a dedicated point towards both sides, (2, m, n); 0 if rounding hides one."""
    p, r = density[:, None], importance[None, :]
    own, other = (np.ones_like(r), r) if first else (r, np.ones_like(r))
    if shared:
        forms = [own * (4 - 3 * p) - other * (4 + 3 * p)] * 2
    else:
        forms = [dedicated_form(p, p, own, other, side, np.sqrt) / p for side in (1, -1)]
    return np.array(
        [np.where(np.abs(form) <= 1e-12 * (own + other), 0, np.sign(form)) for form in forms], dtype=np.int64
    )


def _dedicated_points(density: Array, importance: Array, shared: bool, first: bool) -> tuple[Array, Array]:
    """The dedicated points, (m, n, 4), and their losses, (m, n)."""
    p, r = np.broadcast_arrays(density[:, None], importance[None, :])
    own, other = (np.ones_like(r), r) if first else (r, np.ones_like(r))
    zero = np.zeros_like(r)
    b = other * p / 2 / (own * (1 - 3 * p / 4) + other) if shared else zero
    s, free = np.sqrt(1 - 3 * b / 2), b if shared else p / 2
    z = np.stack([s, zero, b, free] if first else [zero, s, free, b], axis=-1)
    models = independent_parameters(density[:, None], importance)
    losses = np.empty(r.shape)
    _losses(models, z, losses)
    return z, losses


def _refined(values: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """Values with neighbours close to each other, and the positions of the given ones; a few are scanned anyway."""
    if len(values) < 2 * (_SEEDS - 1):
        return values, np.arange(len(values))
    pieces = np.clip(np.ceil(np.diff(np.log(values)) / _STEP), 1, _PIECES).astype(np.int64)
    places = np.concatenate([[0], np.cumsum(pieces)])
    fine = np.exp(np.interp(np.arange(places[-1] + 1), places, np.log(values)))
    fine[places] = values
    return fine, places


class _Solver:
    """The state of one grid: points (m, n, room, 4), counts (m, n)."""

    def __init__(self, density: Array, importance: Array, shared: bool, run: Run) -> None:
        self.shared, self.run = shared, run
        self.models = independent_parameters(density[:, None], importance)
        self.shape = self.models.shape[:2]
        self.points = np.full((*self.shape, _ROOM, 4), np.nan)
        self.counts = np.full(self.shape, -1, np.int64)
        signs = [_dedicated_signs(density, importance, shared, first) for first in (True, False)]
        self.stable = [s.min(axis=0) > 0 for s in signs]
        self.axis_index = sum((s.sum(axis=0) // 2 for s in signs), np.zeros(self.shape, np.int64))
        self.open = np.any([np.any(s == 0, axis=0) for s in signs], axis=0) | (importance == 1)[None, :]

    def scan(self, cells: list[tuple[int, ...]], level: int) -> None:
        """Scans some models; what it finds replaces or extends what is known of them."""
        found = self.run([partial(scan_model, self.models[cell], self.shared, level) for cell in cells])
        scratch = np.empty(4), np.empty(4), np.empty((4, 4)), np.empty(5)
        for cell, new in zip(cells, found, strict=True):
            old = max(self.counts[cell], 0)
            self.counts[cell] = _take(new, len(new), self.shared, self.models[cell], self.points[cell], old, scratch)

    def exchange(self, fresh: npt.NDArray[np.bool_]) -> None:
        _exchange(self.models, self.shared, self.points, self.counts, fresh)

    def verdicts(self) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Losses and inertia per point, and where the indices do not add up."""
        shape = (*self.shape, _ROOM)
        losses, definite, indices = np.full(shape, np.nan), np.full(shape, -1), np.zeros(shape, np.int64)
        _verdicts(self.models, self.shared, self.points, self.counts, losses, definite, indices)
        wrong = (indices.sum(axis=-1) + self.axis_index != 0) & ~self.open
        return losses, definite, wrong

    def solve(self) -> tuple[Array, npt.NDArray[np.int64]]:
        """Runs all steps; losses and inertia per point. Models that stay inconsistent join the open ones."""
        rows, columns = (sorted({*range(0, n, max(1, n // (_SEEDS - 1))), n - 1}) for n in self.shape)
        self.scan([(i, j) for i in rows for j in columns], 0)
        _spread(self.models, self.shared, self.points, self.counts, np.empty(self.counts.size, np.int64))
        self.exchange(np.ones(self.shape, np.bool_))
        losses, definite, wrong = self.verdicts()
        for level in range(LEVELS):
            if not wrong.any():
                break
            self.scan([tuple(cell) for cell in np.argwhere(wrong)], level)
            self.exchange(wrong.copy())
            losses, definite, wrong = self.verdicts()
        self.open |= wrong | np.any(definite == 0, axis=-1)
        return losses, definite


def _one_by_one(density: float, importance: float, shared: bool) -> tuple[Array, Array, float, int, float]:
    """W, b, loss, number of minima and gap from the full landscape of one model."""
    landscape = biased_landscape(ToyModel.from_density(density, importance, bias="shared" if shared else "per-feature"))
    best, count, gap = landscape.global_minimum, len(landscape.ends), max(landscape.gap, 0.0)
    if isinstance(best, FlatSet):
        return np.full(2, np.nan), np.full(2, np.nan), best.loss, count, gap
    return best.W, np.broadcast_to(best.b, 2), best.loss, count, gap


def solve_grid(density: Array, importance: Array, shared: bool, run: Run) -> GridMinima:
    """The minima over a grid of densities (m,) in (0, 1] and importances (n,) of feature 2.

    `run` calls each of a list of picklable functions without arguments and returns the results in their order; the
    result does not depend on how it does so.
    """
    (density, rows), (importance, columns) = _refined(density), _refined(importance)
    solver = _Solver(density, importance, shared, run)
    losses, definite = solver.solve()
    p, r = np.broadcast_arrays(density[:, None], importance[None, :])
    dedicated = [_dedicated_points(density, importance, shared, first) for first in (True, False)]
    silent, variance = p / 3, p / 3 - p * p / 4
    perfect, constant = [r * silent, silent], [r * silent + variance, silent + r * variance]
    flat = [(1 + r) * silent, *([] if shared else perfect + constant)]
    candidates = np.concatenate(
        [
            np.where(definite == 1, losses, np.inf),
            np.stack(
                [np.where(ok, loss, np.inf) for ok, (_, loss) in zip(solver.stable, dedicated, strict=True)], axis=-1
            ),
            np.stack(flat, axis=-1),
        ],
        axis=-1,
    )
    places = np.concatenate(
        [solver.points, *(z[:, :, None] for z, _ in dedicated), np.full((*p.shape, len(flat), 4), np.nan)], axis=2
    )
    # where both outputs are always on, antipodal and confused tie exactly; rounding should not choose between them
    antipodal = np.sign(places[..., 0]) * np.sign(places[..., 1]) < 0
    ranked = candidates - np.where(antipodal, TIE * flat[0][..., None], 0.0)
    order = np.argsort(ranked, axis=-1, kind="stable")[..., :2]
    best, second = np.moveaxis(np.take_along_axis(candidates, order, axis=-1), -1, 0)
    z = np.take_along_axis(places, order[..., :1, None], axis=2)[:, :, 0]
    result = GridMinima(
        z[..., :2].copy(), z[..., 2:].copy(), best, np.isfinite(candidates).sum(axis=-1), np.maximum(second - best, 0)
    )
    cells = [(i, j) for i in rows for j in columns if solver.open[i, j]]
    solved = run([partial(_one_by_one, float(density[i]), float(importance[j]), shared) for i, j in cells])
    for cell, values in zip(cells, solved, strict=True):
        for array, value in zip((result.W, result.b, result.loss, result.n_minima, result.gap), values, strict=True):
            array[cell] = value
    given = np.ix_(rows, columns)
    return GridMinima(result.W[given], result.b[given], result.loss[given], result.n_minima[given], result.gap[given])


def points_on_grid(
    density: Array, importance: Array, shared: bool, run: Run
) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The stationary points off the axes: (m, n, room, 4), how many there are (m, n), and their inertia (m, n, room).

    Inertia is 1 for a minimum, -1 for a saddle, 0 for undecided. The grid is taken as it is; see `solve_grid`.
    """
    solver = _Solver(density, importance, shared, run)
    _, definite = solver.solve()
    return solver.points, solver.counts, definite
