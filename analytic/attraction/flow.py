"""The gradient flow, compiled: two integrators, one for the way and one for valleys.

The flow starts with the explicit pair of Bogacki and Shampine, orders 3 and 2. Where the way has not ended after
`_EXPLICIT` steps it is a slow one, down a valley whose walls limit explicit steps: from there the linearly implicit
pair of Shampine and Reichelt (SIAM J. Sci. Comput. 18, 1997; orders 2 and 3, L-stable) takes over, with the exact
Hessian, whose steps grow as the motion fades. Its matrix 1 + h d H has to be positive definite and the loss must not
rise, else the step is cut. Both keep the error of a step below `tolerance`, and below a share of it as the gradient
fades, lest rounding at a minimum be taken for motion.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.attraction.states import UNFINISHED, curvature, ending, size, slope, unit_of
from analytic.loss.arrays import COMPILED

#: Nine of ten starts are decided within so many explicit steps.
_EXPLICIT = 200
#: By how much a computed loss may rise in a step that lowers the loss, in units of max I_i p_i.
_ROUNDING = 1e-13
#: Coefficients of the implicit pair.
_D, _E32 = 1 / (2 + np.sqrt(2.0)), 6 + np.sqrt(2.0)


@njit(**COMPILED)
def _explicit_step(x, step, model, k, trial):
    """One step of Bogacki and Shampine: -> loss ahead, error; k[0] is the gradient here, k[3] that at `trial`."""
    n = len(x)
    for i in range(n):
        trial[i] = x[i] - step / 2 * k[0, i]
    slope(trial, model, k[1])
    for i in range(n):
        trial[i] = x[i] - 0.75 * step * k[1, i]
    slope(trial, model, k[2])
    for i in range(n):
        trial[i] = x[i] - step * (2 * k[0, i] + 3 * k[1, i] + 4 * k[2, i]) / 9
    ahead = slope(trial, model, k[3])
    error = 0.0
    for i in range(n):
        error = max(error, abs(step * (-5 * k[0, i] / 72 + k[1, i] / 12 + k[2, i] / 9 - k[3, i] / 8)))
    return ahead, error


@njit(**COMPILED)
def _factor(hessian, scale, n, out):
    """Cholesky's factor of 1 + scale H into the lower triangle of `out`; False if that is not positive definite."""
    for i in range(n):
        for j in range(i + 1):
            value = scale * hessian[i, j] + (1.0 if i == j else 0.0)
            for m in range(j):
                value -= out[i, m] * out[j, m]
            if i != j:
                out[i, j] = value / out[j, j]
            elif value > 0:
                out[i, i] = np.sqrt(value)
            else:
                return False
    return True


@njit(**COMPILED)
def _solve(factor, v):
    """Solves with the factor, in place."""
    n = len(v)
    for i in range(n):
        for m in range(i):
            v[i] -= factor[i, m] * v[m]
        v[i] /= factor[i, i]
    for i in range(n - 1, -1, -1):
        for m in range(i + 1, n):
            v[i] -= factor[m, i] * v[m]
        v[i] /= factor[i, i]


@njit(**COMPILED)
def _implicit_step(x, step, model, hessian, k, trial, work):
    """One step of Shampine and Reichelt: -> loss ahead, error; k as in `_explicit_step`. Error infinity: too long."""
    n = len(x)
    if not _factor(hessian, step * _D, n, work):
        return np.inf, np.inf
    first, second, third = work[4, :n], work[5, :n], work[6, :n]
    for i in range(n):
        first[i] = -k[0, i]
    _solve(work, first)
    for i in range(n):
        trial[i] = x[i] + step / 2 * first[i]
    slope(trial, model, k[1])
    for i in range(n):
        second[i] = -k[1, i] - first[i]
    _solve(work, second)
    for i in range(n):
        second[i] += first[i]
        trial[i] = x[i] + step * second[i]
    ahead = slope(trial, model, k[3])
    for i in range(n):
        third[i] = -k[3, i] - _E32 * (second[i] + k[1, i]) - 2 * (first[i] + k[0, i])
    _solve(work, third)
    error = 0.0
    for i in range(n):
        error = max(error, abs(step / 6 * (first[i] - 2 * second[i] + third[i])))
    return ahead, error


@njit(**COMPILED)
def flow(x, model, barriers, tolerance, limit):
    """Follows the gradient flow from the state x, in place; -> target or Status."""
    k, trial = np.empty((4, len(x))), np.empty(len(x))
    hessian, work = np.empty((4, 4)), np.empty((7, 4))
    loss, unit = slope(x, model, k[0]), unit_of(model)
    step, fresh = 0.1 / (1e-300 + size(k[0])), True
    for count in range(limit):
        label = ending(x, loss, k[0], unit, model, barriers)
        if label != UNFINISHED:
            return label
        if count < _EXPLICIT:
            ahead, error = _explicit_step(x, step, model, k, trial)
        else:
            if fresh:
                curvature(x, model, hessian)
            ahead, error = _implicit_step(x, step, model, hessian, k, trial, work)
            if not ahead <= loss + _ROUNDING * unit:
                error = np.inf
        error /= tolerance * min(1.0, 10 * size(k[0]) / unit)
        fresh = error <= 1
        if fresh:
            loss = ahead
            for i in range(len(x)):
                x[i], k[0, i] = trial[i], k[3, i]
        step *= min(5.0, max(0.2, 0.9 * (error + 1e-12) ** (-1 / 3)))
    return UNFINISHED
