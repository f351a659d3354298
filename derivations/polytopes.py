"""Regular arrangements of features: the loss of each as an expression in (w, b, p), and its minimum to any precision.

n features of equal importance, density p and bias b, whose columns of W have norm w and the angles of a digon,
triangle, pentagon, hexagon or tetrahedron. All outputs are alike: with c_j the cosines of the angles from feature 0,

    L / n = p / 3 + sum_{on/off patterns} p^k (1 - p)^(n - k) (E[h_+^2] - 2 E[x_0 h_+]),    h = b + w^2 sum_j c_j x_j

On an *activation pattern*, the set of corners of the cube {0, 1}^n where h > 0, this is one expression: integrated k
times, h_+^q gives a signed sum over those corners, and x_0 goes by parts,

    E[h_+^q] = q! / (q + k)! sum_v (-1)^(k - |v|) h(v)_+^(q + k) / prod_j g_j
    E[x_0 h_+] = (E[h_+^2 | x_0 = 1] - E[h_+^2]) / (2 g_0)

The cosines are far from zero, so nothing here is close to singular; a minimum is found to any number of digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import factorial
from typing import Any

import mpmath
import sympy as sp

w, p = sp.symbols("w p", positive=True)
b = sp.Symbol("b", real=True)

_COS_72, _COS_144 = (sp.sqrt(5) - 1) / 4, -(sp.sqrt(5) + 1) / 4
_HALF = sp.Rational(1, 2)

#: Name -> cosines of the angles between feature 0 and the features 0, 1, ..., n - 1.
COSINES: dict[str, tuple[Any, ...]] = {
    "digon": (sp.Integer(1), sp.Integer(-1)),
    "triangle": (sp.Integer(1), -_HALF, -_HALF),
    "pentagon": (sp.Integer(1), _COS_72, _COS_144, _COS_144, _COS_72),
    "hexagon": (sp.Integer(1), _HALF, -_HALF, sp.Integer(-1), -_HALF, _HALF),
    "tetrahedron": (sp.Integer(1), *(-sp.Rational(1, 3),) * 3),
}

Corner = tuple[int, ...]
#: The corners of the cube where h > 0.
Positive = frozenset[Corner]


@dataclass(frozen=True)
class Minimum:
    """A minimum among the regular arrangements of one kind, at one density."""

    w: Any
    b: Any
    loss: Any
    positive: Positive


def corners(n: int) -> list[Corner]:
    """The corners of the unit cube."""
    return list(product((0, 1), repeat=n))


def height(name: str, corner: Corner, w: Any = w, b: Any = b) -> Any:
    """h at a corner of the cube."""
    return b + w**2 * sum((c for c, on in zip(COSINES[name], corner, strict=True) if on), sp.Integer(0))


def positive_corners(name: str, w: Any, b: Any) -> Positive:
    """The activation pattern at one point."""
    return frozenset(v for v in corners(len(COSINES[name])) if height(name, v, w, b) > 0)


def _power(name: str, positive: Positive, on: Sequence[int], fixed: Sequence[int], q: int) -> sp.Expr:
    """E[h_+^q] with the features `on` free and those in `fixed` at 1, on an activation pattern."""
    k, total = len(on), sp.Integer(0)
    for bits in product((0, 1), repeat=k):
        chosen = {*fixed, *(j for j, bit in zip(on, bits, strict=True) if bit)}
        corner = tuple(int(j in chosen) for j in range(len(COSINES[name])))
        if corner in positive:
            total += (-1) ** (k - sum(bits)) * height(name, corner) ** (q + k)
    slopes = sp.prod(w**2 * COSINES[name][j] for j in on)
    return sp.Rational(factorial(q), factorial(q + k)) * total / slopes


def _output(name: str, positive: Positive, on: Sequence[int]) -> sp.Expr:
    """E[h_+^2] - 2 E[x_0 h_+] with the features `on` on."""
    square = _power(name, positive, on, (), 2)
    if 0 not in on:
        return square
    return square - (_power(name, positive, on[1:], (0,), 2) - square) / w**2


@cache
def loss(name: str, positive: Positive) -> sp.Expr:
    """L as an expression in (w, b, p), on the activation pattern with these positive corners."""
    n, total = len(COSINES[name]), p / 3
    for bits in corners(n):
        on, k = [j for j, bit in enumerate(bits) if bit], sum(bits)
        total += p**k * (1 - p) ** (n - k) * _output(name, positive, on)
    return n * total


def collected(name: str, positive: Positive) -> dict[int, sp.Expr]:
    """The loss per feature less p / 3, by how many features are on: the coefficients of p^k (1 - p)^(n - k)."""
    n = len(COSINES[name])
    found: dict[int, sp.Expr] = {}
    for k in range(n + 1):
        parts = (_output(name, positive, [j for j, bit in enumerate(v) if bit]) for v in corners(n) if sum(v) == k)
        value = sp.factor(sp.radsimp(sp.expand(sum(parts, sp.Integer(0)))))
        if value != 0:
            found[k] = value
    return found


def minimum(name: str, density: Any, digits: int = 30) -> Minimum:
    """The minimum over (w, b) at a density, to `digits` digits: Newton's method on its own activation pattern.

    The first guess and the pattern come from minimising the loss in floating point from one start.
    """
    with mpmath.workdps(digits + 15):
        guess = _guess(name, float(density))
        positive = positive_corners(name, *guess)
        value = loss(name, positive).subs(p, sp.nsimplify(density, rational=True))
        slope = sp.lambdify((w, b), [sp.diff(value, w), sp.diff(value, b)], "mpmath")
        at = mpmath.findroot(lambda x, y: slope(x, y), guess)
        if positive_corners(name, at[0], at[1]) != positive:
            raise ArithmeticError(f"the minimum of the {name} at density {density} lies on a border of its pattern")
        return Minimum(at[0], at[1], sp.lambdify((w, b), value, "mpmath")(at[0], at[1]), positive)


def _guess(name: str, density: float) -> tuple[float, float]:
    from scipy.optimize import minimize

    cosines = [float(c) for c in COSINES[name]]

    def value(theta: Any) -> float:
        return _float_loss(cosines, density, float(theta[0]) ** 2, float(theta[1]))

    found = minimize(value, (1.1, -0.1), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-15})
    return float(found.x[0]), float(found.x[1])


def _float_loss(cosines: Sequence[float], density: float, size: float, bias: float) -> float:
    """L by the corner sums in floating point."""

    def power(on: Sequence[int], start: float) -> float:
        slopes, k = [size * cosines[j] for j in on], len(on)
        total, product_of_slopes = 0.0, 1.0
        for slope in slopes:
            product_of_slopes *= slope
        for bits in product((0, 1), repeat=k):
            h = start + sum(slope for slope, bit in zip(slopes, bits, strict=True) if bit)
            total += (-1) ** (k - sum(bits)) * max(h, 0.0) ** (k + 2)
        return 2 * total / factorial(k + 2) / product_of_slopes

    n, total = len(cosines), density / 3
    for bits in product((0, 1), repeat=n):
        on, weight = [j for j, bit in enumerate(bits) if bit], density ** sum(bits) * (1 - density) ** (n - sum(bits))
        square = power(on, bias)
        cross = (power(on[1:], bias + size) - square) / (2 * size) if bits[0] else 0.0
        total += weight * (square - 2 * cross)
    return n * total
