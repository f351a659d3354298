"""Second derivatives of the ReLU output model: moments with a delta function by the same recurrence.

With u = (x_1, ..., x_n, 1), paired with the parameters (g_i1, ..., g_in, b_i) of output i,

    d^2 L_i = 2 I_i (E[u u^T 1(h_i > 0)] - E[x_i u u^T delta(h_i)])

1(h > 0) is homogeneous of degree 0 in (b, g), and delta(h) of degree -1. So for q = 0 and q = -1, writing h^q for them,
N_a = E[x^a h^q] in a state with k free features satisfies

    (q + sum_{j free} (a_j + 1)) N_a = sum_{j free} (1 - t_j) N_a|_{x_j = 1} + t_j (N_a|_{x_j = 0} or a_j N_{a - e_j})

the latter where a_j > 0. For q = -1, k = 1, a = 0 the left side vanishes; there E[delta(h)] = 1/|g| if lo <= 0 < hi.
A ReLU with argument exactly zero is off: a state with hi = 0 contributes nothing, one with lo = 0 counts its border.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.loss import outputs
from analytic.loss.arrays import COMPILED
from analytic.loss.lanes import WIDTH, any_positive, load, spread, store, where_positive
from analytic.loss.recurrence import POWERS, bounds


@njit(**COMPILED)
def _over_cube(s, powers):
    """The integral of x^a over a state: 0 if a feature with a_j > 0 is fixed at 0."""
    value = 1.0
    for j in range(len(powers)):
        if powers[j]:
            digit = s // POWERS[j] % 3
            value *= 0.0 if digit == 0 else (1.0 if digit == 1 else 1.0 / (powers[j] + 1))
    return value


@njit(**COMPILED)
def moment(q, powers, slopes, low, high, free, rows, lower, out):
    """E[x^a h^q] of every state into rows[out], for q = 0 or -1; rows[lower[j]] holds the moment with a_j less by 1."""
    zero, one = spread(0.0), spread(1.0)
    values = rows[out]
    for s in range(len(low) // WIDTH):
        lo, hi, count = load(low, s), load(high, s), free[s, 0]
        whole = spread(_over_cube(s, powers))
        total, degree = zero, float(q + count)
        undecided = where_positive(lo, zero, hi)
        if any_positive(undecided):
            width = where_positive(undecided, hi - lo, one)
            tau, rest = (zero - lo) / width, hi / width
            for c in range(1, count + 1):
                j = free[s, c]
                g, stride = load(slopes, j), POWERS[j]
                on, off = where_positive(g, rest, tau), where_positive(g, tau, rest)
                degree += powers[j]
                total += on * load(values, s - stride)
                if powers[j]:
                    total += off * spread(float(powers[j])) * load(rows[lower[j]], s)
                else:
                    total += off * load(values, s - 2 * stride)
            if degree == 0:
                g = load(slopes, free[s, 1])
                total = whole / where_positive(g, g, zero - g)
            else:
                total /= spread(degree)
        known = whole if q == 0 else zero
        store(values, s, where_positive(hi, where_positive(lo, known, total), zero))


#: Arrays that a block keeps: twelve moments at a time, then the bounds of h and the weights of the patterns.
ROWS = 15
_LOW, _HIGH, _WEIGHTS = 12, 13, 14


@cache
def second_moment_steps(k: int) -> npt.NDArray[np.int64]:
    """The moments to compute for k features, in order: (steps, 11).

    A step holds q; the row of the result; up to three features whose product is x^a, and for each the row of the moment
    without it (-1: none); and, where a second derivative is ready, the row to subtract from and its two indices.
    """
    line, own, line_i, line_j, own_i, own_j, line_ij, own_ij, area, area_i, area_j, area_ij = range(12)
    nothing = (-1, -1, -1)

    def step(q, out, *without, keep=nothing):
        features, rows = ([*(pair[c] for pair in without), *nothing][:3] for c in range(2))
        return [q, out, *features, *rows, *keep]

    steps = [step(0, area), step(-1, line), step(-1, own, (0, line), keep=(area, k, k))]
    for i in range(k):
        steps += [step(0, area_i, (i, area)), step(-1, line_i, (i, line))]
        steps += [step(-1, own_i, (0, line_i), (i, own), keep=(area_i, i, k))]
        for j in range(i + 1):
            steps += [step(0, area_j, (j, area)), step(-1, line_j, (j, line))]
            steps += [step(-1, own_j, (0, line_j), (j, own)), step(0, area_ij, (i, area_j), (j, area_i))]
            steps += [step(-1, line_ij, (i, line_j), (j, line_i))]
            steps += [step(-1, own_ij, (0, line_ij), (i, own_j), (j, own_i), keep=(area_ij, i, j))]
    return np.array(steps)


@njit(**COMPILED)
def _second_of_block(slopes, rows, free, states, steps, T):
    """E[u u^T 1(h > 0)] - E[x_0 u u^T delta(h)] of the present features, in every lane: T (k + 1, k + 1, 8)."""
    k = len(slopes) // WIDTH
    powers, lower, lanes = np.zeros(k, np.int64), np.zeros(k, np.int64), np.empty(WIDTH)
    for number in range(len(steps)):
        q, out = steps[number, 0], steps[number, 1]
        powers[:] = 0
        for f in range(2, 5):
            if steps[number, f] >= 0:
                powers[steps[number, f]] += 1
                lower[steps[number, f]] = steps[number, f + 3]
        moment(q, powers, slopes, rows[_LOW], rows[_HIGH], free, rows, lower, out)
        if steps[number, 8] >= 0:
            i, j = steps[number, 9], steps[number, 10]
            total = outputs.total_over_patterns(rows[_WEIGHTS], rows[steps[number, 8]], states, k)
            store(lanes, 0, total - outputs.total_over_patterns(rows[_WEIGHTS], rows[out], states, k))
            T[i, j], T[j, i] = lanes, lanes


@njit(**COMPILED)
def _place(part, order, on, out):
    """T of one output, in the order of the features; absent ones are independent of everything that h sees."""
    n, k = len(on), len(part) - 1
    for c in range(n + 1):
        for d in range(n + 1):
            i, j = (order[c] if c < n else n), (order[d] if d < n else n)
            value = part[c if c < k else k, d if d < k else k]
            if k <= c < n:
                value *= on[i] / (3 if i == j else 2)
            if k <= d < n and i != j:
                value *= on[j] / 2
            out[i, j] = value


@njit(**COMPILED)
def second_moments(G, b, on, off, patterns, order, free, states, steps, k):
    """T_i = E[u u^T 1(h_i > 0)] - E[x_i u u^T delta(h_i)] of every output: (N, n, n + 1, n + 1).

    k is the number of features present in the output with the most of them, the same at all points, and `steps` are
    `second_moment_steps(k)`.
    """
    N, n = b.shape
    T, parts = np.zeros((N, n, n + 1, n + 1)), np.empty((k + 1, k + 1, WIDTH))
    rows = np.empty((ROWS, WIDTH * 3**k))
    slopes, lane_on, lane_off, offsets = np.empty(WIDTH * k), np.empty(WIDTH * k), np.empty(WIDTH * k), np.empty(WIDTH)
    for start in range(0, N * n, WIDTH):
        which = np.arange(start, min(start + WIDTH, N * n))
        points, own = which // n, which % n
        outputs.fill_lanes(G, b, on, off, order, points, own, slopes, offsets, lane_on, lane_off)
        outputs.fill_weights(patterns, lane_on, lane_off, order, points, own, states, rows[_WEIGHTS])
        bounds(slopes, offsets, rows[_LOW], rows[_HIGH])
        _second_of_block(slopes, rows, free, states, steps, parts)
        for lane in range(len(which)):
            p, i = points[lane], own[lane]
            _place(parts[:, :, lane], order[p, i], on, T[p, i])
    return T


def hessians(
    W: npt.NDArray[np.float64], T: npt.NDArray[np.float64], D: npt.NDArray[np.float64], importance: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Second derivatives by W row by row, then b (N, K, K), from the T and the dL_i/dg_ij = 2 I_i D_ij.

    `importance` is (n,), or (N, n) where each point has its own.
    """
    count, m, n = W.shape
    chain = np.zeros((count, n, n + 1, m * n + n))
    weights = chain[..., : m * n].reshape(count, n, n + 1, m, n)
    for i in range(n):
        for j in range(n):
            weights[:, i, j, :, i] += W[:, :, j]
            weights[:, i, j, :, j] += W[:, :, i]
        chain[:, i, n, m * n + i] = 1
    doubled = 2 * np.broadcast_to(importance, (count, n))
    parts = np.swapaxes(chain, -1, -2) @ (doubled[..., None, None] * T) @ chain
    total = parts.sum(1)
    by_gram = doubled[..., None] * D
    for a in range(m):
        total[:, a * n : (a + 1) * n, a * n : (a + 1) * n] += by_gram + np.swapaxes(by_gram, -1, -2)
    return (total + np.swapaxes(total, -1, -2)) / 2
