"""Expected loss, its gradient and its Hessian on plain float64 arrays.

For output i, h_i = alpha_i x_i + beta x_j + b_i with alpha_i = W_i^2 and beta = W_1 W_2, and u = (x_i, x_j, 1):

    L      = sum_i I_i (E[x_i^2] - 2 E[x_i ReLU(h_i)] + E[ReLU(h_i)^2])
    dL_i   = 2 I_i E[(h_i - x_i) u 1(h_i > 0)]                          with respect to (alpha_i, beta, b_i)
    d^2L_i = 2 I_i (E[u u^T 1(h_i > 0)] - E[x_i u u^T delta(h_i)])

and the chain rule leads to (W_1, W_2, b_1, b_2). The expectations come from `kernels.py`, per activation pattern; the
closed quotients that one would write down first lose all digits near W_2 = 0.

L is continuously differentiable except where W_i = 0 and b_i = 0 together. Its Hessian jumps across b_i = 0 and across
W_i^2 + b_i = 0, and depends on the direction of approach where W_1 W_2 = 0 = b_i. At such points every function here
returns the one-sided value in which a ReLU with argument exactly zero is off, as automatic differentiation does.

`model` arguments are arrays (..., 6): I_1, I_2, P00, P10, P01, P11. All functions broadcast like NumPy ufuncs and
allocate nothing but their results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import guvectorize, njit

from analytic.loss import kernels

_moments = kernels.moments
_curvature = kernels.curvature

#: Compiler settings of every scalar function: IEEE division, no lock on the interpreter, kept on disk.
COMPILED: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}

#: Stands in for the length of the gradient in the signatures below.
_FOUR = np.zeros(4)


@njit(**COMPILED)
def point_loss(W1, W2, b1, b2, model):
    """L at one point; `model` holds I1, I2, P00, P10, P01, P11."""
    I1, I2, p00, p10, p01, p11 = model[0], model[1], model[2], model[3], model[4], model[5]
    beta = W1 * W2
    hh1, xh1, _, _, _, _, _ = _moments(W1 * W1, beta, b1, p00, p10, p01, p11)
    hh2, xh2, _, _, _, _, _ = _moments(W2 * W2, beta, b2, p00, p01, p10, p11)
    loss = I1 * ((p10 + p11) / 3 - 2 * xh1 + hh1) + I2 * ((p01 + p11) / 3 - 2 * xh2 + hh2)
    if np.isnan(W1 + W2) or np.isnan(b1 + b2):
        return np.nan
    return loss


@njit(**COMPILED)
def point_gradient(W1, W2, b1, b2, model):
    """L and its four partial derivatives at one point."""
    I1, I2, p00, p10, p01, p11 = model[0], model[1], model[2], model[3], model[4], model[5]
    beta = W1 * W2
    hh1, xh1, h1, yh1, x1, xx1, xy1 = _moments(W1 * W1, beta, b1, p00, p10, p01, p11)
    hh2, xh2, h2, yh2, x2, xx2, xy2 = _moments(W2 * W2, beta, b2, p00, p01, p10, p11)
    loss = I1 * ((p10 + p11) / 3 - 2 * xh1 + hh1) + I2 * ((p01 + p11) / 3 - 2 * xh2 + hh2)
    by_beta = 2 * (I1 * (yh1 - xy1) + I2 * (yh2 - xy2))
    by_W1 = 4 * W1 * I1 * (xh1 - xx1) + W2 * by_beta
    by_W2 = 4 * W2 * I2 * (xh2 - xx2) + W1 * by_beta
    if np.isnan(W1 + W2) or np.isnan(b1 + b2):
        return np.nan, np.nan, np.nan, np.nan, np.nan
    return loss, by_W1, by_W2, 2 * I1 * (h1 - x1), 2 * I2 * (h2 - x2)


@njit(**COMPILED)
def _second_derivatives(alpha, beta, b, p00, p_own, p_other, p11):
    """Half of L_i's derivatives by (alpha, beta, b): a, b, aa, ab, ac, bb, bc, cc with c for the bias, I_i = 1."""
    _, xh, _, yh, x, xx, xy = _moments(alpha, beta, b, p00, p_own, p_other, p11)
    one, y, yy, d, dx, dy, dxx, dxy, dyy = _curvature(alpha, beta, b, p00, p_own, p_other, p11)
    return xh - xx, yh - xy, xx - dxx, xy - dxy, x - dx, yy - dyy, y - dy, one - d


@njit(**COMPILED)
def point_hessian(W1, W2, b1, b2, model, out):
    """Writes the 4 x 4 Hessian at one point into `out`."""
    I1, I2, p00, p10, p01, p11 = model[0], model[1], model[2], model[3], model[4], model[5]
    if np.isnan(W1 + W2) or np.isnan(b1 + b2):
        out[:] = np.nan
        return
    beta = W1 * W2
    a1, m1, aa1, am1, ac1, mm1, mc1, cc1 = _second_derivatives(W1 * W1, beta, b1, p00, p10, p01, p11)
    a2, m2, aa2, am2, ac2, mm2, mc2, cc2 = _second_derivatives(W2 * W2, beta, b2, p00, p01, p10, p11)
    out[0, 0] = I1 * (2 * a1 + 4 * W1 * (W1 * aa1 + W2 * am1) + W2 * W2 * mm1) + I2 * W2 * W2 * mm2
    out[1, 1] = I2 * (2 * a2 + 4 * W2 * (W2 * aa2 + W1 * am2) + W1 * W1 * mm2) + I1 * W1 * W1 * mm1
    out[0, 1] = I1 * (m1 + 2 * W1 * W1 * am1 + beta * mm1) + I2 * (m2 + 2 * W2 * W2 * am2 + beta * mm2)
    out[0, 2] = I1 * (2 * W1 * ac1 + W2 * mc1)
    out[1, 2] = I1 * W1 * mc1
    out[0, 3] = I2 * W2 * mc2
    out[1, 3] = I2 * (2 * W2 * ac2 + W1 * mc2)
    out[2, 2] = I1 * cc1
    out[2, 3] = 0.0
    out[3, 3] = I2 * cc2
    for i in range(4):
        for j in range(i, 4):
            out[i, j] *= 2
            out[j, i] = out[i, j]


_SCALARS = "f8, f8, f8, f8"


@guvectorize([f"({_SCALARS}, f8[:], f8[:])"], "(),(),(),(),(m)->()", cache=True)
def loss(W1, W2, b1, b2, model, out):
    """L over arrays: loss(W1, W2, b1, b2, model) -> (...)."""
    out[0] = point_loss(W1, W2, b1, b2, model)


@guvectorize([f"({_SCALARS}, f8[:], f8[:], f8[:], f8[:])"], "(),(),(),(),(m),(k)->(),(k)", cache=True)
def _loss_and_gradient(W1, W2, b1, b2, model, four, value, gradient):
    value[0], gradient[0], gradient[1], gradient[2], gradient[3] = point_gradient(W1, W2, b1, b2, model)


@guvectorize([f"({_SCALARS}, f8[:], f8[:], f8[:,:])"], "(),(),(),(),(m),(k)->(k,k)", cache=True)
def _hessian(W1, W2, b1, b2, model, four, out):
    point_hessian(W1, W2, b1, b2, model, out)


def loss_and_gradient(W1, W2, b1, b2, model):
    """L and its derivatives by (W1, W2, b1, b2), over arrays: -> (...), (..., 4)."""
    return _loss_and_gradient(W1, W2, b1, b2, model, _FOUR)


def hessian(W1, W2, b1, b2, model):
    """Second derivatives by (W1, W2, b1, b2), over arrays: -> (..., 4, 4)."""
    return _hessian(W1, W2, b1, b2, model, _FOUR)
