"""Flat sets: connected families of stationary points on which an output is dead.

Output i is dead where h_i <= 0 on the whole square: max(b_i, alpha_i + b_i, beta + b_i, alpha_i + beta + b_i) <= 0. Its loss
is then I_i E[x_i^2] whatever its parameters are, and the other output j has to be stationary alone. If j is live and
W_i W_j != 0, its derivatives by alpha_j, beta and b_j vanish together; on the set where h_j > 0 the error x_j - h_j is
then orthogonal to 1, x_j and x_i, hence to itself, so it is zero: feature j is reproduced exactly. What remains:

    both dead              loss c = sum_i I_i E[x_i^2]                       minimum
    i dead, j perfect      W_j = +-1, b_j = 0, W_i = 0, b_i < 0, loss I_i E[x_i^2]                 minimum
                           if P11 = 0 also W_i != 0 with W1 W2 < 0 and b_i <= -W_i^2
    i dead, j constant     W_j = 0, b_j = E[x_j], loss I_i E[x_i^2] + I_j Var(x_j)                  saddle
                           independent features: every W_i with b_i <= -W_i^2; else W_i = 0; b_i < 0

Minima: where all corners are strictly negative, the dead output stays dead nearby and the other one cannot get better.
The saddle has second derivative -4 I_j Var(x_j) along W_j. In the shared convention a live output with b > 0 revives
the other one, and b <= 0 leaves only the first family: at b = 0, W_i = 0 the loss falls at rate I_i E[x_i] along b.

Points of a minimum family with a corner at exactly zero are stationary, too, but raising the bias lowers the loss there
to higher order: they are contained, as the border of the set. W_i = 0 = b_i is not: the loss has a kink there.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.model import ToyModel
from analytic.stationary.landscape import FlatSet

Point = tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]


def _exact(W: npt.ArrayLike, b: npt.ArrayLike | None) -> Point | None:
    """(W, b) as exact rationals, a shared bias twice; None where a number is not finite."""
    numbers = [*np.asarray(W, float).ravel(), *np.broadcast_to(np.asarray(0.0 if b is None else b, float), 2)]
    if not np.all(np.isfinite(numbers)):
        return None
    W1, W2, b1, b2 = map(Fraction, numbers)
    return (W1, W2), (b1, b2)


def is_dead(point: Point, i: int) -> bool:
    """Whether output i is zero on the whole square and stays stationary: h_i <= 0, and not W_i = 0 = b_i."""
    W, b = point
    beta = W[0] * W[1]
    return b[i] < 0 and W[i] ** 2 + max(beta, Fraction(0)) + b[i] <= 0


def _both_dead(point: Point) -> bool:
    return is_dead(point, 0) and is_dead(point, 1)


def _perfect(j: int, exclusive: bool) -> Callable[[Point], bool]:
    def contains(point: Point) -> bool:
        W, b = point
        off = W[1 - j] == 0 or (exclusive and W[0] * W[1] < 0)
        return abs(W[j]) == 1 and b[j] == 0 and off and is_dead(point, 1 - j)

    return contains


def _constant(j: int, mean: Fraction, independent: bool) -> Callable[[Point], bool]:
    def contains(point: Point) -> bool:
        W, b = point
        return W[j] == 0 and float(b[j]) == float(mean) and (independent or W[1 - j] == 0) and is_dead(point, 1 - j)

    return contains


def _on_arrays(contains: Callable[[Point], bool]) -> Callable[[npt.ArrayLike, npt.ArrayLike | None], bool]:
    def of_arrays(W: npt.ArrayLike, b: npt.ArrayLike | None) -> bool:
        point = _exact(W, b)
        return point is not None and contains(point)

    return of_arrays


def is_independent(model: ToyModel) -> bool:
    """Whether the two features are uncorrelated, up to the rounding of the pattern probabilities."""
    p1, p2 = model.exact_density
    return abs(model.exact_patterns[3] - p1 * p2) <= Fraction(1, 2**50) * p1 * p2


def flat_sets(model: ToyModel, number: Callable[[Fraction], Any] = float) -> list[FlatSet]:
    """Every flat set of a model with bias; losses as `number` of an exact rational."""
    density, importance = model.exact_density, model.exact_importance
    silent = [importance[i] * density[i] / 3 for i in range(2)]
    sets = [FlatSet("minimum", "silent", number(sum(silent, Fraction(0))), "both outputs dead", _on_arrays(_both_dead))]
    if model.bias == "shared":
        return sets
    exclusive, independent = model.exact_patterns[3] == 0, is_independent(model)
    for j in range(2):
        i = 1 - j
        phase = "dedicated-1" if j == 0 else "dedicated-2"
        variance = density[j] / 3 - density[j] ** 2 / 4
        perfect = f"output {i + 1} dead, feature {j + 1} reproduced exactly"
        constant = f"output {i + 1} dead, output {j + 1} constant at the mean"
        sets += [
            FlatSet("minimum", phase, number(silent[i]), perfect, _on_arrays(_perfect(j, exclusive))),  # type: ignore[arg-type]
            FlatSet(
                "saddle",
                "silent",
                number(silent[i] + importance[j] * variance),
                constant,
                _on_arrays(_constant(j, density[j] / 2, independent)),
            ),
        ]
    return sets
