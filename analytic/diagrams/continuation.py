"""Curves of solutions of F(x) = 0 with one unknown more than equations: pseudo-arclength continuation.

From a solution the next one is predicted along the tangent, the null vector of the Jacobian, and corrected by Newton's
method in the hyperplane across it. So turning points are no obstacle. The step grows where the corrector is quick and
shrinks where it is not or where the tangent turns.

A curve is followed inside a region {x: every border is positive}. It ends on the border that it crosses first, at a
point that solves F(x) = 0 = border(x): the end of a curve is located, not approached.

Systems and borders take whole stacks of points, (..., unknowns) -> (..., equations) and (...), so that all differences
of a Jacobian are one call. Jacobians come from central differences; they steer the iteration and do not enter the
residual, which decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
#: (..., unknowns) -> (..., equations).
System = Callable[[Array], Array]
#: (..., unknowns) -> (...), positive inside.
Border = Callable[[Array], Array]
Values = dict[str, float]

#: Step of the differences; divided by four, down to the least, whenever Newton's method does not gain a factor of five.
_DIFFERENCE, _LEAST_DIFFERENCE = 1e-8, 1e-10
_RESIDUAL = 1e-12
_NEWTON_STEPS = 20
_FIRST_STEP, _SMALLEST_STEP, _LARGEST_STEP = 0.01, 1e-5, 0.06
#: A curve that got stuck is this close to the border that stopped it.
_REACH = 1e-3
_LARGEST_TURN = 0.98  # cosine between successive tangents
_POINTS = 600
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class Path:
    """A curve as rows x, and the name of the border at its start and its end; "" where it was given up before one."""

    rows: Array
    ends: tuple[str, str]


def linearised(system: System, x: Array, difference: float = _DIFFERENCE) -> tuple[Array, Array]:
    """The system at x and its derivatives, (equations, unknowns), by central differences: one call of the system."""
    moves = difference * np.eye(x.size)
    values = system(np.concatenate([x + moves, x - moves, x[None]]))
    return values[-1], (values[: x.size] - values[x.size : -1]).T / (2 * difference)


def solve(system: System, x: Array) -> Array | None:
    """Newton's method, with least squares if there are more unknowns than equations; None if it does not converge."""
    size, difference = np.inf, _DIFFERENCE
    for _ in range(_NEWTON_STEPS):
        residual, matrix = linearised(system, x, difference)
        before, size = size, float(np.abs(residual).max())
        if size <= _RESIDUAL:
            return x
        if size > before / 5:
            difference = max(difference / 4, _LEAST_DIFFERENCE)
            matrix = linearised(system, x, difference)[1]
        if not (np.isfinite(size) and np.isfinite(matrix).all()):
            return None
        step = np.linalg.lstsq(matrix, -residual, rcond=None)[0]
        x = x + step * min(1.0, 0.5 / max(np.abs(step).max(), _TINY))
    return x if np.abs(system(x)).max() <= _RESIDUAL else None


def with_equation(system: System, equation: Border) -> System:
    """The system and one equation more."""
    return lambda x: np.concatenate([system(x), equation(x)[..., None]], axis=-1)


def tangent(system: System, x: Array, along: Array | None) -> Array:
    """The unit null vector of the Jacobian, pointing along the vector given."""
    null = np.linalg.svd(linearised(system, x)[1])[2][-1]
    return -null if along is not None and null @ along < 0 else null


def _land(system: System, border: Border, near: Array, reach: float) -> Array | None:
    """The solution on a border, if it is within reach of a point."""
    found = solve(with_equation(system, border), near)
    return found if found is not None and np.linalg.norm(found - near) <= reach else None


def _values(borders: Mapping[str, Border], x: Array) -> Values:
    """How far inside of every border a point is."""
    return {name: float(border(x)) for name, border in borders.items()}


def _crossed(
    system: System, borders: Mapping[str, Border], inside: tuple[Array, Values], next_one: tuple[Array, Values]
) -> tuple[str, Array | None]:
    """The border between a point inside and the next, and the solution on it; "" if all of them are positive."""
    (old, before), (new, after) = inside, next_one
    shares = {name: before[name] / max(before[name] - value, _TINY) for name, value in after.items() if not value > 0}
    if not shares:
        return "", None
    name = min(shares, key=lambda each: shares[each])
    reach = 1.5 * float(np.linalg.norm(new - old))
    return name, _land(system, borders[name], old + min(max(shares[name], 0.0), 1.0) * (new - old), reach)


def _stuck(system: System, borders: Mapping[str, Border], x: Array) -> tuple[str, Array | None]:
    """The border at a point where no step succeeds: where the system has a kink the curve may turn back at once."""
    values = _values(borders, x)
    name = min(values, key=lambda each: abs(values[each]))
    if abs(values[name]) > _REACH:
        return "", None
    return name, _land(system, borders[name], x, _REACH)


def follow(system: System, start: Array, direction: Array, borders: Mapping[str, Border]) -> tuple[list[Array], str]:
    """Solutions from `start` onwards in one direction, and the border where they end; "" if they are given up."""
    found, step, here = [start], _FIRST_STEP, _values(borders, start)
    while len(found) < _POINTS:
        if step < _SMALLEST_STEP:
            name, last = _stuck(system, borders, found[-1])
            return (found if last is None else [*found, last]), name
        x, ahead = found[-1], direction
        target = x + step * ahead
        new = solve(with_equation(system, lambda y, t=target, a=ahead: (y - t) @ a), target)  # type: ignore[misc]
        step /= 2
        if new is None or not np.linalg.norm(new - x) < 4 * step:
            continue
        turned = tangent(system, new, direction)
        if turned @ direction < _LARGEST_TURN:
            continue
        there = _values(borders, new)
        name, last = _crossed(system, borders, (x, here), (new, there))
        if last is not None:
            return [*found, last], name
        if not name:
            found.append(new)
            direction, here = turned, there
            step = min(2.8 * step, _LARGEST_STEP)
    return found, ""


def trace(system: System, start: Array, borders: Mapping[str, Border]) -> Path:
    """The curve through a solution inside all borders, both ways."""
    forward = tangent(system, start, None)
    ahead, last = follow(system, start, forward, borders)
    back, first = follow(system, start, -forward, borders)
    return Path(np.array([*reversed(back[1:]), *ahead]), (first, last))
