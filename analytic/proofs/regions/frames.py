"""Coordinates that follow a zero: x = c + B z + m(theta - theta0).

A zero moves with the model, and the equations are far steeper across some directions than along others. In a frame
whose centre c is the zero of the model in the middle, whose polynomials m of degree two follow it, and whose columns of
B are those directions, it stays near z = 0, and boxes in z fit the equations. B is regular; nothing else is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Any, TypeAlias

import numpy as np

from analytic.proofs.boxes import Matrix, Vector, inverse, times
from analytic.proofs.intervals import Array
from analytic.proofs.records import Box
from analytic.proofs.tape import Program

#: The numbers of a polynomial m: factors of dp, dr, dp dp, dp dr and dr dr.
TERMS = 5
#: A matrix as plain data.
Rows: TypeAlias = tuple[tuple[float, ...], ...]
#: carry(rows of the frame, coordinates, steps) -> coordinates.
Carry: TypeAlias = Callable[[Matrix, Vector, Vector], list[Any]]


def as_rows(matrix: Any) -> Rows:
    """A matrix as tuples of floats."""
    return tuple(tuple(float(x) for x in row) for row in matrix)


@dataclass(frozen=True)
class Frame:
    """Each row: c, the row of B, the numbers of m."""

    rows: Rows

    @classmethod
    def of(cls, centre: Array, basis: Array, drift: Array) -> Frame:
        """From arrays (d,), (d, d) and (d, 5)."""
        return cls(as_rows(np.concatenate([centre[:, None], basis, drift], 1)))

    @property
    def basis(self) -> Array:
        """B."""
        return np.array(self.rows)[:, 1:-TERMS]

    @property
    def numbers(self) -> Array:
        """All of them, row by row."""
        return np.array(self.rows).ravel()

    def outward(self, boxes: Array, middle: Sequence[float]) -> Array:
        """Hulls (n, d, 2) of the x of boxes (n, d + 2, 2) of z, density and importance."""
        return self._carried(_outward, boxes, middle)

    def inward(self, boxes: Array, middle: Sequence[float]) -> Array:
        """Hulls (n, d, 2) of the z of boxes (n, d + 2, 2) of x, density and importance."""
        return self._carried(_inward, boxes, middle)

    def _carried(self, carry: Carry, boxes: Array, middle: Sequence[float]) -> Array:
        numbers = np.concatenate([middle, self.numbers])
        given = np.ascontiguousarray(np.moveaxis(boxes, 0, -1))
        return np.moveaxis(_program(carry, len(self.rows))(np.stack([numbers, numbers], -1), given), -1, 0)


def _outward(rows: Matrix, z: Vector, steps: Vector) -> list[Any]:
    return placed(rows, z, steps)


def _inward(rows: Matrix, x: Vector, steps: Vector) -> list[Any]:
    moved = [a - row[0] - motion(row[-TERMS:], steps) for a, row in zip(x, rows, strict=True)]
    return times(inverse([row[1:-TERMS] for row in rows]), moved)


@lru_cache
def _program(carry: Carry, d: int) -> Program:
    """theta0 and the frame are handed in once, then boxes."""

    def traced(fixed: Vector, box: Vector) -> list[Any]:
        *at, p, r = box
        return carry(rows_of(fixed[2:], d), at, (p - fixed[0], r - fixed[1]))

    return Program.of(traced, 2 + d * (1 + d + TERMS), d + 2)


def rows_of(numbers: Vector, d: int) -> Matrix:
    """The rows of a frame in d coordinates from `numbers`."""
    length = 1 + d + TERMS
    return [list(numbers[i * length : (i + 1) * length]) for i in range(d)]


def placed(rows: Matrix, z: Sequence[Any], steps: Sequence[Any]) -> list[Any]:
    """x = c + B z + m(steps), in the arithmetic of the arguments."""
    return [
        reduce(add, [b * y for b, y in zip(row[1:-TERMS], z, strict=True)], row[0]) + motion(row[-TERMS:], steps)
        for row in rows
    ]


def motion(row: Sequence[Any], steps: Sequence[Any]) -> Any:
    """m for the steps of density and importance."""
    p, r = steps
    by_p, by_r, twice_p, both, twice_r = row
    return (by_p + twice_p * p + both * r) * p + (by_r + twice_r * r) * r


def over_rectangle(boxes: Array, rectangle: Box) -> Array:
    """Boxes (n, d, 2) with the sides of the rectangle."""
    full = np.empty((len(boxes), boxes.shape[1] + 2, 2))
    full[:, :-2], full[:, -2:] = boxes, rectangle
    return full
