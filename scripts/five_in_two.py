"""Five features in two hidden units, the course's first exercise: all branches of minima that were found.

Minima are searched at many densities, and each is followed in density to where it ends. The picture has the losses of
all branches, over that of answering the mean to everything, and what each is above the best one, with the geometry
beside them; the best one is drawn thick. Dots are ends: filled where a branch loses its stability or folds, open at
kinks. Printed: the branches,
where the best one changes, and, where importances differ, the twelve orders of the features on the pentagon. Searches
and branches are kept in a folder, so that an interrupted run goes on, and the picture is drawn again at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, permutations
from pathlib import Path

import frame
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from analytic import Branch, MinimaFound, ReluOutputModel, descend, exchanges, minimum_branches, search_minima
from analytic.plotting.vectors import draw_vectors
from analytic.search.branches import load_branches, save_branches

Array = npt.NDArray[np.float64]
Family = Callable[[float], ReluOutputModel]

FAMILIES: dict[str, Family] = {
    "equal": lambda density: ReluOutputModel.from_density(5, 2, density),
    "0.9^i": lambda density: ReluOutputModel.from_density(5, 2, density, tuple(0.9**i for i in range(5))),
}
#: How many densities from 0.005 to 0.95 are searched, which above them, and from how many starts.
SEARCHES = {"equal": (48, (0.97, 0.985, 0.995), 1000), "0.9^i": (27, (0.98,), 300)}
#: Shapes that have a colour of their own; all others are grey.
COLORS = {
    "pentagon": "#009e73",
    "2 digons, not represented": "#d55e00",
    "confused, digon": "#cc79a7",
    "triangle, 2 not represented": "#56b4e9",
    "digon, single, 2 not represented": "#e69f00",
    "2 singles, 3 not represented": "#0072b2",
}
OTHER = "0.55"


def searched(family: Family, density: float, starts: int, path: Path) -> MinimaFound:
    """The minima at one density, from its file or from a new search."""
    if not path.exists():
        search_minima(family(density), starts=starts).save(path)
    return MinimaFound.load(path)


def followed(name: str, count: int | None, folder: Path) -> tuple[Array, tuple[Branch, ...]]:
    """The densities, and all branches, from their file or from the searches; only `count` densities if it is given."""
    usual, above, starts = SEARCHES[name]
    grid = np.array([*np.geomspace(0.005, 0.95, usual), *above]) if count is None else np.geomspace(0.005, 0.95, count)
    path = folder / f"{name}-branches-{len(grid)}.npz"
    if not path.exists():
        files = {float(p): folder / f"{name}-{p:.6f}.npz" for p in grid}
        searches = {p: searched(FAMILIES[name], p, starts, file) for p, file in files.items()}
        save_branches(path, minimum_branches(FAMILIES[name], searches))
    return grid, load_branches(path)


def mean_answer(family: Family, density: Array) -> Array:
    """The loss of a model that answers the mean to everything: the unit of the picture."""
    return np.array([family(float(p)).loss(np.zeros((2, 5)), np.full(5, p / 2)) for p in density])


def best_of(branches: tuple[Branch, ...], density: Array) -> Array:
    """The number of the best branch at each density; between the densities of the grid losses are interpolated."""
    losses = np.full((len(branches), len(density)), np.inf)
    for row, each in zip(losses, branches, strict=True):
        if len(each) > 1:
            inside = (density >= each.parameter[0]) & (density <= each.parameter[-1])
            row[inside] = PchipInterpolator(np.log(each.parameter), each.loss)(np.log(density[inside]))
    return np.argmin(losses, axis=0)


def report(name: str, branches: tuple[Branch, ...], best: Array) -> None:
    """Prints every branch, and where the best one changes."""
    print(f"importances {name}: {len(branches)} branches")
    for branch in branches:
        ends = ", ".join(f"{end.parameter:.12g} {end.kind}" for end in (branch.first, branch.last))
        print(f"  {branch.shape}: {ends}; loss {branch.loss[0]:.9g} to {branch.loss[-1]:.9g}")
    for one, other in pairwise(branches[k] for k in best[np.flatnonzero(np.diff(best, prepend=-1))]):
        places = exchanges(FAMILIES[name], one, other)
        ended = f"the first ends at {one.last.parameter:.12g}" if one.last.kind != "range" else "too close to tell"
        where = f"equal losses at {places}" if places else ended
        print(f"  best: {one!r} gives way to {other!r}: {where}")


def orders(density: float) -> list[tuple[float, tuple[int, ...]]]:
    """The twelve orders of the features around the pentagon, as exact minima, by loss."""
    # the first feature stays, and of an order and its mirror image one is kept
    around = [(0, *rest) for rest in permutations(range(1, 5)) if rest[0] < rest[-1]]
    angle = 2 * np.pi * np.argsort(around, axis=1) / 5
    W = 1.1 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ends = descend(FAMILIES["0.9^i"](density), W, np.full((12, 5), -0.2), dynamics="newton").final
    return sorted(zip(ends.loss.tolist(), around, strict=True))


def draw_levels(axes: Sequence[plt.Axes], name: str, branches: tuple[Branch, ...], fine: Array, best: Array) -> None:
    """Above the losses of all branches, the best thick; below how far each is above the best."""
    levels, excess = axes
    for branch in sorted(branches, key=lambda each: -each.loss.min()):
        color = COLORS.get(branch.shape, OTHER)
        level = branch.loss / mean_answer(FAMILIES[name], branch.parameter)
        levels.plot(branch.parameter, level, color=color, lw=0.7)
        for end, k in ((branch.first, 0), (branch.last, -1)):
            if end.kind != "range":
                fill = "white" if end.kind == "kink" else color
                levels.plot(branch.parameter[k], level[k], "o", ms=2.5, color=color, mfc=fill, mew=0.6)
        least = np.array([min(each.loss[each.parameter == p].min(initial=np.inf) for each in branches)
                          for p in branch.parameter])  # fmt: skip
        above = np.where(branch.loss > least, branch.loss / least - 1, np.nan)
        excess.plot(branch.parameter, above, ".-", color=color, lw=0.7, ms=1.5)
    for number in np.unique(best):
        branch, here = branches[number], fine[best == number]
        loss = PchipInterpolator(np.log(branch.parameter), branch.loss)(np.log(here))
        levels.plot(here, loss / mean_answer(FAMILIES[name], here), color=COLORS.get(branch.shape, OTHER), lw=2.6)
    levels.set(
        xscale="log", ylabel="loss / loss of the mean answer", title=f"importances {name}: {len(branches)} branches"
    )
    excess.set(xscale="log", yscale="log", xlabel="density", ylabel="loss / least loss - 1", ylim=(1e-5, 20))


def draw_shapes(axes: npt.NDArray[np.object_], branches: tuple[Branch, ...], best: Array) -> None:
    """One member of each shape, the most common first; shapes that are the best somewhere are marked."""
    shapes: dict[str, list[Branch]] = {}
    for branch in branches:
        shapes.setdefault(branch.shape, []).append(branch)
    winners = {branches[number].shape for number in best}
    chosen = sorted(shapes.items(), key=lambda each: (each[0] not in winners, min(b.loss.min() for b in each[1])))
    for ax in axes:
        ax.set_axis_off()
    for ax, (shape, members) in zip(axes, chosen, strict=False):
        longest = max(members, key=len)
        draw_vectors(longest.W[len(longest) // 2], color=COLORS.get(shape, OTHER), ax=ax)
        words = shape.replace(", ", "\n")
        ax.set_title(f"{words}\n{len(members)}{', the best' if shape in winners else ''}", fontsize=7)


def main() -> None:
    """Prints branches, exchanges and orders, and draws five_in_two.png."""
    parser = frame.parser(__doc__, "five_in_two.png")
    parser.add_argument("--folder", type=Path, default=Path("five_in_two"), help="where searches are kept")
    parser.add_argument("--grid", type=int, help="only so many densities from 0.005 to 0.95")
    parser.add_argument("--importances", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    figure = plt.figure(figsize=(13.5, 7.5), layout="constrained")
    for half, name in zip(np.ravel(np.array(figure.subfigures(1, 2))), args.importances, strict=False):
        grid, branches = followed(name, args.grid, args.folder)
        fine = np.geomspace(grid[0], grid[-1], 2000)
        best = best_of(branches, fine)
        report(name, branches, best)
        left, right = half.subfigures(1, 2, width_ratios=[3, 1.2])
        axes = left.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        draw_levels(axes, name, branches, fine, best)
        draw_shapes(right.subplots(6, 2).ravel(), branches, best)
    for density in (0.02, 0.1, 0.2):
        ranked = orders(density)
        cells = ", ".join(f"{'-'.join(str(i + 1) for i in order)} {loss:.10f}" for loss, order in ranked)
        print(f"orders on the pentagon, importances 0.9^i, density {density}: {cells}")
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
