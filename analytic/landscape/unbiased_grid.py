"""The minima without bias for many models at once, compiled, in floating point with error bounds.

The same walk as in `unbiased.py`. Its three sectors are cut at |W1| = |W2| into four pieces on which the ratio runs
from 0 to 1. On each piece the stationary polynomial is written in the Bernstein basis, whose coefficients bound it and
whose sign variations count its roots; pieces are halved until every one has no root or exactly one. A coefficient
within its rounding error of zero has no sign. Where that leaves a decision open, the model is reported as undecided,
and the caller solves it exactly.

Models in which the features can be exchanged (I1 = I2, P10 = P01) have stationary points at |W1| = |W2| exactly; the
root at ratio 1 is divided out beforehand.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.loss import kernels
from analytic.loss.pair import COMPILED

_confused_polynomial = kernels.confused_polynomial
_antipodal_polynomial = kernels.antipodal_polynomial
_confused_scale = kernels.confused_scale
_antipodal_scale = kernels.antipodal_scale

#: Rounding error of a Bernstein coefficient in units of the largest possible term (below): the longest sum that enters
#: a polynomial coefficient has 8 products of 5 factors, the change of basis adds 7 terms, halving 6 more.
_ROUNDINGS = 64
#: Bounds every term of a polynomial coefficient, as a multiple of (I1 + I2)^2 (p10 + p01 + p11)^2.
_LARGEST_COEFFICIENT = 360
_BINOMIAL = np.array([[np.prod([(n - j) / (j + 1) for j in range(k)]) for k in range(8)] for n in range(8)])
_HALVINGS = 40


@njit(**COMPILED)
def _bernstein(power, degree, out):
    """Bernstein coefficients on [0, 1] of a polynomial given by its coefficients of 1, t, t^2, ..."""
    for k in range(degree + 1):
        out[k] = 0.0
        for i in range(k + 1):
            out[k] += _BINOMIAL[k, i] / _BINOMIAL[degree, i] * power[i]


@njit(**COMPILED)
def _variations(coefficients, degree, tolerance):
    """Sign variations, or -1 if coefficients without a sign leave their number open."""
    count, last, vague = 0, 0, False
    for k in range(degree + 1):
        sign = 1 if coefficients[k] > tolerance else (-1 if coefficients[k] < -tolerance else 0)
        if sign == 0:
            vague = True
            continue
        if vague and sign == last:
            return -1
        if last == 0 and vague:
            return -1
        count += sign == -last
        last, vague = sign, False
    return -1 if vague else count


@njit(**COMPILED)
def _halve(coefficients, degree, left, right):
    """De Casteljau: the coefficients on both halves."""
    work = coefficients.copy()
    for level in range(degree + 1):
        left[level] = work[0]
        right[degree - level] = work[degree - level]
        for k in range(degree - level):
            work[k] = 0.5 * (work[k] + work[k + 1])


@njit(**COMPILED)
def _polish(power, degree, low, high):
    """The one root in [low, high], where the polynomial falls, by Newton steps that a bisection keeps inside."""
    t = 0.5 * (low + high)
    for _ in range(80):
        value, slope = power[degree], 0.0
        for k in range(degree - 1, -1, -1):
            slope = slope * t + value
            value = value * t + power[k]
        if value > 0:
            low = t
        else:
            high = t
        new = t - value / slope if slope != 0 else low
        if abs(new - t) <= 2e-16 * t:
            return new
        t = new if low < new < high else 0.5 * (low + high)
    return t


@njit(**COMPILED)
def _falling_roots(power, degree, tolerance, roots):
    """Writes the roots in (0, 1) where the polynomial changes from + to -; returns their number, or -1 if undecided."""
    stack = np.empty((_HALVINGS + 2, degree + 1))
    lows, widths = np.empty(_HALVINGS + 2), np.empty(_HALVINGS + 2)
    _bernstein(power, degree, stack[0])
    lows[0], widths[0] = 0.0, 1.0
    size, found = 1, 0
    while size > 0:
        size -= 1
        low, width = lows[size], widths[size]
        coefficients = stack[size].copy()
        count = _variations(coefficients, degree, tolerance)
        if count == 1 and coefficients[0] > 0:
            roots[found] = _polish(power, degree, low, low + width)
            found += 1
        elif count < 0 or count > 1:
            if size + 2 > _HALVINGS or width < 2.0**-_HALVINGS:
                return -1
            _halve(coefficients, degree, stack[size + 1], stack[size])
            lows[size + 1], widths[size + 1] = low, width / 2
            lows[size], widths[size] = low + width / 2, width / 2
            size += 2
    return found


@njit(**COMPILED)
def _divide_by_one_minus_t(power, degree):
    """In place, power := power / (1 - t) for a polynomial with the root 1; the sign on (0, 1) stays."""
    for k in range(1, degree + 1):
        power[k] += power[k - 1]


@njit(**COMPILED)
def _keep(best, second, ratio, value, sector, swapped):
    """The best and the second-best value of a^2 / q so far, with the place of the best one."""
    if value > best[0]:
        second[0] = best[0]
        best[0], best[1], best[2], best[3] = value, ratio, sector, swapped
    elif value > second[0]:
        second[0] = value


@njit(**COMPILED)
def _oriented(swapped, model):
    """I1, I2, p10, p01, p11 with the features exchanged on request."""
    I1, I2, _, p10, p01, p11 = model
    return (I2, I1, p01, p10, p11) if swapped else (I1, I2, p10, p01, p11)


@njit(**COMPILED)
def _value(ratio, sector, swapped, model):
    """a, q at a ratio."""
    I1, I2, p10, p01, p11 = _oriented(swapped, model)
    if sector == 0:
        return _confused_scale(ratio, I1, I2, p10, p01, p11)
    return _antipodal_scale(ratio, I1, I2, p10, p01, p11)


@njit(**COMPILED)
def _piece(model, sector, swapped, power):
    """Writes the stationary polynomial of one of the four pieces; returns its degree."""
    I1, I2, p10, p01, p11 = _oriented(swapped, model)
    if sector == 0:
        quartic = _confused_polynomial(I1, I2, p10, p01, p11)
        for k in range(5):
            power[k] = quartic[k]
        return 4
    sextic = _antipodal_polynomial(I1, I2, p10, p01, p11)
    for k in range(7):
        power[k] = sextic[k]
    return 6


@njit(**COMPILED)
def solve(model):
    """Number of minima (-1 if undecided), W1, W2, loss of the best one, and the gap to the second (NaN if alone)."""
    I1, I2, _, p10, p01, p11 = model
    symmetric = I1 == I2 and p10 == p01
    spread = (I1 + I2) * (p10 + p01 + p11)
    tolerance = _ROUNDINGS * 2.2e-16 * _LARGEST_COEFFICIENT * spread * spread
    best, second = np.array([-1.0, 0.0, 0.0, 0.0]), np.array([-1.0])
    power, roots = np.empty(7), np.empty(7)
    n_minima = 0
    for sector in range(2):
        for swapped in range(2):
            degree = _piece(model, sector, swapped, power)
            if symmetric:
                _divide_by_one_minus_t(power, degree)
                degree -= 1
            found = _falling_roots(power, degree, tolerance, roots)
            if found < 0:
                return -1, 0.0, 0.0, 0.0, 0.0
            n_minima += found
            for k in range(found):
                a, q = _value(roots[k], sector, swapped, model)
                _keep(best, second, roots[k], a * a / q, sector, swapped)
        if symmetric:
            at_one = np.sum(power[: degree + 1])
            if abs(at_one) <= 7 * tolerance:
                return -1, 0.0, 0.0, 0.0, 0.0
            if at_one > 0:
                n_minima += 1
                a, q = _value(1.0, sector, False, model)
                _keep(best, second, 1.0, a * a / q, sector, 0)
    a, q = _value(best[1], best[2], best[3] > 0, model)
    first = np.sqrt(a / (2 * q))
    other = first * best[1] * (1 if best[2] == 0 else -1)
    loss = (I1 * (p10 + p11) + I2 * (p01 + p11)) / 3 - best[0] / 4
    gap = (best[0] - second[0]) / 4 if second[0] >= 0 else np.nan
    if best[3] > 0:
        return n_minima, abs(other), first if other > 0 else -first, loss, gap
    return n_minima, first, other, loss, gap


@njit(**COMPILED)
def solve_many(models, n_minima, W, loss, gap):
    """`solve` for models (n, 6); results go to the arrays given."""
    for i in range(models.shape[0]):
        model = models[i]
        parameters = (model[0], model[1], model[2], model[3], model[4], model[5])
        n_minima[i], W[i, 0], W[i, 1], loss[i], gap[i] = solve(parameters)
