"""How long the noise of minibatches needs to carry training away from a half-stable point.

At density 0.285, importance 0.351 and a bias per feature half of all Xavier starts flow into the dedicated point, which
is no minimum: exact descent stays there for good. The table and the picture have the median number of steps, over
models that start at that point, until one trained on fresh batches has left it for the antipodal side (W1 W2 < -0.1).
"""

from __future__ import annotations

import frame
import matplotlib.pyplot as plt
import numpy as np

from analytic import ToyModel, train

#: The product W1 W2 at which a model has left: the antipodal minimum has -0.6.
LEFT = -0.1


def median_steps(model: ToyModel, optimizer: str, lr: float, batch: int, runs: int, steps: int) -> float:
    """The median step at which models have left the dedicated point; infinity where most have not."""
    start = (np.array([1.0, 0.0]), np.array([0.0, model.density[1] / 2]))
    run = train(model, runs=runs, optimizer=optimizer, lr=lr, batch=batch, steps=steps, init=start, checkpoints=200)
    left = run.W[:, 0, :, 0] * run.W[:, 0, :, 1] < LEFT
    return float(np.median(np.where(left.any(axis=0), run.steps[left.argmax(axis=0)], np.inf)))


def main() -> None:
    """Prints the table and draws noise_crossing.png."""
    parser = frame.parser(__doc__, "noise_crossing.png")
    parser.add_argument("--density", type=float, default=0.285)
    parser.add_argument("--importance", type=float, default=0.351)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--lr", type=float, nargs="+", default=(1e-3, 1e-2, 1e-1))
    parser.add_argument("--batch", type=int, nargs="+", default=(64, 256, 1024))
    args = parser.parse_args()
    model = ToyModel.from_density(args.density, args.importance)
    figure, ax = plt.subplots(layout="constrained")
    for optimizer, style in (("sgd", "--"), ("adam", "-")):
        for batch in args.batch:
            medians = [median_steps(model, optimizer, lr, batch, args.runs, args.steps) for lr in args.lr]
            shown = (f"{each:.0f}" if np.isfinite(each) else f"> {args.steps}" for each in medians)
            cells = ", ".join(f"lr {lr:g}: {steps}" for lr, steps in zip(args.lr, shown, strict=True))
            print(f"{optimizer}, batch {batch}: {cells}", flush=True)
            finite = np.isfinite(medians)
            ax.plot(
                np.array(args.lr)[finite], np.array(medians)[finite], style, marker="o", label=f"{optimizer}, {batch}"
            )
    ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel=f"median steps (none: more than {args.steps})")
    ax.legend(title="optimizer, batch")
    frame.save(figure, args.output)


if __name__ == "__main__":
    main()
