"""The phase diagram that training draws beside the exact one, and the reason wherever they differ.

At each grid point ten models are trained, the worst is discarded and the colours of the rest are averaged.
"""

from __future__ import annotations

import frame
import matplotlib.pyplot as plt

from analytic.diagrams import plane
from analytic.diagrams.comparison import REASONS, compare
from analytic.plotting.training import plot_exact, plot_reasons, plot_trained, reason_key


def main() -> None:
    """Draws trained_versus_theory.png and prints the share of each reason."""
    parser = frame.parser(__doc__, "trained_versus_theory.png")
    parser.add_argument("--grid", type=int, default=24, help="grid points on each axis (default 24)")
    parser.add_argument("--bias", default="none", choices=("none", "shared", "per-feature"))
    parser.add_argument("--optimizer", default="adam", choices=("sgd", "adam", "adamw"))
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=3e-3)
    args = parser.parse_args()
    found = compare(
        plane.axis(plane.DENSITY, args.grid),
        plane.axis(plane.IMPORTANCE, args.grid),
        bias=args.bias,
        optimizer=args.optimizer,
        steps=args.steps,
        batch=args.batch,
        lr=args.lr,
    )
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.6), layout="constrained", sharey=True)
    for ax, draw, title in zip(
        axes, (plot_exact, plot_trained, plot_reasons), ("exact", "trained", "why they differ"), strict=True
    ):
        draw(found, ax).set_title(title)
        ax.label_outer()
    figure.legend(handles=reason_key(REASONS, found.shares()), loc="outside lower center", ncols=4, frameon=False)
    for name, share in found.shares().items():
        print(f"{name:15s}{share:7.1%}")
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
