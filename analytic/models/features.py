"""Features: importance, density and the joint probabilities of being on, as exact rationals.

A float stands for the binary fraction that it is. Decisions about degenerate landscapes are made on these values, so
what is equal, or independent, is so exactly. Importances are positive numbers; probabilities lie in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.validation import InvalidValue, exact, is_single, plain, refuse

#: The range of importances that are told apart from zero and infinity; far outside of it squares under- or overflow.
IMPORTANCE_RANGE = (1e-100, 1e100)
#: The most features with joint on/off probabilities: 4,096 patterns.
MOST_JOINT = 12
SPARSITY_AND_DENSITY = (
    "sparsity is the probability that a feature is zero, density = 1 - sparsity the probability that it is not"
)
#: Probabilities have to sum to one within this.
_SUM = Fraction(1, 10**12)
#: Joint probabilities this close to the product, relatively, are the product: floats cannot say it better.
_INDEPENDENT = Fraction(1, 2**50)


def exact_per_feature(name: str, value: Any, features: int) -> tuple[Fraction, ...]:
    """One number for all features, or a number for each."""
    value = plain(value)
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        value = np.asarray(value).tolist()
    if not isinstance(value, Sequence) or isinstance(value, str):
        return (exact(name, value),) * features
    if len(value) != features:
        each = "a pair" if features == 2 else f"{features} numbers"
        refuse(name, f"be one number or {each} (one per feature), not {len(value)} entries", value)
    return tuple(exact(f"{name}[{i}]", entry) for i, entry in enumerate(value))


def probabilities(name: str, value: Any, features: int) -> tuple[Fraction, ...]:
    """(S_1, ..., S_n) or (p_1, ..., p_n); one number is for all features."""
    found = exact_per_feature(name, value, features)
    if not all(0 <= each <= 1 for each in found):
        refuse(name, "lie in [0, 1]", value, SPARSITY_AND_DENSITY)
    return found


def importance_pair(value: Any) -> tuple[Fraction, ...]:
    """(I1, I2), or (1, r) for one number r."""
    pair = exact_per_feature("importance", value, 2)
    if is_single(value):
        pair = Fraction(1), pair[1]
    low, high = IMPORTANCE_RANGE
    if not all(low <= number <= high for number in pair):
        refuse("importance", f"be positive, between {low:g} and {high:g}", value)
    return pair


def exact_patterns(p00: Any, p10: Any, p01: Any, p11: Any) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """The joint probabilities of two features, summing to one exactly, and exactly independent if floats say so."""
    given = {"p00": p00, "p10": p10, "p01": p01, "p11": p11}
    found = {name: exact(name, value) for name, value in given.items()}
    for name, value in found.items():
        if not 0 <= value <= 1:
            refuse(name, "lie in [0, 1]", given[name])
    rest = 1 - found["p10"] - found["p01"] - found["p11"]
    if abs(rest - found["p00"]) > _SUM:
        raise InvalidValue(f"p00 + p10 + p01 + p11 must be 1, got {float(sum(found.values()))!r}")
    first, second, both = found["p10"] + found["p11"], found["p01"] + found["p11"], found["p11"]
    if abs(both - first * second) <= _INDEPENDENT * first * second:
        both = first * second
        return (1 - first) * (1 - second), first - both, second - both, both
    return max(rest, Fraction(0)), found["p10"], found["p01"], found["p11"]


def importances(value: Any, features: int) -> tuple[Fraction, ...]:
    """(I_1, ..., I_n); one number is for all features."""
    found = exact_per_feature("importance", value, features)
    low, high = IMPORTANCE_RANGE
    if not all(low <= each <= high for each in found):
        refuse("importance", f"be positive, between {low:g} and {high:g}", value)
    return found


def joint_patterns(patterns: Any) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...] | None]:
    """Densities of n features, and the probabilities of their 2^n patterns by bits: bit j says if feature j is on.

    `patterns` has shape (2,) * n, index 1 = on. The probability that all are off is set to what completes the others.
    Features that floats cannot tell from independent ones are so: then the second result is None.
    """
    array = np.asarray(plain(patterns), dtype=object)
    n = array.ndim
    if n == 0 or array.shape != (2,) * n:
        refuse("patterns", "have shape (2, 2, ..., 2), index 1 = on, one axis per feature", array)
    if n > MOST_JOINT:
        raise InvalidValue(f"patterns must describe at most {MOST_JOINT} features, got {n}")
    found = [exact("patterns", each) for each in array.transpose().ravel()]
    if not all(0 <= each <= 1 for each in found):
        refuse("patterns", "hold probabilities in [0, 1]", float(next(p for p in found if not 0 <= p <= 1)))
    if abs(sum(found, Fraction(-1))) > _SUM:
        refuse("patterns", "sum to 1", float(sum(found)))
    found[0] = max(1 - sum(found[1:], Fraction(0)), Fraction(0))
    densities = tuple(sum((p for r, p in enumerate(found) if r >> j & 1), Fraction(0)) for j in range(n))
    products = pattern_products(densities)
    close = all(abs(p - q) <= n * _INDEPENDENT / 2 * q for p, q in zip(found, products, strict=True))
    return densities, None if close else tuple(found)


def pattern_products(densities: Sequence[Fraction]) -> list[Fraction]:
    """The probabilities of all patterns of independent features, by bits."""
    products = [Fraction(1)]
    for p in densities:
        products = [each * (1 - p) for each in products] + [each * p for each in products]
    return products


def independent_parameters(density: npt.ArrayLike, importance: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(I1, I2, P00, P10, P01, P11) for independent features of equal density and importances (1, r): shape (..., 6).

    The arguments broadcast and are taken as they are; `ToyModel.parameters` is the validated way for one model.
    """
    p, r = np.asarray(density, float), np.asarray(importance, float)
    off, parameters = 1 - p, np.empty((*np.broadcast(p, r).shape, 6))
    parameters[..., 0], parameters[..., 1], parameters[..., 2] = 1.0, r, off * off
    parameters[..., 3] = parameters[..., 4] = p * off
    parameters[..., 5] = p * p
    return parameters
