"""D* and the feature dimensionalities of a large model against 1/density: trained, exact, and as mixtures of groups.

For each density a model of n equal features in m dimensions is trained twice, with biases that start at 0 as usual, and
at the mean E[x_i] = p/2 of the features. Beside it stands the best mixture of orthogonal groups (a linear programme:
analytic/search/mixtures.py), and for a few densities where exact descent leads from the trained weights. The panel on
the right has the exact losses in relation to that of the mixture. Whatever takes long is kept in a folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import frame
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from analytic import ReluOutputModel, TrainingRun, feature_dimensionality, geometry, train
from analytic.files import read_npz, write_npz
from analytic.polytopes.groups import in_words
from analytic.search.mixtures import Mixture, Parts, search_parts
from analytic.search.stability import pair_curvatures
from analytic.training import initial

Array = npt.NDArray[np.float64]
Weights = tuple[Array, Array]

#: Of the exact loss, relative to its scale.
TOLERANCE = 1e-5
#: Where the biases start, as the share of the mean, with sign and legend.
STARTS = {"zero": (0.0, "C0o", "trained, $b$ from 0"), "mean": (1.0, "C1^", "trained, $b$ from $E[x]$")}
_PER_CENT = (-50, -20, -10, -5, -2, -1, -0.5, 0, 0.5, 1, 2)
#: Dimensionalities of regular shapes.
FRACTIONS = {"1": 1.0, "3/4": 3 / 4, "2/3": 2 / 3, "1/2": 1 / 2, "2/5": 2 / 5, "3/8": 3 / 8}
#: The largest cosine of features that count as orthogonal, for the names of groups in trained weights.
ORTHOGONAL = 0.15


def size_of(model: ReluOutputModel) -> str:
    """For the names of files."""
    return f"{model.features}-{model.hidden}-{model.density[0]:.6g}"


def trained(folder: Path, model: ReluOutputModel, start: str, steps: int) -> Weights:
    """Weights trained by sampling, from their file or anew."""
    path = folder / f"{start}-{size_of(model)}.npz"
    if not path.exists():
        draw = initial.named("xavier", weights=(model.hidden, model.features))
        b = STARTS[start][0] * model.density / 2

        def begin(rng: np.random.Generator, rows: int) -> Weights:
            return draw(rng, rows)[0], np.tile(b, (rows, 1))

        train(model, init=begin, steps=steps, lr=2e-3, schedule="cosine", checkpoints=1).save(path)
    run = TrainingRun.load(path)
    return run.W[-1, 0, 0], np.asarray(run.b)[-1, 0, 0]


def descended(folder: Path, model: ReluOutputModel, start: str, weights: Weights, iterations: int) -> Weights:
    """Where L-BFGS on the exact loss leads from there, from its file or anew."""
    path = folder / f"exact-{start}-{size_of(model)}.npz"
    if not path.exists():
        loss = partial(model.loss_and_gradient_at, tolerance=TOLERANCE)
        begin = model.bias.parameters(weights[0].ravel(), weights[1])
        options = {"maxiter": iterations, "maxcor": 30}
        found = minimize(loss, begin, jac=True, method="L-BFGS-B", options=options)
        W, b = model.bias.weights_and_bias(found.x, model.features, model.hidden)
        write_npz(path, {"W": W.reshape(weights[0].shape), "b": b})
    stored = read_npz(path, "exact descent", ("W", "b"))
    return stored["W"], stored["b"]


def exact_loss(folder: Path, model: ReluOutputModel, name: str, weights: Weights) -> float:
    """The exact loss of the weights that are kept under this name, from its file or anew."""
    path = folder / f"loss-{name}-{size_of(model)}.npz"
    if not path.exists():
        write_npz(path, {"loss": np.array(model.loss(*weights, tolerance=TOLERANCE))})
    return float(read_npz(path, "loss", ("loss",))["loss"])


def searched(folder: Path, densities: Iterable[float], args: argparse.Namespace) -> list[Parts]:
    """The groups at every density, from their files or searched anew, each followed from the density before."""
    found: list[Parts] = []
    for density in densities:
        path = folder / f"groups-{density:.6g}.npz"
        if not path.exists():
            largest, deepest = args.largest, args.deepest
            search_parts(density, features=largest, dimensions=deepest, starts=args.starts, near=found[-1:]).save(path)
        found.append(Parts.load(path))
    return found


class Panels:
    """The three panels, and the lines of the table; everything is drawn at 1/density."""

    def __init__(self, hidden: int) -> None:
        self.figure, (self.d_star, self.each, self.excess) = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
        self.hidden, self._named = hidden, set[str]()

    def weights(self, at: float, W: Array, loss: float, bound: float, sign: str, label: str) -> None:
        """What one set of weights has to show; `bound` is the loss of the mixture."""
        d_star = self.hidden / np.square(W).sum()
        legend = label if label not in self._named else None
        self._named.add(label)
        self.d_star.plot(at, d_star, sign, markersize=6, fillstyle="none", label=legend)
        self.excess.plot(at, 100 * (loss / bound - 1), sign, markersize=6, fillstyle="none")
        mean = np.linalg.norm(W.sum(1)) / np.sqrt(W.shape[1])
        made_of = in_words(geometry(W, tolerance=ORTHOGONAL))
        print(f"  {label}: loss {loss:.6f}, D* {d_star:.4f}, along the mean {mean:.3f}, {made_of}", flush=True)

    def mixture(self, at: float, mixture: Mixture) -> None:
        """Dimensionalities in the mixture, their size by how many features have them."""
        values, counts = mixture.dimensionality()
        self.each.scatter(
            np.full(len(values), at), values, 0.6 * counts, facecolors="none", edgecolors="k", linewidths=0.8
        )

    def dimensionalities(self, at: float, W: Array) -> None:
        """Those of all features, one point each."""
        values = feature_dimensionality(W)
        self.each.plot(np.full(len(values), at), values, "C0.", markersize=3, alpha=0.4)

    def finish(self, at: Array, mixtures: list[Mixture]) -> None:
        """Lines, labels and scales."""
        self.d_star.plot(at, [each.dimensions_per_feature for each in mixtures], "k-", label="best mixture of groups")
        self.excess.axhline(0, color="k", lw=1)
        self.d_star.set(ylabel="$D^* = m/|W|^2$", ylim=(0, 1.1))
        self.each.set(ylabel="dimensionality of every feature", ylim=(-0.03, 1.1))
        self.excess.set(ylabel="loss above that of the mixture, %", yscale="symlog")
        self.excess.set_yticks(_PER_CENT, labels=map(str, _PER_CENT))
        self.excess.set_yticks([], minor=True)
        for ax in (self.d_star, self.each):
            for name, value in FRACTIONS.items():
                ax.axhline(value, color="0.8", lw=0.7, zorder=0)
                ax.text(at.max() * 1.25, value, name, va="center", fontsize=8, color="0.4")
        for ax in (self.d_star, self.each, self.excess):
            ax.set(xscale="log", xlabel="1/density", xlim=(0.85, at.max() * 1.2))
        self.d_star.legend(fontsize=9)
        self.each.plot([], [], "C0.", label=STARTS["zero"][2])
        self.each.plot([], [], "ko", fillstyle="none", label="in the mixture (area: how many)")
        self.each.legend(fontsize=9, loc=(0.3, 0.83))
        self.figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]


def unstable(mixture: Mixture, density: float) -> str:
    """Which of its groups are saddles together."""
    down = [f"{one} with {other}" for (one, other), least in pair_curvatures(mixture, density).items() if least < 0]
    return f"saddles: {', '.join(down) or 'none'}"


def main() -> None:
    """Draws feature_dimensionality.png and prints what each model is made of."""
    args = arguments()
    args.folder.mkdir(exist_ok=True)
    densities = np.geomspace(1, args.least, args.points)
    found = searched(args.folder, densities, args)
    mixtures = [parts.mixture(args.features, args.hidden, whole_counts=True) for parts in found]
    panels = Panels(args.hidden)
    for density, mixture in zip(densities, mixtures, strict=True):
        print(
            f"density {density:.4g}: {mixture!r}, D* {mixture.dimensions_per_feature:.4f}; {unstable(mixture, density)}"
        )
        model = ReluOutputModel.from_density(args.features, args.hidden, density)
        for start, (_, sign, label) in STARTS.items():
            weights = trained(args.folder, model, start, args.steps)
            loss = exact_loss(args.folder, model, start, weights)
            panels.weights(1 / density, weights[0], loss, mixture.loss, sign, label)
            if start == "zero" and any(np.isclose(density, args.descents, rtol=0.01)):
                ends = descended(args.folder, model, start, weights, args.iterations)
                loss = exact_loss(args.folder, model, f"exact-{start}", ends)
                panels.weights(1 / density, ends[0], loss, mixture.loss, "C0x", "exact descent from there")
        panels.mixture(1 / density, mixture)
        panels.dimensionalities(1 / density, trained(args.folder, model, "zero", args.steps)[0])
    panels.finish(1 / densities, mixtures)
    frame.save(panels.figure, args.output)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = frame.parser(__doc__, "feature_dimensionality.png")
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--hidden", type=int, default=20)
    parser.add_argument("--points", type=int, default=13, help="densities from 1 down to the least (default 13)")
    parser.add_argument("--least", type=float, default=0.01, help="least density (default 0.01)")
    parser.add_argument("--steps", type=int, default=20_000, help="of training (default 20000)")
    parser.add_argument("--descents", type=float, nargs="*", default=(0.464, 0.316, 0.215), help="densities")
    parser.add_argument("--iterations", type=int, default=60, help="of exact descent (default 60)")
    parser.add_argument("--largest", type=int, default=8, help="features of the largest groups (default 8)")
    parser.add_argument("--deepest", type=int, default=3, help="dimensions of the largest groups (default 3)")
    parser.add_argument("--starts", type=int, default=32, help="random starts per size of group (default 32)")
    parser.add_argument("--folder", type=Path, default=Path("feature_dimensionality"), help="where results are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
