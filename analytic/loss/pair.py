"""Expected loss, its gradient and its Hessian in float64: the generated formulas of `kernels.py`, compiled.

For output i, h_i = alpha_i x_i + beta x_j + b_i with alpha_i = W_i^2 and beta = W_1 W_2, and u = (x_i, x_j, 1):

    L      = sum_i I_i (E[x_i^2] - 2 E[x_i ReLU(h_i)] + E[ReLU(h_i)^2])
    dL_i   = 2 I_i E[(h_i - x_i) u 1(h_i > 0)]                          with respect to (alpha_i, beta, b_i)
    d^2L_i = 2 I_i (E[u u^T 1(h_i > 0)] - E[x_i u u^T delta(h_i)])

and the chain rule leads to (W_1, W_2, b_1, b_2). The expectations come per activation pattern; the closed quotients
that one would write down first lose all digits near W_2 = 0.

L is continuously differentiable except where W_i = 0 and b_i = 0 together. Its Hessian jumps across b_i = 0 and across
W_i^2 + b_i = 0, and depends on the direction of approach where W_1 W_2 = 0 = b_i. At such points every function here
returns the one-sided value in which a ReLU with argument exactly zero is off, as automatic differentiation does. Where
an argument is NaN so is the result; the formulas themselves would count a corner that is NaN as off.

`point_...` are compiled and take one point; the others take arrays that broadcast. `model` is an array (6,): I_1, I_2,
P00, P10, P01, P11.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.loss import kernels
from analytic.loss.arrays import COMPILED as COMPILED
from analytic.loss.arrays import over_points

_loss = kernels.loss
_gradient = kernels.gradient
_hessian = kernels.hessian


@njit(**COMPILED)
def point_loss(W1, W2, b1, b2, model):
    """L at one point."""
    W, b = W1 + W2, b1 + b2
    if W != W or b != b:
        return np.nan
    return _loss(W1, W2, b1, b2, model[0], model[1], model[2], model[3], model[4], model[5])


@njit(**COMPILED)
def point_gradient(W1, W2, b1, b2, model):
    """L and its four partial derivatives at one point."""
    W, b = W1 + W2, b1 + b2
    if W != W or b != b:
        return np.nan, np.nan, np.nan, np.nan, np.nan
    return _gradient(W1, W2, b1, b2, model[0], model[1], model[2], model[3], model[4], model[5])


@njit(**COMPILED)
def point_hessian(W1, W2, b1, b2, model, out):
    """Writes the 4 x 4 Hessian at one point into `out`."""
    entries = _hessian(W1, W2, b1, b2, model[0], model[1], model[2], model[3], model[4], model[5])
    W, b = W1 + W2, b1 + b2
    missing = np.nan if W != W or b != b else 0.0
    out[0, 0] = entries[0] + missing
    out[0, 1] = out[1, 0] = entries[1] + missing
    out[0, 2] = out[2, 0] = entries[2] + missing
    out[0, 3] = out[3, 0] = entries[3] + missing
    out[1, 1] = entries[4] + missing
    out[1, 2] = out[2, 1] = entries[5] + missing
    out[1, 3] = out[3, 1] = entries[6] + missing
    out[2, 2] = entries[7] + missing
    out[2, 3] = out[3, 2] = missing
    out[3, 3] = entries[8] + missing


@njit(**COMPILED)
def _losses(W1, W2, b1, b2, model, out):
    for k in range(out.shape[0]):
        out[k] = point_loss(W1[k], W2[k], b1[k], b2[k], model)


@njit(**COMPILED)
def _gradients(W1, W2, b1, b2, model, values, out):
    for k in range(out.shape[0]):
        values[k], out[k, 0], out[k, 1], out[k, 2], out[k, 3] = point_gradient(W1[k], W2[k], b1[k], b2[k], model)


@njit(**COMPILED)
def _hessians(W1, W2, b1, b2, model, out):
    for k in range(out.shape[0]):
        point_hessian(W1[k], W2[k], b1[k], b2[k], model, out[k])


def loss(W1, W2, b1, b2, model):
    """L over arrays: -> (...)."""
    return over_points(_losses, (W1, W2, b1, b2), model, ())[0]


def loss_and_gradient(W1, W2, b1, b2, model):
    """L and its derivatives by (W1, W2, b1, b2), over arrays: -> (...), (..., 4)."""
    return over_points(_gradients, (W1, W2, b1, b2), model, (), (4,))


def hessian(W1, W2, b1, b2, model):
    """Second derivatives by (W1, W2, b1, b2), over arrays: -> (..., 4, 4)."""
    return over_points(_hessians, (W1, W2, b1, b2), model, (4, 4))[0]
