"""The symmetries of a model: orthogonal maps of its hidden space, and permutations of features that are alike.

The loss sees W through W^T W only, so W -> Q W with Q in O(m) leaves it as it is; for one hidden unit that is W -> -W.
A permutation of features moves the columns of W and the biases; it is a symmetry where it leaves importances and on/off
probabilities as they are, and maps one model to another where it does not. Minima are orbits of this group: a list of
points has one representative for each, and two results are the same if one is an image of the other.

The group of the smallest model has at most four elements, and acts on rows (W1, W2, b1, b2) of whole arrays at once:
`negated` and `exchanged`. Larger models use the same object; there the orbit under O(m) is a continuum, and distances
are taken by the best rotation (orthogonal Procrustes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from math import factorial, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.validation import InvalidValue

Array = npt.NDArray[Any]

_NEGATE = np.array([-1, -1, 1, 1])
_EXCHANGE = [1, 0, 3, 2]


def negated(theta: Array) -> Array:
    """(-W, b) for rows (..., 4) = (W1, W2, b1, b2)."""
    return theta * _NEGATE


def exchanged(theta: Array) -> Array:
    """The other order of the features, for rows (..., 4) = (W1, W2, b1, b2)."""
    return theta[..., _EXCHANGE]


def canonical_sign(theta: Array) -> Array:
    """Of (W, b) and (-W, b) the one whose first weight that is not zero is positive, for rows (..., 4)."""
    leading = np.where(theta[..., 0] != 0, theta[..., 0], theta[..., 1])
    return np.where((leading < 0)[..., None], negated(theta), theta)


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

    def permutations(self) -> Iterator[list[int]]:
        """All permutations of the features that are symmetries, the identity first."""
        for choice in product(*(permutations(group) for group in self.alike)):
            order = list(range(self.features))
            for group, image in zip(self.alike, choice, strict=True):
                for place, feature in zip(group, image, strict=True):
                    order[place] = feature
            yield order

    def orbit(self, W: Array, b: Array) -> list[tuple[Array, Array]]:
        """The distinct images of one point, W (hidden, features) and b (features,); for hidden = 1 only."""
        if self.hidden != 1:
            raise InvalidValue(
                f"hidden must be 1 for a finite orbit, got {self.hidden}: O({self.hidden}) is a continuum"
            )
        found: list[tuple[Array, Array]] = []
        for order in self.permutations():
            for sign in (1, -1):
                image = sign * W[..., order], b[..., order]
                if not any(np.array_equal(image[0], w) and np.array_equal(image[1], c) for w, c in found):
                    found.append(image)
        return found

    def canonical(self, W: Array, b: Array) -> tuple[Array, Array]:
        """One image of (W, b): alike features by falling norm, then bias; W lower-left zero, rows starting positive.

        Features that are alike and agree in norm and bias, as in a regular polygon, keep their order.
        """
        order = list(range(self.features))
        norms = np.linalg.norm(np.asarray(W, float), axis=0)
        for group in self.alike:
            ranked = sorted(group, key=lambda j: (-norms[j], -float(b[j])))
            for place, feature in zip(group, ranked, strict=True):
                order[place] = feature
        turned = W[..., order]
        if self.hidden > 1:
            turned = np.linalg.qr(np.asarray(turned, float), mode="complete")[1]
        leading = np.array([next((x for x in row if x != 0), 1) for row in turned])
        return np.where(leading < 0, -1, 1)[:, None] * turned, b[..., order]

    def distance(self, first: tuple[Array, Array], second: tuple[Array, Array]) -> float:
        """Least Euclidean distance from `first` = (W, b) to an image of `second`."""
        return min(_distance(first, (second[0][..., order], second[1][..., order])) for order in self.permutations())

    def same(self, first: tuple[Array, Array], second: tuple[Array, Array], tolerance: float) -> bool:
        """Whether one point is an image of the other, up to `tolerance`."""
        return self.distance(first, second) <= tolerance

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


def _distance(first: tuple[Array, Array], second: tuple[Array, Array]) -> float:
    """The same modulo O(m) alone: Q = U V^T for the singular value decomposition U S V^T of W_1 W_2^T is best."""
    W1, W2 = np.asarray(first[0], float), np.asarray(second[0], float)
    left, _, right = np.linalg.svd(W1 @ W2.T)
    gap = W1 - left @ right @ W2
    return float(np.sqrt((gap**2).sum() + ((np.asarray(first[1], float) - np.asarray(second[1], float)) ** 2).sum()))
