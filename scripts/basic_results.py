"""What a model learns as its features become sparser: W^T W and b, and the norm of every feature by its superposition.

Importances fall by a constant factor from feature to feature: n = 20 features in m = 5 dimensions with the factor 0.7,
and n = 80 in 20 with 0.9, at the densities of the paper. Bars have the length |W_i|, and their colour is
sum over j != i of (u_i . W_j)^2 with u_i = W_i / |W_i|: 0 where a feature has a dimension of its own, 1 and more where
it shares. The loss is exact, on the lattice, in units of the silent loss sum I_i E[x_i^2]. Trained runs are kept in a
folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import frame
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from analytic import ReluOutputModel, TrainingRun, feature_dimensionality, train
from analytic.plotting.colors import BLUE, RED

Array = npt.NDArray[np.float64]

#: Features, hidden units, ratio of the importances of successive features.
SIZES = ((20, 5, 0.7), (80, 20, 0.9))
DENSITIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
OWN_TO_SHARED = LinearSegmentedColormap.from_list("own to shared", [BLUE, RED])
#: Weights on this scale use the whole range of colours.
_LARGEST = 1.2
#: The norm above which a feature counts as represented.
_REPRESENTED = 0.5


def trained(folder: Path, model: ReluOutputModel, steps: int) -> tuple[Array, Array]:
    """W and b of the model trained by sampling, from its file or anew."""
    path = folder / f"{model.features}-{model.hidden}-{model.density[0]:g}-{steps}.npz"
    if not path.exists():
        train(model, steps=steps, lr=1e-3, schedule="cosine", checkpoints=1).save(path)
    run = TrainingRun.load(path)
    return run.W[-1, 0, 0], np.asarray(run.b)[-1, 0, 0]


def plot_gram(ax: Axes, W: Array, b: Array) -> None:
    """W^T W, and b as a column beside it."""
    n = len(b)
    gap = max(1, n // 20)
    image = np.full((n, n + 2 * gap), np.nan)
    image[:, :n], image[:, n + gap :] = W.T @ W, b[:, None]
    ax.imshow(image, cmap="RdBu", vmin=-_LARGEST, vmax=_LARGEST, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def plot_norms(ax: Axes, W: Array) -> None:
    """One bar for each feature, the most important on top."""
    norms = np.linalg.norm(W, axis=0)
    shared = norms**2 * (1 / np.maximum(feature_dimensionality(W), 1e-12) - 1)
    ax.barh(np.arange(len(norms)), norms, height=1.0, color=OWN_TO_SHARED(np.clip(shared, 0, 1)))
    ax.set(xlim=(0, 1.55), ylim=(len(norms) - 0.5, -0.5), yticks=[], xticks=[0, 1])


def draw(matrices: Axes, norms: Axes, model: ReluOutputModel, W: Array, b: Array) -> None:
    """One model: W^T W and b on the upper axes, norms on the lower; prints its numbers."""
    density, loss = model.density[0], model.loss(W, b, tolerance=1e-5) / model.silent_loss
    shown = int(np.sum(np.linalg.norm(W, axis=0) > _REPRESENTED))
    square = float(np.square(W).sum())
    print(f"n = {model.features}, density {density:g}: loss {loss:.5f}, |W|^2 = {square:.3f}, {shown} represented")
    plot_gram(matrices, W, b)
    matrices.set_title(f"density {density:g}", fontsize=10)
    plot_norms(norms, W)
    norms.set_xlabel(f"{shown} of {model.features}\nloss {loss:.3f}", fontsize=9)


def picture(densities: Sequence[float], folder: Path, steps: int) -> Figure:
    """Two rows for each size, one column for each density."""
    figure = plt.figure(figsize=(1.9 * len(densities), 7.4), layout="constrained")
    axes = figure.subplots(2 * len(SIZES), len(densities), squeeze=False, height_ratios=[1, 0.8] * len(SIZES))
    for (features, hidden, ratio), upper, lower in zip(SIZES, axes[::2], axes[1::2], strict=True):
        for density, matrices, norms in zip(densities, upper, lower, strict=True):
            model = ReluOutputModel.from_density(features, hidden, density, ratio ** np.arange(features))
            draw(matrices, norms, model, *trained(folder, model, steps))
        upper[0].set_ylabel(f"$W^T W$ and $b$\nn = {features}, m = {hidden}")
        lower[0].set_ylabel("$|W_i|$\nmost important on top")
    add_scales(figure, axes)
    return figure


def add_scales(figure: Figure, axes: npt.NDArray[Any]) -> None:
    """What the colours mean, beside each row."""
    signed = ScalarMappable(Normalize(-_LARGEST, _LARGEST), "RdBu")
    share = ScalarMappable(Normalize(0, 1), OWN_TO_SHARED)
    for upper, lower in zip(axes[::2], axes[1::2], strict=True):
        figure.colorbar(signed, ax=upper, label="$W_i \\cdot W_j$ and $b_i$", ticks=[-1, 0, 1])
        figure.colorbar(share, ax=lower, label="superposition", extend="max", ticks=[0, 1])


def main() -> None:
    """Draws basic_results.png."""
    parser = frame.parser(__doc__, "basic_results.png")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--densities", type=float, nargs="+", default=DENSITIES)
    parser.add_argument("--folder", type=Path, default=Path("basic_results"), help="where trained runs are kept")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    frame.save(picture(args.densities, args.folder, args.steps), args.output)


if __name__ == "__main__":
    main()
