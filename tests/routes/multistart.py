"""A second route to the minima of larger models: its own loss, SciPy's minimiser, its own idea of what is the same.

The loss is a mean over a fixed low-discrepancy sample of every on/off pattern. Its slopes are right to about 1e-4, so
it cannot tell a very flat minimum from a place where one is about to be born: `stiffness` says which it is sure of.
Shares nothing with the package.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import minimize
from scipy.stats.qmc import Sobol

#: Log2 of the points per pattern, by how many features are on.
POINTS = (0, 11, 11, 10, 9, 8, 8)


def inputs(density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points x (N, n) with weights (N,) for the patterns."""
    n, points, weights = len(density), [], []
    for pattern in product((0, 1), repeat=n):
        on = np.flatnonzero(pattern)
        x = np.zeros((2 ** POINTS[len(on)], n))
        if len(on):
            x[:, on] = Sobol(len(on), seed=0).random_base2(POINTS[len(on)])
        probability = np.prod([p if bit else 1 - p for p, bit in zip(density, pattern, strict=True)])
        points.append(x)
        weights.append(np.full(len(x), probability / len(x)))
    return np.concatenate(points), np.concatenate(weights)


class Loss:
    """The loss on a fixed set of inputs, with its gradient by the chain rule."""

    def __init__(self, hidden: int, density: np.ndarray, importance: np.ndarray) -> None:
        self.hidden, self.importance = hidden, importance
        self.x, self.weight = inputs(density)

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        n = len(self.importance)
        W, b = theta[: self.hidden * n].reshape(self.hidden, n), theta[self.hidden * n :]
        z = self.x @ W.T
        h = z @ W + b
        error = np.maximum(h, 0) - self.x
        loss = float(self.weight @ (error**2 @ self.importance))
        slope = 2 * error * (h > 0) * self.importance * self.weight[:, None]
        by_W = z.T @ slope + (slope @ W.T).T @ self.x
        return loss, np.concatenate([by_W.ravel(), slope.sum(0)])

    def stiffness(self, theta: np.ndarray, step: float = 1e-2) -> float:
        """The smallest curvature off the rotations of W, by differences of slopes."""
        steps = step * np.eye(len(theta))
        H = np.array([self(theta + one)[1] - self(theta - one)[1] for one in steps]) / (2 * step)
        return float(np.sort(np.abs(np.linalg.eigvalsh((H + H.T) / 2)))[self.hidden * (self.hidden - 1) // 2])


def minima(loss: Loss, starts: int, seed: int) -> list[np.ndarray]:
    """Where BFGS ends from random starts: groups (hits, k) of ends whose WᵀW differ by less than 0.03."""
    rng, n, hidden = np.random.default_rng(seed), len(loss.importance), loss.hidden
    W = rng.normal(size=(starts, hidden * n)) * np.sqrt(2 / (n + hidden))
    theta = np.hstack([W, np.zeros((starts, n))])
    ends = np.array([minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8}).x for start in theta])
    return groups(ends, gram(ends, hidden, n))


def gram(ends: np.ndarray, hidden: int, features: int) -> np.ndarray:
    """WᵀW (..., n, n) of parameters (..., k): what rotations leave."""
    W = ends[..., : hidden * features].reshape(*ends.shape[:-1], hidden, features)
    return np.swapaxes(W, -1, -2) @ W


def groups(ends: np.ndarray, grams: np.ndarray) -> list[np.ndarray]:
    """Each end goes to the first group whose first member is near."""
    found: list[list[int]] = []
    for at in range(len(ends)):
        home = next((group for group in found if np.abs(grams[at] - grams[group[0]]).max() < 0.03), None)
        if home is None:
            found.append([at])
        else:
            home.append(at)
    return [ends[group] for group in found]
