"""Where a point is, modulo everything that leaves the loss as it is: which points are one, and how far apart two are.

The loss sees W modulo O(m) only through G = W^T W, and features that are alike may change places (models/symmetry).
Where outputs are dead, never positive, more is free. Let D be the dead outputs and L the others. The loss is that of
b_L and of the rows of G that belong to L; the biases of D are only bounded from above, and so the parts of W_D that are
orthogonal to all of W_L may be anything, as long as the biases are low enough. All these points are one connected set:
its members are told apart from others by G with G_DD = 0, and b with b_D where such outputs cease to be dead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytic.search.minimiser import Objective

Array = npt.NDArray[np.float64]

#: Entries of G and b of one point agree to this.
_SAME = 1e-5
#: Singular values of W below this leave directions of the hidden space empty.
RANK = 1e-6
#: Turning and dealing again stops when the distance falls by less than this share of it.
_SETTLED = 1e-12


def dead_outputs(objective: Objective, theta: Array) -> npt.NDArray[np.bool_]:
    """Which outputs are never positive (N, n): with a bias per feature, and features that can all be on together."""
    if objective.model.bias != "per-feature":
        return np.zeros((*theta.shape[:-1], objective.model.features), bool)
    return np.asarray(highest(objective, theta) <= 0)


def highest(objective: Objective, theta: Array) -> Array:
    """The largest h_i of every output (N, n), over all x in the cube."""
    W, b = objective.split(theta)
    G = np.swapaxes(W, -1, -2) @ W
    return np.asarray(objective.model.bias.each(b, objective.model.features) + np.maximum(G, 0).sum(-1))


def with_dead_biases(objective: Objective, theta: Array, depth: float) -> Array:
    """The same points (N, k), with the biases of dead outputs `depth` below the largest that leave them dead."""
    dead = dead_outputs(objective, theta)
    if not dead.any():
        return theta
    W, b = objective.split(theta)
    return objective.join(W, np.asarray(b) - np.where(dead, highest(objective, theta) + depth, 0.0))


def places(objective: Objective, theta: Array) -> tuple[Array, Array]:
    """G (N, n, n) and b (N, n), the same for all points of a flat set of dead outputs."""
    W, b = objective.split(theta)
    G = np.swapaxes(W, -1, -2) @ W
    biases = np.array(np.broadcast_to(objective.model.bias.each(b, objective.model.features), G.shape[:-1]))
    dead = dead_outputs(objective, theta)
    G[dead[..., :, None] & dead[..., None, :]] = 0.0
    biases[dead] = -np.maximum(G, 0).sum(-1)[dead]
    return G, biases


def same(objective: Objective, known: tuple[Array, Array], first: int, second: int) -> bool:
    """Whether two of the `places` are one, by a permutation of features that are alike."""
    G, b = known
    for summary in (np.diagonal(G, axis1=1, axis2=2), b):
        if np.abs(np.sort(summary[first]) - np.sort(summary[second])).max() > _SAME:
            return False
    return objective.model.symmetry.match((G[first], b[first]), (G[second], b[second]), _SAME) is not None


def copies(objective: Objective, theta: Array) -> int:
    """How many different points the permutations of alike features make of this one."""
    G, b = places(objective, theta[None])
    return objective.model.symmetry.copies(G[0], b[0], _SAME)


def distance(objective: Objective, theta: Array, target: Array) -> float:
    """How far a point (k,) is from the nearest image of a target (k,).

    Euclidean in W and b, over rotations of the hidden space and permutations of alike features. These are improved in
    turns, beginning with no permutation: the result is at most the distance to the target as it is modulo O(m), and is
    the least of all wherever that is less than half of what separates the target's images. A dead output of the target
    contributes, instead of its bias, by how much it is not dead at the point, and by those parts only of its W_i that
    the flat set leaves no choice for; so the distance vanishes on the whole flat set.
    """
    W, b = _split(objective, theta)
    V, c = _split(objective, target)
    dead = dead_outputs(objective, target[None])[0]
    span = _span(V[:, ~dead]) if dead.any() else np.eye(len(V))
    V = np.where(dead, span @ V, V)
    biases = np.square(b[:, None] - c)
    biases[:, dead] = np.square(np.maximum(highest(objective, theta[None])[0], 0))[:, None]
    if objective.model.bias == "shared":
        biases /= len(b)
    far = biases + np.where(_alike(objective), 0.0, np.inf)
    order, best = np.arange(len(b)), np.inf
    while True:
        left, _, right = np.linalg.svd(W @ V[:, order].T)
        turned = (left @ right).T @ W
        squares = np.square(turned[:, :, None] - V[:, None, :]).sum(0)
        squares[:, dead] = np.square((span @ turned)[:, :, None] - V[:, None, :]).sum(0)[:, dead]
        total = float((squares + far)[np.arange(len(b)), order].sum())
        if total >= best * (1 - _SETTLED):
            return float(np.sqrt(min(best, total)))
        best, order = total, _dealt(squares + far)


def _split(objective: Objective, theta: Array) -> tuple[Array, Array]:
    W, b = objective.split(theta)
    return W, objective.model.bias.each(b, objective.model.features)


def _span(V: Array) -> Array:
    """The projection (m, m) onto the columns of V."""
    left, sizes, _ = np.linalg.svd(V, full_matrices=False)
    kept = left[:, sizes > RANK]
    return np.asarray(kept @ kept.T)


def _alike(objective: Objective) -> npt.NDArray[np.bool_]:
    """Which features (n, n) may change places."""
    result = np.zeros((objective.model.features,) * 2, bool)
    for members in objective.model.symmetry.alike:
        result[np.ix_(members, members)] = True
    return result


def _dealt(costs: Array) -> npt.NDArray[np.intp]:
    """The permutation with the least sum of costs (n, n)."""
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(costs)[1])
