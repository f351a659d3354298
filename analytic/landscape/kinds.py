"""The kind of a stationary point with bias: inertia with an error bound, one-sided forms on kinks.

A stationary point with W != 0 is a minimum along its ray W -> s W, b -> s^2 b, where L = c - a s^2 + q s^4 with
q > 0. At W = 0 it is one along a bias. So nothing here is ever a maximum, and the question is whether the second-order
form has a negative direction.

*Smooth points.* The form is the Hessian. It is scaled to a unit diagonal, which does not change its inertia; if
Cholesky succeeds after a multiple of the rounding error is taken off the diagonal, it is positive definite, if
Cholesky fails after the same was added, it has a negative direction, and otherwise the kind is undecided.

*b_i = 0, W1 W2 != 0.* The atom P00 ReLU(b_i)^2 makes the form v^T H v + 2 sum_i I_i P00 max(v_{b_i}, 0)^2 with H taken
from the side b_i < 0. The biases do not couple, so the best ones are explicit for each direction of W, and what is left
is piecewise quadratic in that direction: it is positive if it is so at the borders of the pieces and at the
eigenvectors inside each piece.

*Dedicated points, W = (1, 0), b = (0, p2/2), independent features.* See `dedicated_form`.

*Index.* A verdict carries the index of the point as a zero of the gradient field: the sign of the determinant of the
Hessian; one minus the number of directions (up to scale, after the best biases) along which the loss falls into
separate sectors on a kink. Over all points, both copies of each, the indices sum to one in every model tried; a sum
that differs tells that something is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.extending import register_jitable

from analytic.landscape.records import Kind
from analytic.loss import kernels
from analytic.loss.pair import COMPILED

Array = npt.NDArray[np.float64]

_moments, _curvature = kernels.moments, kernels.curvature

#: Rounding error of an entry of the Hessian, in units of eps times the size of its terms.
ROUNDING = 256 * np.finfo(np.float64).eps


@njit(**COMPILED)
def inertia(hessian, sizes, n, work):
    """1 if positive definite, -1 if there is a negative direction, 0 if rounding hides it.

    `sizes[i]` bounds the terms that entry (i, i) is summed from; entry (i, j) is bounded by sqrt(sizes[i] sizes[j]).
    """
    shift = 0.0
    for i in range(n):
        if hessian[i, i] < -ROUNDING * sizes[i]:
            return -1
        for j in range(i):
            minor = hessian[i, i] * hessian[j, j] - hessian[i, j] * hessian[i, j]
            if minor < -4 * ROUNDING * sizes[i] * sizes[j]:
                return -1
    for i in range(n):
        if not hessian[i, i] > ROUNDING * sizes[i]:
            return 0
        shift = max(shift, n * ROUNDING * sizes[i] / hessian[i, i])
    for sign in (-1, 1):
        positive = True
        for i in range(n):
            for j in range(i + 1):
                value = hessian[i, j] / np.sqrt(hessian[i, i] * hessian[j, j])
                if i == j:
                    value += sign * shift
                for k in range(j):
                    value -= work[i, k] * work[j, k]
                if i == j:
                    positive = positive and value > 0.0
                    work[i, i] = np.sqrt(value) if value > 0.0 else 1.0
                else:
                    work[i, j] = value / work[j, j]
        if positive:
            return 1 if sign < 0 else 0
    return -1


@register_jitable
def _output_sizes(own, other, b, p00, p_own, p_other, p11):
    """Of one output, with I_i = 1: sizes by (own weight, other weight, bias), and of the term that couples weights."""
    alpha, beta = own * own, own * other
    _, xh, _, yh, _, xx, xy = _moments(alpha, beta, b, p00, p_own, p_other, p11)
    one, _, yy, d, _, _, dxx, dxy, dyy = _curvature(alpha, beta, b, p00, p_own, p_other, p11)
    by_own = 2 * (xh + xx) + 4 * alpha * (xx + dxx) + 4 * abs(beta) * (xy + dxy) + other * other * (yy + dyy)
    return 2 * by_own, 2 * alpha * (yy + dyy), 2 * (one + d), 2 * (yh + xy)


@njit(**COMPILED)
def sizes(point, shared, model, out):
    """Bounds of the terms that the diagonal of the Hessian is summed from, into `out`, as `inertia` takes them."""
    W1, W2, I1, I2, p00, p10, p01, p11 = point[0], point[1], model[0], model[1], model[2], model[3], model[4], model[5]
    own1, other1, bias1, mixed1 = _output_sizes(W1, W2, point[2], p00, p10, p01, p11)
    own2, other2, bias2, mixed2 = _output_sizes(W2, W1, point[3], p00, p01, p10, p11)
    first, second, mixed = I1 * own1 + I2 * other2, I2 * own2 + I1 * other1, I1 * mixed1 + I2 * mixed2
    ratio = np.sqrt(first / second)
    out[0], out[1] = first + mixed * ratio, second + mixed / ratio
    out[2], out[3] = I1 * bias1, I2 * bias2
    if shared:
        out[2] += out[3]


@dataclass(frozen=True)
class Verdict:
    """The kind of a stationary point and its index, None if the kind is undecided."""

    kind: Kind
    index: int | None


UNDECIDED = Verdict("undecided", None)


def index_of(hessian: Array) -> int:
    """The sign of the determinant, whatever the scales of the parameters."""
    scale = np.sqrt(np.abs(np.diag(hessian)))
    scale[scale == 0] = 1.0
    return int(np.sign(np.linalg.det(hessian / np.outer(scale, scale))))


def smooth_verdict(hessian: Array, bounds: Array) -> Verdict:
    """From the Hessian of a point with W != 0; `bounds` as in `sizes`."""
    definite = int(inertia.py_func(hessian, bounds, len(hessian), np.empty((4, 4))))
    if definite == 0:
        return UNDECIDED
    return Verdict("minimum" if definite > 0 else "saddle", index_of(hessian))


def _sector_values(form: Array, couplings: Array, stiffness: Array) -> Array:
    """Extreme values of w^T form w - sum_i (couplings_i . w)^2 / k_i over unit w, in the order of their angles.

    k_i is `stiffness[i, 0]` where couplings_i . w > 0, because the best bias is then negative, else `stiffness[i, 1]`.
    """
    angles = [np.arctan2(-c[0], c[1]) for c in couplings]
    for sides in product((0, 1), repeat=len(couplings)):
        piece = form - sum(np.outer(c, c) / k[side] for c, k, side in zip(couplings, stiffness, sides, strict=True))
        angles += [np.arctan2(v[1], v[0]) for v in np.linalg.eigh(piece)[1].T]
    around = np.sort(np.concatenate([angles, np.array(angles) + np.pi]) % (2 * np.pi))
    w = np.stack([np.cos(around), np.sin(around)])
    along = couplings @ w
    softened = along**2 / np.where(along > 0, stiffness[:, :1], stiffness[:, 1:])
    return np.einsum("ik,ij,jk->k", w, form, w) - softened.sum(axis=0)


def one_sided_verdict(below: Array, jumps: Array, error: float) -> Verdict:
    """At b_i = 0, W1 W2 != 0: `below` is the Hessian from the side of negative biases, which are stable.

    `jumps[i]` is what its entry (b_i, b_i) gains above, `error` the rounding error of the form.
    """
    own = np.diag(below)[2:]
    if np.any(own <= error):
        return UNDECIDED
    values = _sector_values(below[:2, :2], below[2:, :2], np.stack([own, own + jumps], axis=1))
    if np.any(np.abs(values) <= error) and values.min() >= -error:
        return UNDECIDED
    falls = values < 0
    sectors = int(np.sum(falls & ~np.roll(falls, 1)))
    return Verdict("saddle" if falls.any() else "minimum", 1 - sectors)


def two_sided_verdict(signs: list[int]) -> Verdict:
    """At a dedicated point, from the signs of `dedicated_form` towards both sides."""
    if min(signs) < 0:
        return Verdict("saddle", sum(signs) // 2 if 0 not in signs else None)
    return Verdict("minimum", 1) if min(signs) > 0 else UNDECIDED


def dedicated_form(p_own: Any, p_other: Any, I_own: Any, I_other: Any, side: int, sqrt: Any) -> Any:
    """The second-order form of the loss around a dedicated point of independent features, towards one side.

    At W = (1, 0), b = (0, p2/2), moving W2 by w = +-1 (`side`) and everything else as is best for it, the loss grows by
    w^2 times the value returned here: the point is a minimum if it is positive for both sides, a saddle if it is
    negative for one. derivations/dedicated.py derives it. With q = 1 - p, V(p) = p/3 - p^2/4 the variance of a feature,
    and d the first-order change of b1, which is

        towards confused     the root in (-1, 0) of   p1 (p2/2 + d)/2 + q1 p2 (1 + d)^2 = 0
        towards antipodal    the root in (0, p2/2) of  p1 (d - p2/2)/2 + q1 p2 d^2 + 2 q1 q2 d = 0

    it is  I1 (p1 V(p2) + p1 (d +- p2/2)^2/4 + q1 p2 C + q1 q2 max(d, 0)^2) + I2 (V(p1) - 2 V(p2)), where C is
    (1 + d)^3/3 or d^3/3. `sqrt` is the square root of the arithmetic in use.
    """
    q_own, q_other = 1 - p_own, 1 - p_other
    own, other = p_own * (4 - 3 * p_own) / 12, p_other * (4 - 3 * p_other) / 12
    a = q_own * p_other
    if side > 0:
        half = (p_own / 2 + 2 * a) / 2
        constant = p_own * p_other / 4 + a
        d = -constant / (half + sqrt(half * half - a * constant))
        rest = p_own * (d + p_other / 2) ** 2 / 4 + a * (1 + d) ** 3 / 3
    else:
        half = (p_own / 2 + 2 * q_own * q_other) / 2
        constant = p_own * p_other / 4
        d = constant / (half + sqrt(half * half + a * constant))
        rest = p_own * (d - p_other / 2) ** 2 / 4 + a * d**3 / 3 + q_own * q_other * d * d
    return I_own * (p_own * other + rest) + I_other * (own - 2 * other)
