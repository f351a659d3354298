"""Plateaus of a descent: stretches where the loss hardly falls, and the stationary points beside them.

A plateau is slow beside what came before it and what is still to come. With tau the time in which a feature is learnt
and L_end the loss at the end, the loss falls per unit of log time, relative to what is still to be lost, by

    s = - d log(L - L_end) / d log(t + tau)

free of the scales of loss and time. Where s is small the descent loses little of what is left in a time as long as it
has taken so far. Loss that falls like a power of time has s of order one, an exponential approach to the end a large
and growing s; a plateau is a stretch with s < 1/4 that ends in a faster fall. The end itself is none.

A gradient flow can be slow only where its gradient is small. From the slowest point Newton's method looks for a
stationary point; it is the plateau's if it lies close by, in place and in loss. Its negative curvatures say in how many
directions a descent can leave, the largest of them how fast; curvatures along rotations of the hidden space and biases
of dead outputs are zero and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.polytopes.groups import Group, geometry, in_words
from analytic.search.distinct import curvatures
from analytic.search.minimiser import CONVERGED, Objective, newton_step

Array = npt.NDArray[np.float64]

#: A plateau has s below this, and at least so many intervals between checkpoints.
_SLOW, _INTERVALS = 0.25, 3
#: What is still to be lost has to be more than this, in units of the silent loss.
_LEAST_LEFT = 1e-4
#: Newton's method: steps, halvings of each, and the longest step.
_STEPS, _HALVINGS, _LONGEST = 60, 12, 0.1
#: A stationary point belongs to a plateau within this distance, and within this share of the loss still to be lost.
_CLOSE, _ALIKE = 0.3, 0.1
#: Entries of W below this are zero to the accuracy of Newton's method.
_ZERO = 1e-7
#: Curvatures above minus this, in units of the silent loss, are not negative.
_NEGATIVE = 1e-7


@dataclass(frozen=True, eq=False, repr=False)
class Stationary:
    """A stationary point of the exact loss.

    Attributes
    ----------
    W : (hidden, features);  b : None, a number (shared) or (features,)
    loss, gradient_norm : of the exact loss; |gradient| <= 1e-12 sum I_i E[x_i^2]
    curvatures : eigenvalues of the Hessian off the flat directions, ascending; one-sided on a kink
    index : how many of them are negative: 0 for a minimum
    escape_rate : minus the smallest, or 0: along it a deviation grows like exp(escape_rate t) under the flow
    """

    W: Array
    b: Any
    loss: float
    gradient_norm: float
    curvatures: Array
    index: int

    @property
    def escape_rate(self) -> float:
        return float(-self.curvatures[0]) if self.index else 0.0

    @property
    def groups(self) -> tuple[Group, ...]:
        """What it is made of; see `analytic.geometry`."""
        return geometry(np.where(np.abs(self.W) < _ZERO, 0.0, self.W))

    @property
    def shape(self) -> str:
        """The names of its groups in words: "digon, single, not represented"."""
        return in_words(self.groups)

    def __repr__(self) -> str:
        return f"Stationary({self.shape}, loss={self.loss:.9g}, index={self.index}, escape={self.escape_rate:.4g})"


@dataclass(frozen=True, eq=False)
class Plateau:
    """A stretch of one trajectory where the loss hardly falls.

    Attributes
    ----------
    start : tuple of int
        The trajectory, as an index into the leading axes of W.
    begins, ends : float
        Times.
    loss : float
        At its slowest point.
    stationary : Stationary or None
        The stationary point beside it, None if Newton's method found none close by.
    distance : float or None
        To that point.
    """

    start: tuple[int, ...]
    begins: float
    ends: float
    loss: float
    stationary: Stationary | None
    distance: float | None


def stretches(clock: Array, left: Array, least: float) -> Iterator[tuple[int, int]]:
    """First and last checkpoint of every plateau, for log times (c,) and losses still to be lost (c,)."""
    middle = (left[1:] + left[:-1]) / 2
    worth = middle > least
    slow = worth & (left[:-1] - left[1:] < _SLOW * middle * np.diff(clock))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], slow, [False]]).astype(int)))
    for first, last in edges.reshape(-1, 2):
        falls_later = bool((worth & ~slow)[last:].any())
        if last - first >= _INTERVALS and falls_later:
            yield int(first), int(last)


def plateaus(objective: Objective, time: Array, tau: float, theta: Array, loss: Array, norm: Array) -> list[Plateau]:
    """Plateaus of trajectories theta (c, N, k) with loss and gradient norm (c, N); `start` is (number,)."""
    clock, slow = np.log(time + tau), []
    for n in np.flatnonzero(np.isfinite(loss).all(axis=0)):
        left = loss[:, n] - loss[:, n].min()
        for first, last in stretches(clock, left, _LEAST_LEFT * objective.unit):
            slowest = first + int(np.argmin(norm[first : last + 1, n]))
            slow.append(_Slow(int(n), float(time[first]), float(time[last]), theta[slowest, n], float(loss[slowest, n]),
                              float(left[slowest])))  # fmt: skip
    if not slow:
        return []
    found, norms = _newton(objective, np.array([each.theta for each in slow]))
    converged = norms <= CONVERGED * objective.unit
    return [each.beside(objective, point, good) for each, point, good in zip(slow, found, converged, strict=True)]


@dataclass(frozen=True)
class _Slow:
    """A stretch of trajectory `number`: its times, and its slowest point with the loss there and still to be lost."""

    number: int
    begins: float
    ends: float
    theta: Array
    loss: float
    left: float

    def beside(self, objective: Objective, found: Array, converged: bool) -> Plateau:
        """The plateau, with the stationary point that was found from it if that is close by."""
        distance = float(np.linalg.norm(found - self.theta))
        point = stationary(objective, found) if converged and distance <= _CLOSE else None
        if point is None or abs(point.loss - self.loss) > _ALIKE * self.left:
            return Plateau((self.number,), self.begins, self.ends, self.loss, None, None)
        return Plateau((self.number,), self.begins, self.ends, self.loss, point, distance)


def stationary(objective: Objective, theta: Array) -> Stationary:
    """The record of a stationary point (k,)."""
    (loss,), (gradient,) = objective(theta[None])
    W, b = objective.split(theta)
    values = curvatures(objective, theta)
    return Stationary(
        W=W,
        b=None if b is None else float(b) if np.ndim(b) == 0 else b,
        loss=float(loss),
        gradient_norm=float(np.linalg.norm(gradient)),
        curvatures=values,
        index=int(np.sum(values < -_NEGATIVE * objective.unit)),
    )


def _newton(objective: Objective, theta: Array) -> tuple[Array, Array]:
    """Newton's method on the gradient, to stationary points of any kind: points (N, k) and their |gradient|."""
    theta, gradient = theta.copy(), objective(theta)[1]
    norm, rows = np.linalg.norm(gradient, axis=1), np.arange(len(theta))
    for _ in range(_STEPS):
        rows = rows[norm[rows] > 0.01 * CONVERGED * objective.unit]
        if not len(rows):
            break
        step = newton_step(objective.hessian(theta[rows]), gradient[rows])
        step *= np.minimum(1, _LONGEST / np.maximum(np.linalg.norm(step, axis=1), 1e-300))[:, None]
        waiting = np.ones(len(rows), bool)
        for halving in range(_HALVINGS):
            trial = theta[rows[waiting]] - step[waiting] / 2**halving
            slopes = objective(trial)[1]
            size = np.linalg.norm(slopes, axis=1)
            smaller = size < norm[rows[waiting]]
            moved = rows[waiting][smaller]
            theta[moved], gradient[moved], norm[moved] = trial[smaller], slopes[smaller], size[smaller]
            waiting[np.flatnonzero(waiting)[smaller]] = False
            if not waiting.any():
                break
        rows = rows[~waiting]
    return theta, norm
