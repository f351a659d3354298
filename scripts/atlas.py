"""Where the number of minima is proved to be 1, 2, 3, ...: one certificate per model of a grid.

Certificates are kept in a folder, one JSON file each; what is there already is not proved again, so an interrupted run
goes on where it stopped. Isolated minima are counted, one per W -> -W orbit; grey means not proved.
"""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path

import frame
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import BoundaryNorm
from tqdm import tqdm

from analytic import Certificate, ToyModel, certify, verify_certificate
from analytic.models.bias import BiasLike


def proved_minima(folder: Path, bias: BiasLike, place: tuple[float, float]) -> int:
    """The proved number of minima of one model, from its file or from a new proof; 0 if it is not proved."""
    density, importance = place
    path = folder / f"{bias}-{density:.12g}-{importance:.12g}.json"
    if not path.exists():
        certify(ToyModel.from_density(density, importance, bias)).save(path)
    return len(Certificate.load(path).minima) if verify_certificate(path).complete else 0


def count(executor: Executor, folder: Path, bias: BiasLike, places: list[tuple[float, float]]) -> list[int]:
    """All counts, in order, with a progress bar."""
    results = executor.map(partial(proved_minima, folder, bias), places)
    return list(tqdm(results, total=len(places), desc="certificates", disable=None))


def main() -> None:
    """Draws atlas.png."""
    parser = frame.parser(__doc__, "atlas.png")
    parser.add_argument("--bias", choices=("none", "shared", "per-feature"), default="per-feature")
    parser.add_argument("--grid", type=int, default=24, help="grid points on each axis (default 24)")
    parser.add_argument("--folder", type=Path, default=Path("atlas"), help="where certificates are kept")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    density, importance = np.linspace(0.04, 0.96, args.grid), np.geomspace(0.1, 1 / 1.01, args.grid)
    places = [(float(p), float(r)) for p in density for r in importance]
    with ProcessPoolExecutor() as executor:
        counts = np.array(count(executor, args.folder, args.bias, places)).reshape(args.grid, args.grid)
    figure, ax = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
    top = max(2, counts.max())
    cmap = plt.colormaps["viridis"].resampled(top)
    cmap.set_under("#bbbbbb")
    norm = BoundaryNorm(np.arange(0.5, top + 1), top)
    mesh = ax.pcolormesh(importance, density, counts, cmap=cmap, norm=norm, shading="nearest")
    ax.set(xscale="log", xlabel="importance of the extra feature", ylabel="density  (1 − sparsity)")
    ax.set_xticks([0.1, 0.2, 0.5, 1.0], labels=["0.1", "0.2", "0.5", "1"])
    ax.set_xticks([], minor=True)
    ax.set_title(f"proved number of isolated minima, bias {args.bias}", fontsize=11)
    figure.colorbar(mesh, ax=ax, ticks=range(1, top + 1))
    frame.save(figure, args.output)
    names = {int(n): int(k) for n, k in zip(*np.unique(counts, return_counts=True), strict=True)}
    print(f"models per proved number of minima (0: not proved): {names}")


if __name__ == "__main__":
    main()
