"""One training step of the ReLU output model, beside the same step written plainly: `python -m benchmarks.training`.

Prints the microseconds of both for one density. Linear algebra below NumPy starts threads of its own; the plain step is
given its better time of one thread and of all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from analytic.models.bias import Bias
from analytic.training.problems import Wide
from analytic.training.trainer import train

FEATURES, HIDDEN, BATCH, STEPS, REPEATS = 100, 20, 1024, 100, 5


def plain(density: float) -> None:
    """STEPS steps of Adam, sampling included, in single precision, as one writes them down."""
    rng = np.random.default_rng(0)
    probability, one = np.float32(density), np.float32(1)
    W = (rng.standard_normal((HIDDEN, FEATURES)) * 0.1).astype(np.float32)
    b, importance = np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32)
    memory = [(np.zeros_like(p), np.zeros_like(p)) for p in (W, b)]
    for step in range(1, STEPS + 1):
        on = rng.random((BATCH, FEATURES), dtype=np.float32) < probability
        x = rng.random((BATCH, FEATURES), dtype=np.float32) * on
        h = x @ W.T
        out = np.maximum(h @ W + b, 0)
        g = 2 * importance * (out - x) * (out > 0) / BATCH
        for p, slope, (first, second) in zip((W, b), (h.T @ g + (g @ W.T).T @ x, g.sum(axis=0)), memory, strict=True):
            first += np.float32(0.1) * (slope - first)
            second += np.float32(0.001) * (slope * slope - second)
            root = np.sqrt(second / (one - np.float32(0.999) ** step)) + np.float32(1e-8)
            p -= np.float32(1e-3) * first / (one - np.float32(0.9) ** step) / root


def ours(density: float) -> None:
    """The same by the trainer, which also measures the loss at both ends."""
    model = Wide(HIDDEN, np.ones(FEATURES), np.full(FEATURES, density), Bias.PER_FEATURE)
    train(model, steps=STEPS, batch=BATCH, init=0.1, checkpoints=1, progress=False)


def alternating(*actions: Callable[[], None]) -> list[float]:
    """Median microseconds per step of each, measured in turns."""
    times: list[list[float]] = [[] for _ in actions]
    for repeat in range(REPEATS + 1):
        for action, taken in zip(actions, times, strict=True):
            start = time.perf_counter()
            action()
            if repeat:
                taken.append((time.perf_counter() - start) / STEPS * 1e6)
    return [median(taken) for taken in times]


@dataclass(frozen=True)
class Steps:
    """Microseconds of one step."""

    ours: float
    plain: float


def measured(density: float) -> Steps:
    """Both in processes of their own, with one and with all threads of the linear algebra; the better time of each."""
    found = []
    for threads in {1, os.cpu_count() or 1}:
        settings = {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")}
        command = [sys.executable, "-m", "benchmarks.training", str(density)]
        done = subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    return Steps(*(min(column) for column in zip(*found, strict=True)))


if __name__ == "__main__":
    print(json.dumps(alternating(lambda: ours(float(sys.argv[1])), lambda: plain(float(sys.argv[1])))))
