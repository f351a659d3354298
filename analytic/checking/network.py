"""A trained model of any size: its exact loss and gradient, and whether it has converged, without a list of minima.

How far the loss is above the minimum that the model is heading for follows from the quadratic model at hand, with the
exact gradient g and Hessian H: g^T H^+ g / 2, over the directions in which H is positive. Rotations of the hidden space
and dead outputs make flat directions, along which g vanishes. What counts as converged is the noise of the optimiser
(noise.py), since E[g^T H^+ g]/2 = tr(H V)/2 for a model that hovers about its minimum with covariance V. A clearly
negative curvature means that the model is at, or passing, a saddle: it is not converged, whatever its gradient.

The Hessian is exact where the model's is, up to 12 features that an output depends on. Beyond, conjugate gradients with
differences of the exact gradient give a lower bound of the excess that increases with every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.checking.noise import Noise
from analytic.checking.pair import allowed_excess
from analytic.checking.weights import Stack
from analytic.models.relu_output import ReluOutputModel
from analytic.validation import InvalidValue
from analytic.work import Progress, counted, reporting

Array = npt.NDArray[np.float64]

#: Curvatures below this share of the largest are flat: rounding of the Hessian, and the symmetry off a minimum.
_FLAT = 1e-6
#: A negative curvature beyond this share of the largest is a way down, not noise about a minimum.
_SADDLE = 1e-2
#: Steps of conjugate gradients, each the price of a gradient, and the step of their differences in units of 1 + |W|.
_CONJUGATE, _STEP = 12, 1e-5


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkCheck:
    """One trained model of any size. Losses are in the reduction that was asked for.

    loss : exact expected loss (by the lattice for many features: `ReluOutputModel.loss`).
    gradient_norm : of the exact gradient in W and b.
    excess : what the loss is above the minimum nearby, by the quadratic model; a lower bound without a Hessian.
    allowed : the largest excess that counts as converged.
    curvature : the smallest eigenvalue of the Hessian over the largest; NaN without a Hessian.
    """

    model: ReluOutputModel
    W: Array
    b: Any
    loss: float
    gradient_norm: float
    excess: float
    allowed: float
    curvature: float

    @property
    def at_saddle(self) -> bool:
        """Whether the loss curves down in some direction, by more than noise about a minimum explains."""
        return bool(self.curvature < -_SADDLE)

    @property
    def converged(self) -> bool:
        """Whether the excess is at most `allowed`, and there is no way down."""
        return self.excess <= self.allowed and not self.at_saddle

    def __str__(self) -> str:
        numbers = f"loss {self.loss:.6g}, gradient {self.gradient_norm:.2g}"
        if self.at_saddle:
            return f"not converged: {numbers}; the loss curves down in a direction, as at a saddle"
        if self.converged:
            return f"converged: {numbers}, within {self.allowed:.2g} of a minimum"
        return (
            f"not converged: {numbers}; the loss can fall by about {self.excess:.2g}, "
            f"more than the {self.allowed:.2g} that counts as converged"
        )


def check_networks(
    problems: tuple[ReluOutputModel, ...],
    trained: Stack,
    noise: Noise | None,
    tolerance: float | None,
    factor: float,
    progress: Progress,
) -> tuple[NetworkCheck, ...]:
    """What `check` reports of models of any size; losses are multiplied by `factor`."""
    with reporting(progress, "check", " models") as report:
        return tuple(
            _check_one(model, *trained.point(index), noise, tolerance, factor)
            for index, model in enumerate(counted(problems, report))
        )


def _check_one(
    model: ReluOutputModel, W: Array, b: Any, noise: Noise | None, tolerance: float | None, factor: float
) -> NetworkCheck:
    loss, dW, db = model.loss_and_gradient(W, b)
    gradient = _flat(dW, db)
    excess, curvature = _excess(model, W, b, gradient)
    return NetworkCheck(
        model=model,
        W=W,
        b=b,
        loss=factor * float(loss),
        gradient_norm=factor * float(np.linalg.norm(gradient)),
        excess=factor * excess,
        allowed=factor * allowed_excess(model, W, b, noise, tolerance),
        curvature=curvature,
    )


def _flat(dW: Array, db: Any) -> Array:
    """W row by row, then b."""
    return np.concatenate([dW.ravel(), np.ravel(db)]) if db is not None else dW.ravel()


def _excess(model: ReluOutputModel, W: Array, b: Any, gradient: Array) -> tuple[float, float]:
    """(g^T H^+ g / 2, smallest over largest curvature)."""
    try:
        hessian = model.hessian(W, b)
    except InvalidValue:  # more features than the exact route serves
        return _by_conjugate_gradients(model, W, b, gradient), float("nan")
    curvatures, directions = np.linalg.eigh(hessian)
    largest = float(np.abs(curvatures).max())
    if largest == 0:
        return 0.0, 0.0
    along = directions.T @ gradient
    steep = curvatures > _FLAT * largest
    return float((along[steep] ** 2 / curvatures[steep]).sum()) / 2, float(curvatures[0]) / largest


def _by_conjugate_gradients(model: ReluOutputModel, W: Array, b: Any, gradient: Array) -> float:
    """A lower bound of g^T H^+ g / 2: what conjugate gradients gain, while the curvature is positive."""
    bias, n, m = model.bias, model.features, model.hidden
    at = bias.parameters(W.reshape(-1), b)
    step = _STEP * (1 + float(np.linalg.norm(W)))

    def along(direction: Array) -> Array:
        length = step / float(np.linalg.norm(direction))
        weights, biases = bias.weights_and_bias(at + length * direction, n, m)
        return (_flat(*model.gradient(weights.reshape(m, n), biases)) - gradient) / length

    gain, rest = 0.0, -gradient
    direction = rest
    for _ in range(_CONJUGATE):
        square = float(rest @ rest)
        if square == 0:
            break
        turned = along(direction)
        curvature = float(direction @ turned)
        if curvature <= 0:
            break
        length = square / curvature
        gain += length * square / 2
        rest = rest - length * turned
        direction = rest + float(rest @ rest) / square * direction
    return gain
