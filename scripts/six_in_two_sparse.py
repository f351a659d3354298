"""Six features in two hidden units where exactly one is on: the published k-gons as exact stationary points.

Chen, Lau, Mendel, Wei and Murfet (2023) describe this limit by regular k-gons. A feature that is left over has W_i = 0
and either the bias 1/12, the best constant ("+"), or a bias at which its output is dead ("-"); a vertex of a square may
be dead, too. Printed: their losses, how many curvatures are negative (with a star those of one side of a kink), and how
many of 200 points at distance 0.02 come back; what random starts find instead; the saddles that exact flows from small
weights linger at; and how the limit is approached by independent features, and by features of which at least one is on,
with the slopes that first-order perturbation gives. The picture has all of these points; dashed arrows and open circles
are features whose output is dead.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import product
from math import comb
from typing import Any

import frame
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from analytic import Descent, ReluOutputModel, descend, follow_minimum, search_minima
from analytic.plotting.vectors import draw_vectors

Array = npt.NDArray[np.float64]

N = 6
COUNT = np.indices((2,) * N).sum(axis=0)


def with_on(*shares: float) -> ReluOutputModel:
    """The model where exactly k features are on with probability shares[k - 1], all choices of them alike."""
    weights = [0.0, *(share / comb(N, k) for k, share in enumerate(shares, start=1))]
    return ReluOutputModel.from_patterns(2, np.array([*weights, *[0.0] * N])[COUNT])


def some_on(density: float) -> ReluOutputModel:
    """Independent features, given that at least one is on."""
    weights = density**COUNT * (1 - density) ** (N - COUNT)
    weights[(0,) * N] = 0
    return ReluOutputModel.from_patterns(2, weights / weights.sum())


LIMIT, TWO = with_on(1.0), with_on(0.0, 1.0)


def k_gon(k: int, plus: int, dead: int = 0) -> tuple[Array, Array]:
    """W and b of a regular k-gon of the best size, `plus` of the other features at their mean, `dead` vertices dead."""
    W, b = np.zeros((2, N)), np.full(N, -1.0)
    angle = 2 * np.pi * np.arange(k) / k
    b[k : k + plus] = 1 / (2 * N)

    def at(size: Array) -> tuple[Array, Array]:
        W[:, :k], b[dead:k] = size[0] * np.array([np.cos(angle), np.sin(angle)]), size[1]
        b[:dead] = -1 - size[0] ** 2
        return W, b

    if k < 5:
        return at(np.array([1.0, 0.0]))
    W, b = at(minimize(lambda size: LIMIT.loss(*at(size)), [1.1, -0.3], tol=1e-10).x)
    # the last digits; few steps, so that a saddle is not left
    end = descend(LIMIT, W, b, dynamics="newton", steps=3).final
    return end.W, end.b


def k_gons() -> dict[str, tuple[Array, Array]]:
    """All of the list, by name."""
    names = {
        f"{k}{'+' * plus}{'-' * (N - k - plus)}": (k, plus, 0) for k in (6, 5, 4, 3) for plus in range(N - k, -1, -1)
    }
    names |= {
        f"4{'+' * plus}{'-' * (2 - plus)}, {dead} dead": (4, plus, dead) for dead, plus in product((1, 2), (2, 1, 0))
    }
    return {name: k_gon(*numbers) for name, numbers in names.items()}


def negative(W: Array, b: Array) -> str:
    """How many curvatures are negative; with a star on a kink, b_i = 0, where they are those of one side."""
    count = int(np.sum(np.linalg.eigvalsh(LIMIT.hessian(W, b)) < -1e-8))
    return f"{count}*" if (b == 0).any() else f"{count} "


def comes_back(W: Array, b: Array, tries: int) -> float:
    """The share of points nearby from which exact descent returns to the same loss."""
    moves = np.random.default_rng(0).standard_normal((tries, 3, N))
    moves *= 0.02 / np.linalg.norm(moves, axis=(1, 2), keepdims=True)
    ends = descend(LIMIT, W + moves[:, :2], b + moves[:, 2], dynamics="newton").final
    return float(np.mean(np.abs(ends.loss - LIMIT.loss(W, b)) < 1e-9))


def table(tries: int) -> list[tuple[str, Array, Array]]:
    """Prints the list by loss and returns what a picture shows."""
    points = sorted(k_gons().items(), key=lambda each: float(LIMIT.loss(*each[1])))
    print("published point: loss, loss x 144, |gradient|, negative curvatures (* on a kink), share that comes back")
    for name, (W, b) in points:
        loss, *slopes = LIMIT.loss_and_gradient(W, b)
        norm = np.sqrt(sum(float((each**2).sum()) for each in slopes))
        share = comes_back(W, b, tries)
        print(f"{name:12} {loss:.10f} {144 * loss:9.5f} {norm:.0e} {negative(W, b):>3} {share:6.2f}", flush=True)
    return [(name, W, b) for name, (W, b) in points]


def saddles(descent: Descent) -> list[tuple[str, Array, Array]]:
    """Prints the stationary points that flows linger at, once each, and returns them."""
    met = [each.stationary for each in descent.plateaus if each.stationary is not None]
    counts = Counter(round(each.loss, 9) for each in met)
    rows = []
    for loss, count in sorted(counts.items()):
        point = next(each for each in met if round(each.loss, 9) == loss)
        norms = np.array2string(np.sort(np.linalg.norm(point.W, axis=0)), precision=3)
        print(f"plateau at {loss:.9f}, index {point.index}, {point.shape}: {count} times; norms {norms}")
        rows.append((f"saddle, index {point.index}", point.W, np.asarray(point.b)))
    return rows


def approach(k: int, plus: int, grid: Array) -> dict[str, tuple[Array, Array, float]]:
    """Prints L / (6p) and L given that a feature is on, with value and slope at zero, and returns the curves."""
    W, b = k_gon(k, plus)
    name, found = f"{k}{'+' * plus}", {}
    # with independent features all are off almost always, and a bias above zero is of order p: it gains nothing
    flat = k_gon(k, 0)
    for label, family, share, point, slope in (
        ("independent, L / (6p)", partial(ReluOutputModel.from_density, N, 2), N, flat, -plus / (4 * N)),
        ("at least one on, L", some_on, 0, (W, b), 0.0),
    ):
        one, two = (float(model.loss(*point)) for model in (LIMIT, TWO))
        slope += (N - 1) * (two / 2 - one if share else (two - one) / 2)
        start = np.minimum(b, grid[0] / 2) if share else b
        branch = follow_minimum(family, grid, float(grid[0]), W, start)
        scaled = branch.loss / (share * branch.parameter if share else 1.0)
        p, q = branch.parameter[:2]
        # two densities give value and slope at zero, each up to the next order
        measured = (scaled[1] - scaled[0]) / (q - p)
        print(
            f"{name}, {label}: at density 0 {scaled[0] - measured * p:.7f} (limit {one:.7f}), slope {measured:.4f} "
            f"(first order {slope:.4f}); {branch.first.parameter:.6g} to {branch.last}"
        )
        found[label] = (branch.parameter, scaled, one)
    return found


def draw(
    points: list[tuple[str, Array, Array]], curves: dict[str, dict[str, tuple[Array, Array, float]]], path: Any
) -> None:
    """Arrows of all points, and the approach of the limit."""
    rows = -(-len(points) // 7)
    figure = plt.figure(figsize=(12, 1.9 * rows + 3.2), layout="constrained")
    top, bottom = np.ravel(np.array(figure.subfigures(2, 1, height_ratios=[1.9 * rows, 3.2])))
    for ax, (name, W, b) in zip(top.subplots(rows, 7).ravel(), points, strict=False):
        draw_vectors(W, dead=np.flatnonzero(b + np.maximum(W.T @ W, 0).sum(1) <= 0).tolist(), ax=ax)
        ax.set_title(f"{name}: {144 * LIMIT.loss(W, b):.4f} / 144", fontsize=8)
    for ax in top.axes[len(points) :]:
        ax.set_axis_off()
    for ax, label in zip(bottom.subplots(1, 2), next(iter(curves.values())), strict=True):
        for color, (name, found) in zip(("#0072b2", "#d55e00"), curves.items(), strict=False):
            density, loss, limit = found[label]
            ax.plot(density, loss, color=color, marker=".", label=name)
            ax.axhline(limit, color=color, lw=0.8, ls=":")
        ax.set(xscale="log", xlabel="density", ylabel=label)
        ax.legend(title="dotted: the limit", fontsize=8, title_fontsize=8)
    frame.save(figure, path)


def main() -> None:
    """Prints the tables and draws six_in_two_sparse.png."""
    parser = frame.parser(__doc__, "six_in_two_sparse.png")
    parser.add_argument("--starts", type=int, default=1000, help="of the search")
    parser.add_argument("--flows", type=int, default=64, help="exact flows from small weights")
    parser.add_argument("--tries", type=int, default=200, help="points beside each stationary point")
    parser.add_argument("--densities", type=int, default=25, help="from 0.0001 to 0.2")
    args = parser.parse_args()
    points = table(args.tries)
    print(search_minima(LIMIT, starts=args.starts))
    small = 0.01 * np.random.default_rng(1).standard_normal((args.flows, 2, N))
    points += saddles(descend(LIMIT, small, checkpoints=300))
    grid = np.geomspace(1e-4, 0.2, args.densities)
    curves = {"6": approach(6, 0, grid), "5+": approach(5, 1, grid)}
    draw(points, curves, args.output)


if __name__ == "__main__":
    main()
