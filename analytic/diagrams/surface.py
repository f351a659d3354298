"""Loss surfaces: the expected loss over the plane of weights, at a fixed bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytic.models.toy import ToyModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class LossSurface:
    """The loss over a grid of weights: loss[i, j] belongs to W = (W1[j], W2[i])."""

    model: ToyModel
    b: Any
    W1: npt.NDArray[np.float64]
    W2: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draws the surface; see `analytic.plotting.diagrams.plot_surface`."""
        from analytic.plotting.diagrams import plot_surface

        return plot_surface(self, ax, **options)


def loss_surface(model: ToyModel, b: Any = None, *, extent: float = 1.6, points: int = 401) -> LossSurface:
    """The loss for W1 and W2 from -extent to extent, at `points` values each.

    `b` is the bias in the model's convention; None means zero.
    """
    if not (np.isfinite(extent) and extent > 0):
        raise ValueError(f"extent must be a positive number, got {extent!r}")
    if points < 2:
        raise ValueError(f"points must be at least 2, got {points!r}")
    axis = np.linspace(-extent, extent, points)
    weights = np.stack(np.meshgrid(axis, axis), axis=-1)
    return LossSurface(model, b, axis, axis, model.loss(weights, b))
