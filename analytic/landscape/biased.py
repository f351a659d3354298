"""Every stationary point with bias: exact special points, flat sets, and a scan of what is left.

For fixed W the biases solve one cubic equation per piece, exactly (`branches`). What is left is a function of the two
weights on each combination of bias branches; `scan` finds where its gradient changes sign on a fine grid in angle and
log radius, and `newton` takes each candidate to rounding error. Points known in closed form are never searched:

    W = 0          every live bias at the mean of its target: a saddle, because the second derivative along W_i is
                   4 I_i E[(b - x_i) x_i] < 0
    W = (1, 0)     b = (0, p2/2), per-feature bias, independent features: on a jump of the Hessian (`kinds`)
    W = (s, 0)     b1 = b2 = b = r p/(2 (1 - 3p/4 + r)), s^2 = 1 - 3b/2, r = I2/I1: shared bias, equal densities; smooth
    W = (1, 1)/sqrt 2, b = 0    if the model does not change when the features are exchanged

and the same with the features exchanged. With one feature alone, W_i = 0, these are all: the live output j is a
regression of x_j on itself, which is exact, so W_j = 1 and b_j = 0, and then dL/dW_i = -2 I_i W_j Cov(x_1, x_2) has to
vanish; for a shared bias it is proportional to p1 - p2 if the features are independent.

Each point has an index, and they have to sum to one (`kinds`). Where they do not, the scan is repeated on a finer grid.
Tests compare with random searches, but this is not a proof that nothing is missing: a pair of points of opposite index,
just born at a fold, could be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from warnings import warn

import mpmath
import numpy as np
import numpy.typing as npt

from analytic.landscape.flat import flat_sets, is_independent
from analytic.landscape.kinds import (
    Verdict,
    dedicated_form,
    one_sided_verdict,
    sizes,
    smooth_verdict,
    two_sided_verdict,
)
from analytic.landscape.near import next_to_dedicated
from analytic.landscape.newton import reduced_gradient, reduced_hessian
from analytic.landscape.records import Landscape, StationaryPoint
from analytic.landscape.scan import LEVELS, grid, scan
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

#: Room for the points of one model; at most about ten occur.
_ROOM = 64
#: A bias smaller than this times the density counts as exactly zero: it is so by symmetry, or closer than rounding.
_ZERO_BIAS = 1e-14
#: Points of the scan this close to a point known in closed form are that point.
_SAME = 1e-9
#: The same for a point on an axis, next to which rounding error is larger.
_SAME_ON_AXIS = 1e-8
_ITERATIONS = 50


def _axis_points(model: ToyModel) -> Iterator[Array]:
    """The stationary points with exactly one weight zero."""
    (I1, I2), (p1, p2) = model.exact_importance, model.exact_density
    if not is_independent(model):
        return
    if model.bias == "per-feature":
        yield np.array([1.0, 0.0, 0.0, float(p2 / 2)])
        yield np.array([0.0, 1.0, float(p1 / 2), 0.0])
    elif p1 == p2:
        for own, other, first in ((I1, I2, True), (I2, I1, False)):
            b = other * p1 / 2 / (own * (1 - 3 * p1 / 4) + other)
            s = float(1 - 3 * b / 2) ** 0.5
            yield np.array([s if first else 0.0, 0.0 if first else s, float(b), float(b)])


def _origin(model: ToyModel) -> Array:
    (I1, I2), (p1, p2) = model.exact_importance, model.exact_density
    if model.bias == "per-feature":
        return np.array([0.0, 0.0, float(p1 / 2), float(p2 / 2)])
    b = float((I1 * p1 + I2 * p2) / (2 * (I1 + I2)))
    return np.array([0.0, 0.0, b, b])


def _is_symmetric(model: ToyModel) -> bool:
    return model.exact_importance[0] == model.exact_importance[1] and (
        model.exact_patterns[1] == model.exact_patterns[2]
    )


def _symmetric_points(model: ToyModel) -> Iterator[Array]:
    """Points that the exchange of equal features maps to themselves; some are too degenerate for a search."""
    if _is_symmetric(model):
        yield np.array([0.5**0.5, 0.5**0.5, 0.0, 0.0])
        yield _symmetric_antipodal(model)


def _symmetric_antipodal(model: ToyModel) -> Array:
    """The stationary point W = (w, -w), b1 = b2, by Newton's method in its symmetric plane, where it is regular."""
    values, plane = model.parameters, np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    both_on = model.patterns[3]
    z = np.array([1 - 0.3 * both_on, 0.3 * both_on - 1, both_on / 2, both_on / 2])
    gradient, hessian = np.empty(4), np.empty((4, 4))
    for _ in range(_ITERATIONS):
        reduced_gradient(z, False, values, gradient)
        reduced_hessian(z, False, values, hessian)
        step = np.linalg.solve(plane @ hessian @ plane.T, plane @ gradient) @ plane
        z = z - step
        if np.abs(step).max() < 1e-15:
            break
    return z


def _scanned(model: ToyModel, level: int) -> list[Array]:
    found = np.empty((_ROOM, 4))
    count = scan(*grid(level), model.bias == "shared", model.parameters, found)
    if count == _ROOM:
        raise RuntimeError(f"more than {_ROOM - 1} stationary points found for {model!r}")
    return list(found[:count])


def _is_same(point: Array, other: Array) -> bool:
    """Whether two points or their copies agree within what float64 resolves."""
    distance = min(np.abs(point - other).max(), np.abs(point * [-1, -1, 1, 1] - other).max())
    return bool(distance < (_SAME if np.all(other[:2]) else _SAME_ON_AXIS))


def _sign(value: Any, error: float) -> int:
    return 0 if abs(value) <= error else (1 if value > 0 else -1)


def _dedicated_verdict(model: ToyModel, first: bool) -> Verdict:
    """The kind of a dedicated point from its exact one-sided form, in as many digits as it takes, up to 200."""
    densities, importances = model.exact_density, model.exact_importance
    if not first:
        densities, importances = densities[::-1], importances[::-1]
    exact = (*densities, *importances)
    signs = []
    for side in (1, -1):
        p_own, p_other, I_own, I_other = map(float, exact)
        form = dedicated_form(p_own, p_other, I_own, I_other, side, np.sqrt)
        sign = _sign(form, 1e-13 * (I_own + I_other) * max(p_own, p_other))
        if sign == 0:
            with mpmath.workdps(200):
                a, b, c, d = (mpmath.mpf(n.numerator) / n.denominator for n in exact)
                sign = _sign(dedicated_form(a, b, c, d, side, mpmath.sqrt), 1e-150)
        signs.append(sign)
    return two_sided_verdict(signs)


def _is_on_the_flat_circle(model: ToyModel, z: Array) -> bool:
    """Whether z is one of the degenerate saddles of density 1, equal importance and a bias per feature.

    There the model without ReLU has the same least loss on all of W1^2 + W2^2 = 1, and because x_i >= 0 the ReLU can
    only lower it, strictly where h_i < 0 somewhere: on the circle on both sides of the multiples of 45 degrees.
    """
    if model.bias == "shared" or model.exact_patterns[3] != 1 or not _is_symmetric(model):
        return False
    at_45_degrees = min(np.abs(z[:2])) == 0 or abs(abs(z[0]) - abs(z[1])) < _SAME
    return at_45_degrees and abs(z[0] ** 2 + z[1] ** 2 - 1) < _SAME


def _verdict(model: ToyModel, z: Array, hessian: Array, on_kink: bool) -> Verdict:
    if not np.any(z[:2]):
        return Verdict("saddle", int(np.sign(np.linalg.det(hessian[:2, :2]))))
    if _is_on_the_flat_circle(model, z):
        return Verdict("saddle", -1)
    if model.bias == "per-feature" and not np.all(z[:2]):
        return _dedicated_verdict(model, first=z[1] == 0)
    values, bounds = model.parameters, np.empty(4)
    sizes(z, model.bias == "shared", values, bounds)
    if not on_kink:
        return smooth_verdict(hessian, bounds)
    jumps = 2 * values[:2] * values[2] * (z[2:] == 0)
    return one_sided_verdict(
        hessian, jumps[: len(hessian) - 2] if len(hessian) == 4 else jumps.sum(keepdims=True), 1e-13 * bounds[0]
    )


def _is_on_kink(model: ToyModel, z: Array) -> bool:
    """Whether the Hessian jumps: b_i = 0 with an atom at both features off, or a dedicated point with b_i = 0."""
    dedicated = model.bias == "per-feature" and np.any(z[:2]) and not np.all(z[:2])
    return bool(dedicated or (model.patterns[0] > 0 and np.any(z[2:] == 0)))


def _point(model: ToyModel, z: Array) -> tuple[StationaryPoint, int | None]:
    """The record and the index of a stationary point given as (W1, W2, b1, b2)."""
    shared, values = model.bias == "shared", model.parameters
    n = 3 if shared else 4
    z = z.copy()
    z[2:][np.abs(z[2:]) <= _ZERO_BIAS * np.array(model.density)] = 0.0
    gradient, hessian = np.empty(4), np.empty((4, 4))
    loss = reduced_gradient(z, shared, values, gradient)
    reduced_hessian(z, shared, values, hessian)
    hessian = np.ascontiguousarray(hessian[:n, :n])
    on_kink = _is_on_kink(model, z)
    verdict = _verdict(model, z, hessian, on_kink)
    eigenvalues = None if on_kink else np.linalg.eigvalsh(hessian).astype(np.float64)
    return StationaryPoint(
        z[:2], float(z[2]) if shared else z[2:], loss, verdict.kind, eigenvalues, on_kink
    ), verdict.index


def _indices_add_up(points: list[tuple[StationaryPoint, int | None]]) -> bool:
    """Whether the indices of all points, both copies of each, sum to one. True if some are unknown."""
    if any(index is None for _, index in points):
        return True
    return sum(len(point.copies) * (index or 0) for point, index in points) == 1


def biased_landscape(model: ToyModel) -> Landscape:
    """Every stationary point and flat set of a model with shared or per-feature bias, in float64.

    Warns with a RuntimeWarning if the indices do not add up even on the finest grid: then a point is missing.
    """
    known = [*_axis_points(model), *_symmetric_points(model)]
    points = [_point(model, z) for z in [_origin(model), *known]]
    for level in range(LEVELS):
        new = [z for z in _scanned(model, level) if not any(_is_same(z, other) for other in known)]
        known += new
        points += [_point(model, z) for z in new]
        if _indices_add_up(points):
            break
    else:
        points += [_point(model, z) for z in next_to_dedicated(model, known)]
    if not _indices_add_up(points):
        warn(f"the list of stationary points of {model!r} is incomplete: indices do not add up", RuntimeWarning, 3)
    return Landscape.collect(model, [point for point, _ in points], flat_sets(model))
