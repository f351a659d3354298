"""Loss and gradient of the ReLU output model on float64 arrays: routes, pieces that fit into memory, threads.

Two routes lead to the moments of an output. The recurrence (recurrence.py) is exact up to rounding and costs 3^k states
for an output that depends on k features. The lattice (lattice.py) serves independent features in any number, to a
tolerance. Each point of a batch takes its route by itself, and is computed as if it were alone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.loss import curvature, outputs
from analytic.loss.recurrence import MOST, free_features, pattern_states
from analytic.validation import InvalidValue
from analytic.work import cores

Array = npt.NDArray[np.float64]

#: Up to here the recurrence is taken where the caller leaves the choice: beyond, the lattice is faster.
USUAL = 10
_EPS = np.finfo(float).eps
#: Temporary arrays together stay below this, in bytes.
_MEMORY = 2**30
#: Work below this many states is done at once: starting threads takes as long.
_SMALL = 200_000


class Problem(NamedTuple):
    """What the compiled functions need to know of a model; `patterns` (2^n,) is empty for independent features.

    Patterns are numbered by bits, bit j for feature j. `third` is E[x_i^2], a third of the density `on`.
    """

    importance: Array
    third: Array
    on: Array
    off: Array
    patterns: Array


class Evaluation(NamedTuple):
    """Loss and derivatives of every point of a batch, and the lattice's estimates of the errors where there are any."""

    loss: Array
    by_W: Array
    by_b: Array
    error: Any


def depends_on(W: Array, problem: Problem) -> npt.NDArray[np.int64]:
    """How many features the output with the most of them depends on, for every point: (N,)."""
    return outputs.present_features(outputs.gram(W), len(problem.patterns) > 0)[0].max(-1)


def _always_recurrence(problem: Problem, method: str | None) -> bool:
    """Whether no point can take the lattice; InvalidValue where `method` asks for it with joint patterns."""
    joint = len(problem.patterns) > 0
    if method == "lattice" and joint:
        raise InvalidValue("method = 'lattice' is for independent features, and this model has joint patterns")
    return joint or (method != "lattice" and len(problem.on) <= USUAL)


def takes_recurrence(W: Array, problem: Problem, method: str | None) -> npt.NDArray[np.bool_]:
    """Which points (N,) take the recurrence; InvalidValue where `method` asks for what cannot be."""
    if _always_recurrence(problem, method):
        return np.ones(len(W), bool)
    if method == "lattice":
        return np.zeros(len(W), bool)
    counts = depends_on(W, problem)
    if method == "recurrence" and counts.max(initial=0) > MOST:
        raise InvalidValue(
            f"method = 'recurrence' serves outputs that depend on at most {MOST} features, "
            f"and here one depends on {counts.max()}; use method='lattice'"
        )
    return counts <= (MOST if method == "recurrence" else USUAL)


def _pieces(count: int, bytes_each: int, workspace: int) -> tuple[list[slice], int]:
    """Slices of a batch and the number of threads for them, so that all temporaries fit into memory."""
    threads = max(1, min(cores(), count, _MEMORY // max(1, 2 * workspace)))
    longest = max(1, (_MEMORY // 4) // (threads * max(1, bytes_each)))
    length = max(1, min(longest, -(-count // threads)))
    return [slice(start, start + length) for start in range(0, count, length)], threads


def in_pieces(job: Callable[[slice], None], count: int, states: int, rows: int, bytes_each: int) -> None:
    """Calls `job` for slices that cover a batch, on all cores where there is enough to do.

    One job keeps `rows` arrays of `states` times eight lanes, and `bytes_each` for every point.
    """
    pieces, threads = _pieces(count, bytes_each, 64 * states * rows)
    if threads == 1 or count * states < _SMALL:
        threads = 1
    if threads == 1:
        for piece in pieces:
            job(piece)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(job, pieces))


def by_recurrence(W: Array, b: Array, problem: Problem, gradient: bool) -> Evaluation:
    """Loss (N,), and if `gradient` dL/dW (N, m, n) and dL/db (N, n), for W (N, m, n) and b (N, n)."""
    tables, most = _tables(W, problem)
    count, m, n = W.shape
    if count == 1:
        loss, by_W, by_b = outputs.evaluate(W, b, *problem, *tables, gradient)
        return Evaluation(loss, by_W, by_b, None)
    kept = count if gradient else 0
    result = Evaluation(np.empty(count), np.empty((kept, m, n)), np.empty((kept, n)), None)

    def job(piece: slice) -> None:
        found = outputs.evaluate(W[piece], b[piece], *problem, *tables, gradient)
        for whole, part in zip(result, found, strict=False):
            whole[piece] = part

    in_pieces(job, count, 3**most, 6, 8 * n * (4 * n + m))
    return result


def _tables(W: Array, problem: Problem) -> tuple[tuple[Any, Any], int]:
    """Free features and pattern states for the outputs of these points, and how many features they depend on."""
    features = len(problem.on)
    if not (features <= USUAL or len(problem.patterns)):
        features = int(depends_on(W, problem).max(initial=1))
    return (free_features(features), pattern_states(features)), features


def by_lattice(W: Array, b: Array, problem: Problem, tolerance: float, gradient: bool) -> Evaluation:
    """The same for independent features in any number, with the lattice's estimates of the loss errors (N,)."""
    from analytic.loss import lattice

    kept = len(W) if gradient else 0
    result = Evaluation(
        np.empty(len(W)), np.empty((kept, *W.shape[1:])), np.empty((kept, W.shape[2])), np.empty(len(W))
    )
    for p in range(len(W)):
        args = W[p], b[p], problem.importance, problem.on, tolerance
        if gradient:
            result.loss[p], result.by_W[p], result.by_b[p], result.error[p] = lattice.loss_and_gradient(*args)
        else:
            result.loss[p], result.error[p] = lattice.loss(*args)
    return result


def evaluate(W: Array, b: Array, problem: Problem, tolerance: float, method: str | None, gradient: bool) -> Evaluation:
    """Every point by its route: loss (N,), and if `gradient` dL/dW (N, m, n) and dL/db (N, n)."""
    if _always_recurrence(problem, method):
        return by_recurrence(W, b, problem, gradient)
    exactly = takes_recurrence(W, problem, method)
    if exactly.all():
        return by_recurrence(W, b, problem, gradient)
    if not exactly.any():
        return by_lattice(W, b, problem, tolerance, gradient)
    kept = len(W) if gradient else 0
    result = Evaluation(np.empty(len(W)), np.empty((kept, *W.shape[1:])), np.empty((kept, W.shape[2])), None)
    for where, found in (
        (exactly, by_recurrence(W[exactly], b[exactly], problem, gradient)),
        (~exactly, by_lattice(W[~exactly], b[~exactly], problem, tolerance, gradient)),
    ):
        for whole, part in zip(result[: 3 if gradient else 1], found, strict=False):
            whole[where] = part
    return result


def output_moments(W: Array, b: Array, problem: Problem) -> Array:
    """E[h_+^2] and E[x_i h_+] of every output by the recurrence: (N, n, 2)."""
    (free, states), most = _tables(W, problem)
    result = np.empty((*b.shape, 2))

    def job(piece: slice) -> None:
        G = outputs.gram(W[piece])
        counts, order = outputs.present_features(G, len(problem.patterns) > 0)
        args = problem.on, problem.off, problem.patterns, counts, order, free, states
        result[piece] = outputs.moments_of_outputs(G, b[piece], *args, False)[0][..., :2]

    in_pieces(job, len(W), 3**most, 4, 8 * b.shape[1] * 4 * b.shape[1])
    return result


def error_bound(W: Array, b: Array, problem: Problem) -> Array:
    """A bound, to first order in eps, of the error of the loss by the recurrence: (N,).

    All terms of E[h_+^2] and E[x_i h_+] are positive products of at most n factors, which gives a relative error; and
    an error of lo and hi acts like one of h, whose terms may cancel, which gives an absolute one. See the derivation.
    """
    m, n = W.shape[1:]
    moments = output_moments(W, b, problem)
    norms = np.sqrt(np.square(W).sum(1))
    size = np.abs(b) + norms * norms.sum(-1, keepdims=True)
    root = np.sqrt(moments[..., 0]) + np.sqrt(problem.third)
    relative = (n * (n + 13) / 2 + m + 20) * (problem.third + 2 * moments[..., 1] + moments[..., 0])
    return _EPS / 2 * ((relative + 2 * (n + 1) * (n + m + 2) * size * root) * problem.importance).sum(-1)


def evaluate_each(W: Array, b: Array, importance: Array, problem: Problem) -> tuple[Array, Array, Array]:
    """Loss (N,), dL/dW (N, m, n) and dL/db (N, n) by the recurrence, each point with importances (N, n) of its own.

    The moments do not depend on the importances: models that differ in nothing else are one batch.
    """
    (free, states), _ = _tables(W, problem)
    G = outputs.gram(W)
    counts, order = outputs.present_features(G, len(problem.patterns) > 0)
    args = problem.on, problem.off, problem.patterns, counts, order, free, states
    moments, D = outputs.moments_of_outputs(G, b, *args, True)
    loss = ((problem.third - 2 * moments[..., 1] + moments[..., 0]) * importance).sum(-1)
    by_gram = 2 * importance[..., None] * D
    return loss, W @ (by_gram + np.swapaxes(by_gram, -1, -2)), 2 * importance * moments[..., 2]


def hessians(W: Array, b: Array, problem: Problem, importance: Array | None = None) -> Array:
    """Second derivatives by W row by row, then b (N, K, K); `importance` (N, n) takes the place of the model's."""
    count, m, n = W.shape
    most = n if len(problem.patterns) else int(depends_on(W, problem).max(initial=1))
    if most > MOST:  # before the tables are made: they grow like 3^most
        raise InvalidValue(
            f"hessian serves outputs that depend on at most {MOST} features, and here one depends on {most}"
        )
    tables, most = _tables(W, problem)
    size = m * n + n
    result = np.empty((count, size, size))
    weight = np.broadcast_to(problem.importance if importance is None else importance, (count, n))

    def job(piece: slice) -> None:
        T, D = _second_moments(W[piece], b[piece], problem, *tables)
        result[piece] = curvature.hessians(W[piece], T, D, weight[piece])

    in_pieces(job, count, 3**most, curvature.ROWS + 6, 32 * n * (n + 1) * size)
    result[[not outputs.has_loss(*point) for point in zip(W, b, strict=True)]] = np.nan
    return result


def _second_moments(W: Array, b: Array, problem: Problem, free: Any, states: Any) -> tuple[Array, Array]:
    """T (N, n, n + 1, n + 1) and D (N, n, n); see `curvature.hessians`. Each point is computed as if it were alone."""
    G = outputs.gram(W)
    counts, order = outputs.present_features(G, len(problem.patterns) > 0)
    args = problem.on, problem.off, problem.patterns
    D = outputs.moments_of_outputs(G, b, *args, counts, order, free, states, True)[1]
    T, most = np.empty((*b.shape, b.shape[1] + 1, b.shape[1] + 1)), counts.max(1)
    for k in np.unique(most).tolist():
        at = most == k
        T[at] = curvature.second_moments(G[at], b[at], *args, order[at], free, states, k)
    return T, D
