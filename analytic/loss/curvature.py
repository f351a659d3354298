"""Second derivatives of the ReLU output model: moments with a delta function by the same recurrence.

With u = (x_1, ..., x_n, 1), paired with the parameters (g_i1, ..., g_in, b_i) of output i,

    d^2 L_i = 2 I_i T_i        T_i = E[u u^T 1(h_i > 0)] - E[x_i u u^T delta(h_i)]

1(h > 0) is homogeneous of degree 0 in (b, g), and delta(h) of degree -1. So for q = 0 and q = -1, writing h^q for them,
N_a = E[x^a h^q] in a state with k free features satisfies

    (q + sum_{j free} (a_j + 1)) N_a = sum_{j free} (1 - t_j) N_a|_{x_j = 1} + t_j (N_a|_{x_j = 0} or a_j N_{a - e_j})

the latter where a_j > 0. For q = -1, k = 1, a = 0 the left side vanishes; there E[delta(h)] = 1/|g| if lo <= 0 < hi.
A ReLU with argument exactly zero is off: a state with hi = 0 contributes nothing, one with lo = 0 counts its border.

As for the gradient (recurrence.py) all second derivatives share one sweep down. With the own feature x_0 in front of
the delta function, x^a 1(h > 0) and x^a x_0 delta(h) have one denominator, k + |a|, as long as x_0 is free. So the
pairs x_i x_j need the weights A, denominators k + 2, and C, denominators k + 1, the latter for what has lost its x_0:
those of E[h_+^2] and E[x_0 h_+]. A pair ends where one of its features is fixed at 1 or is differentiated away, at the
sources

    a (on_i Z_j|_{x_i = 1} + off_i Z_j) - c (on_i D_j|_{x_i = 1} + off_i D_j),        twice off_j where i = j,

on_i = 1 - t_i, off_i = t_i, and Z_j = E[x_j (1(h > 0) - x_0 delta(h))], without the delta function where x_0 is fixed,
D_j = E[x_j delta(h)]. Both are needed in the states where x_j is free, and take one sweep up for each j. In all that is
2 k sweeps over 3^(k-1) states, where one for every monomial would be about 3 k^2 over 3^k.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.loss import outputs
from analytic.loss.arrays import COMPILED
from analytic.loss.lanes import WIDTH, any_positive, load, spread, store, where_positive
from analytic.loss.recurrence import POWERS, bounds

#: Arrays that a block keeps, one number for each state and lane.
ROWS = 9
_LOW, _HIGH, _WEIGHTS, _A, _C, _Z, _D, _ZJ, _DJ = range(ROWS)


@njit(**COMPILED)
def _shares(slopes, j, tau, rest):
    """on_j = 1 - t_j and off_j = t_j."""
    g = load(slopes, j)
    return where_positive(g, rest, tau), where_positive(g, tau, rest)


@njit(**COMPILED)
def _crossing(low, high, s):
    """Positive where h changes its sign in this state, and tau and 1 - tau there."""
    lo, hi = load(low, s), load(high, s)
    undecided = where_positive(lo, spread(0.0), hi)
    width = where_positive(undecided, hi - lo, spread(1.0))
    return undecided, (spread(0.0) - lo) / width, hi / width


@njit(**COMPILED)
def sweep_weights(slopes, low, high, free, A, C):
    """Turns the weights of the patterns in A, and zeros in C, into those of the sources, divided by their denominators.

    Where h is positive in the whole state A keeps the undivided weight, and C is zero: there is no delta function.
    """
    zero = spread(0.0)
    for s in range(len(low) // WIDTH - 1, -1, -1):
        whole, c, count = load(A, s), load(C, s), free[s, 0]
        undecided, tau, rest = _crossing(low, high, s)
        a = where_positive(undecided, whole, zero) / spread(count + 2.0)
        if count > 0 and free[s, 1] == 0:
            c += a * _shares(slopes, 0, tau, rest)[1]
        c = where_positive(undecided, c, zero) / spread(count + 1.0)
        store(A, s, where_positive(undecided, a, where_positive(load(high, s), whole, zero)))
        store(C, s, c)
        if not any_positive(where_positive(undecided, a + c, zero)):
            continue
        for f in range(1, count + 1):
            j = free[s, f]
            on, off = _shares(slopes, j, tau, rest)
            for n, share in ((1, on), (2, off)):
                below = s - n * POWERS[j]
                store(A, below, load(A, below) + a * share)
                store(C, below, load(C, below) + (c + a if j == 0 and n == 1 else c) * share)


@njit(**COMPILED)
def sweep_constant(slopes, low, high, free, Z, D):
    """Z = E[1(h > 0) - x_0 delta(h)], without the second where x_0 is fixed, and D = E[delta(h)], in every state."""
    zero, one = spread(0.0), spread(1.0)
    for s in range(len(low) // WIDTH):
        count, z, d = free[s, 0], zero, zero
        undecided, tau, rest = _crossing(low, high, s)
        if any_positive(undecided):
            for f in range(1, count + 1):
                j = free[s, f]
                on, off = _shares(slopes, j, tau, rest)
                d_on, z_on = load(D, s - POWERS[j]), load(Z, s - POWERS[j])
                d += on * d_on + off * load(D, s - 2 * POWERS[j])
                z += on * (z_on - d_on if j == 0 else z_on) + off * load(Z, s - 2 * POWERS[j])
            if count == 1:
                g = load(slopes, free[s, 1])
                d = one / where_positive(undecided, where_positive(g, g, zero - g), one)
            else:
                d /= spread(count - 1.0)
            if free[s, 1] == 0:
                z -= _shares(slopes, 0, tau, rest)[1] * d
            z /= spread(float(count))
        store(Z, s, where_positive(undecided, z, where_positive(load(high, s), one, zero)))
        store(D, s, where_positive(undecided, d, zero))


@njit(**COMPILED)
def sweep_with(j, slopes, low, high, free, Z, D, ZJ, DJ):
    """Z_j and D_j of the states where feature j is free."""
    zero, half = spread(0.0), spread(0.5)
    for s in range(len(low) // WIDTH):
        if s // POWERS[j] % 3 != 2:
            continue
        count, z, d = free[s, 0], zero, zero
        undecided, tau, rest = _crossing(low, high, s)
        if any_positive(undecided):
            for f in range(1, count + 1):
                i = free[s, f]
                on, off = _shares(slopes, i, tau, rest)
                if i == j:
                    d_on, d_off = load(D, s - POWERS[i]), load(D, s)
                    z_on, z_off = load(Z, s - POWERS[i]), load(Z, s)
                else:
                    d_on, d_off = load(DJ, s - POWERS[i]), load(DJ, s - 2 * POWERS[i])
                    z_on, z_off = load(ZJ, s - POWERS[i]), load(ZJ, s - 2 * POWERS[i])
                d += on * d_on + off * d_off
                z += on * (z_on - d_on if i == 0 else z_on) + off * z_off
            d /= spread(float(count))
            if free[s, 1] == 0:
                z -= _shares(slopes, 0, tau, rest)[1] * d
            z /= spread(count + 1.0)
        store(ZJ, s, where_positive(undecided, z, where_positive(load(high, s), half, zero)))
        store(DJ, s, where_positive(undecided, d, zero))


@njit(**COMPILED)
def sweep_sources(j, slopes, low, high, free, A, C, Z, D, ZJ, DJ, sums):
    """What ends with x_j left over: adds to `sums`, for every feature i, its part of T_ij; all of it for i = j."""
    zero, eighth, third = spread(0.0), spread(1 / 8), spread(1 / 3)
    for s in range(len(low) // WIDTH):
        if s // POWERS[j] % 3 != 2:
            continue
        undecided, tau, rest = _crossing(low, high, s)
        weight, c = load(A, s), load(C, s)
        if not any_positive(weight + c):
            continue
        a, leaf = where_positive(undecided, weight, zero), where_positive(undecided, zero, weight)
        left = a * load(ZJ, s) - c * load(DJ, s)
        for f in range(1, free[s, 0] + 1):
            i = free[s, f]
            on, off = _shares(slopes, i, tau, rest)
            if i == j:
                z_on, d_on, again = load(Z, s - POWERS[i]), load(D, s - POWERS[i]), left + left
            else:
                z_on, d_on, again = load(ZJ, s - POWERS[i]), load(DJ, s - POWERS[i]), left
            part = on * (a * (z_on - d_on if i == 0 else z_on) - c * d_on) + off * again
            part += leaf * (third if i == j else eighth)
            store(sums, i, load(sums, i) + part)


@njit(**COMPILED)
def _second_of_block(slopes, rows, free, states, T):
    """E[u u^T 1(h > 0)] - E[x_0 u u^T delta(h)] of the present features, in every lane: T (k + 1, k + 1, 8)."""
    k = len(slopes) // WIDTH
    low, high, lanes, sums = rows[_LOW], rows[_HIGH], np.empty(WIDTH), np.empty(WIDTH * k)
    T[:] = 0
    rows[_A], rows[_C] = rows[_WEIGHTS], 0
    sweep_weights(slopes, low, high, free, rows[_A], rows[_C])
    sweep_constant(slopes, low, high, free, rows[_Z], rows[_D])
    store(lanes, 0, outputs.total_over_patterns(rows[_WEIGHTS], rows[_Z], states, k))
    T[k, k] = lanes
    for j in range(k):
        sums[:], rows[_ZJ] = 0, 0
        sweep_with(j, slopes, low, high, free, rows[_Z], rows[_D], rows[_ZJ], rows[_DJ])
        sweep_sources(j, slopes, low, high, free, rows[_A], rows[_C], rows[_Z], rows[_D], rows[_ZJ], rows[_DJ], sums)
        store(lanes, 0, outputs.total_over_patterns(rows[_WEIGHTS], rows[_ZJ], states, k))
        T[j, k], T[k, j] = lanes, lanes
        for i in range(k):
            part = sums[WIDTH * i : WIDTH * i + WIDTH]
            T[i, j] += part
            if i != j:
                T[j, i] += part


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
def second_moments(G, b, on, off, patterns, order, free, states, k):
    """T_i = E[u u^T 1(h_i > 0)] - E[x_i u u^T delta(h_i)] of every output: (N, n, n + 1, n + 1).

    k is the number of features present in the output with the most of them, the same at all points.
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
        _second_of_block(slopes, rows, free, states, parts)
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
