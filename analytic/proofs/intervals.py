"""Validated arithmetic: intervals of float64 with outward rounding, in plain NumPy.

An `Interval` holds two arrays `lo <= hi` and stands for one closed real interval per entry. IEEE 754 rounds every sum,
product and quotient of float64 to nearest, so the exact result lies strictly between the two floating-point neighbours
of the computed one; each operation moves both ends to those neighbours (`numpy.nextafter`). That holds for results
that underflow, and an overflow gives an infinite end, which is still an enclosure. Nothing here depends on the rounding
mode, on a compiler or on the order of operations: NumPy's elementwise +, -, * and / are the IEEE operations.

`machine` does the same in compiled code, a hundred times faster; this module is what it is compared with, and the
arithmetic in which a certificate can be checked without it. Own code, not a library: mpmath.iv and python-flint's balls
take one number at a time, thousands of times too slow for the boxes of a search, and neither knows generalised
gradients (`duals`).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _down(value: Any) -> Array:
    return np.nextafter(value, -np.inf)


def _up(value: Any) -> Array:
    return np.nextafter(value, np.inf)


class Interval:
    """Arrays of closed intervals [lo, hi]; all arithmetic rounds outwards.

    Integers of magnitude up to 2^53 and floats enter exactly; a `Fraction` enters as the two neighbouring floats.

    Examples
    --------
    >>> third = Interval.of(Fraction(1, 3))
    >>> bool(third.lo < third.hi), bool(third.contains(Fraction(1, 3)))
    (True, True)
    """

    __array_ufunc__ = None
    __slots__ = ("hi", "lo")

    def __init__(self, lo: npt.ArrayLike, hi: npt.ArrayLike | None = None) -> None:
        self.lo: Array = lo if isinstance(lo, np.ndarray) else np.asarray(lo, dtype=np.float64)
        self.hi: Array = (
            self.lo if hi is None else hi if isinstance(hi, np.ndarray) else np.asarray(hi, dtype=np.float64)
        )

    @classmethod
    def of(cls, value: Any) -> Interval:
        """The tightest interval around an exact number, or the argument itself if it is one already."""
        if isinstance(value, Interval):
            return value
        return _of_number(value) if isinstance(value, (int, Fraction)) else cls(value)

    @classmethod
    def between(cls, low: Fraction, high: Fraction) -> Interval:
        """The tightest interval around all numbers from `low` to `high`."""
        return cls(cls.of(low).lo, cls.of(high).hi)

    def __repr__(self) -> str:
        return f"Interval({self.lo!r}, {self.hi!r})"

    def __getitem__(self, index: Any) -> Interval:
        return Interval(self.lo[index], self.hi[index])

    def contains(self, value: Any) -> Any:
        """Whether an exact number lies inside (scalars), or arrays of floats elementwise."""
        if isinstance(value, Fraction):
            return Fraction(float(self.lo)) <= value <= Fraction(float(self.hi))
        return (self.lo <= value) & (value <= self.hi)

    def __neg__(self) -> Interval:
        return Interval(-self.hi, -self.lo)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, _ENTERS):
            return NotImplemented
        other = Interval.of(other)
        return Interval(_down(self.lo + other.lo), _up(self.hi + other.hi))

    def __sub__(self, other: Any) -> Any:
        if not isinstance(other, _ENTERS):
            return NotImplemented
        other = Interval.of(other)
        return Interval(_down(self.lo - other.hi), _up(self.hi - other.lo))

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, _ENTERS):
            return NotImplemented
        other = Interval.of(other)
        return self._corners(other, np.multiply)

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, _ENTERS):
            return NotImplemented
        other = Interval.of(other)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            quotient = self._corners(other, np.divide)
        regular = (other.lo > 0) | (other.hi < 0)
        return Interval(np.where(regular, quotient.lo, -np.inf), np.where(regular, quotient.hi, np.inf))

    def _corners(self, other: Interval, operation: Any) -> Interval:
        """The range of an operation that is monotone in each argument."""
        values = [operation(x, y) for x in (self.lo, self.hi) for y in (other.lo, other.hi)]
        low, high = reduce(np.minimum, values), reduce(np.maximum, values)
        known = ~np.isnan(low)
        return Interval(_down(np.where(known, low, -np.inf)), _up(np.where(known, high, np.inf)))

    def __pow__(self, exponent: int) -> Interval:
        """Powers 1 to 5; even ones are never negative."""
        if exponent == 1:
            return self
        if exponent % 2:
            return self * self ** (exponent - 1)
        below, above = np.abs(self.lo), np.abs(self.hi)
        large = Interval(np.maximum(below, above))
        straddles = (self.lo <= 0) & (self.hi >= 0)
        small = Interval(np.where(straddles, 0.0, np.minimum(below, above)))
        low, high = small * small, large * large
        if exponent == 4:
            low, high = Interval(np.maximum(low.lo, 0.0)), high.upper
            low, high = low * low, high * high
        return Interval(np.maximum(low.lo, 0.0), high.hi)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Interval:
        return Interval.of(other) - self

    def __rtruediv__(self, other: Any) -> Interval:
        return Interval.of(other) / self

    def positive(self) -> Interval:
        """max(x, 0)."""
        return Interval(np.maximum(self.lo, 0.0), np.maximum(self.hi, 0.0))

    def sqrt(self) -> Interval:
        """The square root of intervals with lo >= 0; IEEE rounds it to nearest too."""
        return Interval(np.maximum(_down(np.sqrt(self.lo)), 0.0), _up(np.sqrt(self.hi)))

    def step(self) -> Interval:
        """The derivative of `positive`: 0, 1, or [0, 1] if the interval contains zero."""
        return Interval(np.where(self.lo > 0, 1.0, 0.0), np.where(self.hi >= 0, 1.0, 0.0))

    def meet(self, other: Interval) -> Interval:
        """The intersection of two enclosures of one number."""
        return Interval(np.fmax(self.lo, other.lo), np.fmin(self.hi, other.hi))

    def join(self, other: Interval) -> Interval:
        """From the lower end of this to the upper end of the other."""
        return Interval(self.lo, other.hi)

    def select(self, yes: Any, no: Any) -> Interval:
        """`yes` where this is positive, `no` where it is not, their hull where that is open."""
        yes, no = Interval.of(yes), Interval.of(no)
        certain, refuted = self.lo > 0, self.hi <= 0
        low = np.where(certain, yes.lo, np.where(refuted, no.lo, np.fmin(yes.lo, no.lo)))
        return Interval(low, np.where(certain, yes.hi, np.where(refuted, no.hi, np.fmax(yes.hi, no.hi))))

    @property
    def lower(self) -> Interval:
        """The lower end, as an interval of width zero."""
        return Interval(self.lo)

    @property
    def upper(self) -> Interval:
        """The upper end, as an interval of width zero."""
        return Interval(self.hi)

    @property
    def middle(self) -> Interval:
        """`mid` as an interval of width zero."""
        return Interval(self.mid)

    @property
    def mid(self) -> Array:
        """A float inside each interval."""
        return np.clip(0.5 * self.lo + 0.5 * self.hi, self.lo, self.hi)

    @property
    def excludes_zero(self) -> npt.NDArray[np.bool_]:
        """Where zero is certainly not inside; never for NaN."""
        return (self.lo > 0) | (self.hi < 0)


@lru_cache(maxsize=256)
def _of_number(value: int | Fraction) -> Interval:
    near = float(value)
    if Fraction(near) == value:
        return Interval(near)
    return Interval(np.nextafter(near, -np.inf), np.nextafter(near, np.inf))


#: What takes part in the arithmetic of intervals; a function on a box, or a trace, takes over itself.
_ENTERS = (Interval, int, float, Fraction, np.ndarray, np.generic)
