"""Deciding that an expression is positive for all densities and all positive numbers."""

from __future__ import annotations

import sympy as sp


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
