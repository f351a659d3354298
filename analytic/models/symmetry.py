"""The symmetries of a model: orthogonal maps of its hidden space, and permutations of features that are alike.

The loss sees W through W^T W only, so W -> Q W with Q in O(m) leaves it as it is; for one hidden unit that is W -> -W.
A permutation of features moves the columns of W and the biases; it is a symmetry where it leaves importances and on/off
probabilities as they are, and maps one model to another where it does not. Minima are orbits of this group: a list of
points has one representative for each, and two results are the same if one is an image of the other.

The group of the smallest model acts on rows (W1, W2, b1, b2), whole arrays at once: `negated`, `exchanged`, `orbit`,
`canonical`, `same`. Larger models have `Symmetry`; there the orbit under O(m) is a continuum, and points are compared
by what it leaves alone, W^T W and b.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial, prod
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_NEGATE = np.array([-1, -1, 1, 1])
_EXCHANGE = [1, 0, 3, 2]


def negated(theta: Array) -> Array:
    """(-W, b) for rows (..., 4) = (W1, W2, b1, b2)."""
    return theta * _NEGATE


def exchanged(theta: Array) -> Array:
    """The other order of the features, for rows (..., 4) = (W1, W2, b1, b2)."""
    return theta[..., _EXCHANGE]


def canonical(theta: Array) -> Array:
    """Of (W, b) and (-W, b) the one whose first weight that is not zero is positive, for rows (..., 4)."""
    leading = np.where(theta[..., 0] != 0, theta[..., 0], theta[..., 1])
    return np.where((leading < 0)[..., None], negated(theta), theta)


def orbit(theta: Array) -> Array:
    """The different images of one row (4,) under W -> -W: two, or one if W = 0."""
    return np.array([theta, negated(theta)] if np.any(theta[:2] != 0) else [theta])


def same(first: Array, second: Array, tolerance: float) -> bool:
    """Whether a row (4,) is an image of another under W -> -W, up to `tolerance` in every entry."""
    return bool(np.abs(orbit(first) - second).max(axis=1).min() <= tolerance)


@dataclass(frozen=True)
class Symmetry:
    """O(hidden) and the permutations within classes of features that are alike.

    hidden : number of hidden units
    alike : the features 0, 1, ..., n - 1 in classes; every permutation within the classes is a symmetry
    """

    hidden: int
    alike: tuple[tuple[int, ...], ...]

    @property
    def features(self) -> int:
        return sum(map(len, self.alike))

    def match(self, first: tuple[Array, Array], second: tuple[Array, Array], tolerance: float) -> list[int] | None:
        """A permutation with G = G'[order][:, order] and b = b'[order], up to `tolerance`; None if there is none.

        Points are given as (G, b) with G = W^T W, which says everything about W modulo O(hidden).
        """
        return _extend(first, second, self._class_of(), [], tolerance)

    def copies(self, G: Array, b: Array, tolerance: float) -> int:
        """How many different points the permutations make of one: the order of the group over that of its stabiliser.

        The stabiliser's order is the product, over all features, of the number of images that a feature has among the
        permutations that leave all features before it where they are (orbits and stabilisers).
        """
        owner, stabiliser = self._class_of(), 1
        for i in range(self.features):
            fixed = list(range(i))
            images = [j for j in range(i, self.features) if owner[j] == owner[i]]
            stabiliser *= sum(_extend((G, b), (G, b), owner, [*fixed, j], tolerance) is not None for j in images)
        return prod(factorial(len(group)) for group in self.alike) // stabiliser

    def _class_of(self) -> list[int]:
        owner = [0] * self.features
        for k, group in enumerate(self.alike):
            for feature in group:
                owner[feature] = k
        return owner


def _extend(
    first: tuple[Array, Array], second: tuple[Array, Array], owner: list[int], chosen: list[int], tolerance: float
) -> list[int] | None:
    """The first completion of a partial permutation that fits, by backtracking; None if none does."""
    (G, b), (H, c) = first, second
    for place, j in enumerate(chosen):
        before = chosen[: place + 1]
        if np.abs(H[j, before] - G[place, : place + 1]).max() > tolerance or abs(c[j] - b[place]) > tolerance:
            return None
    if len(chosen) == len(owner):
        return chosen
    place = len(chosen)
    for j in range(len(owner)):
        if j in chosen or owner[j] != owner[place] or abs(c[j] - b[place]) > tolerance:
            continue
        if np.abs(H[j, [*chosen, j]] - G[place, : place + 1]).max() <= tolerance:
            found = _extend(first, second, owner, [*chosen, j], tolerance)
            if found is not None:
                return found
    return None
