"""Antipodal simplices: d + 1 antipodal pairs along the lines of a simplex in d dimensions, a group of 2d + 2 features.

In one dimension that is two digons on one line, in the plane a hexagon, in space a cube; in many dimensions it is
nearly d digons, orthogonal up to cosines of 1/d, with one more pair than there are dimensions. Training finds it beside
digons and pentagons, and it is larger than what a search can take; but its symmetry leaves two unknowns, the norm of
the features and the bias. The best point of this kind is stationary in all directions (symmetric criticality: up to
multiples there is one W that follows all permutations of the lines and all exchanges within them). Whether it is a
minimum is another question.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from analytic.models.relu_output import ReluOutputModel
from analytic.search.mixtures import Part
from analytic.search.structured import simplex
from analytic.validation import number, whole

Array = npt.NDArray[np.float64]

#: Accuracy of the loss on the lattice, and of the gradient by norm and bias, relative to the scale of the loss.
_TOLERANCE = 1e-8
#: Norm and bias to start from.
_START = np.array([1.05, -0.05])


def antipodal_simplex(density: float, dimension: int) -> Part:
    """The best antipodal simplex of equal features of importance 1, with a bias each.

    Parameters
    ----------
    density
        P(x_i != 0), above 0 and at most 1.
    dimension
        d, at least 2.

    Returns
    -------
    Part
        2d + 2 features in d dimensions. The loss is exact for d up to 4, else from the lattice, within 1e-8 of its
        scale.

    Examples
    --------
    >>> antipodal_simplex(0.0316, 2)
    Part(hexagon: 6 features in 2, loss=0.0131363408)
    """
    p, d = number("density", density, above=0, most=1), whole("dimension", dimension, 2)
    corners = simplex(d)
    U = np.concatenate([corners, -corners], axis=1)
    model = ReluOutputModel.from_density(U.shape[1], d, p)

    def along(point: Array) -> tuple[float, Array]:
        biases = np.full(U.shape[1], point[1])
        loss, by_W, by_b = model.loss_and_gradient(point[0] * U, biases, tolerance=_TOLERANCE)
        return loss / model.silent_loss, np.array([(by_W * U).sum(), by_b.sum()]) / model.silent_loss

    found = minimize(along, _START, jac=True, method="BFGS", options={"gtol": _TOLERANCE})
    return Part(found.x[0] * U, np.full(U.shape[1], found.x[1]), float(found.fun * model.silent_loss))
