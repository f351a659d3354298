"""Basin boundaries without bias: stable manifolds of the saddles and of the kinks on the axes, in the plane of W.

The flow W' = −grad L is smooth off the axes and one-sided on them. On the half axis W1 = a > 0, and likewise on the
others, with K = 2 a P11 E[x1 x2 | both on] and s the side, + for W1 W2 > 0,

    dL/dW2 at 0+  =  K (I1 (a² − 1) − I2)        dL/dW2 at 0−  =  K I1 (a² − 1)

so with c = sqrt(1 + I2/I1) the flow crosses the axis towards the confused side for a < 1, towards the antipodal side
for a > c, and leaves it on both sides for 1 < a < c: this segment is repelling and part of a boundary. Nowhere is
the axis attracting. A boundary is traced backwards in time, that is uphill, where it is attracting:

    from a saddle off the axes, along both directions of its stable eigenvector;
    from the axis point a = 1 into the antipodal side, along the strongest stable direction there; and along the
    segment; where a branch meets an axis it goes through if the flow crosses there; if it meets the repelling
    segment it goes on along the segment to a = c and from there into the confused side, tangent to the axis.

Seen from the antipodal side the axis point a = 1 is either a saddle or, for dense features, attracting: starts on that
side then converge to it, although the loss falls across the axis: the point is half-stable (half_stable.py).

Every branch ends at W = 0, the maximum, or runs to infinity. A joined pair of branches is kept if the two sides of it
belong to different targets. Integration: SciPy's DOP853 with relative and absolute tolerance 1e-11.

Fractions. A boundary runs from 0 to infinity. Under weights N(0, s²) the radius and the angle are independent and the
angle is uniform, so the part of the plane between two boundaries has probability (A2 − A1) / 2 pi, where A is the mean
of a boundary's angle over its radius, the integral of theta d(−exp(−rho²/2s²)) along the curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytic.attraction.half_stable import antipodal_side, beside
from analytic.landscape.find import find_stationary_points
from analytic.landscape.records import Landscape
from analytic.loss.pair import point_gradient
from analytic.models.bias import Bias
from analytic.models.toy import ToyModel
from analytic.validation import refuse

#: Of the integration. The integrals over the curves are held against counts and promise 1e-6.
_TOLERANCE = 1e-11
#: First step from a saddle along its stable direction: the curve deviates from it by its square.
_START = 1e-6
#: A curve ends this near to W = 0 or this far out. Weights N(0, 1) are that short with probability 5e-11.
_INNER, _OUTER = 1e-5, 20.0
#: Beside an axis by so much, the one-sided slope is the one that counts.
_OFF = 1e-13
#: Longest step in rescaled time, in which the radius grows by less than exp(0.25), and points that are kept of each:
#: the trapezoidal rule over the angle is then right to 1e-6.
_STEP, _SUBSTEPS = 0.25, 100
#: Points along a repelling segment, which is straight and of constant angle.
_SEGMENT = 50
#: A curve meets an axis at most a few times; it never met one more than twice.
_PIECES = 8
#: Radii at which two neighbouring boundaries are compared to find a point well inside: all but a few starts.
_BETWEEN = np.geomspace(0.1, 10.0, 40)
#: Rescaled time in which every curve has reached an end: the radius changes by exp(20) at most.
_LONG = 200.0


@dataclass(frozen=True, eq=False)
class Separatrix:
    """A basin boundary: points (n, 2) from near W = 0 outwards, and the saddle or axis point that it runs `through`."""

    points: np.ndarray
    through: np.ndarray

    def mirrored(self) -> Separatrix:
        """Its image under W → −W, a boundary too."""
        return Separatrix(-self.points, -self.through)

    def angle_at(self, radius: float) -> float:
        """The curve's angle where it is nearest to this distance from W = 0."""
        nearest = np.abs(np.linalg.norm(self.points, axis=1) - radius).argmin()
        return math.atan2(self.points[nearest, 1], self.points[nearest, 0])

    def mean_angle(self, sd: float) -> float:
        """Mean over the radius of weights N(0, sd²) of the curve's angle, continuous along the curve."""
        angle = np.unwrap(np.arctan2(self.points[:, 1], self.points[:, 0]))
        tail = np.exp(-np.sum(self.points**2, axis=1) / (2 * sd**2))
        middle = (angle[1:] + angle[:-1]) / 2
        return float(angle[0] * (1 - tail[0]) + (middle * (tail[:-1] - tail[1:])).sum() + angle[-1] * tail[-1])


def separatrices(model: ToyModel, landscape: Landscape | None = None) -> tuple[Separatrix, ...]:
    """Candidates for basin boundaries of a model without bias, one of each pair W, −W.

    Boundaries that have the same target on both sides are included; `sector_probabilities` adds up over them all.
    Where the two features are never on together (P11 = 0) the loss has no kink, and only saddles have branches.
    With a bias the boundaries are no curves: an InvalidValue says so. `landscape`: the saddles, if already known.
    """
    if model.bias is not Bias.NONE:
        refuse("bias", "be 'none': only then are basin boundaries curves in the plane of W", model.bias)
    found = []
    for saddle in (find_stationary_points(model) if landscape is None else landscape).saddles:
        W = np.asarray(saddle.W, float)
        found.append(_through_axis_point(model, W) if saddle.on_kink else _through_saddle(model, W))
    return tuple(curve for curve in found if curve is not None)


def sector_probabilities(curves: tuple[Separatrix, ...], sd: float) -> list[tuple[float, np.ndarray]]:
    """(probability, a point inside) for each part of the plane between neighbouring boundaries, for N(0, sd²)."""
    if not curves:
        return [(1.0, np.array([1.0, 0.37]))]
    both = [*curves, *(curve.mirrored() for curve in curves)]
    ordered = sorted((curve.mean_angle(sd) % (2 * math.pi), index) for index, curve in enumerate(both))
    parts = []
    for (angle, index), (following, other) in zip(ordered, [*ordered[1:], ordered[0]], strict=True):
        width = (following - angle) % (2 * math.pi)
        parts.append((width / (2 * math.pi), _between(both[index], both[other])))
    return parts


def _between(first: Separatrix, second: Separatrix) -> np.ndarray:
    """A point halfway between two boundaries, counterclockwise from the first, where they are farthest apart.

    Not near the origin: all boundaries of a half plane leave it in the same direction.
    """
    candidates = []
    for radius in _BETWEEN:
        start, end = first.angle_at(radius), second.angle_at(radius)
        width = (end - start) % (2 * math.pi)
        candidates.append((min(width, 2 * math.pi - width), radius, start + width / 2))
    _, radius, angle = max(candidates)
    return radius * np.array([math.cos(angle), math.sin(angle)])


def _through_saddle(model: ToyModel, W: np.ndarray) -> Separatrix | None:
    values, vectors = np.linalg.eigh(model.hessian(W))
    if not values[0] < 0 < values[1]:
        return None
    branches = [_uphill(model, W + sign * _START * vectors[:, 1]) for sign in (-1, 1)]
    return _joined(branches, W)


def _through_axis_point(model: ToyModel, W: np.ndarray) -> Separatrix | None:
    """The branch of the axis point on the antipodal side, and the one along the repelling segment."""
    free, side = antipodal_side(W)
    values, vectors = np.linalg.eigh(model.hessian(beside(W)))
    if values[1] <= 0 or model.patterns[3] == 0:
        return None
    stable = vectors[:, 1] * np.sign(vectors[free, 1] * side[free])
    return _joined([_uphill(model, W + _START * stable), _along_segment(model, W, free)], W)


def _joined(branches: list[np.ndarray], through: np.ndarray) -> Separatrix | None:
    inner, outer = sorted(branches, key=lambda branch: float(np.linalg.norm(branch[-1])))
    if np.linalg.norm(inner[-1]) > 2 * _INNER or np.linalg.norm(outer[-1]) < _OUTER / 2:
        return None
    return Separatrix(np.concatenate([inner[::-1], [through], outer]), through)


def _along_segment(model: ToyModel, W: np.ndarray, free: int) -> np.ndarray:
    """From a point of the repelling segment along the axis to its outer end, and from there to infinity."""
    importance = model.importance
    end = np.zeros(2)
    end[1 - free] = np.sign(W[1 - free]) * math.sqrt(1 + importance[free] / importance[1 - free])
    segment = np.linspace(W, end, _SEGMENT)[1:]
    inside = end.copy()
    inside[free] = _OFF * np.sign(end[1 - free])
    return np.concatenate([segment, _uphill(model, inside)])


def _uphill(model: ToyModel, start: np.ndarray) -> np.ndarray:
    """Points of the gradient's ascent from `start` to the origin or far out, through the axes."""
    pieces = [start[None]]
    for _ in range(_PIECES):
        piece, crossed = _smooth_piece(model, pieces[-1][-1])
        pieces.append(piece)
        if crossed is None:
            break
        free = crossed
        W = piece[-1].copy()
        W[free] = 0.0
        level = abs(W[1 - free])
        outer = math.sqrt(1 + model.importance[free] / model.importance[1 - free])
        if 1 < level < outer:
            pieces.append(_along_segment(model, W, free))
            break
        beyond = W.copy()
        beyond[free] = -_OFF * np.sign(piece[-2][free])
        pieces.append(beyond[None])
    return np.concatenate(pieces)


def _smooth_piece(model: ToyModel, start: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Ascent within one quadrant, by arc length on a logarithmic scale of the radius; the axis met, or None.

    Time is rescaled by |grad L| / |W|, so that neither the start near a saddle nor the origin takes forever.
    """
    from scipy.integrate import solve_ivp

    signs = [float(sign) for sign in np.sign(start)]

    parameters = model.parameters

    def ascent(_: float, W: np.ndarray) -> list[float]:
        W1, W2 = (float(w) if w * sign > 0 else sign * 1e-300 for w, sign in zip(W, signs, strict=True))
        _, slope1, slope2, _, _ = point_gradient(W1, W2, 0.0, 0.0, parameters)
        scale = math.hypot(W1, W2) / max(math.hypot(slope1, slope2), 1e-300)
        return [slope1 * scale, slope2 * scale]

    events = [_axis(0, signs), _axis(1, signs), _radius(_INNER, -1), _radius(_OUTER, 1)]
    solution = solve_ivp(
        ascent,
        (0.0, _LONG),
        start,
        method="DOP853",
        rtol=_TOLERANCE,
        atol=1e-14,
        max_step=_STEP,
        events=events,
        dense_output=True,
    )
    met = next((k for k in (0, 1) if len(solution.t_events[k])), None)
    fine = np.interp(
        np.arange(1, _SUBSTEPS * (len(solution.t) - 1) + 1) / _SUBSTEPS, np.arange(len(solution.t)), solution.t
    )
    return solution.sol(fine).T, met


def _axis(k: int, signs: list[float]) -> Any:
    """The event that weight k reaches 0."""

    def event(_: float, W: np.ndarray) -> float:
        return float(W[k] * signs[k])

    return _terminal(event, -1)


def _radius(radius: float, direction: int) -> Any:
    """The event that |W| reaches `radius`, from above (−1) or below (1)."""

    def event(_: float, W: np.ndarray) -> float:
        return math.hypot(*W) - radius

    return _terminal(event, direction)


def _terminal(event: Any, direction: int) -> Any:
    event.terminal, event.direction = True, direction
    return event
