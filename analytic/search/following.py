"""Branches of minima: how minima move with a parameter of the model, where each ends, and where the best one changes.

A family of models depends on one number s: the density, an importance. Its minima form branches theta(s), curves of
zeros of the gradient g(theta, s), followed by Newton's method on the directions in which the loss is curved: rotations
of the hidden space and biases of dead outputs leave the loss as it is. The next point is predicted along the last two
and the step is halved wherever Newton's method does not come back close to the prediction or the point found is no
minimum. Where no step succeeds the branch ends, and the bracket of the last halving is its end, to rounding error:

    fold         the smallest curvature falls to zero like the root of the distance, and no stationary point is beyond
    instability  it passes through zero, and the stationary point goes on as a saddle
    kink         it jumps below zero, where an output starts or ceases to be positive at a corner of the cube of inputs

On a kink the Hessian of one side says nothing of the others, and minima may stay on one all along their branch. So a
curvature is taken on both sides along each of the softest directions, and where they differ the smaller one counts.

Branches are found, not proved to be all: one that starts and ends between two searches, or that no search met, is
missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from analytic.models.relu_output import ReluOutputModel
from analytic.search.branches import Branch, BranchEnd, EndKind
from analytic.search.distinct import curved_basis, distinct
from analytic.search.found import MinimaFound
from analytic.search.minimiser import CONVERGED, Ends, Objective, minimise, polish
from analytic.search.places import with_dead_biases
from analytic.validation import InvalidValue, increasing, number, real_array, refuse_type

Array = npt.NDArray[np.float64]
Family = Callable[[float], ReluOutputModel]

#: A corrected point within this distance of its prediction belongs to the branch: minima are about one apart.
_CLOSE = 0.03
#: A branch ends where no step of this size, relative to s, succeeds.
_LEAST_STEP = 4e-14
#: A step that failed is tried again from closer by while it is longer than this, relative to s; then it is halved.
_COARSE = 1e-3
#: Curvatures at an end below this, in units of the silent loss, have fallen to zero: the bracket leaves about 1e-6.
_ZERO = 1e-4
#: How far beyond an end, relative to s, a stationary point is looked for.
_BEYOND = 1e-6
#: Directions that are tried on both sides, how far, and the relative difference of the sides that means a kink.
_SOFTEST, _ASIDE, _KINK = 4, 1e-6, 1e-4
#: How far the biases of dead outputs are moved below their bound, so that small changes of W leave them dead.
_DEPTH = 0.5


class _Point(NamedTuple):
    """A minimum on a branch."""

    parameter: float
    theta: Array
    loss: float
    curvature: float


def follow_minimum(family: Family, grid: npt.ArrayLike, start: float, W: npt.ArrayLike, b: Any = None) -> Branch:
    """The branch through one minimum, both ways, to where it ends or leaves the grid.

    Parameters
    ----------
    family : parameter -> ReluOutputModel, of one size and one convention for the bias
    grid : rising values of the parameter at which the branch is recorded
    start : one of them
    W, b : a minimum of `family(start)`, or a point from which exact descent leads to it

    Returns
    -------
    Branch
        Every point has |gradient| <= 1e-12 sum I_i E[x_i^2]. Ends are good to about 1e-11, relative, measured against
        the explicit instability of the dedicated minimum of the smallest model; to about 1e-7 where a branch is born
        from another one that loses its stability, because there Newton's method does not tell the two apart.

    Raises
    ------
    ValueError, TypeError
        For arguments that are not as described, or where descent does not end in a minimum.

    Examples
    --------
    >>> import numpy as np
    >>> from analytic import ReluOutputModel
    >>> angle = 2 * np.pi * np.arange(5) / 5
    >>> pentagon = 1.1 * np.array([np.cos(angle), np.sin(angle)])
    >>> five = lambda density: ReluOutputModel.from_density(5, 2, density)
    >>> follow_minimum(five, [0.1, 0.2, 0.5], 0.1, pentagon, np.full(5, -0.2))
    Branch(pentagon, 0.1 (range) to 0.302883 (instability))
    """
    values = increasing("grid", grid, -np.inf, np.inf)
    place = number("start", start)
    at = np.flatnonzero(values == place)
    if not len(at):
        raise InvalidValue(f"start must be one of the values of grid, got {place!r}")
    objective = _objective(family, place)
    weights, biases = real_array("W", W, finite=True), None if b is None else real_array("b", b, finite=True)
    objective.model.loss(weights, biases)
    lowest = minimise(objective, objective.join(weights, biases)[None]).theta
    point = _corrected(family, place, with_dead_biases(objective, lowest, _DEPTH)[0])
    if point is None:
        raise InvalidValue(f"W and b must lie where exact descent leads to a minimum of the model at {place!r}")
    back, first = _one_way(family, point, values[: at[0]][::-1])
    ahead, last = _one_way(family, point, values[at[0] + 1 :])
    return _branch(objective, [*reversed(back), point, *ahead], first, last)


def minimum_branches(family: Family, searches: Mapping[float, MinimaFound]) -> tuple[Branch, ...]:
    """All branches that the minima found at some values of a parameter belong to.

    Parameters
    ----------
    family : parameter -> ReluOutputModel, of one size and one convention for the bias
    searches : for each value of the parameter what `search_minima` found in `family(value)`; the values are the grid

    Returns
    -------
    tuple of Branch
        By first parameter, then by loss. A minimum that is on no branch yet starts one, which is followed both ways;
        so every minimum found is on a branch.

    Raises
    ------
    ValueError, TypeError
        As for `follow_minimum`.
    """
    grid, branches = np.array(sorted(searches)), list[Branch]()
    for value in map(float, grid):
        for minimum in _unmet(searches[value], value, branches):
            branches.append(follow_minimum(family, grid, value, minimum.W, minimum.b))
    return tuple(sorted(branches, key=lambda each: (each.parameter[0], each.loss[0])))


def exchanges(family: Family, one: Branch, other: Branch) -> tuple[float, ...]:
    """Where two branches have equal loss: first-order transitions, if they are the best two.

    Parameters
    ----------
    family : parameter -> ReluOutputModel, the one that the branches belong to
    one, other : Branch

    Returns
    -------
    tuple of float
        Values of the parameter, to the rounding error of the losses. They are looked for between neighbouring values of
        both `parameter`; two between the same neighbours are not seen.
    """
    low = max(one.parameter[0], other.parameter[0])
    both = np.union1d(one.parameter, other.parameter)
    both = both[(both >= low) & (both <= min(one.parameter[-1], other.parameter[-1]))]

    def difference(value: float) -> float:
        return _loss_at(family, one, value) - _loss_at(family, other, value)

    gap = np.array([difference(float(value)) for value in both])
    changes = np.flatnonzero(gap[:-1] * gap[1:] < 0)
    return tuple(float(brentq(difference, both[k], both[k + 1], xtol=1e-15, rtol=1e-14)) for k in changes)


def _loss_at(family: Family, branch: Branch, value: float) -> float:
    """The loss of a branch at a value of its grid, or between two of them."""
    # where a branch has ended its curvature is zero, and nothing can be followed from there
    ends = np.array([k in (0, len(branch) - 1) and branch.parameter[k] != value for k in range(len(branch))])
    near = int(np.argmin(np.abs(branch.parameter - value) + np.where(ends & (len(branch) > 2), np.inf, 0.0)))
    if branch.parameter[near] == value:
        return float(branch.loss[near])
    b = None if branch.b is None else branch.b[near]
    theta = _objective(family, value).join(branch.W[near], b)
    point = _Point(float(branch.parameter[near]), theta, float(branch.loss[near]), float(branch.curvature[near]))
    reached, end = _one_way(family, point, np.array([value]))
    if end.kind != "range":
        raise InvalidValue(f"value must be on the branch, and {branch!r} ends at {end.parameter!r} before {value!r}")
    return reached[-1].loss


def _unmet(found: MinimaFound, value: float, branches: list[Branch]) -> list[Any]:
    """The minima of a search that are on none of the branches."""
    objective = Objective(found.model)
    rows = [objective.join(each.W, each.b) for each in found]
    for branch in branches:
        for k in np.flatnonzero(branch.parameter == value):
            rows.append(objective.join(branch.W[k], None if branch.b is None else branch.b[k]))
    theta = np.array(rows)
    groups = distinct(objective, Ends(theta, objective(theta)[0], np.zeros(len(theta))))
    return [found[group.members[0]] for group in groups if max(group.members) < len(found)]


def _objective(family: Family, value: float) -> Objective:
    model = family(value)
    if not isinstance(model, ReluOutputModel):
        refuse_type("family", "give a ReluOutputModel", model)
    return Objective(model)


def _corrected(family: Family, value: float, predicted: Array) -> _Point | None:
    """The minimum that Newton's method finds close to a point, if there is one."""
    objective = _objective(family, value)
    loss, gradient = objective(predicted[None])
    ends = polish(objective, predicted[None], loss, gradient)
    theta = ends.theta[0]
    if ends.gradient_norm[0] > CONVERGED * objective.unit or np.linalg.norm(theta - predicted) > _CLOSE:
        return None
    least = sided_curvature(objective, theta)
    return _Point(value, theta, float(ends.loss[0]), least) if least > 0 else None


def sided_curvature(objective: Objective, theta: Array) -> float:
    """The smallest curvature off the flat directions; on a kink the smaller one of the two sides of each direction."""
    basis = curved_basis(objective, theta)
    values, vectors = np.linalg.eigh(basis.T @ objective.hessian(theta[None])[0] @ basis)
    softest = (basis @ vectors[:, :_SOFTEST]).T
    sides = np.concatenate([softest, -softest])
    slopes = objective(np.concatenate([theta[None], theta + _ASIDE * sides]))[1]
    along = (np.einsum("ni,ni->n", slopes[1:] - slopes[0], sides) / _ASIDE).reshape(2, -1)
    on_kink = np.abs(along - values[: len(softest)]).max(axis=0) > _KINK * np.abs(values).max(initial=0.0)
    return float(np.where(on_kink, along.min(axis=0), values[: len(softest)]).min(initial=np.inf))


def _one_way(family: Family, start: _Point, targets: Array) -> tuple[list[_Point], BranchEnd]:
    """The branch at these values, one after the other, and at its end if it comes first."""
    points, before, at = list[_Point](), start, start
    for target in map(float, targets):
        before, at, stopped = _towards(family, before, at, target)
        if stopped:
            end = BranchEnd(at.parameter, _end_kind(family, at, target))
            last_recorded = points[-1] if points else start
            return (points if at.parameter == last_recorded.parameter else [*points, at]), end
        points.append(at)
    return points, BranchEnd(at.parameter, "range")


def _towards(family: Family, before: _Point, at: _Point, target: float) -> tuple[_Point, _Point, bool]:
    """The last two points on the way to a value of the parameter, and whether the branch ends before it."""
    step, wall = target - at.parameter, target
    while at.parameter != target:
        value = at.parameter + step
        new = _corrected(family, value, _predicted(before, at, value))
        if new is None:
            if abs(step) < _LEAST_STEP * abs(at.parameter) or at.parameter + step / 2 == at.parameter:
                return before, at, True
            wall, step = value, step / 2
            continue
        wall = target if value == wall else wall
        before, at = at, new
        left, coarse, least = wall - at.parameter, *(share * abs(at.parameter) for share in (_COARSE, _LEAST_STEP))
        # far from the wall it may have been the step that was too long: it is tried again, and once more at the end
        step = left if wall == target or abs(left) > coarse or abs(left) < least else left / 2
    return before, at, False


def _predicted(before: _Point, at: _Point, value: float) -> Array:
    """Along the line through the last two points."""
    span = at.parameter - before.parameter
    if span == 0:
        return at.theta
    return at.theta + (at.theta - before.theta) * ((value - at.parameter) / span)


def _end_kind(family: Family, at: _Point, target: float) -> EndKind:
    objective = _objective(family, at.parameter)
    if at.curvature > _ZERO * objective.unit:
        return "kink"
    step = min(_BEYOND * abs(at.parameter), abs(target - at.parameter))
    beyond = _objective(family, at.parameter + np.sign(target - at.parameter) * step)
    loss, gradient = beyond(at.theta[None])
    found = polish(beyond, at.theta[None], loss, gradient)
    goes_on = found.gradient_norm[0] <= CONVERGED * beyond.unit and np.linalg.norm(found.theta[0] - at.theta) < _CLOSE
    return "instability" if goes_on else "fold"


def _branch(objective: Objective, points: list[_Point], first: BranchEnd, last: BranchEnd) -> Branch:
    W, b = objective.split(np.array([point.theta for point in points]))
    numbers = (np.array([getattr(point, name) for point in points]) for name in ("parameter", "loss", "curvature"))
    parameter, loss, curvature = numbers
    return Branch(parameter, W, b, loss, curvature, first, last)
