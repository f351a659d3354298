"""The state of a motion: its loss, gradient and Hessian, compiled, and whether it has ended.

A state is the vector of the convention's own parameters, W1, W2 and none, one or two biases: its length says which.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numba import njit

from analytic.loss.arrays import COMPILED
from analytic.loss.pair import point_gradient, point_hessian


class Status(IntEnum):
    """How a motion ended that no barrier decided; non-negative numbers are targets."""

    sentence: str

    def __new__(cls, value: int, sentence: str) -> Status:
        member = int.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    SILENT = -1, "both outputs are dead, so no gradient is left"
    AT_REST = -2, "the gradient is negligible"
    UNFINISHED = -3, "the steps ran out before it came to rest"
    DIVERGED = -4, "the parameters left every bound: the rate is too high"


#: A point is at rest where the gradient is this small in units of max I_i p_i: far above its rounding, 1e-15, and so
#: small that what is left to go, gradient over curvature, is below the distance that tells targets apart.
_REST = 1e-8

_SILENT, _AT_REST, UNFINISHED, DIVERGED = (int(status) for status in Status)


@njit(**COMPILED)
def _four(x):
    """(W1, W2, b1, b2) of a state."""
    if len(x) == 2:
        return x[0], x[1], 0.0, 0.0
    if len(x) == 3:
        return x[0], x[1], x[2], x[2]
    return x[0], x[1], x[2], x[3]


@njit(**COMPILED)
def slope(x, model, g):
    """Writes the gradient into g; -> loss."""
    W1, W2, b1, b2 = _four(x)
    loss, g[0], g[1], g2, g3 = point_gradient(W1, W2, b1, b2, model)
    if len(x) == 3:
        g[2] = g2 + g3
    elif len(x) == 4:
        g[2], g[3] = g2, g3
    return loss


@njit(**COMPILED)
def curvature(x, model, out):
    """Writes the Hessian into the leading block of `out` (4, 4)."""
    W1, W2, b1, b2 = _four(x)
    point_hessian(W1, W2, b1, b2, model, out)
    if len(x) == 3:
        for i in range(4):
            out[2, i] += out[3, i]
        for i in range(4):
            out[i, 2] += out[i, 3]


@njit(**COMPILED)
def both_dead(x, model):
    """Whether both outputs are dead: loss/dead.py, for one state."""
    W1, W2, b1, b2 = _four(x)
    first, second, both = model[3] > 0, model[4] > 0, model[5] > 0
    beta = W1 * W2
    own1, own2 = (W1 * W1 if first or both else 0.0), (W2 * W2 if second or both else 0.0)
    cross1, cross2 = (beta if second or both else 0.0), (beta if first or both else 0.0)
    top1, top2 = max(0.0, own1, cross1), max(0.0, own2, cross2)
    if both:
        top1, top2 = max(top1, W1 * W1 + beta), max(top2, W2 * W2 + beta)
    return b1 + top1 <= 0 and b2 + top2 <= 0


@njit(**COMPILED)
def size(v):
    """|v|."""
    total = 0.0
    for i in range(len(v)):
        total += v[i] * v[i]
    return np.sqrt(total)


@njit(**COMPILED)
def unit_of(model):
    """max I_i p_i, the scale of the gradient."""
    return max(model[0] * (model[3] + model[5]), model[1] * (model[4] + model[5]))


@njit(**COMPILED)
def ending(x, loss, g, unit, model, barriers):
    """Where the motion has ended: the target that a barrier guarantees, SILENT or AT_REST; else UNFINISHED."""
    if loss < barriers.floor:
        return barriers.lowest
    for n in range(len(barriers.radii)):
        if loss < barriers.walls[n]:
            square = 0.0
            for i in range(len(x)):
                square += (x[i] - barriers.points[n, i]) ** 2
            if square < barriers.radii[n] ** 2:
                return barriers.owners[n]
    if size(g) > _REST * unit:
        return UNFINISHED
    return _SILENT if both_dead(x, model) else _AT_REST
