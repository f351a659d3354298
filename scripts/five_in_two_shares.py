"""Where five features in two hidden units end: exact gradient flow from random starts, and training as the course does.

Xavier starts as the course draws them (eight instances stacked, hidden-features), at its densities 50^(-k/7). The flow
follows the exact loss; training is AdamW at rate 0.001, 10,000 steps of 1024 fresh samples. A run counts as ended in
the minimum that exact descent reaches from where it stopped. Ends are compared with the best minimum that a search
found: the same one, or within 1 % of its loss, as the other orders of the features on a pentagon are. What is computed
is kept in a folder, and an interrupted run goes on from there. Intervals are exact ones (Clopper and Pearson), at 95 %.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import frame
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from analytic import ReluOutputModel, descend, search_minima, train
from analytic.files import read_npz, write_npz
from analytic.search.shares import share
from analytic.training import initial

Array = npt.NDArray[np.float64]

IMPORTANCES = {"equal": 1.0, "0.9^i": tuple(0.9**i for i in range(5))}
#: As the course draws its first weights: the fans of eight stacked models.
DRAWN: dict[str, Any] = {"init": "xavier", "instances": 8, "layout": "hidden-features"}
#: Two ends are one minimum if their losses agree to this, relative; within `NEAR` an end is as good as the best.
SAME, NEAR = 1e-7, 0.01
#: Models that are trained between two files.
CHUNK = 128


def flowed(model: ReluOutputModel, count: int, seed: int) -> Array:
    """Losses of the minima that exact gradient flow reaches from random starts."""
    theta = initial.draw("xavier", np.random.default_rng([seed, 0]), count, "none", instances=8,
                         layout="hidden-features", weights=(2, 5))  # fmt: skip
    return np.asarray(descend(model, theta.reshape(count, 2, 5), checkpoints=2).final.loss)


def trained(model: ReluOutputModel, count: int, seed: int) -> Array:
    """Losses of the minima that exact descent reaches from the ends of training."""
    run = train(model, runs=count, optimizer="adamw", reduction="mean", checkpoints=1, seed=seed, **DRAWN)
    W, b = run.final
    return np.asarray(descend(model, W[0], np.asarray(b)[0], dynamics="newton").final.loss)


def kept(path: Path, make: Callable[[], dict[str, Array]]) -> dict[str, Array]:
    """What a file holds, made now if there is none."""
    if not path.exists():
        write_npz(path, make())
    return read_npz(path, "part of the shares", ())


def ends(folder: Path, name: str, model: ReluOutputModel, kind: str, count: int) -> Array:
    """Losses at the ends of `count` runs, in files of at most CHUNK each."""
    run, parts = {"flow": flowed, "trained": trained}[kind], []
    for seed, first in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - first)
        path = folder / f"{kind}-{name}-{float(model.density[0]):.6f}-{seed}-{size}.npz"
        parts.append(kept(path, lambda size=size, seed=seed: {"loss": run(model, size, seed)})["loss"])  # type: ignore[misc]
    return np.concatenate(parts)


def best_loss(folder: Path, name: str, model: ReluOutputModel) -> float:
    """The least loss that a search found."""
    path = folder / f"best-{name}-{float(model.density[0]):.6f}.npz"
    return float(kept(path, lambda: {"loss": np.array(search_minima(model).global_minimum.loss)})["loss"])


def interval(hits: int, total: int) -> str:
    """The interval of a share, in words."""
    found = share(hits, total)
    return f"{found.low:.3f} to {found.high:.3f}"


def draw(ax: plt.Axes, density: Array, rows: list[tuple[int, int, int]], label: str, color: str, fmt: str) -> None:
    """Shares that ended in the best minimum (filled) and within 1 % of it (open), with intervals."""
    for k, (fill, what) in enumerate(((color, "the best"), ("none", "within 1 % of it"))):
        found = [share(row[k], row[2]) for row in rows]
        middle, low, high = np.array([(each.estimate, each.low, each.high) for each in found]).T
        shift = 1.015 if label == "training" else 1 / 1.015
        error = np.stack([middle - low, high - middle])
        ax.errorbar(density * shift, middle, error, fmt=fmt, color=color, mfc=fill, ms=5, lw=1, capsize=2,
                    label=f"{label}: {what}", linestyle="-" if k == 0 else ":")  # fmt: skip


def main() -> None:
    """Prints the shares and draws five_in_two_shares.png."""
    parser = frame.parser(__doc__, "five_in_two_shares.png")
    parser.add_argument("--folder", type=Path, default=Path("five_in_two_shares"), help="where parts are kept")
    parser.add_argument("--densities", type=int, default=8, help="50^(-k/(N-1)) for k = 0 ... N-1")
    parser.add_argument("--flows", type=int, default=256, help="random starts of the flow, per density")
    parser.add_argument("--runs", type=int, default=256, help="trained models, per density")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    density = 50.0 ** -np.linspace(0, 1, args.densities)
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4), layout="constrained", sharey=True)
    for ax, (name, importance) in zip(axes, IMPORTANCES.items(), strict=True):
        for kind, label, color, fmt in (
            ("flow", "exact flow", "#0072b2", "o"),
            ("trained", "training", "#d55e00", "s"),
        ):
            rows = []
            for p in density:
                model = ReluOutputModel.from_density(5, 2, float(p), importance)
                best = best_loss(args.folder, name, model)
                loss = ends(args.folder, name, model, kind, args.flows if kind == "flow" else args.runs)
                rows.append((int((loss < best * (1 + SAME)).sum()), int((loss < best * (1 + NEAR)).sum()), len(loss)))
                shown = ", ".join(f"{rows[-1][k]}/{len(loss)} ({interval(rows[-1][k], len(loss))})" for k in (0, 1))
                print(f"importances {name}, density {p:.4f}, {label}: best, within 1 %: {shown}", flush=True)
            draw(ax, density, rows, label, color, fmt)
        ax.set(xscale="log", xlabel="density", title=f"importances {name}", ylim=(-0.02, 1.02))
    axes[0].set_ylabel("share of runs")
    axes[0].legend(fontsize=8)
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
