"""Bad input, refused at the door in one grammar: NAME must REQUIREMENT, got VALUE.

Every public entry checks its arguments once, with the functions below, and then trusts them. The errors have one base
class, `InvalidInput`, which the command turns into one sentence; its children are also what Python programmers expect,
ValueError and TypeError. Anything else that is raised is a bug and shows its traceback in Python.

Importing this module costs nothing: NumPy is loaded where an array is checked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Longest value that a message repeats in full.
_LONGEST = 80


class InvalidInput(Exception):
    """What was passed is not what is allowed; the message names the argument, the value and the allowed values."""


class InvalidValue(InvalidInput, ValueError):
    """A value outside of what is allowed."""


class InvalidType(InvalidInput, TypeError):
    """A value of a kind that is not allowed."""


def shown(value: object) -> str:
    """The value as an error message repeats it: never more than a line."""
    shape = getattr(value, "shape", None)
    text = repr(value)
    if len(text) <= _LONGEST and "\n" not in text:
        return text
    if isinstance(shape, tuple):
        return f"an array of shape {shape}"
    return f"{type(value).__name__} {' '.join(text.split())[: _LONGEST - 3]}..."


def refuse(name: str, requirement: str, value: object, hint: str = "") -> NoReturn:
    """Raises the InvalidValue "NAME must REQUIREMENT, got VALUE", followed by "; HINT" if there is one."""
    raise InvalidValue(f"{name} must {requirement}, got {shown(value)}{'; ' if hint else ''}{hint}")


def refuse_type(name: str, requirement: str, value: object, hint: str = "") -> NoReturn:
    """Raises the InvalidType "NAME must REQUIREMENT, got VALUE of type TYPE", followed by "; HINT" if there is one."""
    kind = type(value).__name__
    raise InvalidType(f"{name} must {requirement}, got {shown(value)} of type {kind}{'; ' if hint else ''}{hint}")


def one_of(name: str, value: object, allowed: Iterable[str]) -> str:
    """A name out of a list."""
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        refuse(name, f"be one of {', '.join(map(repr, names))}", value)
    return value


def plain(value: Any) -> Any:
    """Tensors of other libraries as NumPy arrays, and 0-d arrays as numbers; everything else as it is."""
    if hasattr(value, "detach"):
        value = value.detach()
        if "bfloat16" in str(getattr(value, "dtype", "")):
            value = value.float()
        value = value.cpu().numpy()
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def is_single(value: Any) -> bool:
    """Whether something is one value, and no sequence or array of values."""
    return not hasattr(plain(value), "__len__") or isinstance(value, (str, bytes, dict))


def exact(name: str, value: object) -> Fraction:
    """The rational number that a finite real number is: floats at their binary value."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        refuse_type(name, "be a real number", value)
    if not isinstance(value, Rational) and not math.isfinite(float(value)):
        refuse(name, "be finite", value)
    return Fraction(value) if isinstance(value, Rational) else Fraction(float(value))


def number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> float:
    """A finite real number inside the limits that are given, as a float."""
    found = float(exact(name, value))
    limits = (
        ("greater than", above, lambda limit: found > limit),
        ("at least", least, lambda limit: found >= limit),
        ("less than", below, lambda limit: found < limit),
        ("at most", most, lambda limit: found <= limit),
    )
    given = [(words, limit, holds) for words, limit, holds in limits if limit is not None]
    if not all(holds(limit) for _, limit, holds in given):
        refuse(name, "be " + " and ".join(f"{words} {limit:g}" for words, limit, _ in given), value)
    return found


def whole(name: str, value: object, least: int = 1, most: int | None = None) -> int:
    """A whole number from `least` to `most`."""
    requirement = "be a whole number, " + (f"from {least} to {most}" if most is not None else f"at least {least}")
    found: Any = plain(value)
    if isinstance(found, bool) or not hasattr(found, "__floor__"):
        refuse_type(name, requirement, value)
    if not math.isfinite(found) or found % 1 != 0 or found < least or (most is not None and found > most):
        refuse(name, requirement, value)
    return int(found)


def real_array(name: str, value: Any, *, finite: bool = False) -> npt.NDArray[np.float64]:
    """Lists, NumPy, PyTorch or JAX arrays of real numbers as float64."""
    import numpy as np

    try:
        array = np.asarray([plain(each) for each in value] if isinstance(value, (list, tuple)) else plain(value))
        if array.dtype.kind not in "biufO" and not (array.dtype.kind == "V" and array.dtype.name == "bfloat16"):
            raise TypeError
        array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError, RuntimeError):
        refuse_type(name, "be an array of real numbers", value)
    if finite and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InvalidValue(f"{name} must be finite, got {count} entries that are not, of {array.size}")
    return array


def limits(name: str, value: Any, most: float = math.inf) -> tuple[float, float]:
    """A pair 0 < low < high <= most."""
    pair = plain(value)
    if not hasattr(pair, "__len__") or isinstance(pair, str) or len(pair) != 2:
        refuse(name, "be a pair (low, high)", value)
    low, high = (number(f"{name}[{k}]", each) for k, each in enumerate(pair))
    if not 0 < low < high <= most:
        bound = "" if most == math.inf else f" <= {most:g}"
        refuse(name, f"be a pair 0 < low < high{bound}", value)
    return low, high


def increasing(name: str, values: Any, low: float, high: float) -> npt.NDArray[np.float64]:
    """A strictly increasing sequence of numbers inside (low, high]."""
    import numpy as np

    grid = np.atleast_1d(real_array(name, values))
    if grid.ndim != 1 or grid.size == 0 or not np.all(np.diff(grid) > 0):
        refuse(name, "be a strictly increasing sequence of numbers", values)
    if not (low < grid[0] and grid[-1] <= high):
        refuse(name, f"lie in ({low:g}, {high:g}]", f"values from {grid[0]:g} to {grid[-1]:g}")
    return grid
