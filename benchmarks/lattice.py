"""The lattice for many features: time to the default tolerance, and the error that is really left."""

from __future__ import annotations

import time

import numpy as np

from analytic.loss import lattice


def example(features: int, hidden: int, density: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W with random unit columns, biases near 0 and away from it, equal importances: arguments of `lattice.loss`."""
    rng = np.random.default_rng(0)
    W = rng.normal(size=(hidden, features))
    W /= np.linalg.norm(W, axis=0)
    b = np.where(rng.random(features) < 0.5, -0.15, 1e-5) * rng.random(features)
    return W, b, np.ones(features), np.full(features, density)


def time_to_tolerance(features: int, hidden: int, density: float, gradient: bool) -> tuple[float, float]:
    """Seconds for the loss, or the loss and its gradient, to 1e-8 of the scale."""
    arguments = example(features, hidden, density)
    evaluate = lattice.loss_and_gradient if gradient else lattice.loss
    evaluate(*example(12, 3, density), tolerance=1e-8)
    start = time.perf_counter()
    evaluate(*arguments, tolerance=1e-8)
    taken = time.perf_counter() - start
    return taken, taken


def error_at_tolerance(features: int, hidden: int, density: float) -> tuple[float, None]:
    """Error of the loss at 1e-8, relative to the scale, against the loss at 1e-12."""
    W, b, importance, on = example(features, hidden, density)
    coarse, _ = lattice.loss(W, b, importance, on, 1e-8)
    fine, _ = lattice.loss(W, b, importance, on, 1e-12)
    return abs(coarse - fine) / lattice.least_scale(fine, float(importance @ on) / 3), None
