"""Expected loss of the ReLU output model and its gradient for many independent features, to a tolerance.

For output i, h_i = b_i + sum_j g_ij x_j with g = W^T W, and L = sum_i I_i E[(x_i - ReLU(h_i))^2]. One output costs one
sweep over its features on a lattice (sweeps.py), and its derivatives by b_i and all g_ij one more, backwards; then
dL/dW = W (D + D^T) with D_ij = dL_i/dg_ij. Other features with g_ij = 0 or density 0 drop out of h_i and cost nothing;
with one other feature left the result is exact whatever the lattice.

Error. Lattices of N, 2 N, 4 N, ... cells give values x_N of order four, so y_N = x_N + (x_N - x_{N/2}) / 15 removes the
leading term where it is regular. The estimate is the larger of |y_N - y_{N/2}| and of |y_N - x_N|, a quarter of it for
the loss: either difference alone can vanish by chance. Against rational arithmetic, for 350 outputs with up to six
features at three tolerances each (generic, and with biases within 1e-2 to 1e-8 of 0, of -g_ii, of -g_ij), the loss was
wrong by at most half the estimate and derivatives by at most 4.6 times theirs.

Why not transforms: the characteristic function of h_i is an explicit product, and the moments are its contour
integrals. With the patterns of up to one feature on taken out, what is left decays like the fifth power of the
frequency once that is large against every 1/|g_ij|; with small |g_ij| beside large ones, as in trained weights, it does
not get there. Lattices that shrink with the features have no such condition. (Reasoned, not built and measured.)

Memory: n N numbers for the gradient on each thread, 13 MB at n = 400 and 4,096 cells; all together below 512 MiB.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.loss.outputs import has_loss
from analytic.loss.sweeps import Lattices, backward, forward, reaches
from analytic.work import cores

Array = npt.NDArray[np.float64]

#: The least number of cells of a first lattice, and the most that are tried.
_FIRST, _MOST = 128, 2**16
#: A bound on the temporary arrays, in bytes, of all threads together.
_MEMORY = 2**29
#: Relative to the sum of all |g_ij| of an output, a |g_ij| that counts as zero: its steps would not be normal numbers.
_ZERO = 1e-280
#: Part of the error estimates for rounding, relative to the scale of the output or, for derivatives, to its root.
_ROUNDING = 2.0**-46


class Output(NamedTuple):
    """One output: bias, slope and density of its own feature, then the other features, largest |g| first."""

    b: float
    alpha: float
    p: float
    g: Array
    on: Array
    features: npt.NDArray[np.int64]


def output_of(G: Array, b: Array, density: Array, i: int) -> Output:
    """Output i with the other features that it depends on, by falling |G_ij|."""
    size = np.where(density > 0, np.abs(G[i]), 0.0)
    size[i] = 0.0
    features = np.argsort(-size, kind="stable")
    features = features[size[features] > _ZERO * size.sum()]
    return Output(float(b[i]), float(G[i, i]), float(density[i]), G[i, features], density[features], features)


def _most_cells(features: int, gradient: bool) -> int:
    """The finest lattice for which what the threads keep together fits into memory."""
    rows = features + 9 if gradient else 9
    return min(_MOST, 2 ** int(np.log2(_MEMORY // (8 * rows * cores()))))


def sweep(output: Output, gradient: bool, cells: int) -> Array:
    """Loss of one output and, if `gradient`, its derivatives by b, alpha and each g."""
    n = len(output.g)
    lattices = Lattices(np.empty((2, n + 1)), np.empty((2, n + 1), np.int64), np.empty((2, n + 1), np.int64))
    values = np.empty((n + 1 if gradient else 2, cells + 8))
    result = np.empty(n + 3 if gradient else 2)
    result[:2] = forward(*output[:5], *reaches(output.g, output.on), cells, lattices, values)
    if gradient:
        backward(*output[:5], lattices, values, result[2:])
    return result if gradient else result[:1]


def least_scale(loss: float, silent: float) -> float:
    """A lower bound on sum I_i (E[x_i^2] + E[ReLU(h_i)^2]), where `silent` is the first half of it.

    The loss is the square of a distance between x and ReLU(h), and the triangle inequality bounds the second half.
    """
    return silent + (math.sqrt(loss) - math.sqrt(silent)) ** 2


class Refined(NamedTuple):
    """One output: its loss, the derivatives by b, alpha and every g if asked for, and estimates of both errors."""

    loss: float
    derivatives: Array
    error: float
    derivative_error: float


def _estimates(finer: Array, best: Array, better: Array) -> tuple[float, float]:
    """Errors of the loss and of the worst derivative from two differences each, see the head of this module."""
    second = np.abs(better - finer)
    second[0] /= 4
    errors = np.maximum(np.abs(better - best), second)
    return float(errors[0]), float(errors[1:].max(initial=0.0))


def refined(output: Output, gradient: bool, tolerance: float, share: float, count: int) -> Refined:
    """Finer and finer lattices until both errors are below what is allowed, or the finest was reached.

    The loss may be wrong by 0.4 times the tolerance times the output's scale or `share`, the mean of all `count`
    outputs, if that is more. Summed over the outputs that is below the tolerance times `least_scale` of the whole,
    unless a few outputs are much worse than the others. Errors of derivatives meet in dL/dW with random signs and may
    be larger by the root of `count`.
    """
    n = len(output.g)
    cells = max(_FIRST, 2 ** math.ceil(math.log2(2 * n + 1)))
    coarse, values = sweep(output, gradient, cells), sweep(output, gradient, 2 * cells)
    cells, best, most = 2 * cells, values + (values - coarse) / 15, _most_cells(n, gradient)
    while True:
        cells *= 2
        finer = sweep(output, gradient, cells)
        better = finer + (finer - values) / 15
        error, derivative_error = _estimates(finer, best, better)
        scale = least_scale(max(better[0], 0.0), output.p / 3)
        allowed = 0.4 * tolerance * max(scale, share)
        error, derivative_error = error + _ROUNDING * scale, derivative_error + _ROUNDING * (scale + math.sqrt(scale))
        if not (error > allowed or derivative_error > math.sqrt(count) * allowed) or 2 * cells > most:
            return Refined(better[0], better[1:], error, derivative_error)
        values, best = finer, better


def _refine_all(
    W: Array, b: Array, importance: Array, density: Array, tolerance: float, gradient: bool
) -> list[tuple[int, Output, Refined]]:
    """Every output of importance not zero: which one, what it is, and its values."""
    G = W.T @ W
    share = float(importance @ density) / 3 / len(b)

    def refine(i: int) -> tuple[int, Output, Refined]:
        output = output_of(G, b, density, i)
        return i, output, refined(output, gradient, tolerance, share / importance[i], len(b))

    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(refine, np.flatnonzero(importance).tolist()))


def _total(importance: Array, found: list[tuple[int, Output, Refined]]) -> tuple[float, float]:
    """Loss and its estimated error."""
    total = math.fsum(importance[i] * refined.loss for i, _, refined in found)
    return total, math.fsum(importance[i] * refined.error for i, _, refined in found)


def loss(W: Array, b: Array, importance: Array, density: Array, tolerance: float) -> tuple[float, float]:
    """L = sum_i I_i E[(x_i - ReLU(h_i))^2] with h = W^T W x + b, for independent features.

    Parameters
    ----------
    W : (hidden, features) float64
    b, importance, density : (features,) float64, importance not negative, density P(x_j != 0) from 0 to 1
    tolerance : relative to the scale sum_i I_i (E[x_i^2] + E[ReLU(h_i)^2])

    Returns
    -------
    L, and an estimate of its absolute error. Lattices are refined until the estimate is below `tolerance` times
    `least_scale(L, sum_i I_i E[x_i^2])`, or the finest lattice that is tried was reached: then the estimate is larger.
    Biases or products of weights that are not finite give NaN for both.
    """
    if not has_loss(W, b):
        return math.nan, math.nan
    return _total(importance, _refine_all(W, b, importance, density, tolerance, False))


def loss_and_gradient(
    W: Array, b: Array, importance: Array, density: Array, tolerance: float
) -> tuple[float, Array, Array, float]:
    """L, dL/dW (hidden, features), dL/db (features,) and an error estimate; arguments as for `loss`.

    The estimate is the larger of those for L and, as root of the sum of squares over the outputs, for the derivatives
    by b_i and by g_ij; what dL/dW = W (D + D^T) makes of the latter is not in it.
    """
    n = len(b)
    if not has_loss(W, b):
        return math.nan, np.full(W.shape, math.nan), np.full(n, math.nan), math.nan
    D, by_b = np.zeros((n, n)), np.zeros(n)
    found = _refine_all(W, b, importance, density, tolerance, True)
    for i, output, refined in found:
        derivatives = importance[i] * refined.derivatives
        by_b[i] = derivatives[0]
        D[i] = density / 2 * by_b[i]  # what is right where g_ij = 0: x_j is then independent of h_i and of x_i
        D[i, i], D[i, output.features] = derivatives[1], derivatives[2:]
    total, error = _total(importance, found)
    of_derivatives = math.hypot(*(importance[i] * refined.derivative_error for i, _, refined in found))
    return total, W @ (D + D.T), by_b, max(error, of_derivatives)
