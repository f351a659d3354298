"""Models that differ in their importances only, searched as one batch.

The moments of the outputs do not depend on the importances, so points of different models are evaluated together. Every
point carries the number of its model as one more coordinate, behind W and b; the number is rounded where it is read, so
that the loss is exactly flat in it, and what moves points about (the minimiser, the sampling of neighbours) need not
know. Losses are in units of each model's silent loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.loss import relu_output
from analytic.search.minimiser import Objective

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AlikeButImportance(Objective):
    """The loss over W, b and the number of a model (..., k + 1).

    model : any of the models; its symmetry is taken to be that of all
    weights : (models, n) the importances of each model, divided by its silent loss
    """

    weights: Array

    @classmethod
    def of(cls, model: Any, importance: Array) -> AlikeButImportance:
        """`model` with each of the importances (models, n)."""
        return cls(model, importance / (importance @ model.problem.third)[:, None])

    @property
    def unit(self) -> float:
        return 1.0

    def split(self, theta: Array) -> tuple[Array, Array | None]:
        return super().split(theta[..., :-1])

    def join(self, W: Array, b: Array | None) -> Array:
        """Gradients: nothing changes with the number."""
        return numbered(super().join(W, b), 0)

    def _points(self, theta: Array) -> tuple[Array, Array, Array]:
        """W (N, m, n), b (N, n) and the importances (N, n)."""
        W, b = self.split(theta)
        biases = np.broadcast_to(self.model.bias.each(b, self.model.features), (len(W), self.model.features))
        return np.ascontiguousarray(W), np.ascontiguousarray(biases), self.weights[number_of(theta)]

    def __call__(self, theta: Array) -> tuple[Array, Array]:
        loss, by_W, by_b = relu_output.evaluate_each(*self._points(theta), self.model.problem)
        full = np.concatenate([by_W.reshape(len(theta), -1), by_b], axis=1)
        return loss, numbered(self.model.bias.gather(full, self.model.features, self.model.hidden), 0)

    def hessian(self, theta: Array) -> Array:
        W, b, weights = self._points(theta)
        hessian = relu_output.hessians(W, b, self.model.problem, weights)
        full = self.model.bias.gather_hessian(hessian, self.model.features, self.model.hidden)
        return np.pad(full, ((0, 0), (0, 1), (0, 1)))


def numbered(theta: Array, model: npt.ArrayLike) -> Array:
    """Parameters (..., k) with the number of their model behind them."""
    number = np.broadcast_to(np.asarray(model, float)[..., None], (*theta.shape[:-1], 1))
    return np.concatenate([theta, number], axis=-1)


def number_of(theta: Array) -> npt.NDArray[np.intp]:
    """Which model each point belongs to."""
    return np.rint(theta[..., -1]).astype(np.intp)
