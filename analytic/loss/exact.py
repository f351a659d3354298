"""The loss in exact or arbitrary-precision arithmetic: the formulas of `kernels.py` applied to other numbers.

Rational inputs give the rational value, so this module is also what the accuracy of the float64 code is measured
against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from analytic.loss import kernels
from analytic.validation import InvalidValue

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel


def arithmetic(values: Sequence[Any]) -> Callable[[Any], Any]:
    """The conversion into the richest arithmetic among the arguments: SymPy before mpmath before rationals."""
    packages = {type(value).__module__.split(".")[0] for value in values}
    if "sympy" in packages:
        import sympy

        return lambda value: (
            sympy.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else sympy.sympify(value)
        )
    if "mpmath" in packages:
        import mpmath

        return lambda value: (
            mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else mpmath.mpf(value)
        )
    return lambda value: Fraction(value.item() if isinstance(value, np.generic) else value)


def _biases(model: ToyModel, b: Any) -> tuple[Any, Any]:
    if b is None:
        return 0, 0
    if model.bias == "none":
        raise InvalidValue("b must be None for a model without bias; set bias='shared' or 'per-feature'")
    if model.bias == "shared":
        return b, b
    if len(b) != 2:
        raise InvalidValue(f"b must have two entries, one bias per feature, got {b!r}")
    return b[0], b[1]


def exact_loss(model: ToyModel, W: Sequence[Any], b: Any = None) -> Any:
    """`ToyModel.exact_loss`."""
    if len(W) != 2:
        raise InvalidValue(f"W must have two entries, one weight per feature, got {W!r}")
    values = [*W, *_biases(model, b)]
    convert = arithmetic(values)
    value = kernels.loss(*map(convert, (*values, *model.exact_importance, *model.exact_patterns)))
    return value.simplify() if hasattr(value, "simplify") else value


def mpmath_parameters(model: ToyModel) -> list[Any]:
    """I1, I2, P00, P10, P01, P11 as mpmath numbers at the working precision."""
    import mpmath

    return [mpmath.mpf(n.numerator) / n.denominator for n in (*model.exact_importance, *model.exact_patterns)]


def exact_gradient(parameters: Sequence[Any], W1: Any, W2: Any, b1: Any, b2: Any) -> list[Any]:
    """Derivatives of the loss by W1, W2, b1, b2 in the arithmetic of the arguments.

    `parameters` holds I1, I2, P00, P10, P01, P11.
    """
    _, *gradient = kernels.gradient(W1, W2, b1, b2, *parameters)
    return gradient
