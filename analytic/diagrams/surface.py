"""Loss surfaces: the expected loss over the plane of weights, at a fixed bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytic.diagrams.plane import MOST_POINTS
from analytic.files import TABLES, PathLike, ending, write_csv, write_npz
from analytic.models.toy import ToyModel, require_pair
from analytic.validation import number, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class LossSurface:
    """The loss over a grid of weights: loss[i, j] belongs to W = (W1[j], W2[i])."""

    model: ToyModel
    b: Any
    W1: npt.NDArray[np.float64]
    W2: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]

    def __repr__(self) -> str:
        low, high = float(self.loss.min()), float(self.loss.max())
        return (
            f"LossSurface({self.model!r}, b={self.b!r}, {self.W1.size} x {self.W2.size}, loss {low:.4g} to {high:.4g})"
        )

    def save(self, path: PathLike) -> None:
        """Writes W1, W2 and loss to a .npz file, or one row per grid point to a .csv file, by the ending of `path`."""
        if ending(path, TABLES) == ".npz":
            write_npz(path, {"W1": self.W1, "W2": self.W2, "loss": self.loss})
            return
        grid = np.stack([*np.meshgrid(self.W1, self.W2), self.loss], axis=-1).reshape(-1, 3)
        write_csv(path, ["W1", "W2", "loss"], grid.tolist())

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draws the surface; see `analytic.plotting.diagrams.plot_surface`."""
        from analytic.plotting.diagrams import plot_surface

        return plot_surface(self, ax, **options)


def loss_surface(model: ToyModel, b: Any = None, *, extent: float = 1.6, points: int = 401) -> LossSurface:
    """The loss for W1 and W2 from -extent to extent, at `points` values each.

    Parameters
    ----------
    model : ToyModel
    b : None (zero), a number (shared) or two numbers (per feature)
    extent : positive
    points : from 2 to 3000
    """
    require_pair(model, "the method loss, for weights on any plane")
    reach = number("extent", extent, above=0, most=1e6)
    axis = np.linspace(-reach, reach, whole("points", points, 2, MOST_POINTS))
    weights = np.stack(np.meshgrid(axis, axis), axis=-1)
    return LossSurface(model, b, axis, axis, np.asarray(model.loss(weights, b)))
