"""Problems with known answers, each with its proof; and routes to the loss that share nothing with the package."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from analytic import ToyModel
from analytic.models.bias import BiasLike

R, P = Fraction(1, 3), Fraction(2, 5)
BOTH = (1 + R) * P / 3


@dataclass(frozen=True)
class Known:
    """A point with its exact loss for density P and importance R."""

    name: str
    bias: BiasLike
    W: tuple[Any, Any]
    b: Any
    loss: Fraction
    proof: str

    @property
    def model(self) -> ToyModel:
        return ToyModel.from_density(P, R, self.bias)


KNOWN = (
    Known("silent", "none", (0, 0), None, BOTH, "x' = 0, so L = sum I_i E[x_i^2] = (1 + r) p / 3"),
    Known("dead", "per-feature", (1, -1), (-2, -3), BOTH, "h_i <= 1 + b_i < 0 everywhere, so x' = 0"),
    Known("means", "per-feature", (0, 0), (P / 2, P / 2), (1 + R) * (P / 3 - P**2 / 4), "x' = E[x]: the variance of x"),
    Known("dedicated", "per-feature", (1, 0), (0, P / 2), R * (P / 3 - P**2 / 4), "x'_1 = x_1 and x'_2 = E[x_2]"),
    Known("dedicated-2", "per-feature", (0, 1), (P / 2, 0), P / 3 - P**2 / 4, "the same with the features exchanged"),
    Known(
        "antipodal", "none", (1, -1), None, (1 + R) * P**2 / 6, "wrong only if both are on; then E[min(x, y)^2] = 1/6"
    ),
    Known("shared offset", "shared", (0, 0), P / 2, (1 + R) * (P / 3 - P**2 / 4), "as means, with b1 = b2"),
    Known("identity plus", "per-feature", (1, 0), (Fraction(1, 7), 0), Fraction(1, 49) + R * P / 3, "x'_1 = x_1 + 1/7"),
)


def sampled_loss(model: ToyModel, W: Any, b: Any, samples: int, seed: int) -> np.ndarray:
    """The loss of random samples, from the definition."""
    rng = np.random.default_rng(seed)
    pattern = rng.choice(4, size=samples, p=model.patterns)
    on = np.stack([(pattern == 1) | (pattern == 3), pattern >= 2], axis=1)
    x = rng.random((samples, 2)) * on
    w = np.asarray(W, dtype=float)
    output = np.maximum((x @ w)[:, None] * w + np.broadcast_to(0.0 if b is None else b, 2), 0)
    return (x - output) ** 2 @ np.asarray(model.importance)


def _between_cuts(cuts: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes and weights on [0, 1] between the cuts: exact for piecewise polynomials of degree 9."""
    nodes, weights = np.polynomial.legendre.leggauss(5)
    edges = np.unique(np.clip([0.0, 1.0, *cuts], 0, 1))
    halves = np.diff(edges) / 2
    middles = (edges[1:] + edges[:-1]) / 2
    return (middles[:, None] + halves[:, None] * nodes).ravel(), (halves[:, None] * weights).ravel()


def _crossings(slopes: list[float], offsets: list[float]) -> list[float]:
    return [-offset / slope for slope, offset in zip(slopes, offsets, strict=True) if slope != 0]


def integrated_loss(model: ToyModel, W: Any, b: Any) -> float:
    """The expected loss from the definition, by Gauss quadrature cut at the kinks: exact up to rounding."""
    w1, w2 = (float(w) for w in W)
    b1, b2 = (float(v) for v in np.broadcast_to(0.0 if b is None else b, 2))
    rows = ((w1 * w1, w1 * w2, b1), (w1 * w2, w2 * w2, b2))

    def at(x: Any, y: Any) -> Any:
        out = [np.maximum(c * x + d * y + e, 0) for c, d, e in rows]
        return model.importance[0] * (x - out[0]) ** 2 + model.importance[1] * (y - out[1]) ** 2

    p00, p10, p01, p11 = model.patterns
    xs, wx = _between_cuts(_crossings([r[0] for r in rows], [r[2] for r in rows]))
    ys, wy = _between_cuts(_crossings([r[1] for r in rows], [r[2] for r in rows]))
    total = p00 * at(0.0, 0.0) + p10 * wx @ at(xs, 0 * xs) + p01 * wy @ at(0 * ys, ys)
    # The inner integral is piecewise polynomial in x; pieces end where a kink line meets y = 0, y = 1 or the other.
    corners = _crossings([r[0] for r in rows] * 2, [r[2] for r in rows] + [r[1] + r[2] for r in rows])
    crossing = rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]
    if crossing != 0:
        corners.append((rows[0][1] * rows[1][2] - rows[1][1] * rows[0][2]) / crossing)
    xs, wx = _between_cuts(corners)
    for x, weight in zip(xs, wx, strict=True):
        ys, wy = _between_cuts(_crossings([r[1] for r in rows], [r[0] * x + r[2] for r in rows]))
        total += p11 * weight * (wy @ at(x, ys))
    return float(total)
