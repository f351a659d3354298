"""What a block of models keeps from one batch to the next: arrays, and its two streams of random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytic.training.problems import Array


class Workspace:
    """Arrays used again from one batch to the next, each of at most the size that it was made with."""

    def __init__(self, sizes: Sequence[int], dtype: npt.DTypeLike) -> None:
        self._flat = [np.empty(size, dtype) for size in sizes]

    def view(self, index: int, *shape: int) -> Array:
        """Array `index` in this shape."""
        return self._flat[index][: math.prod(shape)].reshape(shape)


@dataclass(frozen=True)
class Streams:
    """Independent random numbers for training, and for the fresh samples that measure a loss."""

    training: np.random.Generator
    testing: np.random.Generator

    @classmethod
    def of(cls, seed: np.random.SeedSequence) -> Streams:
        """Both streams of one seed."""
        training, testing = seed.spawn(2)
        return cls(np.random.Generator(np.random.SFC64(training)), np.random.Generator(np.random.SFC64(testing)))
