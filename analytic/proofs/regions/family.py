"""All models of a rectangle at once: the equations of a search as functions of coordinates, density and importance.

Two independent features of density p, importances (1, r), theta = (p, r) in a rectangle with middle theta0. A box has
d coordinates and two more sides, p and r. Its coordinates are those of the case, or those of a `Frame` that moves with
theta: as functions on the box (`Jet`) they know their derivatives, so that mean value forms see only what remains of
the change of the equations, which is of third order in the size of the rectangle along a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from analytic.models.bias import Bias
from analytic.models.toy import ToyModel
from analytic.proofs.boxes import Problem, Vector, continued, impossible, mean_value_tests, split
from analytic.proofs.duals import Dual, tight
from analytic.proofs.enclosures import Case, Constants
from analytic.proofs.intervals import Array, Interval
from analytic.proofs.jets import Jet
from analytic.proofs.records import Box
from analytic.proofs.regions.frames import TERMS, Frame, placed, rows_of
from analytic.proofs.tape import Program

#: formula(case, sign, constants, coordinates, box) -> intervals; constants and coordinates are functions on the box.
Formula: TypeAlias = Callable[[Case, int, Constants, Vector, Vector], Sequence[Any]]


def constants(swapped: bool, p: Any, r: Any) -> Constants:
    """The constants of the model with density p of both features and importances (1, r), from the larger weight."""
    I1, I2 = (r, 1) if swapped else (1, r)
    q, v = tight(p * (1 - p)), tight(p * (Fraction(1, 3) - p * Fraction(1, 4)))
    return Constants(I1, I2, p, p, (1 - p) ** 2, q, q, p**2, v, v)


def middles(rectangle: Box) -> list[float]:
    """The model in the middle."""
    return [0.5 * (low + high) for low, high in rectangle]


@dataclass(frozen=True)
class Family(Problem):
    """One case of all models of a rectangle, perhaps in a frame; `middle` is the problem of the one in the middle."""

    rectangle: Box = ()
    frame: Frame | None = None

    @property
    def whole(self) -> Array:
        """The unit cube and the rectangle, (d + 2, 2)."""
        return np.concatenate([super().whole, np.array(self.rectangle)])

    @cached_property
    def middle(self) -> Problem:
        """The problem of the model in the middle."""
        return Problem(self.case, self.swapped, self.sign, self.constants, compiled=self.compiled)

    def evidence(self, boxes: Array) -> list[Interval]:
        """The tests of `boxes`, for boxes (n, d + 2, 2)."""
        return self.over(evidence, boxes)

    def seen(self, frame: Frame) -> Family:
        """The same problem for boxes of z."""
        return replace(self, frame=frame)

    def outward(self, boxes: Array) -> Array:
        """Hulls (n, d, 2) of the coordinates over boxes (n, d + 2, 2)."""
        return boxes[:, :-2] if self.frame is None else self.frame.outward(boxes, middles(self.rectangle))

    def over(self, formula: Formula, boxes: Array) -> list[Interval]:
        """Enclosures of a formula over boxes (n, d + 2, 2)."""
        numbers = np.zeros(0)
        if self.frame is not None:
            numbers = np.concatenate([middles(self.rectangle), self.frame.numbers])
        if self.compiled:
            given = np.ascontiguousarray(np.moveaxis(boxes, 0, -1))
            made = program(formula, self.case, self.sign, self.swapped, self.frame is not None)
            return [Interval(*ends) for ends in made(np.stack([numbers, numbers], -1), given)]
        with np.errstate(all="ignore"):
            fixed = [Interval(x) for x in numbers]
            found = map(Interval.of, _applied(formula, self.case, self.sign, self.swapped, fixed, split(boxes)))
            return [Interval(*(np.broadcast_to(end, len(boxes)) for end in (x.lo, x.hi))) for x in found]


def families(rectangle: Box, bias: Bias, compiled: bool = True) -> list[Family]:
    """The searches: twelve with a bias per feature, four with a shared bias, none without."""
    model = middle_model(rectangle, bias)
    sides = {swapped: Constants.exact(model, swapped) for swapped in (False, True)}
    per_feature = [Case.BOTH, Case.FIRST, Case.SECOND]
    cases = {Bias.NONE: [], Bias.SHARED: [Case.SHARED], Bias.PER_FEATURE: per_feature}[bias]
    return [
        Family(case, swapped, sign, sides[swapped], None, compiled, rectangle)
        for case in cases
        for swapped in sides
        for sign in (1, -1)
    ]


def middle_model(rectangle: Box, bias: Bias) -> ToyModel:
    """The model in the middle, exactly."""
    p, r = map(Fraction, middles(rectangle))
    return ToyModel.from_density(p, r, bias)


def evidence(case: Case, sign: int, c: Constants, at: Vector, box: Vector) -> list[Any]:
    """What `boxes.evidence` is for one model."""
    numbers = chain(*impossible(case, sign, c, at))
    return [*mean_value_tests(continued(case, sign, c, at), box), *map(ranged, numbers)]


def ranged(x: Any) -> Any:
    """The range of a function on a box."""
    return x.tight().value if isinstance(x, Dual) else x


def _applied(formula: Formula, case: Case, sign: int, swapped: bool, fixed: Vector, box: Vector) -> Sequence[Any]:
    """The formula for constants and coordinates; `fixed` is theta0 and the numbers of the frame, or nothing."""
    *at, p, r = Jet.variables(*box)
    if fixed:
        at = placed(rows_of(fixed[2:], case.dimension), at, (p - fixed[0], r - fixed[1]))
    return formula(case, sign, constants(swapped, p, r), at, box)


@lru_cache(maxsize=128)
def program(formula: Formula, case: Case, sign: int, swapped: bool, framed: bool) -> Program:
    """The formula as a program of the machine: theta0 and the frame, if any, are handed in once, then the box."""

    def traced(fixed: Vector, box: Vector) -> Sequence[Any]:
        return _applied(formula, case, sign, swapped, fixed, box)

    numbers = 2 + case.dimension * (1 + case.dimension + TERMS)
    return Program.of(traced, numbers if framed else 0, case.dimension + 2)
