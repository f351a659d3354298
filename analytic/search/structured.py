"""Structured starts: tegum products of digons, polygons and simplices, which random starts may reach too rarely.

Features are dealt into groups, each in a subspace of its own: one feature in one dimension, d + 1 as a simplex in d, or
any number as a polygon in two. What is left over is not represented. Where features are not alike it matters who goes
where, and in which order a polygon holds them; then many deals are drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def simplex(dimension: int) -> Array:
    """d + 1 unit vectors with equal angles, (d, d + 1)."""
    centred = np.eye(dimension + 1) - 1 / (dimension + 1)
    vectors = np.linalg.svd(centred)[2][:dimension] @ centred
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0))


def polygon(count: int) -> Array:
    """Unit vectors at equal angles in the plane, (2, count)."""
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)])


def _groups(dimension: int, features: int) -> Iterator[Array]:
    """Shapes that fill this many dimensions with at most this many features."""
    if dimension == 1:
        yield np.ones((1, 1))
    if features > dimension:
        yield simplex(dimension)
    if dimension == 2:
        for count in range(5, features + 1):
            yield polygon(count)


def products(hidden: int, features: int) -> Iterator[tuple[Array, ...]]:
    """All tegum products that fill the hidden space with at most this many features, largest dimension first."""

    def fill(dimension: int, left: int, largest: int) -> Iterator[tuple[Array, ...]]:
        if dimension == 0:
            yield ()
            return
        for d in range(min(dimension, largest), 0, -1):
            for shape in _groups(d, left):
                for rest in fill(dimension - d, left - shape.shape[1], d):
                    yield (shape, *rest)

    yield from fill(hidden, features, hidden)


def starts(hidden: int, features: int, deals: int, rng: np.random.Generator) -> Array:
    """Weights (N, hidden, features): every product, its features dealt `deals` times at random, the first in order."""
    found = []
    for product in products(hidden, features):
        W, row, column = np.zeros((hidden, features)), 0, 0
        for shape in product:
            W[row : row + shape.shape[0], column : column + shape.shape[1]] = shape
            row, column = row + shape.shape[0], column + shape.shape[1]
        found.append(W)
        found += [W[:, rng.permutation(features)] for _ in range(deals - 1)]
    return np.array(found).reshape(-1, hidden, features)
