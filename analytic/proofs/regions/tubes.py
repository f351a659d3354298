"""Boxes with exactly one zero for each model of a rectangle, which move with the zero.

Krawczyk's test with parameters (`boxes.mean_value_tests`): if the image of Y, over all theta, lies in the interior of
Y, then for each theta the equations have one zero in Y + D (theta - theta0), and their Jacobian is regular there, so
the zero is continuous in theta. A regular Jacobian also is a regular Hessian: the kind of the point is the same for all
theta, and is decided for theta0 alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.proofs.boxes import PROGRESS, Problem, Vector, join, located, split
from analytic.proofs.certificate import as_box
from analytic.proofs.enclosures import Case, Constants
from analytic.proofs.intervals import Array, Interval
from analytic.proofs.points import full_coordinates, kind, place_of, weights_and_loss
from analytic.proofs.records import Box, Place, Zero
from analytic.proofs.regions.family import Family, evidence, middles, ranged
from analytic.proofs.regions.records import Tube

#: Boxes grow from this radius around the image of the smaller one, by this factor, at most so often and so far.
_SMALLEST, _INFLATION, _ROUNDS, _LARGEST = 1e-12, 1.3, 30, 0.3
#: Factors by which a proved box may grow, all sides at once; then one side at a time, so many times.
_GROWTH, _ONE_SIDE, _TURNS = 2.0 ** np.arange(12.0, 0.0, -0.5), 1.5, 4


def moved(problem: Family, boxes: Array, drift: Array, back: bool = False) -> Array:
    """Boxes (n, d + 2, 2) as y -> the hulls (n, d, 2) of x = y + D (theta - theta0), or of y for boxes of x."""
    *rest, p, r = split(boxes)
    steps = [side - middle for side, middle in zip((p, r), middles(problem.rectangle), strict=True)]
    changes = [steps[0] * row[0] + steps[1] * row[1] for row in drift]
    return join([x - change if back else x + change for x, change in zip(rest, changes, strict=True)])


def settled_by_tube(problem: Problem, boxes: Array, tube: Zero) -> npt.NDArray[np.bool_]:
    """For boxes (n, d + 2, 2): where every stationary point is the one of `tube`, because it lies in the tube."""
    assert isinstance(problem, Family)
    assert isinstance(tube, Tube)
    unique, found = np.array(tube.unique), moved(problem, boxes, np.array(tube.drift), back=True)
    return np.asarray(((found[..., 0] >= unique[:, 0]) & (found[..., 1] <= unique[:, 1])).all(-1))


def over_rectangle(boxes: Array, rectangle: Box) -> Array:
    """Boxes (n, d, 2) with the sides of the rectangle."""
    return np.concatenate([boxes, np.broadcast_to(np.array(rectangle), (len(boxes), 2, 2))], 1)


def krawczyk(
    problem: Family, boxes: Array, drift: Array, rectangle: Box | None = None
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Krawczyk's images (n, d, 2) of boxes (n, d, 2) over a rectangle, and where they lie inside, with tau > 0.

    The rectangle is that of the problem, or a part of it.
    """
    d, full = problem.case.dimension, over_rectangle(boxes, rectangle or problem.rectangle)
    image = join(problem.over(evidence, full, drift)[2 * d : 3 * d])
    inside = (image[..., 0] > boxes[..., 0]) & (image[..., 1] < boxes[..., 1])
    return image, inside.all(-1) & (moved(problem, full, drift)[:, 0, 0] > 0)


def prove_tube(problem: Problem, centre: Array) -> Tube | None:
    """A tube around the zero near `centre` of the model in the middle, wide enough to be useful."""
    assert isinstance(problem, Family)
    drift = _drift(problem, centre)
    small = None if drift is None else _inflated(problem, centre, drift)
    if drift is None or small is None:
        return None
    unique = _grown(problem, small, drift)
    inner = narrowed(problem, small, drift)
    wider = inner + (inner[:, 1] - inner[:, 0])[:, None] * [-0.125, 0.125]
    inside = (wider[:, 0] >= unique[:, 0]) & (wider[:, 1] <= unique[:, 1])
    inner = wider if inside.all() and krawczyk(problem, wider[None], drift)[1][0] else small
    return tube_of(problem, unique, inner, drift)


def tube_of(problem: Family, unique: Array, inner: Array, drift: Array) -> Tube:
    """The record of a proved tube: its place and kind follow from `inner`."""
    where = tube_place(problem, inner, drift)
    second_order = kind(problem.middle, located(problem.middle, inner)) if where is Place.INSIDE else "undecided"
    boxes = as_box(unique), as_box(inner)
    return Tube(*problem.key, *boxes, where, second_order, as_box(drift))


def tube_place(problem: Family, inner: Array, drift: Array) -> Place:
    """Decide whether the zero counts as a stationary point of its case, for all models of the rectangle."""
    at = problem.over(coordinates, over_rectangle(inner[None], problem.rectangle), drift)
    where = place_of(problem, [x[0] for x in at])
    return Place.UNDECIDED if where is Place.TIE else where


def narrowed(problem: Family, box: Array, drift: Array, rectangle: Box | None = None) -> Array:
    """A narrow box (d, 2) that has the zero of every model of a rectangle, as `box` has."""
    while True:
        image = krawczyk(problem, box[None], drift, rectangle)[0][0]
        image = np.stack([np.fmax(box[:, 0], image[:, 0]), np.fmin(box[:, 1], image[:, 1])], -1)
        if not ((image[:, 1] - image[:, 0]) < PROGRESS * (box[:, 1] - box[:, 0])).any():
            return box
        box = image


def _drift(problem: Family, centre: Array) -> Array | None:
    """The derivative of the zero by density and importance; nothing depends on how good it is."""
    d, point = problem.case.dimension, np.concatenate([centre, middles(problem.rectangle)])
    found = problem.evidence(np.stack([point, point], -1)[None])[3 * d : 3 * d + d * (d + 2)]
    J = np.array([x.mid[0] for x in found]).reshape(d, d + 2)
    if not np.isfinite(J).all() or np.linalg.cond(J[:, :d]) > 1 / np.finfo(float).eps:
        return None
    return -np.linalg.solve(J[:, :d], J[:, d:])


def _inflated(problem: Family, centre: Array, drift: Array) -> Array | None:
    """The smallest box around `centre` that the test proves: each is a little larger than the image of the last."""
    radius = np.full(len(centre), _SMALLEST)
    for _ in range(_ROUNDS):
        box = _ball(centre, radius)
        image, inside = krawczyk(problem, box[None], drift)
        if inside[0]:
            return box
        radius = _INFLATION * np.abs(image[0] - centre[:, None]).max(1) + _SMALLEST
        if not radius.max() < _LARGEST:
            return None
    return None


def _ball(centre: Array, radius: Array) -> Array:
    return np.stack([centre - radius, centre + radius], -1)


def _grown(problem: Family, small: Array, drift: Array) -> Array:
    """A larger box in which the test holds as well: it settles more, and what it leaves is easier to exclude."""
    centre, radius = small.mean(1), (small[:, 1] - small[:, 0]) / 2

    def first(radii: Array, otherwise: Array) -> Array:
        boxes = np.stack([_ball(centre, each) for each in radii])
        proved = np.flatnonzero(krawczyk(problem, boxes, drift)[1])
        return np.asarray(radii[proved[0]]) if len(proved) else otherwise

    radius = first(_GROWTH[:, None] * radius, radius)
    for _ in range(_TURNS):
        for i in range(len(radius)):
            longer = radius * np.where(np.arange(len(radius)) == i, _ONE_SIDE, 1.0)
            radius = first(longer[None], radius)
    best = _ball(centre, radius)
    return best if krawczyk(problem, best[None], drift)[1][0] else small


def coordinates(case: Case, sign: int, c: Constants, at: Vector, box: Vector) -> list[Any]:
    """Ranges of sigma, tau, kappa and k."""
    return [ranged(x) for x in full_coordinates(case, sign, c, at)]


def report(case: Case, sign: int, c: Constants, at: Vector, box: Vector) -> list[Any]:
    """Ranges of W1, W2, b1, b2 and the loss; the loss at the middle of the box, and its derivatives."""
    found = weights_and_loss(case, sign, c, at)
    loss = found[-1]
    return [*map(ranged, found), loss.centre, *(0 if g is None else g for g in loss.grad)]


def reported(problem: Family, tube: Tube, rectangle: Box) -> list[Interval]:
    """Over a part of the rectangle: ranges of W1, W2, b1, b2 and the loss, and the loss as a base and two slopes."""
    drift = np.array(tube.drift)
    inner = narrowed(problem, np.array(tube.inner), drift, rectangle)
    found = [x[0] for x in problem.over(report, over_rectangle(inner[None], rectangle), drift)]
    base, *slopes = found[5:]
    for side, slope in zip(inner, slopes[:-2], strict=True):
        base = base + slope * (Interval(*side) - Interval(*side).mid)
    return [*found[:5], base, *slopes[-2:]]
