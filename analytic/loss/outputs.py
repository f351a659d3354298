"""Moments of every output of a ReLU output model, for batches of weights: who goes into which lane.

Output i sees h_i = b_i + sum_j g_ij x_j with g_ij = W_i . W_j. A feature with g_ij = 0 exactly is absent from h_i, so
the output costs 3^k states, k being its own feature and those that are left: a model of orthogonal groups costs what
its groups cost. An absent feature j still has a derivative: E[(h_i - x_i) x_j 1(h_i > 0)] is half of
E[(h_i - x_i) 1(h_i > 0)] restricted to the patterns with j on.

Outputs of equal k, of all points of a batch, fill lanes of eight together. Nothing in a lane depends on the others.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.loss.arrays import COMPILED
from analytic.loss.lanes import WIDTH, load, spread, store
from analytic.loss.recurrence import bounds, sweep_down, sweep_up


@njit(**COMPILED)
def gram(W):
    """g_ij = W_i . W_j for weights (N, m, n): (N, n, n), exactly symmetric, each entry summed in order."""
    N, m, n = W.shape
    G = np.zeros((N, n, n))
    for p in range(N):
        for i in range(n):
            for j in range(i + 1):
                total = 0.0
                for a in range(m):
                    total += W[p, a, i] * W[p, a, j]
                G[p, i, j] = total
                G[p, j, i] = total
    return G


@njit(**COMPILED)
def present_features(G, all_present):
    """For every output: how many features h_i depends on, itself included (N, n), and all features (N, n, n).

    Itself comes first, then those with g_ij not zero, then the absent ones; with `all_present` none is absent.
    """
    N, n, _ = G.shape
    counts, order = np.zeros((N, n), np.int64), np.zeros((N, n, n), np.int64)
    for p in range(N):
        for i in range(n):
            order[p, i, 0] = i
            place = 1
            for absent in range(2):
                for j in range(n):
                    if j != i and (G[p, i, j] == 0 and not all_present) == absent:
                        order[p, i, place] = j
                        place += 1
                if not absent:
                    counts[p, i] = place
    return counts, order


@njit(**COMPILED)
def independent_weights(on, off, states, A):
    """The probabilities of all on/off patterns, at their states, from those of each feature in every lane."""
    store(A, 0, spread(1.0))
    for j in range(len(on) // WIDTH):
        p, q = load(on, j), load(off, j)
        for r in range(1 << j):
            weight = load(A, states[r])
            store(A, states[r + (1 << j)], weight * p)
            store(A, states[r], weight * q)


@njit(**COMPILED)
def joint_weights(patterns, order, states, lane, A):
    """The given probabilities of all patterns, at their states in one lane, whose features come in this order."""
    for pattern in range(len(patterns)):
        seen = 0
        for c in range(len(order)):
            seen |= ((pattern >> order[c]) & 1) << c
        A[WIDTH * states[seen] + lane] = patterns[pattern]


@njit(**COMPILED)
def fill_weights(patterns, lane_on, lane_off, order, points, outputs, states, A):
    """The probabilities of all patterns at their states, zero elsewhere; `patterns` is empty if independent."""
    A[:] = 0
    if len(patterns) == 0:
        independent_weights(lane_on, lane_off, states, A)
        return
    for lane in range(len(points)):
        joint_weights(patterns, order[points[lane], outputs[lane]], states, lane, A)


@njit(**COMPILED)
def fill_lanes(G, b, on, off, order, points, outputs, g, offsets, lane_on, lane_off):
    """Slopes, biases and probabilities of the outputs that go into one block; lanes left over hold a dead output."""
    g[:], lane_on[:], lane_off[:] = 0, 0, 1
    offsets[:] = -1
    for lane in range(len(points)):
        p, i = points[lane], outputs[lane]
        offsets[lane] = b[p, i]
        for c in range(len(g) // WIDTH):
            j = order[p, i, c]
            at = WIDTH * c + lane
            g[at], lane_on[at], lane_off[at] = G[p, i, j], on[j], off[j]


@njit(**COMPILED)
def total_over_patterns(weights, values, states, count):
    """sum_patterns P times a moment, in every lane."""
    total = spread(0.0)
    for r in range(1 << count):
        total += load(weights, states[r]) * load(values, states[r])
    return total


@njit(**COMPILED)
def _read_block(sums, slope_sums, slope, on, order, points, outputs, gradient, moments, D):
    """The moments of one block, in the order of points, outputs and features."""
    count, n = len(slope_sums) // WIDTH, len(on)
    for lane in range(len(points)):
        p, i = points[lane], outputs[lane]
        moments[p, i, 0], moments[p, i, 1] = sums[lane], sums[WIDTH + lane]
        if gradient:
            moments[p, i, 2] = slope[lane]
            D[p, i, i] = sums[WIDTH + lane] - sums[2 * WIDTH + lane]
            for c in range(1, count):
                D[p, i, order[p, i, c]] = slope_sums[WIDTH * c + lane]
            for c in range(count, n):
                D[p, i, order[p, i, c]] = on[order[p, i, c]] * slope[lane] / 2


@njit(**COMPILED)
def _run_block(G, b, on, off, patterns, order, points, outputs, count, free, states, gradient, work, moments, D):
    """Moments of up to eight outputs on which `count` features act."""
    size = WIDTH * 3**count
    low, high, A, C = work[0, :size], work[1, :size], work[2, :size], work[3, :size]
    V, M = work[4 % len(work), :size], work[5 % len(work), :size]
    g, lane_on, lane_off = np.empty(WIDTH * count), np.empty(WIDTH * count), np.empty(WIDTH * count)
    offsets, sums, slope, slope_sums = np.empty(WIDTH), np.empty(3 * WIDTH), np.empty(WIDTH), np.zeros(WIDTH * count)
    fill_lanes(G, b, on, off, order, points, outputs, g, offsets, lane_on, lane_off)
    fill_weights(patterns, lane_on, lane_off, order, points, outputs, states, A)
    C[:] = 0
    bounds(g, offsets, low, high)
    if gradient:
        sweep_up(g, low, high, free, V, M)
        store(slope, 0, total_over_patterns(A, V, states, count))
    sweep_down(g, low, high, free, A, C, gradient, V, M, sums, slope_sums)
    _read_block(sums, slope_sums, slope, on, order, points, outputs, gradient, moments, D)


@njit(**COMPILED)
def moments_of_outputs(G, b, on, off, patterns, counts, order, free, states, gradient):
    """E[h_+^2], E[x_i h_+] and E[(h - x_i) 1(h > 0)] of every output (N, n, 3), and E[(h - x_i) x_j 1(h > 0)].

    The third moment and the last result (N, n, n) only if `gradient`. `patterns` is empty for independent features.
    """
    N, n = b.shape
    moments, D = np.zeros((N, n, 3)), np.zeros((N, n, n) if gradient else (0, 0, 0))
    work = np.empty((6 if gradient else 4, WIDTH * 3 ** counts.max()))
    points, outputs = np.empty(WIDTH, np.int64), np.empty(WIDTH, np.int64)
    for count in range(1, counts.max() + 1):
        filled = 0
        for at in range(N * n):
            if counts[at // n, at % n] == count:
                points[filled], outputs[filled] = at // n, at % n
                filled += 1
            if filled == WIDTH or (filled and at == N * n - 1):
                _run_block(
                    G, b, on, off, patterns, order, points[:filled], outputs[:filled], count, free, states,
                    gradient, work, moments, D,
                )  # fmt: skip
                filled = 0
    return moments, D


@njit(**COMPILED)
def loss_of_outputs(moments, importance, third):
    """sum_i I_i (E[x_i^2] - 2 E[x_i h_+] + E[h_+^2]) of every point; `third` is a third of the density."""
    loss = np.zeros(len(moments))
    for p in range(len(moments)):
        for i in range(len(importance)):
            loss[p] += importance[i] * (third[i] - 2 * moments[p, i, 1] + moments[p, i, 0])
    return loss


@njit(**COMPILED)
def chain_rule(W, moments, D, importance):
    """dL/dW = W (D + D^T) and dL/db, where D_ij = dL_i/dg_ij = 2 I_i E[(h_i - x_i) x_j 1(h_i > 0)]."""
    N, m, n = W.shape
    by_W, by_b = np.zeros((N, m, n)), np.empty((N, n))
    for p in range(N):
        for i in range(n):
            by_b[p, i] = 2 * importance[i] * moments[p, i, 2]
            for j in range(n):
                both = 2 * (importance[i] * D[p, i, j] + importance[j] * D[p, j, i])
                for a in range(m):
                    by_W[p, a, j] += W[p, a, i] * both
    return by_W, by_b


@njit(**COMPILED)
def expected(W, b, importance, third, on, off, patterns, free, states, gradient):
    """Loss (N,) of finite weights, and if `gradient` its derivatives by W and b, else arrays of length zero."""
    G = gram(W)
    counts, order = present_features(G, len(patterns) > 0)
    moments, D = moments_of_outputs(G, b, on, off, patterns, counts, order, free, states, gradient)
    loss = loss_of_outputs(moments, importance, third)
    by_W, by_b = chain_rule(W[: len(D)], moments, D, importance)
    return loss, by_W, by_b


@njit(**COMPILED)
def has_loss(W, b):
    """Whether the biases (n,) and all products of weights W (m, n) are finite."""
    return np.isfinite((W**2).sum()) and np.isfinite(b).all()


@njit(**COMPILED)
def evaluate(W, b, importance, third, on, off, patterns, free, states, gradient):
    """What `expected` gives, and NaN where a bias or a product of weights is not finite."""
    loss, by_W, by_b = expected(W, b, importance, third, on, off, patterns, free, states, gradient)
    for p in range(len(W)):
        if not has_loss(W[p], b[p]):
            loss[p], by_W[p : p + 1], by_b[p : p + 1] = np.nan, np.nan, np.nan
    return loss, by_W, by_b
