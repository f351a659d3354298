"""Where every start on a plane ends: basins as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytic.attraction.destinations import Field, reduced
from analytic.files import TABLES, PathLike, writable, write_csv, write_npz
from analytic.landscape.records import End, Landscape
from analytic.models.toy import ToyModel
from analytic.validation import InvalidValue, number, real_array, whole
from analytic.work import Progress, reporting

#: A map of 4096 x 4096 takes 1 GiB.
_LARGEST = 4096


@dataclass(frozen=True, eq=False)
class BasinMap:
    """Ends of the starts on a plane.

    Attributes
    ----------
    model : ToyModel
    dynamics : "flow", "gd" or "adam"
    targets : tuple of StationaryPoint or FlatSet
    axes : pair of str
        The parameters that vary, on x and on y.
    x, y : float64 arrays
        Coordinates of the pixels.
    labels : int array, shape (len(y), len(x))
        Index into `targets`, negative where unresolved.
    """

    model: ToyModel
    dynamics: str
    targets: tuple[End, ...]
    axes: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray

    @property
    def areas(self) -> tuple[float, ...]:
        """The share of the plane's window that each target has."""
        return tuple(float(np.mean(self.labels == index)) for index in range(len(self.targets)))

    def save(self, path: PathLike) -> None:
        """Writes the map to a .npz file (x, y, labels), or to a .csv file with a row for each pixel."""
        if writable(path, TABLES) == ".csv":
            pixels = np.stack(np.meshgrid(self.x, self.y), axis=-1).reshape(-1, 2).tolist()
            labels = self.labels.ravel().tolist()
            rows = ((*pixel, label) for pixel, label in zip(pixels, labels, strict=True))
            write_csv(path, [*self.axes, "target"], rows)
            return
        write_npz(path, {"x": self.x, "y": self.y, "labels": self.labels})


def basin_map(
    model: ToyModel,
    *,
    dynamics: str = "flow",
    resolution: int = 512,
    extent: float = 2.0,
    axes: tuple[str, str] = ("W1", "W2"),
    through: Any = (0.0, 0.0, 0.0, 0.0),
    lr: float | None = None,
    max_steps: int | None = None,
    landscape: Landscape | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> BasinMap:
    """Where every start on a plane ends, resolution x resolution pixels with coordinates from -extent to extent.

    Parameters
    ----------
    model : ToyModel
    dynamics, lr, max_steps, landscape, threads, progress
        As for `basins`.
    resolution : int
        Pixels on each axis, 1 to 4096. Starts are at their centres, so that none lies on an axis.
    extent : float
        Half of the side of the window, positive.
    axes : pair of str
        Two of "W1", "W2", "b1", "b2"; "b" is a shared bias.
    through : array_like, shape (4,)
        The point (W1, W2, b1, b2) that the plane goes through: it sets the parameters that do not vary. Biases must
        be of the model's convention.

    Returns
    -------
    BasinMap

    Raises
    ------
    InvalidInput
        A ValueError or TypeError that names the argument, its value and what is allowed.
    """
    names = model.bias.parameter_names()
    if len(axes) != 2 or axes[0] == axes[1] or not set(axes) <= set(names):
        raise InvalidValue(f"axes must be two different names of {names}, got {axes!r}")
    side = number("extent", extent, above=0)
    count = whole("resolution", resolution, 1, _LARGEST)
    found = Field.of(model, dynamics, lr=lr, max_steps=max_steps, landscape=landscape, threads=threads)
    ticks = side * ((np.arange(count) + 0.5) * 2 / count - 1)
    states = np.tile(_through(model, through), (count, count, 1))
    for name, values in zip(axes, np.meshgrid(ticks, ticks), strict=True):
        states[..., names.index(name)] = values
    with reporting(progress, "basin map", " starts") as report:
        labels = _labels(found, states.reshape(count * count, -1), set(axes) == {"W1", "W2"}, report)
    return BasinMap(model, dynamics, found.targets, axes, ticks, ticks, labels.reshape(count, count))


def _through(model: ToyModel, through: Any) -> np.ndarray:
    point = real_array("through", through, finite=True)
    if point.shape != (4,):
        raise InvalidValue(f"through must be a point (W1, W2, b1, b2), got shape {point.shape}")
    return reduced(model, point, "through")


def _labels(found: Field, states: np.ndarray, symmetric: bool, report: Any) -> np.ndarray:
    """Labels of all pixels. A map of the whole W plane needs one half of it: (-W, b) ends where (W, b) does."""
    if not symmetric:
        return found.labels(states, report)
    half = found.labels(states[: (len(states) + 1) // 2], report)
    return np.concatenate([half, half[: len(states) // 2][::-1]])
