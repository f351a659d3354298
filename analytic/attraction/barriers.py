"""Barriers in the loss: what a motion that never climbs cannot leave.

    floor    L lies below every target but the lowest: the lowest is reached
    ball     the state lies within `radius` of a minimum, and L below the loss everywhere on that sphere: it stays
             inside, and as no other stationary point is there, it ends at the minimum

Only isolated minima have balls. Flat minima and half-stable points are not the lowest points of their surroundings;
there a motion has to come to rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.attraction.targets import points
from analytic.landscape.records import End, FlatSet, Landscape, StationaryPoint
from analytic.loss.dead import is_dead
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

#: Directions sampled on the sphere around a minimum to find the height of its wall: about 20 degrees apart in the
#: three-dimensional sphere, over which a quadratic varies by less than the half that is kept as a reserve.
_DIRECTIONS = 4096
#: A ball stays this share of the way to the next stationary point, and at most this far; a radius at which the wall
#: is not above the minimum is halved, so often at most: 1e-6 is below what tells targets apart.
_CLEARANCE, _LARGEST, _HALVINGS = 0.8, 1.0, 20
#: Spheres on which it is seen whether an output can be dead inside.
_SHELLS = np.array([0.25, 0.5, 0.75, 1.0])
#: The floor lies below the second-lowest loss by more than the rounding of a start right there.
_BELOW = 1e-9


class Barriers(NamedTuple):
    """Balls and floor: points (n, k), radii, walls and owners (n,); owners and `lowest` are indices of targets."""

    points: Array
    radii: Array
    walls: Array
    owners: npt.NDArray[np.int64]
    floor: float
    lowest: int


def barriers(model: ToyModel, landscape: Landscape, targets: tuple[End, ...]) -> Barriers:
    """Balls around all copies of the isolated minima, and the floor over the lowest target."""
    columns = 2 + model.bias.size()
    everything = np.concatenate([np.empty((0, 4)), *(points(model, point) for point in landscape)])
    directions = _directions(model)
    flat = min((float(target.loss) for target in targets if isinstance(target, FlatSet)), default=np.inf)
    balls: list[tuple[Array, float, float, int]] = []
    for owner, target in enumerate(targets):
        if isinstance(target, StationaryPoint) and target.kind == "minimum":
            for centre in points(model, target):
                balls.append((centre, *_ball(model, centre, everything, directions, flat), owner))
    floor = float(targets[1].loss) * (1 - _BELOW) if len(targets) > 1 else np.inf
    return Barriers(
        np.array([ball[0][:columns] for ball in balls]).reshape(-1, columns),
        np.array([ball[1] for ball in balls], float),
        np.array([ball[2] for ball in balls], float),
        np.array([ball[3] for ball in balls], np.int64),
        floor,
        0,
    )


def _directions(model: ToyModel) -> Array:
    """Unit vectors in the convention's own parameters, embedded (n, 4)."""
    size = 2 + model.bias.size()
    drawn = np.random.default_rng(0).standard_normal((_DIRECTIONS, size))
    drawn = np.concatenate([drawn, np.eye(size), -np.eye(size)])
    return model.bias.embed(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _ball(model: ToyModel, centre: Array, everything: Array, directions: Array, flat: float) -> tuple[float, float]:
    """Radius of a ball around a minimum, free of other stationary points, and the wall around it.

    The wall is half as high as the lowest of the sampled losses on the sphere, and lower than `flat`, the lowest
    loss of a flat minimum, if an output can be dead inside.
    """
    columns = 2 + model.bias.size()
    gaps = np.linalg.norm((everything - centre)[:, :columns], axis=1)
    radius = _CLEARANCE * min(gaps[gaps > 0].min(initial=_LARGEST), _LARGEST)
    bottom = _loss(model, centre)
    for _ in range(_HALVINGS):
        shells = centre + radius * _SHELLS[:, None, None] * directions
        wall = float(_loss(model, shells[-1]).min())
        if is_dead(shells, model.patterns).any():
            wall = min(wall, flat)
        if wall > bottom:
            return radius, bottom + 0.5 * (wall - bottom)
        radius /= 2
    return 0.0, -np.inf


def _loss(model: ToyModel, theta: Array) -> Any:
    return model.loss(*model.bias.weights_and_bias(theta[..., : 2 + model.bias.size()]))
