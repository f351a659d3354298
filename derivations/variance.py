"""The variance of one sample's loss, by exact integration of its square over the cells that the kinks cut.

One sample's loss is l = I_1 (x_1 - ReLU(h_1))^2 + I_2 (x_2 - ReLU(h_2))^2. The two kink lines cut the unit square into
at most four convex cells, and on each of them l is a quadratic polynomial. A quadratic on a triangle is determined by
its values q at the three corners and the three edge midpoints, and then

    int q^2 = area * q^T G q

with a rational matrix G, the Gram matrix of the six interpolation polynomials. With q = l - L this gives the variance
as a sum of non-negative terms: nothing cancels, also where the loss hardly varies. On the two edges where only one
feature is on, the same holds with the values at two ends and the middle. `triangle_gram` and `segment_gram` derive the
two matrices.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

s, r = sp.symbols("s r", nonnegative=True)


def _gram(basis: list[sp.Expr], integral: Callable[[sp.Expr], sp.Expr]) -> sp.Matrix:
    return sp.Matrix([[integral(sp.expand(left * right)) for right in basis] for left in basis])


def triangle_gram() -> sp.Matrix:
    """G for a triangle of area one; values ordered: corners 0, 1, 2, then the midpoints opposite to them."""
    bary = [1 - s - r, s, r]
    corners = [c * (2 * c - 1) for c in bary]
    middles = [4 * bary[1] * bary[2], 4 * bary[2] * bary[0], 4 * bary[0] * bary[1]]
    return _gram(corners + middles, lambda e: 2 * sp.integrate(e, (r, 0, 1 - s), (s, 0, 1)))


def segment_gram() -> sp.Matrix:
    """G for a segment of length one; values ordered: both ends, then the middle."""
    ends = [(1 - s) * (1 - 2 * s), s * (2 * s - 1)]
    return _gram([*ends, 4 * s * (1 - s)], lambda e: sp.integrate(e, (s, 0, 1)))


def quadratic_form(gram: sp.Matrix) -> sp.Expr:
    """q^T G q in the symbols q0, q1, ..."""
    q = sp.Matrix(sp.symbols(f"q:{gram.rows}"))
    return sp.factor((q.T * gram * q)[0])
