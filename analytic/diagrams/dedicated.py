"""Where the dedicated point of feature 1 changes its kind: explicit, in every convention.

Without bias the axis W2 = 0 is a kink of the loss, and never a minimum, but it attracts from the side W1 W2 < 0 where
the constant term of the antipodal sextic is negative. With a bias per feature the point W = (1, 0), b = (0, p/2) sits
on a jump of the Hessian, and there is one condition for each side; it is a minimum where both hold. With a shared bias
it is a smooth point, and there is one condition. All of them are linear in the importance r.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from analytic.landscape.kinds import dedicated_form
from analytic.loss import kernels
from analytic.models.bias import Bias

ANTIPODAL, CONFUSED = -1, 1


def _sqrt(number: Any) -> Any:
    """The square root in the arithmetic of the number: SymPy, mpmath or float."""
    package = type(number).__module__.split(".")[0]
    if package == "sympy":
        import sympy

        return sympy.sqrt(number)
    return mpmath.sqrt(number) if package == "mpmath" else np.sqrt(number)


def sides(bias: Bias) -> tuple[int, ...]:
    """The sides with a condition of their own: W1 W2 < 0 (-1), W1 W2 > 0 (1), or one for both (0)."""
    return {Bias.NONE: (ANTIPODAL,), Bias.SHARED: (0,), Bias.PER_FEATURE: (ANTIPODAL, CONFUSED)}[bias]


def instability(bias: Bias, side: int, p: Any) -> tuple[Any, Any]:
    """Coefficients (c0, c1) of c0 + c1 r, positive where the dedicated point of feature 1 is stable towards `side`.

    The arithmetic is that of the density p: a SymPy symbol gives the exact expression. derivations/dedicated.py and
    derivations/unbiased.py.
    """
    if bias is Bias.NONE:
        c0, c1 = kernels.instability_polynomial(p)
        return -c0, -c1
    if bias is Bias.SHARED:
        return 4 - 3 * p, -(4 + 3 * p)
    return dedicated_form(p, p, 1, 0, side, _sqrt), dedicated_form(p, p, 0, 1, side, _sqrt)


def instability_importance(bias: Bias, side: int, p: Any) -> Any:
    """The importance r at which the dedicated point of feature 1 changes its stability towards `side`."""
    c0, c1 = instability(bias, side, p)
    return -c0 / c1
