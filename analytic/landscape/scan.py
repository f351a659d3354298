"""A scan of the plane of weights over every combination of stationary bias branches.

Nodes are (angle, log radius). At each node the bias roots are solved (`branches`), and what is left are two functions
of two variables per combination of branches, the radial and the tangential derivative of the loss:

    W1 dL/dW1 + W2 dL/dW2 = 2 (alpha_1 A_1 + alpha_2 A_2 + beta B)
    W1 dL/dW2 - W2 dL/dW1 = 2 W1 W2 (A_2 - A_1) + (W1^2 - W2^2) B

with A_i = dL_i/dalpha_i and B = dL/dbeta. Newton's method starts from every cell whose corners show both signs of both.
Where the number of branches changes inside a cell (a fold of the bias, as a function of W) it starts from each corner
and branch whose first step is not much longer than the cell.

The angles are logarithmic towards the axes, because h_2 = W_2^2 x_2 + W_1 W_2 x_1 + b_2 has its kinks at W_2 of the
order of b_2, which is of the order of the density, and towards the diagonals, where alpha_1, alpha_2 and |beta| meet.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.landscape.branches import MAX_ROOTS, bias_roots, output_moments
from analytic.landscape.newton import is_resolved, newton, newton_step
from analytic.loss.pair import COMPILED

#: A start from a corner of a cell with a fold is taken if its first Newton step is shorter than this many cells.
_REACH = 2.0
#: Newton steps are cut to this fraction of |W|.
_LONGEST_STEP = 0.2
#: Points closer than this fraction of |W| are one point.
_SAME = 1e-9


#: Density of the coarsest grid, relative to one that found every point in all tests.
_COARSEST = 0.7
#: Number of grids, each finer than the one before.
LEVELS = 3


def _angles(fineness: float) -> npt.NDArray[np.float64]:
    """Angles of the scan over half a turn: uniform in the middle of each octant, logarithmic towards its ends."""
    to_axis = np.geomspace(1e-9, 0.02, round(32 * fineness))[:-1]
    to_diagonal = np.geomspace(0.015, 1e-5, round(8 * fineness))
    diagonal = np.pi / 4
    middle = np.linspace(0.02, diagonal, round(24 * fineness))[:-1]
    octant = np.concatenate([to_axis, middle, diagonal - to_diagonal, [diagonal]])
    quarter = np.concatenate([octant, np.pi / 2 - octant[-2::-1]])
    return np.concatenate([-quarter[::-1], quarter])


def _log_radii(fineness: float) -> npt.NDArray[np.float64]:
    """Logarithms of the radii of the scan, densest where almost all stationary points lie."""
    inner, outer = np.log(0.5), np.log(2.5)
    below = np.linspace(np.log(0.02), inner, round(6 * fineness))[:-1]
    above = np.linspace(outer, np.log(40), round(6 * fineness))[1:]
    return np.concatenate([below, np.linspace(inner, outer, round(20 * fineness)), above])


@cache
def grid(level: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Angles and log radii of a scan; level 0 is the coarsest."""
    fineness = (_COARSEST, 1.2, 2.5)[level]
    return _angles(fineness), _log_radii(fineness)


@njit(**COMPILED)
def _fill_node(W, shared, model, knots, counts, roots, slopes):
    """Bias roots at one node, and per root (A_i, B_i) = half of dL_i by (alpha_i, beta)."""
    W1, W2 = W[0], W[1]
    for i in range(2):
        if shared and i == 1:
            counts[1] = counts[0]
            roots[1] = roots[0]
        else:
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
def _same_counts(counts, k, j):
    """Whether the four corners of a cell have equally many branches."""
    for i in range(2):
        n = counts[k, j, i]
        if counts[k + 1, j, i] != n or counts[k, j + 1, i] != n or counts[k + 1, j + 1, i] != n:
            return False
    return True


@njit(**COMPILED)
def _signs_around(k, j, r1, r2, table):
    """Signs of both derivatives on one combination of branches, at the nodes around a cell with as many branches."""
    weights, counts, _, slopes = table
    n1, n2 = counts[k, j, 0], counts[k, j, 1]
    bits = 0
    for column in range(max(k - 1, 0), min(k + 3, len(weights))):
        for row in range(max(j - 1, 0), min(j + 3, weights.shape[1])):
            if counts[column, row, 0] == n1 and counts[column, row, 1] == n2:
                W1, W2 = weights[column, row, 0], weights[column, row, 1]
                bits |= _corner_signs(W1, W2, slopes[column, row, 0, r1], slopes[column, row, 1, r2])
    return bits


@njit(**COMPILED)
def _middle_of_cell(k, j, r1, r2, table, point):
    """The middle of a cell on one combination of branches, into `point`."""
    weights, _, roots, _ = table
    for i in range(4):
        point[i] = 0.0
    for column in range(k, k + 2):
        for row in range(j, j + 2):
            point[0] += weights[column, row, 0] / 4
            point[1] += weights[column, row, 1] / 4
            point[2] += roots[column, row, 0, r1] / 4
            point[3] += roots[column, row, 1, r2] / 4


@njit(**COMPILED)
def _from_cell(k, j, table, shared, model, found, count, scratch):
    """Newton from the middle of a cell without folds, where both derivatives change sign."""
    point, step, matrix = scratch
    counts = table[1]
    for r1 in range(counts[k, j, 0]):
        for r2 in range(counts[k, j, 1]):
            if (not shared or r1 == r2) and _signs_around(k, j, r1, r2, table) == 15:
                _middle_of_cell(k, j, r1, r2, table, point)
                count = attempt(point, shared, model, found, count, step, matrix)
    return count


@njit(**COMPILED)
def _from_node(k, j, turn, grow, table, shared, model, found, count, scratch):
    """Newton from every branch at one corner of a cell with a fold, if the first step is short."""
    point, step, matrix = scratch
    weights, counts, roots, _ = table
    for r1 in range(counts[k, j, 0]):
        for r2 in range(counts[k, j, 1]):
            if shared and r1 != r2:
                continue
            point[0], point[1] = weights[k, j, 0], weights[k, j, 1]
            point[2], point[3] = roots[k, j, 0, r1], roots[k, j, 1, r2]
            if newton_step(point, shared, model, step, matrix) and _within_reach(point, step, turn, grow):
                count = attempt(point, shared, model, found, count, step, matrix)
    return count


@njit(**COMPILED)
def _fill(theta, log_rho, shared, model):
    """The table of the scan: weights, number of branches, bias roots, (A_i, B_i) at every node."""
    columns, rows = len(theta), len(log_rho)
    weights = np.empty((columns, rows, 2))
    counts = np.zeros((columns, rows, 2), np.int64)
    roots = np.empty((columns, rows, 2, MAX_ROOTS))
    slopes = np.empty((columns, rows, 2, MAX_ROOTS, 2))
    knots = np.empty(8)
    for k in range(columns):
        for j in range(rows):
            rho = np.exp(log_rho[j])
            weights[k, j, 0], weights[k, j, 1] = rho * np.cos(theta[k]), rho * np.sin(theta[k])
            _fill_node(weights[k, j], shared, model, knots, counts[k, j], roots[k, j], slopes[k, j])
    return weights, counts, roots, slopes


@njit(**COMPILED)
def scan(theta, log_rho, shared, model, found):
    """Stationary points with W1 W2 != 0 and both outputs live, into `found` (k, 4); returns how many.

    `theta` ascends over half a turn; cells across an axis are left out. A shared bias is stored twice in a point.
    """
    table = _fill(theta, log_rho, shared, model)
    counts = table[1]
    scratch = np.empty(4), np.empty(4), np.empty((4, 4))
    count = 0
    for k in range(len(theta) - 1):
        if theta[k] < 0 < theta[k + 1]:
            continue
        turn = theta[k + 1] - theta[k]
        for j in range(len(log_rho) - 1):
            if _same_counts(counts, k, j):
                count = _from_cell(k, j, table, shared, model, found, count, scratch)
                continue
            grow = log_rho[j + 1] - log_rho[j]
            for column in range(k, k + 2):
                for row in range(j, j + 2):
                    count = _from_node(column, row, turn, grow, table, shared, model, found, count, scratch)
    return count
