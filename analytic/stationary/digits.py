"""More digits of stationary points with bias.

A point in float64 is the start of the chord method z := z - H^-1 g(z): g is the gradient in mpmath arithmetic, H the
Hessian of the start in float64, which gains about as many digits per step as H has right. Coordinates that are exactly
zero stay zero: those points sit on an axis or on a kink, the gradient vanishes there in these coordinates by symmetry
or by a closed form (`biased`), and in the remaining ones the loss is smooth.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np

from analytic import kernels
from analytic.exact import exact_loss
from analytic.model import ToyModel
from analytic.stationary.landscape import Landscape, StationaryPoint

_STEPS = 400


def _gradient(model: ToyModel, z: list[Any]) -> list[Any]:
    """Derivatives by W1, W2, b1, b2 in the arithmetic of z."""
    W1, W2, b1, b2 = z
    I1, I2, p00, p10, p01, p11 = (
        mpmath.mpf(n.numerator) / n.denominator for n in (*model.exact_importance, *model.exact_patterns)
    )
    _, xh1, h1, yh1, x1, xx1, xy1 = kernels.moments(W1 * W1, W1 * W2, b1, p00, p10, p01, p11)
    _, xh2, h2, yh2, x2, xx2, xy2 = kernels.moments(W2 * W2, W1 * W2, b2, p00, p01, p10, p11)
    by_beta = 2 * (I1 * (yh1 - xy1) + I2 * (yh2 - xy2))
    return [
        4 * W1 * I1 * (xh1 - xx1) + W2 * by_beta,
        4 * W2 * I2 * (xh2 - xx2) + W1 * by_beta,
        2 * I1 * (h1 - x1),
        2 * I2 * (h2 - x2),
    ]


def _refined(model: ToyModel, point: StationaryPoint, digits: int) -> StationaryPoint:
    """The point to the given number of digits."""
    shared = model.bias == "shared"
    start = np.concatenate([point.W, np.broadcast_to(point.b, 2)])
    size = 3 if shared else 4
    into = np.eye(4)[:, :size]
    into[3, -1] = 1.0  # a shared bias moves b1 and b2; per feature this is there already
    free = np.flatnonzero(start[:size])
    hessian = model.hessian(point.W, point.b)[np.ix_(free, free)]
    chord = mpmath.matrix(np.linalg.inv(hessian).tolist())
    z = [mpmath.mpf(float(value)) for value in start]
    for _ in range(_STEPS):
        full = _gradient(model, z)
        slopes = mpmath.matrix([sum(float(into[i, k]) * full[i] for i in range(4)) for k in free])
        step = chord * slopes
        for k, change in zip(free, step, strict=True):
            for i in np.flatnonzero(into[:, k]):
                z[i] -= change
        if mpmath.norm(step, mpmath.inf) < mpmath.mpf(10) ** -(digits + 5):
            b = z[2] if shared else np.array(z[2:])
            return replace(point, W=np.array(z[:2]), b=b, loss=exact_loss(model, z[:2], b))
    raise ArithmeticError(f"{point} of {model!r} did not converge to {digits} digits; it may lie next to a fold")


def with_digits(landscape: Landscape, digits: int) -> Landscape:
    """The landscape with every isolated point refined to `digits` digits, as mpmath numbers."""
    with mpmath.workdps(digits + 15):
        points = [_refined(landscape.model, point, digits) for point in landscape]
    return Landscape.collect(landscape.model, points, list(landscape.flat_sets))
