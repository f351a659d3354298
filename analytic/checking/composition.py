"""What trained weights are made of, told apart with no more precision than their noise permits.

`geometry` asks whether cosines of features are zero, or those of a named shape, up to a tolerance. Where the noise of
training is known, so is the covariance V of the weights (noise.py), and with it the standard deviation of every cosine
u_i . u_j of features with directions u_i:

    d cos_ij = (u_j - cos_ij u_i) . dW_i / |W_i| + (u_i - cos_ij u_j) . dW_j / |W_j|

Rotations of the hidden space change none of them.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Cosines count as equal within this many standard deviations: of a hundred of them, one in 160 models is beyond.
_DEVIATIONS = 4.0
#: What cosines are told apart by where no noise asks for more, and the most: a pentagon's 0.31 is not to become zero.
LEAST, MOST = 0.1, 0.25


def tolerance_for(W: Array, covariance: Array | None) -> float:
    """For `geometry` of W (m, n), given the covariance of its parameters, W row by row and first; None if unknown."""
    if covariance is None:
        return LEAST
    return float(np.clip(_DEVIATIONS * cosine_deviations(W, covariance).max(initial=0.0), LEAST, MOST))


def cosine_deviations(W: Array, covariance: Array) -> Array:
    """Standard deviations of the cosines of all pairs of features that are represented: (pairs,)."""
    hidden, features = W.shape
    norms = np.linalg.norm(W, axis=0)
    shown = np.flatnonzero(norms > LEAST * norms.max())
    u = W / np.where(norms > 0, norms, 1.0)
    slopes = []
    for i, j in combinations(shown, 2):
        slope, cosine = np.zeros((hidden, features)), u[:, i] @ u[:, j]
        slope[:, i], slope[:, j] = (u[:, j] - cosine * u[:, i]) / norms[i], (u[:, i] - cosine * u[:, j]) / norms[j]
        slopes.append(slope.ravel())
    J = np.array(slopes).reshape(-1, hidden * features)
    V = covariance[: W.size, : W.size]
    return np.asarray(np.sqrt(np.maximum(np.einsum("pk,kl,pl->p", J, V, J, optimize=True), 0.0)))
