"""Pictures of what the other modules computed.

Every function draws on the `ax` it is given (or on new axes) and returns it; none computes a result. Colours follow the
field: white where a feature is not represented, blue where it has a dimension of its own, red in superposition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter
from scipy.ndimage import distance_transform_edt

from analytic.diagrams.boundaries import Boundary, PhaseBoundaries
from analytic.diagrams.events import Event
from analytic.diagrams.phases import PhaseDiagram
from analytic.diagrams.plane import X_LABEL, Y_LABEL
from analytic.plotting.colors import BLUE, PHASES, RED, WHITE, blend
from analytic.plotting.saving import figure_of
from analytic.polytopes.dimensionality import superposition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytic.diagrams.surface import LossSurface
    from analytic.landscape.records import StationaryPoint

Array: TypeAlias = npt.NDArray[np.float64]

#: How pictures name a convention.
BIAS_WORDS = {"none": "no bias", "shared": "shared bias", "per-feature": "bias per feature"}
#: Smallest connected share of the diagram that gets a name written on it.
_NAMED_SHARE = 0.03

#: Ticks of an axis that holds less than three of the usual ones.
_FINE_TICKS = [k / 20 for k in range(1, 41)]

#: Event -> line style.
_CURVE_STYLES: dict[Event, Any] = {
    Event.FIRST_ORDER: "-",
    Event.FOLD: "--",
    Event.KINK: "-.",
    Event.INSTABILITY: ":",
    Event.EXACT_TIE: (0, (6, 1, 1, 1, 1, 1)),
}
_CURVE_WORDS = {
    Event.FIRST_ORDER: "first-order: best minimum jumps",
    Event.FOLD: "fold: {phase} minimum appears",
    Event.KINK: "kink: {phase} minimum appears",
    Event.EXACT_TIE: "exact tie of antipodal and confused begins",
}
#: What concerns no minimum, and the best minimum.
_GREY, _BLACK = "#777777", "#000000"
#: Point kind -> (marker, face colour, size).
#: Axes wider than this many inches have names in the usual size.
_ROOMY = 2.5
_POINT_STYLES = {
    "minimum": ("o", "white", 60.0),
    "saddle": ("X", "#ffd24d", 60.0),
    "maximum": ("^", "#999999", 50.0),
    "undecided": ("s", "#ff66cc", 50.0),
}


def new_axes(ax: Axes | None, size: tuple[float, float] = (5.4, 4.6)) -> Axes:
    """The axes that were given, or new ones."""
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def feature_colors(W: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """RGB colours (..., 3) of the extra feature for weights (..., 2): white, blue, red as in the module docstring."""
    return blend(*superposition(np.asarray(W)[..., None, :]))


def _plain(value: float, _: object = None) -> str:
    return f"{value:g}"


def log_axes(ax: Axes, importance: Array, density: Array) -> None:
    """Logarithmic axes over ascending values."""
    ax.set(xscale="log", yscale="log", xlabel=X_LABEL, ylabel=Y_LABEL)
    for axis, span, usual in (
        (ax.xaxis, importance, (1e-3, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1e3)),
        (ax.yaxis, density, (1e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)),
    ):
        shown = sum(span[0] <= tick <= span[-1] for tick in usual)
        inside = [tick for tick in _FINE_TICKS if span[0] <= tick <= span[-1]]
        axis.set_major_locator(FixedLocator(inside if shown <= 2 < len(inside) else usual))
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlim(importance[0], importance[-1])
    ax.set_ylim(density[0], density[-1])


def _name_phases(ax: Axes, diagram: PhaseDiagram, curves: PhaseBoundaries | None) -> None:
    """Writes the name of each phase where it is farthest from other phases, from the frame and from the curves."""
    width = ax.get_window_extent().width / figure_of(ax).dpi
    size = 9 if width > _ROOMY else 7
    crossed = np.zeros(diagram.phase.shape, bool)
    for curve in () if curves is None else curves.curves:
        crossed[_nearest(diagram.density, curve.density), _nearest(diagram.importance, curve.importance)] = True
    for phase in np.unique(diagram.phase):
        mask = diagram.phase == phase
        if mask.mean() < _NAMED_SHARE:
            continue
        depth = distance_transform_edt(np.pad(mask & ~crossed, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(np.argmax(depth), depth.shape)
        box = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
        half = 0.3 * len(phase) * size / 72 / width + 0.04  # letters are about 0.6 of their size wide
        across = np.clip(column / max(len(diagram.importance) - 1, 1), min(half, 0.5), max(1 - half, 0.5))
        importance = diagram.importance[0] * (diagram.importance[-1] / diagram.importance[0]) ** across
        ax.text(importance, diagram.density[row], phase, ha="center", va="center", fontsize=size, bbox=box, zorder=5)


def _nearest(grid: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Index of the grid value that is nearest to each value, on a logarithmic scale."""
    middles = np.sqrt(grid[1:] * grid[:-1])
    return np.searchsorted(middles, values)


def plot_phase_diagram(
    diagram: PhaseDiagram, ax: Axes | None = None, *, names: bool = True, boundaries: PhaseBoundaries | None = None
) -> Axes:
    """How the best minimum represents the extra feature, over importance (x) and density (y, dense at the top).

    White: not represented. Blue: represented alone. Red: in superposition. Between them the colours blend: the norm of
    the extra feature's weights from white, the superposition measure from blue to red. `names` writes the phases on the
    map, `boundaries` are drawn.
    """
    ax = new_axes(ax)
    colors = blend(*superposition(diagram.weights))
    ax.pcolormesh(diagram.importance, diagram.density, colors, shading="nearest", rasterized=True)
    log_axes(ax, diagram.importance, diagram.density)
    ax.set_title(f"Best minimum, {BIAS_WORDS[diagram.bias]}", fontsize=11)
    if boundaries is not None:
        plot_boundaries(boundaries, ax, legend=False)
    if names:
        _name_phases(ax, diagram, boundaries)
    return ax


def color_key() -> list[Patch]:
    """Legend entries for the three colours."""
    entries = (
        (WHITE, "not represented"),
        (BLUE, "dedicated"),
        (RED, "in superposition"),
    )
    return [Patch(facecolor=tuple(color), edgecolor="#888888", label=label) for color, label in entries]


def _curve_color(curve: Boundary) -> str:
    """Black for what happens to the best minimum, else the colour of the phase that appears, grey if none does."""
    if curve.kind in (Event.FIRST_ORDER, Event.EXACT_TIE):
        return _BLACK
    born = [phase for phase in (*curve.left, *curve.right) if phase != curve.point]
    return PHASES[born[0]] if born else PHASES[curve.point] if curve.point in (*curve.left, *curve.right) else _GREY


def _curve_words(curve: Boundary) -> str:
    """What the legend says of a curve: the same for its image under the exchange of the features."""
    if curve.kind is not Event.INSTABILITY:
        return _CURVE_WORDS[curve.kind].format(phase=(*curve.left, *curve.right)[0])
    return "instability: " + curve.label.replace("dedicated 1", "dedicated").replace("dedicated 2", "dedicated")


def plot_boundaries(boundaries: PhaseBoundaries, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """The curves over importance (x) and density (y), and the points where they end or meet.

    The line says what happens (solid first-order, dashed fold, dash-dotted kink, dotted instability), the colour which
    minimum it happens to: black the best one, else the phase that is there on one side only, grey none. Axes that
    hold a picture keep their limits.
    """
    ax = new_axes(ax, (6.4, 6.4))
    span = (ax.get_xlim(), ax.get_ylim()) if ax.has_data() else None
    casing = [patheffects.Stroke(linewidth=3, foreground="white"), patheffects.Normal()]
    for curve in boundaries.curves:
        style = _CURVE_STYLES[curve.kind]
        color = _curve_color(curve)
        ax.plot(curve.importance, curve.density, ls=style, color=color, linewidth=1.6, path_effects=casing)
    shown = [point for point in boundaries.points if point.density > 0]
    if shown:
        x, y = ([float(getattr(point, name)) for point in shown] for name in ("importance", "density"))
        ax.scatter(x, y, s=14, facecolor="white", edgecolor="black", linewidth=0.8, zorder=4)
    if span is None:
        log_axes(ax, np.array(boundaries.importance), np.array(boundaries.density))
        ax.set_title(f"Where minima change, {BIAS_WORDS[boundaries.bias]}", fontsize=11)
    else:
        ax.set(xlim=span[0], ylim=span[1])
    if legend:
        ax.legend(
            handles=curve_key(boundaries), loc="upper center", bbox_to_anchor=(0.5, -0.12), fontsize=8, frameon=False
        )
    return ax


def curve_key(boundaries: PhaseBoundaries) -> list[Line2D]:
    """One legend entry per event and minimum, in words."""
    entries = {_curve_words(curve): curve for curve in reversed(boundaries.curves)}
    return [
        Line2D([], [], linestyle=_CURVE_STYLES[curve.kind], color=_curve_color(curve), label=words)
        for words, curve in reversed(entries.items())
    ]


def _mark(ax: Axes, point: StationaryPoint) -> None:
    """A point with its symmetric copy: the representative filled, the copy with a thin outline."""
    marker, color, size = _POINT_STYLES[point.kind]
    order = 4 if point.kind == "minimum" else 3
    for k, (W1, W2) in enumerate(point.copies):
        edge, alpha = ("black", 1.0) if k == 0 else ("#555555", 0.55)
        ax.scatter(float(W1), float(W2), s=size, marker=marker, c=color, edgecolors=edge, alpha=alpha, zorder=order)


def plot_surface(
    surface: LossSurface, ax: Axes | None = None, *, marks: Iterable[StationaryPoint] = (), levels: int = 24
) -> Axes:
    """Contours of the loss over (W1, W2), with the stationary points `marks` (a landscape, say) and their copies.

    Circles are minima, crosses saddles, triangles maxima; copies under W -> -W are faded.
    """
    ax = new_axes(ax, (5.4, 4.6))
    low, high = float(surface.loss.min()), float(surface.loss.max())
    floor = max(low, 1e-6 * high)
    ticks = np.geomspace(floor, high, levels)
    filled = ax.contourf(
        surface.W1, surface.W2, surface.loss, ticks, cmap="viridis", norm=LogNorm(floor, high), extend="both"
    )
    ax.contour(surface.W1, surface.W2, surface.loss, ticks, colors="white", linewidths=0.3, alpha=0.6)
    bar = figure_of(ax).colorbar(filled, ax=ax, shrink=0.85, label="expected loss, sum over features")
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(_plain))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    ax.axhline(0, color="white", linewidth=0.5, alpha=0.6)
    ax.axvline(0, color="white", linewidth=0.5, alpha=0.6)
    for point in marks:
        _mark(ax, point)
    ax.set(xlabel="$W_1$", ylabel="$W_2$", aspect="equal", title=_surface_title(surface))
    ax.title.set_fontsize(10)
    return ax


def _surface_title(surface: LossSurface) -> str:
    """Names the model and the biases of the plane."""
    model = surface.model
    pairs = (("density", model.density), ("importance", model.importance))
    problem = ", ".join(f"{name} {b:g}" if a == b or (name == "importance" and a == 1) else f"{name} {a:g}, {b:g}"
                        for name, (a, b) in pairs)  # fmt: skip
    values = "" if surface.b is None else ", b = " + ", ".join(f"{value:.4g}" for value in np.atleast_1d(surface.b))
    return f"{problem}\n{BIAS_WORDS[model.bias]}{values}"


def point_key(marks: Iterable[StationaryPoint]) -> list[Line2D]:
    """Legend entries for the kinds of the given points, and for their faded copies."""
    kinds = dict.fromkeys(point.kind for point in marks)
    entries: list[tuple[str, str, str, float]] = [(kind, *_POINT_STYLES[kind][:2], 1.0) for kind in kinds]
    if entries:
        entries.append(("the copy at −W", *entries[0][1:3], 0.55))
    keys = [Line2D([], [], marker=marker, color=color, label=label, alpha=a) for label, marker, color, a in entries]
    for key in keys:
        key.set(linestyle="", markeredgecolor="black")
    return keys
