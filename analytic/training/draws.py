"""Samples of any number of features, by the definition: on with its probability, then uniform on [0, 1].

A block of samples is an array (rows, pieces, n, columns): for each row, a model, `pieces` times `columns` samples of n
features. Three ways to fill it, of which the first two are for independent features:

    dense     one uniform u decides and is the value: on where u <= p, and then u/p is uniform again
    sparse    the cells that are on are those in which a Poisson process of rate −log(1 − p) per cell has a point,
              since exp(log(1 − p)) = 1 − p is the probability of none. Given their number the points are independent
              and uniform, so the work is proportional to the features that are on
    joint     the pattern of each sample is drawn from the table of 2^n probabilities by Walker's alias method

Uniform values are (k + 1/2) 2^-32, k a random integer of 32 bits, rounded to the precision of the array: half of what
NumPy's own single-precision numbers cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analytic.training.problems import Array, Wide
from analytic.training.workspace import Workspace

#: Up to this density it is cheaper to place the values that are on than to draw all.
SPARSE = 0.15
_ULP = 2.0**-32


class Independent:
    """Features that are on independently of each other: density (rows, n)."""

    def __init__(self, models: Sequence[Wide]) -> None:
        density = np.array([model.density for model in models])
        sparse = density <= SPARSE
        self._rates = -np.log1p(-np.where(sparse, density, 0.0))
        # sparse features are zero at first
        self._scale = np.where(sparse, 0.0, _ULP / np.where(sparse, 1.0, density))[:, None, :, None]
        self._all, self._any, self._full = bool(sparse.all()), bool(sparse.any()), bool((density == 1).all())

    def fill(self, rng: np.random.Generator, x: Array, space: Workspace, scratch: int) -> None:
        """Draws the samples x; array `scratch` of the workspace is overwritten."""
        if self._all:
            x.fill(0)
        else:
            self._dense(rng, x, space.view(scratch, *x.shape))
        if self._any:
            self._sparse(rng, x)

    def _dense(self, rng: np.random.Generator, x: Array, on: Array) -> None:
        if self._full:
            uniform(rng, x)
            return
        uniform(rng, x, self._scale.astype(x.dtype))
        np.less_equal(x, 1, out=on)
        x *= on

    def _sparse(self, rng: np.random.Generator, x: Array) -> None:
        rows, pieces, features, columns = x.shape
        counts = rng.poisson(self._rates * (pieces * columns))
        first = np.arange(rows)[:, None] * (pieces * features * columns) + np.arange(features) * columns
        cell = (rng.random(counts.sum()) * (pieces * columns)).astype(np.int64)
        place = np.repeat(first.reshape(-1), counts.reshape(-1)) + cell + cell // columns * ((features - 1) * columns)
        values = np.empty(len(place), x.dtype)
        uniform(rng, values)
        x.reshape(-1)[place] = values


class Joint:
    """Features with joint on/off probabilities: a table of 2^n patterns for each row."""

    def __init__(self, models: Sequence[Wide]) -> None:
        distinct = {id(model): model for model in models}
        tables = {key: alias_table(model.table.reshape(-1)) for key, model in distinct.items()}
        self._keep, self._alias = (np.array([tables[id(model)][part] for model in models]) for part in (0, 1))

    def fill(self, rng: np.random.Generator, x: Array, space: Workspace, scratch: int) -> None:
        """Draws the samples x."""
        rows, pieces, features, columns = x.shape
        u = rng.random((rows, pieces * columns)) * self._keep.shape[1]
        pattern = u.astype(np.int32)
        row = np.arange(rows)[:, None]
        pattern = np.where(u - pattern < self._keep[row, pattern], pattern, self._alias[row, pattern])
        # index 1 of axis j of the table is "feature j on": the first feature is the highest bit
        shifts = np.arange(features - 1, -1, -1, dtype=np.int32)[:, None]
        uniform(rng, x)
        x *= (pattern.reshape(rows, pieces, 1, columns) >> shifts) & 1


def draws(models: Sequence[Wide]) -> Independent | Joint:
    """How the features of these models are drawn; joint if any of them needs it."""
    if all(model.patterns is None for model in models):
        return Independent(models)
    return Joint(models)


def alias_table(probabilities: Array) -> tuple[Array, Array]:
    """Walker's table: draw a cell k uniformly, keep it with probability keep[k], else take alias[k]."""
    count = len(probabilities)
    keep, alias = probabilities * count, np.arange(count, dtype=np.int32)
    small = [k for k in range(count) if keep[k] < 1]
    large = [k for k in range(count) if keep[k] >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        keep[high] -= 1.0 - keep[low]
        if keep[high] < 1:
            small.append(large.pop())
    # what is left differs from 1 by rounding, and was never given an alias but itself
    return keep, alias


def uniform(rng: np.random.Generator, x: Array, scale: Any = _ULP) -> None:
    """Fills x with numbers uniform on [0, 1], times 2^32 `scale`."""
    np.add(_bits(rng, x.size).reshape(x.shape), 0.5, out=x, dtype=x.dtype, casting="unsafe")
    x *= scale


def _bits(rng: np.random.Generator, count: int) -> Array:
    """Random integers of 32 bits."""
    words = rng.integers(0, 2**64 - 1, size=(count + 1) // 2, dtype=np.uint64, endpoint=True)
    return words.view(np.uint32)[:count]
