"""Moments of one output of the ReLU output model, by a recurrence over the faces of the cube.

For h = b + sum_j g_j x_j with features that are free (uniform on [0, 1]), fixed at 0 or fixed at 1, and k of them free,

    (q + k) E[h_+^q] = sum_{j free} (1 - t_j) E[h_+^q | x_j = 1] + t_j E[h_+^q | x_j = 0]

for any t with b + sum_j t_j g_j = 0 over the free j (b includes the features fixed at 1). In a *state*, one of 3^k
choices of free / 0 / 1, let lo and hi be the least and the greatest h. If hi <= 0 the moment is zero: this is tested
first, so a ReLU with argument exactly zero is off. If lo >= 0 it is a polynomial. Otherwise tau = -lo / (hi - lo) and
t_j = tau where g_j > 0, 1 - tau elsewhere: a convex combination, without subtraction and without division by g.

Free features are those that are on; a feature that is off is fixed at 0. So the states serve all 2^k on/off patterns
at once, and their probabilities are the initial weights of one sweep *down* from the free states to the fixed ones,

    S = sum_patterns P E[h_+^2]        weights A, denominators k + 2
    R = sum_patterns P E[x_0 h_+]      weights A while x_0 is free, then C, denominators k + 1

which needs no moment but the polynomials at its leaves. The gradient is read off the same weights. With t held fixed,
E[x_l h_+], half the derivative of E[h_+^2] by g_l, satisfies the recurrence with the same denominators k + 2 and the
sources (1 - t_l) E[h_+ | x_l = 1] + t_l E[h_+]; so all l share A, and one sweep *up* provides, for every state,

    V = E[h_+], or E[(h - x_0) 1(h > 0)] where x_0 is free, and M = E[1(h > 0)].

Feature 0 is the output's own one. derivations/features.md proves every step. States are numbered by digits in base
three, digit j for feature j: 0 fixed at 0, 1 fixed at 1, 2 free. Arrays are flat with eight lanes per state.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.loss.arrays import COMPILED
from analytic.loss.lanes import WIDTH, any_positive, load, spread, store, where_positive

#: The most features that the states are stored for: 531,441 of them.
MOST = 12
POWERS = 3 ** np.arange(MOST + 1)


@cache
def free_features(features: int) -> npt.NDArray[np.int8]:
    """For every state: how many features are free, then which (3^n, n + 1). Its first 3^k rows serve k features."""
    states = np.arange(3**features)[:, None]
    free = states // 3 ** np.arange(features) % 3 == 2
    table = np.zeros((3**features, features + 1), np.int8)
    table[:, 0] = free.sum(1)
    rows, which = np.nonzero(free)
    first = np.cumsum(table[:, 0]) - table[:, 0]
    table[rows, 1 + np.arange(len(rows)) - first[rows]] = which
    return table


@cache
def pattern_states(features: int) -> npt.NDArray[np.int64]:
    """The state of every on/off pattern, numbered by bits: bit j says whether feature j is on. Shape (2^n,)."""
    bits = np.arange(2**features)[:, None] >> np.arange(features) & 1
    return bits @ (2 * 3 ** np.arange(features))


@njit(**COMPILED)
def bounds(slopes, offsets, low, high):
    """The least and the greatest h of every state; `slopes` holds the g_j, `offsets` the biases."""
    zero = spread(0.0)
    store(low, 0, load(offsets, 0))
    store(high, 0, load(offsets, 0))
    size = 1
    for j in range(len(slopes) // WIDTH):
        g = load(slopes, j)
        up = where_positive(g, g, zero)
        for s in range(size):
            lo, hi = load(low, s), load(high, s)
            store(low, s + size, lo + g)
            store(high, s + size, hi + g)
            store(low, s + 2 * size, lo + (g - up))
            store(high, s + 2 * size, hi + up)
        size *= 3


@njit(**COMPILED)
def sweep_up(slopes, low, high, free, V, M):
    """V and M of every state, from the fixed ones to the free ones."""
    zero, one, half = spread(0.0), spread(1.0), spread(0.5)
    for s in range(len(low) // WIDTH):
        lo, hi, count = load(low, s), load(high, s), free[s, 0]
        negative, own = zero - lo, count > 0 and free[s, 1] == 0
        v, m, own_off = zero, zero, zero
        if any_positive(where_positive(negative, hi, zero)):
            tau, rest = negative / (hi - lo), hi / (hi - lo)
            for c in range(1, count + 1):
                j = free[s, c]
                g, stride = load(slopes, j), POWERS[j]
                on, off = where_positive(g, rest, tau), where_positive(g, tau, rest)
                m_on, v_on = load(M, s - stride), load(V, s - stride)
                if j == 0:
                    v_on, own_off = v_on - m_on, off
                v += on * v_on + off * load(V, s - 2 * stride)
                m += on * m_on + off * load(M, s - 2 * stride)
            m /= spread(float(count))
            v = (v - own_off * m) / spread(count + 1.0)
        mean = half * (lo + hi)
        if own:
            mean -= half
        v, m = where_positive(negative, v, mean), where_positive(negative, m, one)
        store(V, s, where_positive(hi, v, zero))
        store(M, s, where_positive(hi, m, zero))


@njit(**COMPILED)
def add_compensated(total, lost, term):
    """The sum, and what it lost to rounding so far (Kahan): thousands of leaves would cost two digits.

    A term that is zero changes nothing, so a lane does not see in which states its neighbours have leaves.
    """
    wanted = term - lost
    found = total + wanted
    return where_positive(term, found, total), where_positive(term, (found - total) - wanted, lost)


@njit(**COMPILED)
def sweep_down(slopes, low, high, free, A, C, gradient, V, M, sums, slope_sums):
    """Spreads the weights A, C from the patterns to the leaves, and adds up what they meet.

    `sums` receives S, R and, if `gradient`, E[x_0^2 1(h > 0)]; `slope_sums` E[(h - x_0) x_j 1(h > 0)] for every other
    feature j. Without gradient V and M are not used.
    """
    zero, half, third, twelfth = spread(0.0), spread(0.5), spread(1 / 3), spread(1 / 12)
    squares, cross, own_squares, lost_squares, lost_cross = zero, zero, zero, zero, zero
    for s in range(len(low) // WIDTH - 1, -1, -1):
        hi, all_a, c = load(high, s), load(A, s), load(C, s)
        if not any_positive(where_positive(hi, all_a + c, zero)):
            continue
        lo, count = load(low, s), free[s, 0]
        negative, own = zero - lo, count > 0 and free[s, 1] == 0
        undecided, decided = where_positive(negative, hi, zero), where_positive(negative, zero, hi)
        width = where_positive(undecided, hi - lo, spread(1.0))
        tau, rest = negative / width, hi / width
        leaf_a, leaf_c = where_positive(decided, all_a, zero), where_positive(decided, c, zero)
        a = where_positive(undecided, all_a, zero) / spread(count + 2.0)
        mean = half * (lo + hi)
        square, product = mean * mean, leaf_c * mean
        if own:
            product += leaf_a * (half * mean + twelfth * load(slopes, 0))
            own_squares += third * leaf_a + leaf_c
            c += a * where_positive(load(slopes, 0), tau, rest)
        c = where_positive(undecided, c, zero) / spread(count + 1.0)
        v, m = (load(V, s), load(M, s)) if gradient else (zero, zero)
        here, leaf = a * v - c * m, half * (leaf_a * v - leaf_c)
        branches = any_positive(undecided)
        for f in range(1, count + 1):
            j = free[s, f]
            g = load(slopes, j)
            square += twelfth * g * g
            part = leaf + twelfth * g * leaf_a
            if branches:
                stride = POWERS[j]
                on, off = where_positive(g, rest, tau), where_positive(g, tau, rest)
                store(A, s - stride, load(A, s - stride) + a * on)
                store(A, s - 2 * stride, load(A, s - 2 * stride) + a * off)
                store(C, s - stride, load(C, s - stride) + (c + a if j == 0 else c) * on)
                store(C, s - 2 * stride, load(C, s - 2 * stride) + c * off)
                if gradient:
                    m_on = load(M, s - stride)
                    part += off * here + on * (a * load(V, s - stride) - c * m_on)
                    if j == 0:
                        own_squares += on * m_on * (a + c + c) + off * m * (c + c)
            if gradient:
                store(slope_sums, j, load(slope_sums, j) + part)
        squares, lost_squares = add_compensated(squares, lost_squares, leaf_a * square)
        cross, lost_cross = add_compensated(cross, lost_cross, product)
    store(sums, 0, squares)
    store(sums, 1, cross)
    store(sums, 2, own_squares)
