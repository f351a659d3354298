"""A second route to every stationary point: the loss from its definition, Gauss points, and SciPy's solvers.

Shares nothing with the package. E[(x - ReLU(alpha x + beta y + b))^2] and its gradient are integrated over y in up to
three pieces, cut where the kink line crosses an edge of the square, and over x above the kink. On each piece the
integrand of the outer integral is a polynomial of degree at most four, so three Gauss points are exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.optimize import minimize, root

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


@njit(error_model="numpy")
def _over_x(alpha, c):
    """int_0^1 of (x - h_+)^2, and of (h - x) x, h - x where h > 0, for h = alpha x + c; c is constant in x."""
    start = 0.0 if c >= 0 else (1.0 if alpha + c <= 0 else -c / alpha)
    value, first, second = start**3 / 3, 0.0, 0.0
    for x, weight in zip(_NODES, _WEIGHTS):  # noqa: B905  (numba knows no strict)
        at = start + (1 - start) * x
        error = alpha * at + c - at
        value += (1 - start) * weight * error * error
        first += (1 - start) * weight * error * at
        second += (1 - start) * weight * error
    return value, first, second


@njit(error_model="numpy")
def _over_square(alpha, beta, b, out):
    """Loss and half its derivatives by (alpha, beta, b) with both features on."""
    cuts = np.array([0.0, 0.0, 0.0, 1.0])
    if beta != 0:
        cuts[1] = min(max(-b / beta, 0.0), 1.0)
        cuts[2] = min(max(-(alpha + b) / beta, 0.0), 1.0)
    cuts.sort()
    out[:] = 0
    for k in range(3):
        width = cuts[k + 1] - cuts[k]
        for node, weight in zip(_NODES, _WEIGHTS):  # noqa: B905  (numba knows no strict)
            y = cuts[k] + width * node
            value, first, second = _over_x(alpha, beta * y + b)
            out += width * weight * np.array([value, first, second * y, second])


@njit(error_model="numpy")
def _over_y(beta, b, out):
    """The same with only the other feature on: x = 0."""
    low, high = 0.0, 1.0
    if beta > 0:
        low = min(max(-b / beta, 0.0), 1.0)
    elif beta < 0:
        high = min(max(-b / beta, 0.0), 1.0)
    elif b <= 0:
        high = 0.0
    out[:] = 0
    for node, weight in zip(_NODES, _WEIGHTS):  # noqa: B905  (numba knows no strict)
        y = low + (high - low) * node
        h = max(beta * y + b, 0.0)
        out += (high - low) * weight * np.array([h * h, 0.0, h * y, h])


@njit(error_model="numpy")
def _output(alpha, beta, b, p00, p_own, p_other, p11):
    part = np.empty(4)
    _over_square(alpha, beta, b, part)
    total = p11 * part
    value, first, second = _over_x(alpha, b)
    total += p_own * np.array([value, first, 0.0, second])
    _over_y(beta, b, part)
    total += p_other * part
    on = max(b, 0.0)
    return total + p00 * np.array([on * on, 0.0, 0.0, on])


@njit(error_model="numpy")
def loss_and_gradient(z, I1, I2, p00, p10, p01, p11):
    """L and its gradient at z = (W1, W2, b) or (W1, W2, b1, b2)."""
    W1, W2, b1, b2 = z[0], z[1], z[2], z[-1]
    one = I1 * _output(W1 * W1, W1 * W2, b1, p00, p10, p01, p11)
    two = I2 * _output(W2 * W2, W1 * W2, b2, p00, p01, p10, p11)
    cross = one[2] + two[2]
    slope = np.zeros(len(z))
    slope[0] = 4 * W1 * one[1] + 2 * W2 * cross
    slope[1] = 4 * W2 * two[1] + 2 * W1 * cross
    slope[2] += 2 * one[3]
    slope[-1] += 2 * two[3]
    return one[0] + two[0], slope


def _fold_sign(z):
    return np.concatenate([-z[:2], z[2:]]) if z[0] < 0 or (z[0] == 0 and z[1] < 0) else z


def silent_outputs(z) -> int:
    """How many outputs are zero on the whole square, up to the accuracy of a solver that ended there."""
    W1, W2 = z[:2]
    top = max(0.0, W1 * W2)
    return int(z[2] + W1 * W1 + top <= 1e-6) + int(z[-1] + W2 * W2 + top <= 1e-6)


def random_starts(rng, n, shared):
    """Starts from narrow to wide: |W| to 4, b from dead to +1."""
    W = rng.normal(size=(n, 2)) * np.exp(rng.uniform(np.log(0.1), np.log(2.5), size=(n, 1)))
    top = np.stack([W[:, 0] ** 2, W[:, 1] ** 2], axis=1) + np.maximum(W[:, :1] * W[:, 1:], 0)
    b = -top + rng.random((n, 2)) * (top + np.where(rng.random((n, 1)) < 0.5, 0.3, 1.0))
    b = np.where(rng.random((n, 1)) < 0.3, rng.normal(size=(n, 2)) * 0.2, b)
    return np.concatenate([W, b[:, :1] if shared else b], axis=1)


def add_unless_known(points, z, distance):
    if all(np.abs(z - other).max() > distance for other in points):
        points.append(z)


def _settled(gradient, z, width=1e-6):
    """Whether Newton's next step is short: where an output is on with a tiny probability all slopes are tiny."""
    steps = width * np.eye(len(z))
    jacobian = np.stack([(gradient(z + h) - gradient(z - h)) / (2 * width) for h in steps], axis=1)
    return np.linalg.matrix_rank(jacobian) < len(z) or np.abs(np.linalg.solve(jacobian, gradient(z))).max() < 1e-5


def stationary_ends(model, shared, n, seed):
    """End points of SciPy's `root` on the gradient: (live ones, ends with a dead output)."""
    rng = np.random.default_rng(seed)
    scale = max(model[0], model[1]) * (1 - model[2])
    live: list[np.ndarray] = []
    dead: list[np.ndarray] = []
    for start in random_starts(rng, n, shared):
        gradient = lambda z: loss_and_gradient(z, *model)[1] / scale  # noqa: E731
        end = root(gradient, start, method="hybr", tol=1e-13)
        z = _fold_sign(end.x)
        if np.abs(end.fun).max() > 1e-10 or not np.all(np.isfinite(z)) or not _settled(gradient, end.x):
            continue
        (dead if silent_outputs(z) else live).append(z)
    return live, dead


def minimiser_ends(model, shared, n, seed):
    """End points of SciPy's BFGS on the loss."""
    rng = np.random.default_rng(seed)
    scale = max(model[0], model[1]) * (1 - model[2])

    def scaled(z):
        value, slope = loss_and_gradient(z, *model)
        return value / scale, slope / scale

    return [
        _fold_sign(minimize(scaled, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 500}).x)
        for start in random_starts(rng, n, shared)
    ]
