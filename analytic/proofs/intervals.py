"""Validated arithmetic: intervals of float64 with outward rounding, and their first derivatives.

An `Interval` holds two arrays `lo <= hi` and stands for one closed real interval per entry. IEEE 754 rounds every sum,
product and quotient of float64 to nearest, so the exact result lies strictly between the two floating-point neighbours
of the computed one; each operation moves both ends to those neighbours (`numpy.nextafter`). That holds for results
that underflow, and an overflow gives an infinite end, which is still an enclosure. Nothing here depends on the rounding
mode, on a compiler or on the order of operations: NumPy's elementwise +, -, * and / are the IEEE operations.

Own code, not a library: mpmath.iv and python-flint's balls take one number at a time, thousands of times too slow for
the boxes of a search, and neither knows generalised gradients.

A `Dual` is a function on a box: enclosures of its range and of its generalised gradient, and its value at the middle.
`positive` (the ReLU) has derivative 0, 1, or [0, 1] where its argument may change sign. For a Lipschitz function that
is smooth between finitely many surfaces, f(x) - f(y) = g . (x - y) with g in the hull of the gradients along the
segment, so these enclosures serve the mean value theorem across kinks as well.

Formulas written in plain arithmetic with `positive` and `corner` work on `Fraction`, float, `Interval` and `Dual`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _down(value: Array) -> Array:
    return np.nextafter(value, -np.inf)


def _up(value: Array) -> Array:
    return np.nextafter(value, np.inf)


_TWO_INTERVALS = ["(f8,f8,f8,f8,f8[:],f8[:])"], "(),(),(),()->(),()"


@numba.guvectorize(*_TWO_INTERVALS, nopython=True, cache=True)
def _add(a, b, c, d, lo, hi):
    lo[0], hi[0] = np.nextafter(a + c, -np.inf), np.nextafter(b + d, np.inf)


@numba.guvectorize(*_TWO_INTERVALS, nopython=True, cache=True)
def _multiply(a, b, c, d, lo, hi):
    ac, ad, bc, bd = a * c, a * d, b * c, b * d
    low, high = min(min(ac, ad), min(bc, bd)), max(max(ac, ad), max(bc, bd))
    if np.isnan(ac + ad + bc + bd):
        low, high = -np.inf, np.inf
    lo[0], hi[0] = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)


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
        if isinstance(other, Dual):
            return NotImplemented
        other = Interval.of(other)
        return Interval(*_add(self.lo, self.hi, other.lo, other.hi))

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Dual):
            return NotImplemented
        other = Interval.of(other)
        return Interval(*_add(self.lo, self.hi, -other.hi, -other.lo))

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Dual):
            return NotImplemented
        other = Interval.of(other)
        return Interval(*_multiply(self.lo, self.hi, other.lo, other.hi))

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Dual):
            return NotImplemented
        other = Interval.of(other)
        with np.errstate(divide="ignore", over="ignore"):
            low, high = _down(1 / other.hi), _up(1 / other.lo)
        regular = (other.lo > 0) | (other.hi < 0)
        return self * Interval(np.where(regular, low, -np.inf), np.where(regular, high, np.inf))

    def __pow__(self, exponent: int) -> Interval:
        """Integer powers >= 1; even ones are never negative."""
        if exponent == 1:
            return self
        if exponent % 2:
            return self * self ** (exponent - 1)
        below, above = np.abs(self.lo), np.abs(self.hi)
        large = Interval(np.maximum(below, above))
        straddles = (self.lo <= 0) & (self.hi >= 0)
        small = Interval(np.where(straddles, 0.0, np.minimum(below, above)))
        low, high = small, large
        for _ in range(exponent - 1):
            low, high = low * small, high * large
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


Gradient = tuple[Any, ...]


class Dual:
    """A function on a box: its range `value`, the range `grad` of its derivatives, its value `centre` at the middle.

    A derivative that is identically zero is None. `offset` is the box minus its middle, shared by all functions on it.
    """

    __array_ufunc__ = None
    __slots__ = ("centre", "grad", "offset", "value")

    def __init__(self, value: Any, grad: Gradient, centre: Any, offset: tuple[Interval, ...]) -> None:
        self.value = value
        self.grad = grad
        self.centre = centre
        self.offset = offset

    @classmethod
    def variables(cls, *box: Interval) -> tuple[Dual, ...]:
        """The coordinate functions on a box."""
        n = len(box)
        middle = [Interval(x.mid) for x in box]
        offset = tuple(x - x0 for x, x0 in zip(box, middle, strict=True))
        return tuple(
            cls(x, tuple(Interval(1.0) if i == j else None for j in range(n)), x0, offset)
            for i, (x, x0) in enumerate(zip(box, middle, strict=True))
        )

    def like(self, value: Any, grad: Gradient, centre: Any) -> Dual:
        """Another function on the same box."""
        return Dual(value, grad, centre, self.offset)

    def scaled(self, slope: Any) -> Gradient:
        """The gradient times `slope`."""
        return tuple(None if g is None else slope * g for g in self.grad)

    @property
    def change(self) -> Any:
        """Enclosure of f - f(middle) over the box, by the mean value theorem."""
        total: Any = Interval(0.0)
        for g, step in zip(self.grad, self.offset, strict=True):
            if g is not None:
                total = total + g * step
        return total

    def tight(self) -> Dual:
        """The same function with its range cut down to the mean value enclosure."""
        other = self.centre + self.change
        value = Interval(np.fmax(self.value.lo, other.lo), np.fmin(self.value.hi, other.hi))
        return self.like(value, self.grad, self.centre)

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
            return self * (1 / Interval.of(other))
        quotient, inverse = self.value / other.value, 1 / other.value
        grad = add_gradients(self.scaled(inverse), other.scaled(-quotient * inverse))
        return self.like(quotient, grad, self.centre / other.centre)

    def __pow__(self, exponent: int) -> Dual:
        if exponent == 1:
            return self
        slope = exponent * (self.value ** (exponent - 1))
        return self.like(self.value**exponent, self.scaled(slope), self.centre**exponent)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Dual:
        return (-self) + other

    def positive(self) -> Dual:
        """max(x, 0), with the set-valued derivative [0, 1] where x may change sign."""
        return self.like(self.value.positive(), self.scaled(self.value.step()), self.centre.positive())


def tight(x: Any) -> Any:
    """`Dual.tight`, and the argument itself in the other arithmetics."""
    return x.tight() if isinstance(x, Dual) else x


def add_gradients(first: Gradient, second: Gradient) -> Gradient:
    """Componentwise sum in which None is zero."""
    return tuple(b if a is None else a if b is None else a + b for a, b in zip(first, second, strict=True))


def positive(x: Any) -> Any:
    """max(x, 0) in any of the arithmetics."""
    return x.positive() if isinstance(x, (Interval, Dual)) else max(x, 0 * x)


def beta_function(a: int, n: int) -> Fraction:
    """int_0^1 x^a (1 - x)^n dx."""
    return Fraction(1, (a + n + 1) * comb(a + n, a))


def corner(a: int, n: int, tau: Any, k: Any) -> Any:
    """int_0^1 x^a max(k - tau x, 0)^n dx for tau > 0 (n = 0: the integral of x^a over {tau x < k}).

    Nondecreasing in k and nonincreasing in tau, so its range over a box needs two evaluations.
    """
    if isinstance(tau, Dual):
        return _corner_dual(a, n, tau, k)
    if isinstance(tau, Interval):
        return Interval(_corner_bounds(a, n, tau.hi, k.lo)[0], _corner_bounds(a, n, tau.lo, k.hi)[1])
    if k <= 0:
        return 0 * k
    if k < tau:
        return (k / tau) ** (a + 1) * k**n * beta_function(a, n)
    return sum(comb(n, j) * beta_function(a, j) * tau**j * (k - tau) ** (n - j) for j in range(n + 1))


@numba.njit(cache=True)
def _power_times(x, base, exponent, towards):
    """x base^exponent for x, base >= 0, every product rounded towards `towards`."""
    for _ in range(exponent):
        x = np.nextafter(x * base, towards)
    return x


@numba.njit(cache=True)
def _corner_bound(a, n, tau, k, towards):
    """`corner` at a point with every operation rounded towards 0 or infinity; all its terms are >= 0.

    For k < tau the integrand ends at x = k / tau; for k >= tau it is the binomial expansion of
    (excess + tau (1 - x))^n with excess = k - tau.
    """
    if k <= 0:
        return 0.0
    if k < tau:
        reach = np.nextafter(k / tau, towards)
        product = _power_times(_power_times(1.0, reach, a + 1, towards), k, n, towards)
        choose = 1
        for i in range(1, n + 1):
            choose = choose * (a + i) // i
        return np.nextafter(product / ((a + n + 1) * choose), towards)
    excess = np.nextafter(k - tau, towards) if k > tau else 0.0
    total, choose_n, choose_a = 0.0, 1, 1
    for j in range(n + 1):
        term = _power_times(_power_times(float(choose_n), tau, j, towards), excess, n - j, towards)
        total = np.nextafter(total + np.nextafter(term / ((a + j + 1) * choose_a), towards), towards)
        choose_n = choose_n * (n - j) // (j + 1)
        choose_a = choose_a * (a + j + 1) // (j + 1)
    return total


@numba.guvectorize(["(i8,i8,f8,f8,f8[:],f8[:])"], "(),(),(),()->(),()", nopython=True, cache=True)
def _corner_bounds(a, n, tau, k, lo, hi):
    lo[0], hi[0] = _corner_bound(a, n, tau, k, 0.0), _corner_bound(a, n, tau, k, np.inf)


def _corner_dual(a: int, n: int, tau: Dual, k: Dual) -> Dual:
    value, centre = corner(a, n, tau.value, k.value), corner(a, n, tau.centre, k.centre)
    if n:
        by_k, by_tau = n * corner(a, n - 1, tau.value, k.value), -n * corner(a + 1, n - 1, tau.value, k.value)
    else:
        by_k, by_tau = _end(a, tau.value, k.value), -_end(a + 1, tau.value, k.value)
    return tau.like(value, add_gradients(k.scaled(by_k), tau.scaled(by_tau)), centre)


def _end(a: int, tau: Interval, k: Interval) -> Interval:
    """(k / tau)^a / tau where 0 < k < tau and 0 elsewhere: the derivative of `corner` with n = 0 by k; a >= 1.

    It jumps at k = tau, where both one-sided values are included.
    """
    share = Interval(np.maximum(k.lo, 0.0), np.maximum(k.hi, 0.0)) / tau
    share = Interval(np.clip(share.lo, 0.0, 1.0), np.clip(share.hi, 0.0, 1.0)) ** a
    value = share / tau
    certain, possible = k.hi < tau.lo, (k.lo <= tau.hi) & (k.hi >= 0)
    return Interval(np.where(certain, np.maximum(value.lo, 0.0), 0.0), np.where(possible, value.hi, 0.0))
