"""The toy model by sampling: draws batches, runs the network forwards and backwards, knows no formula for the mean.

A batch is drawn as its definition says, in an order that saves work. How many of the `size` samples of a model show
each on/off pattern is one multinomial draw; samples are exchangeable, so they are laid out in the order both, first
only, second only, none. Samples with both features off all have h = b, so only as many columns are stored as the
busiest model of the block needs, and the `rest` that every model has of them is counted, not stored.

With e_i = ReLU(h_i) − x_i, g_i = e_i 1(h_i > 0), h_i = W_i (W1 x1 + W2 x2) + b_i, the gradient of the batch's mean loss
follows by the chain rule through the hidden unit z = W1 x1 + W2 x2:

    dL/dW_i = 2/size · sum over samples of [ I_i g_i z + x_i (I_1 g_1 W1 + I_2 g_2 W2) ],      dL/db_i = 2 I_i mean(g_i)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Model(Protocol):
    """What the witness needs to know of a model."""

    @property
    def importance(self) -> tuple[float, float]: ...
    @property
    def patterns(self) -> tuple[float, float, float, float]: ...
    @property
    def bias(self) -> str: ...


@dataclass(frozen=True)
class Batch:
    """`size` samples for each of m models: x1, x2 (m, stored columns), and `rest` samples x = 0."""

    x1: np.ndarray
    x2: np.ndarray
    size: int

    @property
    def rest(self) -> int:
        """How many samples of each model, all of them x = 0, are not stored."""
        return self.size - self.x1.shape[1]


class Workspace:
    """Arrays used again from one batch to the next."""

    def __init__(self, models: int, size: int, dtype: type) -> None:
        self._flat: np.ndarray = np.empty((4, models * size), dtype)
        self._models = models

    def view(self, index: int, columns: int) -> np.ndarray:
        """Array `index` (0 to 3) as (models, columns)."""
        return self._flat[index, : self._models * columns].reshape(self._models, columns)


def draw_batch(rng: np.random.Generator, patterns: np.ndarray, size: int, space: Workspace) -> Batch:
    """A batch for every row (p00, p10, p01, p11) of `patterns`, in the first two arrays of `space`."""
    none, first, _, both = rng.multinomial(size, patterns).astype(np.int32).T
    column = np.arange(size - none.min(), dtype=np.int32)
    x1, x2 = space.view(0, len(column)), space.view(1, len(column))
    for x in (x1, x2):
        rng.random(out=x, dtype=x.dtype)
    x1 *= column < (both + first)[:, None]
    x2 *= (column < both[:, None]) | (column >= (both + first)[:, None])
    x2 *= column < (size - none)[:, None]
    return Batch(x1, x2, size)


def batch_loss(theta: np.ndarray, importance: np.ndarray, batch: Batch, space: Workspace) -> np.ndarray:
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


def batch_gradient(theta: np.ndarray, importance: np.ndarray, batch: Batch, space: Workspace) -> np.ndarray:
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


def _output(W: np.ndarray, b: np.ndarray, i: int, batch: Batch, space: Workspace) -> np.ndarray:
    """h_i for every stored sample, in array 2 of `space`."""
    h, scratch = (space.view(index, batch.x1.shape[1]) for index in (2, 3))
    coefficient = (W[:, i : i + 1] * W).astype(h.dtype)
    np.multiply(batch.x1, coefficient[:, :1], out=h)
    np.multiply(batch.x2, coefficient[:, 1:], out=scratch)
    h += scratch
    h += b[:, i : i + 1].astype(h.dtype)
    return h


def _backward(h: np.ndarray, x: np.ndarray, space: Workspace) -> np.ndarray:
    """g = (ReLU(h) − x) 1(h > 0), in place of h."""
    live = space.view(3, h.shape[1])
    np.greater(h, 0, out=live)
    h -= x
    h *= live
    return h
