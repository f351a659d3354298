"""Mountain passes: the lowest ways found from one minimum of the exact loss to another, and their heights.

The way from one minimum to another that climbs least crosses its highest point at a saddle of index 1, from which the
two halves of one line run down. Every saddle of index 1 that is found, with the minima where the exact flow from either
side of it ends, is such a way; so the heights below are those of real ways, and bounds from above of the lowest. Points
count modulo rotations of the hidden space and permutations of features that are alike: a way between two orbits is one
between a point of the first and some point of the second, and ways follow each other.

Saddles are looked for by eigenvector following (Cerjan and Miller, 1981): Newton's method with the sign of the lowest
curvature turned, up along its direction and down along all others, with rotations left out. It starts around every
minimum, near and far, along the axes of its Hessian and at random, and on straight lines between minima that are turned
and permuted towards each other. No search of this kind finds every pass: dimples at kinks have walls that hide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic import tables
from analytic.attraction.descent import descend
from analytic.attraction.stationary import Stationary, newton, stationary
from analytic.models.relu_output import ReluOutputModel
from analytic.models.symmetry import Symmetry
from analytic.search.distinct import distinct
from analytic.search.found import MinimaFound
from analytic.search.minimiser import CONVERGED, Ends, Objective, minimise
from analytic.validation import real_array, refuse_type, whole
from analytic.work import Progress, reporting

Array = npt.NDArray[np.float64]

#: Eigenvector following: steps, the longest, the smallest curvature to divide by and the gradient at which Newton's
#: method takes over, both in units of the silent loss.
_STEPS, _LONGEST, _SOFT, _NEAR = 100, 0.1, 1e-2, 1e-5
#: How far from a minimum it starts, as kinks make dimples of any size, and where on the line between two.
_NEAREST, _FARTHEST, _SHARES = 0.01, 0.6, (0.35, 0.5, 0.65)
#: How far from a saddle the ways down begin, and the accuracy of the flow along them.
_ASIDE, _TOLERANCE = 1e-3, 1e-2
#: Losses tie if they differ by less than this, in units of the silent loss.
_TIE = 1e-9


@dataclass(frozen=True)
class Pass:
    """A saddle of index 1, and the indices of the minima on both sides of it, the lower one first."""

    saddle: Stationary
    ends: tuple[int, int]


@dataclass(frozen=True, eq=False, repr=False)
class MountainPasses:
    """Minima, and the passes found between them.

    Attributes
    ----------
    model : ReluOutputModel
    minima : tuple of Stationary, by loss; those that were given and those that were found below a pass
    passes : tuple of Pass, by loss
    unresolved : how many saddles of index 1 have a side from which the flow was not seen to end in a minimum
    """

    model: ReluOutputModel
    minima: tuple[Stationary, ...]
    passes: tuple[Pass, ...]
    unresolved: int

    def barrier(self, start: int, end: int) -> float:
        """How far the loss has to rise on the lowest way found from one minimum to another.

        Parameters
        ----------
        start, end : indices of minima

        Returns
        -------
        float
            A bound from above of the least rise; infinite where no way was found.
        """
        return self._rise(start, lambda reached: end in reached)

    def barrier_down(self, start: int) -> float:
        """How far the loss has to rise on the way to any lower minimum; infinite without one."""
        lowest = self.minima[start].loss - _TIE * self.model.silent_loss
        return self._rise(start, lambda reached: any(self.minima[k].loss < lowest for k in reached))

    def barrier_out(self, start: int) -> float:
        """How far the loss has to rise to leave, be it for a copy of the same minimum; infinite without a pass."""
        return min(
            (each.saddle.loss - self.minima[start].loss for each in self.passes if start in each.ends), default=np.inf
        )

    def _rise(self, start: int, arrived: Callable[[set[int]], bool]) -> float:
        """The height above a minimum at which what the passes below it connect with that minimum has arrived."""
        owner = [{k} for k in range(len(self.minima))]
        if arrived(owner[start]):
            return 0.0
        for each in self.passes:
            low, high = each.ends
            if owner[low] is not owner[high]:
                joined = owner[low] | owner[high]
                for k in joined:
                    owner[k] = joined
                if arrived(owner[start]):
                    return each.saddle.loss - self.minima[start].loss
        return np.inf

    def identify(self, W: npt.ArrayLike, b: npt.ArrayLike | None = None) -> Any:
        """Which minimum is nearby.

        Parameters
        ----------
        W : array_like, shape (..., hidden, features)
        b : as for the model's loss

        Returns
        -------
        integers (...)
            The index of the minimum where quick descent on the exact loss ends, as "newton" of `descend`; -1 for none
            of them.
        """
        objective, weights = Objective(self.model), real_array("W", W, finite=True)
        biases = None if b is None else real_array("b", b, finite=True)
        lead = np.shape(self.model.loss(weights, biases))
        theta = objective.join(weights, biases).reshape(-1, _size(objective))
        owner = _owners(objective, self.minima, minimise(objective, theta))
        return owner.reshape(lead)[()]

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Header and cells of the table that `print` shows."""
        header = ["", "loss", "above the best", "lowest pass out", "on the way to a lower minimum", "kind", "made of"]
        return header, [
            [
                str(k),
                f"{each.loss:.9g}",
                f"{each.loss - self.minima[0].loss:.3g}",
                f"{self.barrier_out(k):.3g}",
                f"{self.barrier_down(k):.3g}",
                each.kind,
                each.shape,
            ]
            for k, each in enumerate(self.minima)
        ]

    def __str__(self) -> str:
        return (
            f"{tables.as_text(*self.rows())}\nheights are those of the lowest of {len(self.passes)} passes found; "
            f"{self.unresolved} more were not resolved"
        )

    def __repr__(self) -> str:
        return f"MountainPasses({self.model!r}: {len(self.passes)} between {len(self.minima)} minima)"


def mountain_passes(
    found: MinimaFound, *, starts: int = 100, seed: int = 0, progress: Progress = None
) -> MountainPasses:
    """Saddles of index 1 between the minima of a model, with the minima on both sides of each.

    Parameters
    ----------
    found : MinimaFound
        From `search_minima`. Minima with dead outputs, which are flat, serve as ends of passes but not as starts.
    starts : int
        How many searches begin around each minimum along its axes, at random, and on lines to others, at least 1 each.
    seed : a whole number
    progress : None, True, False or progress(done, total); see `analytic.work`

    Returns
    -------
    MountainPasses
        Saddles have |gradient| <= 1e-12 sum I_i E[x_i^2] and exactly one negative curvature. Passes are found, not
        proved to be all: the lowest way may be lower than the heights given, and is never higher.

    Raises
    ------
    ValueError, TypeError
        For arguments that are not as described, naming the argument.

    Examples
    --------
    >>> from analytic import ReluOutputModel, mountain_passes, search_minima
    >>> model = ReluOutputModel.from_density(3, 1, 0.1, (1, 0.7, 0.5))
    >>> passes = mountain_passes(search_minima(model, starts=50), starts=20)
    >>> all(each.saddle.index == 1 for each in passes.passes)
    True
    """
    if not isinstance(found, MinimaFound):
        refuse_type("found", "be what search_minima returns", found)
    objective, rng = Objective(found.model), np.random.default_rng([whole("seed", seed, 0), 4])
    count = whole("starts", starts)
    with reporting(progress, "passes", " steps") as report:
        begun = np.concatenate([np.empty((0, _size(objective))), *_starts(objective, found, count, rng)])
        saddles = _saddles(objective, _followed(objective, begun, report))
    known = [objective.join(each.W, each.b) for each in found]
    return _connected(objective, known, saddles)


def _size(objective: Objective) -> int:
    hidden, features = objective.shape
    return hidden * features + objective.model.bias.size(features)


def _starts(objective: Objective, found: MinimaFound, count: int, rng: np.random.Generator) -> Iterator[Array]:
    """Points around every minimum that is no flat set, and on lines from it to copies of itself and of others."""
    points = [objective.join(each.W, each.b) for each in found if not each.dead]
    for theta in points:
        axes = np.linalg.eigh(objective.hessian(theta[None])[0])[1].T
        both = np.stack([axes, -axes], axis=1).reshape(-1, len(theta))
        drawn = rng.standard_normal((count, len(theta)))
        for directions in (np.resize(both, drawn.shape), drawn):
            sizes = rng.permutation(np.geomspace(_NEAREST, _FARTHEST, count)) / np.linalg.norm(directions, axis=1)
            yield theta + sizes[:, None] * directions
        others = np.array([_towards(objective, theta, points[k], rng) for k in rng.integers(len(points), size=count)])
        yield theta + np.resize(_SHARES, count)[:, None] * (others - theta)


def _towards(objective: Objective, theta: Array, other: Array, rng: np.random.Generator) -> Array:
    """A copy of `other` with features permuted at random, turned to be as close to theta as it can be."""
    symmetry: Symmetry = objective.model.symmetry
    order = np.arange(symmetry.features)
    for alike in symmetry.alike:
        order[list(alike)] = rng.permutation(alike)
    (V, _), (W, b) = objective.split(theta), objective.split(other)
    left, _, right = np.linalg.svd(V @ W[:, order].T)
    return objective.join(left @ right @ W[:, order], b if b is None or b.ndim == 0 else b[order])


def _followed(objective: Objective, theta: Array, report: Callable[[float, float], None]) -> Array:
    """Eigenvector following from all rows (N, k): those near a stationary point with one negative curvature."""
    theta, rows = theta.copy(), np.arange(len(theta))
    arrived = np.zeros(len(theta), bool)
    for step in range(_STEPS):
        if not len(rows):
            break
        gradient = objective(theta[rows])[1]
        move, lowest = _following_step(objective, theta[rows], gradient)
        here = (np.linalg.norm(gradient, axis=1) < _NEAR * objective.unit) & (lowest < 0)
        arrived[rows[here]] = True
        rows, move = rows[~here], move[~here]
        theta[rows] += move
        report(step + 1, _STEPS)
    return theta[arrived]


def _following_step(objective: Objective, theta: Array, gradient: Array) -> tuple[Array, Array]:
    """Up along the lowest curvature off the rotations, down along the others; and that curvature (N,)."""
    turns = _rotations(objective, theta)
    off = np.eye(theta.shape[1]) - turns @ np.swapaxes(turns, 1, 2)
    # rotations are moved to the top of the spectrum, where no slope goes
    lifted = off @ objective.hessian(theta) @ off + turns @ np.swapaxes(turns, 1, 2) * 1e3 * objective.unit
    values, vectors = np.linalg.eigh(lifted)
    slopes = np.einsum("nij,ni->nj", vectors, gradient)
    sizes = np.maximum(np.abs(values), _SOFT * objective.unit)
    sizes[:, 0] *= -1
    move = -np.einsum("nij,nj->ni", vectors, slopes / sizes)
    length = np.linalg.norm(move, axis=1, keepdims=True)
    return move * np.minimum(1, _LONGEST / np.maximum(length, 1e-300)), values[:, 0]


def _rotations(objective: Objective, theta: Array) -> Array:
    """Orthonormal directions (N, k, m (m - 1) / 2) in which rotations of the hidden space move each row."""
    hidden, features = objective.shape
    pairs = list(combinations(range(hidden), 2))
    turned = np.zeros((*theta.shape, len(pairs)))
    W = theta[:, : hidden * features].reshape(-1, hidden, features)
    for k, (a, c) in enumerate(pairs):
        turned[:, a * features : (a + 1) * features, k] = W[:, c]
        turned[:, c * features : (c + 1) * features, k] = -W[:, a]
    return np.linalg.qr(turned)[0]


def _saddles(objective: Objective, theta: Array) -> list[Array]:
    """The different saddles of index 1 that Newton's method reaches from these rows."""
    if not len(theta):
        return []
    points, norm = newton(objective, theta)
    good = norm <= CONVERGED * objective.unit
    ends = Ends(points[good], objective(points[good])[0], norm[good])
    each = (point.theta for point in distinct(objective, ends))
    return [theta for theta in each if stationary(objective, theta).index == 1]


def _connected(objective: Objective, known: list[Array], saddles: list[Array]) -> MountainPasses:
    """The passes: from both sides of every saddle the flow goes down to a minimum."""
    minima = [stationary(objective, theta) for theta in known]
    if not saddles:
        return MountainPasses(objective.model, tuple(minima), (), 0)
    lowest = np.array([_lowest_direction(objective, theta) for theta in saddles])
    starts = np.array(saddles)[:, None] + _ASIDE * np.array([1, -1])[:, None] * lowest[:, None]
    W, b = objective.split(starts)
    final = descend(objective.model, W, b, tolerance=_TOLERANCE, checkpoints=1, progress=False).final
    theta = objective.join(final.W, final.b).reshape(-1, starts.shape[-1])
    down = Ends(theta, *(np.ravel(each) for each in (final.loss, final.gradient_norm)))
    below = np.repeat([objective(theta[None])[0][0] for theta in saddles], 2)
    rested = (down.gradient_norm <= CONVERGED * objective.unit) & (np.ravel(final.curvature) > 0) & (down.loss < below)
    minima += _new(objective, minima, Ends(*(each[rested] for each in down)))
    minima.sort(key=lambda each: each.loss)
    owner = np.where(rested, _owners(objective, tuple(minima), down), -1).reshape(-1, 2)
    passes = [
        Pass(stationary(objective, theta), (int(min(ends)), int(max(ends))))
        for theta, ends in zip(saddles, owner, strict=True)
        if (ends >= 0).all()
    ]
    passes.sort(key=lambda each: each.saddle.loss)
    return MountainPasses(objective.model, tuple(minima), tuple(passes), len(saddles) - len(passes))


def _lowest_direction(objective: Objective, theta: Array) -> Array:
    return np.asarray(np.linalg.eigh(objective.hessian(theta[None])[0])[1][:, 0])


def _new(objective: Objective, minima: list[Stationary], ends: Ends) -> list[Stationary]:
    """Ends that are none of the minima."""
    unknown = _owners(objective, tuple(minima), ends) < 0
    points = distinct(objective, Ends(*(each[unknown] for each in ends)))
    return [stationary(objective, each.theta) for each in points]


def _owners(objective: Objective, minima: tuple[Stationary, ...], ends: Ends) -> npt.NDArray[np.int64]:
    """Which of the minima each end is (N,), modulo the symmetries; -1 for none."""
    known = np.array([objective.join(each.W, each.b) for each in minima]).reshape(-1, _size(objective))
    theta, count = np.concatenate([known, ends.theta]), len(known)
    norm = np.concatenate([np.zeros(count), ends.gradient_norm])
    owner = np.full(len(theta), -1)
    for point in distinct(objective, Ends(theta, objective(theta)[0], norm)):
        first = min(point.members)
        if first < count:
            owner[list(point.members)] = first
    return owner[count:]
