"""Flat sets: connected families of stationary points on which an output is dead.

Output i is dead where h_i <= 0 on all inputs that occur (`loss.dead`); only patterns of positive probability count. Its
loss is then I_i E[x_i^2] whatever its parameters are, and the other output j has to be stationary alone. If j is
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
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.landscape.records import Family, FlatSet, Phase
from analytic.loss.dead import is_at_rest
from analytic.models.toy import ToyModel

Array = npt.NDArray[Any]


def _exact(W: npt.ArrayLike, b: npt.ArrayLike | None) -> Array | None:
    """(W1, W2, b1, b2) as exact rationals, a shared bias twice; None where a number is not finite."""
    numbers = [*np.asarray(W, float).ravel(), *np.broadcast_to(np.asarray(0.0 if b is None else b, float), 2)]
    if not np.all(np.isfinite(numbers)):
        return None
    return np.array([Fraction(number) for number in numbers], dtype=object)


def _both_dead(model: ToyModel, W: npt.ArrayLike, b: npt.ArrayLike | None) -> bool:
    theta = _exact(W, b)
    return theta is not None and bool(np.all(is_at_rest(theta, model.exact_patterns)))


def _perfect(model: ToyModel, j: int, W: npt.ArrayLike, b: npt.ArrayLike | None) -> bool:
    theta, i = _exact(W, b), 1 - j
    if theta is None or not is_at_rest(theta, model.exact_patterns)[i]:
        return False
    never_both = model.exact_patterns[3] == 0
    apart = theta[i] == 0 or (never_both and theta[0] * theta[1] < 0)
    return bool(abs(theta[j]) == 1 and theta[2 + j] == 0 and apart)


def _constant(model: ToyModel, j: int, minimum: bool, W: npt.ArrayLike, b: npt.ArrayLike | None) -> bool:
    theta, i = _exact(W, b), 1 - j
    if theta is None or not is_at_rest(theta, model.exact_patterns)[i]:
        return False
    mean, variance = float(model.exact_density[j] / 2), model.exact_variances
    if theta[j] != 0 or float(theta[2 + j]) != mean or (theta[i] != 0 and not model.independent):
        return False
    return bool((theta[i] ** 2 * variance[i] > 2 * variance[j]) == minimum)


def _of_live_output(model: ToyModel, j: int, number: Callable[[Fraction], Any]) -> list[FlatSet]:
    """The families with output j live and the other one dead."""
    i = 1 - j
    silent = model.exact_silent_losses[i]
    level = number(silent + model.exact_importance[j] * model.exact_variances[j])
    phase: Phase = "dedicated-1" if j == 0 else "dedicated-2"
    perfect = f"output {i + 1} dead, feature {j + 1} reproduced exactly"
    constant = f"output {i + 1} dead, output {j + 1} constant at the mean"
    sets = [
        FlatSet("minimum", phase, number(silent), perfect, Family.PERFECT, j, partial(_perfect, model, j)),
        FlatSet("saddle", "silent", level, constant, Family.CONSTANT, j, partial(_constant, model, j, False)),
    ]
    if model.independent:
        large = f"{constant}, |W{i + 1}| large"
        sets.append(FlatSet("minimum", "silent", level, large, Family.CONSTANT, j, partial(_constant, model, j, True)))
    return sets


def flat_sets(model: ToyModel, number: Callable[[Fraction], Any] = float) -> list[FlatSet]:
    """Every flat set of a model with bias; losses as `number` of an exact rational."""
    silent = sum(model.exact_silent_losses, Fraction(0))
    dead = FlatSet(
        "minimum", "silent", number(silent), "both outputs dead", Family.DEAD, None, partial(_both_dead, model)
    )
    if model.bias == "shared":
        return [dead]
    return [dead, *_of_live_output(model, 0, number), *_of_live_output(model, 1, number)]
