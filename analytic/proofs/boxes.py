"""Two tests on boxes: "no stationary point here" and "exactly one solution here", both proved by interval arithmetic.

Let R be the equations of a case and J an enclosure of their generalised Jacobian over a box X with a point x in it. For
every y in X, R(y) lies in R(x) + J (y - x); across an activation border too, because R is Lipschitz and J contains the
Jacobians of both sides. So for any matrix C:

exclusion    if a component of C R(x) + (C J)(X - x) misses zero, R has no zero in X, since R(y) = 0 implies C R(y) = 0
uniqueness   if K = x - C R(x) + (I - C J)(X - x) lies in the interior of X, R has exactly one zero in X, and it lies
             in K (Krawczyk): a zero of C R exists by Brouwer; C and every matrix of J are regular because I - C J
             maps X - x into its interior, so no vector is left fixed
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.proofs.enclosures import Case, Constants, second_output, shared_scale, slope_of_sigma, stationarity
from analytic.proofs.intervals import Array, Dual, Interval

#: Intervals indexed [coordinate] with arrays over boxes, and [equation][coordinate].
Vector = list[Interval]
Matrix = list[list[Interval]]


@dataclass(frozen=True)
class Problem:
    """One case of one model: the sign s of W1 W2, and which feature has the larger weight.

    `corner`: whether W1 = W2 > 0, b = 0 is a stationary point (`closed_form.alike`).
    """

    case: Case
    swapped: bool
    sign: int
    constants: Constants
    corner: bool = False

    @property
    def key(self) -> tuple[Case, bool, int]:
        """What names the search within its model."""
        return self.case, self.swapped, self.sign

    @property
    def name(self) -> str:
        """The same in words."""
        return f"{self.case.value}, sign {self.sign}, swapped {self.swapped}"

    def on(self, box: Vector) -> tuple[Dual, ...]:
        """The equations as functions on boxes.

        Inside the unit cube they are exact. Beyond its edges b_i = 0 (only there, and only for s > 0, P00 would enter)
        they are continued with P00 = 0, which is smooth; any Lipschitz continuation serves the tests.
        """
        c = replace(self.constants, p00=Interval(0.0)) if self.sign > 0 else self.constants
        return stationarity(self.case, c, self.sign, *Dual.variables(*box))


def jacobian_row(row: Dual, like: Interval) -> list[Interval]:
    """The gradient as intervals; an absent derivative is zero."""
    zero = Interval(np.zeros_like(like.lo))
    return [zero if g is None else zero + g for g in row.grad]


def split(boxes: npt.NDArray[np.float64]) -> Vector:
    """Boxes (..., d, 2) as one interval per coordinate."""
    return [Interval(boxes[..., i, 0], boxes[..., i, 1]) for i in range(boxes.shape[-2])]


def join(vector: Vector) -> Array:
    """The inverse of `split`."""
    return np.stack([np.stack([x.lo, x.hi], -1) for x in vector], -2)


def times(matrix: Any, vector: Any) -> Vector:
    """Matrix times vector; entries are intervals or float arrays."""
    return [total([entry * x for entry, x in zip(row, vector, strict=True)]) for row in matrix]


def total(terms: list[Interval]) -> Interval:
    """The sum of at least one term."""
    return reduce(operator.add, terms)


def inverse(m: list[list[Array]]) -> list[list[Array]]:
    """Approximate inverses of 2 x 2 or 3 x 3 matrices of arrays by the adjugate; not finite for singular ones."""
    if len(m) == 2:
        adjugate = [[m[1][1], -m[0][1]], [-m[1][0], m[0][0]]]
    else:
        others = [(1, 2), (0, 2), (0, 1)]
        adjugate = [[(-1) ** (i + j) * _minor(m, others[j], others[i]) for j in range(3)] for i in range(3)]
    determinant = sum(m[0][j] * adjugate[j][0] for j in range(len(m)))
    return [[entry / determinant for entry in row] for row in adjugate]


def _minor(m: list[list[Array]], rows: tuple[int, int], columns: tuple[int, int]) -> Array:
    (i, j), (k, n) = rows, columns
    return m[i][k] * m[j][n] - m[i][n] * m[j][k]


def _preconditioner(jacobian: Matrix) -> Matrix:
    """Approximate inverses of the midpoints. Any matrix is admissible; one that is not finite proves nothing."""
    return [[Interval(x) for x in row] for row in inverse([[entry.mid for entry in row] for row in jacobian])]


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [[total([a * b for a, b in zip(row, column, strict=True)]) for column in columns] for row in left]


def _any_misses_zero(vector: Vector) -> Any:
    return np.logical_or.reduce([x.excludes_zero for x in vector])


@np.errstate(all="ignore")
def excluded(problem: Problem, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """For boxes (n, d, 2): where it is proved that no stationary point of this case lies inside."""
    box = split(boxes)
    done = np.array(_out_of_reach(problem, box), dtype=bool)
    rest = np.flatnonzero(~done)
    if len(rest):
        done[rest] = _no_zero(problem, [x[rest] for x in box])
    return done


def _no_zero(problem: Problem, box: Vector) -> Any:
    rows = problem.on(box)
    done = _any_misses_zero([row.tight().value for row in rows])
    jacobian = [jacobian_row(row, box[0]) for row in rows]
    C = _preconditioner(jacobian)
    at_middle = times(C, [row.centre for row in rows])
    change = times(_product(C, jacobian), rows[0].offset)
    return done | _any_misses_zero([r + d for r, d in zip(at_middle, change, strict=True)])


def _out_of_reach(problem: Problem, box: Vector) -> Any:
    """Inequalities that hold at every stationary point of the case: section 5 of derivations/completeness.md."""
    c, s, tau = problem.constants, problem.sign, box[0]
    if problem.case is Case.SHARED:
        return _second_too_low(c, s, *box)
    if problem.case is Case.FIRST:
        w = tau * (1 + tau * slope_of_sigma(c, s, *box)[0])
        need = tau * c.p2 + (c.p1 if s > 0 else 2 - c.p1)
        return (w * need - c.p2).lo > 0
    k = box[-1]
    height = tau + (1 - k if s > 0 else k)
    if problem.case is Case.BOTH:
        w = tau * (1 + tau * slope_of_sigma(c, s, *box[:2])[0])
        return (2 * w * height - c.p2).hi < 0
    too_low = (2 * tau * height - c.p2).hi < 0
    h2, _, _, x2, *_ = second_output(c, s, tau, k)
    need = (c.p1 + tau * c.p2) if s > 0 else c.p1 + tau * (2 - c.p2)
    return too_low | ((x2 * need - h2 * tau * c.p1).lo > 0)


def _second_too_low(c: Constants, s: int, tau: Interval, k: Interval) -> Any:
    """With one bias: h2 <= p2/2 where that contradicts the equations; section 9 of derivations/completeness.md."""
    excess, (h1, xh1, _, dh, da, _), _ = shared_scale(c, s, tau, k)
    height = tau + (1 - k if s > 0 else k)
    too_low = (2 * tau * (1 + excess) * height - c.p2).hi < 0
    return too_low & ((h1 * da - xh1 * dh).lo > 0)


@np.errstate(all="ignore")
def krawczyk(problem: Problem, boxes: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Krawczyk's images of boxes (n, d, 2), and where the image lies inside: then it holds exactly one zero."""
    X = split(boxes)
    rows = problem.on(X)
    jacobian = [jacobian_row(row, X[0]) for row in rows]
    C = _preconditioner(jacobian)
    contraction = [
        [(1 if i == j else 0) - entry for j, entry in enumerate(row)] for i, row in enumerate(_product(C, jacobian))
    ]
    step, rest = times(C, [row.centre for row in rows]), times(contraction, rows[0].offset)
    image = join([Interval(x.mid) - a + r for x, a, r in zip(X, step, rest, strict=True)])
    inside = (image[..., 0] > boxes[..., 0]) & (image[..., 1] < boxes[..., 1])
    return image, inside.all(-1) & (boxes[:, 0, 0] > 0)
