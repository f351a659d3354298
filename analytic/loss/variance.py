"""Variance of one sample's loss, exactly.

One sample costs l = sum_i I_i (x_i - ReLU(h_i))^2. With both features on, the kink lines h_1 = 0 and h_2 = 0 cut the
unit square into convex cells; on each cell l is a quadratic, so (l - L)^2 is integrated exactly from the values of l
at three corners and three midpoints of every triangle of the cell. The same holds on the two edges where one feature
is on. All terms of the sum are non-negative: the result keeps its accuracy down to variances far below L^2.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.loss import kernels
from analytic.loss.arrays import COMPILED, over_points
from analytic.loss.pair import point_loss

_triangle_mean_square = kernels.triangle_mean_square
_segment_mean_square = kernels.segment_mean_square


@njit(**COMPILED)
def _sample_loss(x, y, theta, model):
    """One sample's loss at the input (x, y)."""
    W1, W2, b1, b2 = theta
    hidden = W1 * x + W2 * y
    miss1 = x - max(W1 * hidden + b1, 0.0)
    miss2 = y - max(W2 * hidden + b2, 0.0)
    return model[0] * miss1 * miss1 + model[1] * miss2 * miss2


@njit(**COMPILED)
def _clip(polygon, count, side, slope_x, slope_y, offset, out):
    """Writes the part of a convex polygon on one side (-1 or 1) of h = 0 to `out`; returns its number of corners.

    Where h vanishes identically the whole polygon belongs to side 1.
    """
    kept, beyond = 0, side > 0
    for i in range(count):
        x0, y0 = polygon[i]
        x1, y1 = polygon[(i + 1) % count]
        v0 = side * (slope_x * x0 + slope_y * y0 + offset)
        v1 = side * (slope_x * x1 + slope_y * y1 + offset)
        beyond = beyond or v0 > 0
        if v0 >= 0:
            out[kept] = (x0, y0)
            kept += 1
        if (v0 < 0 < v1) or (v1 < 0 < v0):
            t = v0 / (v0 - v1)
            out[kept] = (x0 + t * (x1 - x0), y0 + t * (y1 - y0))
            kept += 1
    return kept if beyond else 0


@njit(**COMPILED)
def _over_polygon(polygon, count, theta, model, mean):
    """Integral of (l - mean)^2 over a cell, as a fan of triangles."""
    total = 0.0
    x0, y0 = polygon[0]
    q0 = _sample_loss(x0, y0, theta, model) - mean
    for i in range(1, count - 1):
        x1, y1 = polygon[i]
        x2, y2 = polygon[i + 1]
        area = abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2
        total += area * _triangle_mean_square(
            q0,
            _sample_loss(x1, y1, theta, model) - mean,
            _sample_loss(x2, y2, theta, model) - mean,
            _sample_loss((x1 + x2) / 2, (y1 + y2) / 2, theta, model) - mean,
            _sample_loss((x0 + x2) / 2, (y0 + y2) / 2, theta, model) - mean,
            _sample_loss((x0 + x1) / 2, (y0 + y1) / 2, theta, model) - mean,
        )
    return total


@njit(**COMPILED)
def _over_square(theta, model, mean):
    W1, W2, b1, b2 = theta
    beta = W1 * W2
    square = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    half, cell = np.empty((5, 2)), np.empty((6, 2))
    total = 0.0
    for side1 in (-1.0, 1.0):
        corners = _clip(square, 4, side1, W1 * W1, beta, b1, half)
        for side2 in (-1.0, 1.0):
            count = _clip(half, corners, side2, beta, W2 * W2, b2, cell)
            if count > 2:
                total += _over_polygon(cell, count, theta, model, mean)
    return total


@njit(**COMPILED)
def _over_edge(dx, dy, slope1, slope2, theta, model, mean):
    """Integral along the edge from (0, 0) to (dx, dy), cut where an output with the given slope changes sign."""
    cut1 = min(max(-theta[2] / slope1, 0.0), 1.0) if slope1 != 0 else 0.0
    cut2 = min(max(-theta[3] / slope2, 0.0), 1.0) if slope2 != 0 else 0.0
    total, start = 0.0, 0.0
    for end in (min(cut1, cut2), max(cut1, cut2), 1.0):
        middle = (start + end) / 2
        total += (end - start) * _segment_mean_square(
            _sample_loss(dx * start, dy * start, theta, model) - mean,
            _sample_loss(dx * end, dy * end, theta, model) - mean,
            _sample_loss(dx * middle, dy * middle, theta, model) - mean,
        )
        start = end
    return total


@njit(**COMPILED)
def _point_variance(W1, W2, b1, b2, model):
    """The variance at one point."""
    mean = point_loss(W1, W2, b1, b2, model)
    if mean != mean:
        return np.nan
    theta = (W1, W2, b1, b2)
    beta = W1 * W2
    off = _sample_loss(0.0, 0.0, theta, model) - mean
    return (
        model[2] * off * off
        + model[3] * _over_edge(1.0, 0.0, W1 * W1, beta, theta, model, mean)
        + model[4] * _over_edge(0.0, 1.0, beta, W2 * W2, theta, model, mean)
        + model[5] * _over_square(theta, model, mean)
    )


@njit(**COMPILED)
def _variances(W1, W2, b1, b2, model, out):
    for k in range(out.shape[0]):
        out[k] = _point_variance(W1[k], W2[k], b1[k], b2[k], model)


def loss_variance(W1, W2, b1, b2, model):
    """Variance of one sample's loss over arrays: -> (...); `model` as in `pair`."""
    return over_points(_variances, (W1, W2, b1, b2), model, ())[0]
