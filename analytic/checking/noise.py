"""How far above its minimum a model hovers that was trained on minibatches, to first order in the rate.

With C the covariance of one sample's gradient, B the batch size and steps preconditioned by P, the covariance V of the
hovering parameters balances, P H V + V H P = lr P C P / B, and the mean excess of the loss is tr(H V)/2:

    sgd             P = 1                               lr/4 tr C / B
    adam, adamw     P_k = 1/sqrt(C_kk / B)              lr/4 sum over k of sqrt(C_kk / B)        (v settles at C_kk / B)

where the gradient is that of the loss in the reduction that was trained with. If the rate falls from lr by a schedule,
that of the beginning is an upper bound; with the number of steps, each mode of P^1/2 H P^1/2 with curvature k has the
share

    2 k lr int r(t)^2 exp(-2 k lr int_t^T r) dt,      r the schedule, 1 at the beginning,

of it: close to 1 for modes that forget slowly compared with the schedule, and close to r(T) for the fast ones. In the
basis of these modes V is lr N_kl / (curvature_k + curvature_l), N being P^1/2 C P^1/2 / B; along flat directions noise
diffuses without bound, and they are left out.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.training.noise import MOST_PARAMETERS, gradient_moments
from analytic.training.optimisers import SCHEDULES, Schedule
from analytic.validation import InvalidValue, number, one_of, refuse, whole

#: Optimisers by the names that `check` takes, in any spelling of capitals.
OPTIMIZERS = ("sgd", "adam", "adamw")
#: Points at which a schedule is integrated: it has no structure finer than a thousandth.
_POINTS = 4001
#: Curvatures below this share of the largest are flat.
_FLAT = 1e-6


def optimizer_name(optimizer: Any) -> str:
    """The name "sgd", "adam" or "adamw" from itself in any capitals, PyTorch's class of that name, or an instance."""
    name = optimizer if isinstance(optimizer, str) else getattr(optimizer, "__name__", type(optimizer).__name__)
    if name.lower() not in OPTIMIZERS:
        one_of("optimizer", optimizer, OPTIMIZERS)
    return str(name.lower())


class _Modes(NamedTuple):
    """P^1/2 (k,), and in the eigenbasis `modes` of P^1/2 H P^1/2 its curvatures (k,) and P^1/2 C P^1/2 / B (k, k)."""

    scale: npt.NDArray[np.float64]
    curvatures: npt.NDArray[np.float64]
    modes: npt.NDArray[np.float64]
    noise: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """The optimiser's settings, from which the mean excess at a minimum follows.

    batch : samples per step.
    lr : the rate, at the beginning of the schedule.
    optimizer : "sgd", "adam" or "adamw".
    factor : of the loss that was trained with, compared with the sum over features.
    schedule : as in `train`: "constant", "linear", "cosine" or callable(step, steps).
    steps : how many, or None: then the rate of the beginning is taken, an upper bound.
    """

    batch: int
    lr: float
    optimizer: str
    factor: float = 1.0
    schedule: Schedule = "constant"
    steps: int | None = None

    def __post_init__(self) -> None:
        whole("batch", self.batch)
        number("lr", self.lr, above=0)
        if not (callable(self.schedule) or self.schedule in SCHEDULES):
            refuse("schedule", f"be one of {', '.join(map(repr, SCHEDULES))} or callable(step, steps)", self.schedule)
        if callable(self.schedule) and len(inspect.signature(self.schedule).parameters) != 2:
            raise InvalidValue("schedule must be callable(step, steps), a function of two numbers")
        if self.steps is not None:
            whole("steps", self.steps)

    def mean_excess(self, model: Any, W: Any, b: Any) -> float:
        """Of the loss summed over features."""
        known = None if self.schedule == "constant" or self.steps is None else self._modes(model, W, b)
        if known is None:
            return self._constant(model, W, b)
        return self.lr / 4 * float((self._shares(known.curvatures) * np.diag(known.noise)).sum())

    def covariance(self, model: Any, W: Any, b: Any) -> npt.NDArray[np.float64] | None:
        """V (k, k) of the hovering parameters, W row by row, then b; None where no Hessian serves so many of them."""
        known = self._modes(model, W, b)
        if known is None:
            return None
        steep = known.curvatures > _FLAT * np.abs(known.curvatures).max(initial=0.0)
        rates = known.curvatures[steep]
        left = np.ones(len(rates)) if self.steps is None else np.sqrt(self._shares(rates))
        inner = self.lr * known.noise[np.ix_(steep, steep)] * np.outer(left, left) / (rates[:, None] + rates)
        basis = known.scale[:, None] * known.modes[:, steep]
        return np.asarray(basis @ inner @ basis.T)

    def _modes(self, model: Any, W: Any, b: Any) -> _Modes | None:
        """The modes of P^1/2 H P^1/2; None where that is too large, or no exact route has the Hessian."""
        if np.size(W) + np.size(model.importance) > MOST_PARAMETERS:
            return None
        try:
            hessian = model.hessian(W, b)
        except InvalidValue:
            return None
        covariance = np.atleast_2d(gradient_moments(model, W, b)[1]) / self.batch
        scale = np.sqrt(self._preconditioner(np.diag(covariance)))
        curvatures, modes = np.linalg.eigh(scale[:, None] * hessian * scale)
        noise = modes.T @ (scale[:, None] * covariance * scale) @ modes
        return _Modes(scale, curvatures, modes, noise)

    def _constant(self, model: Any, W: Any, b: Any) -> float:
        many = np.size(W) + np.size(model.importance) > MOST_PARAMETERS
        moments = gradient_moments(model, W, b, diagonal=many)[1]
        variances = (moments if many else np.diag(np.atleast_2d(moments))) / self.batch
        return self.lr / 4 * float((self._preconditioner(variances) * variances).sum())

    def _preconditioner(self, variances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """P for the gradient of the summed loss, whose factor Adam does not see."""
        if self.optimizer == "sgd":
            return np.full(len(variances), self.factor)
        return 1 / np.sqrt(np.where(variances > 0, variances, np.inf))

    def _shares(self, curvatures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What the schedule leaves of the noise of each mode; 1 where the curvature is not positive."""
        steps = self.steps or 1
        at = np.linspace(0, steps - 1, _POINTS)
        rule = self.schedule if callable(self.schedule) else SCHEDULES[self.schedule]
        rate = np.array([rule(int(step), steps) for step in at])
        width = steps / (_POINTS - 1)
        area = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2) * width])
        pull = 2 * np.maximum(curvatures, 0) * self.lr
        decays = np.exp(-pull[:, None] * (area[-1] - area))
        # the weight of each piece of time is exact, so the sum holds where the memory is shorter than a piece
        middle = (rate[1:] + rate[:-1]) / 2
        shares = ((decays[:, 1:] - decays[:, :-1]) * middle).sum(axis=1) + decays[:, 0]
        return np.where(pull > 0, np.minimum(shares, 1.0), 1.0)
