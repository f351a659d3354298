"""A trained model against the theory: has it converged, to which minimum, and is that the best one?

Each model is followed downhill, by the gradient flow of the exact loss, to the minimum that it is heading for. It has
converged if its loss exceeds that minimum's by no more than the noise of its optimiser explains. To first order in the
rate, with C the covariance of one sample's gradient and B the batch size, the mean excess of a model that hovers
about a minimum of positive curvature is

    sgd             lr/4 · tr C / B
    adam, adamw     lr/4 · sum over k of sqrt(C_kk / B)           (v settles at C_kk / B)

Both follow from the balance P H V + V H P = lr P C P / B for the covariance V of the hovering parameters, where the
step is preconditioned by P = 1 or P_k = 1/sqrt(v_k), and the mean excess tr(H V)/2. The excess is then a weighted
sum of squared normals; whatever the weights, it exceeds `_QUANTILE` times its mean with probability below 0.001.
Without a batch size and a rate nothing is known about the noise, and the excess has to stay below `tolerance` times
the loss of the silent model.

AdamW's decay is not part of the loss here. It moves the end of training by about decay · sqrt(v) · W / H, which the
report counts as excess; see optimisers.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from analytic.attraction.destinations import destinations
from analytic.attraction.fractions import Basins, basins
from analytic.attraction.targets import describe, distance
from analytic.checking.weights import Stack, models, stack
from analytic.landscape.find import find_minima
from analytic.landscape.records import End as Target
from analytic.landscape.records import Landscape
from analytic.models.toy import ToyModel
from analytic.training.noise import gradient_moments
from analytic.training.settings import reduction_factor

#: The 0.999 quantile of a squared normal in units of its mean. Of all weighted sums of squared normals with one mean,
#: the single term has the heaviest tail this far out (Szekely and Bakirov, 2003).
_QUANTILE = 10.828
#: Random starts that are followed to tell how often an end is reached.
_STARTS = 1000


@dataclass(frozen=True, eq=False)
class ModelCheck:
    """One trained model. Losses are in the reduction that was asked for.

    loss : exact expected loss.
    gradient_norm : of the exact gradient, in all parameters of the convention.
    target : the minimum, flat minimum or half-stable point that it is heading for; None if the flow did not settle.
    distance : from the target, see targets.py.
    excess : loss minus the target's.
    allowed : the largest excess that counts as converged.
    gap : the target's loss minus that of the global minimum.
    reached : fraction of random starts that end at the target; None where it was not asked for.
    """

    model: ToyModel
    W: np.ndarray
    b: Any
    loss: float
    gradient_norm: float
    target: Target | None
    distance: float
    excess: float
    allowed: float
    gap: float
    reached: float | None
    best: Target

    @property
    def converged(self) -> bool:
        """Whether the loss is that of the target, up to `allowed`."""
        return abs(self.excess) <= self.allowed

    @property
    def phase(self) -> str | None:
        """The phase of the target."""
        return None if self.target is None else self.target.phase

    @property
    def at_global_minimum(self) -> bool:
        """Whether the model has converged to a global minimum; one that ties with it counts."""
        return self.converged and self.target is not None and self.gap <= 1e-12

    def __str__(self) -> str:
        if self.target is None:
            return f"loss {self.loss:.6g}; the gradient flow from here does not settle"
        place = describe(self.target)
        often = "" if self.reached is None else f"; {10 * self.reached:.1f} of 10 random starts end there"
        if not self.converged:
            return (
                f"not converged: loss {self.loss:.6g} is {self.excess:.2g} above the {place} that it is heading for, "
                f"more than the {self.allowed:.2g} that counts as converged{often}"
            )
        if self.gap <= 1e-12:
            return f"converged to the global minimum: {place}, loss {self.loss:.6g}{often}"
        return f"stuck in the {place}: {self.gap:.4g} above the {describe(self.best)}{often}"


@dataclass(frozen=True, eq=False)
class CheckReport:
    """The checks of a stack of models, in its order; `print` shows a line for each."""

    models: tuple[ModelCheck, ...]
    reduction: str

    @property
    def converged(self) -> bool:
        """Whether every model has converged."""
        return all(each.converged for each in self.models)

    def __str__(self) -> str:
        return "\n".join(f"model {index}: {each}" for index, each in enumerate(self.models))


def check(
    W: Any,
    b: Any = None,
    *,
    importance: Any,
    sparsity: Any,
    bias: str | None = None,
    reduction: str = "sum",
    batch: int | None = None,
    lr: float | None = None,
    optimizer: str = "adam",
    tolerance: float = 1e-3,
    init: str | float | None = "xavier",
    landscape: Landscape | None = None,
) -> CheckReport:
    """Compare trained weights with the exact minima.

    Parameters
    ----------
    W, b : lists, NumPy, PyTorch or JAX arrays, one model or a stack, in any layout of weights.py.
    importance, sparsity : one value for all models, or one per model; see `weights.models`. `sparsity` is P(x = 0).
    bias : says how to read b where its shape has two readings.
    reduction : "sum" over features, or "mean", which most training code uses; sets the unit of all losses, and what
    `lr`
        means for sgd.
    batch, lr, optimizer : how it was trained ("sgd", "adam", "adamw", lr at the end), to tell noise from a model that
        has not converged. Give both numbers or none.
    tolerance : used without them: the excess that counts as converged, in units of the silent model's loss.
    init : name or standard deviation of the starts (see `initial.draw`; stack and layout are those of W) for "how
    often does this happen". landscape : the minima, if already known and the same problem for all models.

    Raises
    ------
    ValueError, TypeError
        For impossible or ambiguous input, with the question that would settle it.
    """
    trained = stack(W, b, bias=bias)
    factor = reduction_factor(reduction)
    if (batch is None) != (lr is None):
        raise ValueError(f"batch = {batch!r} and lr = {lr!r}: give both or neither")
    if optimizer not in ("sgd", "adam", "adamw"):
        raise ValueError(f"optimizer = {optimizer!r} must be 'sgd', 'adam' or 'adamw'")
    problems = models(len(trained), importance, sparsity, trained.bias)
    noise = None if batch is None or lr is None else Noise(batch, lr, optimizer, factor)
    return CheckReport(check_stack(problems, trained, noise, tolerance, init, factor, landscape), reduction)


def check_stack(
    problems: Sequence[ToyModel],
    trained: Stack,
    noise: Noise | None,
    tolerance: float = 1e-3,
    init: str | float | None = None,
    factor: float = 1.0,
    landscape: Landscape | None = None,
) -> tuple[ModelCheck, ...]:
    """What `check` reports, for models given as such; losses are multiplied by `factor`."""
    lookup = _landscape if landscape is None else lambda _: landscape
    return tuple(
        _check_one(problem, trained, index, lookup(problem), noise, tolerance, init, factor)
        for index, problem in enumerate(problems)
    )


@dataclass(frozen=True)
class Noise:
    """The optimiser's settings, from which the mean excess at a minimum follows."""

    batch: int
    lr: float
    optimizer: str
    factor: float

    def __post_init__(self) -> None:
        for name, value in (("batch", self.batch), ("lr", self.lr)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} = {value!r} must be positive and finite")

    def mean_excess(self, model: ToyModel, W: np.ndarray, b: Any) -> float:
        """Of the loss summed over features."""
        variances = np.diag(gradient_moments(model, W, b)[1])
        if self.optimizer == "sgd":
            return self.lr * self.factor / 4 * float(variances.sum()) / self.batch
        return self.lr / 4 * float(np.sqrt(variances / self.batch).sum())


def _check_one(
    model: ToyModel,
    trained: Stack,
    index: int,
    landscape: Landscape,
    noise: Noise | None,
    tolerance: float,
    init: str | float | None,
    factor: float,
) -> ModelCheck:
    W, b = trained.point(index)
    parts = W if b is None else np.concatenate([W, np.atleast_1d(b)])
    theta = model.bias.embed(parts[None])
    loss = float(model.loss(W, b))
    target = destinations(model, theta, landscape=landscape)[0]
    best = landscape.global_minimum
    silent = sum(weight * density / 3 for weight, density in zip(model.importance, model.density, strict=True))
    allowed = tolerance * silent if noise is None else 1e-9 * silent + _QUANTILE * noise.mean_excess(model, W, b)
    return ModelCheck(
        model=model,
        W=W,
        b=b,
        loss=factor * loss,
        gradient_norm=factor * float(np.linalg.norm(model.gradient(W, b))),
        target=target,
        distance=math.nan if target is None else float(distance(model, target, theta)[0]),
        excess=math.inf if target is None else factor * (loss - float(target.loss)),
        allowed=factor * allowed,
        gap=math.inf if target is None else factor * (float(target.loss) - float(best.loss)),
        reached=None
        if init is None
        else _reached(target, _basins(model, landscape, init, len(trained), trained.layout)),
        best=best,
    )


def _reached(target: Target | None, found: Basins) -> float:
    return sum((entry.estimate for entry in found.fractions if entry.target is target), 0.0)


@lru_cache(maxsize=256)
def _landscape(model: ToyModel) -> Landscape:
    return find_minima(model)


@lru_cache(maxsize=256)
def _basins(model: ToyModel, landscape: Landscape, init: Any, instances: int, layout: str) -> Basins:
    return basins(model, init=init, starts=_STARTS, instances=instances, layout=layout, landscape=landscape)
