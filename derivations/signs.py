"""Deciding that an expression is positive: for all densities and positive numbers, on intervals, on rectangles."""

from __future__ import annotations

from itertools import product
from math import comb
from typing import Any, TypeAlias

import sympy as sp

#: Lower and upper end of each variable.
Box: TypeAlias = dict[sp.Symbol, tuple[Any, Any]]


def is_positive(expression: sp.Expr, *densities: sp.Symbol) -> bool:
    """Whether a rational expression is shown to be positive for densities in (0, 1) and all else positive.

    With p = s / (1 + s), s > 0, it is enough that all coefficients of numerator and denominator have the same sign.
    Enough only: False means that this proves nothing.
    """
    odds = {p: sp.Symbol(f"odds_{p}", positive=True) for p in densities}
    quotient = sp.together(expression.subs({p: s / (1 + s) for p, s in odds.items()}, simultaneous=True))
    signs = {sp.sign(c) for side in sp.fraction(sp.cancel(quotient)) for c in _coefficients(side)}
    return len(signs) == 1


def _coefficients(polynomial: sp.Expr) -> list[sp.Expr]:
    symbols = sorted(polynomial.free_symbols, key=str)
    return sp.Poly(polynomial, *symbols).coeffs() if symbols else [polynomial]


def bernstein(polynomial: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    """Its coefficients in Bernstein's basis on 0 <= x <= 1.

    Its values there lie between the least and the largest of them. It has at most as many roots in (0, 1) as the list
    has changes of sign, and exactly one if that is one.
    """
    power = sp.Poly(polynomial, x).all_coeffs()[::-1]
    n = len(power) - 1
    return [sum(sp.Rational(comb(i, k), comb(n, k)) * power[k] for k in range(i + 1)) for i in range(n + 1)]


def sign_inside(polynomial: sp.Expr, x: sp.Symbol, low: Any, high: Any) -> int:
    """The sign of a polynomial in x between low and high; 0 if it has a root there. The ends may be roots."""
    whole = sp.Poly(polynomial, x)
    at_ends = sum(whole.eval(end) == 0 for end in (low, high))
    return 0 if whole.count_roots(low, high) > at_ends else int(sp.sign(whole.eval(sp.Rational(low + high) / 2)))


def _on_square(polynomial: sp.Expr, box: Box) -> list[list[sp.Expr]]:
    """The Bernstein coefficients on a box: a list in the second variable for each one in the first."""
    (x, _), (y, _) = box.items()
    stretched = sp.expand(polynomial.subs({z: low + (high - low) * z for z, (low, high) in box.items()}))
    return [bernstein(row, y) for row in bernstein(stretched, x)]


def is_positive_on_box(polynomial: sp.Expr, box: Box, cuts: int = 5) -> bool:
    """Whether a polynomial in two variables is shown to be positive on a closed rectangle, cut in four as needed."""
    if min(map(min, _on_square(polynomial, box))) > 0:
        return True
    halves = [((low, (low + high) / sp.Integer(2)), ((low + high) / sp.Integer(2), high)) for low, high in box.values()]
    quarters = (dict(zip(box, sides, strict=True)) for sides in product(*halves))
    return cuts > 0 and all(is_positive_on_box(polynomial, quarter, cuts - 1) for quarter in quarters)


def is_positive_inside(polynomial: sp.Expr, x: sp.Symbol, y: sp.Symbol) -> bool:
    """Whether a polynomial is shown to be positive for 0 < x <= 1, 0 < y < 1; it may vanish on other edges."""
    rows = _on_square(polynomial, {x: (0, 1), y: (0, 1)})
    return min(map(min, rows)) >= 0 and max(rows[-1]) > 0
