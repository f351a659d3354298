"""Stationary points with bias to any number of digits, and their Hessians where float64 cannot tell a sign.

Newton's method in mpmath arithmetic, in the parameters that are free: `frame` is a matrix (4, k) whose columns span
them in (W1, W2, b1, b2), so that what a symmetry or a closed form fixes stays fixed exactly. A coordinate is right once
steps are below the last digit asked for, relative to itself; where cancellation in the gradient keeps them from getting
there, as next to a fold or for a bias of 1e-19, the precision is doubled.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from analytic.loss import kernels
from analytic.loss.exact import exact_gradient, mpmath_parameters
from analytic.models.toy import ToyModel

Array = npt.NDArray[np.float64]

_STEPS, _DOUBLINGS = 30, 5
#: Digits beyond those asked for in which Newton's method runs at first.
_GUARD = 20
#: Digits for Hessians that are rounded to float64 at the end.
_HESSIAN_DIGITS = 60


def _slopes(parameters: Any, z: Any, frame: Any) -> Any:
    """The gradient in the parameters of the frame."""
    return frame.T * mpmath.matrix(exact_gradient(parameters, *z))


def _hessian(parameters: Any, z: Any, frame: Any) -> Any:
    """Second derivatives in the parameters of the frame."""
    entries, full = iter(kernels.hessian(*z, *parameters)), mpmath.zeros(4)
    for i in range(4):
        for j in range(i, 4):
            full[i, j] = full[j, i] = next(entries) if (i, j) != (2, 3) else 0
    return frame.T * full * frame


def _newton(model: ToyModel, z: Any, frame: Any, digits: int) -> list[Any] | None:
    """Newton's method at the working precision, None if it does not reach the digits."""
    parameters, bound = mpmath_parameters(model), mpmath.mpf(10) ** -(digits + 2)
    z = [mpmath.mpf(value) for value in z]
    for _ in range(_STEPS):
        slopes = _slopes(parameters, z, frame)
        try:
            step = frame * mpmath.lu_solve(_hessian(parameters, z, frame), slopes)
        except ZeroDivisionError:
            return None
        z = [value - change for value, change in zip(z, step, strict=True)]
        if all(abs(change) <= bound * abs(value) for value, change in zip(z, step, strict=True)):
            return z
    return None


def refined(model: ToyModel, z: Array, frame: Array, digits: int, doublings: int = _DOUBLINGS) -> list[Any]:
    """The stationary point near z = (W1, W2, b1, b2), every coordinate right to so many digits, as mpmath numbers."""
    if frame.shape[1] == 0:
        return [mpmath.mpf(float(value)) for value in z]
    smallest = -int(np.log10(min(abs(value) for value in z if value)))
    for doubling in range(doublings):
        with mpmath.workdps((digits + _GUARD + 2 * max(smallest, 0)) * 2**doubling):
            end = _newton(model, list(map(float, z)), mpmath.matrix(frame.tolist()), digits)
            if end is not None and max(abs(value - float(start)) for value, start in zip(end, z, strict=True)) < 1e-4:
                return end
    raise ArithmeticError(f"{z} of {model!r} did not converge to {digits} digits; it may lie on a fold")


def exact_hessian(model: ToyModel, z: list[Any], frame: Array) -> Array:
    """The Hessian at z in the parameters of the frame, each entry right to float64."""
    with mpmath.workdps(_HESSIAN_DIGITS):
        parameters, basis = mpmath_parameters(model), mpmath.matrix(frame.tolist())
        entries = _hessian(parameters, z, basis)
        return np.array([[float(entries[i, j]) for j in range(basis.cols)] for i in range(basis.cols)])
