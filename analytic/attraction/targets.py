"""Targets: where training can end, and how far a point is from each.

The ends of a landscape, minima and flat minima, and in addition the half-stable points (half_stable.py): they are
no minima, but the exact flow of an open set of starts ends there.

For an isolated target the distance is Euclidean in all parameters, to the nearer of (W, b) and (-W, b). For a flat
minimum it is the length of a vector that vanishes exactly on the set and its border. With t_i the largest value of
output i on inputs that occur,

    both dead          (max(0, t_1), max(0, t_2))                        how far the biases would have to fall
    i dead, j perfect  (|W_j| - 1, b_j, W_i, max(0, b_i))                the Euclidean distance
                       if P11 = 0 the last two are max(0, W_1 W_2), max(0, t_i): W_i may point away from W_j
    i dead, j constant (W_j, b_j - E[x_j], max(0, t_i), max(0, l - |W_i|))    l^2 = 2 Var(x_j)/Var(x_i)

The first is at least the Euclidean distance; so is the last, up to the slope 2 |W_i| of t_i.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.attraction.half_stable import is_half_stable
from analytic.landscape.records import End, Family, FlatSet, Landscape, StationaryPoint
from analytic.loss.dead import highest
from analytic.models.symmetry import orbit
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

#: Losses tie if they differ by less than this times the loss of the silent model: a thousand times their rounding.
_TIE = 1e-12


def targets(landscape: Landscape) -> tuple[End, ...]:
    """Minima, flat minima and half-stable points, sorted by loss."""
    half = (point for point in landscape.saddles if is_half_stable(landscape.model, point))
    return tuple(sorted((*landscape.ends, *half), key=lambda target: float(target.loss)))


def ties(model: ToyModel, gap: float) -> bool:
    """Whether a difference of losses, of the loss summed over features, is nothing but rounding."""
    return abs(gap) <= _TIE * model.silent_loss


def points(model: ToyModel, target: StationaryPoint) -> Array:
    """The orbit of a stationary point under W -> -W, as rows (W1, W2, b1, b2)."""
    b = model.bias.each(None if target.b is None else np.asarray(target.b, float))
    theta = np.concatenate([np.asarray(target.W, float), b])
    return orbit(theta)


def distance(model: ToyModel, target: End, theta: npt.ArrayLike) -> Array:
    """Distance (...) of theta (..., 4) = (W1, W2, b1, b2) from a target; see the top of this module."""
    at = np.asarray(theta, float)
    if isinstance(target, StationaryPoint):
        return np.asarray(np.min([np.linalg.norm(at - point, axis=-1) for point in points(model, target)], axis=0))
    return np.asarray(np.linalg.norm(np.stack(_misses(model, target, at), axis=-1), axis=-1))


def _misses(model: ToyModel, target: FlatSet, theta: Array) -> list[Any]:
    """What keeps theta (..., 4) from being a member of a flat minimum: each (...) is zero for a member."""
    above = np.maximum(highest(theta, model.patterns), 0)
    if target.live is None:
        return [above[..., 0], above[..., 1]]
    live, dead = target.live, 1 - target.live
    W, b = theta[..., :2], theta[..., 2:]
    if target.family is Family.CONSTANT:
        variances = [float(variance) for variance in model.exact_variances]
        lever = (2 * variances[live] / variances[dead]) ** 0.5
        reach = np.maximum(lever - np.abs(W[..., dead]), 0)
        return [W[..., live], b[..., live] - model.density[live] / 2, above[..., dead], reach]
    if model.patterns[3] == 0:
        off = [np.maximum(W[..., 0] * W[..., 1], 0), above[..., dead]]
    else:
        off = [W[..., dead], np.maximum(b[..., dead], 0)]
    return [np.abs(W[..., live]) - 1, b[..., live], *off]


def describe(target: End) -> str:
    """A few words on a target: "antipodal minimum", "dedicated-1 half-stable point", "flat minimum, silent"."""
    if isinstance(target, StationaryPoint):
        return f"{target.phase} {'minimum' if target.kind == 'minimum' else 'half-stable point'}"
    if target.live is not None and target.phase == "silent":
        return f"flat {target.kind}, {target.description}"
    return f"flat {target.kind}, {target.phase}"
