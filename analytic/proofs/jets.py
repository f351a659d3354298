"""Functions on a box with second derivatives: enclosures of the range, the gradient and the Hessian.

A `Jet` is a `Dual` that knows its gradient at the middle of the box as well (`slope`), and an enclosure of its Hessian
(`hess`). So its gradient has a mean value form of its own, whose width grows with the change of the gradient over the
box and not with the number of times that a variable occurs in a formula.

Kinks. A formula with `positive` is smooth on either side of x = 0, and each side goes on smoothly beyond it: as 0 and
as x. Where the sign of x is open, `reach` and `start`, the range and the value in the middle, `grad`, `slope` and
`hess` enclose those of all these branches over the whole box, while `value` and `centre` are those of the function. At
a point y of the box the function has the gradient g(y) of one of its branches, or one between those of several, and
g(y) = g(m) + (average of the branch's Hessian from m to y) (y - m): within slope + hess . offset. Averaged along the
segment from the middle m to y the second term counts half (`chord`), whatever branches the segment passes.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

from analytic.proofs.duals import Dual, Gradient, add_gradients, is_one, scale

#: (i, j), i <= j, in the order of `hess`.
Pairs = list[tuple[int, int]]


def pairs(n: int) -> Pairs:
    """The places of the upper triangle of an (n, n) matrix, row by row."""
    return [(i, j) for i in range(n) for j in range(i, n)]


def products(first: Gradient, second: Gradient) -> Gradient:
    """first_i second_j at the places of the upper triangle."""
    return tuple(
        None if first[i] is None or second[j] is None else second[j] if is_one(first[i]) else first[i] * second[j]
        for i, j in pairs(len(first))
    )


class Jet(Dual):
    """A function on a box with enclosures of its first and second derivatives."""

    __slots__ = ("hess", "reach", "slope", "start")

    def __init__(
        self,
        true: tuple[Any, Any],
        branches: tuple[Any, Any],
        first: tuple[Gradient, Gradient],
        hess: Gradient,
        offset: tuple[Any, ...],
    ) -> None:
        """`true`: range and value in the middle; `branches`: the same for all; `first`: gradients, the same."""
        super().__init__(true[0], first[0], true[1], offset)
        self.reach, self.start = branches
        self.slope, self.hess = first[1], hess

    @classmethod
    def variables(cls, *box: Any) -> tuple[Jet, ...]:
        """The coordinate functions on a box."""
        flat = (None,) * len(pairs(len(box)))
        ends = ((x.value, x.centre, x) for x in Dual.variables(*box))
        return tuple(cls((v, c), (v, c), (x.grad, x.grad), flat, x.offset) for v, c, x in ends)

    @property
    def chord(self) -> Gradient:
        """The gradient averaged along any segment from the middle."""
        return tuple(self._entry(i, Fraction(1, 2)) for i in range(len(self.grad)))

    def tight(self) -> Jet:
        """The same function with its ranges and gradient cut down to their mean value enclosures."""
        true, branches = self.value.meet(self.centre + self.change), self.reach.meet(self.start + self.change)
        grad = tuple(self._entry(i, 1) for i in range(len(self.grad)))
        return Jet((true, self.centre), (branches, self.start), (grad, self.slope), self.hess, self.offset)

    def _entry(self, i: int, weight: Any) -> Any:
        """One derivative: its range, cut with the value in the middle and `weight` times the change from there."""
        g = self.grad[i]
        if g is None or isinstance(g, int):
            return g
        row = (h for pair, h in zip(pairs(len(self.grad)), self.hess, strict=True) if i in pair)
        steps = [h * (weight * step) for h, step in zip(row, self.offset, strict=True) if h is not None]
        return g.meet(reduce(add, steps, 0 if self.slope[i] is None else self.slope[i]))

    def compose(self, u: Callable[[Any], Any], first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Jet:
        """u of this function, with u' and u''."""
        by, by_start = first(self.reach), first(self.start)
        hess = add_gradients(scale(self.hess, by), scale(products(self.grad, self.grad), second(self.reach)))
        true, branches = (u(self.value), u(self.centre)), (u(self.reach), u(self.start))
        return Jet(true, branches, (scale(self.grad, by), scale(self.slope, by_start)), hess, self.offset)

    def __neg__(self) -> Jet:
        return self * -1

    def __add__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            true, branches = (self.value + other, self.centre + other), (self.reach + other, self.start + other)
            return Jet(true, branches, (self.grad, self.slope), self.hess, self.offset)
        true = self.value + other.value, self.centre + other.centre
        branches = self.reach + other.reach, self.start + other.start
        first = add_gradients(self.grad, other.grad), add_gradients(self.slope, other.slope)
        return Jet(true, branches, first, add_gradients(self.hess, other.hess), self.offset)

    def __mul__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            true, branches = (self.value * other, self.centre * other), (self.reach * other, self.start * other)
            first = scale(self.grad, other), scale(self.slope, other)
            return Jet(true, branches, first, scale(self.hess, other), self.offset)
        true = self.value * other.value, self.centre * other.centre
        branches = self.reach * other.reach, self.start * other.start
        grad = add_gradients(scale(self.grad, other.reach), scale(other.grad, self.reach))
        slope = add_gradients(scale(self.slope, other.start), scale(other.slope, self.start))
        bend = add_gradients(scale(self.hess, other.reach), scale(other.hess, self.reach))
        cross = add_gradients(products(self.grad, other.grad), products(other.grad, self.grad))
        return Jet(true, branches, (grad, slope), add_gradients(bend, cross), self.offset)

    def __truediv__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return self * (Fraction(1) / other)
        return self * other.compose(lambda x: 1 / x, lambda x: -((1 / x) ** 2), lambda x: 2 * (1 / x) ** 3)

    def __pow__(self, exponent: int) -> Jet:
        if exponent == 1:
            return self

        def second(x: Any) -> Any:
            return exponent * (exponent - 1) * (x ** (exponent - 2)) if exponent > 2 else 2

        return self.compose(lambda x: x**exponent, lambda x: exponent * (x ** (exponent - 1)), second)

    def sqrt(self) -> Jet:
        """The square root of a positive function."""
        half, quarter = Fraction(1, 2), Fraction(-1, 4)
        return self.compose(lambda x: x.sqrt(), lambda x: half / x.sqrt(), lambda x: quarter / (x * x.sqrt()))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Jet:
        return (-self) + other

    def positive(self) -> Jet:
        """max(x, 0): x on one branch, 0 on the other."""
        side = self.reach
        true = self.value.positive(), self.centre.positive()
        branches = side.select(side, 0), side.select(self.start, 0)

        def on(row: Gradient) -> Gradient:
            return tuple(None if g is None else side.select(g, 0) for g in row)

        return Jet(true, branches, (on(self.grad), on(self.slope)), on(self.hess), self.offset)
