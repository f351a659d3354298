"""Intervals with ends n / 2^400: what float64 leaves open about one zero, its side of an edge, is decided with these.

Nearly equal features have points whose bias is of the size of the square of their difference, far below the rounding
of float64. The same formulas, evaluated on `Fine` intervals, locate such a zero to 100 digits. Integers are exact and
every division and shift rounds outwards, so there is nothing else to trust.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

_BITS = 400
_UNIT = 1 << _BITS


class Fine:
    """One interval, with the arithmetic of `Interval`; ends are integers in units of 2^-400."""

    __slots__ = ("high", "low")

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    @classmethod
    def between(cls, low: Any, high: Any) -> Fine:
        """The tightest one from a number to another; floats, integers and fractions are exact numbers."""
        return cls(floor(Fraction(low) * _UNIT), ceil(Fraction(high) * _UNIT))

    @classmethod
    def of(cls, value: Any) -> Fine:
        """The tightest one around an exact number, or the argument itself if it is one already."""
        return value if isinstance(value, Fine) else cls.between(value, value)

    @property
    def lo(self) -> Fraction:
        """The lower end."""
        return Fraction(self.low, _UNIT)

    @property
    def hi(self) -> Fraction:
        """The upper end."""
        return Fraction(self.high, _UNIT)

    def __neg__(self) -> Fine:
        return Fine(-self.high, -self.low)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, _ENTERS):
            return NotImplemented
        other = Fine.of(other)
        return Fine(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Any) -> Any:
        return self + -other if isinstance(other, _ENTERS) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, _ENTERS):
            return NotImplemented
        other = Fine.of(other)
        products = [x * y for x in (self.low, self.high) for y in (other.low, other.high)]
        return Fine(min(products) >> _BITS, -(-max(products) >> _BITS))

    def __truediv__(self, other: Any) -> Any:
        """A ZeroDivisionError if the divisor may be zero."""
        if not isinstance(other, _ENTERS):
            return NotImplemented
        other = Fine.of(other)
        if other.low <= 0 <= other.high:
            raise ZeroDivisionError
        ends = [(x << _BITS, y) for x in (self.low, self.high) for y in (other.low, other.high)]
        return Fine(min(x // y for x, y in ends), max(-(-x // y) for x, y in ends))

    def __pow__(self, exponent: int) -> Fine:
        power = self
        for _ in range(exponent - 1):
            power = power * self
        return power if exponent % 2 else Fine(max(power.low, 0), power.high)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __rtruediv__(self, other: Any) -> Any:
        return Fine.of(other) / self

    def positive(self) -> Fine:
        """max(x, 0)."""
        return Fine(max(self.low, 0), max(self.high, 0))

    def step(self) -> Fine:
        """The derivative of `positive`."""
        return Fine(_UNIT if self.low > 0 else 0, _UNIT if self.high >= 0 else 0)

    def meet(self, other: Fine) -> Fine:
        """The intersection of two enclosures of one number."""
        return Fine(max(self.low, other.low), min(self.high, other.high))

    def join(self, other: Fine) -> Fine:
        """From the lower end of this to the upper end of the other."""
        return Fine(self.low, other.high)

    def select(self, yes: Any, no: Any) -> Fine:
        """`yes` where this is positive, `no` where it is not, their hull where that is open."""
        yes, no = Fine.of(yes), Fine.of(no)
        if self.low > 0 or self.high <= 0:
            return yes if self.low > 0 else no
        return Fine(min(yes.low, no.low), max(yes.high, no.high))

    @property
    def lower(self) -> Fine:
        """The lower end, as an interval of width zero."""
        return Fine(self.low, self.low)

    @property
    def upper(self) -> Fine:
        """The upper end, as an interval of width zero."""
        return Fine(self.high, self.high)

    @property
    def middle(self) -> Fine:
        """A number inside, as an interval of width zero."""
        middle = (self.low + self.high) >> 1
        return Fine(middle, middle)

    @property
    def width(self) -> int:
        """In units of 2^-400."""
        return self.high - self.low


#: What takes part in the arithmetic; a function on a box takes over itself.
_ENTERS = (Fine, int, float, Fraction)


def total_width(box: Sequence[Fine]) -> int:
    """The sum of all sides."""
    return sum(side.width for side in box)
