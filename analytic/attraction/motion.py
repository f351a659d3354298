"""Where a start ends: gradient flow, gradient descent and Adam on the exact gradient, compiled.

How an end is recognised. The loss never rises along the flow. So a start is decided, long before it has converged, by
either of two barriers:

    floor    L(theta) lies below every target but the lowest: the lowest is reached
    ball     theta lies within `radius` of a target and L(theta) below the loss everywhere on that sphere: it stays
    inside

Where an output is dead (h_i <= 0 on the whole square) it stays dead unless the other output moves W_i; two dead outputs
are at rest. What is left runs until the gradient is negligible, and is matched by distance afterwards. Gradient descent
shares the barriers as long as its step is too short to raise the loss; Adam has inertia, and has to stay behind a
barrier for `PATIENCE` steps.

The flow is integrated by the pair of Bogacki and Shampine, orders 3 and 2, with the error of a step below
`tolerance`, and below a share of it as the gradient fades, lest rounding at a minimum be taken for motion.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit

from analytic.loss.pair import COMPILED, point_gradient

#: Labels of ends that are not a barrier's: at rest with both outputs dead, at rest elsewhere or (gradient descent,
#: Adam) out of steps; unfinished or diverged.
SILENT, AT_REST, UNFINISHED = -1, -2, -3
#: Steps for which Adam has to stay behind a barrier.
PATIENCE = 100
#: A point is at rest where the gradient is this small in units of max I_i p_i.
_REST = 1e-8
_CHUNK = 2048


@dataclass(frozen=True)
class Barriers:
    """Balls and floor (see above): `points` (n, 4), `radii` and `walls` (n,); behind the floor is target `lowest`."""

    points: np.ndarray
    radii: np.ndarray
    walls: np.ndarray
    floor: float
    lowest: int


@njit(**COMPILED)
def _slope(theta, model, biases, g):
    """Writes the gradient of the convention's parameters into g; -> loss. A shared bias moves both entries alike."""
    loss, g[0], g[1], g[2], g[3] = point_gradient(theta[0], theta[1], theta[2], theta[3], model)
    if biases == 0:
        g[2] = g[3] = 0.0
    elif biases == 1:
        g[2] = g[3] = g[2] + g[3]
    return loss


@njit(**COMPILED)
def _dead(W1, W2, b1, b2):
    return (
        max(b1, W1 * W1 + b1, W1 * W2 + b1, W1 * W1 + W1 * W2 + b1) <= 0
        and max(b2, W2 * W2 + b2, W1 * W2 + b2, W2 * W2 + W1 * W2 + b2) <= 0
    )


@njit(**COMPILED)
def _behind(theta, loss, points, radii, walls, floor, lowest):
    """Index of the target that a barrier guarantees, or UNFINISHED."""
    if loss < floor:
        return lowest
    for n in range(len(radii)):
        if loss < walls[n]:
            distance = 0.0
            for k in range(4):
                distance += (theta[k] - points[n, k]) ** 2
            if distance < radii[n] ** 2:
                return n
    return UNFINISHED


@njit(**COMPILED)
def _size(v):
    return np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3])


@njit(**COMPILED)
def _unit(model):
    return max(model[0] * (model[3] + model[5]), model[1] * (model[4] + model[5]))


@njit(**COMPILED)
def flow(theta, model, biases, points, radii, walls, floor, lowest, tolerance, limit):
    """Follow the gradient flow from theta (4,), in place; -> label."""
    k1, k2, k3, k4 = np.empty(4), np.empty(4), np.empty(4), np.empty(4)
    trial = np.empty(4)
    loss = _slope(theta, model, biases, k1)
    unit = _unit(model)
    step = 0.1 / (1e-300 + _size(k1))
    for _ in range(limit):
        label = _behind(theta, loss, points, radii, walls, floor, lowest)
        if label >= 0:
            return label
        if _size(k1) <= _REST * unit:
            return SILENT if _dead(theta[0], theta[1], theta[2], theta[3]) else AT_REST
        for k in range(4):
            trial[k] = theta[k] - step / 2 * k1[k]
        _slope(trial, model, biases, k2)
        for k in range(4):
            trial[k] = theta[k] - 0.75 * step * k2[k]
        _slope(trial, model, biases, k3)
        for k in range(4):
            trial[k] = theta[k] - step * (2 * k1[k] + 3 * k2[k] + 4 * k3[k]) / 9
        ahead = _slope(trial, model, biases, k4)
        error = 0.0
        for k in range(4):
            error = max(error, abs(step * (-5 * k1[k] / 72 + k2[k] / 12 + k3[k] / 9 - k4[k] / 8)))
        error /= tolerance * min(1.0, 10 * _size(k1) / unit)
        if error <= 1:
            loss = ahead
            theta[:] = trial
            k1[:] = k4
        step *= min(5.0, max(0.2, 0.9 * (error + 1e-12) ** (-1 / 3)))
    return UNFINISHED


@njit(**COMPILED)
def descend(theta, model, biases, points, radii, walls, floor, lowest, rate, limit):
    """Gradient descent with a constant rate from theta (4,), in place; -> label."""
    g = np.empty(4)
    loss = _slope(theta, model, biases, g)
    rest = _REST * _unit(model)
    for _ in range(limit):
        label = _behind(theta, loss, points, radii, walls, floor, lowest)
        if label >= 0:
            return label
        if _size(g) <= rest:
            return SILENT if _dead(theta[0], theta[1], theta[2], theta[3]) else AT_REST
        for k in range(4):
            theta[k] -= rate * g[k]
        if not _size(theta) < 1e6:
            return UNFINISHED
        loss = _slope(theta, model, biases, g)
    return AT_REST


@njit(**COMPILED)
def adam(theta, model, biases, points, radii, walls, floor, lowest, rate, limit):
    """Adam with the usual betas from theta (4,), in place; -> label."""
    g, m, v = np.empty(4), np.zeros(4), np.zeros(4)
    power1, power2 = 1.0, 1.0
    previous, since = UNFINISHED, 0
    for _ in range(limit):
        loss = _slope(theta, model, biases, g)
        label = _behind(theta, loss, points, radii, walls, floor, lowest)
        if label == UNFINISHED and _size(g) == 0 and _dead(theta[0], theta[1], theta[2], theta[3]):
            label = SILENT
        since = since + 1 if label == previous and label != UNFINISHED else 0
        previous = label
        if since >= PATIENCE:
            return label
        power1 *= 0.9
        power2 *= 0.999
        for k in range(4):
            m[k] += 0.1 * (g[k] - m[k])
            v[k] += 0.001 * (g[k] * g[k] - v[k])
            theta[k] -= rate * m[k] / (1 - power1) / (np.sqrt(v[k] / (1 - power2)) + 1e-8)
    return AT_REST


@njit(**COMPILED)
def _flow_all(theta, model, biases, points, radii, walls, floor, lowest, control, limit, labels):
    for n in range(len(labels)):
        labels[n] = flow(theta[n], model, biases, points, radii, walls, floor, lowest, control, limit)


@njit(**COMPILED)
def _descend_all(theta, model, biases, points, radii, walls, floor, lowest, control, limit, labels):
    for n in range(len(labels)):
        labels[n] = descend(theta[n], model, biases, points, radii, walls, floor, lowest, control, limit)


@njit(**COMPILED)
def _adam_all(theta, model, biases, points, radii, walls, floor, lowest, control, limit, labels):
    for n in range(len(labels)):
        labels[n] = adam(theta[n], model, biases, points, radii, walls, floor, lowest, control, limit)


_ALL = {"flow": _flow_all, "gd": _descend_all, "adam": _adam_all}
DYNAMICS = tuple(_ALL)


def run(
    dynamics: str,
    starts: np.ndarray,
    parameters: np.ndarray,
    biases: int,
    barriers: Barriers,
    control: float,
    limit: int,
    threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) and last points (n, 4) of all starts (n, 4).

    `control` is the flow's tolerance, or the learning rate. Labels are indices into `barriers.points`, or SILENT,
    AT_REST or UNFINISHED.
    """
    theta = np.array(starts, dtype=float, order="C")
    labels = np.empty(len(theta), np.int64)
    fixed = (barriers.points, barriers.radii, barriers.walls, barriers.floor, barriers.lowest)

    def work(at: int) -> None:
        part = slice(at, at + _CHUNK)
        _ALL[dynamics](theta[part], parameters, biases, *fixed, control, limit, labels[part])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(0, len(theta), _CHUNK)))
    return labels, theta
