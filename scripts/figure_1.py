"""Loss surfaces of the bias-free model, and how its minima move: what is continuous about them and what is not.

(a) the antipodal minimum near the end of its phase, W2/W1 far from -1: quantitatively different from (1, -1);
(b) the same minimum at a lower density: it has moved there smoothly, almost to (1, -1);
(c) two minima, and the confused one is the best;
(d) W2/W1 of both minima against the density, at the importance of (a) and (b): each branch is smooth, solid where it is
    the best; the best minimum jumps from one to the other. The dotted line is the density at which it does.

Circles are minima, crosses saddles, triangles maxima; faded copies follow from W -> -W.
"""

from __future__ import annotations

import frame
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from analytic import ToyModel, find_minima, find_stationary_points, loss_surface
from analytic.plotting.colors import PHASES
from analytic.plotting.diagrams import point_key

IMPORTANCE = 0.3
PANELS = (
    ("(a) antipodal, but not (1, −1)", 0.45, IMPORTANCE),
    ("(b) the same minimum, moved smoothly", 0.1, IMPORTANCE),
    ("(c) two minima, confused is the best", 0.75, 1.0),
)


def draw_branches(ax: Axes, points: int) -> None:
    """Panel (d)."""
    density = np.linspace(0.01, 1, points)
    found = [find_minima(ToyModel.from_density(p, IMPORTANCE, "none")) for p in density]
    for phase in ("antipodal", "confused"):
        ratios, best = np.full(points, np.nan), np.zeros(points, bool)
        for k, landscape in enumerate(found):
            for minimum in landscape.minima:
                if minimum.phase == phase:
                    ratios[k], best[k] = minimum.W[1] / minimum.W[0], minimum is landscape.global_minimum
        ax.plot(density, ratios, "--", color=PHASES[phase], linewidth=1.5)
        ax.plot(density, np.where(best, ratios, np.nan), color=PHASES[phase], linewidth=3, label=f"{phase} minimum")
    jump = density[np.argmax([landscape.global_minimum.phase == "confused" for landscape in found])]
    ax.axvline(jump, color="black", linestyle=":", linewidth=1)
    ax.set(xlabel="density  (1 − sparsity)", ylabel="$W_2/W_1$", xlim=(0, 1), ylim=(-1.05, 1.05))
    ax.set_title(f"(d) importance {IMPORTANCE:g}: the best (solid) jumps", fontsize=10)
    ax.legend(loc="lower right", frameon=False)
    print(f"(d) the best minimum changes between density {jump - density[1] + density[0]:.3f} and {jump:.3f}")


def main() -> None:
    """Draws figure_1.png."""
    parser = frame.parser(__doc__, "figure_1.png")
    parser.add_argument("--grid", type=int, default=401, help="grid points on each axis (default 401)")
    args = parser.parse_args()
    figure, axes = plt.subplots(2, 2, figsize=(10.5, 9.5), layout="constrained")
    for ax, (title, density, importance) in zip(axes.flat, PANELS, strict=False):
        model = ToyModel.from_density(density, importance, "none")
        landscape = find_stationary_points(model)
        loss_surface(model, points=args.grid).plot(ax, marks=landscape)
        ax.set_title(f"{title}\ndensity {density:g}, importance {importance:g}, no bias", fontsize=10)
        for point in landscape.minima:
            print(f"{title}: {point.phase} minimum at ({point.W[0]:+.4f}, {point.W[1]:+.4f}), loss {point.loss:.6f}")
    draw_branches(axes[1, 1], args.grid)
    figure.legend(handles=point_key(landscape), loc="outside lower center", ncols=4, frameon=False)
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
