"""How far the loss is above the minimum nearby, by the quadratic model at hand.

With the exact gradient g and Hessian H that is g^T H^+ g / 2, over the directions in which H is positive. The Hessian
is exact where the model's is, up to 12 features that an output depends on. Beyond, conjugate gradients with differences
of the exact gradient give a lower bound of the excess that increases with every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.models.relu_output import ReluOutputModel
from analytic.validation import InvalidValue

Array = npt.NDArray[np.float64]

#: Curvatures below this share of the largest are flat: rounding of the Hessian, and the symmetry off a minimum.
_FLAT = 1e-6
#: Steps of conjugate gradients, each the price of a gradient, and the step of their differences in units of 1 + |W|.
_CONJUGATE, _STEP = 12, 1e-5


def flat(dW: Array, db: Any) -> Array:
    """W row by row, then b."""
    return np.concatenate([dW.ravel(), np.ravel(db)]) if db is not None else dW.ravel()


def excess(model: ReluOutputModel, W: Array, b: Any, gradient: Array) -> tuple[float, float]:
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
        return (flat(*model.gradient(weights.reshape(m, n), biases)) - gradient) / length

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
