"""What a descent came to: its record, with ends polished as far as the loss is known.

Up to 12 features second derivatives are exact, and Newton's method takes an end to
|gradient| <= 1e-12 sum I_i E[x_i^2], where that stays with it. Beyond, the lattice is the limit, and ends stay as they
are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.attraction.trajectories import Descent, End
from analytic.models.relu_output import ReluOutputModel
from analytic.search.distinct import curvature
from analytic.search.minimiser import CONVERGED, MOST_FEATURES, Objective, polish

Array = npt.NDArray[np.float64]

#: Newton's method that ends farther away than this, or on a saddle, has led elsewhere.
_NEARBY, _HERE, _DOWNWARDS = 0.1, 1e-6, 1e-7


def learning_time(model: ReluOutputModel) -> float:
    """The time in which the flow learns a feature by itself: 1 / max I_i E[x_i^2]."""
    return float(1 / (np.max(model.importance * model.density) / 3))


def record(
    objective: Objective,
    lead: tuple[int, ...],
    dynamics: str,
    settings: dict[str, Any],
    time: Array,
    points: Array,
    last: Array,
    tau: float,
    completed: bool,
) -> Descent:
    """The record of trajectories (c, N, k) that ended at `last` (N, k)."""
    with np.errstate(over="ignore", invalid="ignore"):
        loss, gradient = objective(points.reshape(-1, points.shape[-1]))
        norm = np.linalg.norm(gradient, axis=1)
    shape = (len(time), *lead)
    W, b = objective.split(points.reshape(*shape, -1))
    return Descent(
        model=objective.model,
        dynamics=dynamics,
        settings=settings,
        time=time,
        W=W,
        b=b,
        loss=loss.reshape(shape),
        gradient_norm=norm.reshape(shape),
        final=_end(objective, lead, last, dynamics == "newton"),
        unit_time=tau,
        completed=completed,
    )


def _end(objective: Objective, lead: tuple[int, ...], last: Array, already: bool) -> End:
    """The last points (N, k), polished by Newton's method where that stays with them (`already`: where they are so)."""
    theta, loss, norm, least = _polished(objective, last, already)
    W, b = objective.split(theta.reshape(*lead, -1))
    return End(W, b, *(each.reshape(lead)[()] for each in (loss, norm, least)))


def _polished(objective: Objective, last: Array, already: bool) -> tuple[Array, Array, Array, Array]:
    if objective.model.features <= MOST_FEATURES:
        objective = Objective.exact(objective.model)
    loss, gradient = objective(last)
    norm, least = np.linalg.norm(gradient, axis=1), np.full(len(last), np.nan)
    theta = last.copy()
    if objective.model.features > MOST_FEATURES:
        return theta, loss, norm, least
    rows = np.flatnonzero(np.isfinite(norm))
    ends = polish(objective, last[rows], loss[rows], gradient[rows])
    for row, point, height, size in zip(rows, *ends, strict=True):
        moved = np.linalg.norm(point - last[row])
        if size > CONVERGED * objective.unit or moved > _NEARBY:
            continue
        lowest = curvature(objective, point)
        if already or lowest >= -_DOWNWARDS * objective.unit or moved <= _HERE:
            theta[row], loss[row], norm[row], least[row] = point, height, size, lowest
    return theta, loss, norm, least
