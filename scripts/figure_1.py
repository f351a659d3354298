"""Loss surfaces of the bias-free model in its three regimes, with every stationary point.

(a) one minimum, W neither (1, 0) nor (1, -1): quantitatively different from hand-picked weights;
(b) after a smooth move in weight space, antipodal;
(c) two minima, one of them confused (W1 W2 > 0).

Circles are minima, crosses saddles, triangles maxima; faded copies follow from W -> -W.
"""

from __future__ import annotations

import frame
import matplotlib.pyplot as plt

from analytic import ToyModel, find_stationary_points, loss_surface
from analytic.plotting.diagrams import point_key

PANELS = (
    ("(a) one minimum, confused", 0.8, 0.25),
    ("(b) antipodal is best", 0.15, 0.7),
    ("(c) confused is best, antipodal is second", 0.75, 1.0),
)


def main() -> None:
    """Draws figure_1.png."""
    parser = frame.parser(__doc__, "figure_1.png")
    parser.add_argument("--grid", type=int, default=401, help="grid points on each axis (default 401)")
    args = parser.parse_args()
    figure, axes = plt.subplots(1, 3, figsize=(14, 5), layout="constrained", sharey=True)
    for ax, (title, density, importance) in zip(axes, PANELS, strict=True):
        model = ToyModel.from_density(density, importance, "none")
        landscape = find_stationary_points(model)
        loss_surface(model, points=args.grid).plot(ax, marks=landscape)
        ax.set_title(f"{title}\ndensity {density:g}, importance {importance:g}", fontsize=10)
        ax.label_outer()
        for point in landscape.minima:
            print(f"{title}: {point.phase} minimum at ({point.W[0]:+.4f}, {point.W[1]:+.4f}), loss {point.loss:.6f}")
    figure.legend(handles=point_key(landscape), loc="outside lower center", ncols=4, frameon=False)
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
