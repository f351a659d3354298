"""Do models hop between minima? Barriers between minima, the noise of training, and hops that were counted.

Minima are those where most starts from small weights end. Around them saddles of index 1 are looked for; the lowest way
out of a minimum bounds its barrier from above. Then models start right at each minimum and are trained with fresh
batches at several rates; at the end exact descent tells which minimum they are at. Results are kept in a folder.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import energy_levels
import frame
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from analytic import MountainPasses, ReluOutputModel, descend, mountain_passes, retrace, search_minima, train
from analytic.search.shares import share
from analytic.tables import as_text

Array = npt.NDArray[np.float64]
SETTINGS = (energy_levels.SETTINGS[1], energy_levels.SETTINGS[5])
RATES = (("adam", 1e-3), ("adam", 1e-2), ("adam", 3e-2), ("adam", 0.1), ("sgd", 0.1), ("sgd", 1.0))
#: Entries of W^T W that differ by more have made a hop.
MOVED = 0.1


class Stay(NamedTuple):
    """Runs that started at one minimum: how many, how many left it, for which, and the mean rise of the loss before."""

    optimizer: str
    lr: float
    minimum: int
    runs: int
    left: int
    ends: tuple[int, ...]
    noise: float


def kept(path: Path, compute: Callable[[], Any]) -> Any:
    """What a file holds, or what is computed and written to it."""
    if not path.exists():
        path.write_bytes(pickle.dumps(compute()))
    return pickle.loads(path.read_bytes())


def passes_of(model: ReluOutputModel, searches: int, most: int, starts: int) -> MountainPasses:
    """Passes around the minima where most starts from small weights end."""
    found = search_minima(model, starts=searches, init=0.01, progress=False)
    common = sorted(found.minima, key=lambda each: -each.hits)[:most]
    return mountain_passes(replace(found, minima=tuple(sorted(common, key=lambda each: each.loss))), starts=starts)


def stay(passes: MountainPasses, k: int, optimizer: str, lr: float, runs: int, steps: int) -> Stay:
    """Training from minimum k."""
    point, model = passes.minima[k], passes.model
    run = train(model, runs=runs, optimizer=optimizer, lr=lr, steps=steps, init=(point.W, point.b), threads=1, seed=k)
    trained = retrace(model, run)
    W, b = trained.W[-1], trained.b[-1]
    ends, settled = passes.identify(W, b), descended_gram(passes, W, b)
    near = trained.loss[1:] - point.loss
    left = np.abs(settled - point.W.T @ point.W).max(axis=(1, 2)) > MOVED
    return Stay(
        optimizer,
        lr,
        k,
        runs,
        int(left.sum()),
        tuple(map(int, ends[left])),
        float(near[:, ~left].mean()) if not left.all() else np.nan,
    )


def descended_gram(passes: MountainPasses, W: Array, b: Array) -> Array:
    """W^T W where exact descent from these points ends."""
    ends = descend(passes.model, W, b, dynamics="newton").final.W
    return np.asarray(np.swapaxes(ends, -1, -2) @ ends)


def rows_of(stays: Sequence[Stay]) -> list[list[str]]:
    """Hops per optimiser and rate."""
    rows = []
    for optimizer, lr in RATES:
        mine = [each for each in stays if (each.optimizer, each.lr) == (optimizer, lr)]
        runs, left = sum(each.runs for each in mine), sum(each.left for each in mine)
        lower = sum(0 <= end < each.minimum for each in mine for end in each.ends)
        some, chance = sum(each.left > 0 for each in mine), share(left, runs)
        noise = np.median([each.noise for each in mine if each.left < each.runs] or [np.nan])
        rows.append([f"{optimizer} {lr:g}", str(runs), str(left), f"{chance.low:.4f} .. {chance.high:.4f}", str(lower),
                     f"{some} of {len(mine)}", f"{noise:.2g}"])  # fmt: skip
    return rows


HEADER = ("rule", "runs", "left", "95 % interval", "to a lower minimum", "minima left by some", "noise of the loss")


def left_by_height(passes: MountainPasses, stays: Sequence[Stay]) -> list[list[str]]:
    """Per minimum its lowest pass and how many runs left at each rate."""
    rows = []
    for k, point in enumerate(passes.minima):
        mine = {(each.optimizer, each.lr): f"{each.left}/{each.runs}" for each in stays if each.minimum == k}
        if mine:
            rows.append([f"{point.loss:.7f}", point.shape, f"{passes.barrier_out(k):.2g}", *mine.values()])
    return rows


def stays_of(passes: MountainPasses, args: argparse.Namespace, name: str) -> list[Stay]:
    """Training from every minimum at every rate."""
    stays = []
    for (optimizer, lr), k in product(RATES, range(min(args.minima, len(passes.minima)))):
        path = args.folder / f"{name}-{optimizer}{lr:g}-{k}-{args.runs}-{args.steps}.pickle"
        stays.append(kept(path, partial(stay, passes, k, optimizer, lr, args.runs, args.steps)))
    return stays


def main() -> None:
    """Prints the tables and draws barriers.png."""
    parser = frame.parser(__doc__, "barriers.png")
    parser.add_argument("--settings", type=int, default=len(SETTINGS), help="how many of the settings (default all)")
    parser.add_argument("--searches", type=int, default=300, help="starts of the search for minima (default 300)")
    parser.add_argument("--minima", type=int, default=12, help="how many of them are looked at (default 12)")
    parser.add_argument("--starts", type=int, default=40, help="searches for passes around each minimum (default 40)")
    parser.add_argument("--runs", type=int, default=4, help="training runs at each minimum and rate (default 4)")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path("barriers"), help="where results are kept")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    size = (4 * args.settings + 1, 3.8)
    figure, axes = plt.subplots(1, args.settings, figsize=size, layout="constrained", squeeze=False)
    for setting, ax in zip(SETTINGS[: args.settings], axes[0], strict=True):
        name = f"n{setting.features}m{setting.hidden}p{setting.density:g}r{setting.ratio:g}"
        name += f"-{args.searches}-{args.minima}-{args.starts}"
        search = partial(passes_of, setting.model, args.searches, args.minima, args.starts)
        passes = kept(args.folder / f"{name}.pickle", search)
        print(f"\n{setting.model}\n{passes}", flush=True)
        stays = stays_of(passes, args, name)
        print(as_text(HEADER, rows_of(stays)))
        print(
            as_text(
                ("loss", "made of", "lowest pass", *(f"{o} {lr:g}" for o, lr in RATES)), left_by_height(passes, stays)
            )
        )
        draw(ax, passes, stays)
        ax.set_title(
            f"n = {setting.features}, m = {setting.hidden}, p = {setting.density:g}, r = {setting.ratio:g}", fontsize=9
        )
    axes[0, 0].set_ylabel("share of runs that left")
    axes[0, 0].legend(fontsize=8)
    frame.save(figure, args.output)


def draw(ax: plt.Axes, passes: MountainPasses, stays: Sequence[Stay]) -> None:
    """Share of runs that left their minimum against the height of its lowest pass, per rule."""
    for (optimizer, lr), colour in zip(RATES, plt.colormaps["viridis"](np.linspace(0, 0.9, len(RATES))), strict=True):
        mine = [each for each in stays if (each.optimizer, each.lr) == (optimizer, lr)]
        heights = [passes.barrier_out(each.minimum) for each in mine]
        marker, shares = "o" if optimizer == "adam" else "s", [each.left / each.runs for each in mine]
        ax.plot(heights, shares, marker, color=colour, label=f"{optimizer} {lr:g}", ms=5, alpha=0.8)
    ax.set(xscale="log", xlabel="height of the lowest pass found", ylim=(-0.04, 1.04))


if __name__ == "__main__":
    main()
