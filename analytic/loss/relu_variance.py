"""Variance of one sample's loss of the ReLU output model, estimated from samples.

One sample costs l = sum_i I_i (x_i - ReLU(h_i))^2. Its variance is a sum over pairs of outputs, for which there is no
recurrence of one affine function, so it is estimated; the standard error is that of the mean of (l - mean)^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.loss.relu_output import Array, Problem

#: Samples that are held at once.
_BLOCK = 4096


class SampledVariance(NamedTuple):
    """An estimate of the variance of one sample's loss, and its standard error."""

    variance: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]


def _inputs(problem: Problem, rng: np.random.Generator, count: int) -> Array:
    """Samples of x, by their definition: (count, n)."""
    n = len(problem.on)
    if len(problem.patterns):
        pattern = rng.choice(len(problem.patterns), size=count, p=problem.patterns / problem.patterns.sum())
        on = (pattern[:, None] >> np.arange(n) & 1).astype(bool)
    else:
        on = rng.random((count, n)) < problem.on
    return on * rng.random((count, n))


def sampled_variance(W: Array, b: Array, problem: Problem, samples: int, seed: int) -> SampledVariance:
    """For W (N, m, n) and b (N, n), every point on the same samples: arrays (N,)."""
    rng = np.random.default_rng(seed)
    losses = np.empty((len(W), samples))
    for start in range(0, samples, _BLOCK):
        x = _inputs(problem, rng, min(_BLOCK, samples - start))
        for p in range(len(W)):
            miss = x - np.maximum(x @ W[p].T @ W[p] + b[p], 0)
            losses[p, start : start + len(x)] = miss**2 @ problem.importance
    squares = (losses - losses.mean(-1, keepdims=True)) ** 2
    variance = squares.sum(-1) / (samples - 1)
    return SampledVariance(variance, squares.std(-1) / np.sqrt(samples))
