"""Descent to a minimum of the exact loss, from many starts at once: BFGS, then Newton's method to rounding error.

All starts advance together, because one evaluation of a thousand points costs little more than of a few. Each row is
computed as if it were alone: results do not depend on what else is in the batch.

BFGS with backtracking keeps its steps shorter than `LONGEST`, so that a start goes to a minimum near it rather than to
any. It needs no second derivatives, which jump on kinks. Where the gradient is small, Newton's method takes over, on
the directions in which the loss is curved: rotations of the hidden space, and the bias of an output that is dead, leave
the loss as it is, and there the Hessian has zeros that no step should divide by. A Newton step counts only if it makes
the gradient smaller; what does not get below the tolerance is reported as not converged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.models.relu_output import ReluOutputModel

Array = npt.NDArray[np.float64]

#: A point is converged where |gradient| is below this, in units of the silent loss sum I_i E[x_i^2].
CONVERGED = 1e-12
#: The most features for which loss, gradient and Hessian are exact up to rounding.
MOST_FEATURES = 12
#: Of the lattice, for more features.
LOSS_TOLERANCE = 1e-8
#: Where BFGS hands over to Newton's method, in the same units.
_SMALL = 1e-6
#: Longest step of BFGS: minima of the model are about one apart.
LONGEST = 0.3
ARMIJO, HALVINGS = 1e-4, 25
_NEWTON = 12
#: Curvatures below this share of the largest one count as flat: rounding leaves about 1e-12.
_FLAT = 1e-8


class Ends(NamedTuple):
    """Where the starts ended: parameters (N, k), losses and norms of the gradient (N,)."""

    theta: Array
    loss: Array
    gradient_norm: Array


@dataclass(frozen=True)
class Objective:
    """The loss of a model as a function of its parameters (..., k): W row by row, then b by its convention.

    tolerance, method : as for `ReluOutputModel.loss`
    """

    model: ReluOutputModel
    tolerance: float = field(default=LOSS_TOLERANCE, kw_only=True)
    method: Literal["recurrence", "lattice"] | None = field(default=None, kw_only=True)

    @classmethod
    def exact(cls, model: ReluOutputModel) -> Objective:
        """With losses and gradients up to rounding, for at most `MOST_FEATURES` features."""
        return cls(model, method="recurrence")

    @property
    def shape(self) -> tuple[int, int]:
        """(hidden, features)."""
        return self.model.hidden, self.model.features

    @property
    def unit(self) -> float:
        """The silent loss: what gradients and losses are measured by."""
        return self.model.silent_loss

    def split(self, theta: Array) -> tuple[Array, Array | None]:
        """W (..., hidden, features) and b as users see them."""
        hidden, features = self.shape
        W, b = self.model.bias.weights_and_bias(theta, features, hidden)
        return W.reshape(*theta.shape[:-1], hidden, features), b

    def join(self, W: Array, b: Array | None) -> Array:
        """The inverse of `split`."""
        return self.model.bias.parameters(W.reshape(*W.shape[:-2], -1), b)

    def __call__(self, theta: Array) -> tuple[Array, Array]:
        """Losses (N,) and gradients (N, k)."""
        loss, by_W, by_b = self.model.loss_and_gradient(
            *self.split(theta), tolerance=self.tolerance, method=self.method
        )
        return loss, self.join(by_W, by_b)

    def hessian(self, theta: Array) -> Array:
        """Hessians (N, k, k)."""
        return self.model.hessian(*self.split(theta))


def minimise(
    objective: Objective, starts: Array, *, most_steps: int = 2000, report: Callable[[int], None] = lambda left: None
) -> Ends:
    """Descends from all starts (N, k); `report` is told how many are still on their way."""
    theta, loss, gradient = _bfgs(objective, np.array(starts, float), most_steps, report)
    return polish(objective, theta, loss, gradient)


class _Rows:
    """The rows that are still on their way, with the inverse Hessians that BFGS has built up."""

    def __init__(self, objective: Objective, theta: Array) -> None:
        self.objective, self.theta = objective, theta
        self.loss, self.gradient = objective(theta)
        self.inverse = np.broadcast_to(np.eye(theta.shape[1]), (*theta.shape, theta.shape[1])) / objective.unit
        self.fresh = np.ones(len(theta), bool)

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        for name in ("theta", "loss", "gradient", "inverse", "fresh"):
            setattr(self, name, getattr(self, name)[rows])

    def direction(self) -> Array:
        """Downhill, and no longer than the longest step."""
        step = -np.einsum("nij,nj->ni", self.inverse, self.gradient)
        uphill = np.einsum("ni,ni->n", step, self.gradient) >= 0
        step[uphill] = -self.gradient[uphill]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        return step * np.minimum(1.0, LONGEST / np.maximum(length, 1e-300))

    def advance(self) -> npt.NDArray[np.bool_]:
        """One step of each row; -> which of them found a lower point."""
        step = self.direction()
        slope = np.einsum("ni,ni->n", step, self.gradient)
        size, waiting = np.ones(len(step)), np.ones(len(step), bool)
        theta, loss, gradient = self.theta.copy(), self.loss.copy(), self.gradient.copy()
        for _ in range(HALVINGS):
            trial = self.theta[waiting] + size[waiting, None] * step[waiting]
            at, slopes = self.objective(trial)
            lower = at <= self.loss[waiting] + ARMIJO * size[waiting] * slope[waiting]
            rows = np.flatnonzero(waiting)[lower]
            theta[rows], loss[rows], gradient[rows] = trial[lower], at[lower], slopes[lower]
            waiting[rows] = False
            size[waiting] /= 2
            if not waiting.any():
                break
        self._update(theta - self.theta, gradient - self.gradient)
        self.theta, self.loss, self.gradient = theta, loss, gradient
        return ~waiting

    def _update(self, s: Array, y: Array) -> None:
        """BFGS's formula where the loss curves upwards along the step; the first one also sets the scale."""
        sy, yy = np.einsum("ni,ni->n", s, y), np.einsum("ni,ni->n", y, y)
        good = sy > 1e-10 * np.sqrt(yy * np.einsum("ni,ni->n", s, s))
        first = good & self.fresh
        self.inverse = self.inverse.copy()
        self.inverse[first] = np.eye(s.shape[1]) * (sy[first] / yy[first])[:, None, None]
        self.fresh &= ~good
        s, y, sy, H = s[good], y[good], sy[good], self.inverse[good]
        Hy = np.einsum("nij,nj->ni", H, y)
        factor = (1 + np.einsum("ni,ni->n", y, Hy) / sy) / sy
        cross = s[:, :, None] * Hy[:, None, :] / sy[:, None, None]
        square = factor[:, None, None] * s[:, :, None] * s[:, None, :]
        self.inverse[good] = H + square - cross - np.swapaxes(cross, 1, 2)


def _bfgs(
    objective: Objective, starts: Array, most_steps: int, report: Callable[[int], None]
) -> tuple[Array, Array, Array]:
    rows, left = _Rows(objective, starts), np.arange(len(starts))
    theta, (loss, gradient) = starts.copy(), (rows.loss.copy(), rows.gradient.copy())
    for _ in range(most_steps):
        on_their_way = np.linalg.norm(rows.gradient, axis=1) > _SMALL * objective.unit
        if not on_their_way.all():
            rows.keep(on_their_way)
            left = left[on_their_way]
        report(len(left))
        if not len(left):
            break
        moved = rows.advance()
        theta[left], loss[left], gradient[left] = rows.theta, rows.loss, rows.gradient
        if not moved.all():
            rows.keep(moved)
            left = left[moved]
    return theta, loss, gradient


def polish(objective: Objective, theta: Array, loss: Array, gradient: Array) -> Ends:
    """Newton's method on the curved directions, for as long as the gradient gets smaller."""
    norm = np.linalg.norm(gradient, axis=1)
    theta, loss, gradient, rows = theta.copy(), loss.copy(), gradient.copy(), np.arange(len(theta))
    for _ in range(_NEWTON):
        rows = rows[(norm[rows] > 0.01 * CONVERGED * objective.unit) & (norm[rows] < 1e3 * _SMALL * objective.unit)]
        if not len(rows):
            break
        trial = theta[rows] - newton_step(objective.hessian(theta[rows]), gradient[rows])
        at, slopes = objective(trial)
        smaller = np.linalg.norm(slopes, axis=1) < norm[rows]
        rows = rows[smaller]
        theta[rows], loss[rows], gradient[rows] = trial[smaller], at[smaller], slopes[smaller]
        norm[rows] = np.linalg.norm(gradient[rows], axis=1)
    return Ends(theta, loss, norm)


def newton_step(hessian: Array, gradient: Array) -> Array:
    """H^+ g for many rows, with curvatures that are flat to rounding left out."""
    values, vectors = np.linalg.eigh(hessian)
    sizes = np.abs(values)
    curved = sizes > _FLAT * sizes.max(axis=1, keepdims=True)
    inverse = np.where(curved, 1 / np.where(curved, values, 1.0), 0.0)
    return np.einsum("nij,nj,nkj,nk->ni", vectors, inverse, vectors, gradient, optimize=True)
