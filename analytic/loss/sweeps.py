"""One output with many independent features: its loss on a lattice, and the derivatives by the adjoint sweep.

The sum of the other features is met one feature at a time, largest |g| first. With phi from conditional.py,

    u_0 = phi,   u_k(c) = (1 - p_k) u_{k-1}(c) + p_k mean of u_{k-1} over [c, c + g_k],   L_i = u_n(b_i),

where u_k(c) is the expected error if the features that are still to come sum to c - b_i. So u_k is needed only within
their reach of b_i: the window shrinks, and once the largest |g| left is small against the step the lattice is replaced
by a finer one around b_i. Features of widely different sizes so meet a lattice of their own size each.

Kinks. u_k = Q_k phi + P_k + (two or more of the features on), Q_k and P_k the parts with none and with exactly one on.
phi is never put on the lattice, and its mean over [c, c + g_k] is exact at every node. b_i is a node. So what is
interpolated has a continuous second derivative at least (alpha > 0), where it is moved to a finer lattice P_k is made
again exactly, and what is left has a continuous third one. The position of b_i, or of b_i + g_k, next to a kink makes
no difference to the order, which is four for the loss and three for its derivatives.

Values are kept relative to that at b_i, and both parts of every difference along a window are computed without
cancellation. So a feature with |g| = 1e-200 still gets its derivative.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.loss import conditional, interpolation
from analytic.loss.pair import COMPILED

_error, _slopes = conditional.error, conditional.slopes
_mean_error, _rise = conditional.mean_error, conditional.rise
_mean_slope, _mean_slopes = conditional.mean_slope, conditional.mean_slopes
_running_integral, _means, _finer = interpolation.running_integral, interpolation.means, interpolation.finer
_add_from_means, _add_from_finer = interpolation.add_from_means, interpolation.add_from_finer
_slope_by_length, _value_at = interpolation.slope_by_length, interpolation.value_at

#: Windows leave out what has a probability below exp(-_TAIL) = 2e-15.
_TAIL = 34.0
#: A probability, relative to one, that is left out of the part with exactly one feature on.
_NOTHING = 1e-18
#: A finer lattice is taken where the window is four times too wide and more than so many |g| wide for every feature
#: there is: making P again costs as much as all the stages before.
_SMALL = 5
#: Nodes beyond a window on either side, for the cubics.
_MARGIN = 2


class Lattices(NamedTuple):
    """Row 0: the lattice that stage k starts from; row 1: the one before it was made finer, 0 nodes if it was not."""

    step: npt.NDArray[np.float64]
    centre: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int64]


@njit(**COMPILED)
def reaches(g, on):
    """How far features k, k + 1, ... together reach to the left and to the right, (n + 1) each, by Chernoff's bound.

    P(S >= t) <= E[exp(theta S)] exp(-theta t), with E = prod (1 - p + p (exp(theta g) - 1) / (theta g)); least over a
    ladder of theta, and never more than the sum of the |g| of that sign.
    """
    n = len(g)
    left, right = np.zeros(n + 1), np.zeros(n + 1)
    for k in range(n - 1, -1, -1):
        left[k], right[k] = left[k + 1] + max(-g[k], 0.0), right[k + 1] + max(g[k], 0.0)
    whole = left[0] + right[0]
    for level in range(20):
        theta = _TAIL / whole * 1.5**level
        down, up = _TAIL, _TAIL
        for k in range(n - 1, -1, -1):
            z = theta * g[k]
            if abs(z) > 300:
                break
            if z != 0:
                down += math.log1p(on[k] * (-math.expm1(-z) / z - 1))
                up += math.log1p(on[k] * (math.expm1(z) / z - 1))
            left[k], right[k] = min(left[k], down / theta), min(right[k], up / theta)
    for k in range(n - 1, -1, -1):
        left[k], right[k] = max(left[k], left[k + 1]), max(right[k], right[k + 1])
    return left, right


@njit(**COMPILED)
def _nodes(reach, step):
    """Nodes on one side of the centre."""
    return max(math.ceil(reach / step), _MARGIN)


@njit(**COMPILED)
def _kinked(lowest, step, count, g, alpha):
    """Nodes start, ..., stop: up to start [c, c + g] lies below both kinks, from stop on above both."""
    start = math.floor(min(max((-alpha - max(g, 0.0) - lowest) / step, 0.0), count - 1.0))
    return start, math.ceil(min(max((-min(g, 0.0) - lowest) / step, float(start)), count - 1.0))


@njit(**COMPILED)
def _add_single(weight, b, step, centre, count, g, alpha, p, scratch, out):
    """Adds weight times (mean of phi over [c, c + g], minus that at b) at every node c.

    It is constant where the segment lies below both kinks, a parabola where it lies above, a running sum between.
    """
    lowest = b - centre * step
    start, stop = _kinked(lowest, step, count, g, alpha)
    scratch[: start + 1] = 0.0
    for i in range(start, stop):
        scratch[i + 1] = scratch[i] + _rise(lowest + i * step, step, g, alpha, p)
    above, total = scratch[stop:], scratch[stop]
    slope = 2 * (lowest + stop * step) + g + p * (alpha - 1)
    for i in range(count - stop):
        above[i] = total + i * step * (slope + i * step)
    at_b = scratch[centre]
    for i in range(count):
        out[i] += weight * (scratch[i] - at_b)


@njit(**COMPILED)
def _singles(b, step, centre, count, g, on, off, alpha, p, scratch, P):
    """P at every node, minus that at b: one of the features g is on, the others are off."""
    P[:count] = 0.0
    rest = 1.0
    for j in range(len(g) - 1, -1, -1):
        if rest * off[j] > _NOTHING:
            _add_single(rest * on[j] * off[j], b, step, centre, count, g[j], alpha, p, scratch, P)
        rest *= 1 - on[j]


@njit(**COMPILED)
def all_off(on):
    """Probability that the first k features are off, (n + 1)."""
    off = np.ones(len(on) + 1)
    for k in range(len(on)):
        off[k + 1] = off[k] * (1 - on[k])
    return off


@njit(**COMPILED)
def _make_finer(k, b, alpha, p, g, on, off, left, right, cells, lattices, scratch, P, v):
    """Replaces the lattice of stage k, and what is on it, by one of `cells` steps for the window that is left."""
    step, centre, count = lattices.step[0, k], lattices.centre[0, k], lattices.nodes[0, k]
    lattices.step[1, k], lattices.centre[1, k], lattices.nodes[1, k] = step, centre, count
    fine = (left + right) / cells
    fine_centre = _nodes(left, fine)
    fine_count = fine_centre + _nodes(right, fine) + 1
    for i in range(count):
        scratch[i] = v[i] - P[i]
    _finer(scratch, count, centre, fine / step, fine_count, fine_centre, v)
    _singles(b, fine, fine_centre, fine_count, g[:k], on[:k], off, alpha, p, scratch, P)
    for i in range(fine_count):
        v[i] += P[i]
    lattices.step[0, k], lattices.centre[0, k], lattices.nodes[0, k] = fine, fine_centre, fine_count


@njit(**COMPILED)
def forward(b, alpha, p, g, on, left, right, cells, lattices, values):
    """The loss of one output of importance one, and its derivative by b.

    `values` (rows, nodes) receives u_k - Q_k phi, relative to b, in row k modulo the number of rows: all n + 1 of them
    for `backward`, otherwise two are enough.
    """
    n, rows, room = len(g), len(values), values.shape[1]
    J, P, mean, single, scratch = np.empty(room), np.zeros(room), np.empty(room), np.empty(room), np.empty(room)
    off = all_off(on)
    at_b, by_b = 0.0, _slopes(b, alpha, p)[0]
    lattices.nodes[1] = 0
    step = (left[0] + right[0]) / cells if n else 1.0
    lattices.step[0, 0], lattices.centre[0, 0] = step, _nodes(left[0], step)
    lattices.nodes[0, 0] = lattices.centre[0, 0] + _nodes(right[0], step) + 1
    values[0, : lattices.nodes[0, 0]] = 0.0
    for k in range(n):
        v, after = values[k % rows], values[(k + 1) % rows]
        window = cells * lattices.step[0, k]
        if 4 * (left[k] + right[k]) < window and _SMALL * n * abs(g[k]) < window:
            _make_finer(k, b, alpha, p, g, on, off, left[k], right[k], cells, lattices, scratch, P, v)
        step, centre, count = lattices.step[0, k], lattices.centre[0, k], lattices.nodes[0, k]
        next_centre = min(_nodes(left[k + 1], step), centre)
        next_count = next_centre + min(_nodes(right[k + 1], step), count - 1 - centre) + 1
        first = centre - next_centre
        _running_integral(v, count, J)
        _means(v, J, count, g[k] / step, first, first + next_count, mean)
        single[:next_count] = 0.0
        if off[k] > _NOTHING:
            _add_single(on[k] * off[k], b, step, next_centre, next_count, g[k], alpha, p, scratch, single)
        rise = _value_at(v, count, centre + g[k] / step) / g[k] + off[k] * _mean_slope(b, g[k], alpha, p)
        by_b = (1 - on[k]) * by_b + on[k] * rise
        at_b += on[k] * (mean[next_centre] + off[k] * _mean_error(b, g[k], alpha, p))
        for i in range(next_count):
            after[i] = (1 - on[k]) * v[first + i] + on[k] * (mean[i] - mean[next_centre]) + single[i]
            P[i] = (1 - on[k]) * P[first + i] + single[i]
        lattices.step[0, k + 1], lattices.centre[0, k + 1], lattices.nodes[0, k + 1] = step, next_centre, next_count
    return at_b + off[n] * _error(b, alpha, p), by_b


@njit(**COMPILED)
def _add_slopes(scale, weights, b, step, centre, count, g, alpha, p, k, out):
    """Adds the derivatives of the sum of weights times (mean of phi over [c, c + g_k]) to those by alpha and g_k.

    They vanish where the segment lies below both kinks and are linear in c where it lies above.
    """
    lowest = b - centre * step
    start, stop = _kinked(lowest, step, count, g, alpha)
    by_g, by_alpha = 0.0, 0.0
    for i in range(start, stop):
        d, a = _mean_slopes(lowest + i * step, g, alpha, p)
        by_g += weights[i] * d
        by_alpha += weights[i] * a
    above = weights[stop:count]
    d, a = _mean_slopes(lowest + stop * step, g, alpha, p)
    mass, moment = 0.0, 0.0
    for i in range(count - stop):
        mass += above[i]
        moment += above[i] * i
    out[0] += scale * (by_alpha + mass * a + moment * step * p)
    out[1 + k] += scale * (by_g + mass * d + moment * step)


@njit(**COMPILED)
def _back_to_coarse(k, b, alpha, p, g, on, off, lattices, on_v, on_P, scratch, coarse_v, coarse_P, out):
    """Adjoint of `_make_finer`."""
    step, centre, count = lattices.step[0, k], lattices.centre[0, k], lattices.nodes[0, k]
    for i in range(count):
        scratch[i] = on_v[i] + on_P[i]
    rest = 1.0
    for j in range(k - 1, -1, -1):
        if rest * off[j] > _NOTHING:
            _add_slopes(rest * on[j] * off[j], scratch, b, step, centre, count, g[j], alpha, p, j, out)
        rest *= 1 - on[j]
    coarse_step, coarse_centre, coarse_count = lattices.step[1, k], lattices.centre[1, k], lattices.nodes[1, k]
    coarse_v[:coarse_count] = 0.0
    _add_from_finer(on_v, coarse_count, coarse_centre, step / coarse_step, count, centre, coarse_v)
    for i in range(coarse_count):
        coarse_P[i] = -coarse_v[i]


@njit(**COMPILED)
def backward(b, alpha, p, g, on, lattices, values, out):
    """Writes the derivatives of `forward`'s loss by alpha and every g, (n + 1), from what it left behind.

    `on_v` and `on_P` are the weights of the loss on the nodes of stage k + 1: the law of the features still to come.
    """
    n, room = len(g), values.shape[1]
    next_v, next_P, on_v, on_P = np.zeros(room), np.zeros(room), np.zeros(room), np.zeros(room)
    J, mean, weights, scratch = np.empty(room), np.empty(room), np.empty(room), np.empty(room)
    off = all_off(on)
    out[:] = 0.0
    out[0] = off[n] * _slopes(b, alpha, p)[1]
    next_v[lattices.centre[0, n]] = 1.0
    for k in range(n - 1, -1, -1):
        v, step, centre, count = values[k], lattices.step[0, k], lattices.centre[0, k], lattices.nodes[0, k]
        row = 1 if lattices.nodes[1, k + 1] > 0 else 0
        next_centre, next_count = lattices.centre[row, k + 1], lattices.nodes[row, k + 1]
        first, length = centre - next_centre, g[k] / step
        if off[k] > _NOTHING:
            for i in range(next_count):
                weights[i] = next_v[i] + next_P[i]
            _add_slopes(on[k] * off[k], weights, b, step, next_centre, next_count, g[k], alpha, p, k, out)
        on_v[:count], on_P[:count] = 0.0, 0.0
        for i in range(next_count):
            weights[i] = on[k] * next_v[i]
            on_v[first + i], on_P[first + i] = (1 - on[k]) * next_v[i], (1 - on[k]) * next_P[i]
        _running_integral(v, count, J)
        _means(v, J, count, length, first, first + next_count, mean)
        out[1 + k] += _slope_by_length(weights, v, mean, count, length, first, first + next_count) / g[k]
        _add_from_means(weights, count, length, first, first + next_count, on_v, J)
        if lattices.nodes[1, k] > 0:
            _back_to_coarse(k, b, alpha, p, g, on, off, lattices, on_v, on_P, scratch, next_v, next_P, out)
        else:
            next_v, on_v, next_P, on_P = on_v, next_v, on_P, next_P
