"""Functions on a box: enclosures of their range and of their generalised gradient, and their value at the middle.

A `Dual` is built from any of the interval types (`Interval`, or `Traced` for the compiled evaluation). `positive` (the
ReLU) has derivative 0, 1, or [0, 1] where its argument may change sign. For a Lipschitz function that is smooth between
finitely many surfaces, f(x) - f(y) = g . (x - y) with g in the hull of the gradients along the segment, so these
enclosures serve the mean value theorem across kinks as well.

Formulas written in plain arithmetic with `positive` and `corner` work on `Fraction`, float, intervals and `Dual`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

#: One entry per coordinate: an interval or an integer, None for a derivative that vanishes identically.
Gradient = tuple[Any, ...]


class Dual:
    """A function on a box: its range `value`, the range `grad` of its derivatives, its value `centre` at the middle.

    `offset` is the box minus its middle, shared by all functions on it.
    """

    __array_ufunc__ = None
    __slots__ = ("centre", "grad", "offset", "value")

    def __init__(self, value: Any, grad: Gradient, centre: Any, offset: tuple[Any, ...]) -> None:
        self.value = value
        self.grad = grad
        self.centre = centre
        self.offset = offset

    @classmethod
    def variables(cls, *box: Any) -> tuple[Dual, ...]:
        """The coordinate functions on a box."""
        middle = [x.middle for x in box]
        offset = tuple(x - x0 for x, x0 in zip(box, middle, strict=True))
        axes = range(len(box))
        return tuple(cls(box[i], tuple(1 if i == j else None for j in axes), middle[i], offset) for i in axes)

    def like(self, value: Any, grad: Gradient, centre: Any) -> Dual:
        """Another function on the same box."""
        return Dual(value, grad, centre, self.offset)

    def scaled(self, slope: Any) -> Gradient:
        """The gradient times `slope`."""
        return scale(self.grad, slope)

    @property
    def chord(self) -> Gradient:
        """The gradient averaged along any segment from the middle."""
        return self.grad

    @property
    def change(self) -> Any:
        """Enclosure of f - f(middle) over the box, by the mean value theorem."""
        steps = [g * step for g, step in zip(self.chord, self.offset, strict=True) if g is not None]
        return reduce(add, steps) if steps else 0

    def tight(self) -> Dual:
        """The same function with its range cut down to the mean value enclosure."""
        return self.like(self.value.meet(self.centre + self.change), self.grad, self.centre)

    def __neg__(self) -> Dual:
        return self.like(-self.value, tuple(None if g is None else -g for g in self.grad), -self.centre)

    def __add__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return self.like(self.value + other, self.grad, self.centre + other)
        return self.like(self.value + other.value, add_gradients(self.grad, other.grad), self.centre + other.centre)

    def __sub__(self, other: Any) -> Dual:
        return self + (-other)

    def __mul__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return self.like(self.value * other, self.scaled(other), self.centre * other)
        grad = add_gradients(self.scaled(other.value), other.scaled(self.value))
        return self.like(self.value * other.value, grad, self.centre * other.centre)

    def __truediv__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return self * (Fraction(1) / other)
        quotient, inverse = self.value / other.value, 1 / other.value
        grad = add_gradients(self.scaled(inverse), other.scaled(-quotient * inverse))
        return self.like(quotient, grad, self.centre / other.centre)

    def __pow__(self, exponent: int) -> Dual:
        if exponent == 1:
            return self
        slope = exponent * (self.value ** (exponent - 1))
        return self.like(self.value**exponent, self.scaled(slope), self.centre**exponent)

    def sqrt(self) -> Dual:
        """The square root of a positive function."""
        root = self.value.sqrt()
        return self.like(root, self.scaled(Fraction(1, 2) / root), self.centre.sqrt())

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Dual:
        return (-self) + other

    def positive(self) -> Dual:
        """max(x, 0), with the set-valued derivative [0, 1] where x may change sign."""
        return self.like(self.value.positive(), self.scaled(self.value.step()), self.centre.positive())


def is_one(g: Any) -> bool:
    """Whether a derivative is exactly 1."""
    return isinstance(g, int) and g == 1


def scale(derivatives: Gradient, factor: Any) -> Gradient:
    """All entries times a factor."""
    return tuple(None if g is None else factor if is_one(g) else factor * g for g in derivatives)


def tight(x: Any) -> Any:
    """`Dual.tight`, and the argument itself in the other arithmetics."""
    return x.tight() if isinstance(x, Dual) else x


def add_gradients(first: Gradient, second: Gradient) -> Gradient:
    """Componentwise sum in which None is zero."""
    return tuple(b if a is None else a if b is None else a + b for a, b in zip(first, second, strict=True))


def positive(x: Any) -> Any:
    """max(x, 0) in any of the arithmetics."""
    return x.positive() if hasattr(x, "positive") else max(x, 0 * x)
