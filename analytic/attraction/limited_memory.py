"""L-BFGS for many features: to a minimum nearby, as closely as the lattice tells the gradient from zero.

Like the BFGS of the search (search/minimiser.py), with the same bound on the length of a step, but with the last
`_MEMORY` steps in place of a matrix: two loops over them give the direction (Nocedal, 1980). One start at a time, since
one gradient of hundreds of features is work enough. Close to the end losses differ by less than their errors; there a
step also counts if it makes the gradient smaller and the loss no larger than errors explain. It ends where the gradient
is below `rest`, or where no shorter step counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from analytic.search.minimiser import ARMIJO, HALVINGS, LONGEST, Ends, Objective

Array = npt.NDArray[np.float64]

#: Steps that are remembered.
_MEMORY = 20
#: What losses may be wrong by, in units of the gradient at which a descent rests: a few times what lattices are.
_ERROR = 0.1


def minimise(objective: Objective, starts: Array, most_steps: int, rest: float, report: Callable[[int], None]) -> Ends:
    """Ends of descents from all starts (N, k); `report` is told after each step how many starts are left."""
    found = [
        _descend(objective, start, most_steps, rest, partial(report, len(starts) - row))
        for row, start in enumerate(starts)
    ]
    return Ends(*(np.array(column) for column in zip(*found, strict=True)))


def _descend(
    objective: Objective, theta: Array, most_steps: int, rest: float, report: Callable[[], None]
) -> tuple[Array, float, float]:
    loss, gradient = _at(objective, theta)
    kept: deque[tuple[Array, Array]] = deque(maxlen=_MEMORY)
    for _ in range(most_steps):
        report()
        if np.linalg.norm(gradient) <= rest:
            break
        step = _direction(gradient, kept, objective.unit)
        step *= min(1.0, LONGEST / float(np.linalg.norm(step)))
        found = _better(objective, (theta, loss, gradient), step, _ERROR * rest)
        if found is None and not kept:
            break
        if found is None:  # what is remembered is of no use here
            kept.clear()
            continue
        s, y = found[0] - theta, found[2] - gradient
        if s @ y > 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
            kept.append((s, y))
        theta, loss, gradient = found
    return theta, loss, float(np.linalg.norm(gradient))


def _at(objective: Objective, theta: Array) -> tuple[float, Array]:
    loss, gradient = objective(theta[None])
    return float(loss[0]), gradient[0]


def _direction(gradient: Array, kept: deque[tuple[Array, Array]], unit: float) -> Array:
    """Minus the inverse Hessian that the remembered steps make up, times the gradient."""
    rest, factors = gradient.copy(), []
    for s, y in reversed(kept):
        factors.append(float(s @ rest) / float(s @ y))
        rest -= factors[-1] * y
    rest *= float(kept[-1][0] @ kept[-1][1]) / float(kept[-1][1] @ kept[-1][1]) if kept else 1 / unit
    for (s, y), factor in zip(kept, reversed(factors), strict=True):
        rest += (factor - float(y @ rest) / float(s @ y)) * s
    return -rest


def _better(
    objective: Objective, start: tuple[Array, float, Array], step: Array, error: float
) -> tuple[Array, float, Array] | None:
    """The first of shorter and shorter steps that lowers the loss enough, or the gradient where losses say nothing."""
    theta, loss, gradient = start
    slope, norm = float(step @ gradient), np.linalg.norm(gradient)
    for halving in range(HALVINGS):
        size = 0.5**halving
        trial = theta + size * step
        lower, steeper = _at(objective, trial)
        if lower <= loss + ARMIJO * size * slope or (lower <= loss + error and np.linalg.norm(steeper) < norm):
            return trial, lower, steeper
    return None
