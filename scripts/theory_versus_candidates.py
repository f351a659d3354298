"""The exact phase diagram beside the best of three hand-picked settings.

For n = 2, m = 1 the theory of the paper compares W = (1, 0) and (0, 1), with the ignored feature at its mean, and
W = (1, -1) with b = 0. Their losses are r (p/3 - p^2/4), p/3 - p^2/4 and (1 + r) p^2/6. Without a bias the ignored
feature cannot be at its mean, and is at zero: r p/3 and p/3. This script reports by how much the best candidate exceeds
the true minimum, and where it names another phase.
"""

from __future__ import annotations

import frame
import matplotlib.pyplot as plt
import numpy as np

from analytic import PhaseDiagram, phase_diagram
from analytic.diagrams import plane
from analytic.plotting.diagrams import color_key, plot_phase_diagram

CANDIDATES = (("dedicated-1", (1.0, 0.0)), ("dedicated-2", (0.0, 1.0)), ("antipodal", (1.0, -1.0)))


def best_candidate(exact: PhaseDiagram) -> PhaseDiagram:
    """The diagram of the lowest candidate on the same grid."""
    p, r = exact.density[:, None], exact.importance[None, :]
    ignored = p / 3 - (p**2 / 4 if exact.bias == "per-feature" else 0)
    losses = np.stack([r * ignored, 1 * ignored + 0 * r, (1 + r) * p**2 / 6])
    order = np.sort(losses, axis=0)
    best = np.argmin(losses, axis=0)
    names, weights = (np.array(column) for column in zip(*CANDIDATES, strict=True))
    return PhaseDiagram(
        exact.bias,
        exact.density,
        exact.importance,
        W=weights[best],
        b=np.empty((*best.shape, 0)),
        loss=order[0],
        phase=names[best],
        n_minima=np.full(best.shape, len(CANDIDATES)),
        gap=order[1] - order[0],
    )


def main() -> None:
    """Draws theory_versus_candidates.png and prints the comparison."""
    parser = frame.parser(__doc__, "theory_versus_candidates.png")
    parser.add_argument("--grid", type=int, default=200, help="grid points on each axis (default 200)")
    parser.add_argument("--bias", choices=("none", "per-feature"), default="per-feature")
    args = parser.parse_args()
    density, importance = plane.axis(plane.DENSITY, args.grid), plane.axis(plane.IMPORTANCE, args.grid)
    exact = phase_diagram(density=density, importance=importance, bias=args.bias)
    guess = best_candidate(exact)
    excess = guess.loss / exact.loss - 1
    # The candidates know two words: alone (dedicated) or together (antipodal).
    alone = np.char.startswith(guess.phase, "dedicated")
    wrong = alone == (exact.phase == "antipodal")

    figure, axes = plt.subplots(1, 3, figsize=(13.5, 4.6), layout="constrained", sharey=True)
    plot_phase_diagram(exact, axes[0]).set_title("exact minima", fontsize=11)
    plot_phase_diagram(guess, axes[1]).set_title("best of three hand-picked settings", fontsize=11)
    plot_phase_diagram(exact, axes[2], names=False).set_title("excess loss of the best candidate", fontsize=11)
    mesh = axes[2].pcolormesh(importance, density, 100 * excess, cmap="magma_r", shading="nearest", rasterized=True)
    axes[2].contour(importance, density, wrong, levels=[0.5], colors="cyan", linewidths=1.2)
    figure.colorbar(mesh, ax=axes[2], label="excess loss in %  (cyan: wrong phase inside)")
    for ax in axes:
        ax.label_outer()
    figure.legend(handles=color_key(), loc="outside lower center", ncols=3, frameon=False)
    frame.save(figure, args.output)
    print(f"excess loss of the best candidate: median {np.median(excess):.2%}, largest {excess.max():.2%}")
    i, j = np.unravel_index(np.argmax(excess), excess.shape)
    print(f"largest at density {density[i]:.3g}, importance {importance[j]:.3g}")
    print(f"wrong phase (dedicated for antipodal or the reverse) on {wrong.mean():.2%} of the grid")


if __name__ == "__main__":
    main()
