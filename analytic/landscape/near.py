"""Stationary points that have just left a dedicated point, where float64 sees only one of the two.

Close to an instability of the dedicated point (`kinds.dedicated_form` near zero), another stationary point lies at a
distance in W proportional to the distance from the instability, and the gradient between them is of the order of the
square of that: below rounding error from 1e-8 on. So Newton's method runs here in 60 digits, with derivatives by
differences, from starts on both sides that are further out; along the flat direction the gradient is m w + k w^2 to
lowest order, and Newton's method converges to -m/k from any start beyond half of it.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from analytic.loss.exact import exact_gradient, mpmath_parameters
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

_DIGITS = 60
#: Starting weights, the largest weight that is near, and the one below which it is the dedicated point itself.
_STARTS, _NEAR, _ITSELF = (1e-3, 1e-5), 1e-5, 1e-30


def _end(model: ToyModel, first: bool, start: Any) -> Array | None:
    """Where Newton's method ends from W = (1, start) or (start, 1)."""
    parameters = mpmath_parameters(model)
    own, other = (float(p) / 2 for p in (model.exact_density if first else model.exact_density[::-1]))
    z = [1, start, -start * other, other - start * own] if first else [start, 1, other - start * own, -start * other]
    try:
        root = mpmath.findroot(lambda *at: exact_gradient(parameters, *at), z, tol=1e-80, maxsteps=40)
    except (ValueError, ZeroDivisionError):
        return None
    end = np.array([float(x) for x in root])
    return end if end[0] > 0 else end * [-1, -1, 1, 1]


def _is_known(end: Array, known: list[Array]) -> bool:
    """Whether a point of the list has the same weights to a thousandth of each."""
    return any(np.all(np.abs(end[:2] - other[:2]) <= 1e-3 * np.abs(end[:2])) for other in known)


def next_to_dedicated(model: ToyModel, known: list[Array]) -> list[Array]:
    """Stationary points (W1, W2, b1, b2) next to a dedicated one that are not known; per-feature bias only."""
    if model.bias != "per-feature":
        return []
    found: list[Array] = []
    with mpmath.workdps(_DIGITS):
        for first, start, side in product((True, False), _STARTS, (1, -1)):
            end = _end(model, first, mpmath.mpf(side * start))
            if end is not None and _ITSELF < np.abs(end[:2]).min() < _NEAR and not _is_known(end, [*known, *found]):
                found.append(end)
    return found
