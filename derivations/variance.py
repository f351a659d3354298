"""The variance of one sample's loss, by exact integration of its square over the cells that the kinks cut.

One sample's loss is l = I_1 (x_1 - ReLU(h_1))^2 + I_2 (x_2 - ReLU(h_2))^2. The two kink lines cut the unit square into
at most three convex cells, and on each of them l is a quadratic polynomial. A quadratic on a triangle is determined by
its values q at the three corners and the three edge midpoints, and then

    int q^2 = area * q^T G q

with a rational matrix G, the Gram matrix of the six interpolation polynomials. With q = l - L this gives the variance
as a sum of non-negative terms: nothing cancels, also where the loss hardly varies. On the two edges where only one
feature is on, the same holds with the values at two ends and the middle. `triangle_gram` and `segment_gram` derive the
two matrices.

Both outputs see the same hidden value W_1 x + W_2 y, so their kink lines are parallel and the cells are three at most.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import sympy as sp

s, r = sp.symbols("s r", nonnegative=True)


def _gram(basis: list[sp.Expr], integral: Callable[[sp.Expr], sp.Expr]) -> sp.Matrix:
    return sp.Matrix([[integral(sp.expand(left * right)) for right in basis] for left in basis])


@cache
def triangle_gram() -> sp.Matrix:
    """G for a triangle of area one; values ordered: corners 0, 1, 2, then the midpoints opposite to them."""
    bary = [1 - s - r, s, r]
    corners = [c * (2 * c - 1) for c in bary]
    middles = [4 * bary[1] * bary[2], 4 * bary[2] * bary[0], 4 * bary[0] * bary[1]]
    return _gram(corners + middles, lambda e: 2 * sp.integrate(e, (r, 0, 1 - s), (s, 0, 1)))


@cache
def segment_gram() -> sp.Matrix:
    """G for a segment of length one; values ordered: both ends, then the middle."""
    ends = [(1 - s) * (1 - 2 * s), s * (2 * s - 1)]
    return _gram([*ends, 4 * s * (1 - s)], lambda e: sp.integrate(e, (s, 0, 1)))


def quadratic_form(gram: sp.Matrix) -> sp.Expr:
    """q^T G q in the symbols q0, q1, ..."""
    q = sp.Matrix(sp.symbols(f"q:{gram.rows}"))
    return sp.factor((q.T * gram * q)[0])


def triangle_is_exact() -> bool:
    """Whether q^T G q is the mean of q^2 over the triangle for every quadratic q.

    Its six coefficients are symbols, and monomials integrate to int s^i r^j = i! j! / (i + j + 2)!. Any triangle is an
    affine image of this one, which keeps quadratics quadratic and means equal.
    """
    c = sp.symbols("c:6")
    general = c[0] + c[1] * s + c[2] * r + c[3] * s**2 + c[4] * s * r + c[5] * r**2
    points = [(0, 0), (1, 0), (0, 1), (_HALF, _HALF), (0, _HALF), (_HALF, 0)]
    terms = sp.Poly(general**2, s, r).terms()
    mean = sum(2 * k * sp.factorial(i) * sp.factorial(j) / sp.factorial(i + j + 2) for (i, j), k in terms)
    return sp.expand(_form(triangle_gram(), [general.subs({s: x0, r: y0}) for x0, y0 in points]) - mean) == 0


def segment_is_exact() -> bool:
    """The same for a segment."""
    c = sp.symbols("c:3")
    general = c[0] + c[1] * s + c[2] * s**2
    mean = sum(k / (i + 1) for (i,), k in sp.Poly(general**2, s).terms())
    return sp.expand(_form(segment_gram(), [general.subs(s, at) for at in (0, 1, _HALF)]) - mean) == 0


#: The example of `second_moments`: both kink lines cross the square, for all biases in (0, 1/4).
EXAMPLE_W = (sp.Integer(1), -sp.Rational(1, 2))
_HALF = sp.Rational(1, 2)
_I1, _I2 = sp.symbols("I1 I2", positive=True)
_b1, _b2 = sp.symbols("b1 b2", positive=True)
_p00, _p10, _p01, _p11 = sp.symbols("p00 p10 p01 p11", nonnegative=True)


def _form(gram: sp.Matrix, values: list[sp.Expr]) -> sp.Expr:
    q = sp.Matrix(values)
    return (q.T * gram * q)[0]


def _piece(x: sp.Expr, y: sp.Expr, on: str) -> sp.Expr:
    """One sample's loss in the example where the outputs named in `on` are on."""
    hidden = EXAMPLE_W[0] * x + EXAMPLE_W[1] * y
    first = EXAMPLE_W[0] * hidden + _b1 if "1" in on else 0
    second = EXAMPLE_W[1] * hidden + _b2 if "2" in on else 0
    return _I1 * (x - first) ** 2 + _I2 * (y - second) ** 2


def second_moment_by_integration() -> sp.Expr:
    """E[l^2] in the example by iterated integrals: output 1 is on for x > y/2 - b1, output 2 for x < y/2 + 2 b2."""
    x, y = sp.symbols("x y", real=True)
    left, right = y / 2 - _b1, y / 2 + 2 * _b2

    def over(on: str, inner: tuple, outer: tuple) -> sp.Expr:
        return sp.integrate(sp.expand(sp.integrate(sp.expand(_piece(x, y, on) ** 2), (x, *inner))), (y, *outer))

    square = over("2", (0, left), (2 * _b1, 1)) + over("1", (right, 1), (0, 1))
    square += over("12", (0, right), (0, 2 * _b1)) + over("12", (left, right), (2 * _b1, 1))
    own = sum(
        sp.integrate(sp.expand(_piece(x, sp.Integer(0), on) ** 2), (x, *ends))
        for on, ends in (("12", (0, 2 * _b2)), ("1", (2 * _b2, 1)))
    )
    other = sum(
        sp.integrate(sp.expand(_piece(sp.Integer(0), y, on) ** 2), (y, *ends))
        for on, ends in (("12", (0, 2 * _b1)), ("2", (2 * _b1, 1)))
    )
    off = _piece(sp.Integer(0), sp.Integer(0), "12") ** 2
    return sp.expand(_p11 * square + _p10 * own + _p01 * other + _p00 * off)


def second_moment_by_quadrature() -> sp.Expr:
    """E[l^2] in the example from nodal values on the cells, cut into triangles."""
    low, high = (2 * _b2, sp.Integer(0)), (_HALF + 2 * _b2, sp.Integer(1))
    edge, top = (sp.Integer(0), 2 * _b1), (_HALF - _b1, sp.Integer(1))
    corner = {(i, j): (sp.Integer(i), sp.Integer(j)) for i in (0, 1) for j in (0, 1)}
    cells = {
        "2": [edge, top, corner[0, 1]],
        "12": [corner[0, 0], low, high, top, edge],
        "1": [low, corner[1, 0], corner[1, 1], high],
    }
    square = sum(
        _over_triangle(cell[0], cell[i], cell[i + 1], on) for on, cell in cells.items() for i in range(1, len(cell) - 1)
    )
    own = _over_segment(corner[0, 0], low, "12") + _over_segment(low, corner[1, 0], "1")
    other = _over_segment(corner[0, 0], edge, "12") + _over_segment(edge, corner[0, 1], "2")
    off = _piece(corner[0, 0][0], corner[0, 0][1], "12") ** 2
    return sp.expand(_p11 * square + _p10 * own + _p01 * other + _p00 * off)


def _middle(first: tuple, second: tuple) -> tuple:
    return tuple((i + j) / 2 for i, j in zip(first, second, strict=True))


def _over_triangle(c0: tuple, c1: tuple, c2: tuple, on: str) -> sp.Expr:
    points = [c0, c1, c2, _middle(c1, c2), _middle(c0, c2), _middle(c0, c1)]
    area = ((c1[0] - c0[0]) * (c2[1] - c0[1]) - (c2[0] - c0[0]) * (c1[1] - c0[1])) / 2
    return area * _form(triangle_gram(), [_piece(point[0], point[1], on) for point in points])


def _over_segment(start: tuple, end: tuple, on: str) -> sp.Expr:
    length = end[0] - start[0] + end[1] - start[1]
    return length * _form(
        segment_gram(), [_piece(point[0], point[1], on) for point in (start, end, _middle(start, end))]
    )
