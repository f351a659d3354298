"""What interval arithmetic can say about one proved stationary point: its place, loss, kind, and whether it counts.

A zero of the equations of a case is a stationary point of the model only inside that case: 0 < tau <= 1, outputs that
are called partial partial, outputs that are called on on. `place` decides that. tau = 1 belongs to both halves
(features exchanged); `mirror` carries a box from one to the other.

At a stationary point the Hessian in any coordinates decides the kind, since Hessians in different coordinates are
congruent there. `kind` uses (sigma, tau, kappa, k), with a shared bias (sigma, tau, k). The points on an activation
border b_i = 0 that occur for whole families of models, the dedicated solutions and the corner `closed_form.alike`, are
decided in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.landscape.records import Kind
from analytic.proofs.boxes import Formula, Matrix, Problem, Vector, jacobian, join, located_finely, split, times
from analytic.proofs.closed_form import enclose
from analytic.proofs.duals import Dual, tight
from analytic.proofs.enclosures import Case, Constants, first_output, second_output, shared_scale, slope_of_sigma
from analytic.proofs.fine import Fine
from analytic.proofs.intervals import Array, Interval
from analytic.proofs.records import Pair, Place


def full_coordinates(case: Case, s: int, c: Constants, at: Vector) -> list[Any]:
    """sigma, tau, kappa, k over a box of the case; b of an output that is always on follows from G = 0."""
    tau, second = at[0], at[-1]
    if case is Case.SHARED:
        return [1 + shared_scale(c, s, tau, second)[0], tau, second, second]
    if case is Case.SECOND:
        h2, _, _, x2, *_ = second_output(c, s, tau, second)
        w = x2 / h2
        return [w / tau, tau, Fraction(1, 2) * ((w / tau - 1) * c.p1 / (s * w) + c.p2), second]
    sigma = 1 + tau * slope_of_sigma(c, s, tau, at[1])[0]
    if case is Case.BOTH:
        return [sigma, *at]
    w = sigma * tau
    return [sigma, tau, at[1], Fraction(1, 2) * ((w * tau - 1) * c.p2 / (s * w) + c.p1)]


def partial_scale(sign: int, x: Interval) -> Interval:
    """kappa or k measured from the border b = 0: partial in (0, 1), always on below 0."""
    return x if sign > 0 else 1 - x


def place(problem: Problem, box: Array) -> Place:
    """Decide whether the zero in `box` (d, 2) counts as a stationary point of its case."""
    if problem.corner and all(x.contains(at) for x, at in zip(split(box), problem.corner, strict=True)):
        return Place.CORNER
    where = place_of(problem, [x[0] for x in problem.evaluate(full_coordinates, box[None])])
    if where in (Place.INSIDE, Place.OUTSIDE):
        return where
    at = finely(problem, full_coordinates, box)
    return place_of(problem, at) if at else Place.UNDECIDED


def finely(problem: Problem, formula: Formula, box: Array) -> list[Any]:
    """A formula at the zero in `box` (d, 2), in the arithmetic of `fine`; empty if that divides by zero."""
    try:
        constants = Constants(*map(Fine.of, problem.constants.numbers))
        return list(formula(problem.case, problem.sign, constants, located_finely(problem, box)))
    except ZeroDivisionError:
        return []


def place_of(problem: Problem, at: Sequence[Any]) -> Place:
    """The same from sigma, tau, kappa and k, where no corner is known."""
    _, tau, kappa, k = at
    first, second = (partial_scale(problem.sign, x) for x in (kappa, k))
    if problem.case in (Case.BOTH, Case.SHARED):
        outside = [first.hi < 0, second.hi < 0, first.lo > 1, second.lo > 1]
        inside = [first.lo > 0, second.lo > 0, first.hi < 1, second.hi < 1]
    else:
        part, on = (first, second) if problem.case is Case.FIRST else (second, first)
        outside = [part.hi < 0, part.lo > 1, on.lo > 0]
        inside = [part.lo > 0, part.hi < 1, on.hi < 0]
    if any(outside) or tau.lo > 1:
        return Place.OUTSIDE
    if not all(inside) or not tau.lo > 0:
        return Place.UNDECIDED
    if tau.hi < 1:
        return Place.INSIDE
    # beyond tau = 1 the formulas of both halves hold as long as the far corner of the square stays on
    return Place.TIE if (tau * first).hi < 1 and (second / tau).hi < 1 else Place.UNDECIDED


def mirror(box: Array) -> Array:
    """A box (..., d, 2) seen with the features exchanged: (1/tau, k, kappa) for (tau, kappa, k)."""
    tau, *rest = split(box)
    return join([1 / tau, *rest[::-1]])


@dataclass(frozen=True)
class Parameters:
    """Enclosures (lo, hi) of W1, W2, b1, b2 in the model's own order of features, W of the larger weight positive."""

    W: tuple[Pair, Pair]
    b: tuple[Pair, Pair]
    loss: Pair


def weights_and_loss(case: Case, s: int, c: Constants, at: Vector) -> list[Any]:
    """W1, W2, b1, b2 and the loss, sum I (E[x^2] - 2 E[x h+] + E[h+^2])."""
    sigma, tau, kappa, k = full_coordinates(case, s, c, at)
    h1, xh1, yh1, *_ = first_output(c, s, tau, kappa)
    h2, xh2, yh2, *_ = second_output(c, s, tau, k)
    square1 = sigma**2 * (xh1 + s * tau * (yh1 - kappa * h1))
    square2 = (sigma * tau) ** 2 * (tau * xh2 + s * (yh2 - k * h2))
    cross1, cross2 = 2 * sigma * xh1, 2 * sigma * tau * xh2
    loss = c.I1 * (c.p1 / 3 - cross1 + square1) + c.I2 * (c.p2 / 3 - cross2 + square2)
    root = sigma.sqrt()
    return [root, s * tau * root, -s * sigma * tau * kappa, -s * sigma * tau * k, loss]


def parameters(problem: Problem, box: Array) -> Parameters:
    """W, b and the loss at the stationary point in `box` (d, 2)."""
    W1, W2, b1, b2, loss = (enclose(x[0]) for x in problem.evaluate(weights_and_loss, box[None]))
    if problem.swapped:
        return Parameters((W2, W1), (b2, b1), loss)
    return Parameters((W1, W2), (b1, b2), loss)


def gradient(c: Constants, s: int, sigma: Any, tau: Any, kappa: Any, k: Any) -> list[Any]:
    """Half the derivatives of L by sigma, tau, kappa and k."""
    h1, xh1, yh1, dh, da, db = first_output(c, s, tau, kappa)
    h2, xh2, yh2, x2, xx2, xy2 = second_output(c, s, tau, k)
    excess, w = sigma - 1, tight(sigma * tau)
    g1, a1, b1 = excess * h1 + tau * dh, excess * xh1 + tau * da, excess * yh1 + tau * db
    g2, a2, b2 = w * h2 - x2, w * xh2 - xx2, w * yh2 - xy2
    cross = s * (c.I1 * b1 + c.I2 * b2)
    shift = s * (c.I1 * (kappa * g1) + c.I2 * (k * g2))
    return [
        c.I1 * a1 + c.I2 * (tau**2 * a2) + tau * (cross - shift),
        sigma * (2 * c.I2 * (tau * a2) + cross - shift),
        -s * c.I1 * (w * g1),
        -s * c.I2 * (w * g2),
    ]


def hessian(case: Case, s: int, c: Constants, at: Vector) -> list[Any]:
    """Second derivatives of L / 2 by sigma, tau and the biases, row by row."""
    full = full_coordinates(case, s, c, at)
    shared = case is Case.SHARED
    sigma, tau, kappa, *rest = Dual.variables(*(full[:3] if shared else full))
    rows = gradient(c, s, sigma, tau, kappa, kappa if shared else rest[0])
    if shared:
        rows = [*rows[:2], rows[2] + rows[3]]
    return [entry for row in jacobian(rows) for entry in row]


def kind(problem: Problem, box: Array) -> Kind:
    """The certified kind of the stationary point in a small box (d, 2) around it.

    Where the box reaches across an activation border, at which the Hessian jumps, the point is located finely.
    """
    coarse = _kind_of_entries(join(problem.evaluate(hessian, box[None]))[0])
    if coarse != "undecided":
        return coarse
    entries = [[*enclose(Fine.of(x))] for x in finely(problem, hessian, box)]
    return _kind_of_entries(np.array(entries)) if entries else coarse


def _kind_of_entries(entries: Array) -> Kind:
    n = int(len(entries) ** 0.5)
    return kind_of_matrix(entries.reshape(n, n, 2))


def kind_of_matrix(enclosure: npt.NDArray[np.float64]) -> Kind:
    """The kind if all symmetric matrices in an enclosure (n, n, 2) have the same inertia, by Gershgorin's discs.

    The symmetric matrices M of the enclosure are transformed to Q^T M Q, where Q makes the middle one nearly diagonal
    with entries +-1; this keeps the inertia, and the columns of Q are common directions of ascent or descent. Discs
    that miss zero also show that Q is regular.
    """
    if not np.isfinite(enclosure).all():
        return "undecided"
    middle = enclosure.mean(-1)
    scale = np.where(np.diag(middle) == 0, 1.0, np.abs(np.diag(middle))) ** -0.5
    values, vectors = np.linalg.eigh(scale[:, None] * (middle + middle.T) / 2 * scale)
    Q = scale[:, None] * vectors / np.sqrt(np.where(values == 0, 1.0, np.abs(values)))
    M: Matrix = [[Interval(*entry) for entry in row] for row in enclosure]
    columns = [[Interval(q) for q in column] for column in Q.T]
    D = [[times([u], times(M, v))[0] for v in columns] for u in columns]
    signs = set()
    for i, row in enumerate(D):
        rest = reduce(add, [_magnitude(e) for j, e in enumerate(row) if j != i]).hi
        if not (row[i].lo > rest or row[i].hi < -rest):
            return "undecided"
        signs.add(bool(row[i].lo > 0))
    if len(signs) == 2:
        return "saddle"
    return "minimum" if signs == {True} else "maximum"


def _magnitude(x: Interval) -> Interval:
    """The largest |x|, exactly: sums of these are rounded up by interval arithmetic."""
    return Interval(np.maximum(np.abs(x.lo), np.abs(x.hi)))
