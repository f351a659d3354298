"""Dead outputs: ReLUs that are never positive on inputs that occur.

h_i = alpha_i x_i + beta x_j + b_i is linear, so its supremum over an on/off pattern is reached at a corner of the face
that the pattern covers: B = b_i with both features off, and at every face; A = alpha_i + b_i where feature i can be on;
E = beta + b_i where feature j can be on; F = alpha_i + beta + b_i where both can be on. Output i is dead where none of
the corners that occur is positive. Then its loss is I_i E[x_i^2] whatever its parameters are.

A dead output whose corners are all negative is at rest: nothing that happens nearby changes its loss. At W_i = 0 = b_i,
where h_i vanishes identically, the output is dead by this definition, too, but not at rest: the loss has a kink there,
and falls at rate I_i E[x_i] along b_i. On the rest of the border, where the largest corner is zero, its gradient is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def highest(theta: npt.NDArray[Any], patterns: tuple[Any, Any, Any, Any]) -> npt.NDArray[Any]:
    """The largest h_1 and h_2 on inputs that occur (..., 2), for theta (..., 4) = (W1, W2, b1, b2).

    `patterns` are P00, P10, P01, P11; only whether they are positive matters.
    """
    _, first, second, both = (bool(p > 0) for p in patterns)
    W, b = theta[..., :2], theta[..., 2:]
    own, cross = W * W, W[..., :1] * W[..., 1:]
    on, other_on = np.array([first or both, second or both]), np.array([second or both, first or both])
    corners = [0 * own, np.where(on, own, 0), np.where(other_on, cross, 0), np.where(both, own + cross, 0)]
    return b + np.maximum.reduce(corners)


def is_dead(theta: npt.NDArray[Any], patterns: tuple[Any, Any, Any, Any]) -> npt.NDArray[np.bool_]:
    """Which outputs are dead (..., 2)."""
    return np.asarray(highest(theta, patterns) <= 0)


def is_at_rest(theta: npt.NDArray[Any], patterns: tuple[Any, Any, Any, Any]) -> npt.NDArray[np.bool_]:
    """Which outputs are dead with zero gradient (..., 2): all dead ones but those with W_i = 0 = b_i."""
    return is_dead(theta, patterns) & ((theta[..., :2] != 0) | (theta[..., 2:] != 0))
