"""What interval arithmetic can say about one proved stationary point: its place, loss, kind, and whether it counts.

A zero of the equations of a case is a stationary point of the model only inside that case: 0 < tau <= 1, outputs that
are called partial partial, outputs that are called on on. `place` decides that. tau = 1 belongs to both halves
(features exchanged); `mirror` carries a box from one to the other.

At a stationary point the Hessian in any coordinates decides the kind, since Hessians in different coordinates are
congruent there. `kind` uses (sigma, tau, kappa, k), with one bias (sigma, tau, k). The points on an activation border
b_i = 0 that occur for whole families of models, the dedicated solutions and the corner `closed_form.alike`, are decided
in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from analytic.landscape.records import Kind
from analytic.proofs.boxes import Problem, Vector, jacobian_row, join, split, times, total
from analytic.proofs.closed_form import enclose
from analytic.proofs.enclosures import Case, Constants, first_output, second_output, shared_scale, slope_of_sigma
from analytic.proofs.intervals import Array, Dual, Interval, tight
from analytic.proofs.records import Pair, Place


def full_coordinates(problem: Problem, box: Array) -> Vector:
    """(tau, kappa, k) over a box (..., d, 2) of the case; b of an output that is always on follows from G = 0."""
    c, s, at = problem.constants, problem.sign, split(box)
    tau = at[0]
    if problem.case is Case.BOTH:
        return at
    if problem.case is Case.SHARED:
        return [tau, at[1], at[1]]
    if problem.case is Case.FIRST:
        sigma = 1 + tau * slope_of_sigma(c, s, *at)[0]
        w = sigma * tau
        return [tau, at[1], Fraction(1, 2) * ((w * tau - 1) * c.p2 / (s * w) + c.p1)]
    h2, _, _, x2, *_ = second_output(c, s, tau, at[1])
    w = x2 / h2
    return [tau, Fraction(1, 2) * ((w / tau - 1) * c.p1 / (s * w) + c.p2), at[1]]


def partial_scale(sign: int, x: Interval) -> Interval:
    """kappa or k measured from the border b = 0: partial in (0, 1), always on below 0."""
    return x if sign > 0 else 1 - x


def place(problem: Problem, box: Array) -> Place:
    """Decide whether the zero in `box` (d, 2) counts as a stationary point of its case."""
    if problem.corner and all(x.contains(at) for x, at in zip(split(box), (1.0, 0.0, 0.0), strict=False)):
        return Place.CORNER
    tau, kappa, k = full_coordinates(problem, box)
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


def sigma_of(problem: Problem, full: Vector) -> Interval:
    """Enclosure of sigma = W1^2 over (tau, kappa, k)."""
    c, s = problem.constants, problem.sign
    tau, kappa, k = full
    if problem.case is Case.SECOND:
        h2, _, _, x2, *_ = second_output(c, s, tau, k)
        return x2 / h2 / tau
    if problem.case is Case.SHARED:
        return 1 + shared_scale(c, s, tau, k)[0]
    return 1 + tau * slope_of_sigma(c, s, tau, kappa)[0]


def parameters(problem: Problem, box: Array) -> Parameters:
    """W, b and the loss at the stationary point in `box`: L = sum I (E[x^2] - E[h+^2]) there."""
    c, s = problem.constants, problem.sign
    tau, kappa, k = full = full_coordinates(problem, box)
    sigma = sigma_of(problem, full)
    h1, xh1, yh1, *_ = first_output(c, s, tau, kappa)
    h2, xh2, yh2, *_ = second_output(c, s, tau, k)
    square1 = sigma**2 * (xh1 + s * tau * (yh1 - kappa * h1))
    square2 = (sigma * tau) ** 2 * (tau * xh2 + s * (yh2 - k * h2))
    loss = c.I1 * (c.p1 / 3 - square1) + c.I2 * (c.p2 / 3 - square2)
    W = [sigma.sqrt(), s * tau * sigma.sqrt()]
    b = [-s * sigma * tau * kappa, -s * sigma * tau * k]
    order = (1, 0) if problem.swapped else (0, 1)
    return Parameters(
        (enclose(W[order[0]]), enclose(W[order[1]])), (enclose(b[order[0]]), enclose(b[order[1]])), enclose(loss)
    )


def _gradient(c: Constants, s: int, sigma: Dual, tau: Dual, kappa: Dual, k: Dual) -> list[Dual]:
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


@np.errstate(all="ignore")
def kind(problem: Problem, box: Array) -> Kind:
    """The certified kind of the stationary point in a small box around it."""
    full = full_coordinates(problem, box)
    shared = problem.case is Case.SHARED
    sigma, tau, kappa, *rest = Dual.variables(sigma_of(problem, full), *(full[:2] if shared else full))
    rows = _gradient(problem.constants, problem.sign, sigma, tau, kappa, rest[0] if rest else kappa)
    if shared:
        rows = [*rows[:2], rows[2] + rows[3]]
    hessian = [jacobian_row(row, full[0]) for row in rows]
    n = len(rows)
    return kind_of_matrix(join([entry for row in hessian for entry in row]).reshape(n, n, 2))


def kind_of_matrix(hessian: npt.NDArray[np.float64]) -> Kind:
    """The kind if all symmetric matrices in an enclosure (n, n, 2) have the same inertia, by Gershgorin's discs.

    The symmetric matrices M of the enclosure are transformed to Q^T M Q, where Q makes the middle one nearly diagonal
    with entries +-1; this keeps the inertia, and the columns of Q are common directions of ascent or descent. Discs
    that miss zero also show that Q is regular.
    """
    if not np.isfinite(hessian).all():
        return "undecided"
    middle = hessian.mean(-1)
    scale = np.where(np.diag(middle) == 0, 1.0, np.abs(np.diag(middle))) ** -0.5
    values, vectors = np.linalg.eigh(scale[:, None] * (middle + middle.T) / 2 * scale)
    Q = scale[:, None] * vectors / np.sqrt(np.where(values == 0, 1.0, np.abs(values)))
    M = [[Interval(hessian[i, j, 0], hessian[i, j, 1]) for j in range(len(Q))] for i in range(len(Q))]
    columns = [[Interval(q) for q in Q[:, j]] for j in range(len(Q))]
    D = [[times([u], times(M, v))[0] for v in columns] for u in columns]
    signs = set()
    for i, row in enumerate(D):
        rest = total([_magnitude(e) for j, e in enumerate(row) if j != i]).hi
        if not (row[i].lo > rest or row[i].hi < -rest):
            return "undecided"
        signs.add(bool(row[i].lo > 0))
    if len(signs) == 2:
        return "saddle"
    return "minimum" if signs == {True} else "maximum"


def _magnitude(x: Interval) -> Interval:
    """The largest |x|, exactly: sums of these are rounded up by interval arithmetic."""
    return Interval(np.maximum(np.abs(x.lo), np.abs(x.hi)))
