"""Speed and accuracy against the numbers that the project set itself: `python -m benchmarks`.

Machines differ and are shared, so every time is also given as a ratio to a yardstick measured just before it: a plain
Python double loop that evaluates and compares four fixed candidates on a 200 x 200 grid. Times are medians.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

import numpy as np

from analytic import ToyModel, basin_map, certify, certify_region, find_minima, phase_boundaries, phase_diagram, train
from analytic.loss import kernels
from analytic.loss.pair import loss_and_gradient
from analytic.models.bias import Bias, BiasLike
from analytic.training.problems import Wide
from benchmarks import features
from benchmarks.lattice import error_at_tolerance, time_to_tolerance
from benchmarks.training import measured


def seconds(action: Callable[[], object], repeats: int) -> float:
    """Median wall time of an action that has run once before."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return median(times)


def yardstick() -> None:
    """Four fixed candidates compared on a 200 x 200 grid, in plain Python."""
    axis = [0.01 * 1.023**k for k in range(200)]
    for p in axis:
        for r in axis:
            ignored = p / 3 - p * p / 4
            min(r * ignored, ignored, (1 + r) * p * p / 6, (1 + r) * ignored)


@dataclass(frozen=True)
class Row:
    """One line of the table; `measure` returns the figure in `unit`, and the seconds it stands for if it is a time."""

    what: str
    least: float
    aim: float
    unit: str
    measure: Callable[[], tuple[float, float | None]]
    larger_is_better: bool = False


def _accuracy() -> tuple[float, None]:
    """Largest loss error in eps times sum I_i (E[x_i^2] + E[ReLU(h_i)^2]), over 10,000 points with W2 on a ladder."""
    rng = np.random.default_rng(0)
    worst = Fraction(0)
    for k in range(10_000):
        model = ToyModel.from_density(float(10 ** rng.uniform(-12, 0)), float(10 ** rng.uniform(-2, 2)))
        W, b = rng.normal(size=2), rng.normal(size=2) * 0.3
        W[1] *= (1.0, 10.0 ** rng.integers(-300, 0), 0.0)[k % 3]
        exact = model.exact_loss(list(W), list(b))
        (w1, w2), (b1, b2), (I1, I2) = map(Fraction, W), map(Fraction, b), model.exact_importance
        p00, p10, p01, p11 = model.exact_patterns
        hh1 = kernels.moments(w1 * w1, w1 * w2, b1, p00, p10, p01, p11)[0]
        hh2 = kernels.moments(w2 * w2, w1 * w2, b2, p00, p01, p10, p11)[0]
        scale = I1 * ((p10 + p11) / 3 + hh1) + I2 * ((p01 + p11) / 3 + hh2)
        worst = max(worst, abs(Fraction(float(model.loss(W, b))) - exact) / scale)
    return float(worst) / np.finfo(float).eps, None


def _throughput() -> tuple[float, float]:
    rng = np.random.default_rng(0)
    W1, W2, b1, b2 = rng.normal(size=(4, 1_000_000))
    model = ToyModel.from_density(0.3, 0.7).parameters
    taken = seconds(lambda: loss_and_gradient(W1, W2, b1, b2, model), 5)
    return 1 / taken, taken


def _process(*command: str) -> tuple[float, float]:
    taken = seconds(lambda: subprocess.run([sys.executable, *command], check=True, capture_output=True), 7)
    return taken, taken


def _minima(bias: BiasLike, count: int) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    models = [ToyModel.from_density(1 - rng.random(), 10 ** rng.uniform(-1, 1), bias) for _ in range(count)]
    each = []
    for model in models:
        find_minima(model)
        start = time.perf_counter()
        find_minima(model)
        each.append(time.perf_counter() - start)
    taken = median(each)
    return 1e3 * taken, taken


def _diagram(bias: BiasLike, repeats: int) -> tuple[float, float]:
    taken = seconds(lambda: phase_diagram(bias=bias), repeats)
    return taken, taken


def _boundaries(bias: BiasLike) -> tuple[float, float]:
    taken = seconds(lambda: phase_boundaries(bias), 3)
    return taken, taken


def _rectangle(bias: BiasLike) -> tuple[float, float]:
    """A rectangle of models that is proved in one piece."""
    taken = seconds(lambda: certify_region(density=(0.3, 0.312), importance=(0.5, 0.52), bias=bias), 9)
    return taken, taken


def _certificate(bias: BiasLike) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    each = []
    for _ in range(9):
        model = ToyModel.from_density(rng.uniform(0.05, 0.95), rng.uniform(0.1, 1), bias)
        start = time.perf_counter()
        proof = certify(model)
        each.append(time.perf_counter() - start)
        if not proof.complete:
            print(f"not proved: {model!r}")
    return median(each), median(each)


def _samples() -> tuple[float, float]:
    model = ToyModel.from_density(0.3, 0.7)
    runs, steps, batch = 8, 500, 4096
    taken = seconds(lambda: train(model, runs=runs, steps=steps, batch=batch, progress=False), 3)
    return runs * steps * batch / taken / 1e6, taken


def _wide_samples() -> tuple[float, float]:
    model = Wide(2, np.ones(5), np.full(5, 0.3), Bias.PER_FEATURE)
    runs, steps, batch = 200, 50, 1024
    taken = seconds(lambda: train(model, runs=runs, steps=steps, batch=batch, progress=False), 3)
    return runs * steps * batch / taken / 1e6, taken


def _step(density: float) -> tuple[float, float]:
    """Time of a step over that of the plain one, which is also printed."""
    steps = measured(density)
    print(f"a step at density {density}: {steps.ours:.0f} us; the same in plain NumPy {steps.plain:.0f} us")
    return steps.ours / steps.plain, steps.ours / 1e6


def _map(bias: BiasLike) -> tuple[float, float]:
    model = ToyModel.from_density(0.3, 0.7, bias)
    taken = seconds(lambda: basin_map(model, resolution=512), 3)
    return taken, taken


ROWS = (
    Row("loss error, 10,000 points", 16, 4, "eps x scale", _accuracy),
    Row("loss and gradient, one core", 5, 20, "million points/s", _throughput, larger_is_better=True),
    Row("import analytic", 0.3, 0.15, "s", lambda: _process("-c", "import analytic")),
    Row("analytic --help", 0.5, 0.3, "s", lambda: _process("-m", "analytic", "--help")),
    Row("find_minima, none, warm", 2, 0.3, "ms", lambda: _minima("none", 50)),
    Row("find_minima, per-feature, warm", 5, 3, "ms", lambda: _minima("per-feature", 30)),
    Row("find_minima, shared, warm", 5, 3, "ms", lambda: _minima("shared", 30)),
    Row("phase diagram 200 x 200, none", 1, 0.06, "s", lambda: _diagram("none", 5)),
    Row("phase diagram 200 x 200, per-feature", 3, 1, "s", lambda: _diagram("per-feature", 3)),
    Row("phase diagram 200 x 200, shared", 3, 1, "s", lambda: _diagram("shared", 3)),
    Row("phase boundaries, per-feature, warm", 5, 2, "s", lambda: _boundaries("per-feature")),
    Row("phase boundaries, shared, warm", 5, 2, "s", lambda: _boundaries("shared")),
    Row("certificate, per-feature", 0.5, 0.1, "s, median", lambda: _certificate("per-feature")),
    Row("certificate, shared", 0.5, 0.1, "s, median", lambda: _certificate("shared")),
    Row("rectangle of 4 %, per-feature", 0.5, 0.1, "s", lambda: _rectangle("per-feature")),
    Row("rectangle of 4 %, shared", 0.5, 0.1, "s", lambda: _rectangle("shared")),
    Row("train, two cores", 20, 20, "million samples/s", _samples, larger_is_better=True),
    Row("train, n = 5, m = 2, 200 runs", 10, 20, "million samples/s", _wide_samples, larger_is_better=True),
    Row("train step, n = 100, density 0.05", 0.7, 0.5, "of plain NumPy", lambda: _step(0.05)),
    Row("train step, n = 100, density 0.3", 0.7, 0.5, "of plain NumPy", lambda: _step(0.3)),
    Row("train step, n = 100, density 1", 0.7, 0.5, "of plain NumPy", lambda: _step(1.0)),
    Row("loss, n = 100, m = 20", 1, 0.5, "s", lambda: time_to_tolerance(100, 20, 0.05, False)),
    Row("loss and gradient, n = 100, m = 20", 3, 1.5, "s", lambda: time_to_tolerance(100, 20, 0.05, True)),
    Row("loss error, n = 100, m = 20", 1e-8, 1e-8, "of scale", lambda: error_at_tolerance(100, 20, 0.05)),
    Row("exact step, n = 5, m = 2, one core", 50, 20, "us", lambda: features.exact_time(5, 2, 1e-6)),
    Row("exact step, n = 8, m = 3, one core", 5, 1.5, "ms", lambda: features.exact_time(8, 3, 1e-3)),
    Row("exact step, n = 10, m = 3, one core", 100, 25, "ms", lambda: features.exact_time(10, 3, 1e-3)),
    Row("exact step, n = 5, m = 2", 1, 0.25, "of NumPy, 1024", lambda: features.beside(5, 2, features.numpy_step)),
    Row("exact step, n = 5, m = 2", 0.5, 0.1, "of PyTorch, 1024", lambda: features.beside(5, 2, features.torch_step)),
    Row("exact step, n = 8, m = 3", 5, 2, "of NumPy, 1024", lambda: features.beside(8, 3, features.numpy_step)),
    Row("exact step, n = 8, m = 3", 5, 2, "of PyTorch, 1024", lambda: features.beside(8, 3, features.torch_step)),
    Row("exact Hessian, n = 5, m = 2", 5, 1, "ms", lambda: features.hessian_time(5, 2, 1e-3)),
    Row("loss error, any n, 2,000 points", 32, 4, "eps x scale", features.loss_error),
    Row("gradient error, any n, 300 points", 1e-13, 1e-14, "scale (1 + |W|)", features.gradient_error),
    Row("basin map 512 x 512, none", 10, 10, "s", lambda: _map("none")),
    Row("basin map 512 x 512, per-feature", 10, 10, "s", lambda: _map("per-feature")),
)


def verdict(row: Row, value: float) -> str:
    """Whether the figure reaches the aim, the least, or neither."""

    def reaches(goal: float) -> bool:
        return value >= goal if row.larger_is_better else value <= goal

    return "aim" if reaches(row.aim) else "least" if reaches(row.least) else "SHORT"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only rows whose name contains this")
    chosen = parser.parse_args().only
    print(f"{'what':36} {'least':>7} {'aim':>7} {'measured':>10} {'unit':17} {'reached':8} yardsticks")
    for row in ROWS:
        if chosen not in row.what:
            continue
        unit_of_time = seconds(yardstick, 5)
        value, taken = row.measure()
        ratio = "" if taken is None else f"{taken / unit_of_time:.3g}  (one = {1e3 * unit_of_time:.0f} ms)"
        line = f"{row.what:36} {row.least:7g} {row.aim:7g} {value:10.3g} {row.unit:17} {verdict(row, value):8} {ratio}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
