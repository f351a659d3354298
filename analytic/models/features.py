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

from analytic.validation import InvalidValue, exact, plain, refuse

#: The range of importances that are told apart from zero and infinity; far outside of it squares under- or overflow.
IMPORTANCE_RANGE = (1e-100, 1e100)
#: Probabilities have to sum to one within this.
_SUM = Fraction(1, 10**12)
#: Joint probabilities this close to the product, relatively, are the product: floats cannot say it better.
_INDEPENDENT = Fraction(1, 2**50)


def exact_pair(name: str, value: Any) -> tuple[Fraction, Fraction]:
    """A number for both features, or one number for each."""
    value = plain(value)
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        value = np.asarray(value).tolist()
    if not isinstance(value, Sequence) or isinstance(value, str):
        number = exact(name, value)
        return number, number
    if len(value) != 2:
        refuse(name, f"be one number or a pair (one per feature), not {len(value)} entries", value)
    return exact(f"{name}[0]", value[0]), exact(f"{name}[1]", value[1])


def importance_pair(value: Any) -> tuple[Fraction, Fraction]:
    """(I1, I2), or (1, r) for one number r."""
    pair = exact_pair("importance", value)
    if np.ndim(plain(value)) == 0:
        pair = Fraction(1), pair[1]
    low, high = IMPORTANCE_RANGE
    if not all(low <= number <= high for number in pair):
        refuse("importance", f"be positive, between {low:g} and {high:g}", value)
    return pair


def probability_pair(name: str, value: Any) -> tuple[Fraction, Fraction]:
    """(S1, S2) or (p1, p2)."""
    pair = exact_pair(name, value)
    if not all(0 <= number <= 1 for number in pair):
        refuse(
            name,
            "lie in [0, 1]",
            value,
            "sparsity is the probability that a feature is zero, density = 1 - sparsity the probability that it is not",
        )
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


def independent_parameters(density: npt.ArrayLike, importance: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(I1, I2, P00, P10, P01, P11) for independent features of equal density and importances (1, r): shape (..., 6).

    The arguments broadcast and are taken as they are; `ToyModel.parameters` is the validated way for one model.
    """
    p, r = np.broadcast_arrays(np.asarray(density, float), np.asarray(importance, float))
    return np.stack([np.ones_like(p), r, (1 - p) ** 2, p * (1 - p), p * (1 - p), p * p], axis=-1)
