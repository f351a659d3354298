"""More digits of stationary points with bias.

A point in float64 is the start of the chord method z := z - H^-1 g(z): g is the gradient in mpmath arithmetic, H the
Hessian of the start in float64, which gains about as many digits per step as H has right. Coordinates that are exactly
zero stay zero: those points sit on an axis or on a kink, the gradient vanishes there in these coordinates by symmetry
or by a closed form (`biased`), and in the remaining ones the loss is smooth.
"""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np

from analytic.landscape.records import Landscape, StationaryPoint
from analytic.loss.exact import exact_gradient, exact_loss, mpmath_parameters
from analytic.models.toy import ToyModel

_STEPS = 400


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
    z, parameters = [mpmath.mpf(float(value)) for value in start], mpmath_parameters(model)
    for _ in range(_STEPS):
        full = exact_gradient(parameters, *z)
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
