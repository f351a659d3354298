"""Do more minima mean more levels? Minima found against plateaus of the exact flow from small weights.

For every model of a grid of sizes and densities minima are searched from many starts, and the flow is followed from
small weights; its plateaus after the first one, beside W = 0, are counted. Results are kept in a folder.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import frame
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import spearmanr

from analytic import Plateau, ReluOutputModel, descend, search_minima

SIZES = ((3, 1), (3, 2), (4, 1), (4, 2), (5, 1), (5, 2))
DENSITIES = (0.02, 0.1, 0.3)
RATIO = 0.8


def is_later(plateau: Plateau) -> bool:
    """Whether a plateau is not the first one, where no feature is represented."""
    return plateau.stationary is None or bool(np.abs(plateau.stationary.W).max() > 1e-6)


def counts(size: tuple[int, int], density: float, starts: int, searches: int, folder: Path) -> tuple[int, float]:
    """Minima found, and plateaus per start."""
    features, hidden = size
    path = folder / f"n{features}m{hidden}p{density:g}-{starts}-{searches}.json"
    if not path.exists():
        model = ReluOutputModel.from_density(features, hidden, density, RATIO ** np.arange(features))
        W = 0.001 * np.random.default_rng(0).standard_normal((starts, hidden, features))
        levels = sum(map(is_later, descend(model, W, progress=False).plateaus))
        minima = len(search_minima(model, starts=searches, progress=False))
        path.write_text(json.dumps({"minima": minima, "levels": levels / starts}))
    stored = json.loads(path.read_text())
    return stored["minima"], stored["levels"]


def main() -> None:
    """Prints the counts and draws minima_and_levels.png."""
    parser = frame.parser(__doc__, "minima_and_levels.png")
    parser.add_argument("--starts", type=int, default=16, help="flows from small weights per model (default 16)")
    parser.add_argument("--searches", type=int, default=200, help="starts of each search for minima (default 200)")
    parser.add_argument("--sizes", type=int, default=len(SIZES), help="how many of the sizes (default all)")
    parser.add_argument("--folder", type=Path, default=Path("minima_and_levels"), help="where results are kept")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    places = list(product(SIZES[: args.sizes], DENSITIES))
    found = []
    for size, density in places:
        found.append(counts(size, density, args.starts, args.searches, args.folder))
        print(f"n={size[0]} m={size[1]} p={density:g}: {found[-1][0]} minima, {found[-1][1]:.3g} levels", flush=True)
    minima, levels = np.array(found).T
    figure, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
    for size in SIZES[: args.sizes]:
        rows = [k for k, place in enumerate(places) if place[0] == size]
        ax.plot(minima[rows], levels[rows], "o-", ms=5, lw=0.8, label=f"n = {size[0]}, m = {size[1]}")
    ax.set(xscale="log", xlabel="minima found", ylabel="levels per start, after W = 0", ylim=(0, None))
    ax.set_xticks([3, 5, 10, 20, 40, 70], labels=["3", "5", "10", "20", "40", "70"])
    ax.set_xticks([], minor=True)
    ax.legend(title="along each line density\n0.3, 0.1, 0.02", fontsize=8, title_fontsize=8)
    print("Spearman's rank correlation, and of models with one hidden unit and with two:")
    hidden = np.array([size[1] for size, _ in places])
    for chosen in (hidden > 0, hidden == 1, hidden == 2):
        if len(set(minima[chosen])) > 1 and len(set(levels[chosen])) > 1:
            result = spearmanr(minima[chosen], levels[chosen])
            print(f"  {int(chosen.sum())} models: {result.statistic:.2f}, p = {result.pvalue:.2g}")
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
