"""Candidates for the list of stationary points with bias: where each comes from, and its own verdict.

A candidate is a point (W1, W2, b1, b2) that knows its source, which parameters are free there (the others are fixed
exactly, by a closed form or a symmetry), how close another point has to be to be the same one, and what it is: kind and
index. A source that knows the kind says so; the other points are judged here, by their second derivatives.

A bias that is zero exactly, where the Hessian jumps, is known to be so from its source. A bias that a search finds is
never zero, but may be too small for float64 to know its sign, as for features that are almost equal; then, and where
rounding error hides the sign of an eigenvalue, more digits decide (`high_precision`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from analytic.landscape.high_precision import exact_hessian, refined
from analytic.landscape.kinds import UNDECIDED, Verdict, one_sided_verdict, sizes, smooth_verdict
from analytic.landscape.records import StationaryPoint
from analytic.loss import kernels
from analytic.loss.exact import exact_loss
from analytic.models.bias import Bias
from analytic.models.symmetry import same
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

#: Float64 does not know the sign of a bias below this fraction of the density.
_TINY_BIAS = 1e-13
#: Digits that decide where float64 does not.
_DIGITS = 30


class Source(Enum):
    """Where a candidate comes from."""

    CLOSED_FORM = "closed form"
    SYMMETRIC = "mapped to itself by the exchange of equal features"
    SEARCHED = "found on a ray of the plane of weights"
    NEXT_TO_AXIS = "next to a point on an axis that changes its kind nearby"


#: Points closer than this, relative to the larger weight, are one: those of closed form are exact, but the loss is
#: degenerate around some of the symmetric ones and next to an axis, where a search ends anywhere near.
_SAME_WITHIN = {Source.CLOSED_FORM: 1e-10, Source.SYMMETRIC: 1e-5, Source.SEARCHED: 1e-9, Source.NEXT_TO_AXIS: 1e-8}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A stationary point z = (W1, W2, b1, b2), free in the directions of `frame` (4, k), exact in the others."""

    z: Array
    source: Source
    frame: Array
    verdict: Verdict
    on_kink: bool

    def is_same(self, z: Array) -> bool:
        """Whether z or its symmetric copy is this point."""
        return same(self.z, z, _SAME_WITHIN[self.source] * np.abs(z[:2]).max())

    def record(self, model: ToyModel, digits: int | None) -> StationaryPoint:
        """The stationary point in the model's convention, as mpmath numbers if digits are asked for."""
        z: npt.NDArray[Any] = self.z
        if digits is not None:
            z = np.array(refined(model, self.z, self.frame, digits), dtype=object)
        W, b = z[:2].copy(), z[2] if model.bias is Bias.SHARED else z[2:].copy()
        if digits is None:
            value: Any = float(kernels.loss(*z.tolist(), *model.parameters.tolist()))
            b = float(b) if model.bias is Bias.SHARED else b
        else:
            with mpmath.workdps(digits + 5):
                value = exact_loss(model, W, b)
        eigenvalues = None if self.on_kink else np.linalg.eigvalsh(_gathered_hessian(model, self.z)).astype(np.float64)
        return StationaryPoint(W, b, value, self.verdict.kind, eigenvalues, self.on_kink)


def on_kink(model: ToyModel, z: Array) -> bool:
    """Whether the Hessian jumps by the atom at both features off."""
    return bool(model.exact_patterns[0] > 0 and np.any(z[2:] == 0))


def full_hessian(model: ToyModel, z: Array) -> Array:
    """Second derivatives by (W1, W2, b1, b2); plain arithmetic, because compiling it would take longer."""
    W11, W12, W1b1, W1b2, W22, W2b1, W2b2, b11, b22 = kernels.hessian(*z.tolist(), *model.parameters.tolist())
    rows = [W11, W12, W1b1, W1b2], [W12, W22, W2b1, W2b2], [W1b1, W2b1, b11, 0.0], [W1b2, W2b2, 0.0, b22]
    return np.array(rows)


def _gathered_hessian(model: ToyModel, z: Array) -> Array:
    return model.bias.gather_hessian(full_hessian(model, z))


def _bounds(model: ToyModel, z: Array) -> Array:
    bounds = np.empty(4)
    sizes.py_func(z.tolist(), model.bias is Bias.SHARED, model.parameters.tolist(), bounds)
    return bounds


def _on_kink_verdict(model: ToyModel, z: Array) -> Verdict:
    """At a bias that is exactly zero."""
    values = model.parameters
    jumps = 2 * values[:2] * values[2] * (z[2:] == 0)
    if model.bias is Bias.SHARED:
        jumps = jumps.sum(keepdims=True)
    return one_sided_verdict(_gathered_hessian(model, z), jumps, 1e-13 * _bounds(model, z)[0])


def _with_more_digits(model: ToyModel, z: Array, frame: Array) -> tuple[Array, Verdict]:
    """The point right to float64 in every coordinate, and its kind from a Hessian that is right to float64."""
    try:
        exact = refined(model, z, frame, _DIGITS)
    except ArithmeticError:
        return z, UNDECIDED
    embedding = model.bias.embedding()
    curvature = exact_hessian(model, exact, embedding)
    return np.array([float(value) for value in exact]), smooth_verdict(curvature, np.abs(np.diag(curvature)))


def judged(model: ToyModel, z: Array, source: Source, frame: Array | None = None) -> Candidate:
    """The candidate with the kind that its second derivatives say; by default free in all parameters of the model."""
    frame = model.bias.embedding() if frame is None else frame
    kink = on_kink(model, z)
    if kink:
        return Candidate(z, source, frame, _on_kink_verdict(model, z), True)
    verdict = smooth_verdict(_gathered_hessian(model, z), _bounds(model, z))
    unsigned = model.exact_patterns[0] > 0 and np.any(np.abs(z[2:]) < _TINY_BIAS * np.array(model.density))
    if unsigned or verdict is UNDECIDED:
        z, verdict = _with_more_digits(model, z, frame)
    return Candidate(z, source, frame, verdict, False)
