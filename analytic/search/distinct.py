"""From ends of descents to distinct minima: which ends are one point, and which are minima at all.

Two ends are one minimum if a rotation of the hidden space, a permutation of features that are alike and a way within a
flat set of dead outputs take one to the other (places.py), up to the accuracy to which Newton's method finds a minimum.

An end is a minimum if its Hessian has no negative eigenvalue off the directions along which nothing changes (rotations,
and the bias of a dead output), and no point sampled around it is lower: near a kink the Hessian of one side says
nothing of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analytic.search.minimiser import Ends, Objective
from analytic.search.places import RANK, dead_outputs, places, same

Array = npt.NDArray[np.float64]

#: Losses of one minimum agree to this, in units of the silent loss.
SAME_LOSS = 1e-10
#: A Hessian with an eigenvalue below minus this, in units of the silent loss, belongs to no minimum.
_NEGATIVE = 1e-7
#: Where lower neighbours are looked for: distances, and how many directions.
_RADII, _DIRECTIONS = (1e-3, 1e-2), 64
#: A neighbour counts as lower beyond this share of the silent loss: rounding is a thousandth of it.
_LOWER = 1e-12


@dataclass(frozen=True, eq=False)
class Distinct:
    """One of the points that the ends fall into: parameters (k,), loss, |gradient|, and the ends that belong to it."""

    theta: Array
    loss: float
    gradient_norm: float
    members: tuple[int, ...]


def distinct(objective: Objective, ends: Ends) -> list[Distinct]:
    """The ends as distinct points, by loss; each represented by its end with the smallest gradient."""
    order = np.argsort(ends.loss, kind="stable")
    known = places(objective, ends.theta)
    groups: list[list[int]] = []
    for index in map(int, order):
        for group in reversed(groups):
            if ends.loss[index] - ends.loss[group[-1]] > SAME_LOSS * objective.unit:
                groups.append([index])
                break
            if same(objective, known, index, group[0]):
                group.append(index)
                break
        else:
            groups.append([index])
    return [_represented(ends, group) for group in groups]


def _represented(ends: Ends, group: list[int]) -> Distinct:
    best = min(group, key=lambda index: ends.gradient_norm[index])
    return Distinct(ends.theta[best], float(ends.loss[best]), float(ends.gradient_norm[best]), tuple(group))


def curvature(objective: Objective, theta: Array) -> float:
    """The smallest eigenvalue of the Hessian off the directions along which the loss cannot change."""
    return float(min(curvatures(objective, theta), default=0.0))


def curvatures(objective: Objective, theta: Array) -> Array:
    """All eigenvalues of the Hessian off the directions along which the loss cannot change, ascending."""
    hessian = objective.hessian(theta[None])[0]
    flat = _flat_directions(objective, theta)
    # a basis of what is orthogonal to the flat directions
    rest = np.linalg.qr(np.concatenate([flat, np.eye(len(theta))], axis=1))[0][:, flat.shape[1] :]
    return np.asarray(np.linalg.eigvalsh(rest.T @ hessian @ rest))


def _flat_directions(objective: Objective, theta: Array) -> Array:
    """An orthonormal basis (k, flat) of rotations at W, of dimension m(m-1)/2 - (m-r)(m-r-1)/2, and dead biases."""
    hidden, features = objective.shape
    W = objective.split(theta)[0]
    columns = []
    for a, c in combinations(range(hidden), 2):
        turned = np.zeros(len(theta))
        turned[a * features : (a + 1) * features], turned[c * features : (c + 1) * features] = W[c], -W[a]
        columns.append(turned)
    for i in np.flatnonzero(dead_outputs(objective, theta[None])[0]):
        columns.append(np.eye(len(theta))[hidden * features + i])
    if not columns:
        return np.zeros((len(theta), 0))
    left, sizes, _ = np.linalg.svd(np.stack(columns, axis=1), full_matrices=False)
    return left[:, sizes > RANK]


def lower_neighbour(objective: Objective, point: Distinct, rng: np.random.Generator) -> Array | None:
    """A point that shows that this one is no minimum, or None: along negative curvature, or the lowest of a sample."""
    values, vectors = np.linalg.eigh(objective.hessian(point.theta[None])[0])
    directions = rng.standard_normal((_DIRECTIONS, len(point.theta)))
    if values[0] < -_NEGATIVE * objective.unit:
        directions[0], directions[1] = vectors[:, 0], -vectors[:, 0]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    trials = np.concatenate([point.theta + radius * directions for radius in _RADII])
    losses = objective(trials)[0]
    lowest = int(np.argmin(losses))
    return trials[lowest] if losses[lowest] < point.loss - _LOWER * objective.unit else None
