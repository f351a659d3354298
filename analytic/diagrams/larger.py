"""Minima over the plane for larger models: searched, followed from pixel to pixel, and searched again where it matters.

n features of equal density, importances (1, ..., 1, r). All models of one density are one batch (`search.importances`).

1. Every pixel starts from tegum products (digon and feature by itself, triangle, singles with a feature left out at its
   mean), each with the last feature in every place, and from their confused images |W|.
2. On a coarse grid it starts from random weights as well.
3. What a pixel finds is offered to its four neighbours, round after round, until nobody finds anything new.
4. Where neighbours disagree on the number of minima both start from random weights, and step 3 is repeated.

Descents are those of `search_minima`: BFGS, Newton's method on the exact Hessian, and escapes from what is no minimum.
Minima are counted modulo rotations of the hidden space and exchanges of the first n - 1 features, also at r = 1, where
all features are alike: so the count is continuous there. The list is found, not proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.models.bias import Bias
from analytic.models.relu_output import ReluOutputModel
from analytic.polytopes.dimensionality import superposition
from analytic.search import structured
from analytic.search.distinct import distinct, lower_neighbours
from analytic.search.importances import AlikeButImportance, number_of, numbered
from analytic.search.minimiser import CONVERGED, Ends, minimise
from analytic.training import initial
from analytic.work import Run

Array = npt.NDArray[np.float64]

#: Random starts of a pixel of the coarse grid, which has about so many points on each axis.
_STARTS, _COARSE = 48, 12
#: Confused images are moved a little: with b = 0 they are stationary, on kinks.
_NUDGE = 0.05
#: Random starts where neighbours disagree.
_AGAIN = 16
#: How often a start that ended at no minimum goes on from a lower point beside it.
_ESCAPES = 5
#: Losses that agree to this, in units of the silent loss, tie: then the last feature is to be in superposition.
_TIE = 1e-12
#: Any importance but one: the symmetry of the model is then the one that all have.
_UNLIKE = 0.5


@dataclass(frozen=True)
class Grid:
    """The plane: n features in m dimensions, of densities (rows) and importances of the last one (columns)."""

    features: int
    hidden: int
    bias: Bias
    density: Array
    importance: Array

    def importances(self) -> Array:
        """(columns, n)."""
        all_of_them = np.ones((len(self.importance), self.features))
        all_of_them[:, -1] = self.importance
        return all_of_them

    def row(self, i: int) -> AlikeButImportance:
        """All models of one density."""
        importance = (*[1.0] * (self.features - 1), _UNLIKE)
        model = ReluOutputModel.from_density(self.features, self.hidden, self.density[i], importance, self.bias)
        return AlikeButImportance.of(model, self.importances())

    def structured(self, i: int) -> Array:
        """Starts for one pixel (N, k): features that are left out are at their mean, where the bias can do that."""
        W = _tegum_products(self.hidden, self.features)
        b = np.where(np.all(W == 0, axis=1), self.density[i] / 2, 0.0)
        products = self._parameters(W, b)
        nudge = _NUDGE * np.random.default_rng(0).standard_normal(products.shape)
        return np.concatenate([products, self._parameters(np.abs(W), b) + nudge])

    def _parameters(self, W: Array, b: Array) -> Array:
        biases = b if self.bias is Bias.PER_FEATURE else np.zeros((len(W), self.bias.size(self.features)))
        return np.concatenate([W.reshape(len(W), -1), biases], axis=1)

    def random(self, count: int, seed: int) -> Array:
        """Starts for one pixel (N, k)."""
        shape = (self.hidden, self.features)
        return initial.draw("xavier", np.random.default_rng([seed, 0]), count, self.bias, weights=shape)

    def coarse(self, count: int) -> npt.NDArray[np.intp]:
        """Indices of about `_COARSE` of `count` rows or columns, the first and the last among them."""
        return np.unique(np.linspace(0, count - 1, min(count, _COARSE)).round().astype(np.intp))


def _tegum_products(hidden: int, features: int) -> Array:
    """Weights (N, m, n): every product with the last feature in each place, each once."""
    found: dict[tuple[float, ...], Array] = {}
    for W in structured.starts(hidden, features, 1, np.random.default_rng(0)):
        for place in range(features):
            moved = W.copy()
            moved[:, [place, -1]] = W[:, [-1, place]]
            found.setdefault(tuple((moved.T @ moved).round(9).ravel()), moved)
    return np.array(list(found.values()))


def _ends(count: int = 0, size: int = 0) -> Ends:
    return Ends(np.empty((count, size)), np.empty(count), np.empty(count))


def _joined(parts: list[Ends]) -> Ends:
    return Ends(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _taken(ends: Ends, which: Any) -> Ends:
    return Ends(*(column[which] for column in ends))


def _unknown(row: AlikeButImportance, ends: Ends, known: Ends) -> Ends:
    """Those of the ends that are points of their own, and none of the known ones."""
    whole, first = _joined([known, ends]), len(known.loss)
    converged = whole.gradient_norm <= CONVERGED
    model, chosen = number_of(whole.theta), []
    for number in np.unique(model[first:]):
        at = np.flatnonzero((model == number) & converged)
        for point in distinct(row, _taken(whole, at)):
            members = at[list(point.members)]
            if members.min() >= first:
                chosen.append(members[np.argmin(whole.gradient_norm[members])])
    return _taken(whole, np.array(chosen, int))


def new_minima(grid: Grid, i: int, starts: Array, known: Ends) -> Ends:
    """The minima of row i to which the starts lead, without the known ones."""
    row, rng, found = grid.row(i), np.random.default_rng(0), []
    for _ in range(_ESCAPES + 1):
        fresh = _unknown(row, minimise(row, starts), known)
        if not len(fresh.loss):
            break
        beside = lower_neighbours(row, fresh.theta, fresh.loss, rng)
        beside[:, -1] = fresh.theta[:, -1]
        is_minimum = np.isnan(beside[:, 0])
        found.append(_taken(fresh, is_minimum))
        known, starts = _joined([known, found[-1]]), beside[~is_minimum]
        if not len(starts):
            break
    return _joined([_ends(0, starts.shape[1]), *found])


class _Plane:
    """What every row knows so far, and which of it is news to the neighbours."""

    def __init__(self, grid: Grid, run: Run) -> None:
        self.grid, self.run = grid, run
        size = grid.hidden * grid.features + grid.bias.size(grid.features) + 1
        self.known = [_ends(0, size) for _ in grid.density]
        self.news = list(self.known)

    def descend(self, starts: list[Array]) -> None:
        """New minima from starts for every row; they are the news."""
        rows = [i for i, each in enumerate(starts) if len(each)]
        jobs = [partial(new_minima, self.grid, i, starts[i], self.known[i]) for i in rows]
        self.news = [_taken(each, slice(0)) for each in self.known]
        for i, found in zip(rows, self.run(jobs), strict=True):
            self.news[i], self.known[i] = found, _joined([self.known[i], found])

    def exchange(self) -> None:
        """Neighbours try each other's news until there are none."""
        while any(len(each.loss) for each in self.news):
            self.descend([self._offers(i) for i in range(len(self.news))])

    def _offers(self, i: int) -> Array:
        beside = [self.news[k].theta for k in (i - 1, i + 1) if 0 <= k < len(self.news)]
        for shift in (-1, 1):
            moved = self.news[i].theta.copy()
            moved[:, -1] += shift
            beside.append(moved[(moved[:, -1] > -0.5) & (moved[:, -1] < len(self.grid.importance) - 0.5)])
        return np.concatenate(beside)

    def counts(self) -> npt.NDArray[np.int64]:
        """How many minima each pixel knows."""
        columns = len(self.grid.importance)
        return np.array([np.bincount(number_of(each.theta), minlength=columns) for each in self.known])


def _disagreeing(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Pixels with a neighbour that knows another number of minima."""
    found = np.zeros(counts.shape, bool)
    across, down = counts[:, 1:] != counts[:, :-1], counts[1:] != counts[:-1]
    found[:, 1:] |= across
    found[:, :-1] |= across
    found[1:] |= down
    found[:-1] |= down
    return found


def _for_columns(points: Array, columns: npt.NDArray[np.intp]) -> Array:
    """The same starts (N, k) for each of the columns."""
    return numbered(np.tile(points, (len(columns), 1)), np.repeat(columns, len(points)))


def solve(grid: Grid, run: Run) -> dict[str, Any]:
    """The arrays of a `PhaseDiagram`, without the phases."""
    plane, rows, columns = _Plane(grid, run), range(len(grid.density)), np.arange(len(grid.importance))
    coarse_rows, coarse_columns = set(grid.coarse(len(rows)).tolist()), grid.coarse(len(columns))
    random = _for_columns(grid.random(_STARTS, 0), coarse_columns)
    starts = [_for_columns(grid.structured(i), columns) for i in rows]
    plane.descend([np.concatenate([starts[i], random]) if i in coarse_rows else starts[i] for i in rows])
    plane.exchange()
    again = _disagreeing(plane.counts())
    plane.descend([_for_columns(grid.random(_AGAIN, 1), np.flatnonzero(again[i])) for i in rows])
    plane.exchange()
    return _arrays(grid, plane.known)


def _arrays(grid: Grid, known: list[Ends]) -> dict[str, Any]:
    shape = (len(grid.density), len(grid.importance))
    W, b = np.empty((*shape, grid.hidden, grid.features)), np.empty((*shape, grid.bias.size(grid.features)))
    loss, gap, n_minima = np.empty(shape), np.full(shape, np.nan), np.zeros(shape, np.int64)
    silent = grid.density[:, None] / 3 * (grid.features - 1 + grid.importance)
    for i, j, ends in _pixels(known):
        order = np.argsort(ends.loss, kind="stable")
        best = _most_superposed(grid, ends.theta[order[ends.loss[order] <= ends.loss[order[0]] + _TIE], :-1])
        W[i, j], b[i, j] = canonical(*_split(grid, best))
        loss[i, j], n_minima[i, j] = ends.loss[order[0]] * silent[i, j], len(order)
        if len(order) > 1:
            gap[i, j] = (ends.loss[order[1]] - ends.loss[order[0]]) * silent[i, j]
    return {"W": W, "b": b, "loss": loss, "n_minima": n_minima, "gap": gap}


def _pixels(known: list[Ends]) -> Iterator[tuple[int, int, Ends]]:
    """Every pixel with its minima."""
    for i, ends in enumerate(known):
        model = number_of(ends.theta)
        for j in np.unique(model):
            yield i, int(j), _taken(ends, model == j)


def _split(grid: Grid, theta: Array) -> tuple[Array, Array]:
    """W (..., m, n) and b (..., k)."""
    size = grid.hidden * grid.features
    return theta[..., :size].reshape(*theta.shape[:-1], grid.hidden, grid.features), theta[..., size:]


def _most_superposed(grid: Grid, theta: Array) -> Array:
    """Of tied minima (N, k) the one whose last feature shares most of its direction."""
    return np.asarray(theta[np.argmax(superposition(_split(grid, theta)[0])[1].round(9))])


def canonical(W: Array, b: Array) -> tuple[Array, Array]:
    """The image with W_1 . W_n <= W_2 . W_n <= ... whose W is upper triangular, its diagonal not negative."""
    rest = W.shape[1] - 1
    order = [*np.argsort((W[:, :rest].T @ W[:, rest]).round(12), kind="stable"), rest]
    triangle = np.linalg.qr(W[:, order])[1]
    signs = np.where(np.diagonal(triangle) < 0, -1.0, 1.0)
    return signs[:, None] * triangle, b[order] if len(b) > 1 else b
