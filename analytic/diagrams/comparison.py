"""The phase diagram that training draws, beside the exact one, and why they differ where they do.

At each point of a grid of densities and importances `runs` models are trained by sampling, as published diagrams are
made; those with the highest exact losses are discarded. What is left is checked against the exact minima, and each
model gets the first of these that holds:

    agrees            at the global minimum, up to the noise of the optimiser
    other minimum     converged, but to another minimum or half-stable point: the wrong basin
    weight decay      above the minimum it is heading for by no more than the decay explains (adamw only)
    not converged     above it by more

The decay's share: a decay d_k of parameter theta_k moves the minimum by −H⁻¹ (d theta), which raises the loss by
1/2 (d theta)ᵀ H⁻¹ (d theta) to leading order; d is `TrainingRun.effective_decay`, and twice the rise is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytic.checking.noise import Noise
from analytic.checking.pair import ModelCheck, check_stack
from analytic.checking.weights import Stack
from analytic.landscape.records import StationaryPoint
from analytic.models.bias import BiasLike
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.training.run import TrainingRun
from analytic.training.settings import reduction_factor
from analytic.training.trainer import train
from analytic.validation import one_of, refuse, refuse_type, whole

REASONS = ("agrees", "other minimum", "weight decay", "not converged")

#: Weights of the members of a flat minimum that is drawn as a point.
_FLAT_WEIGHTS = {"silent": np.zeros(2), "dedicated-1": np.array([1.0, 0.0]), "dedicated-2": np.array([0.0, 1.0])}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Trained against exact minima over a grid; arrays (len(density), len(importance), ...).

    Attributes
    ----------
    density, importance : (m,), (n,)
    trained : (m, n, kept, 2)
        Weights of the kept models.
    best : (m, n, 2)
        Weights of the global minimum.
    excess : (m, n)
        Mean exact loss of the kept models minus the global minimum's.
    reasons : (m, n, 4)
        Share of the kept models with each of REASONS.
    """

    density: np.ndarray
    importance: np.ndarray
    trained: np.ndarray
    best: np.ndarray
    excess: np.ndarray
    reasons: np.ndarray

    def shares(self) -> dict[str, float]:
        """The share of all kept models that each reason has."""
        return dict(zip(REASONS, self.reasons.mean(axis=(0, 1)).tolist(), strict=True))


def compare(
    density: Any,
    importance: Any,
    *,
    bias: BiasLike = "none",
    runs: int = 10,
    discard: int = 1,
    **training: Any,
) -> Comparison:
    """Train models at every point of a grid, discard the worst, and explain the rest.

    Parameters
    ----------
    density, importance : array_like, shape (m,), (n,)
    bias : "none", "shared" or "per-feature"
    runs : int
        Models at every grid point.
    discard : int
        How many of them to discard, those with the largest loss. Models that diverged are the first.
    training
        As for `train`, whose defaults hold. Optimisers on fresh batches only, not "gd", whose noise is another.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidValue
        For bad arguments, and where more models diverged than are discarded.
    """
    if isinstance(density, ReluOutputModel):
        refuse_type("density", "be numbers", density, "models of any size have search_minima and train")
    runs = whole("runs", runs)
    kept = runs - whole("discard", discard, 0, runs - 1)
    if "optimizer" in training:
        one_of("optimizer", training["optimizer"], ("sgd", "adam", "adamw"))
    density, importance = np.atleast_1d(density).astype(float), np.atleast_1d(importance).astype(float)
    models = [ToyModel.from_density(p, r, bias) for p in density for r in importance]
    run = train(models, runs=runs, **training)
    points = [_explain(run, index, model, kept) for index, model in enumerate(models)]
    shape = (len(density), len(importance))
    trained, best, excess, reasons = (np.array(column) for column in zip(*points, strict=True))
    return Comparison(
        density,
        importance,
        trained.reshape(*shape, kept, 2),
        best.reshape(*shape, 2),
        excess.reshape(shape),
        reasons.reshape(*shape, len(REASONS)),
    )


def _explain(run: TrainingRun, index: int, model: ToyModel, count: int) -> tuple[Any, ...]:
    """Kept weights, best weights, mean excess over the global minimum, and shares of reasons, for one model."""
    rows = np.flatnonzero(~run.diverged[index])
    if len(rows) < count:
        refuse("lr", f"be small enough for {count} models of each grid point not to diverge", run.rule.lr)
    W, b = run.final
    stack = Stack(W[index, rows], None if b is None else b[index, rows], model.bias, "features-hidden")
    noise = Noise(run.batch, run.rule.lr, run.rule.name, reduction_factor(run.reduction))
    report = check_stack([model] * len(stack), stack, noise)
    order = np.argsort([each.loss for each in report])[:count]
    kept = [report[n] for n in order]
    decays = [None if run.effective_decay is None else run.effective_decay[index, rows[n]] for n in order]
    found = [_reason(each, decay) for each, decay in zip(kept, decays, strict=True)]
    best = kept[0].best
    weights = best.W if isinstance(best, StationaryPoint) else _FLAT_WEIGHTS[best.phase]
    excess = float(np.mean([each.loss for each in kept])) - float(best.loss)
    return stack.W[order], weights, excess, [found.count(name) / len(found) for name in REASONS]


def _reason(each: ModelCheck, decay: np.ndarray | None) -> str:
    if each.converged:
        return "agrees" if each.at_global_minimum else "other minimum"
    if decay is not None and each.excess <= each.allowed + 2 * _decay_rise(each, decay):
        return "weight decay"
    return "not converged"


def _decay_rise(each: ModelCheck, decay: np.ndarray) -> float:
    theta = each.W if each.b is None else np.concatenate([each.W, np.atleast_1d(each.b)])
    pull = decay * theta
    hessian = each.model.hessian(each.W, each.b)
    return abs(float(pull @ np.linalg.lstsq(hessian, pull, rcond=1e-9)[0])) / 2
