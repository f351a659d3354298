"""A scan of the plane of weights over every combination of stationary bias branches.

Nodes are (angle, log radius). At each node the bias roots are solved (`branches`), and what is left are two functions
of two variables per combination of branches, the radial and the tangential derivative of the loss:

    W1 dL/dW1 + W2 dL/dW2 = 2 (alpha_1 A_1 + alpha_2 A_2 + beta B)
    W1 dL/dW2 - W2 dL/dW1 = 2 W1 W2 (A_2 - A_1) + (W1^2 - W2^2) B

with A_i = dL_i/dalpha_i and B = dL/dbeta. Newton's method starts from every cell whose corners show both signs of both.
Where the number of branches changes inside a cell (a fold of the bias, as a function of W) it starts from each corner
and branch whose first step is not much longer than the cell.

The angles are logarithmic towards the axes, because h_2 = W_2^2 x_2 + W_1 W_2 x_1 + b_2 has its kinks at W_2 of the order
of b_2, which is of the order of the density.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.loss import COMPILED
from analytic.stationary.branches import MAX_ROOTS, bias_roots, output_moments
from analytic.stationary.newton import is_resolved, newton, newton_step

#: A start from a corner of a cell with a fold is taken if its first Newton step is shorter than this many cells.
_REACH = 4.0
#: Newton steps are cut to this fraction of |W|.
_LONGEST_STEP = 0.2
#: Points closer than this fraction of |W| are one point.
_SAME = 1e-9


def angles() -> npt.NDArray[np.float64]:
    """Angles of the scan over half a turn: uniform in the middle of each octant, logarithmic towards the axes."""
    octant = np.concatenate([np.geomspace(1e-9, 0.02, 36)[:-1], np.linspace(0.02, np.pi / 4, 30)])
    quarter = np.concatenate([octant, np.pi / 2 - octant[-2::-1]])
    return np.concatenate([-quarter[::-1], quarter])


def log_radii() -> npt.NDArray[np.float64]:
    """Logarithms of the radii of the scan, densest where almost all stationary points lie."""
    inner, outer = np.log(0.5), np.log(2.5)
    return np.concatenate(
        [
            np.linspace(np.log(0.02), inner, 8)[:-1],
            np.linspace(inner, outer, 28),
            np.linspace(outer, np.log(40), 10)[1:],
        ]
    )


@njit(**COMPILED)
def _fill_node(W1, W2, shared, model, knots, counts, roots, slopes):
    """Bias roots at one node, and per root (A_i, B_i) = half of dL_i by (alpha_i, beta)."""
    for i in range(2):
        counts[i] = bias_roots(W1, W2, 2 if shared else i, model, knots, roots[i])
        for r in range(counts[i]):
            _, xh, _, yh, _, xx, xy = output_moments(W1, W2, roots[i, r], i, model)
            slopes[i, r, 0] = model[i] * (xh - xx)
            slopes[i, r, 1] = model[i] * (yh - xy)


@njit(**COMPILED)
def _corner_signs(W1, W2, first, second):
    """Signs of the radial and the tangential derivative as bits: 1 and 2 radial + and -, 4 and 8 tangential."""
    cross = first[1] + second[1]
    radial = W1 * W1 * first[0] + W2 * W2 * second[0] + W1 * W2 * cross
    tangential = 2 * W1 * W2 * (second[0] - first[0]) + (W1 * W1 - W2 * W2) * cross
    bits = 0
    if radial >= 0:
        bits |= 1
    if radial <= 0:
        bits |= 2
    if tangential >= 0:
        bits |= 4
    if tangential <= 0:
        bits |= 8
    return bits


@njit(**COMPILED)
def record(point, found, count):
    """Adds the point to the list unless it is there; returns the new count."""
    if point[0] < 0.0 or (point[0] == 0.0 and point[1] < 0.0):
        point[0], point[1] = -point[0], -point[1]
    scale = abs(point[0]) + abs(point[1])
    for k in range(count):
        distance = 0.0
        for i in range(4):
            distance = max(distance, abs(point[i] - found[k, i]))
        if distance < _SAME * scale:
            return count
    if count < len(found):
        found[count] = point
        count += 1
    return count


@njit(**COMPILED)
def attempt(point, shared, model, found, count, step, matrix):
    """Newton from `point`; the new count of points found."""
    if newton(point, shared, model, _LONGEST_STEP, step, matrix) and is_resolved(point, shared, model):
        return record(point, found, count)
    return count


@njit(**COMPILED)
def _within_reach(point, step, turn, grow):
    """Whether a Newton step stays within a few cells."""
    square = point[0] * point[0] + point[1] * point[1]
    turned = (point[0] * step[1] - point[1] * step[0]) / square
    grown = (point[0] * step[0] + point[1] * step[1]) / square
    return abs(turned) < _REACH * turn and abs(grown) < _REACH * grow


@njit(**COMPILED)
def scan(theta, log_rho, shared, model, found):
    """Stationary points with W1 W2 != 0 and both outputs live, into `found` (k, 4); returns how many.

    `theta` ascends over half a turn and has no cell across an axis; shared biases are stored twice in a point.
    """
    columns, rows = len(theta), len(log_rho)
    weights = np.empty((columns, rows, 2))
    counts = np.zeros((columns, rows, 2), np.int64)
    roots = np.empty((columns, rows, 2, MAX_ROOTS))
    slopes = np.empty((columns, rows, 2, MAX_ROOTS, 2))
    knots = np.empty(8)
    for k in range(columns):
        for j in range(rows):
            weights[k, j, 0] = np.exp(log_rho[j]) * np.cos(theta[k])
            weights[k, j, 1] = np.exp(log_rho[j]) * np.sin(theta[k])
            W1, W2 = weights[k, j]
            _fill_node(W1, W2, shared, model, knots, counts[k, j], roots[k, j], slopes[k, j])
    point, step, matrix = np.empty(4), np.empty(4), np.empty((4, 4))
    count = 0
    for k in range(columns - 1):
        if theta[k] < 0 < theta[k + 1]:
            continue
        for j in range(rows - 1):
            cell = (slice(k, k + 2), slice(j, j + 2))
            if np.all(counts[cell] == counts[k, j]):
                count = _from_cell(
                    weights[cell], counts[k, j], roots[cell], slopes[cell], shared, model, found, count, step, matrix
                )
            else:
                turn, grow = theta[k + 1] - theta[k], log_rho[j + 1] - log_rho[j]
                count = _from_corners(
                    weights[cell], counts[cell], roots[cell], turn, grow, shared, model, found, count, step, matrix
                )
    return count


@njit(**COMPILED)
def _from_cell(weights, counts, roots, slopes, shared, model, found, count, step, matrix):
    """Newton from the middle of a cell, for each combination of branches with both signs of both derivatives."""
    point = np.empty(4)
    for r1 in range(counts[0]):
        for r2 in range(counts[1]):
            if shared and r1 != r2:
                continue
            bits = 0
            point[:] = 0.0
            for k in range(2):
                for j in range(2):
                    W1, W2 = weights[k, j]
                    bits |= _corner_signs(W1, W2, slopes[k, j, 0, r1], slopes[k, j, 1, r2])
                    point[0] += W1 / 4
                    point[1] += W2 / 4
                    point[2] += roots[k, j, 0, r1] / 4
                    point[3] += roots[k, j, 1, r2] / 4
            if bits == 15:
                count = attempt(point, shared, model, found, count, step, matrix)
    return count


@njit(**COMPILED)
def _from_corners(weights, counts, roots, turn, grow, shared, model, found, count, step, matrix):
    """Newton from every corner and branch of a cell with a fold, if the first step is short."""
    point = np.empty(4)
    for k in range(2):
        for j in range(2):
            for r1 in range(counts[k, j, 0]):
                for r2 in range(counts[k, j, 1]):
                    if shared and r1 != r2:
                        continue
                    point[:2] = weights[k, j]
                    point[2], point[3] = roots[k, j, 0, r1], roots[k, j, 1, r2]
                    if newton_step(point, shared, model, step, matrix) and _within_reach(point, step, turn, grow):
                        count = attempt(point, shared, model, found, count, step, matrix)
    return count
