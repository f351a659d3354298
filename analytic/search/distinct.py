"""From ends of descents to distinct minima: which ends are one point, and which are minima at all.

Two ends are one minimum if a rotation of the hidden space, a permutation of features that are alike and a way within a
flat set of dead outputs take one to the other (places.py), up to the accuracy to which Newton's method finds a minimum.

An end is a minimum if its Hessian has no negative eigenvalue off the directions along which nothing changes (rotations,
and the bias of a dead output), and no point sampled around it is lower. On a kink (b_i = 0) the Hessian of one side
says nothing of the other: there the steepest descents of the Hessians on many sides are sampled, too.
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
#: Where lower neighbours are looked for: distances, and how many directions.
_RADII, _DIRECTIONS = (1e-3, 1e-2), 64
#: How many Hessians are looked at beside a point on a kink, how far off, and how near b_i = 0 is a kink.
_SIDES, _OFF, _ON_KINK = 24, 1e-6, 1e-9
#: Only for up to so many features: a Hessian of eight takes as long as a hundred gradients.
_FEW = 5
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
    rest = curved_basis(objective, theta)
    return np.asarray(np.linalg.eigvalsh(rest.T @ objective.hessian(theta[None])[0] @ rest))


def curved_basis(objective: Objective, theta: Array) -> Array:
    """An orthonormal basis (k, curved) of what is orthogonal to the directions along which the loss cannot change."""
    flat = _flat_directions(objective, theta)
    return np.asarray(np.linalg.qr(np.concatenate([flat, np.eye(len(theta))], axis=1))[0][:, flat.shape[1] :])


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
    beside = lower_neighbours(objective, point.theta[None], np.array([point.loss]), rng)[0]
    return None if np.isnan(beside).any() else beside


def _on_kinks(objective: Objective, theta: Array) -> npt.NDArray[np.bool_]:
    """Where some b_i is zero, in models small enough to look at every side."""
    if objective.model.features > _FEW:
        return np.zeros(len(theta), bool)
    b = objective.split(theta)[1]
    biases = objective.model.bias.each(b, objective.model.features)
    return np.broadcast_to((np.abs(biases) < _ON_KINK).any(-1), len(theta))


def _steepest(objective: Objective, theta: Array, sides: Array) -> Array:
    """The two directions of least curvature (N, 2 s, k) of the Hessians a little off on every side (N, s, k)."""
    beside = theta[:, None] + _OFF * sides
    vectors = np.linalg.eigh(objective.hessian(beside.reshape(-1, theta.shape[1])))[1][..., 0]
    vectors = vectors.reshape(sides.shape)
    return np.concatenate([vectors, -vectors], axis=1)


def lower_neighbours(objective: Objective, theta: Array, loss: Array, rng: np.random.Generator) -> Array:
    """The same for points (N, k): lower ones beside them, NaN where there is none. All look in the same directions."""
    directions = np.tile(rng.standard_normal((_DIRECTIONS, theta.shape[1])), (len(theta), 1, 1))
    directions[:, :2] = _steepest(objective, theta, directions[:, :1])
    kinked = _on_kinks(objective, theta)
    directions[kinked, : 2 * _SIDES] = _steepest(objective, theta[kinked], directions[kinked, -_SIDES:])
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    trials = np.concatenate([theta[:, None] + radius * directions for radius in _RADII], axis=1)
    losses = objective(trials.reshape(-1, theta.shape[1]))[0].reshape(trials.shape[:2])
    lowest = np.argmin(losses, axis=1)
    rows = np.arange(len(theta))
    found = trials[rows, lowest]
    found[~(losses[rows, lowest] < loss - _LOWER * objective.unit)] = np.nan
    return found
