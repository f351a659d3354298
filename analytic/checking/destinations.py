"""Where exact descent from trained weights ends, among the minima that a search found for their problem.

A model within the noise of a minimum is taken there by BFGS and Newton's method, as the starts of the search are. One
that is farther away follows the gradient flow, which does not jump over ridges. Either way descent goes on where it has
stopped at a saddle or beside a kink, as training with noise would. The minimum is then looked up in the list, modulo
rotations, permutations of features that are alike and flat sets of dead outputs. The list is what was found; a minimum
that is not on it is reported as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.attraction.descent import descend
from analytic.models.relu_output import ReluOutputModel
from analytic.search.distinct import SAME_LOSS, Distinct
from analytic.search.found import FoundMinimum, MinimaFound
from analytic.search.minimiser import CONVERGED, Ends, Objective, minimise
from analytic.search.multistart import record, search_minima, settled
from analytic.search.places import distance, places, same
from analytic.work import Progress, counted, reporting

Array = npt.NDArray[np.float64]

#: Random starts of the search where the caller names no number, and the most features for which it is done unasked.
STARTS, MOST_FEATURES = 200, 8
#: Searches that are kept for the next check.
_KEPT = 256


@dataclass(frozen=True, eq=False)
class Destination:
    """The minimum where exact descent from trained weights ends. Losses are summed over the features.

    minimum : with `.share`, of random starts that end there, and `.groups`, what it is made of
    place : its index in `found.minima`; None if it is not among them
    distance : of the weights and biases from it, modulo rotations, permutations and flat sets (search/places.py)
    found : the minima that the search found
    """

    minimum: FoundMinimum
    place: int | None
    distance: float
    found: MinimaFound

    @property
    def gap(self) -> float:
        """Its loss minus that of the best minimum found: negative if it is better than all of these."""
        return self.minimum.loss - self.found.global_minimum.loss if len(self.found) else 0.0

    @property
    def is_best(self) -> bool:
        """Whether no minimum that was found is better."""
        return self.gap <= SAME_LOSS * self.found.model.silent_loss

    @property
    def rank(self) -> str:
        """In words: "the best of the 5 minima found", "0.0102 above the best of the 5 minima found (pentagon)"."""
        if not len(self.found):
            return "the search found no minimum"
        best = f"the best of the {len(self.found)} minima found" if len(self.found) > 1 else "the only minimum found"
        if self.is_best and self.place is not None:
            return best
        where = "below" if self.gap < 0 else "above"
        absent = "" if self.place is not None else "not among those found, and "
        return f"{absent}{abs(self.gap):.3g} {where} {best} ({self.found.global_minimum.shape})"

    @property
    def often(self) -> str:
        """In words, how many random starts end there, with the 95 % interval."""
        share = self.minimum.share
        low, high = (f"{10 * each:.1f}" for each in (share.low, share.high))
        return f"{10 * share.estimate:.1f} of 10 random starts end there (95 %: {low} to {high})"


@dataclass(frozen=True)
class _Question:
    """What is searched; how it reports makes no difference to the answer."""

    model: ReluOutputModel
    starts: int
    init: Any
    instances: int
    layout: str
    progress: Progress = field(compare=False)


@lru_cache(maxsize=_KEPT)
def _answer(question: _Question) -> MinimaFound:
    return search_minima(**vars(question))


def searches(
    problems: Sequence[ReluOutputModel], starts: int, init: Any, instances: int, layout: str, progress: Progress
) -> dict[ReluOutputModel, MinimaFound]:
    """One search for each different problem."""
    different = list(dict.fromkeys(problems))
    if len(different) == 1:  # then the bar counts parts of the search
        return {different[0]: _answer(_Question(different[0], starts, init, instances, layout, progress))}
    with reporting(progress, "search", " problems") as report:
        return {
            each: _answer(_Question(each, starts, init, instances, layout, False))
            for each in counted(different, report)
        }


def destinations(found: MinimaFound, W: Array, b: Any, within: Array) -> list[Destination | None]:
    """Where exact descent from W (N, m, n) and b ends; None where it does not converge.

    Losses that fall by at most `within` (N,) are those of models that hover about a minimum.
    """
    objective = Objective(found.model)
    theta = objective.join(W, b)
    ends = _ends(objective, theta, within)
    known = places(objective, np.concatenate([_listed(objective, found), ends.theta]))
    reached: list[Destination | None] = []
    for k, start in enumerate(theta):
        if ends.gradient_norm[k] > CONVERGED * objective.unit:
            reached.append(None)
            continue
        place = _place(objective, found, known, float(ends.loss[k]), len(found) + k)
        point = Distinct(ends.theta[k], float(ends.loss[k]), float(ends.gradient_norm[k]), (k,))
        minimum = found[place] if place is not None else record(objective, point, 0, found.starts, "descent")
        reached.append(Destination(minimum, place, distance(objective, start, point.theta), found))
    return reached


def _ends(objective: Objective, theta: Array, within: Array) -> Ends:
    """Ends of descents from theta (N, k), after escapes from what is no minimum."""
    before, ends = objective(theta)[0], minimise(objective, theta)
    far = (ends.gradient_norm > CONVERGED * objective.unit) | (before - ends.loss > within)
    rows = np.flatnonzero(far)
    if len(rows):
        flow = descend(objective.model, *objective.split(theta[rows]), progress=False).final
        slow = minimise(objective, objective.join(flow.W, flow.b))  # leaves alone what has converged
        for whole, part in zip(ends, slow, strict=True):
            whole[rows] = part
    return settled(objective, ends, 0)


def _listed(objective: Objective, found: MinimaFound) -> Array:
    """The parameters of all minima on a list (N, k)."""
    if not len(found):
        return np.zeros((0, objective.shape[0] * objective.shape[1] + found.model.bias.size(found.model.features)))
    b = None if found.model.bias == "none" else np.array([each.b for each in found])
    return objective.join(np.array([each.W for each in found]), b)


def _place(
    objective: Objective, found: MinimaFound, known: tuple[Array, Array], loss: float, number: int
) -> int | None:
    """The minimum on the list that the point with this number among the `known` places is."""
    near = (k for k, each in enumerate(found) if abs(each.loss - loss) <= SAME_LOSS * objective.unit)
    return next((k for k in near if same(objective, known, k, number)), None)
