"""What can happen to a minimum when density and importance change, as systems of equations.

Two independent features of density p, importances (1, r). An unknown is x = (theta, log p, log r), or with two theta
for a tie; theta are the parameters of the convention. Along a branch of stationary points, g(theta; p, r) = 0, a
minimum can come to its end in these ways only:

    fold          the smallest curvature vanishes: it merges with a saddle          g = 0, lambda = 0
    kink          b_i = 0 or W_i^2 + b_i = 0, where the Hessian jumps, and the point has one curvature more of
                  negative sign on the other side: there are two points on one side of the curve, none on the other
                                                                                    g = 0, corner = 0
    instability   it reaches an axis W_i = 0, where a stationary point known in closed form, the dedicated one, changes
                  its kind                                                          explicit, `dedicated_instability`

and two minima can exchange their places in the order of losses,

    first-order   the two best minima tie                                           g = 0 twice, L = L'
    exact tie     shared bias: where both outputs are live on all inputs, L depends on W1 W2 through its square only
                  (derivations/completeness.md), so an antipodal and a confused minimum tie in a whole region. It
                  ends where the corner W1 W2 + b of the antipodal one vanishes     g = 0, corner = 0

W_i^2 + b_i and b_i are the values of h_i with feature i alone on and with no feature on; no other corner jumps. The
curvatures are the eigenvalues of the Hessian scaled to a unit diagonal, which keeps their signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from analytic.diagrams.continuation import Array, System, with_equation
from analytic.diagrams.points import hessian, loss_and_gradient
from analytic.models.bias import Bias
from analytic.models.features import independent_parameters


class Event(str, Enum):
    """The kinds of events; each is its name, a string."""

    FIRST_ORDER = "first-order"
    FOLD = "fold"
    KINK = "kink"
    INSTABILITY = "instability"
    EXACT_TIE = "exact tie"

    def __str__(self) -> str:
        return str(self.value)


#: A one-sided curvature at a kink is taken this far from it.
_BESIDE = 1e-10
#: Weights smaller than this times the density are at an axis.
_ON_AXIS = 0.01
#: Two minima of a tie that are closer than this have merged.
MERGED = 1e-2


@dataclass(frozen=True)
class Branch:
    """The stationary points of one convention over the plane; unknowns x (..., size + 2) = (theta, log p, log r)."""

    bias: Bias

    @cached_property
    def size(self) -> int:
        return 2 + self.bias.size()

    def _full(self, x: Array) -> tuple[Array, Array]:
        """(W1, W2, b1, b2) and the models, (..., 4) and (..., 6)."""
        theta = self.bias.embed(x[..., : self.size])
        return theta, independent_parameters(np.exp(x[..., -2]), np.exp(x[..., -1]))

    def reduced(self, theta: Array) -> Array:
        """The parameters of the convention (..., size) from (W1, W2, b1, b2) in it."""
        return theta[..., : self.size]

    def loss(self, x: Array) -> Array:
        """L over density (...)."""
        theta, models = self._full(x)
        return np.asarray(loss_and_gradient(theta, models)[0] / np.exp(x[..., -2]))

    def stationary(self, x: Array) -> Array:
        """The gradient over density (..., size): zero on a branch."""
        theta, models = self._full(x)
        return np.asarray(self.bias.gather(loss_and_gradient(theta, models)[1]) / np.exp(x[..., -2:-1]))

    def hessian(self, x: Array) -> Array:
        """The Hessian over density (..., size, size)."""
        theta, models = self._full(x)
        matrix = self.bias.gather_hessian(hessian(theta, models))
        return np.asarray(matrix / np.exp(x[..., -2])[..., None, None])

    def _scaled(self, x: Array) -> tuple[Array, Array]:
        """The Hessian scaled to a unit diagonal, and the scale."""
        matrix = self.hessian(x)
        scale = 1 / np.sqrt(np.abs(np.diagonal(matrix, axis1=-2, axis2=-1)) + np.finfo(float).tiny)
        return matrix * scale[..., None] * scale[..., None, :], scale

    def curvatures(self, x: Array) -> Array:
        """The scaled eigenvalues (..., size), ascending."""
        return np.asarray(np.linalg.eigvalsh(self._scaled(x)[0]), dtype=np.float64)

    def lowest(self, x: Array) -> Array:
        """The smallest curvature."""
        return np.asarray(self.curvatures(x)[..., 0])

    def softest(self, x: Array) -> Array:
        """The direction in theta along which the curvature is smallest, (size,), of unit length."""
        matrix, scale = self._scaled(x)
        direction = scale * np.linalg.eigh(matrix)[1][:, 0]
        return np.asarray(direction / np.linalg.norm(direction))

    def fold(self, x: Array) -> Array:
        """Vanishes where the smallest curvature of a stationary point does."""
        return with_equation(self.stationary, self.lowest)(x)

    @property
    def kinks(self) -> tuple[int, ...]:
        """The corners whose sign matters, as indices for `corner`; without bias there are none."""
        return {Bias.NONE: (), Bias.SHARED: (0, 2, 3), Bias.PER_FEATURE: (0, 1, 2, 3)}[self.bias]

    @property
    def edges(self) -> tuple[int, ...]:
        """The corners W_1 W_2 + b_i, across which curvatures are continuous, but their derivatives jump."""
        return {Bias.NONE: (), Bias.SHARED: (4,), Bias.PER_FEATURE: (4, 5)}[self.bias]

    def corners(self, x: Array) -> Array:
        """b_1, b_2, W_1^2 + b_1, W_2^2 + b_2, W_1 W_2 + b_1, W_1 W_2 + b_2 (..., 6)."""
        theta = self.bias.embed(x[..., : self.size])
        W, b = theta[..., :2], theta[..., 2:]
        return np.concatenate([b, W * W + b, W.prod(axis=-1, keepdims=True) + b], axis=-1)

    def corner(self, k: int, x: Array) -> Array:
        """One of the corners (...)."""
        return np.asarray(self.corners(x)[..., k])

    def on_corner(self, k: int) -> System:
        """The system of a branch at a corner."""
        return with_equation(self.stationary, lambda x: self.corner(k, x))

    def _moved(self, k: int, value: Array | float, x: Array) -> Array:
        """x with a bias changed so that corner k has the value given."""
        moved = np.array(x, dtype=float)
        moved[..., 2 if self.bias is Bias.SHARED else 2 + k % 2] += value - self.corner(k, x)
        return moved

    def beside(self, k: int, side: float, x: Array) -> Array:
        """The smallest curvature next to a kink, on the side where the corner has the sign given: at x moved there."""
        return self.lowest(self._moved(k, side * _BESIDE, x))

    def lowest_from(self, sides: Mapping[int, float], x: Array) -> Array:
        """The smallest curvature as it is where the corners have the signs given, continued smoothly beyond.

        Beyond the corner it is twice its value on the corner minus its value at the mirror image.
        """
        value, corners = self.lowest(x), self.corners(x)
        for k, side in sides.items():
            height = side * corners[..., k]
            if (height < _BESIDE).any():
                mirrored = self.lowest(self._moved(k, side * np.abs(height), x))
                value = np.where(height < _BESIDE, 2 * self.beside(k, side, x) - mirrored, value)
        return value

    def fold_from(self, sides: Mapping[int, float]) -> System:
        """The system of a fold in the region where the corners have the signs given."""
        return with_equation(self.stationary, lambda x: self.lowest_from(sides, x))

    def sides(self, x: Array) -> dict[int, float]:
        """The signs of all corners at which second or third derivatives jump."""
        signs = np.sign(self.corners(x))
        return {k: float(signs[k]) for k in (*self.kinks, *self.edges)}

    def off_axis(self, i: int, side: float, x: Array) -> Array:
        """Positive while W_i has the sign given and is not tiny."""
        return np.asarray(side * x[..., i] - _ON_AXIS * np.exp(x[..., -2]))

    def thetas(self, rows: Array) -> Array:
        """(W1, W2, b1, b2) of the one point concerned, (n, 1, 4)."""
        return np.asarray(self.bias.embed(rows[:, None, : self.size]))


@dataclass(frozen=True)
class Dedicated:
    """The dedicated point of feature 1, known in closed form; no unknowns of its own."""

    bias: Bias
    size: int = 0

    def theta(self, place: Array) -> Array:
        """(W1, W2, b1, b2) at (..., (log p, log r))."""
        p, r = np.moveaxis(np.exp(place), -1, 0)
        zero = np.zeros_like(p)
        if self.bias is Bias.NONE:
            return np.stack([zero + 1, zero, zero, zero], axis=-1)
        if self.bias is Bias.PER_FEATURE:
            return np.stack([zero + 1, zero, zero, p / 2], axis=-1)
        b = r * p / 2 / (1 - 3 * p / 4 + r)
        return np.stack([np.sqrt(np.maximum(1 - 3 * b / 2, 0)), zero, b, b], axis=-1)

    def loss(self, x: Array) -> Array:
        """L over density (...)."""
        place = x[..., -2:]
        models = independent_parameters(*np.moveaxis(np.exp(place), -1, 0))
        return np.asarray(loss_and_gradient(self.theta(place), models)[0] / np.exp(place[..., 0]))

    def thetas(self, rows: Array) -> Array:
        """(W1, W2, b1, b2) of the one point concerned, (n, 1, 4)."""
        return self.theta(rows[:, -2:])[:, None]

    def stationary(self, x: Array) -> Array:
        """Nothing to solve for: (..., 0)."""
        return np.empty((*x.shape[:-1], 0))


@dataclass(frozen=True)
class Tie:
    """Two minima of equal loss: unknowns (theta of the first, theta of the second, log p, log r)."""

    first: Branch | Dedicated
    second: Branch | Dedicated

    def part(self, which: int, x: Array) -> Array:
        """The unknowns (theta, log p, log r) of the first (0) or second (1) minimum."""
        cut = self.first.size
        theta = x[..., :cut] if which == 0 else x[..., cut:-2]
        return np.concatenate([theta, x[..., -2:]], axis=-1)

    def gap(self, x: Array) -> Array:
        """Loss of the first minus loss of the second, over density."""
        return self.first.loss(self.part(0, x)) - self.second.loss(self.part(1, x))

    def system(self, x: Array) -> Array:
        """Vanishes on the curve."""
        equations = [self.first.stationary(self.part(0, x)), self.second.stationary(self.part(1, x))]
        return np.concatenate([*equations, self.gap(x)[..., None]], axis=-1)

    def is_of_two_minima(self, x: Array) -> bool:
        """Whether the two points differ, and neither has a negative curvature."""
        parts = [
            each.lowest(self.part(k, x)) for k, each in enumerate((self.first, self.second)) if isinstance(each, Branch)
        ]
        return bool(min(parts) > 0 and np.abs(self.theta(0, x) - self.theta(1, x)).max() > MERGED)

    def theta(self, which: int, x: Array) -> Array:
        """(W1, W2, b1, b2) of one of the minima."""
        minimum = (self.first, self.second)[which]
        if isinstance(minimum, Dedicated):
            return minimum.theta(x[..., -2:])
        return minimum.bias.embed(self.part(which, x)[..., : minimum.size])

    def thetas(self, rows: Array) -> Array:
        """(W1, W2, b1, b2) of both minima, (n, 2, 4)."""
        return np.stack([self.theta(which, rows) for which in (0, 1)], axis=1)

    def row(self, thetas: Array, place: Array) -> Array:
        """The unknowns for given (W1, W2, b1, b2) of both minima, (2, 4)."""
        parts = [theta[: each.size] for theta, each in zip(thetas, (self.first, self.second), strict=True)]
        return np.concatenate([*parts, place])
