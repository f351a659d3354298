"""Training runs, which know sampled losses only, held against the exact loss."""

from __future__ import annotations

import numpy as np

from analytic.attraction.ends import learning_time, record
from analytic.attraction.trajectories import Descent
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.search.minimiser import Objective
from analytic.training.run import TrainingRun
from analytic.training.settings import reduction_factor
from analytic.validation import InvalidValue, refuse_type


def retrace(model: ReluOutputModel | ToyModel, run: TrainingRun) -> Descent:
    """The recorded points of a training run with their exact loss, and the plateaus that it passed.

    Parameters
    ----------
    model : ReluOutputModel or ToyModel
        The one that was trained; a run from a file has it as numbers only, and is taken at its word.
    run : TrainingRun
        Of one model, with any number of runs. Plateaus ask for checkpoints that are dense in the logarithm of the step.

    Returns
    -------
    Descent
        `dynamics` is the optimiser's name, leading axes are (runs,), `final` the stationary point that Newton's method
        finds near the last checkpoint, or that itself. Unlike the loss of a descent that of training may rise.

    Raises
    ------
    ValueError, TypeError
        For a run of several models or of another model, or what is none.

    Examples
    --------
    >>> from analytic import ReluOutputModel, retrace, train
    >>> model = ReluOutputModel.from_density(2, 1, 0.3)
    >>> run = train(model, runs=2, steps=500, lr=0.01, init=0.1, checkpoints=50)
    >>> retrace(model, run).loss.shape
    (51, 2)
    """
    if not isinstance(model, ReluOutputModel | ToyModel):
        refuse_type("model", "be a ReluOutputModel or a ToyModel", model)
    if not isinstance(run, TrainingRun):
        refuse_type("run", "be a TrainingRun", run)
    kinds = ReluOutputModel | ToyModel
    if len(run.models) != 1 or any(each != model for each in run.models if isinstance(each, kinds)):
        raise InvalidValue(f"run must be training of {model!r} alone, got one of {run.models!r}")
    known = model.as_relu_output() if isinstance(model, ToyModel) else model
    objective, rule = Objective(known), run.rule
    W = run.W[:, 0].reshape(*run.loss[:, 0].shape, *objective.shape)
    theta = objective.join(W, None if run.b is None else run.b[:, 0])
    settings = {
        "lr": rule.lr,
        "schedule": rule.schedule if isinstance(rule.schedule, str) else "given",
        "batch": run.batch,
    }
    time, lead = np.asarray(run.steps, float), theta.shape[1:2]
    return record(objective, lead, rule.name, settings, time, theta, theta[-1], _unit_steps(known, run), run.completed)


def _unit_steps(model: ReluOutputModel, run: TrainingRun) -> float:
    """Steps in which a feature is learnt: Adam moves every parameter by about its rate."""
    if run.rule.name.startswith("adam"):
        return 1 / run.rule.lr
    rate = run.rule.lr * reduction_factor(run.reduction, model.features) / (1 - run.rule.momentum)
    return learning_time(model) / rate
