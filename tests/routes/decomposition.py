"""The plane without bias by a cylindrical decomposition: discriminants and resultants, not the argument of the page.

Two independent features of density p, importances (1, r) with 0 < r < 1. The number of roots of the sextic in (0, 1),
and of its image with the features exchanged, can change only where a polynomial of `WALLS` vanishes: the discriminants
and the values at 0; the values at 1 vanish at r = 1 only. Projected to p, these walls have finitely many critical
densities: leading and trailing coefficients, discriminants, resultants of pairs, values at r = 1. Between two of them
the walls are graphs over p that do not meet. So each strip has the same cells over all of its densities, in the same
order, and one model stands for all of a cell.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import flint
import sympy as sp

from derivations.unbiased import boundary_polynomials, p, r

_CONTEXT = flint.fmpz_mpoly_ctx.get(("p", "r"), "lex")


def _image(polynomial: sp.Expr) -> sp.Expr:
    """With the features exchanged."""
    return sp.expand(polynomial.subs(r, 1 / r) * r ** sp.Poly(polynomial, r).degree())


def _walls() -> dict[str, sp.Expr]:
    own = boundary_polynomials()
    return own | {f"image of the {name}": _image(polynomial) for name, polynomial in own.items()}


#: Name -> polynomial in p and r.
WALLS: Mapping[str, sp.Expr] = _walls()


@dataclass(frozen=True)
class Strip:
    """Densities between two critical ones: a sample, the walls above it from low to high r, and an r in every cell."""

    density: Fraction
    walls: tuple[str, ...]
    importance: tuple[Fraction, ...]


def critical_densities(walls: Mapping[str, sp.Expr] = WALLS) -> list[float]:
    """Where walls meet each other, r = 1, r = 0 or infinity, or turn, in (0, 1), ascending."""
    polynomials = [_CONTEXT.from_dict({m: int(c) for m, c in sp.Poly(w, p, r).terms()}) for w in walls.values()]
    factors = {factor for projected in _projection(polynomials) for factor in _factors(projected)}
    return sorted(root for factor in factors for root in _real_roots(flint.fmpz_poly(list(factor))))


def _projection(walls: list[Any]) -> Iterator[Any]:
    one = _CONTEXT.gens()[1] - 1
    for wall in walls:
        yield from (_coefficient(wall, 0), _coefficient(wall, wall.degrees()[1]), wall.resultant(one, "r"))
        if wall.degrees()[1] > 1:
            yield wall.discriminant("r")
    for first, second in combinations(walls, 2):
        yield first.resultant(second, "r")


def _coefficient(polynomial: Any, power: int) -> Any:
    return _CONTEXT.from_dict({(i, 0): c for (i, j), c in polynomial.to_dict().items() if j == power})


def _factors(polynomial: Any) -> list[tuple[int, ...]]:
    """Irreducible factors of a polynomial in p."""
    powers = {i: int(c) for (i, _), c in polynomial.to_dict().items()}
    dense = flint.fmpz_poly([powers.get(i, 0) for i in range(max(powers) + 1)])
    return [tuple(map(int, factor.coeffs())) for factor, _ in dense.factor()[1]]


def _real_roots(polynomial: Any) -> list[float]:
    """Real roots in (0, 1)."""
    real = (root.real for root, _ in polynomial.complex_roots() if root.imag == 0)
    return sorted(float(x.mid()) for x in real if x > 0 and x < 1)


def over(density: Fraction, walls: Mapping[str, sp.Expr] = WALLS) -> list[tuple[float, str]]:
    """The walls over one density: (r, name) for 0 < r < 1, ascending."""
    found = []
    for name, wall in walls.items():
        rational = [sp.Rational(density.numerator, density.denominator)]
        powers = [sp.Poly(c, p).eval(*rational) for c in reversed(sp.Poly(wall, r).all_coeffs())]
        scale = sp.ilcm(*(c.q for c in powers))
        found += [(root, name) for root in _real_roots(flint.fmpz_poly([int(c * scale) for c in powers]))]
    return sorted(found)


def strip(density: Fraction, walls: Mapping[str, sp.Expr] = WALLS) -> Strip:
    """The cells over one density."""
    found = over(density, walls)
    ends = [0.0, *(r for r, _ in found), 1.0]
    samples = tuple(Fraction((low + high) / 2) for low, high in pairwise(ends))
    return Strip(density, tuple(name for _, name in found), samples)


def cell_of(density: Fraction, importance: float, walls: Mapping[str, sp.Expr] = WALLS) -> int:
    """The number of walls below a model."""
    return bisect([r for r, _ in over(density, walls)], importance)
