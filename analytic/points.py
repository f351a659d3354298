"""What interval arithmetic can say about one proved stationary point: its place, loss, kind, and whether it counts.

A zero of the equations of a case is a stationary point of the model only inside that case: 0 < tau <= 1, outputs that
are called partial partial, outputs that are called on on. `place` decides that. tau = 1 belongs to both halves
(features exchanged); `mirror` carries a box from one to the other.

At a stationary point the Hessian in any coordinates decides the kind, since Hessians in different coordinates are
congruent there. `kind` uses (sigma, tau, kappa, k). On an activation border b_i = 0 the enclosure holds the Hessians of
all sides; if every matrix in it is positive definite the point is a strict minimum, and if every one has the same
eigenvector direction of descent it is a saddle.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from analytic.enclosures import Case, Constants, first_output, second_output, slope_of_sigma
from analytic.intervals import Array, Dual, Interval, tight
from analytic.newton import Problem, Vector, jacobian_row, join, split, times


class Place(str, Enum):
    """Where a proved zero of the equations lies."""

    INSIDE = "a stationary point of this case"
    OUTSIDE = "outside this case"
    TIE = "possibly |W1| = |W2|, shared by both halves"
    UNDECIDED = "too close to the edge of the case"


class Kind(str, Enum):
    """Second-order type."""

    MINIMUM = "minimum"
    SADDLE = "saddle"
    MAXIMUM = "maximum"
    UNDECIDED = "undecided"


def full_coordinates(problem: Problem, box: Array) -> Vector:
    """(tau, kappa, k) over a box (..., d, 2) of the case; b of an output that is always on follows from its equation."""
    c, s, at = problem.constants, problem.sign, split(box)
    tau = at[0]
    if problem.case is Case.BOTH:
        return at
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
    tau, kappa, k = full_coordinates(problem, box)
    first, second = (partial_scale(problem.sign, x) for x in (kappa, k))
    if problem.case is Case.BOTH:
        outside = [first.hi < 0, second.hi < 0, first.lo > 1, second.lo > 1]
        inside = [first.hi < 1, second.hi < 1]
    else:
        part, on = (first, second) if problem.case is Case.FIRST else (second, first)
        outside = [part.hi < 0, part.lo > 1, on.lo > 0]
        inside = [part.lo > 0, part.hi < 1, on.hi < 0]
    if any(outside) or tau.lo > 1:
        return Place.OUTSIDE
    if not all(inside) or not tau.lo > 0:
        return Place.UNDECIDED
    return Place.INSIDE if tau.hi < 1 else Place.TIE


def on_kink(problem: Problem, box: Array) -> bool:
    """Whether b1 = 0 or b2 = 0 cannot be excluded in `box`."""
    _, kappa, k = full_coordinates(problem, box)
    return any(bool(partial_scale(problem.sign, x).contains(0.0)) for x in (kappa, k))


def mirror(box: Array) -> Array:
    """A box (..., d, 2) seen with the features exchanged: (1/tau, k, kappa) for (tau, kappa, k)."""
    tau, *rest = split(box)
    return join([1 / tau, *rest[::-1]])


@dataclass(frozen=True)
class Parameters:
    """Enclosures (lo, hi) of W1, W2, b1, b2 in the model's own order of features, W of the larger weight positive."""

    W: tuple[tuple[float, float], tuple[float, float]]
    b: tuple[tuple[float, float], tuple[float, float]]
    loss: tuple[float, float]


def _pair(x: Interval) -> tuple[float, float]:
    return float(x.lo), float(x.hi)


def _root(x: Interval) -> Interval:
    return Interval(np.nextafter(np.sqrt(x.lo), 0.0), np.nextafter(np.sqrt(x.hi), np.inf))


def sigma_of(problem: Problem, full: Vector) -> Interval:
    """Enclosure of sigma = W1^2 over (tau, kappa, k)."""
    c, s = problem.constants, problem.sign
    tau, kappa, k = full
    if problem.case is Case.SECOND:
        h2, _, _, x2, *_ = second_output(c, s, tau, k)
        return x2 / h2 / tau
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
    W = [_root(sigma), s * tau * _root(sigma)]
    b = [-s * sigma * tau * kappa, -s * sigma * tau * k]
    order = (1, 0) if problem.swapped else (0, 1)
    return Parameters(
        (_pair(W[order[0]]), _pair(W[order[1]])), (_pair(b[order[0]]), _pair(b[order[1]])), _pair(loss)
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
    variables = Dual.variables(sigma_of(problem, full), *full)
    rows = _gradient(problem.constants, problem.sign, *variables)
    hessian = [jacobian_row(row, full[0]) for row in rows]
    return kind_of_matrix(join([entry for row in hessian for entry in row]).reshape(4, 4, 2))


def kind_of_matrix(hessian: npt.NDArray[np.float64]) -> Kind:
    """The kind if all symmetric matrices in an enclosure (n, n, 2) have the same inertia, by Gershgorin's discs.

    The symmetric matrices M of the enclosure are transformed to Q^T M Q, with Q the eigenvectors of the middle one; this
    keeps the inertia, and all columns of Q are common directions of ascent or descent.
    """
    if not np.isfinite(hessian).all():
        return Kind.UNDECIDED
    middle = hessian.mean(-1)
    Q = np.linalg.eigh((middle + middle.T) / 2)[1]
    M = [[Interval(hessian[i, j, 0], hessian[i, j, 1]) for j in range(len(Q))] for i in range(len(Q))]
    columns = [[Interval(q) for q in Q[:, j]] for j in range(len(Q))]
    D = [[times([u], times(M, v))[0] for v in columns] for u in columns]
    radius = [sum(max(abs(float(e.lo)), abs(float(e.hi))) for e in row) for row in D]
    signs = set()
    for i, row in enumerate(D):
        rest = (radius[i] - max(abs(float(row[i].lo)), abs(float(row[i].hi)))) * (1 + 1e-12) + 1e-12 * radius[i]
        if not (row[i].lo > rest or row[i].hi < -rest):
            return Kind.UNDECIDED
        signs.add(bool(row[i].lo > 0))
    if len(signs) == 2:
        return Kind.SADDLE
    return Kind.MINIMUM if signs == {True} else Kind.MAXIMUM


def dedicated_kind(model_constants: Constants) -> Kind:
    """The kind of W = (1, 0), b = (0, p2/2), from exact constants, by the blow-up tau -> 0.

    L - L0 = tau^2 (I1 phi + I2 (v1 - 2 v2)) + o(tau^2) after minimising over W1, b1 and b2 on each side s of W2 = 0, with
    phi > 0 the minimum of a strictly convex function of one ratio kappa in (0, 1), bisected here in exact arithmetic.
    """
    c, kinds = model_constants, set()
    for sign in (1, -1):
        low, high = Fraction(0), Fraction(1)
        for _ in range(60):
            middle = (low + high) / 2
            *_, dh, da, _ = first_output(c, sign, Fraction(0), middle)
            falls = sign * (dh - da * Fraction(3, 2)) > 0
            low, high = (middle, high) if falls else (low, middle)
        kappa = Interval(Interval.of(low).lo, Interval.of(high).hi)
        *_, da, db = first_output(Constants(*map(Interval.of, vars(c).values())), sign, Interval(0.0), kappa)
        phi = sign * (db - da * Fraction(3, 4) * Interval.of(c.p2))
        value = c.I1 * phi + c.I2 * (c.v1 - 2 * c.v2)
        kinds.add(Kind.MINIMUM if value.lo > 0 else Kind.SADDLE if value.hi < 0 else Kind.UNDECIDED)
    if Kind.SADDLE in kinds:
        return Kind.SADDLE
    return Kind.MINIMUM if kinds == {Kind.MINIMUM} else Kind.UNDECIDED


class BothOn(str, Enum):
    """Stationary points at which both outputs are on everywhere: section 6 of derivations/completeness.md."""

    NONE = "none"
    SADDLE = "one pair"
    CORNER = "W1 = W2 = 1/sqrt(2), b = 0, where both outputs are about to be partial"
    UNDECIDED = "a degenerate coincidence of densities and importances"


def both_on(c: Constants) -> BothOn:
    """Which of these exist, decided in exact arithmetic; `c` holds fractions."""
    first, second, cross = 2 * c.I1 * c.v1, 2 * c.I2 * c.v2, c.I1 * c.v2 + c.I2 * c.v1
    if first == second == cross:
        return BothOn.CORNER if c.p1 == c.p2 else BothOn.UNDECIDED
    if not (first < cross and second < cross):
        return BothOn.NONE
    # (1 - alpha1) first = alpha2 cross and the same with the features exchanged
    determinant = first * second - cross**2
    alpha1, alpha2 = second * (first - cross) / determinant, first * (second - cross) / determinant
    square = alpha1 * alpha2
    rooms = [((1 - a) * p, q) for a, p, q in ((alpha1, c.p1, c.p2), (alpha2, c.p2, c.p1))]
    for sign in (1, -1):
        # 2 b_i = p_i (1 - alpha_i) - beta p_j must exceed 0, or -2 beta where beta < 0
        margins = [room**2 - square * (q if sign > 0 else 2 - q) ** 2 for room, q in rooms]
        if min(margins) > 0:
            return BothOn.SADDLE
        if min(margins) == 0:
            return BothOn.UNDECIDED
    return BothOn.NONE
