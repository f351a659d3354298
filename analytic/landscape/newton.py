"""Newton's method on the piecewise smooth gradient of the loss, in (W1, W2, b1, b2) or (W1, W2, b).

The gradient is continuous and piecewise smooth away from W_i = 0 = b_i, and Newton's method with the Hessian of the
piece at hand converges to its regular zeros from nearby. Steps are limited relative to the scale of W. The last steps
run until the gradient stops falling, which is at rounding error.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.landscape.branches import output_moments
from analytic.loss.pair import COMPILED, point_gradient, point_hessian

_ITERATIONS = 60
#: Give up when a step is this many times longer than W, or when W is shorter than this.
_LOST, _ORIGIN = 1e6, 1e-12
#: Largest gradient of a stationary point, relative to the sum of the absolute values of its terms.
_RESOLVED = 1e-9


@njit(**COMPILED)
def reduced_gradient(point, shared, model, out):
    """Gradient in the convention's own parameters into `out`; returns the loss. `point` always has four entries."""
    loss, out[0], out[1], out[2], out[3] = point_gradient(point[0], point[1], point[2], point[3], model)
    if shared:
        out[2] += out[3]
        out[3] = 0.0
    return loss


@njit(**COMPILED)
def reduced_hessian(point, shared, model, out):
    """Hessian in the convention's own parameters into the leading block of the 4 x 4 array `out`."""
    point_hessian(point[0], point[1], point[2], point[3], model, out)
    if shared:
        for i in range(4):
            out[2, i] += out[3, i]
        for i in range(4):
            out[i, 2] += out[i, 3]


@njit(**COMPILED)
def solve_in_place(matrix, vector, n):
    """Gaussian elimination with partial pivoting; False if singular. The solution replaces `vector`."""
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if not abs(matrix[pivot, k]) > 0.0:
            return False
        if pivot != k:
            for j in range(k, n):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
            vector[k], vector[pivot] = vector[pivot], vector[k]
        for i in range(k + 1, n):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k + 1, n):
                matrix[i, j] -= factor * matrix[k, j]
            vector[i] -= factor * vector[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            vector[k] -= matrix[k, j] * vector[j]
        vector[k] /= matrix[k, k]
    return True


@njit(**COMPILED)
def newton_step(point, shared, model, step, matrix):
    """The Newton step at `point` into `step`; False where the Hessian is singular."""
    reduced_gradient(point, shared, model, step)
    reduced_hessian(point, shared, model, matrix)
    n = 3 if shared else 4
    if not solve_in_place(matrix, step, n):
        return False
    for i in range(n):
        step[i] = -step[i]
    if shared:
        step[3] = step[2]
    return True


@njit(**COMPILED)
def _residual(point, shared, model, gradient):
    reduced_gradient(point, shared, model, gradient)
    return max(max(abs(gradient[0]), abs(gradient[1])), max(abs(gradient[2]), abs(gradient[3])))


@njit(**COMPILED)
def _polish(point, shared, model, step, matrix):
    """Newton steps for as long as they make the gradient smaller: down to rounding error."""
    residual = _residual(point, shared, model, step)
    trial = np.empty(4)
    for _ in range(4):
        if not newton_step(point, shared, model, step, matrix):
            return
        trial[:] = point + step
        smaller = _residual(trial, shared, model, step)
        if not smaller < residual:
            return
        point[:] = trial
        residual = smaller


@njit(**COMPILED)
def newton(point, shared, model, longest, step, matrix):
    """Runs Newton's method on `point` in place; True once a step is below 1e-12 of the scale of W."""
    for _ in range(_ITERATIONS):
        if not newton_step(point, shared, model, step, matrix):
            return False
        scale = np.sqrt(point[0] * point[0] + point[1] * point[1])
        size = np.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2 + step[3] ** 2) / scale
        if not size < _LOST or not scale > _ORIGIN:
            return False
        factor = 1.0 if size <= longest else longest / size
        for i in range(4):
            point[i] += factor * step[i]
        if size < 1e-12:
            _polish(point, shared, model, step, matrix)
            return True
    return False


@njit(**COMPILED)
def is_resolved(point, shared, model):
    """Whether both outputs are live and the gradient vanishes relative to what it is made of.

    Far out, with a small corner active, the gradient decays like the active area, so it is compared with the size of
    its own terms.
    """
    W1, W2 = point[0], point[1]
    by_beta, size_beta = 0.0, 0.0
    by_alpha, size_alpha = np.empty(2), np.empty(2)
    by_bias, size_bias = np.empty(2), np.empty(2)
    for i in range(2):
        _, xh, h, yh, x, xx, xy = output_moments(W1, W2, point[2 + i], i, model)
        if not x > 0.0:
            return False
        by_alpha[i], size_alpha[i] = model[i] * (xh - xx), model[i] * (xh + xx)
        by_bias[i], size_bias[i] = model[i] * (h - x), model[i] * (h + x)
        by_beta += model[i] * (yh - xy)
        size_beta += model[i] * (yh + xy)
    if shared:
        by_bias[0] += by_bias[1]
        size_bias[0] += size_bias[1]
        by_bias[1], size_bias[1] = by_bias[0], size_bias[0]
    for i in range(2):
        own, other = (W1, W2) if i == 0 else (W2, W1)
        by_weight = 2 * own * by_alpha[i] + other * by_beta
        size = 2 * abs(own) * size_alpha[i] + abs(other) * size_beta
        if not (abs(by_weight) <= _RESOLVED * size and abs(by_bias[i]) <= _RESOLVED * size_bias[i]):
            return False
    return True
