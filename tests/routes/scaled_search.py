"""A search for stationary points on the scales of an extreme model: densities and importances over twelve decades.

Shares nothing with the package. The expectations are integrated from their definition by Gauss points on pieces cut at
the kink; SciPy's `root` works in the logarithms of |W1| and |W2| and in b_i / max(h_i - b_i), on the four derivatives
of the loss, each divided by the sum of the absolute values of its terms. So a tiny active corner, a rare pattern or an
unimportant feature weighs as much as any other, and an end is right relative to its own scale.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.optimize import root

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2

#: Starts further than this many e-folds from |W1| = |W2| are not made, nor are ends beyond it accepted.
WIDEST = np.log(1e9)
#: Ends on which an output is live on a smaller part of its range are rounding error: float64 does not hold its bias.
LEAST_HEIGHT = 1e-7


@njit(error_model="numpy")
def _add_segment(alpha, beta, b, y, weight, out):
    """Adds the integrals over x in [0, 1] at fixed y, where h = alpha x + beta y + b > 0."""
    c = beta * y + b
    start = 0.0 if c >= 0 else (1.0 if alpha + c <= 0 else -c / alpha)
    for k in range(3):
        x, w = start + (1 - start) * _NODES[k], weight * (1 - start) * _WEIGHTS[k]
        h = alpha * x + c
        out[0] += w * h * x
        out[1] += w * x * x
        out[2] += w * h * y
        out[3] += w * x * y
        out[4] += w * h
        out[5] += w * x


@njit(error_model="numpy")
def _add_square(alpha, beta, b, probability, out):
    """Both features on: the outer integral over y is cut where the kink enters or leaves the square."""
    first, second = 0.0, 0.0
    if beta != 0:
        first = min(max(-b / beta, 0.0), 1.0)
        second = min(max(-(alpha + b) / beta, 0.0), 1.0)
    low, high = min(first, second), max(first, second)
    for start, width in ((0.0, low), (low, high - low), (high, 1.0 - high)):
        for k in range(3):
            _add_segment(alpha, beta, b, start + width * _NODES[k], probability * width * _WEIGHTS[k], out)


@njit(error_model="numpy")
def _add_other(beta, b, probability, out):
    """Only the other feature on: x = 0."""
    low, high = 0.0, 1.0
    if beta > 0:
        low = min(max(-b / beta, 0.0), 1.0)
    elif beta < 0:
        high = min(max(-b / beta, 0.0), 1.0)
    elif b <= 0:
        high = 0.0
    for k in range(3):
        y, w = low + (high - low) * _NODES[k], probability * (high - low) * _WEIGHTS[k]
        out[2] += w * (beta * y + b) * y
        out[4] += w * (beta * y + b)


@njit(error_model="numpy")
def moments(alpha, beta, b, p00, p_own, p_other, p11, out):
    """E[h x], E[x x], E[h y], E[x y], E[h], E[x], each over h > 0."""
    out[:] = 0.0
    _add_square(alpha, beta, b, p11, out)
    _add_segment(alpha, 0.0, b, 0.0, p_own, out)
    _add_other(beta, b, p_other, out)
    out[4] += p00 * max(b, 0.0)


@njit(error_model="numpy")
def tops(W1, W2):
    """The largest value of h_i - b_i on the square."""
    beta = max(W1 * W2, 0.0)
    return W1 * W1 + beta, W2 * W2 + beta


@njit(error_model="numpy")
def relative_slopes(u, sign, shared, model, out):
    """The derivatives of the loss at u = (log |W1|, log |W2|, c1, c2), each relative to its terms; 1 where dead."""
    W1, W2 = np.exp(u[0]), sign * np.exp(u[1])
    top1, top2 = tops(W1, W2)
    b1, b2 = (u[2] * top1, u[3] * top2) if not shared else (u[2] * max(top1, top2), u[2] * max(top1, top2))
    one, two = np.empty(6), np.empty(6)
    moments(W1 * W1, W1 * W2, b1, model[2], model[3], model[4], model[5], one)
    moments(W2 * W2, W1 * W2, b2, model[2], model[4], model[3], model[5], two)
    one, two = model[0] * one, model[1] * two
    terms = (
        (2 * W1 * W1 * one[0], W1 * W2 * (one[2] + two[2]), -2 * W1 * W1 * one[1], -W1 * W2 * (one[3] + two[3])),
        (2 * W2 * W2 * two[0], W1 * W2 * (one[2] + two[2]), -2 * W2 * W2 * two[1], -W1 * W2 * (one[3] + two[3])),
        (one[4], two[4] if shared else 0.0, -one[5], -two[5] if shared else 0.0),
        (two[4], 0.0, -two[5], 0.0),
    )
    for k in range(3 if shared else 4):
        a, b, c, d = terms[k]
        size = abs(a) + abs(b) + abs(c) + abs(d)
        out[k] = (a + b + c + d) / size if size > 0 else 1.0


def _start(rng, sign, shared, model):
    """Random on logarithmic scales: ratio of the weights, distance of each bias to a value where a corner switches."""
    ratio = rng.uniform(-3, 3) if rng.random() < 0.5 else rng.uniform(-WIDEST, WIDEST)
    W1, W2 = 1.0, sign * np.exp(ratio)
    c, wanted = [], []
    for i in range(2):
        alpha, top = (W1 * W1, W2 * W2)[i], tops(W1, W2)[i]
        corner = -rng.choice([0.0, alpha, W1 * W2, alpha + W1 * W2]) / top
        c.append(max(corner + rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(1e-7), np.log(3))), -1 + 1e-9))
        out = np.empty(6)
        own, other = (model[3], model[4]) if i == 0 else (model[4], model[3])
        moments(alpha, W1 * W2, c[i] * top, model[2], own, other, model[5], out)
        wanted.append(np.log(out[5] / out[4]) / 2 if out[5] > 0 and out[4] > 0 else 0.0)
    size = wanted[rng.integers(2)] + rng.normal() * 0.3
    return np.array([size, ratio + size, c[0]] if shared else [size, ratio + size, *c])


def _newton_length(u, function):
    """The length of Newton's next step, by central differences; infinite where singular."""
    n, width = len(u), 1e-6
    columns = [(function(u + h) - function(u - h)) / (2 * width) for h in width * np.eye(n)]
    try:
        return np.abs(np.linalg.solve(np.stack(columns, axis=1), function(u))).max()
    except np.linalg.LinAlgError:
        return np.inf


def ends(model, shared, starts, seed):
    """Regular stationary points with W1 W2 != 0 and both outputs live: rows (log |W1|, log |W2|, c...), and signs."""
    rng = np.random.default_rng(seed)
    model = np.array(model)
    found: list[tuple[float, np.ndarray]] = []
    for k in range(starts):
        sign = 1.0 if k % 2 else -1.0
        start = _start(rng, sign, shared, model)
        out = np.empty(len(start))

        def slopes(u, sign=sign, out=out):
            if np.abs(u[:2]).max() > 60:
                return np.ones(len(u))
            relative_slopes(u, sign, shared, model, out)
            return out.copy()

        end = root(slopes, start, method="hybr", options={"xtol": 1e-13, "maxfev": 200})
        u = end.x
        lost = np.abs(end.fun).max() > 1e-10 or abs(u[1] - u[0]) > WIDEST or np.min(1 + u[2:]) < LEAST_HEIGHT
        if lost or _newton_length(u, slopes) > 1e-7:
            continue
        if all(sign != other or np.abs(u - v).max() > 1e-5 for other, v in found):
            found.append((sign, u))
    return found


def as_vector(sign, u, shared):
    """(W1, W2, b) or (W1, W2, b1, b2) of an end."""
    W1, W2 = np.exp(u[0]), sign * np.exp(u[1])
    top = tops(W1, W2)
    return np.array([W1, W2, u[2] * max(top)] if shared else [W1, W2, u[2] * top[0], u[3] * top[1]])


def extreme_model(seed):
    """Importances I1, I2 and pattern probabilities: mixed, each over up to twelve decades; correlated ones included."""
    rng = np.random.default_rng(seed)
    importance = 10 ** rng.uniform(-6, 6, size=2) if rng.random() < 0.5 else np.array([1.0, 10 ** rng.uniform(-6, 6)])
    kind = seed % 5
    if kind == 0:
        p = q = 10 ** rng.uniform(-6, 0)
    elif kind == 1:
        p, q = 10 ** rng.uniform(-6, 0, size=2)
    elif kind == 2:
        p, q = 1 - 10 ** rng.uniform(-6, 0, size=2)
    if kind < 3:
        return (*importance, (1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q)
    weights = rng.dirichlet([1, 1, 1, 1]) if kind == 3 else 10 ** rng.uniform(-6, 0, size=4)
    if rng.random() < 0.3:
        weights[rng.integers(4)] = 0.0
    return (*importance, *(weights / weights.sum()))
