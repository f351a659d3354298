"""Basins of attraction, and how large that of the best minimum is across the transition between phases.

Left: basins of the gradient flow in the plane of W (at b = 0), without bias with their exact boundaries. Right: the
probability that a random start ends in each phase, and at the global minimum (black), against the density, for the
two common Xavier scales (solid 0.816, dashed 0.707).
"""

from __future__ import annotations

import frame
import matplotlib.pyplot as plt
import numpy as np

from analytic import ToyModel
from analytic.attraction.fractions import basins
from analytic.attraction.maps import basin_map
from analytic.attraction.separatrices import separatrices
from analytic.attraction.targets import describe
from analytic.plotting.colors import PHASES
from analytic.plotting.diagrams import BIAS_WORDS
from analytic.plotting.training import basin_key, plot_basin_map
from analytic.training.initial import LAYOUTS


def main() -> None:
    """Draws basins.png."""
    parser = frame.parser(__doc__, "basins.png")
    parser.add_argument("--bias", default="none", choices=("none", "shared", "per-feature"))
    parser.add_argument("--importance", type=float, default=0.3)
    parser.add_argument("--density", type=float, default=0.5, help="of the map on the left")
    parser.add_argument("--grid", type=int, default=512)
    parser.add_argument("--densities", type=int, default=12)
    parser.add_argument("--range", type=float, nargs=2, default=(0.05, 1.0), help="of densities on the right")
    parser.add_argument("--starts", type=int, default=1000, help="counted for each point with bias")
    args = parser.parse_args()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    model = ToyModel.from_density(args.density, args.importance, args.bias)
    found = basin_map(model, resolution=args.grid)
    plot_basin_map(found, left, curves=separatrices(model) if model.bias == "none" else ())
    words = BIAS_WORDS[model.bias]
    left.set_title(f"density {args.density:g}, importance {args.importance:g}, {words}; gradient flow", fontsize=10)
    left.legend(handles=basin_key(found, describe), loc="upper center", bbox_to_anchor=(0.5, -0.18), fontsize=8)
    densities = np.linspace(args.range[0], args.range[1], args.densities)
    for layout, style in zip(LAYOUTS, ("-", "--"), strict=True):
        curves: dict[str, list[float]] = {phase: [] for phase in PHASES}
        best_shares = []
        for density in densities:
            result = basins(
                ToyModel.from_density(density, args.importance, args.bias), layout=layout, starts=args.starts
            )
            for phase, values in curves.items():
                values.append(sum(entry.estimate for entry in result.fractions if entry.target.phase == phase))
            best = result.fractions[0]
            best_shares.append(best.estimate)
            print(f"{layout} density {density:.3f}: best {best.target.phase}, {best.estimate:.4f} of all starts")
        right.plot(
            densities, best_shares, style, color="black", marker=".", label="global minimum" if style == "-" else None
        )
        for phase, values in curves.items():
            if max(values) > 0:
                label = phase if style == "-" else None
                right.plot(densities, values, style, color=PHASES[phase], label=label)
    right.set(xlabel="density  (1 − sparsity)", ylabel="probability of a random start", ylim=(0, 1))
    right.set_title(
        f"importance {args.importance:g}, {words}; Xavier starts, sd 0.816 solid, 0.707 dashed", fontsize=10
    )
    right.legend(frameon=False)
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
