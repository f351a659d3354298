"""The picture of an atlas: what is proved, where, and the strips that are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from scipy.ndimage import distance_transform_edt

from analytic.diagrams.boundaries import PhaseBoundaries
from analytic.plotting.colors import NOT_BEST, OPEN, shades
from analytic.plotting.diagrams import BIAS_WORDS, log_axes, new_axes, plot_boundaries
from analytic.plotting.saving import figure_of
from analytic.proofs.regions.lookup import Lookup
from analytic.proofs.regions.sheets import Atlas, AtlasCell

#: Pixels on each axis: a strip of the usual smallest width is one pixel wide.
_PIXELS = 1000
#: Distance from the middle of a number to the edge of its area, in font sizes, and the sizes that are tried.
_ROOM, _FONTS = 0.75, (10, 8, 6)


def plot_atlas(atlas: Atlas, ax: Axes | None = None, *, boundaries: PhaseBoundaries | None = None) -> Axes:
    """What is proved, over importance (x) and density (y).

    Coloured by the phase of the best minimum where all is proved; pale grey where number and kinds of the points are,
    but not which minimum is the best; dark grey where neither is, and white where the atlas is not finished. A number
    says how many isolated minima all models of a connected area have. `boundaries` are drawn.
    """
    ax = new_axes(ax)
    density, importance = (np.geomspace(*side, _PIXELS + 1) for side in (atlas.density, atlas.importance))
    middles = (np.sqrt(edges[1:] * edges[:-1]) for edges in (density, importance))
    places = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1).reshape(-1, 2)
    cells = Lookup(atlas).at(places).reshape(_PIXELS, _PIXELS)
    colors = np.array([*(_color(cell) for cell in atlas.cells), (1.0, 1.0, 1.0)])
    ax.pcolormesh(importance, density, colors[cells], rasterized=True)
    log_axes(ax, importance, density)
    ax.set_title(f"Proved: best minimum, number of minima; {BIAS_WORDS[atlas.bias]}", fontsize=11)
    if boundaries is not None:
        plot_boundaries(boundaries, ax, legend=False)
    for area in atlas.areas:
        _write_minima(ax, atlas, atlas.cells[area[0]].minima, np.isin(cells, area))
    return ax


def _color(cell: AtlasCell) -> tuple[float, float, float]:
    if cell.reason:
        return to_rgb(NOT_BEST if cell.points else OPEN)
    return shades([str(cell.phase)])[0]


def _write_minima(ax: Axes, atlas: Atlas, minima: int, mask: npt.NDArray[np.bool_]) -> None:
    """The number of minima where an area is widest, in the largest size that fits."""
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    window = ax.get_window_extent()
    pixel = 72 * min(window.width, window.height) / figure_of(ax).dpi / _PIXELS
    for size in _FONTS:
        if depth[row, column] * pixel > _ROOM * size:
            x, y = (_pixel(*span, int(k)) for span, k in ((atlas.importance, column), (atlas.density, row)))
            ax.text(x, y, str(minima), ha="center", va="center", fontsize=size, zorder=5)
            return


def _pixel(low: float, high: float, k: int) -> float:
    """The middle of a pixel."""
    return float(low * (high / low) ** ((k + 0.5) / _PIXELS))


def atlas_key(*atlases: Atlas) -> list[Patch]:
    """Legend entries for the colours that occur."""
    cells = [cell for atlas in atlases for cell in atlas.cells]
    proved = sorted({str(cell.phase) for cell in cells if not cell.reason})
    entries = [(shades([phase])[0], f"{phase} best") for phase in proved]
    if any(cell.reason and cell.points for cell in cells):
        entries.append((to_rgb(NOT_BEST), "number and kinds proved, not the best"))
    entries.append((to_rgb(OPEN), "not proved"))
    return [Patch(facecolor=color, edgecolor="#888888", label=label) for color, label in entries]
