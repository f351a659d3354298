"""Flat sets: connected families of stationary points on which an output is dead.

Output i is dead where h_i <= 0 on the whole square: max(b_i, alpha_i + b_i, beta + b_i, alpha_i + beta + b_i) <= 0.
Its loss is then I_i E[x_i^2] whatever its parameters are, and the other output j has to be stationary alone. If j is
live and W_i W_j != 0, its derivatives by alpha_j, beta and b_j vanish together; on the set where h_j > 0 the error
x_j - h_j is then orthogonal to 1, x_j and x_i, hence to itself: it is zero, and feature j is reproduced exactly.
What remains:

    both dead              loss c = sum_i I_i E[x_i^2]                                     minimum
    i dead, j perfect      W_j = +-1, b_j = 0, W_i = 0, b_i < 0; loss I_i E[x_i^2]         minimum
                           if P11 = 0 also W_i != 0 with W1 W2 < 0 and b_i <= -W_i^2
    i dead, j constant     W_j = 0, b_j = E[x_j], b_i < 0, b_i <= -W_i^2; loss I_i E[x_i^2] + I_j Var(x_j)
                           independent features: saddle for W_i^2 <= 2 Var(x_j)/Var(x_i), minimum beyond;
                           else only W_i = 0, a saddle

Minima: where all corners are strictly negative, the dead output stays dead nearby, so only output j counts. If it is
perfect, it cannot get better. If it is constant, W_j = eps makes h_j = b_j + eps W_i x_i + eps^2 x_j, and with the best
b_j its loss grows by I_j eps^2 (W_i^2 Var(x_i) - 2 Var(x_j)): a lever W_i that is long enough makes the disturbance of
x_j by x_i outweigh the gain. The border of that family has lower neighbours on the saddle side. In the shared
convention a live output with b > 0 revives the other one, and b <= 0 leaves only the first family: at b = 0, W_i = 0
the loss falls at rate I_i E[x_i] along b.

Points of a minimum family where a corner of the dead output is exactly zero are stationary, too, but raising the bias
lowers the loss there to higher order: they are contained, as the border of the set. W_i = 0 = b_i is not: the loss has
a kink there.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.landscape.records import Family, FlatSet, Phase
from analytic.models.toy import ToyModel

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


def _constant(model: ToyModel, j: int, minimum: bool) -> Callable[[Point], bool]:
    variance, mean = variances(model), float(model.exact_density[j] / 2)
    independent = model.independent

    def contains(point: Point) -> bool:
        W, b = point
        i = 1 - j
        if W[j] != 0 or float(b[j]) != mean or not is_dead(point, i) or (W[i] != 0 and not independent):
            return False
        return (W[i] ** 2 * variance[i] > 2 * variance[j]) == minimum

    return contains


def variances(model: ToyModel) -> list[Fraction]:
    """Variance of each feature."""
    return [p / 3 - p**2 / 4 for p in model.exact_density]


def _on_arrays(contains: Callable[[Point], bool]) -> Callable[[npt.ArrayLike, npt.ArrayLike | None], bool]:
    def of_arrays(W: npt.ArrayLike, b: npt.ArrayLike | None) -> bool:
        point = _exact(W, b)
        return point is not None and contains(point)

    return of_arrays


def _of_live_output(model: ToyModel, j: int, number: Callable[[Fraction], Any]) -> list[FlatSet]:
    """The families with output j live and the other one dead."""
    i, exclusive = 1 - j, model.exact_patterns[3] == 0
    silent = model.exact_importance[i] * model.exact_density[i] / 3
    level = number(silent + model.exact_importance[j] * variances(model)[j])
    phase: Phase = "dedicated-1" if j == 0 else "dedicated-2"
    perfect = f"output {i + 1} dead, feature {j + 1} reproduced exactly"
    constant = f"output {i + 1} dead, output {j + 1} constant at the mean"
    sets = [
        FlatSet("minimum", phase, number(silent), perfect, Family.PERFECT, j, _on_arrays(_perfect(j, exclusive))),
        FlatSet("saddle", "silent", level, constant, Family.CONSTANT, j, _on_arrays(_constant(model, j, False))),
    ]
    if model.independent:
        large = f"{constant}, |W{i + 1}| large"
        sets.append(
            FlatSet("minimum", "silent", level, large, Family.CONSTANT, j, _on_arrays(_constant(model, j, True)))
        )
    return sets


def flat_sets(model: ToyModel, number: Callable[[Fraction], Any] = float) -> list[FlatSet]:
    """Every flat set of a model with bias; losses as `number` of an exact rational."""
    pairs = zip(model.exact_importance, model.exact_density, strict=True)
    silent = sum((weight * p / 3 for weight, p in pairs), Fraction(0))
    dead = FlatSet("minimum", "silent", number(silent), "both outputs dead", Family.DEAD, None, _on_arrays(_both_dead))
    if model.bias == "shared":
        return [dead]
    return [dead, *_of_live_output(model, 0, number), *_of_live_output(model, 1, number)]
