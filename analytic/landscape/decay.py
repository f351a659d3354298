"""Minima of the loss with weight decay, L + d/2 (|W|² + |b|²), followed from those of L.

This is the function that gradient descent with weight decay d descends, and Adam with PyTorch's `weight_decay`,
where the decay is part of the gradient. It is not what AdamW descends (optimisers.py).

A minimum theta of L with a definite Hessian H continues to a unique branch theta(d) with theta' = −(H + d)⁻¹ theta. The
branch is followed in steps of d, each corrected by Newton's method on the exact gradient, until d is reached or the
branch ends: the Hessian H + d loses definiteness, or a step leads away from the prediction. Minima that exist only
with decay are not found, and on kinks, where L has no Hessian, nothing is attempted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.landscape.records import StationaryPoint
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.validation import InvalidValue, number, real_array

_STEPS = 50
_NEWTON = 20
_ACCURACY = 1e-13


def decayed_loss(
    model: ToyModel | ReluOutputModel, W: npt.ArrayLike, b: npt.ArrayLike | None = None, weight_decay: float = 0.01
) -> Any:
    """The loss with its penalty, L + weight_decay/2 (|W|² + |b|²).

    Parameters
    ----------
    model : ToyModel or ReluOutputModel
    W, b
        As for `model.loss`. A shared bias counts once in |b|².
    weight_decay : float
        At least 0.

    Returns
    -------
    float or float64 array
        Shaped as by `model.loss`.

    Raises
    ------
    ValueError
        For a negative or infinite `weight_decay`, and what `model.loss` refuses.
    """
    decay, loss = number("weight_decay", weight_decay, least=0), model.loss(W, b)
    weights = real_array("W", W)
    if isinstance(model, ReluOutputModel):
        weights = weights.reshape(*weights.shape[:-2], -1)
    theta = weights if b is None else model.bias.parameters(weights, real_array("b", b))
    return loss + decay / 2 * np.sum(np.square(theta), axis=-1)


def decayed_minimum(model: ToyModel, minimum: StationaryPoint, weight_decay: float) -> tuple[np.ndarray, Any] | None:
    """Where L + weight_decay/2 (|W|² + |b|²) has the minimum that continues one of L.

    Parameters
    ----------
    model : ToyModel
    minimum : StationaryPoint
        Of `model`, off the kinks.
    weight_decay : float
        At least 0. A shared bias counts once in |b|².

    Returns
    -------
    W, b, or None if the branch ends before
        The gradient of the penalised loss is below 1e-13 max I_i there.

    Raises
    ------
    ValueError
        For a negative or infinite `weight_decay`, or a point that is no minimum or lies on a kink.
    """
    most = number("weight_decay", weight_decay, least=0)
    if minimum.kind != "minimum" or minimum.on_kink:
        raise InvalidValue(f"minimum must be a minimum off the kinks, got a {minimum.kind} (on_kink={minimum.on_kink})")
    theta = model.bias.parameters(
        np.asarray(minimum.W, float), None if minimum.b is None else np.asarray(minimum.b, float)
    )
    for decay in np.linspace(0.0, most, _STEPS + 1)[1:]:
        following = _corrected(model, theta, float(decay))
        if following is None:
            return None
        theta = following
    return model.bias.weights_and_bias(theta)


def _corrected(model: ToyModel, theta: np.ndarray, decay: float) -> np.ndarray | None:
    """Newton's method from the previous point of the branch; None if it does not stay close to it."""
    start = theta
    for _ in range(_NEWTON):
        W, b = model.bias.weights_and_bias(theta)
        gradient = model.gradient(W, b) + decay * theta
        hessian = model.hessian(W, b) + decay * np.eye(len(theta))
        if np.linalg.eigvalsh(hessian)[0] <= 0 or np.linalg.norm(theta - start) > 0.1:
            return None
        if np.abs(gradient).max() <= _ACCURACY * max(model.importance):
            return theta
        theta = theta - np.linalg.solve(hessian, gradient)
    return None
