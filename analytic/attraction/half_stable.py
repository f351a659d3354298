"""Half-stable points: saddles on a kink that an open set of starts flows into.

A smooth saddle attracts only its stable manifold, a set of measure zero. On a kink the loss has different forms on
different sides, and it can fall on one side while the flow from another ends at the point. Noise carries training
across; the exact flow stays.

*With bias.* L is continuously differentiable at every stationary point, and around one, L(z0 + eps z) = L(z0) + eps^2
Q(z) + O(eps^3) with Q continuously differentiable and homogeneous of degree two, but not quadratic on a kink. Write
z = rho s with |s| = 1. To leading order the flow z' = -grad Q is

    rho' = -2 Q(s) rho,        s' = -(grad Q on the sphere)(s)

so the direction follows the gradient flow of Q on the sphere, by itself, and rho shrinks where Q(s) > 0. **The point
attracts an open set if and only if Q has a local minimum with a positive value on the sphere** (up to ties): the
directions around such a minimum converge to it, and rho decays like exp(-2 Q t); terms of higher order do not change
that, since both rates are exponential. If all local minima are positive, the point is a minimum; if Q < 0 at some of
them and Q > 0 at others, it is half-stable, from the sides where they lie. Gradient descent with a small rate is the
same.

For the dedicated point W = (1, 0), b = (0, p2/2) of independent features, along z = (u, w, d, e) in (W1, W2, b1, b2),
output 1 is off or on at x1 = 0 by the sign of w x2 + d, and output 2 is on:

    Q = I1 (p1 E[(2 u x + w y + d)^2] + q1 E[(w y + d)_+^2]) + I2 ((e + w p1/2)^2 + w^2 (V1 - 2 V2))

with x uniform, y the second feature, q = 1 - p, V the variances; its least value at w = +-1 is `kinds.dedicated_form`.
On w = 0 the slope of Q by w is p2/2 Q_d + p1/2 Q_e, so at a stationary direction of the equator with value Q it is
Q (p2 d + p1 e). The least value on the equator is taken with d < 0 or with e of either sign: there Q falls towards
w > 0. So the least value of Q on the hemisphere w > 0 lies inside, and **the point attracts an open set of starts from
the confused side wherever `dedicated_form` is positive there**, also where it is negative on the antipodal side. That
side, and others with features of very different density, are decided by following s numerically.

At density 1 of feature 1, q1 = 0, Q is quadratic and nothing is half-stable. With a *shared bias* the dedicated point
has b > 0: both outputs are on at every input, the loss is smooth there, and it is never half-stable.

*Without bias* the loss is not even differentiable on the axes. At W = (1, 0) the slope across the axis is zero on the
antipodal side and negative towards the confused side (separatrices.py): the flow from the antipodal side ends there
where its one-sided Hessian is positive.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytic.landscape.records import Phase, StationaryPoint
from analytic.models.bias import Bias
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

#: A step off an axis that is nothing compared with W, and far above the rounding of it.
_BESIDE = 1e-12
#: Distance at which Q is read off the Hessian, in units of the smaller density: both outputs keep their signs.
_NEAR = 1e-8
#: Directions that are followed, and for how many steps at most. The rarest arrival that was seen, at densities 0.05 and
#: 0.5, draws one direction in twenty: 128 miss it once in 700 times.
_DIRECTIONS, _STEPS = 128, 400
#: Rest of the slope on the sphere at which a direction has arrived, in units of the shift.
_ARRIVED = 1e-4
#: A value of Q counts as positive above this, in the same units: far above its rounding, 1e-15 over the density.
_POSITIVE = 1e-7


def is_half_stable(model: ToyModel, point: StationaryPoint) -> bool:
    """Whether a stationary point is no minimum, and yet the exact flow of an open set of starts ends there."""
    return bool(attracting_sides(model, point))


def attracting_sides(model: ToyModel, point: StationaryPoint) -> tuple[Phase, ...]:
    """The sides, "antipodal" or "confused", from which the flow ends at a saddle on a kink; empty if there are none."""
    if point.kind != "saddle" or not point.on_kink or not np.any(point.W):
        return ()
    W = np.asarray(point.W, float)
    if model.bias is Bias.NONE:
        return ("antipodal",) if _attracts_without_bias(model, W) else ()
    arrivals = _arrivals(model, model.bias.parameters(W, np.asarray(point.b, float)))
    sides = np.prod(np.where(W == 0, arrivals[:, :2], W), axis=1)
    found: list[Phase] = []
    if np.any(sides < 0):
        found.append("antipodal")
    if np.any(sides > 0):
        found.append("confused")
    return tuple(found)


def antipodal_side(W: Array) -> tuple[int, Array]:
    """For W on an axis: the index of the weight that is 0, and the unit step into W1 W2 < 0."""
    free = int(W[0] != 0)
    side = np.zeros(2)
    side[free] = -np.sign(W[1 - free])
    return free, side


def beside(W: Array) -> Array:
    """The point next to W, on an axis, on its antipodal side."""
    return W + _BESIDE * antipodal_side(W)[1]


def _attracts_without_bias(model: ToyModel, W: Array) -> bool:
    if model.patterns[3] == 0:
        return False
    return bool(np.linalg.eigvalsh(model.hessian(beside(W)))[0] > 0)


def _arrivals(model: ToyModel, centre: Array) -> Array:
    """Unit directions (n, k) in which the flow arrives at `centre` (k,): positive local minima of Q on the sphere.

    Q is homogeneous of degree two, so grad Q(s) = H(s) s with H the Hessian next to the point in the direction s. The
    flow on the sphere is followed by the implicit rule s <- (H + shift)^-1 s, normalised, with a shift beyond every
    negative curvature: -4 I_i V_i, from the fourth-order terms in W, is the only one.
    """
    shift = 8 * sum(
        weight * float(variance) for weight, variance in zip(model.importance, model.exact_variances, strict=True)
    )
    near = _NEAR * min(model.density)
    s = np.random.default_rng(0).standard_normal((_DIRECTIONS, len(centre)))
    s /= np.linalg.norm(s, axis=1, keepdims=True)
    for _ in range(_STEPS):
        hessian = model.hessian(*model.bias.weights_and_bias(centre + near * s))
        slope = np.einsum("nij,nj->ni", hessian, s)
        value = (slope * s).sum(axis=1)
        arrived = np.linalg.norm(slope - value[:, None] * s, axis=1) < _ARRIVED * shift
        if arrived.all():
            break
        turned = np.linalg.solve(hessian + shift * np.eye(len(centre)), s[..., None])[..., 0]
        s = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    return s[arrived & (value > _POSITIVE * shift)]
