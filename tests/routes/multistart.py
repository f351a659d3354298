"""A second route to the minima of larger models: its own loss, SciPy's minimiser, its own idea of what is the same.

The loss is integrated from its definition on a tensor grid of Gauss points per on/off pattern, with the ReLU smoothed
by nothing: accurate to about 1e-4, enough to tell minima apart by their loss after SciPy has found them. Shares nothing
with the package.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import minimize

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


def inputs(density: np.ndarray, most_on: int) -> tuple[np.ndarray, np.ndarray]:
    """Points x (N, n) with weights (N,) for all patterns of at most `most_on` features, exact for smooth integrands."""
    n, points, weights = len(density), [], []
    for pattern in product((0, 1), repeat=n):
        on = np.flatnonzero(pattern)
        if len(on) > most_on:
            continue
        probability = np.prod([p if bit else 1 - p for p, bit in zip(density, pattern, strict=True)])
        indices = list(product(range(len(_NODES)), repeat=len(on)))
        grid = np.array(indices, int).reshape(len(indices), len(on))
        x = np.zeros((len(grid), n))
        x[:, on] = _NODES[grid]
        points.append(x)
        weights.append(probability * np.prod(_WEIGHTS[grid], axis=1))
    return np.concatenate(points), np.concatenate(weights)


class Loss:
    """The loss on a fixed set of inputs, with its gradient by the chain rule."""

    def __init__(self, hidden: int, density: np.ndarray, importance: np.ndarray, most_on: int = 3) -> None:
        self.hidden, self.importance = hidden, importance
        self.x, self.weight = inputs(density, most_on)

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

    def minima(self, starts: int, seed: int) -> np.ndarray:
        """Sorted losses of the ends of BFGS from random starts, (starts, 1 + k) with the parameters behind."""
        rng, n = np.random.default_rng(seed), len(self.importance)
        found = []
        for _ in range(starts):
            W = rng.normal(size=self.hidden * n) * np.sqrt(2 / (n + self.hidden))
            end = minimize(self, np.concatenate([W, np.zeros(n)]), jac=True, method="BFGS", options={"gtol": 1e-8})
            found.append(np.concatenate([[end.fun], end.x]))
        return np.array(sorted(found, key=lambda row: row[0]))
