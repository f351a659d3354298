"""The theory notebook's diagrams for 2 features in 1 dimension and 3 in 2, beside the exact ones.

The theory compares four hand-picked settings of dim features in dim - 1 dimensions, importances (1, ..., 1, r),
density p: the first feature ignored at its mean, of loss p/3 - p^2/4; the last ignored, r (p/3 - p^2/4); the first two
antipodal, p^2/3; the last two antipodal, (1 + r) p^2/6. (For dim = 2 the last two are one setting, of the last loss.)
Without a bias the ignored feature is at zero, p/3 or r p/3. Shown are the best setting, the least loss, and the log
ratio of the second-best to the best; the same of the exact minima (for 3 in 2: the best found); and the excess of the
candidates. Black curves are where the exact best minimum jumps, located to rounding error on the edges of the grid.

White ratios are where there is one minimum only. With --keep the diagrams are kept in a folder, and used again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import frame
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator

from analytic import PhaseDiagram, phase_diagram
from analytic.diagrams import plane
from analytic.diagrams.crossings import Crossings, crossings
from analytic.models.bias import Bias
from analytic.plotting.diagrams import BIAS_WORDS, color_key, log_axes, plot_phase_diagram

IMPORTANCE = (0.01, 100.0)
#: The four settings, each with a colour of its own.
CANDIDATES = {
    "first ignored": "#0072b2",
    "last ignored": "#ffffff",
    "first two antipodal": "#7cc4ee",
    "last two antipodal": "#d55e00",
}
NORM_LOSS, NORM_RATIO = LogNorm(1e-5, 3e-1), (0.0, 3.0)


def candidate_losses(dim: int, exact: PhaseDiagram) -> np.ndarray:
    """Losses of the four settings on a grid (4, m, n); infinite where there is no such setting."""
    p, r = np.meshgrid(exact.density, exact.importance, indexing="ij")
    ignored = p / 3 - (p**2 / 4 if exact.bias == "per-feature" else 0)
    first_two = p**2 / 3 if dim == 3 else np.full_like(p, np.inf)
    return np.stack([ignored, r * ignored, first_two, (1 + r) * p**2 / 6])


def diagram(dim: int, bias: Bias, grid: int, folder: Path | None) -> PhaseDiagram:
    """The exact diagram, from its file if there is one."""
    density, importance = plane.axis(plane.DENSITY, grid), plane.axis(IMPORTANCE, grid)
    path = None if folder is None else folder / f"three_in_two-{bias}-{dim}-{grid}.npz"
    if path is not None and path.exists():
        return PhaseDiagram.load(path)
    found = phase_diagram(features=dim, hidden=dim - 1, bias=bias, density=density, importance=importance)
    if path is not None:
        found.save(path)
    return found


def axes_of(ax: Axes, exact: PhaseDiagram) -> None:
    """Logarithmic axes, with the decades of importance."""
    log_axes(ax, exact.importance, exact.density)
    ax.xaxis.set_major_locator(FixedLocator([0.01, 0.1, 1, 10, 100]))


def image(ax: Axes, exact: PhaseDiagram, values: np.ndarray, **how: Any) -> QuadMesh:
    """Values over the plane."""
    mesh = ax.pcolormesh(exact.importance, exact.density, values, shading="nearest", rasterized=True, **how)
    axes_of(ax, exact)
    return mesh


def draw_curves(ax: Axes, jumps: Crossings | None) -> None:
    """Where the best minimum jumps."""
    if jumps is not None:
        ax.add_collection(LineCollection(list(jumps.segments()[:, :, ::-1]), colors="black", linewidths=1.0))


def draw(axes: np.ndarray, dim: int, exact: PhaseDiagram) -> dict[str, QuadMesh]:
    """Two rows of panels for one size: candidates and exact; -> what the colour bars belong to."""
    losses = candidate_losses(dim, exact)
    order = np.sort(losses, axis=0)
    jumps = crossings(exact) if dim == 3 else None
    colors = ListedColormap(list(CANDIDATES.values()))
    image(axes[0, 0], exact, np.argmin(losses, axis=0), cmap=colors, vmin=-0.5, vmax=3.5)
    axes_of(plot_phase_diagram(exact, axes[1, 0]), exact)
    found = {}
    for row, least, second in ((0, order[0], order[1]), (1, exact.loss, exact.loss + exact.gap)):
        found["loss"] = image(axes[row, 1], exact, least, cmap="viridis", norm=NORM_LOSS)
        ratio = np.log10(second / least)
        found["ratio"] = image(axes[row, 2], exact, ratio, cmap="cividis", vmin=NORM_RATIO[0], vmax=NORM_RATIO[1])
    excess = 100 * (order[0] / exact.loss - 1)
    found["excess"] = image(axes[1, 3], exact, excess, cmap="magma_r", vmin=0, vmax=20)
    for ax in axes[1]:
        draw_curves(ax, jumps)
    report(dim, exact, excess, jumps)
    for row, kind in ((0, "hand-picked"), (1, "exact")):
        for ax, what in zip(axes[row], ("best", "least loss", "second best / best"), strict=False):
            ax.set_title(f"{dim} in {dim - 1}, {kind}: {what}", fontsize=8)
    axes[1, 3].set_title(f"{dim} in {dim - 1}: excess of the hand-picked", fontsize=8)
    return found


def report(dim: int, exact: PhaseDiagram, excess: np.ndarray, jumps: Crossings | None) -> None:
    """The numbers."""
    i, j = np.unravel_index(np.argmax(excess), excess.shape)
    print(f"{dim} in {dim - 1}, {BIAS_WORDS[exact.bias]}: {exact!r}")
    print(f"  excess of the best candidate: median {np.median(excess):.3g} %, largest {excess.max():.3g} %")
    print(f"  largest at density {exact.density[i]:.3g}, importance {exact.importance[j]:.3g}")
    if jumps is not None:
        print(f"  the best minimum jumps on {len(jumps.points())} edges of the grid")


def main() -> None:
    """Draws three_in_two.png and prints the comparison."""
    parser = frame.parser(__doc__, "three_in_two.png")
    parser.add_argument("--grid", type=int, default=60, help="grid points on each axis (default 60)")
    parser.add_argument("--bias", choices=("none", "per-feature"), default="per-feature")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the diagrams here, and use those that are here"
    )
    args = parser.parse_args()
    figure, axes = plt.subplots(4, 4, figsize=(9.6, 8.4), layout="constrained", sharex=True, sharey=True)
    for dim, rows in ((2, axes[:2]), (3, axes[2:])):
        exact = diagram(dim, Bias.of(args.bias), args.grid, args.keep)
        bars = draw(rows, dim, exact)
        rows[0, 3].set_axis_off()
    keys = [Patch(facecolor=c, edgecolor="#888888", label=name) for name, c in CANDIDATES.items()]
    axes[0, 3].legend(handles=keys, loc="center", frameon=False, title="hand-picked settings")
    axes[2, 3].legend(handles=color_key(), loc="center", frameon=False, title="the last feature")
    for column, (name, label) in enumerate(
        (("loss", "expected loss"), ("ratio", "log10 of the ratio"), ("excess", "excess loss in %")), start=1
    ):
        extend = {"loss": "both", "ratio": "max", "excess": "max"}[name]
        figure.colorbar(bars[name], ax=axes[:, column], label=label, extend=extend, location="bottom", shrink=0.8)
    for ax in axes.flat:
        ax.label_outer()
    figure.suptitle(f"Hand-picked settings and exact minima, {BIAS_WORDS[args.bias]}")
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
