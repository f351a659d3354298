"""A trained model with two features and one hidden unit, against the list of all its minima.

The model is followed downhill, by the gradient flow of the exact loss, to the minimum, flat minimum or half-stable
point that it is heading for. A half-stable point (attraction/half_stable.py) is where exact descent from one side ends
although the loss falls on the other: the noise of minibatches carries a run across, sooner or later, so a model that
is found there was trained without much noise, or has not had the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from analytic.attraction.destinations import Field
from analytic.attraction.fractions import Basins, basins
from analytic.attraction.targets import describe, distance, ties
from analytic.checking.noise import Noise
from analytic.checking.weights import Stack
from analytic.landscape.find import find_minima
from analytic.landscape.records import End, Landscape
from analytic.models.toy import ToyModel
from analytic.work import Progress, counted, reporting

#: The 0.999 quantile of a squared normal in units of its mean. Of all weighted sums of squared normals with one mean,
#: the single term has the heaviest tail this far out (Szekely and Bakirov, 2003).
QUANTILE = 10.828
#: What counts as converged in exact arithmetic, in units of the silent model's loss: far above the rounding of losses.
ROUNDING = 1e-9
#: Random starts that are followed to tell how often an end is reached: one in a thousand is seen with 63 %.
_STARTS = 1000
#: Models whose landscapes and basins are kept for the next check of a stack.
_KEPT = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelCheck:
    """One trained model. Losses are in the reduction that was asked for.

    loss : exact expected loss.
    gradient_norm : of the exact gradient, in all parameters of the convention.
    target : the minimum, flat minimum or half-stable point that it is heading for; None if the flow did not settle.
    distance : from the target, see attraction/targets.py.
    excess : loss minus the target's.
    allowed : the largest excess that counts as converged.
    gap : the target's loss minus that of the global minimum.
    best : the global minimum, and `is_best` whether the target ties with it.
    reached : fraction of random starts that end at the target; None where it was not asked for.
    """

    model: ToyModel
    W: np.ndarray
    b: Any
    loss: float
    gradient_norm: float
    target: End | None
    distance: float
    excess: float
    allowed: float
    gap: float
    best: End
    is_best: bool
    reached: float | None = None

    @property
    def converged(self) -> bool:
        """Whether the loss is that of the target, up to `allowed`."""
        return abs(self.excess) <= self.allowed

    @property
    def phase(self) -> str | None:
        """The phase of the target."""
        return None if self.target is None else self.target.phase

    @property
    def at_minimum(self) -> bool:
        """Whether the model has converged to a minimum, isolated or flat."""
        return self.converged and self.target is not None and self.target.kind == "minimum"

    @property
    def at_global_minimum(self) -> bool:
        """Whether the model has converged to a global minimum; one that ties with it counts."""
        return self.converged and self.is_best

    def __str__(self) -> str:
        if self.target is None:
            return f"loss {self.loss:.6g}; the gradient flow from here does not settle"
        place = describe(self.target)
        often = "" if self.reached is None else f"; {10 * self.reached:.1f} of 10 random starts end there"
        if self.target.kind != "minimum":
            often += "; the noise of minibatches carries training on from there, exact descent stays"
        if not self.converged:
            return (
                f"not converged: loss {self.loss:.6g} is {self.excess:.2g} above the {place} that it is heading for, "
                f"more than the {self.allowed:.2g} that counts as converged{often}"
            )
        if self.is_best:
            return f"converged to the global minimum: {place}, loss {self.loss:.6g}{often}"
        return f"stuck in the {place}: {self.gap:.4g} above the {describe(self.best)}{often}"


def check_stack(
    problems: Sequence[ToyModel],
    trained: Stack,
    noise: Noise | None,
    tolerance: float | None = None,
    init: str | float | None = None,
    factor: float = 1.0,
    landscape: Landscape | None = None,
    progress: Progress = False,
) -> tuple[ModelCheck, ...]:
    """What `check` reports, for models given as such; losses are multiplied by `factor`."""
    with reporting(progress, "check", " models") as report:
        return tuple(
            _check_one(
                _field(problem) if landscape is None else Field.of(problem, landscape=landscape),
                trained,
                index,
                noise,
                tolerance,
                init,
                factor,
            )
            for index, problem in enumerate(counted(problems, report))
        )


def allowed_excess(model: Any, W: Any, b: Any, noise: Noise | None, tolerance: float | None) -> float:
    """The largest excess over a minimum that counts as converged, of the loss summed over features."""
    if noise is None:
        return (DEFAULT_TOLERANCE if tolerance is None else tolerance) * float(model.silent_loss)
    explained = ROUNDING * model.silent_loss + QUANTILE * noise.mean_excess(model, W, b)
    return max(explained, (tolerance or 0.0) * model.silent_loss)


#: Excess that counts as converged where nothing is known about the noise, in units of the silent model's loss.
DEFAULT_TOLERANCE = 1e-3


def _check_one(
    field: Field,
    trained: Stack,
    index: int,
    noise: Noise | None,
    tolerance: float | None,
    init: str | float | None,
    factor: float,
) -> ModelCheck:
    model, (W, b) = field.model, trained.point(index)
    state = model.bias.parameters(W, b)
    loss = float(model.loss(W, b))
    label = int(field.labels(state[None])[0])
    target = None if label < 0 else field.targets[label]
    best = field.landscape.global_minimum
    gap = math.inf if target is None else float(target.loss) - float(best.loss)
    return ModelCheck(
        model=model,
        W=W,
        b=b,
        loss=factor * loss,
        gradient_norm=factor * float(np.linalg.norm(model.gradient(W, b))),
        target=target,
        distance=math.nan if target is None else float(distance(model, target, model.bias.embed(state))),
        excess=math.inf if target is None else factor * (loss - float(target.loss)),
        allowed=factor * allowed_excess(model, W, b, noise, tolerance),
        gap=factor * gap,
        best=best,
        is_best=ties(model, gap),
        reached=None if init is None else _reached(target, _basins(field, init, len(trained), trained.layout)),
    )


def _reached(target: End | None, found: Basins) -> float:
    return sum((entry.estimate for entry in found if entry.target is target), 0.0)


@lru_cache(maxsize=_KEPT)
def _field(model: ToyModel) -> Field:
    return Field.of(model, landscape=find_minima(model))


@lru_cache(maxsize=_KEPT)
def _basins(field: Field, init: Any, instances: int, layout: str) -> Basins:
    found = basins(
        field.model,
        init=init,
        starts=_STARTS,
        instances=instances,
        layout=layout,
        landscape=field.landscape,
        progress=False,
    )
    return found
