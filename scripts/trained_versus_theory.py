"""The phase diagram that training draws beside the exact one, and the reason wherever they differ.

At each grid point ten models are trained, the worst is discarded and the colours of the rest are averaged.
"""

from __future__ import annotations

import argparse

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from analytic.diagrams.comparison import REASONS, compare
from analytic.files import replacing
from analytic.plotting.training import plot_exact, plot_reasons, plot_trained, reason_key


def main() -> None:
    """Draws trained_versus_theory.png and prints the share of each reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=int, default=24, help="grid points on each axis (default 24)")
    parser.add_argument("--bias", default="none", choices=("none", "shared", "per-feature"))
    parser.add_argument("--optimizer", default="adam", choices=("sgd", "adam", "adamw"))
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--output", default="trained_versus_theory.png")
    args = parser.parse_args()
    found = compare(
        np.geomspace(0.01, 1, args.grid),
        np.geomspace(0.1, 10, args.grid),
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
    with replacing(args.output, "wb") as file:
        figure.savefig(file, format="png", dpi=160)


if __name__ == "__main__":
    main()
