"""Feature dimensionality: the share of a hidden dimension that each feature has for itself (Elhage et al., 2022).

    D_i = |W_i|^2 / sum_j (u_i . W_j)^2,    u_i = W_i / |W_i|

One for a feature that is orthogonal to all others, 1/2 for both features of a digon, k/n for n features that are spread
evenly over k dimensions. With A = W W^T it is |W_i|^2 / (u_i . A u_i), by Jensen's inequality at most W_i . A^+ W_i:
the D_i sum to at most the rank of W, and to the rank exactly if every feature is an eigenvector of A.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytic.validation import InvalidValue, real_array


def feature_dimensionality(W: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The dimensionality of every feature.

    Parameters
    ----------
    W : array_like, shape (..., hidden, features)

    Returns
    -------
    float64 array, shape (..., features)
        0 where W_i = 0. Scaling W does not change it; rounding errors are a few eps.

    Examples
    --------
    >>> feature_dimensionality([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]).tolist()
    [0.5, 0.5, 0.0]
    """
    weights = real_array("W", W)
    if weights.ndim < 2:
        raise InvalidValue(f"W must have shape (..., hidden, features), got shape {weights.shape}")
    largest = np.abs(weights).max(axis=(-2, -1), keepdims=True, initial=0.0)
    scaled = weights / np.where(largest > 0, largest, 1.0)
    gram = np.swapaxes(scaled, -1, -2) @ scaled
    squares = np.diagonal(gram, axis1=-2, axis2=-1)
    shared = (gram**2).sum(axis=-1)
    # |W_i|^4 over the sum of (W_i . W_j)^2, which holds |W_i|^4 itself: underflow leaves 0/0 for negligible features
    return np.divide(squares**2, shared, out=np.zeros_like(squares), where=shared > 0)


def superposition(W: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How the last feature is represented: |W_n|, and the superposition measure sum_{j < n} (W_n / |W_n| . W_j)^2.

    The second is zero if the others leave the direction of the last feature alone, and about one if one of them shares
    it; it is zero by convention where W_n = 0. W has shape (..., hidden, features).
    """
    weights = np.asarray(W, dtype=np.float64)
    norm = np.linalg.norm(weights[..., -1], axis=-1)
    along = np.einsum("...m,...mj->...j", weights[..., -1], weights[..., :-1])
    return norm, np.square(along / np.where(norm > 0, norm, 1.0)[..., None]).sum(-1)
