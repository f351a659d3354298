"""Newton's method on the piecewise smooth gradient of the loss, in (W1, W2, b1, b2) or (W1, W2, b).

The gradient is continuous and piecewise smooth away from W_i = 0 = b_i, and Newton's method with the Hessian of the
piece at hand converges to its regular zeros from nearby. It is affine invariant, so its step, compared with the point's
own scales, tells how well a zero is determined wherever it lies: far out, with a small corner active, the gradient
itself decays like the active area.

One of these scales is the height of an output, its largest value. Where it is smaller than the bias, on a steep slope,
straight steps would have to be tiny, because the height is quadratic in the weights. There heights move along straight
lines, and the biases along parabolas; elsewhere it is the other way round.

A search starts on a ray W2 = t W1 (`rays`). There the first steps stay on the ray, until the biases and the radius are
stationary on it; only then does the full step tell how far in t the zero is, and a start whose zero lies
beyond `reach`, in log |t|, is given up: it belongs to another ray. Both are one loop, so that it is compiled once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.loss.arrays import ZERO
from analytic.loss.pair import COMPILED, point_gradient, point_hessian

_ITERATIONS = 60
#: A step is cut to this fraction of its scales; a start whose step is that many times longer is lost.
_LONGEST_STEP, _LOST = 0.3, 1e6
#: And so is one whose steps have not been shorter than before for so long: it wanders, or hovers in rounding error.
_STALLED = 12
#: A step that is short, as below, and ends this close to a known point, relative to every coordinate, leads there.
_SAME_END = 1e-6
#: The point is on the ray's curve of stationary points once a step is below this fraction of its scales.
_ON_CURVE = 1e-3
#: A zero is found once steps stop falling below this, after a few of them: at rounding error.
_RESOLVED, _LAST_STEPS = 1e-9, 4
#: The least height of an output beside its bias that leaves the height seven digits.
_LEAST_HEIGHT = 1e-9
#: And the smaller weight has to be found to this fraction of itself, or the zero may lie on the axis.
_DISTINCT = 1e-2


@njit(**COMPILED)
def derivatives(z, shared, model, gradient, hessian):
    """Loss, gradient and Hessian in the convention's own parameters; `z` and the results always have room for four."""
    loss, gradient[0], gradient[1], gradient[2], gradient[3] = point_gradient(z[0], z[1], z[2], z[3], model)
    point_hessian(z[0], z[1], z[2], z[3], model, hessian)
    if shared:
        gradient[2] += gradient[3]
        gradient[3] = 0.0
        for i in range(4):
            hessian[2, i] += hessian[3, i]
        for i in range(4):
            hessian[i, 2] += hessian[i, 3]
    return loss


@njit(**COMPILED)
def _onto_ray(t, n, gradient, hessian):
    """Replaces the parameter W2 by t W1: in place, the system in (W1, biases), with W2 as a dead last unknown."""
    gradient[0] += t * gradient[1]
    for i in range(n):
        hessian[0, i] += t * hessian[1, i]
    for i in range(n):
        hessian[i, 0] += t * hessian[i, 1]
    for i in range(n):
        hessian[1, i], hessian[i, 1] = 0.0, 0.0
    hessian[1, 1], gradient[1] = 1.0, 0.0


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
def _height(z, step, i, model):
    """The largest h_i on inputs that occur (`loss.dead`), how much a step changes it, and the bend of the bias.

    A bias above its height moves straight and without a bend; else the bend times the square of the part of the step
    that is made, taken from the bias, lets the height move straight.
    """
    own, other, top = 0.0, 0.0, 0.0
    both, square, cross = model[5] > 0.0, z[i] * z[i], z[0] * z[1]
    if (both or model[3 + i] > 0.0) and square > top:
        own, top = 1.0, square
    if (both or model[4 - i] > 0.0) and cross > top:
        own, other, top = 0.0, 1.0, cross
    if both and square + cross > top:
        own, other, top = 1.0, 1.0, square + cross
    height = top + z[2 + i]
    if height > abs(z[2 + i]):
        return height, step[2 + i], 0.0
    change = 2.0 * own * z[i] * step[i] + other * (z[0] * step[1] + z[1] * step[0]) + step[2 + i]
    return height, change, own * step[i] * step[i] + other * step[0] * step[1]


@njit(**COMPILED)
def _length(z, step, shared, model):
    """The length of a step relative to |W| and to the heights of the outputs, and the bends of the biases (`_height`).

    Infinite where an output is dead, or live by so little that rounding its bias matters: float64 holds no such point.
    """
    height1, change1, bend1 = _height(z, step, ZERO, model)
    height2, change2, bend2 = _height(z, step, ZERO + 1, model)
    if not (height1 > _LEAST_HEIGHT * abs(z[2]) and height2 > _LEAST_HEIGHT * abs(z[3])):
        return np.inf, bend1, bend2
    if shared:
        bend1 = bend2 = bend1 if height1 < height2 else bend2
    weights = max(abs(step[0]), abs(step[1])) / max(abs(z[0]), abs(z[1]))
    return max(weights, max(abs(change1) / height1, abs(change2) / height2)), bend1, bend2


@njit(**COMPILED)
def _leads_to(z, step, known, n_known):
    """Whether a step ends next to one of the first points of `known`, in every coordinate and up to W -> -W."""
    for k in range(n_known):
        sign, close = (1.0 if z[0] * known[k, 0] > 0.0 else -1.0), True
        for i in range(4):
            target = sign * (z[i] - step[i]) if i < 2 else z[i] - step[i]
            close = close and abs(target - known[k, i]) <= _SAME_END * abs(known[k, i])
        if close:
            return True
    return False


@njit(**COMPILED)
def converge(z, t, reach, shared, model, step, matrix, settled, known, n_known):
    """Newton's method in place: 2 if it ends in a stationary point with W1 W2 != 0 and live outputs, else 0 or 1.

    With t != 0 the first steps stay on the ray W2 = t W1. If they lead to a point where radius and biases are
    stationary, that is copied to `settled` (5,), followed by W2 dL/dW2 there, and the result is at least 1. Off the ray
    it gives up where a step turns by more than `reach`, or all of them by more than twice that, in log |W2 / W1|, and
    where it is about to end in one of the first `n_known` points of `known`.
    """
    n, ray, best, last, result, at = 3 if shared else 4, t, _RESOLVED, 0, 0, abs(z[1] / z[0])
    least, stalled = np.inf, 0
    for k in range(2 * _ITERATIONS):
        if z[0] * z[1] == 0.0 or k == (_ITERATIONS if ray != 0.0 else 2 * _ITERATIONS - 1):
            return result
        derivatives(z, shared, model, step, matrix)
        if ray != 0.0:
            _onto_ray(ray, n, step, matrix)
        elif result == 0:
            result, at, settled[4] = 1, abs(z[1] / z[0]), z[1] * step[1]
            for i in range(4):
                settled[i] = z[i]
        if not solve_in_place(matrix, step, n):
            return result
        if ray != 0.0:
            step[1] = ray * step[0]
        if shared:
            step[3] = step[2]
        length, bend1, bend2 = _length(z, step, shared, model)
        turn = abs(step[1] / z[1] - step[0] / z[0])
        if best < _RESOLVED and (last == _LAST_STEPS or not length < 0.5 * best):
            return 2 if length < _RESOLVED and turn < _DISTINCT else result
        if ray == 0.0 and length < _ON_CURVE and _leads_to(z, step, known, n_known):
            return result
        lost = reach < np.inf and (turn > reach or abs(np.log(abs(z[1] / z[0]) / at)) > 2 * reach)
        least, stalled = (length, 0) if length < least else (least, stalled + 1)
        if not length < _LOST or stalled == _STALLED or (ray == 0.0 and lost):
            return result
        cut = min(1.0, _LONGEST_STEP / (length if reach == np.inf or ray != 0.0 else max(length, turn)))
        for i in range(4):
            z[i] -= cut * step[i]
        z[2] -= cut * cut * bend1
        z[3] -= cut * cut * bend2
        if ray != 0.0:
            ray, least = (0.0, np.inf) if length < _ON_CURVE else (ray, least)
        else:
            last += best < _RESOLVED
            best = min(best, length)
    return result


@njit(**COMPILED)
def record(z, found, count, same):
    """Adds the point, with W1 > 0, to the list unless it is there; returns the new count."""
    if z[0] < 0.0 or (z[0] == 0.0 and z[1] < 0.0):
        z[0], z[1] = -z[0], -z[1]
    scale = abs(z[0]) + abs(z[1])
    for k in range(count):
        distance = 0.0
        for i in range(4):
            distance = max(distance, abs(z[i] - found[k, i]))
        if distance < same * scale:
            return count
    if count < len(found):
        for i in range(4):
            found[count, i] = z[i]
        count += 1
    return count
