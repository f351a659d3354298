"""Whether a mixture of orthogonal groups is a minimum: its groups have to be tried only two by two.

Take a product of stationary groups, independent features and a bias each. In place of b_i use the bias that counts the
features of other groups at their means, b'_i = b_i + sum_j E[x_j] g_ij over j outside the group of i. Then

    h_i = b'_i + sum_{j in the group} g_ij x_j + sum_{j outside} g_ij (x_j - E[x_j]).

At the product the last sum is zero, and each of its terms has mean zero and is independent of x_i, of the rest of h_i
and of the other terms. So dL_i/dg_ij = 0 there for j outside, and so are the second derivatives of L_i by g_ij and
g_ik for j and k in two different groups, or by g_ij and anything inside. Let X_AB be the change of W in the rows of
group A and the columns of group B. The g_ij with i in A and j in B are linear in X_AB and X_BA to first order; what
they hold of second order, and with it every third group, is multiplied by the first derivative, which is zero. And in
g_ij inside B, which X_AB changes to second order, each A acts by itself. So the Hessian in these coordinates has a
block for each group and a block for each pair {A, B}, and nothing else: *where no corner of h_i is on its kink, a
product is a non-degenerate minimum, modulo rotations, if and only if every two of its groups are*, and it has a
direction downwards if and only if two of its groups have one. Of groups of one kind it takes two.

A feature by itself sits on a kink: W = 1, b = 0 has h = 0 wherever the feature is off. For it the Hessian is one-sided,
and pairs do not decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np

from analytic.models.relu_output import ReluOutputModel
from analytic.search.distinct import curvature
from analytic.search.minimiser import Objective
from analytic.search.mixtures import Mixture, Part
from analytic.validation import number


def pair_curvatures(mixture: Mixture, density: float) -> dict[tuple[str, str], float]:
    """The least curvature that any two groups of a mixture have together, by their names.

    Parameters
    ----------
    mixture
        As `Parts.mixture` gives it; what it is made of counts, and not how often, but for groups that occur once.
    density
        The density for which its groups were found.

    Returns
    -------
    dict
        For each two groups the smallest eigenvalue of the Hessian of the two alone, off rotations and flat directions.
        If all are positive, no group is a single feature and no dimension is empty, the mixture is a local minimum of
        the large model; if one is negative it is a saddle.
    """
    p = number("density", density, above=0, most=1)
    return {(one.name, other.name): _curvature(one, other, p) for one, other in _pairs(mixture)}


def _pairs(mixture: Mixture) -> Iterator[tuple[Part, Part]]:
    """Each two groups that meet, but for two features that are not represented."""
    kinds = list(zip(mixture.parts, mixture.counts, strict=True))
    for (one, count), (other, _) in combinations_with_replacement(kinds, 2):
        if one.dimension + other.dimension and (one is not other or count > 1):
            yield one, other


def _curvature(one: Part, other: Part, density: float) -> float:
    features, hidden = one.features + other.features, one.dimension + other.dimension
    parts, counts = ((one,), (2.0,)) if one is other else ((one, other), (1.0, 1.0))
    W, b = Mixture(features, hidden, parts, counts).weights()
    objective = Objective(ReluOutputModel.from_density(features, hidden, density))
    return curvature(objective, np.concatenate([W.ravel(), b]))
