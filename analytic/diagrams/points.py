"""Loss, gradient and Hessian at points that each have a model of their own.

`analytic.loss.pair` evaluates many points of one model; a curve through the plane has another model at every point.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from analytic.loss.arrays import COMPILED
from analytic.loss.pair import point_gradient, point_hessian

Array = npt.NDArray[np.float64]


@njit(**COMPILED)
def _gradients(points, models, values, out):
    for k in range(out.shape[0]):
        z = points[k]
        values[k], out[k, 0], out[k, 1], out[k, 2], out[k, 3] = point_gradient(z[0], z[1], z[2], z[3], models[k])


@njit(**COMPILED)
def _hessians(points, models, out):
    for k in range(out.shape[0]):
        z = points[k]
        point_hessian(z[0], z[1], z[2], z[3], models[k], out[k])


def _flat(theta: Array, models: Array) -> tuple[Array, Array]:
    """Rows of new contiguous arrays, so that the loops are compiled for one kind of argument only."""
    return np.array(theta, dtype=np.float64, order="C").reshape(-1, 4), np.array(models, order="C").reshape(-1, 6)


def loss_and_gradient(theta: Array, models: Array) -> tuple[Array, Array]:
    """L (...) and its derivatives (..., 4) for (W1, W2, b1, b2) in theta (..., 4) and parameters in models (..., 6)."""
    points, parameters = _flat(theta, models)
    values, out = np.empty(len(points)), np.empty((len(points), 4))
    _gradients(points, parameters, values, out)
    return values.reshape(theta.shape[:-1]), out.reshape(theta.shape)


def hessian(theta: Array, models: Array) -> Array:
    """Second derivatives (..., 4, 4)."""
    points, parameters = _flat(theta, models)
    out = np.empty((len(points), 4, 4))
    _hessians(points, parameters, out)
    return out.reshape(*theta.shape, 4)
