"""Loss of one output when the sum of the other features is known, and its averages along one more feature.

Let c = b_i + sum_{j != i} g_ij x_j be fixed, alpha = g_ii >= 0, and p the density of the output's own feature x. Then

    phi(c) = E[(x - ReLU(alpha x + c))^2] = p/3                                                c <= -alpha
                                          = p/3 + p alpha y^2 ((1 + alpha) y / 3 - 1)          y = 1 + c/alpha in [0, 1]
                                          = c^2 + p (alpha - 1) (c + (alpha - 1) / 3)          0 <= c

Its second derivative jumps at both kinks; where alpha = 0 they merge and the slope jumps. What the lattice needs are
integrals of phi and of its derivatives along [c, c + g], with weights of degree at most one, cut at the kinks: on every
piece the integrand is at most cubic, so two Gauss points are exact. All pieces count with a positive length and nothing
is divided by g: neither a small g nor a small alpha costs digits. A ReLU with argument exactly zero is off.
"""

from __future__ import annotations

import math

from numba import njit

from analytic.loss.pair import COMPILED

_GAUSS = (0.5 - 0.5 / math.sqrt(3.0), 0.5 + 0.5 / math.sqrt(3.0))


@njit(**COMPILED)
def error(c, alpha, p):
    """phi(c)."""
    if c <= -alpha:
        return p / 3
    if c >= 0:
        return c * c + p * (alpha - 1) * (c + (alpha - 1) / 3)
    y = 1 + c / alpha
    return p / 3 + p * alpha * y * y * ((1 + alpha) * y / 3 - 1)


@njit(**COMPILED)
def _slopes(c, alpha, per_alpha, p):
    """`slopes`, given 1/alpha."""
    if c <= -alpha:
        return 0.0, 0.0
    if c >= 0:
        return 2 * c + p * (alpha - 1), p * (c + 2 * (alpha - 1) / 3)
    x = -c * per_alpha
    y = 1 - x
    return p * y * ((1 + alpha) * y - 2), p * y * (2 * (alpha - 1) * (1 + x + x * x) / 3 - alpha * x * (1 + x))


@njit(**COMPILED)
def slopes(c, alpha, p):
    """Derivatives of phi by c and by alpha."""
    return _slopes(c, alpha, 1 / alpha, p)


@njit(**COMPILED)
def _cuts(c, g, alpha):
    """Ends, in order, of the three pieces of [0, 1] on which c + g t lies on one side of each kink."""
    per_g = 1 / g
    first, second = min(max((-alpha - c) * per_g, 0.0), 1.0), min(max(-c * per_g, 0.0), 1.0)
    return min(first, second), max(first, second), 1.0


@njit(**COMPILED)
def mean_error(c, g, alpha, p):
    """Mean of phi over [c, c + g], g not zero."""
    total, start = 0.0, 0.0
    for end in _cuts(c, g, alpha):
        for node in _GAUSS:
            total += (end - start) / 2 * error(c + g * (start + (end - start) * node), alpha, p)
        start = end
    return total


@njit(**COMPILED)
def mean_slope(c, g, alpha, p):
    """Derivative of `mean_error` by c: the slope in the middle of each piece, and its curvature between the kinks."""
    first, second, end = _cuts(c, g, alpha)
    above, between = end - second if g > 0 else first, second - first
    total = 0.0
    if above > 0:
        total += above * (max(c, c + g) + max(min(c, c + g), 0.0) + p * (alpha - 1))
    if between > 0:
        per_alpha = 1 / alpha
        y, width = 1 + (c + g * (first + second) / 2) * per_alpha, g * between * per_alpha
        total += between * p * (y * ((1 + alpha) * y - 2) + (1 + alpha) * width * width / 12)
    return total


@njit(**COMPILED)
def mean_slopes(c, g, alpha, p):
    """Derivatives of `mean_error` by g and by alpha."""
    by_g, by_alpha, start, per_alpha = 0.0, 0.0, 0.0, 1 / alpha
    for end in _cuts(c, g, alpha):
        if end > start:
            for node in _GAUSS:
                at = start + (end - start) * node
                by_c, a = _slopes(c + g * at, alpha, per_alpha, p)
                by_g += (end - start) / 2 * by_c * at
                by_alpha += (end - start) / 2 * a
        start = end
    return by_g, by_alpha


@njit(**COMPILED)
def rise(c, step, g, alpha, p):
    """`mean_error` at c + step minus at c, for step > 0: the integral of its slope, so nothing cancels."""
    if c + min(g, 0.0) >= -alpha and c + step + max(g, 0.0) <= 0:
        per_alpha = 1 / alpha
        y, width, length = 1 + (c + (step + g) / 2) * per_alpha, g * per_alpha, step * per_alpha
        return step * p * (y * ((1 + alpha) * y - 2) + (1 + alpha) * (width * width + length * length) / 12)
    return _rise_across(c, step, g, alpha, p)


@njit(**COMPILED)
def _rise_across(c, step, g, alpha, p):
    """`rise` where a kink is near: cut where an end of the segment meets one, of which there may be four."""
    one, two = min(max(-c, 0.0), step), min(max(-c - g, 0.0), step)
    three, four = min(max(-c - alpha, 0.0), step), min(max(-c - g - alpha, 0.0), step)
    middle = (max(three, four), min(one, two))
    total, start = 0.0, 0.0
    for end in (min(three, four), min(middle), max(middle), max(one, two), step):
        if end > start:
            for node in _GAUSS:
                total += (end - start) / 2 * mean_slope(c + start + (end - start) * node, g, alpha, p)
        start = end
    return total
