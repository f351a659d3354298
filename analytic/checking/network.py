"""A trained model of any size: its exact loss, whether it has converged, what it is made of, and where it is heading.

What counts as converged is the noise of the optimiser (noise.py), since tr(H V)/2 is the mean excess of a model that
hovers about its minimum with covariance V. For models of up to eight features the minimum is the one where exact
descent ends, beside those that a search found (destinations.py); for others how far the loss can fall follows from the
quadratic model at hand (quadratic.py). A clearly negative curvature means that the model is at, or passing, a saddle:
it is not converged, whatever its gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.checking.composition import tolerance_for
from analytic.checking.destinations import MOST_FEATURES, STARTS, Destination, destinations, searches
from analytic.checking.noise import Noise
from analytic.checking.pair import allowed_excess
from analytic.checking.quadratic import excess, flat
from analytic.checking.weights import Stack
from analytic.models.relu_output import ReluOutputModel
from analytic.polytopes.dimensionality import feature_dimensionality
from analytic.polytopes.groups import Group, geometry, in_words
from analytic.search.found import MinimaFound
from analytic.validation import whole
from analytic.work import Progress, reporting

Array = npt.NDArray[np.float64]

#: A negative curvature beyond this share of the largest is a way down, not noise about a minimum.
_SADDLE = 1e-2
#: Models that descend together.
_TOGETHER = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkCheck:
    """One trained model of any size. Losses are in the reduction that was asked for.

    loss : exact expected loss (by the lattice for many features: `ReluOutputModel.loss`).
    gradient_norm : of the exact gradient in W and b.
    excess : what the loss is above its minimum: that where exact descent ends where `destination` is known, else by the
        quadratic model; a lower bound where there is no Hessian either.
    allowed : the largest excess that counts as converged.
    curvature : the smallest eigenvalue of the Hessian over the largest; NaN without a Hessian.
    groups : what W is made of: see `analytic.geometry`.
    tolerance : of these groups: 0.1, or more, up to 0.25, where four standard deviations of a cosine are, as the noise
        that `batch` and `lr` tell of makes them.
    dimensionality : of every feature (n,), see `analytic.feature_dimensionality`.
    destination : where exact descent ends among the minima found; None without a search, or if it did not converge.
    distance : from there, modulo rotations, permutations of equal features and flat sets; NaN without a destination.
    gap : the loss of the destination minus that of the best minimum found; NaN without a destination.
    """

    model: ReluOutputModel
    W: Array
    b: Any
    loss: float
    gradient_norm: float
    excess: float
    allowed: float
    curvature: float
    groups: tuple[Group, ...]
    tolerance: float
    dimensionality: Array
    destination: Destination | None
    distance: float
    gap: float

    @property
    def at_saddle(self) -> bool:
        """Whether the loss curves down in some direction, by more than noise about a minimum explains."""
        return bool(self.curvature < -_SADDLE)

    @property
    def converged(self) -> bool:
        """Whether the excess is at most `allowed`, and there is no way down."""
        return self.excess <= self.allowed and not self.at_saddle

    @property
    def at_best_found(self) -> bool:
        """Whether the model has converged to the best of the minima that a search found."""
        return self.converged and self.destination is not None and self.destination.is_best

    @property
    def reached(self) -> float | None:
        """Share of random starts that end at the destination; `destination.minimum.share` has its interval."""
        return None if self.destination is None else self.destination.minimum.share.estimate

    @property
    def shape(self) -> str:
        """The names of its groups in words: "pentagon", "2 digons, single", ..."""
        return in_words(self.groups)

    def __str__(self) -> str:
        if self.destination is None:
            return self._alone()
        end, loss = self.destination, f"loss {self.loss:.6g}"
        if self.converged:
            return f"converged to a minimum ({end.minimum.shape}): {loss}, {end.rank}; {end.often}"
        why = f"more than the {self.allowed:.2g} that counts as converged"
        if self.at_saddle:
            why = "and the loss curves down in a direction, as at a saddle"
        return (
            f"not converged: {loss} is {self.excess:.2g} above the minimum that it is heading for "
            f"({end.minimum.shape}), {why}; that one is {end.rank}; {end.often}"
        )

    def _alone(self) -> str:
        """The verdict without a search."""
        numbers = f"loss {self.loss:.6g}, gradient {self.gradient_norm:.2g}"
        if self.at_saddle:
            return f"not converged: {numbers}; the loss curves down in a direction, as at a saddle"
        if self.converged:
            return f"converged: {numbers}, within {self.allowed:.2g} of a minimum"
        return (
            f"not converged: {numbers}; the loss can fall by about {self.excess:.2g}, "
            f"more than the {self.allowed:.2g} that counts as converged"
        )


@dataclass(frozen=True)
class Search:
    """The search for minima that goes with a check: how many random starts, from which initialisation.

    starts : None for what the number of features asks for, 0 for no search
    """

    starts: int | None
    init: Any
    instances: int
    layout: str

    def __post_init__(self) -> None:
        if self.starts is not None:
            whole("search", self.starts, 0)

    def found(self, problems: Sequence[ReluOutputModel], progress: Progress) -> dict[ReluOutputModel, MinimaFound]:
        """One search for each different problem that asks for one."""
        asked = [each for each in problems if self.starts or (self.starts is None and each.features <= MOST_FEATURES)]
        if not asked:
            return {}
        return searches(asked, self.starts or STARTS, self.init, self.instances, self.layout, progress)


def check_networks(
    problems: Sequence[ReluOutputModel],
    trained: Stack,
    noise: Noise | None,
    tolerance: float | None,
    factor: float,
    known: dict[ReluOutputModel, MinimaFound],
    progress: Progress,
) -> tuple[NetworkCheck, ...]:
    """What `check` reports of models of any size, given what was found; losses are multiplied by `factor`."""
    checks: list[NetworkCheck] = []
    with reporting(progress, "check", " models") as report:
        for block in _blocks(problems):
            model, points = problems[block[0]], [trained.point(index) for index in block]
            limits = [allowed_excess(model, *point, noise, tolerance) for point in points]
            ends: Sequence[Destination | None] = [None] * len(block)
            if model in known:
                b = None if trained.b is None else trained.b[block]
                ends = destinations(known[model], trained.W[block], b, np.array(limits))
            for point, limit, end in zip(points, limits, ends, strict=True):
                checks.append(_checked(model, *point, noise, limit, end, factor))
                report(len(checks), len(problems))
    return tuple(checks)


def _blocks(problems: Sequence[ReluOutputModel]) -> Iterator[list[int]]:
    """Neighbours in the stack that share a problem, few enough to descend together."""
    for _, members in groupby(range(len(problems)), key=lambda index: problems[index]):
        rows = list(members)
        yield from (rows[k : k + _TOGETHER] for k in range(0, len(rows), _TOGETHER))


def _checked(
    model: ReluOutputModel, W: Array, b: Any, noise: Noise | None, limit: float, end: Destination | None, factor: float
) -> NetworkCheck:
    loss, dW, db = model.loss_and_gradient(W, b)
    gradient = flat(dW, db)
    above, curvature = excess(model, W, b, gradient)
    tolerance = tolerance_for(W, None if noise is None else noise.covariance(model, W, b))
    return NetworkCheck(
        model=model,
        W=W,
        b=b,
        loss=factor * float(loss),
        gradient_norm=factor * float(np.linalg.norm(gradient)),
        excess=factor * (above if end is None else float(loss) - end.minimum.loss),
        allowed=factor * limit,
        curvature=curvature,
        groups=geometry(W, tolerance),
        tolerance=tolerance,
        dimensionality=feature_dimensionality(W),
        destination=end,
        distance=math.nan if end is None else end.distance,
        gap=math.nan if end is None else factor * end.gap,
    )
