"""Boxes with exactly one zero for each model of a rectangle, in frames that move with the zero.

Krawczyk's test with parameters (`boxes.mean_value_tests`): if it holds for a box of z over all theta, then for each
theta the equations have one zero with z in the box, and their Jacobian is regular there, so the zero is continuous in
theta. A regular Jacobian also is a regular Hessian: the kind of the point is the same for all theta, and is decided for
theta0 alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.proofs.boxes import PROGRESS, Evidence, Vector, filled
from analytic.proofs.certificate import as_box
from analytic.proofs.enclosures import Case, Constants
from analytic.proofs.intervals import Array, Interval
from analytic.proofs.points import full_coordinates, kind, place_of, weights_and_loss
from analytic.proofs.records import Box, Place
from analytic.proofs.regions.family import Family, middles, ranged
from analytic.proofs.regions.frames import Frame, over_rectangle
from analytic.proofs.regions.records import Tube

#: Boxes grow from this radius around the image of the smaller one, by this factor, at most so often and so far.
_SMALLEST, _INFLATION, _ROUNDS, _LARGEST = 1e-12, 1.3, 10, 0.3
#: Krawczyk's test cuts rectangles into so many parts along each side.
PARTS = 4
#: Steps of Newton's method from the zero in the middle to those of the corners.
_NEWTON = 4
#: Factors by which a proved box may grow, all sides at once, coarse and fine; then one side at a time, so many times.
_COARSE, _FINE, _ONE_SIDE, _TURNS = 8.0 ** np.arange(10.0, 0.0, -1.0), 2.0 ** np.arange(2.5, 0.0, -0.5), 1.5, 4


class TooWide(Exception):
    """The rectangle is too wide for a tube: what is left around its zero could not be settled."""


def krawczyk(problem: Family, boxes: Array, rectangle: Box | None = None) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Hulls of Krawczyk's images (n, d, 2) of boxes (n, d, 2) over a rectangle, and where the test holds with tau > 0.

    The rectangle is that of the problem, or a part of it. Models are independent, so it may be cut for the test.
    """
    d, pieces = problem.case.dimension, cut(rectangle or problem.rectangle, PARTS)
    full = np.concatenate([over_rectangle(boxes, piece) for piece in pieces])
    found = Evidence(problem.evidence(full), d, d + 2)
    proved = found.unique(np.tile(boxes, (len(pieces), 1, 1))) & (problem.outward(full)[:, 0, 0] > 0)
    images = found.images.reshape(len(pieces), *boxes.shape)
    hulls = np.stack([images[..., 0].min(0), images[..., 1].max(0)], -1)
    return hulls, np.logical_and.reduce(proved.reshape(len(pieces), -1), axis=0)


def cut(rectangle: Box, parts: int) -> list[Box]:
    """A rectangle as parts x parts smaller ones."""
    ends = [np.linspace(low, high, parts + 1).tolist() for low, high in rectangle]
    for side, (low, high) in zip(ends, rectangle, strict=True):
        side[0], side[-1] = low, high
    first, second = (list(pairwise(side)) for side in ends)
    return [(a, b) for a in first for b in second]


def prove_tube(problem: Family, centre: Array) -> Tube | None:
    """A tube around the zero near `centre` of the model in the middle, wide enough to be useful.

    Raises
    ------
    TooWide
        If there is none and the zero lies in the cube.
    """
    frame = _frame(problem, centre)
    small = None if frame is None else _inflated(problem.seen(frame))
    if frame is None or small is None:
        if ((centre >= 0) & (centre <= 1)).all():
            raise TooWide
        return None
    framed = problem.seen(frame)
    unique = _grown(framed, small)
    inner = narrowed(framed, small)
    wider = inner + (inner[:, 1] - inner[:, 0])[:, None] * [-0.125, 0.125]
    inside = (wider[:, 0] >= unique[:, 0]) & (wider[:, 1] <= unique[:, 1])
    inner = wider if inside.all() and krawczyk(framed, wider[None])[1][0] else small
    return tube_of(framed, unique, inner)


def tube_of(problem: Family, unique: Array, inner: Array) -> Tube:
    """The record of a proved tube: its place and kind follow from `inner`."""
    assert problem.frame is not None
    where = tube_place(problem, inner)
    second_order = kind(problem.middle, at_middle(problem, inner)) if where is Place.INSIDE else "undecided"
    return Tube(*problem.key, as_box(unique), as_box(inner), where, second_order, problem.frame)


def at_middle(problem: Family, inner: Array) -> Array:
    """A narrow box of coordinates around the zero of the model in the middle."""
    p, r = middles(problem.rectangle)
    middle = (p, p), (r, r)
    return problem.outward(over_rectangle(narrowed(problem, inner, middle)[None], middle))[0]


def tube_place(problem: Family, inner: Array) -> Place:
    """Decide whether the zero counts as a stationary point of its case, for all models of the rectangle."""
    at = problem.over(coordinates, over_rectangle(inner[None], problem.rectangle))
    where = place_of(problem, [x[0] for x in at])
    return Place.UNDECIDED if where is Place.TIE else where


def narrowed(problem: Family, box: Array, rectangle: Box | None = None) -> Array:
    """A narrow box (d, 2) that has the zero of every model of a rectangle, as `box` has."""
    while True:
        image = krawczyk(problem, box[None], rectangle)[0][0]
        image = np.stack([np.fmax(box[:, 0], image[:, 0]), np.fmin(box[:, 1], image[:, 1])], -1)
        if not ((image[:, 1] - image[:, 0]) < PROGRESS * (box[:, 1] - box[:, 0])).any():
            return box
        box = image


def _frame(problem: Family, centre: Array) -> Frame | None:
    """A frame for the zero, or None if it cannot be followed over the rectangle; nothing depends on how good it is.

    Its polynomials fit the zeros of nine models, the middle and the ends; its axes are the singular vectors of the
    Jacobian after its columns have been scaled to length one.
    """
    half = [(high - low) / 2 for low, high in problem.rectangle]
    a, b = np.array([(a, b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)]).T
    theta = np.array(middles(problem.rectangle)) + np.stack([a, b], 1) * half
    d, x = len(centre), np.tile(centre, (len(theta), 1))
    for _ in range(_NEWTON):
        at = np.concatenate([x, theta], 1)
        found = Evidence(problem.evidence(np.stack([at, at], -1)), d, d + 2)
        x = found.images.mean(-1)
        if not np.isfinite(x).all() or np.abs(x - centre).max() > _LARGEST:
            return None
    terms = np.stack([a * half[0], b * half[1], (a * half[0]) ** 2, a * b * half[0] * half[1], (b * half[1]) ** 2], 1)
    scale = np.abs(terms).max(0)
    drift = np.linalg.lstsq(terms / scale, x - centre, rcond=None)[0] / scale[:, None]
    J = np.array([entry.mid[4] for entry in found.jacobian]).reshape(d, d + 2)[:, :d]
    lengths = np.linalg.norm(J, axis=0)
    if not (np.isfinite(J).all() and (lengths > 0).all()):
        return None
    return Frame.of(centre, np.linalg.svd(J / lengths)[2].T / (lengths / lengths.min())[:, None], drift.T)


def _inflated(problem: Family) -> Array | None:
    """The smallest box around z = 0 that the test proves: each is a little larger than the image of the last."""
    radius = np.full(problem.case.dimension, _SMALLEST)
    for _ in range(_ROUNDS):
        box = _ball(radius)
        image, inside = krawczyk(problem, box[None])
        if inside[0]:
            return box
        radius = _INFLATION * np.abs(image[0]).max(1) + _SMALLEST
        if not radius.max() < _LARGEST:
            return None
    return None


def _ball(radius: Array) -> Array:
    return np.stack([-radius, radius], -1)


def _grown(problem: Family, small: Array) -> Array:
    """A larger box in which the test holds as well: it settles more, and what it leaves is easier to exclude."""
    radius = small[:, 1]

    def first(radii: Array, otherwise: Array) -> Array:
        proved = np.flatnonzero(krawczyk(problem, np.stack([_ball(each) for each in radii]))[1])
        return np.asarray(radii[proved[0]]) if len(proved) else otherwise

    for factors in (_COARSE, _FINE):
        radius = first(factors[:, None] * radius, radius)
    for _ in range(_TURNS):
        for i in range(len(radius)):
            longer = radius * np.where(np.arange(len(radius)) == i, _ONE_SIDE, 1.0)
            radius = first(longer[None], radius)
    best = _ball(radius)
    return best if krawczyk(problem, best[None])[1][0] else small


def coordinates(case: Case, sign: int, c: Constants, at: Vector, box: Vector) -> list[Any]:
    """Ranges of sigma, tau, kappa and k."""
    return [ranged(x) for x in full_coordinates(case, sign, c, at)]


def report(case: Case, sign: int, c: Constants, at: Vector, box: Vector) -> list[Any]:
    """Ranges of W1, W2, b1, b2 and the loss; the loss at the middle of the box, and its derivatives."""
    found = weights_and_loss(case, sign, c, at)
    loss = found[-1]
    return [*map(ranged, found), loss.centre, *filled(loss.chord)]


def reported(problem: Family, tube: Tube, rectangle: Box) -> list[Interval]:
    """Over a part of the rectangle: ranges of W1, W2, b1, b2 and the loss, and the loss as a base and two slopes."""
    framed = problem.seen(tube.frame)
    inner = narrowed(framed, np.array(tube.inner), rectangle)
    found = [x[0] for x in framed.over(report, over_rectangle(inner[None], rectangle))]
    base, *slopes = found[5:]
    for side, slope in zip(inner, slopes[:-2], strict=True):
        base = base + slope * (Interval(*side) - Interval(*side).mid)
    return [*found[:5], base, *slopes[-2:]]
