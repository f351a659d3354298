"""Roots of rational polynomials, counted exactly: Sturm's theorem.

A polynomial is a list of numbers, the constant first. Chains hold integers without common factors: signs are all that
Sturm's theorem needs, and they are cheap to find for integers. The number of distinct roots in (low, high] is the
number of sign changes along the chain that are lost between the ends; chains are those of the square-free part, so
multiple roots count once and an end may be a root.

Own code, although SymPy and python-flint count roots too: `landscape.unbiased` isolates them with python-flint, and a
proof that used the same library would repeat its mistakes. Sixty lines over Python's integers can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from math import gcd, lcm
from typing import Any

from analytic.proofs.records import Bracket

Polynomial = list[Any]
#: Brackets this narrow enclose weights of order one to the last bit of float64, with 17 bits to spare.
_WIDTH = Fraction(1, 2**70)


def trim(p: Polynomial) -> Polynomial:
    """Without leading zeros."""
    while p and p[-1] == 0:
        p = p[:-1]
    return p


def add(p: Polynomial, q: Polynomial, factor: Any = 1) -> Polynomial:
    """p + factor q."""
    n = max(len(p), len(q))
    padded = ([*x, *[0] * (n - len(x))] for x in (p, q))
    return trim([x + factor * y for x, y in zip(*padded, strict=True)])


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    """p q."""
    shifted = [[0] * i + [x * y for y in q] for i, x in enumerate(p)]
    return reduce(add, shifted, [])


def derivative(p: Polynomial) -> Polynomial:
    """p'."""
    return [i * x for i, x in enumerate(p)][1:]


def evaluate(p: Polynomial, x: Any) -> Any:
    """The value at x, in its arithmetic."""
    return reduce(lambda total, c: total * x + c, reversed(p), 0 * x)


def interpolate(nodes: Sequence[Fraction], values: Sequence[Fraction]) -> Polynomial:
    """The polynomial of lowest degree through the points: Newton's divided differences."""
    table = list(values)
    for order in range(1, len(nodes)):
        table[order:] = [(table[i] - table[i - 1]) / (nodes[i] - nodes[i - order]) for i in range(order, len(nodes))]
    p: Polynomial = []
    for node, coefficient in zip(reversed(nodes), reversed(table), strict=True):
        p = add(times(p, [-node, Fraction(1)]), [coefficient])
    return p


def primitive(p: Polynomial) -> list[int]:
    """The positive multiple with integers that have no common factor."""
    scale = lcm(*(Fraction(x).denominator for x in p))
    whole = [int(x * scale) for x in p]
    divisor = gcd(*whole) or 1
    return [x // divisor for x in whole]


def stationary_polynomial(linear: Polynomial, square: Polynomial) -> list[int]:
    """A positive multiple of N = 2 a' q - a q', whose roots are the stationary points of a^2 / q where a q is not 0."""
    linear, square = primitive(linear), primitive(square)
    first = times(derivative(linear), square)
    return primitive(add(add(first, first), times(linear, derivative(square)), -1))


def sign_at(p: list[int], x: Fraction) -> int:
    """The sign of an integer polynomial at x."""
    total, scale = 0, 1
    for c in reversed(p):
        total, scale = total * x.numerator + c * scale, scale * x.denominator
    return (total > 0) - (total < 0)


def sign_after(p: Polynomial, x: Fraction) -> int:
    """The sign of p just above x."""
    p = primitive(p)
    while p:
        if sign := sign_at(p, x):
            return sign
        p = derivative(p)
    return 0


def sign_before(p: Polynomial, x: Fraction) -> int:
    """The sign of p just below x."""
    return sign_after([-c if i % 2 else c for i, c in enumerate(p)], -x)


def _divide(p: list[int], q: list[int]) -> tuple[list[int], list[int]]:
    """Quotient and remainder of a positive multiple of p."""
    quotient: list[int] = []
    lead = q[-1]
    while len(p) >= len(q):
        factor = p[-1] * abs(lead) // lead
        step = [0] * (len(p) - len(q)) + [factor]
        quotient = add([abs(lead) * x for x in quotient], step)
        p = add([abs(lead) * x for x in p], times(step, q), -1)
    return quotient, p


def sturm_chain(p: Polynomial) -> list[list[int]]:
    """Sturm's chain of the square-free part of p."""
    chain = [primitive(p), primitive(derivative(p))]
    while chain[-1]:
        rest = _divide(chain[-2], chain[-1])[1]
        chain.append([-x for x in primitive(rest)] if rest else [])
    divisor = chain[-2]
    return [primitive(_divide(link, divisor)[0]) for link in chain[:-1]]


def count_roots(chain: list[list[int]], low: Fraction, high: Fraction) -> int:
    """Number of distinct roots in (low, high]."""
    return _variations(chain, low) - _variations(chain, high)


def _variations(chain: list[list[int]], x: Fraction) -> int:
    signs = [sign for sign in (sign_at(p, x) for p in chain) if sign]
    return sum(a != b for a, b in pairwise(signs))


def sign_at_root(p: Polynomial, q: list[int], bracket: Bracket) -> int:
    """The sign of p at the only root of q in (low, high], or at low = high: 0 only if it is a root of p too."""
    (low, high), p = bracket, primitive(trim(p))
    if low == high or not p:
        return sign_at(p, high)
    chain = sturm_chain(q)
    common = sturm_chain(_common_divisor(p, q))
    if count_roots(common, low, high):
        return 0
    other = sturm_chain(p)
    while count_roots(other, low, high):
        middle = (low + high) / 2
        low, high = (low, middle) if count_roots(chain, low, middle) else (middle, high)
    return sign_at(p, high)


def _common_divisor(p: list[int], q: list[int]) -> list[int]:
    while q:
        p, q = q, primitive(trim(_divide(p, q)[1]))
    return p


def isolate(chain: list[list[int]]) -> tuple[Bracket, ...]:
    """Intervals (low, high] of width 2^-70 in (0, 1] with one root each, that hold all of them; p(low) is not zero."""
    found, stack = [], [(Fraction(0), Fraction(1))]
    while stack:
        low, high = stack.pop()
        number = count_roots(chain, low, high)
        if number == 1:
            found.append(_narrow(chain[0], low, high))
        elif number:
            middle = (low + high) / 2
            stack += [(middle, high), (low, middle)]
    return tuple(found)


def _narrow(p: list[int], low: Fraction, high: Fraction) -> Bracket:
    """Bisect (low, high], which holds one simple root, keeping the root off the lower end."""
    at_high = sign_at(p, high)
    while high - low > _WIDTH or not sign_at(p, low):
        middle = (low + high) / 2
        at_middle = sign_at(p, middle)
        if at_middle and at_middle != at_high:
            low = middle
        else:
            high, at_high = middle, at_middle
    return low, high
