"""The smallest model by sampling: two features, one hidden unit, forwards and backwards on a batch.

A batch is drawn as its definition says, in an order that saves work. How many of the `size` samples of a model show
each on/off pattern is one multinomial draw; samples are exchangeable, so they are laid out in the order both, first
only, second only, none. Samples with both features off all have h = b, so only as many columns are stored as the
busiest model of the block needs, and the `rest` that every model has of them is counted, not stored.

With e_i = ReLU(h_i) − x_i, g_i = e_i 1(h_i > 0), h_i = W_i (W1 x1 + W2 x2) + b_i, the gradient of the batch's mean loss
follows by the chain rule through the hidden unit z = W1 x1 + W2 x2:

    dL/dW_i = 2/size · sum over samples of [ I_i g_i z + x_i (I_1 g_1 W1 + I_2 g_2 W2) ],      dL/db_i = 2 I_i mean(g_i)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytic.training.problems import Array, Pair
from analytic.training.workspace import Streams, Workspace


@dataclass(frozen=True)
class Batch:
    """`size` samples for each of m models: x1, x2 (m, stored columns), and `rest` samples x = 0."""

    x1: Array
    x2: Array
    size: int

    @property
    def rest(self) -> int:
        """How many samples of each model, all of them x = 0, are not stored."""
        return self.size - self.x1.shape[1]


class PairSampler:
    """Fresh batches for a block of models, or one batch drawn once; see network.py for the other implementer."""

    def __init__(self, models: Sequence[Pair], batch: int, streams: Streams, fixed: bool) -> None:
        self._importance = np.array([model.importance for model in models])
        self._patterns = np.array([model.patterns for model in models])
        self._batch, self._streams = batch, streams
        self._space = Workspace([len(models) * batch] * 4, np.float32)
        self._data = self._fixed_data() if fixed else None

    def _fixed_data(self) -> Batch:
        drawn = draw_batch(self._streams.training, self._patterns, self._batch, self._space)
        return Batch(drawn.x1.copy(), drawn.x2.copy(), drawn.size)

    def gradient(self, theta: Array) -> Array:
        """Gradient (rows, 4) of the next training batch's mean loss, for theta (rows, 4) = W1, W2, b1, b2."""
        batch = self._data or draw_batch(self._streams.training, self._patterns, self._batch, self._space)
        return batch_gradient(theta, self._importance, batch, self._space)

    def loss(self, theta: Array) -> Array:
        """Mean loss (rows,) over fresh samples, which do not disturb the training stream."""
        batch = draw_batch(self._streams.testing, self._patterns, self._batch, self._space)
        return batch_loss(theta, self._importance, batch, self._space)


def draw_batch(rng: np.random.Generator, patterns: Array, size: int, space: Workspace) -> Batch:
    """A batch for every row (p00, p10, p01, p11) of `patterns`, in the first two arrays of `space`."""
    none, first, _, both = rng.multinomial(size, patterns).astype(np.int32).T
    column = np.arange(size - none.min(), dtype=np.int32)
    x1, x2 = (space.view(index, len(patterns), len(column)) for index in (0, 1))
    for x in (x1, x2):
        rng.random(out=x, dtype=x.dtype)
    x1 *= column < (both + first)[:, None]
    x2 *= (column < both[:, None]) | (column >= (both + first)[:, None])
    x2 *= column < (size - none)[:, None]
    return Batch(x1, x2, size)


def batch_loss(theta: Array, importance: Array, batch: Batch, space: Workspace) -> Array:
    """Mean loss of each model on its batch (m,), for theta (m, 4) = W1, W2, b1, b2."""
    W, b = theta[:, :2], theta[:, 2:]
    dark = np.maximum(b, 0.0)
    total = batch.rest * dark**2
    for i, x in enumerate((batch.x1, batch.x2)):
        error = _output(W, b, i, batch, space)
        np.maximum(error, 0, out=error)
        error -= x
        total[:, i] += np.einsum("ms,ms->m", error, error)
    return np.asarray((importance * total).sum(axis=1) / batch.size)


def batch_gradient(theta: Array, importance: Array, batch: Batch, space: Workspace) -> Array:
    """Gradient (m, 4) of the mean loss of each model on its batch, for theta (m, 4) = W1, W2, b1, b2."""
    W, b = theta[:, :2], theta[:, 2:]
    own, cross = np.empty_like(W), np.empty_like(W)
    slope = batch.rest * np.maximum(b, 0.0)
    for i, (x, y) in enumerate(((batch.x1, batch.x2), (batch.x2, batch.x1))):
        g = _backward(_output(W, b, i, batch, space), x, space)
        own[:, i] = np.einsum("ms,ms->m", g, x)
        cross[:, i] = np.einsum("ms,ms->m", g, y)
        slope[:, i] += g.sum(axis=1)
    own, cross, slope = (2.0 / batch.size * importance * term for term in (own, cross, slope))
    swapped = W[:, ::-1]
    # x_i reaches W_i twice through its own output (W_i² x_i), and once through either cross term
    return np.concatenate([2 * W * own + swapped * cross.sum(axis=1, keepdims=True), slope], axis=1)


def _output(W: Array, b: Array, i: int, batch: Batch, space: Workspace) -> Array:
    """h_i for every stored sample, in array 2 of `space`."""
    h, scratch = (space.view(index, *batch.x1.shape) for index in (2, 3))
    coefficient = (W[:, i : i + 1] * W).astype(h.dtype)
    np.multiply(batch.x1, coefficient[:, :1], out=h)
    np.multiply(batch.x2, coefficient[:, 1:], out=scratch)
    h += scratch
    h += b[:, i : i + 1].astype(h.dtype)
    return h


def _backward(h: Array, x: Array, space: Workspace) -> Array:
    """g = (ReLU(h) − x) 1(h > 0), in place of h."""
    live = space.view(3, *h.shape)
    np.greater(h, 0, out=live)
    h -= x
    h *= live
    return h
