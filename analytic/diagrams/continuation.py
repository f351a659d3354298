"""Curves of solutions of F(x) = 0 with one unknown more than equations: pseudo-arclength continuation.

From a solution the next one is predicted along the tangent, the null vector of the Jacobian, and corrected by Newton's
method in the hyperplane across it. So turning points are no obstacle. The step grows where the corrector is quick and
shrinks where it is not or where the tangent turns. Jacobians come from central differences; they steer the iteration
and do not enter the residual, which decides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
System = Callable[[Array], Array]

_DIFFERENCE = 1e-6
_RESIDUAL = 1e-12
_NEWTON_STEPS = 12
_SMALLEST_STEP, _LARGEST_STEP = 1e-5, 0.08
_LARGEST_TURN = 0.97  # cosine between successive tangents
_POINTS = 400


def jacobian(system: System, x: Array) -> Array:
    """Derivatives of the system, (equations, unknowns), by central differences."""
    moves = _DIFFERENCE * np.eye(x.size)
    return np.stack([(system(x + move) - system(x - move)) / (2 * _DIFFERENCE) for move in moves], axis=1)


def solve(system: System, x: Array) -> Array | None:
    """Newton's method, with least squares if there are more unknowns than equations; None if it does not converge."""
    for _ in range(_NEWTON_STEPS):
        residual = system(x)
        if not np.all(np.isfinite(residual)):
            return None
        if np.abs(residual).max() <= _RESIDUAL:
            return x
        step = np.linalg.lstsq(jacobian(system, x), -residual, rcond=None)[0]
        x = x + step * min(1.0, 0.5 / np.abs(step).max())
    return x if np.abs(system(x)).max() <= _RESIDUAL else None


def tangent(system: System, x: Array, along: Array | None) -> Array:
    """The unit null vector of the Jacobian, pointing along the vector given."""
    null = np.linalg.svd(jacobian(system, x))[2][-1]
    return -null if along is not None and null @ along < 0 else null


def _branch(system: System, start: Array, direction: Array, inside: Callable[[Array], bool]) -> list[Array]:
    """Solutions from `start` onwards in one direction, until they leave the domain or the steps become too small."""
    found = [start]
    step = 0.01
    while len(found) < _POINTS and step > _SMALLEST_STEP:
        x, ahead = found[-1], direction
        target = x + step * ahead

        def corrected(y: Array, target: Array = target, ahead: Array = ahead) -> Array:
            return np.append(system(y), (y - target) @ ahead)

        new = solve(corrected, target)
        if new is None or not np.linalg.norm(new - x) < 2 * step:
            step /= 2
            continue
        turned = tangent(system, new, direction)
        if turned @ direction < _LARGEST_TURN:
            step /= 2
            continue
        if not inside(new):
            step /= 2  # walk up to the border
            continue
        found.append(new)
        direction = turned
        step = min(1.4 * step, _LARGEST_STEP)
    return found


def trace(system: System, start: Array, inside: Callable[[Array], bool]) -> Array:
    """The curve through a solution, both ways, as rows; it ends within 1e-5 of the border of the domain."""
    forward = tangent(system, start, None)
    ahead = _branch(system, start, forward, inside)
    back = _branch(system, start, -forward, inside)
    return np.array([*reversed(back[1:]), *ahead])
