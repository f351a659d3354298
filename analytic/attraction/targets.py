"""Where training can end: the minima and the flat minima of a landscape, and how far a point is from each.

For an isolated minimum the distance is Euclidean in all parameters, to the nearer of (W, b) and (−W, b). For a flat
set it is that to the set where this has a closed form, "output i dead, the other feature perfect", that is W_i = 0,
W_j = ±1, b_j = 0, b_i <= 0. For "both outputs dead" it is how far the biases would have to fall, the length of the
vector of

    max(0, the largest of h_i over the corners of the unit square),

which is zero exactly on the set, and at least the Euclidean distance.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from analytic.landscape.records import FlatSet, Landscape, StationaryPoint

Target: TypeAlias = StationaryPoint | FlatSet


def targets(landscape: Landscape) -> tuple[Target, ...]:
    """Minima and flat minima, sorted by loss."""
    flat = tuple(each for each in landscape.flat_sets if each.kind == "minimum")
    return tuple(sorted((*landscape.minima, *flat), key=lambda target: float(target.loss)))


def points(target: StationaryPoint) -> np.ndarray:
    """The orbit of a stationary point under W → −W, as rows (W1, W2, b1, b2)."""
    b = np.zeros(2) if target.b is None else np.broadcast_to(np.asarray(target.b, float), (2,))
    return np.array([[*W, *b] for W in np.asarray(target.copies, float)])


def corner_maxima(theta: np.ndarray) -> np.ndarray:
    """The largest h_1 and h_2 on the unit square (..., 2), for theta (..., 4); an output is dead where it is <= 0."""
    W, b = theta[..., :2], theta[..., 2:]
    own, cross = W**2, np.prod(W, axis=-1, keepdims=True)
    return b + np.maximum(own, 0) + np.maximum(cross, 0)


def distance(target: Target, theta: np.ndarray) -> np.ndarray:
    """Distance (...) of theta (..., 4) from a target; see the top of this module."""
    if isinstance(target, StationaryPoint):
        return np.asarray(np.min([np.linalg.norm(theta - point, axis=-1) for point in points(target)], axis=0))
    if target.phase == "silent":
        return np.linalg.norm(np.maximum(corner_maxima(theta), 0), axis=-1)
    live = 0 if target.phase == "dedicated-1" else 1
    dead = 1 - live
    gaps = (
        np.abs(theta[..., live]) - 1,
        theta[..., dead],
        theta[..., 2 + live],
        np.maximum(theta[..., 2 + dead], 0),
    )
    return np.linalg.norm(np.stack(gaps, axis=-1), axis=-1)


def describe(target: Target) -> str:
    """A few words on a target: "antipodal minimum", "dedicated-1 half-stable point", "flat minimum, silent"."""
    if isinstance(target, StationaryPoint):
        return f"{target.phase} {'minimum' if target.kind == 'minimum' else 'half-stable point'}"
    return f"flat {target.kind}, {target.phase}"
