"""Every stationary point with bias: special points, a search over all rays of the plane of weights, flat sets.

Candidates come from three sources (`candidates`): closed forms and symmetries (`special_points`), points that have just
left an axis (`axis_neighbours`), and the search for everything with W1 W2 != 0 and both outputs live (`off_axes`). A
candidate that an earlier source has already is dropped; the first word stands, because it is the exact one.

Each candidate has an index (`kinds`), and over both copies of all of them they sum to one. Where they do not, something
is missing and the search is repeated on finer rays. This is not a proof that nothing is missing: a pair of points of
opposite index, just born at a fold, could be. Tests compare with an independent search on extreme models.
"""

from __future__ import annotations

from warnings import warn

import mpmath
import numpy as np

from analytic.landscape.axis_neighbours import next_to_axes
from analytic.landscape.candidates import Candidate, Source, judged
from analytic.landscape.flat_sets import flat_sets
from analytic.landscape.off_axes import LEVELS, find_off_axes
from analytic.landscape.records import Landscape
from analytic.landscape.special_points import special_points
from analytic.models.bias import Bias
from analytic.models.toy import ToyModel


def _copies(candidate: Candidate) -> int:
    """How many points its orbit under W -> -W has."""
    return 2 if candidate.z[:2].any() else 1


def _indices_add_up(found: list[Candidate]) -> bool:
    """Whether the indices of all points, both copies of each, sum to one. True if some are unknown."""
    if any(candidate.verdict.index is None for candidate in found):
        return True
    return sum(_copies(candidate) * (candidate.verdict.index or 0) for candidate in found) == 1


def _add_unknown(found: list[Candidate], new: list[Candidate]) -> None:
    """Adds candidates whose smaller weight tells them from all that are there."""
    for candidate in new:
        weights = candidate.z[:2]
        if not any(np.all(np.abs(weights - other.z[:2]) <= 1e-2 * np.abs(weights)) for other in found):
            found.append(candidate)


def candidates(model: ToyModel) -> tuple[list[Candidate], bool]:
    """All candidates of a model with shared or per-feature bias, and whether their indices add up."""
    found = [*special_points(model), *next_to_axes(model)]
    for level in range(LEVELS):
        for z in find_off_axes(model.parameters, model.bias is Bias.SHARED, level):
            if not any(candidate.is_same(z) for candidate in found):
                found.append(judged(model, z, Source.SEARCHED))
        if not _indices_add_up(found) and level == 0:
            _add_unknown(found, next_to_axes(model, everywhere=True))
        if _indices_add_up(found):
            return found, True
    return found, False


def biased_landscape(model: ToyModel, digits: int | None = None) -> Landscape:
    """Every stationary point and flat set of a model with shared or per-feature bias.

    Warns with a RuntimeWarning if the indices do not add up even on the finest rays: then a point is missing.
    """
    found, complete = candidates(model)
    if not complete:
        warn(f"the list of stationary points of {model!r} is incomplete: indices do not add up", RuntimeWarning, 3)
    points = [candidate.record(model, digits) for candidate in found]
    if digits is None:
        return Landscape.collect(model, points, flat_sets(model))
    with mpmath.workdps(digits + 5):
        flat = flat_sets(model, lambda exact: mpmath.mpf(exact.numerator) / exact.denominator)
    return Landscape.collect(model, points, flat)
