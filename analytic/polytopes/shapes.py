"""Shapes by name: polygons, simplices and a few more, recognised from the cosines between their vertices.

All shapes here look the same from every vertex, so one sorted list of cosines describes them. A shape that splits into
orthogonal parts (a square, an octahedron, a bipyramid) is not in the list: it is a tegum product of the parts, and each
part is a group of its own.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_POLYGONS = {3: "triangle", 5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon", 9: "nonagon", 10: "decagon"}
_SIMPLICES = {1: "digon", 2: "triangle", 3: "tetrahedron"}
#: Several features in one direction, of which at least two agree in sign.
CONFUSED = "confused"
IRREGULAR = "irregular"


def name_of(directions: Array, dimension: int, tolerance: float) -> tuple[str, float]:
    """The name of unit vectors (k, count) that span `dimension` dimensions, and the largest deviation of a cosine.

    `irregular`, with the deviation from the nearest shape of this size or infinity, where none fits within `tolerance`.
    """
    count = directions.shape[1]
    if count == 1:
        return "single", 0.0
    rows = np.sort(directions.T @ directions, axis=1)[:, :-1]
    candidates = _candidates(count, dimension)
    if (count, dimension) == (8, 3):
        candidates = {**candidates, "square antiprism": _square_antiprism(rows)}
    gaps = {name: float(np.abs(rows - cosines).max()) for name, cosines in candidates.items()}
    if not gaps:
        return (CONFUSED if dimension == 1 else IRREGULAR), np.inf
    best = min(gaps, key=lambda name: gaps[name])
    if gaps[best] <= tolerance:
        return best, gaps[best]
    return (CONFUSED if dimension == 1 else IRREGULAR), gaps[best]


@cache
def _candidates(count: int, dimension: int) -> dict[str, Array]:
    """Name -> sorted cosines to the other vertices, of the fixed shapes with these numbers."""
    found = {}
    if count == dimension + 1:
        found[_SIMPLICES.get(dimension, f"{dimension}-simplex")] = np.full(dimension, -1 / dimension)
    if dimension == 2 and count > 4:
        angles = 2 * np.pi * np.arange(1, count) / count
        found[_POLYGONS.get(count, f"{count}-gon")] = np.sort(np.cos(angles))
    if count == 2 * dimension + 2 and dimension > 3:
        found["antipodal simplex"] = np.sort([-1.0, *[-1 / dimension] * dimension, *[1 / dimension] * dimension])
    if (count, dimension) == (8, 3):
        found["cube"] = np.sort([-1.0, *[-1 / 3] * 3, *[1 / 3] * 3])
    if (count, dimension) == (12, 3):
        found["icosahedron"] = np.sort([-1.0, *[-(5**-0.5)] * 5, *[5**-0.5] * 5])
    return found


def _square_antiprism(rows: Array) -> Array:
    """The antiprism whose height fits best: vertices (r cos, r sin, +-z), one square turned by 45 degrees.

    With h = z^2 = 1 - r^2 the cosines are h twice and 2h - 1 within a square, and -h +- (1 - h)/sqrt(2) twice each
    between the squares: all linear in h.
    """
    half = 0.5**0.5
    slope = np.array([1.0, 1.0, 2.0, half - 1, half - 1, -1 - half, -1 - half])
    start = np.array([0.0, 0.0, -1.0, -half, -half, half, half])

    def cosines(h: float) -> Array:
        return np.sort(start + slope * h)

    heights = np.linspace(0.01, 0.99, 981)
    gaps = [np.abs(rows - cosines(h)).max() for h in heights]
    return cosines(float(heights[int(np.argmin(gaps))]))
