"""The convention for the bias, as an object: how many parameters it has, their names, and how they enter the model.

A model with n features always computes with n biases; the convention says how they depend on its own parameters:

    none           b = 0                no parameter
    shared         b_1 = ... = b_n      one
    per-feature    b_i free             n, as in the trained model of the paper

Parameters theta = (weights row by row, then biases) of a convention embed linearly into those of the full model,
full = E theta. So a gradient g and a Hessian H of the full model become E^T g and E^T H E. A convention is also its
name, a string: `model.bias == "shared"` holds, and it prints and serialises as one.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.validation import InvalidValue, one_of

BiasLike: TypeAlias = "Bias | Literal['none', 'shared', 'per-feature']"


class Bias(str, Enum):
    """One of "none", "shared" and "per-feature"."""

    NONE = "none"
    SHARED = "shared"
    PER_FEATURE = "per-feature"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, specification: str) -> str:
        return format(str(self.value), specification)

    def __repr__(self) -> str:
        return repr(self.value)

    @classmethod
    def of(cls, value: object) -> Bias:
        """The convention with this name, or an InvalidValue that lists the admissible ones."""
        return value if isinstance(value, Bias) else cls(one_of("bias", value, NAMES))

    def size(self, features: int = 2) -> int:
        """How many bias parameters there are."""
        return {Bias.NONE: 0, Bias.SHARED: 1, Bias.PER_FEATURE: features}[self]

    def names(self, features: int = 2) -> tuple[str, ...]:
        """Names of the bias parameters: b, or b1, b2, ..."""
        if self is Bias.PER_FEATURE:
            return tuple(f"b{i + 1}" for i in range(features))
        return ("b",) * self.size(features)

    def parameter_names(self, features: int = 2) -> tuple[str, ...]:
        """Names of all parameters of a model with one hidden unit: W1, W2, ..., then the biases."""
        return (*(f"W{i + 1}" for i in range(features)), *self.names(features))

    def embedding(self, features: int = 2, hidden: int = 1) -> npt.NDArray[np.float64]:
        """E with full = E theta: shape (hidden features + features, hidden features + size). Read-only."""
        return _embedding(self, features, hidden)

    def embed(self, theta: npt.NDArray[Any], features: int = 2, hidden: int = 1) -> npt.NDArray[Any]:
        """Parameters (..., k) as those of the full model (..., hidden features + features)."""
        if self is Bias.PER_FEATURE:
            return theta
        weights = features * hidden
        full = np.empty((*theta.shape[:-1], weights + features), dtype=theta.dtype)
        full[..., :weights] = theta[..., :weights]
        full[..., weights:] = 0 if self is Bias.NONE else theta[..., weights:]
        return full

    def gather(self, gradient: npt.NDArray[Any], features: int = 2, hidden: int = 1) -> npt.NDArray[Any]:
        """E^T g for gradients (..., hidden features + features) of the full model: shape (..., k)."""
        weights = features * hidden
        if self is Bias.PER_FEATURE:
            return gradient
        if self is Bias.NONE:
            return gradient[..., :weights]
        return np.concatenate([gradient[..., :weights], gradient[..., weights:].sum(-1, keepdims=True)], axis=-1)

    def gather_hessian(self, hessian: npt.NDArray[Any], features: int = 2, hidden: int = 1) -> npt.NDArray[Any]:
        """E^T H E for Hessians of the full model: shape (..., k, k)."""
        half = self.gather(hessian, features, hidden)
        return np.swapaxes(self.gather(np.swapaxes(half, -1, -2), features, hidden), -1, -2)

    def weights_and_bias(
        self, theta: npt.NDArray[Any], features: int = 2, hidden: int = 1
    ) -> tuple[npt.NDArray[Any], Any]:
        """Parameters (..., k) as users see them: weights (..., hidden features), and b None, (...) or (..., n)."""
        weights = features * hidden
        if self is Bias.NONE:
            return theta[..., :weights], None
        return theta[..., :weights], theta[..., weights] if self is Bias.SHARED else theta[..., weights:]

    def parameters(self, weights: npt.NDArray[Any], b: Any) -> npt.NDArray[Any]:
        """The inverse of `weights_and_bias`: weights (..., w) and b in this convention as parameters (..., k)."""
        if self is Bias.NONE:
            return np.asarray(weights)
        biases = np.asarray(b)[..., None] if self is Bias.SHARED else np.asarray(b)
        shape = np.broadcast_shapes(weights.shape[:-1], biases.shape[:-1])
        parts = [np.broadcast_to(part, (*shape, part.shape[-1])) for part in (weights, biases)]
        return np.concatenate(parts, axis=-1)

    def each(self, b: Any, features: int = 2) -> npt.NDArray[Any]:
        """The bias of every feature (..., n) for b in this convention; None means zero."""
        if b is None:
            return np.zeros(features)
        biases = np.asarray(b)
        if self is Bias.NONE:
            raise InvalidValue("b must be None for a model without bias; set bias='shared' or 'per-feature'")
        if self is Bias.SHARED:
            return np.broadcast_to(biases[..., None], (*biases.shape, features))
        return biases


NAMES: tuple[str, ...] = tuple(convention.value for convention in Bias)


@cache
def _embedding(bias: Bias, features: int, hidden: int) -> npt.NDArray[np.float64]:
    weights, size = features * hidden, bias.size(features)
    matrix = np.zeros((weights + features, weights + size))
    matrix[:weights, :weights] = np.eye(weights)
    matrix[weights:, weights:] = np.eye(features) if bias is Bias.PER_FEATURE else 1.0
    matrix.flags.writeable = False
    return matrix
