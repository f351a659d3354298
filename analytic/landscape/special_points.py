"""Stationary points with bias that are known without a search: in closed form, or by symmetry.

    W = 0            every bias at the mean of its target (of all of them, weighted by importance, if it is shared)
    W = (1, 0)       b = (0, p2/2); per-feature bias, independent features; on a jump of the Hessian (`kinds`)
    W = (s, 0)       shared bias, s^2 = 1 - 3b/2, b = I2 p2 / (2 (I1 (1 - 3 p1/4) + I2)), if it happens that
                     b (I1 (p2 - 3m) + I2 p1) = 2 I2 m with m = E[x1 x2]: independent features of equal density do it
    W = (1, -1)      b = 0, features that are never both on: then the loss is 0
    W = (q, q)       q^2 = 1/2, b = 0, if nothing changes when the features are exchanged
    W = (w, -w)      b1 = b2, then too; w and b from Newton's method in this plane, where the point is regular

and the first ones with the features exchanged. With one feature alone, W_2 = 0, these are all: with a bias per feature
the live output 1 is a regression of x_1 on itself, which is exact, so that W_1 = 1 and b_1 = 0, and then
dL/dW_2 = -2 I_2 W_1 Cov(x_1, x_2) has to vanish; a shared bias is positive, so that both outputs are linear, s and b
are those of a linear regression, and dL/dW_2 is proportional to the difference of the two sides above.

*W = 0* is a saddle: dL^2/dW_i^2 = 4 I_i E[(b_i - x_i) x_i] < 0, and along the biases the loss is convex.

*The flat circle.* At density 1, equal importance and a bias per feature, the model without ReLU has the same least loss
on all of W1^2 + W2^2 = 1. Because x_i >= 0 the ReLU can only lower it, strictly where h_i < 0 somewhere: on the circle
on both sides of the multiples of 45 degrees. The four points there are degenerate saddles of index -1.

*Never both on.* If the features are alike then, all of |W| = 1, W1 W2 > 0 has one loss without bias (`unbiased`), and
the derivative by a shared bias there is proportional to 2 W1 W2 - 1: it vanishes at W = (q, q) and is negative
elsewhere. So the loss falls to fourth order to both sides of that point, another degenerate saddle of index -1.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from analytic.landscape.candidates import Candidate, Source, full_hessian, judged, on_kink
from analytic.landscape.kinds import Verdict, dedicated_form, two_sided_verdict
from analytic.loss import kernels
from analytic.models.bias import Bias
from analytic.models.symmetry import exchanged
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

_ITERATIONS = 50
#: Directions: one column per free parameter.
_DIAGONAL = np.array([[1.0], [1.0], [0.0], [0.0]])
_ANTIDIAGONAL = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
_NOWHERE = np.empty((4, 0))


def has_flat_circle(model: ToyModel) -> bool:
    """Density 1, equal importance, a bias per feature."""
    return model.bias is Bias.PER_FEATURE and model.symmetric and model.exact_patterns[3] == 1


def _origin(model: ToyModel) -> Candidate:
    (I1, I2), (p1, p2), m = model.exact_importance, model.exact_density, model.exact_patterns[3] / 4
    b1, b2 = p1 / 2, p2 / 2
    if model.bias is Bias.SHARED:
        b1 = b2 = (I1 * p1 + I2 * p2) / (2 * (I1 + I2))
    own = 4 * I1 * p1 * (b1 / 2 - Fraction(1, 3)), 4 * I2 * p2 * (b2 / 2 - Fraction(1, 3))
    mixed = 2 * (I1 * (b1 * p2 / 2 - m) + I2 * (b2 * p1 / 2 - m))
    determinant = own[0] * own[1] - mixed * mixed
    index = (determinant > 0) - (determinant < 0)
    z = np.array([0.0, 0.0, float(b1), float(b2)])
    frame = model.bias.embedding()[:, 2:]
    return Candidate(z, Source.CLOSED_FORM, frame, Verdict("saddle", index or None), False)


def dedicated_terms(model: ToyModel, side: int) -> tuple[int, float]:
    """The sign of `dedicated_form` for feature 1 towards one side, exact, and its size beside that of its terms."""
    exact = (*model.exact_density, *model.exact_importance)
    p1, p2, I1, I2 = map(float, exact)
    form, scale = dedicated_form(p1, p2, I1, I2, side, np.sqrt), (I1 + I2) * max(p1, p2)
    if abs(form) > 1e-13 * scale:
        return int(np.sign(form)), abs(form) / scale
    with mpmath.workdps(200):
        digits = [mpmath.mpf(n.numerator) / n.denominator for n in exact]
        precise = dedicated_form(digits[0], digits[1], digits[2], digits[3], side, mpmath.sqrt)
        return int(mpmath.sign(precise)) if abs(precise) > mpmath.mpf(10) ** -150 else 0, abs(form) / scale


def linear_axis_bias(model: ToyModel) -> Fraction:
    """The best shared bias with W2 = 0."""
    (I1, I2), (p1, p2) = model.exact_importance, model.exact_density
    return I2 * p2 / 2 / (I1 * (1 - 3 * p1 / 4) + I2)


def first_dedicated(model: ToyModel) -> Iterator[Candidate]:
    """The point with W2 = 0, if there is one."""
    if model.bias is Bias.SHARED:
        (I1, I2), (p1, p2), m = model.exact_importance, model.exact_density, model.exact_patterns[3] / 4
        b = linear_axis_bias(model)
        if b * (I1 * (p2 - 3 * m) + I2 * p1) == 2 * I2 * m:
            z = np.array([float(1 - 3 * b / 2) ** 0.5, 0.0, float(b), float(b)])
            yield judged(model, z, Source.CLOSED_FORM, model.bias.embedding()[:, [0, 2]])
    elif model.independent:
        z = np.array([1.0, 0.0, 0.0, float(model.exact_density[1] / 2)])
        verdict = two_sided_verdict([dedicated_terms(model, side)[0] for side in (1, -1)])
        if has_flat_circle(model):
            verdict = Verdict("saddle", -1)
        yield Candidate(z, Source.CLOSED_FORM, np.eye(4)[:, [0, 3]], verdict, True)


def _swapped(candidate: Candidate) -> Candidate:
    """The same point with the features exchanged."""
    frame = exchanged(candidate.frame.T).T
    return Candidate(exchanged(candidate.z), candidate.source, frame, candidate.verdict, candidate.on_kink)


def _symmetric_antipodal(model: ToyModel) -> Array:
    """The stationary point W = (w, -w), b1 = b2."""
    both_on, plane = model.patterns[3], _ANTIDIAGONAL
    z = np.array([1 - 0.3 * both_on, 0.3 * both_on - 1, both_on / 2, both_on / 2])
    for _ in range(_ITERATIONS):
        slope = plane.T @ np.array(kernels.gradient(*z.tolist(), *model.parameters.tolist())[1:])
        step = plane @ np.linalg.solve(plane.T @ full_hessian(model, z) @ plane, slope)
        z = z - step
        if np.abs(step).max() < 1e-15:
            break
    return z


def _symmetric(model: ToyModel) -> Iterator[Candidate]:
    found = [(np.array([0.5**0.5, 0.5**0.5, 0.0, 0.0]), _DIAGONAL)]
    if model.exact_patterns[3] > 0:
        found.append((_symmetric_antipodal(model), _ANTIDIAGONAL))
    for z, frame in found:
        never_both = model.bias is Bias.SHARED and model.exact_patterns[3] == 0
        if never_both or has_flat_circle(model):
            yield Candidate(z, Source.SYMMETRIC, frame, Verdict("saddle", -1), on_kink(model, z))
        else:
            yield judged(model, z, Source.SYMMETRIC, frame)


def special_points(model: ToyModel) -> list[Candidate]:
    """All of them, for a model with shared or per-feature bias."""
    found: list[Any] = [_origin(model), *first_dedicated(model), *map(_swapped, first_dedicated(model.exchanged))]
    if model.exact_patterns[3] == 0:
        z = np.array([1.0, -1.0, 0.0, 0.0])
        found.append(Candidate(z, Source.CLOSED_FORM, _NOWHERE, Verdict("minimum", 1), on_kink(model, z)))
    if model.symmetric:
        found += _symmetric(model)
    return found
