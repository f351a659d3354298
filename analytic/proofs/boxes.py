"""Two tests on boxes: "no stationary point here" and "exactly one solution here", both proved by interval arithmetic.

Let R be the equations of a case and J an enclosure of their generalised Jacobian over a box X with a point x in it. For
every y in X, R(y) lies in R(x) + J (y - x); across an activation border too, because R is Lipschitz and J contains the
Jacobians of both sides. So for any matrix C:

exclusion    if a component of C R(x) + (C J)(X - x) misses zero, R has no zero in X, since R(y) = 0 implies C R(y) = 0
uniqueness   if x + (I - C J)(X - x) and K = x - C R(x) + (I - C A)(X - x) lie in the interior of X, R has exactly one
             zero in X, and it lies in K (Krawczyk): a zero of C R exists by Brouwer; C and every matrix of J are
             regular because I - C J maps X - x into its interior, so no vector is left fixed. A encloses the averages
             of the Jacobian along segments from x: J itself, or something sharper (`jets`)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, reduce
from itertools import chain
from operator import add
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.proofs.duals import Dual
from analytic.proofs.enclosures import Case, Constants, second_output, shared_scale, slope_of_sigma, stationarity
from analytic.proofs.fine import Fine, total_width
from analytic.proofs.intervals import Array, Interval
from analytic.proofs.tape import Program

#: Intervals of any kind, or the exact integers 0 and 1 in derivatives.
Vector: TypeAlias = Sequence[Any]
Matrix: TypeAlias = list[list[Any]]
#: formula(case, sign, constants, box) -> intervals, in the arithmetic of its arguments.
Formula: TypeAlias = Callable[[Case, int, Constants, Vector], Sequence[Any]]


@dataclass(frozen=True)
class Problem:
    """One case of one model: the sign s of W1 W2, which feature has the larger weight, and its exact constants.

    `corner`: a vertex of the cube that is a stationary point known in closed form, if there is one. `compiled`: whether
    formulas are evaluated by `machine`; otherwise in plain NumPy, slowly, by the rules of `intervals`.
    """

    case: Case
    swapped: bool
    sign: int
    constants: Constants
    corner: tuple[float, ...] | None = None
    compiled: bool = True

    @property
    def key(self) -> tuple[Case, bool, int]:
        """What names the search within its model."""
        return self.case, self.swapped, self.sign

    @property
    def name(self) -> str:
        """The same in words."""
        return f"{self.case.value}, sign {self.sign}, swapped {self.swapped}"

    @property
    def whole(self) -> Array:
        """The box (d, 2) to be searched."""
        return np.tile([0.0, 1.0], (self.case.dimension, 1))

    @property
    def middle(self) -> Problem:
        """The problem of one model, in which zeros are looked for."""
        return self

    def evidence(self, boxes: Array) -> list[Interval]:
        """`evidence` over boxes (n, d, 2)."""
        return self.evaluate(evidence, boxes)

    @cached_property
    def _enclosed(self) -> Constants:
        return Constants(*map(Interval.of, self.constants.numbers))

    @cached_property
    def _fixed(self) -> Array:
        return np.array([[float(x.lo), float(x.hi)] for x in self._enclosed.numbers])

    def _program(self, formula: Formula) -> Program:
        return program(formula, self.case, self.sign, len(self.constants.numbers))

    def evaluate(self, formula: Formula, boxes: Array) -> list[Interval]:
        """Enclosures of a formula over boxes (n, d, 2), one interval with n entries for each of its results."""
        if self.compiled:
            given = np.ascontiguousarray(np.moveaxis(boxes, 0, -1))
            return [Interval(*ends) for ends in self._program(formula)(self._fixed, given)]
        with np.errstate(all="ignore"):
            found = map(Interval.of, formula(self.case, self.sign, self._enclosed, split(boxes)))
            return [Interval(*(np.broadcast_to(end, len(boxes)) for end in (x.lo, x.hi))) for x in found]


@lru_cache(maxsize=64)
def program(formula: Formula, case: Case, sign: int, numbers: int) -> Program:
    """The formula as a program of the machine: so many constants handed in once, then the coordinates of the box."""

    def traced(constants: Vector, box: Vector) -> Sequence[Any]:
        return formula(case, sign, Constants(*constants), box)

    return Program.of(traced, numbers, case.dimension)


def split(boxes: npt.NDArray[np.float64]) -> list[Interval]:
    """Boxes (..., d, 2) as one interval per coordinate."""
    return [Interval(boxes[..., i, 0], boxes[..., i, 1]) for i in range(boxes.shape[-2])]


def join(vector: Sequence[Interval]) -> Array:
    """The inverse of `split`."""
    return np.stack([np.stack([x.lo, x.hi], -1) for x in vector], -2)


def equations(case: Case, sign: int, c: Constants, box: Vector) -> tuple[Dual, ...]:
    """The equations of a case as functions on boxes.

    Inside the unit cube they are exact. Beyond its edges b_i = 0 (only there, and only for s > 0, P00 would enter)
    they are continued with P00 = 0, which is smooth; any Lipschitz continuation serves the tests.
    """
    return continued(case, sign, c, Dual.variables(*box))


def continued(case: Case, sign: int, c: Constants, at: Vector) -> tuple[Dual, ...]:
    """The same for coordinates and constants that are functions on a box themselves."""
    return stationarity(case, replace(c, p00=0) if sign > 0 else c, sign, *at)


def jacobian(rows: Sequence[Dual]) -> Matrix:
    """The gradients."""
    return [filled(row.grad) for row in rows]


def filled(gradient: Vector) -> list[Any]:
    """An absent derivative is zero."""
    return [0 if g is None else g for g in gradient]


def times(matrix: Matrix, vector: Vector) -> list[Any]:
    """Matrix times vector."""
    return [reduce(add, [entry * x for entry, x in zip(row, vector, strict=True)]) for row in matrix]


def _preconditioner(matrix: Matrix) -> Matrix:
    """Points near the inverses of the middles. Any matrix is admissible.

    It needs no rule for singular middles: those give whole lines, and proofs fail.
    """
    middles = [[x if isinstance(x, int) else x.middle for x in row] for row in matrix]
    return [[x.middle for x in row] for row in inverse(middles)]


def inverse(m: Matrix) -> Matrix:
    """Enclosures of the inverse of a matrix of order two or three, by the adjugate: no pivots."""
    if len(m) == 2:
        adjugate = [[m[1][1], -m[0][1]], [-m[1][0], m[0][0]]]
    else:
        rest = [(1, 2), (2, 0), (0, 1)]
        adjugate = [[_minor(m, rest[j], rest[i]) for j in range(3)] for i in range(3)]
    determinant = times([m[0]], [row[0] for row in adjugate])[0]
    return [[entry / determinant for entry in row] for row in adjugate]


def _minor(m: Matrix, rows: tuple[int, int], columns: tuple[int, int]) -> Any:
    (i, j), (k, n) = rows, columns
    return m[i][k] * m[j][n] - m[i][n] * m[j][k]


def evidence(case: Case, sign: int, c: Constants, box: Vector) -> list[Any]:
    """In a row: `mean_value_tests` on the equations, and `impossible`."""
    rows = equations(case, sign, c, box)
    return [*mean_value_tests(rows, box), *chain(*impossible(case, sign, c, box))]


def mean_value_tests(rows: Sequence[Dual], box: Vector) -> list[Any]:
    """In a row: ranges of d equations, of C R by the mean value form, Krawczyk's images, contracted boxes, and J.

    Of the box the first d coordinates are unknowns. The others are parameters of the equations, for each value of which
    the tests hold: the mean value theorem takes their part of J (y - x) too, and only the part of the unknowns has to
    contract: x + (I - C J)(X - x) is the contracted box.
    """
    rows, offset, d = [row.tight() for row in rows], rows[0].offset, len(rows)
    J = jacobian(rows)
    C = _preconditioner([row[:d] for row in J])
    regular = times(C, rows)
    CA, CJ = [filled(row.chord) for row in regular], jacobian([row.tight() for row in regular])
    moved = [row.centre + change for row, change in zip(regular, times(CA, offset), strict=True)]
    rest, spread = times(_from_identity(CA), offset), times([row[:d] for row in _from_identity(CJ)], offset[:d])
    image = [x.middle - row.centre + r for x, row, r in zip(box, regular, rest, strict=False)]
    contracted = [x.middle + r for x, r in zip(box, spread, strict=False)]
    return [*(row.value for row in rows), *moved, *image, *contracted, *chain(*J)]


def _from_identity(matrix: Matrix) -> Matrix:
    """I - M; columns beyond the square are those of -M."""
    return [[(1 if i == j else 0) - entry for j, entry in enumerate(row)] for i, row in enumerate(matrix)]


class Evidence:
    """The results of `evidence` for n boxes (n, a, 2), by name; d equations and unknowns, a - d parameters."""

    def __init__(self, found: Sequence[Interval], d: int, axes: int) -> None:
        self.excluding, rest = found[: 2 * d], found[4 * d :]
        self.images, self.contracted = join(found[2 * d : 3 * d]), join(found[3 * d : 4 * d])
        self.jacobian, self.impossible = rest[: d * axes], rest[d * axes :]

    def unique(self, boxes: Array) -> npt.NDArray[np.bool_]:
        """Where Krawczyk's test holds for the unknowns in boxes (n, d, 2)."""
        return within(self.images, boxes) & within(self.contracted, boxes)


def within(inner: Array, outer: Array) -> npt.NDArray[np.bool_]:
    """Where boxes (..., d, 2) lie in the interior of others."""
    return np.asarray(((inner[..., 0] > outer[..., 0]) & (inner[..., 1] < outer[..., 1])).all(-1))


def impossible(case: Case, sign: int, c: Constants, box: Vector) -> list[tuple[Any, ...]]:
    """Numbers that are not all positive at a stationary point: completeness.md, section 5; shared bias: section 9."""
    tau, k = box[0], box[-1]
    height = tau + (1 - k if sign > 0 else k)
    if case is Case.SHARED:
        excess, (h1, xh1, _, dh, da, _), _ = shared_scale(c, sign, tau, k)
        return [(low(c, sign, tau * (1 + excess), height), h1 * da - xh1 * dh)]
    if case is Case.SECOND:
        h2, _, _, x2, *_ = second_output(c, sign, tau, k)
        need = (c.p1 + tau * c.p2) if sign > 0 else c.p1 + tau * (2 - c.p2)
        return [(low(c, sign, tau, height),), (x2 * need - h2 * tau * c.p1,)]
    w = tau * (1 + tau * slope_of_sigma(c, sign, *box[:2])[0])
    if case is Case.BOTH:
        return [(low(c, sign, w, height),)]
    return [(w * (tau * c.p2 + (c.p1 if sign > 0 else 2 - c.p1)) - c.p2,)]


def low(c: Constants, sign: int, w: Any, height: Any) -> Any:
    """Positive only if the second output, of slope w and w times height at most, has G2 < 0: Lemmas 3 and 8."""
    if sign > 0 or c.independent:
        return c.share - 2 * w * height
    return 3 * c.q2 + 2 * c.p11 - 12 * w * (1 - c.p1) - 6 * w * c.p1 * height


#: How the numbers of `impossible` are grouped.
_GROUPS = {Case.BOTH: (1,), Case.FIRST: (1,), Case.SECOND: (1, 1), Case.SHARED: (2,)}
#: Boxes evaluated at once, which bounds the memory: 8192 boxes of 14 results are 2 MB.
_CHUNK = 8192


#: `located` goes on while a side shrinks by this factor.
PROGRESS = 0.999


def examined(problem: Problem, boxes: Array) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int_]]:
    """For boxes (n, d, 2): where it is proved that no stationary point of this case lies inside, and where to cut."""
    parts = [_examined(problem, boxes[i : i + _CHUNK]) for i in range(0, len(boxes), _CHUNK)]
    if not parts:
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=int)
    done, axes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return done, axes


def excluded(problem: Problem, boxes: Array) -> npt.NDArray[np.bool_]:
    """The first result of `examined`."""
    return examined(problem, boxes)[0]


def _examined(problem: Problem, boxes: Array) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int_]]:
    d, axes = problem.case.dimension, boxes.shape[1]
    found = Evidence(problem.evidence(boxes), d, axes)
    done = np.logical_or.reduce([x.excludes_zero for x in found.excluding])
    numbers = iter(found.impossible)
    for size in _GROUPS[problem.case]:
        done |= np.logical_and.reduce([next(numbers).lo > 0 for _ in range(size)])
    return np.asarray(done), _axis_to_cut(found.jacobian, boxes)


@np.errstate(all="ignore")
def _axis_to_cut(J: Sequence[Interval], boxes: Array) -> npt.NDArray[np.int_]:
    """The coordinate to which the equations owe most of their change over the box; the longest side if that is open.

    Summed over the equations, the share of |J_ij| times the length of side j: what matters at low density, where one
    coordinate lives on the scale of the density and the others on that of one.
    """
    n, axes, _ = boxes.shape
    length = boxes[:, :, 1] - boxes[:, :, 0]
    size = np.stack([np.maximum(np.abs(x.lo), np.abs(x.hi)) for x in J], -1).reshape(n, -1, axes) * length[:, None]
    share = (size / size.sum(-1, keepdims=True)).sum(1)
    return np.where(np.isfinite(share).all(-1, keepdims=True), share, length).argmax(-1)


def krawczyk(problem: Problem, boxes: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Krawczyk's images of boxes (n, d, 2), and where the image lies inside: then it holds exactly one zero."""
    d = problem.case.dimension
    found = Evidence(problem.evidence(boxes), d, d)
    return found.images, found.unique(boxes) & (boxes[:, 0, 0] > 0)


def located(problem: Problem, box: Array) -> Array:
    """A narrow box (d, 2) around the zero that Krawczyk's test proved in `box`: it stays in every image of itself.

    Images contract quadratically in the end, until rounding stops them.
    """
    while True:
        image = krawczyk(problem, box[None])[0][0]
        image = np.stack([np.fmax(box[:, 0], image[:, 0]), np.fmin(box[:, 1], image[:, 1])], -1)
        if not ((image[:, 1] - image[:, 0]) < PROGRESS * (box[:, 1] - box[:, 0])).any():
            return box
        box = image


def located_finely(problem: Problem, box: Array) -> list[Fine]:
    """The same far below the rounding of float64, for exact constants, from a box (d, 2) that `located` found.

    A zero in a box stays in its Krawczyk image, whether or not that lies inside.
    """
    constants = Constants(*map(Fine.of, problem.constants.numbers))
    fine, d = [Fine.between(low, high) for low, high in box.tolist()], problem.case.dimension
    while True:
        image = evidence(problem.case, problem.sign, constants, fine)[2 * d : 3 * d]
        narrower = [side.meet(new) for side, new in zip(fine, image, strict=True)]
        if 2 * total_width(narrower) >= total_width(fine):
            return narrower
        fine = narrower
