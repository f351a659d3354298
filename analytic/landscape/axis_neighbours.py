"""Stationary points so close to an axis that float64 does not see them, in as many digits as it takes.

There are two reasons for such points. Close to an instability of a stationary point on the axis W2 = 0, another one
lies on the ray W2 = t W1 with t proportional to the distance from the instability, and the gradient between the two is
of the order of its square. And where an axis is not stationary, but feature 1 is much more important than feature 2, t
is of the order of the ratio of importances, down to 1e-15, and so are the biases that decide about it.

But on each ray radius and biases are well determined, with W1 near 1 and the second output nearly constant. So the
derivative across the rays, at their best values, is a function of t alone. Its changes of sign along a ladder of rays,
a factor of a hundred apart, bracket the points, and a few halvings in log t lead to where Newton's method converges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from analytic.landscape.candidates import Candidate, Source, full_hessian, judged
from analytic.landscape.high_precision import refined
from analytic.landscape.special_points import dedicated_terms, first_dedicated, linear_axis_bias
from analytic.loss.exact import exact_gradient, mpmath_parameters
from analytic.models.bias import Bias
from analytic.models.symmetry import canonical, exchanged
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

#: Relative distance from an instability below which its neighbour is looked for; beyond, the search sees both points.
_NEAR = 1e-4
#: log10 of the rays: the search resolves points beyond the last one, and nothing but the axis lies before the first.
_LADDER = range(-24, -3, 2)
_DIGITS, _HALVINGS = 40, 8


def _starts(start: Array, t: float, shared: bool) -> Iterator[Array]:
    """Starts on a ray: where the last point was, and with b1 at distances from the kink of h1 at x1 = 0, x2 = 1."""
    W1, _, b1, b2 = start
    yield np.array([W1, t * W1, b1, b2])
    if t > 0:
        for above in (0.5, 0.1, 0.01, 1e-3, 1e-4):
            near_kink = (above - 1) * t * W1 * W1
            yield np.array([W1, t * W1, near_kink, near_kink if shared else b2])


def _on_ray(model: ToyModel, start: Array, t: float) -> tuple[Array, int] | None:
    """The point of a ray near `start` where radius and biases are stationary, and the sign of dL/dt there."""
    frame = model.bias.embedding()[:, 1:].copy()
    frame[:, 0] = [1.0, t, 0.0, 0.0]
    for near in _starts(start, t, model.bias is Bias.SHARED):
        try:
            point = refined(model, near, frame, _DIGITS, 1)
        except ArithmeticError:
            continue
        with mpmath.workdps(2 * _DIGITS):
            slope = exact_gradient(mpmath_parameters(model), *point)[1] / point[0]
        return np.array([float(value) for value in point]), int(mpmath.sign(slope))
    return None


def _between(model: ToyModel, start: Array, low: float, high: float, sign_at_low: int) -> Array | None:
    """The point between two rays where the sign changes: by bisection in log t, then Newton's method."""
    for _ in range(_HALVINGS):
        middle = float(np.sign(low) * np.sqrt(low * high))
        found = _on_ray(model, start, middle)
        if found is None:
            return None
        start, sign = found
        low, high = (middle, high) if sign == sign_at_low else (low, middle)
    try:
        point = refined(model, start, model.bias.embedding(), _DIGITS, 1)
    except ArithmeticError:
        return None
    return np.array([float(value) for value in point])


def _along(model: ToyModel, start: Array, side: int) -> Iterator[Array]:
    """Points on one side of the axis W2 = 0."""
    last: tuple[float, Array, int] | None = None
    for exponent in _LADDER:
        t = side * 10.0**exponent
        found = _on_ray(model, start, t)
        if found is None:
            last = None
            continue
        start, sign = found
        if last is not None and sign != last[2]:
            point = _between(model, last[1], last[0], t, last[2])
            if point is not None:
                yield point
        last = t, start, sign


def _axis_point(model: ToyModel) -> Array:
    """Where W1 and the biases are stationary on the axis W2 = 0."""
    if model.bias is Bias.SHARED:
        b = float(linear_axis_bias(model))
        return np.array([(1 - 1.5 * b) ** 0.5, 0.0, b, b])
    return np.array([1.0, 0.0, 0.0, model.density[1] / 2])


def _unstable_sides(model: ToyModel) -> list[int]:
    """The signs of W1 W2 towards which a stationary point on the axis W2 = 0 is close to changing its kind."""
    if not any(True for _ in first_dedicated(model)):
        return []
    if model.bias is Bias.PER_FEATURE:
        return [side for side in (1, -1) if dedicated_terms(model, side)[1] < _NEAR]
    z = _axis_point(model)
    full = model.bias.gather_hessian(full_hessian(model, z))
    across = full[1, 1] - full[1, [0, 2]] @ np.linalg.solve(full[np.ix_([0, 2], [0, 2])], full[[0, 2], 1])
    return [1, -1] if abs(across) < _NEAR * sum(model.importance) * max(model.density) else []


def next_to_axes(model: ToyModel, everywhere: bool = False) -> list[Candidate]:
    """Points next to either axis: where a stationary point on it is about to change its kind, or `everywhere`."""
    found: list[Any] = []
    for oriented, back in ((model, lambda z: z), (model.exchanged, exchanged)):
        for side in (1, -1) if everywhere else _unstable_sides(oriented):
            found += [back(z) for z in _along(oriented, _axis_point(oriented), side)]
    return [judged(model, canonical(z), Source.NEXT_TO_AXIS) for z in found]
