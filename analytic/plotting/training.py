"""Pictures of basins and of training beside theory; draws on the `ax` it is given, computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.patches import Patch

from analytic.diagrams.plane import X_LABEL, Y_LABEL
from analytic.plotting.colors import shades
from analytic.plotting.diagrams import feature_colors, new_axes

if TYPE_CHECKING:
    from analytic.attraction.maps import BasinMap
    from analytic.attraction.separatrices import Separatrix
    from analytic.diagrams.comparison import Comparison

_BASIN_MARKER: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "markeredgecolor": "black"}
#: agrees, other minimum, weight decay, not converged
_REASON_COLORS = ("#f7f7f7", "#2166ac", "#fdb863", "#b2182b")


def plot_basin_map(found: BasinMap, ax: Axes | None = None, *, curves: Sequence[Separatrix] = ()) -> Axes:
    """Colours each pixel by the phase of the target that its start reaches (white: unresolved).

    Where several targets have one phase, the one with the lower loss has the stronger colour. Separatrices and targets
    are drawn on top.
    """
    ax = new_axes(ax)
    colors = shades([target.phase for target in found.targets])
    ax.imshow(
        found.labels + 1,
        origin="lower",
        extent=(*_edges(found.x), *_edges(found.y)),
        cmap=ListedColormap([(1.0, 1.0, 1.0), *colors]),
        vmin=-0.5,
        vmax=len(colors) + 0.5,
        interpolation="nearest",
    )
    for curve in (*curves, *(curve.mirrored() for curve in curves)):
        ax.plot(*curve.points.T, color="black", linewidth=1)
    if found.axes == ("W1", "W2"):
        for target in found.targets:
            for W in getattr(target, "copies", ()):
                ax.plot(*map(float, W), **_BASIN_MARKER)
    ax.set(xlim=_edges(found.x), ylim=_edges(found.y), xlabel=found.axes[0], ylabel=found.axes[1], aspect="equal")
    return ax


def basin_key(found: BasinMap, describe: Callable[[Any], str]) -> list[Patch]:
    """Legend handles for `plot_basin_map`, one for each target that is reached, with its share of the window."""
    colors = shades([target.phase for target in found.targets])
    return [
        Patch(facecolor=color, label=f"{describe(target)}, loss {float(target.loss):.4f}: {share:.1%}")
        for color, target, share in zip(colors, found.targets, found.areas, strict=True)
        if share > 0
    ]


def plot_trained(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """The diagram that training draws: the mean colour of the kept models at each grid point."""
    return _grid_image(comparison, feature_colors(comparison.trained).mean(axis=2), ax)


def plot_exact(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """The global minima on the grid of a comparison, in the colours of `plot_trained`."""
    return _grid_image(comparison, feature_colors(comparison.best), ax)


def plot_reasons(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Why training and theory differ: the colours of the reasons, mixed by their shares."""
    return _grid_image(comparison, comparison.reasons @ np.array([to_rgb(color) for color in _REASON_COLORS]), ax)


def reason_key(reasons: Sequence[str], shares: Mapping[str, float]) -> list[Patch]:
    """Legend handles for `plot_reasons`."""
    return [
        Patch(facecolor=color, edgecolor="#888888", label=f"{name}: {shares[name]:.0%}")
        for name, color in zip(reasons, _REASON_COLORS, strict=True)
    ]


def _grid_image(comparison: Comparison, colors: np.ndarray, ax: Axes | None) -> Axes:
    ax = new_axes(ax)
    ax.pcolormesh(_log_edges(comparison.importance), _log_edges(comparison.density), colors)
    ax.set(xscale="log", yscale="log", xlabel=X_LABEL, ylabel=Y_LABEL)
    return ax


def _edges(ticks: np.ndarray) -> tuple[float, float]:
    half = (ticks[-1] - ticks[0]) / max(len(ticks) - 1, 1) / 2
    return float(ticks[0] - half), float(ticks[-1] + half)


def _log_edges(values: np.ndarray) -> np.ndarray:
    """Cell borders around increasing positive values, halfway on a logarithmic scale."""
    if len(values) == 1:
        return values * np.array([0.9, 1.1])
    inner = np.sqrt(values[1:] * values[:-1])
    return np.array([values[0] ** 2 / inner[0], *inner, values[-1] ** 2 / inner[-1]])
