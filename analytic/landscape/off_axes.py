"""Stationary points with W1 W2 != 0 and both outputs live: a walk over the rays W2 = t W1, and Newton's method.

On each ray the points at which radius and biases are stationary come from explicit curves (`rays`). As t changes they
move along curves of their own, and the stationary points of the loss are where the derivative across the rays changes
its sign along these. So from each of them Newton's method is run in all parameters, and followed if its zero lies
within reach of the neighbouring rays (`newton`).

*Which rays.* The derivative across is a sum of monomials in t and moments, so it, too, changes over e-folds of t, down
to the smallest ratio of probabilities and importances: rays are evenly spaced in log |t|, from one axis to the other,
and graded towards the diagonals, where |W1| and |W2| exchange their order. Next to an axis the derivative is linear in
t, and the innermost rays reach down to the axis itself.

*Nothing between two rays.* Along its curve the derivative is continuous, and curves begin and end in pairs, at folds in
t. So between two rays the numbers of points from which the loss rises and falls change for two reasons: one of the
first kind becomes one of the second, at a stationary point; or two of the same kind appear or vanish, at a fold. What
the points found between them do not explain is followed up by halving, down to a tenth of the spacing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.landscape.newton import converge, record
from analytic.landscape.rays import ray_starts, smallest_ratio
from analytic.loss.arrays import ZERO
from analytic.loss.pair import COMPILED

Array = npt.NDArray[np.float64]

#: Spacing of the rays in log |t| and of the nodes in log distance, in e-folds, on the coarsest level.
_RAYS, _NODES = 0.4, 0.6
#: Number of levels; each halves both spacings.
LEVELS = 4
#: Newton's method may look this many spacings away, and halving goes down to this fraction of the spacing.
_REACH, _FINEST_GAP = 2.5, 0.1
#: Rays begin this far below the smallest ratio of the model, but not where the smaller weight is rounding error.
_BELOW, _SMALLEST, _ROUNDING = 1e-2, 1e-13, 1e-14
#: Points of one ray, and stationary points, closer than this fraction of |W| are one.
_SAME_ON_RAY, _SAME = 1e-4, 1e-9
#: Room for the nodes of a curve, the starts of a ray, the rays that wait between two, and the points of a model.
_CURVE, _STARTS, _WAITING, _POINTS = 4096, 128, 16, 64


@njit(**COMPILED)
def _from_ray(t, reach, shared, model, factor, tally, found, count, scratch):
    """Newton's method from the points of one ray; the new count of points found.

    `tally` receives the numbers of points of the ray from which the loss rises and falls with growing |t|.
    """
    curves, knots, cells, starts, points, z, step, matrix, settled = scratch
    tally[0], tally[1] = 0, 0
    kept = ZERO
    for k in range(ray_starts(t, shared, model, factor, curves, knots, cells, starts)):
        s = np.exp(starts[k, 0])
        z[0], z[1], z[2], z[3] = np.sqrt(s), t * np.sqrt(s), s * starts[k, 1], s * starts[k, 2]
        result = converge(z, t, reach, shared, model, step, matrix, settled, found, ZERO)
        if result > 0 and record(settled, points, kept, _SAME_ON_RAY) > kept:
            kept += 1
            tally[0 if settled[4] > 0.0 else 1] += 1
        if result == 2:
            count = record(z, found, count, _SAME)
    return count


@njit(**COMPILED)
def _is_explained(last, tally, found, count, sign, low, high):
    """Whether the points found between two rays explain how the tallies change: no folds, and the parity is right."""
    change = tally[0] - last[0]
    for k in range(count):
        u = np.log(abs(found[k, 1] / found[k, 0]))
        if found[k, 1] * sign > 0.0 and low <= u < high:
            change += 1
    return tally[0] + tally[1] == last[0] + last[1] and change % 2 == 0


@njit(**COMPILED)
def walk(u, sign, factor, shared, model, found, count):
    """Stationary points for t = sign e^u between the ascending values u; the new count of points in `found` (k, 4)."""
    curves, cells, starts = np.empty((2, 3, _CURVE)), np.empty((_STARTS, 5)), np.empty((_STARTS, 5))
    points, knots, z, step, matrix = np.empty((_STARTS, 4)), np.empty(8), np.empty(4), np.empty(4), np.empty((4, 4))
    scratch = curves, knots, cells, starts, points, z, step, matrix, np.empty(5)
    waiting, tallies, last, last_u = np.empty(_WAITING), np.empty((_WAITING, 2), np.int64), np.zeros(2, np.int64), u[0]
    for k in range(len(u)):
        spacing = max(u[k] - u[max(k - 1, 0)], u[min(k + 1, len(u) - 1)] - u[k])
        reach = np.inf if k == 0 or k == len(u) - 1 else _REACH * spacing
        waiting[0], tallies[0, 0], size = u[k], -1, 1
        while size > 0:
            at, tally = waiting[size - 1], tallies[size - 1]
            if tally[0] < 0:
                count = _from_ray(sign * np.exp(at), reach, shared, model, factor, tally, found, count, scratch)
            explained = k == 0 or _is_explained(last, tally, found, count, sign, last_u, at)
            if not explained and at - last_u > _FINEST_GAP * spacing:
                waiting[size], tallies[size, 0] = 0.5 * (at + last_u), -1
                size += 1
            else:
                last_u, last[0], last[1] = at, tally[0], tally[1]
                size -= 1
    return count


@lru_cache(maxsize=64)
def _log_ratios(outwards: int, spacing: float) -> Array:
    """Values of log |t|, ascending and symmetric: so many spacings to either side, graded towards 0."""
    side = np.concatenate([spacing * 4.0 ** -np.arange(6, 0, -1), spacing * np.arange(1, outwards + 1)])
    return np.concatenate([-side[::-1], [0.0], side])


def find_off_axes(model: Array, shared: bool, level: int) -> Array:
    """Points of one model given by its parameters (6,): rows (W1, W2, b1, b2), W1 > 0, a shared bias twice."""
    spacing, factor = _RAYS / 2**level, float(np.exp(_NODES / 2**level))
    smallest = max(_BELOW * smallest_ratio.py_func(model), _SMALLEST)
    u = _log_ratios(int(np.ceil(-np.log(smallest) / spacing)), spacing)
    found = np.empty((_POINTS, 4))
    count = 0
    for sign in (1.0, -1.0):
        count = walk(u, sign, factor, shared, model, found, count)
    weights = np.abs(found[:count, :2])
    return found[:count][weights.min(axis=1) > _ROUNDING * weights.max(axis=1)]
