"""Any number of features: the exact step beside minibatch steps, and its accuracy beside exact rationals."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from statistics import median

import numpy as np

from analytic import ReluOutputModel

_BATCH = 1024
#: How often a step is timed: the machine is shared, and a step is short.
_REPEATS = 201


def _seconds(step: Callable[[], object]) -> float:
    """Median wall time of a step after twenty to warm up; fewer repeats of a slow one."""
    start = time.perf_counter()
    for _ in range(20):
        step()
    repeats = min(_REPEATS, max(5, int(20 / (time.perf_counter() - start))))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return median(times)


def _start(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(m, n)) / np.sqrt(m), -0.1 * rng.random(n)


def exact(n: int, m: int) -> float:
    """Seconds for loss and gradient of one point, through the public method."""
    model = ReluOutputModel.from_density(n, m, 0.1)
    W, b = _start(n, m)
    return _seconds(lambda: model.loss_and_gradient(W, b))


def numpy_step(n: int, m: int) -> float:
    """Seconds for one minibatch of 1,024 samples, forward and back, written plainly."""
    rng = np.random.default_rng(0)
    W, b = _start(n, m)

    def step() -> None:
        x = rng.random((_BATCH, n)) * (rng.random((_BATCH, n)) < 0.1)
        hidden = x @ W.T
        h = hidden @ W + b
        miss = np.maximum(h, 0) - x
        slope = 2 / _BATCH * miss * (h > 0)
        (slope @ W.T).T @ x + hidden.T @ slope, slope.sum(0), (miss**2).sum() / _BATCH

    return _seconds(step)


def torch_step(n: int, m: int) -> float:
    """Seconds for the same in PyTorch as courses write it, with Adam; NaN where it is not installed."""
    if find_spec("torch") is None:
        return float("nan")
    import torch

    start_W, start_b = _start(n, m)
    W = torch.tensor(start_W, dtype=torch.float32, requires_grad=True)
    b = torch.tensor(start_b, dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([W, b], lr=1e-3)

    def step() -> None:
        optimiser.zero_grad()
        x = torch.where(torch.rand(_BATCH, n) < 0.1, torch.rand(_BATCH, n), torch.zeros(()))
        out = torch.relu(torch.einsum("bm,mn->bn", torch.einsum("bn,mn->bm", x, W), W) + b)
        ((x - out) ** 2).mean().backward()
        optimiser.step()

    return _seconds(step)


def exact_time(n: int, m: int, unit: float) -> tuple[float, float]:
    """Time of the exact step in units of `unit` seconds, and in seconds."""
    taken = exact(n, m)
    return taken / unit, taken


def beside(n: int, m: int, other: Callable[[int, int], float]) -> tuple[float, None]:
    """The exact step as a multiple of another one, both measured now."""
    taken = exact(n, m)
    reference = other(n, m)
    print(f"    n = {n}, m = {m}: exact {1e6 * taken:.0f} us, {other.__name__} {1e6 * reference:.0f} us")
    return taken / reference, None


def hessian_time(n: int, m: int, unit: float) -> tuple[float, float]:
    model = ReluOutputModel.from_density(n, m, 0.1)
    W, b = _start(n, m)
    taken = _seconds(lambda: model.hessian(W, b))
    return taken / unit, taken


def loss_error() -> tuple[float, None]:
    """Largest loss error in eps x scale against exact rationals, at 2,000 points with ladders, n from 1 to 8."""
    from routes import corners

    worst = Fraction(0)
    for W, b, density in corners.points(2, {1: 200, 2: 400, 3: 500, 4: 400, 5: 250, 6: 140, 7: 80, 8: 30}):
        model = ReluOutputModel.from_density(len(b), len(W), density)
        truth, scale = corners.loss_and_scale(W, b, model.exact_importance, model.exact_density)
        worst = max(worst, abs(Fraction(float(model.loss(W, b))) - truth) / scale)
    return float(worst) / np.finfo(float).eps, None


def gradient_error() -> tuple[float, None]:
    """Largest gradient error in scale x (1 + |W|) beyond 8 eps of the value, at 300 points with ladders, n to 5."""
    from routes import corners

    worst = 0.0
    for W, b, density in corners.points(3, {1: 100, 2: 80, 3: 80, 4: 36, 5: 4}):
        if np.any((np.abs(W).max(0) < 1e-140) & (np.abs(b) < 1e-280)):
            continue
        model = ReluOutputModel.from_density(len(b), len(W), density)
        scale = float(corners.loss_and_scale(W, b, model.exact_importance, model.exact_density)[1])
        truth = corners.gradient(W, b, model.exact_importance, model.exact_density)
        for found, true in zip(model.gradient(W, b), truth, strict=True):
            pairs = zip(found.ravel().tolist(), np.ravel(np.array(true, dtype=object)), strict=True)
            excess = max(
                float(abs(Fraction(value) - exact)) - 8 * np.finfo(float).eps * abs(value) for value, exact in pairs
            )
            worst = max(worst, excess / (scale * (1 + float(np.linalg.norm(W)))))
    return worst, None
