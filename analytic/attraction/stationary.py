"""Stationary points of any kind near given points: Newton's method on the gradient, and what its ends are.

Minima attract descents; saddles are what descents pass. The index of a saddle counts the directions in which the loss
curves downwards, the largest of these curvatures says how fast a descent leaves. Curvatures along rotations of the
hidden space and biases of dead outputs are zero and are left out.

The Hessian jumps on kinks, and features by themselves, W_i = 0 or b_i = 0, lie on them; there it is that of one side.
A point on a kink without negative curvature need be no minimum: the loss may fall on another side. Such a half-stable
point attracts starts on one side and lets them out on the other; it is told from a minimum by whether descents from all
points sampled around it come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from analytic.polytopes.groups import Group, geometry, in_words
from analytic.search.distinct import curvatures
from analytic.search.minimiser import CONVERGED, Objective, minimise, newton_step

Array = npt.NDArray[np.float64]

#: Newton's method: steps, halvings of each, and the longest step.
_STEPS, _HALVINGS, _LONGEST = 60, 12, 0.1
#: Entries of W below this are zero to the accuracy of Newton's method.
_ZERO = 1e-7
#: Curvatures above minus this, in units of the silent loss, are not negative.
_NEGATIVE = 1e-7
#: Descents that have to come back to a minimum: how many, from which distance, to which loss in the same units.
_NEIGHBOURS, _BESIDE, _BACK = 32, 1e-3, 1e-10

Kind = Literal["minimum", "half-stable", "saddle"]


@dataclass(frozen=True, eq=False, repr=False)
class Stationary:
    """A stationary point of the exact loss.

    Attributes
    ----------
    W : (hidden, features);  b : None, a number (shared) or (features,)
    loss, gradient_norm : of the exact loss; |gradient| <= 1e-12 sum I_i E[x_i^2]
    curvatures : eigenvalues of the Hessian off the flat directions, ascending; one-sided on a kink
    index : how many of them are negative
    kind : "saddle" if there are any, else "minimum" or, where some starts beside it leave, "half-stable"
    escape_rate : minus the smallest, or 0: along it a deviation grows like exp(escape_rate t) under the flow
    """

    W: Array
    b: Any
    loss: float
    gradient_norm: float
    curvatures: Array
    index: int
    kind: Kind

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
        return f"Stationary({self.shape}, loss={self.loss:.9g}, {self.kind}, index={self.index})"


def stationary(objective: Objective, theta: Array) -> Stationary:
    """The record of a stationary point (k,)."""
    (loss,), (gradient,) = objective(theta[None])
    W, b = objective.split(theta)
    values = curvatures(objective, theta)
    index = int(np.sum(values < -_NEGATIVE * objective.unit))
    return Stationary(
        W=W,
        b=None if b is None else float(b) if np.ndim(b) == 0 else b,
        loss=float(loss),
        gradient_norm=float(np.linalg.norm(gradient)),
        curvatures=values,
        index=index,
        kind="saddle" if index else "minimum" if _returns(objective, theta, float(loss)) else "half-stable",
    )


def _returns(objective: Objective, theta: Array, loss: float) -> bool:
    """Whether descents from all points sampled around a point (k,) come back to its loss."""
    directions = np.random.default_rng(0).standard_normal((_NEIGHBOURS, len(theta)))
    directions *= _BESIDE / np.linalg.norm(directions, axis=1, keepdims=True)
    return bool((minimise(objective, theta + directions).loss > loss - _BACK * objective.unit).all())


def newton(objective: Objective, theta: Array) -> tuple[Array, Array]:
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
