"""Groups of features in mutually orthogonal subspaces: how a trained weight matrix falls apart, and into what.

Two features interact where W_i . W_j is not zero. The connected parts of that graph span orthogonal subspaces, their
losses add (for independent features with a bias of their own), and the paper calls the whole a tegum product of the
parts. Training leaves noise, so "zero" means that the cosine is below a tolerance; choose it above the noise of W and
below the smallest cosine that means something: cos 72 degrees = 0.31 in a pentagon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from analytic.polytopes.dimensionality import feature_dimensionality
from analytic.polytopes.shapes import CONFUSED, IRREGULAR, name_of
from analytic.validation import InvalidValue, number, real_array

Array = npt.NDArray[np.float64]

NOT_REPRESENTED = "not represented"


@dataclass(frozen=True)
class Group:
    """Features that share a subspace with each other and with nothing else.

    features : their indices, ascending
    dimension : of the subspace that they span, to within the tolerance
    name : "single", "digon", "triangle", "tetrahedron", "pentagon", "square antiprism", ..., "confused" for several
        features in one direction, "irregular" for anything else, "not represented" for features with W_i = 0
    dimensionality : mean feature dimensionality, dimension / number of features where the shape is regular
    deviation : the largest difference of a cosine from that of the named shape
    """

    features: tuple[int, ...]
    dimension: int
    name: str
    dimensionality: float
    deviation: float


def geometry(W: npt.ArrayLike, tolerance: float = 0.1) -> tuple[Group, ...]:
    """What a weight matrix is made of.

    Parameters
    ----------
    W : array_like, shape (hidden, features)
    tolerance : between 0 and 1: the largest |cosine| of features that count as orthogonal, the largest deviation of a
        cosine from a named shape, and the norm, relative to the largest, below which a feature is not represented

    Returns
    -------
    tuple of Group
        The largest groups first, then by first feature; features that are not represented come last, as one group of
        dimension 0. Every feature is in exactly one group.

    Examples
    --------
    >>> import numpy as np
    >>> square = np.array([[1.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0, 0.0]])
    >>> [(group.name, group.features) for group in geometry(square)]
    [('digon', (0, 1)), ('digon', (2, 3)), ('not represented', (4,))]
    """
    weights, limit = real_array("W", W, finite=True), number("tolerance", tolerance, above=0, below=1)
    if weights.ndim != 2 or 0 in weights.shape:
        raise InvalidValue(f"W must have shape (hidden, features), got shape {weights.shape}")
    norms = np.linalg.norm(weights, axis=0)
    shown = np.flatnonzero(norms > limit * norms.max())
    parts = sorted(_connected(weights[:, shown], limit), key=lambda part: (-len(part), part[0]))
    shares = feature_dimensionality(weights)
    groups = [_group(weights, shown[part], shares, limit) for part in parts]
    absent = tuple(int(i) for i in np.flatnonzero(norms <= limit * norms.max()))
    if absent:
        groups.append(Group(absent, 0, NOT_REPRESENTED, 0.0, 0.0))
    return tuple(groups)


def in_words(groups: tuple[Group, ...]) -> str:
    """The names of groups: "pentagon", "2 digons, single", "digon, 3 not represented"."""
    names = [group.name for group in groups for _ in range(_times(group))]
    return ", ".join(_counted(name, names.count(name)) for name in dict.fromkeys(names))


def _counted(name: str, times: int) -> str:
    plural = "s" if name not in (NOT_REPRESENTED, CONFUSED, IRREGULAR) else ""
    return name if times == 1 else f"{times} {name}{plural}"


def _times(group: Group) -> int:
    """How often a group is named: features that are not represented are one group of several."""
    return len(group.features) if group.dimension == 0 else 1


def _connected(weights: Array, tolerance: float) -> Iterator[npt.NDArray[np.intp]]:
    """Columns that are connected by cosines above the tolerance."""
    directions = weights / np.linalg.norm(weights, axis=0)
    count, labels = connected_components(np.abs(directions.T @ directions) > tolerance, directed=False)
    for label in range(count):
        yield np.flatnonzero(labels == label)


def _group(weights: Array, features: npt.NDArray[np.intp], shares: Array, tolerance: float) -> Group:
    directions = weights[:, features] / np.linalg.norm(weights[:, features], axis=0)
    spread = np.linalg.svd(directions, compute_uv=False)
    dimension = int(np.sum(spread > tolerance * spread[0]))
    name, deviation = name_of(directions, dimension, tolerance)
    return Group(tuple(map(int, features)), dimension, name, float(shares[features].mean()), deviation)
