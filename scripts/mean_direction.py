"""One hidden dimension goes to the mean of all features, or not: biases that start at 0, and at the mean E[x] = p/2.

W starts at Xavier's scale in both cases. A gradient step sees E[x x^T], whose largest eigenvalue belongs to the
direction of the mean, (1, ..., 1)/sqrt(n), until the biases have learnt the mean; by then W has put a dimension there.
The picture has |W (1, ..., 1)|/sqrt(n) after training, which is near 1 where a dimension is spent on the mean and 0
where none is, and D* = m/|W|^2, for each of several runs at each density.
"""

from __future__ import annotations

import frame
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from analytic import ReluOutputModel, train
from analytic.training import initial

Array = npt.NDArray[np.float64]

#: Where the biases start, as a share of the mean, with a sign.
STARTS = {"$b$ from 0": (0.0, "C0o"), "$b$ from $E[x]$": (1.0, "C1^")}


def trained(model: ReluOutputModel, share: float, runs: int, steps: int) -> Array:
    """W (runs, hidden, features) after training from biases at this share of the mean."""
    draw = initial.named("xavier", weights=(model.hidden, model.features))

    def begin(rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
        return draw(rng, rows)[0], np.tile(share * model.density / 2, (rows, 1))

    run = train(model, runs=runs, init=begin, steps=steps, batch=512, lr=3e-3, schedule="cosine", checkpoints=1)
    return run.W[-1, 0]


def main() -> None:
    """Prints how many runs keep the mean in W, and draws mean_direction.png."""
    parser = frame.parser(__doc__, "mean_direction.png")
    parser.add_argument("--features", type=int, default=80)
    parser.add_argument("--hidden", type=int, default=8)
    parser.add_argument("--densities", type=float, nargs="+", default=(0.464, 0.383, 0.316, 0.261, 0.215))
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5000)
    args = parser.parse_args()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for label, (share, sign) in STARTS.items():
        for density in args.densities:
            model = ReluOutputModel.from_density(args.features, args.hidden, density)
            W = trained(model, share, args.runs, args.steps)
            mean = np.linalg.norm(W.sum(-1), axis=1) / np.sqrt(args.features)
            d_star = args.hidden / np.square(W).sum((1, 2))
            kept = int(np.sum(mean > 0.5))
            print(
                f"{label}, density {density:g}: {kept} of {args.runs} keep the mean, D* {d_star.mean():.4f}", flush=True
            )
            legend = label if density == args.densities[0] else None
            for ax, values in ((left, mean), (right, d_star)):
                ax.plot(np.full(args.runs, density), values, sign, fillstyle="none", label=legend)
    left.set(xlabel="density", ylabel="$|W (1, …, 1)|/\\sqrt{n}$", title="weight along the mean of all features")
    right.set(xlabel="density", ylabel="$D^* = m/|W|^2$", title="dimensions per feature")
    left.legend()
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
