"""Descent on the exact loss, without noise: gradient flow, gradient descent, Adam, and straight to a minimum.

Training follows minibatch gradients. Here the gradient is the expected one, so what is seen is the landscape alone: a
loss that pauses and falls again has passed a saddle, and cannot have hopped out of a minimum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.attraction import limited_memory
from analytic.attraction.chebyshev import ExplicitFlow
from analytic.attraction.ends import learning_time, record
from analytic.attraction.exponential import Flow, until_still
from analytic.attraction.trajectories import LATTICE_CONVERGED, Descent
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.search.minimiser import LOSS_TOLERANCE, Objective, minimise
from analytic.training.optimisers import Memory, Rule, Schedule
from analytic.training.settings import MOST_BYTES
from analytic.validation import InvalidValue, increasing, number, one_of, real_array, refuse_type, whole
from analytic.work import Progress, reporting

Array = npt.NDArray[np.float64]

#: What each dynamics listens to.
_OPTIONS = {
    "flow": ("time", "checkpoints", "tolerance"),
    "gd": ("steps", "checkpoints", "lr", "schedule", "momentum"),
    "adam": ("steps", "checkpoints", "lr", "schedule", "betas", "eps"),
    "newton": ("steps",),
}
DYNAMICS = tuple(_OPTIONS)
_STEPS, _ITERATIONS, _CHECKPOINTS, _TOLERANCE = 10_000, 2000, 300, 1e-4
#: The flow's first checkpoint, and its longest way unless a time is given, in units of the time to learn a feature.
_FIRST, _LONGEST = 1e-2, 1e7
#: Second derivatives are used on the way for this many features; at the end for more.
_BY_HESSIANS = 10
#: Checkpoints beyond, where the loss costs more.
_FEWER_CHECKPOINTS = 100


def descend(
    model: ReluOutputModel | ToyModel,
    W: npt.ArrayLike,
    b: npt.ArrayLike | None = None,
    *,
    dynamics: str = "flow",
    time: float | None = None,
    steps: int | None = None,
    lr: float | None = None,
    schedule: Schedule | None = None,
    momentum: float | None = None,
    betas: tuple[float, float] | None = None,
    eps: float | None = None,
    checkpoints: int | Iterable[float] | None = None,
    tolerance: float | None = None,
    loss_tolerance: float = LOSS_TOLERANCE,
    progress: Progress = None,
) -> Descent:
    """Follow the exact gradient from given weights, from many starts at once.

    Parameters
    ----------
    model : ReluOutputModel or ToyModel
        Up to 10 features second derivatives lead the way, and up to 12 they polish the ends. With more, ends stay as
        they are, and of their curvature nothing is known.
    W : array_like, shape (..., hidden, features)
        Of a ToyModel (..., 2), as for its loss.
    b : array_like or None
        In the model's convention, None for 0; broadcasts with W over the leading axes.
    dynamics
        "flow": theta' = -gradient, to an error per step of `tolerance` (default 1e-4) times its length; by an
        exponential integrator, beyond 10 features by an explicit one. "gd" and "adam": `steps` (default 10,000) of
        gradient descent or Adam with the settings of `train`. "newton": quickly to a stationary point nearby, usually a
        minimum, in at most `steps` (default 2,000), by BFGS and Newton's method, beyond 10 features by L-BFGS; only the
        start and the end are kept.
    time
        How long to flow; by default until every start is at rest. One step of gradient descent takes the time lr.
    lr, schedule, momentum, betas, eps
        As for `train`, with its defaults.
    checkpoints
        How many to record, evenly in the logarithm of time (default 300, beyond 10 features 100), or the times or steps
        themselves; 0 and the last are always recorded. They may fill 2 GiB.
    loss_tolerance
        Of the lattice by which the loss of more than 10 features is computed, as `tolerance` of
        `ReluOutputModel.loss`; default 1e-8. Beyond 12 features a start is at rest, and converged, where |gradient| is
        below ten times this, in units of sum I_i E[x_i^2]: there the lattice does not tell it from zero, nor a minimum
        from a saddle.
    progress
        None, True, False or progress(done, total); see `analytic.work`.

    Returns
    -------
    Descent
        Of the model as a ReluOutputModel. An interrupt from the keyboard returns what there is, except for "newton".

    Raises
    ------
    ValueError, TypeError
        For arguments that are not as described, or that the dynamics does not have, naming the argument.

    Notes
    -----
    Recorded points of the flow are within 2e-5 of the exact ones at the default tolerance, 4e-4 at 1e-3 and 2e-8 at
    1e-6: measured against SciPy's DOP853 at rtol = 1e-11 until t = 100 / sum I_i E[x_i^2], for the models of
    tests/attraction/test_descent.py. Where trajectories separate, near saddles, errors grow with their distance. A
    batch gives bit for bit the trajectories of a loop. A start that is a saddle up to rounding stays there.

    Examples
    --------
    >>> import numpy as np
    >>> from analytic import ReluOutputModel, descend
    >>> small = 0.01 * np.random.default_rng(0).standard_normal((2, 3))
    >>> descent = descend(ReluOutputModel.from_density(3, 2, 0.3), small)
    >>> bool(descent.converged), f"{descent.final.loss:.5f}"
    (True, '0.02931')
    """
    known, weights = _model_and_weights(model, W)
    one_of("dynamics", dynamics, DYNAMICS)
    options = {
        "time": time, "steps": steps, "lr": lr, "schedule": schedule, "momentum": momentum, "betas": betas,
        "eps": eps, "checkpoints": checkpoints, "tolerance": tolerance,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in _OPTIONS[dynamics]:
            raise InvalidValue(f"{name} must be left out where dynamics = {dynamics!r}, got {given[name]!r}")
    lead, theta = _starts(known, weights, b)
    objective = Objective(known, tolerance=number("loss_tolerance", loss_tolerance, above=0, most=0.1))
    with reporting(progress, "descent", " checkpoints") as report:
        return _RUN[dynamics](objective, lead, theta, given, report)


def _model_and_weights(model: Any, W: Any) -> tuple[ReluOutputModel, Array]:
    weights = real_array("W", W, finite=True)
    if isinstance(model, ToyModel):
        if weights.ndim < 1 or weights.shape[-1] != 2:
            raise InvalidValue(f"W must have shape (..., 2) for a ToyModel, got shape {weights.shape}")
        return model.as_relu_output(), weights[..., None, :]
    if not isinstance(model, ReluOutputModel):
        refuse_type("model", "be a ReluOutputModel or a ToyModel", model)
    return model, weights


def _starts(model: ReluOutputModel, W: Array, b: Any) -> tuple[tuple[int, ...], Array]:
    """The leading axes, and parameters (N, k)."""
    biases: Any = None if b is None else real_array("b", b, finite=True)
    with np.errstate(over="ignore", invalid="ignore"):
        loss, by_W, _ = model.loss_and_gradient(W, biases)
    lead = np.shape(loss)
    if 0 in lead:
        raise InvalidValue(f"W must hold at least one start, got shape {W.shape}")
    if not (np.isfinite(loss).all() and np.isfinite(by_W).all()):
        raise InvalidValue("W and b must have a finite loss and gradient, got weights that are too large")
    if biases is None and model.bias != "none":
        biases = np.zeros(()) if model.bias == "shared" else np.zeros(model.features)
    theta = Objective(model).join(W, biases)
    return lead, np.ascontiguousarray(theta.reshape(-1, theta.shape[-1]))


def _marks(checkpoints: int | Iterable[float], first: float, last: float) -> Array:
    """Times to record: 0, that many evenly in the logarithm from `first` to `last` or those given, and `last`."""
    if isinstance(checkpoints, Iterable):
        wanted = increasing("checkpoints", [each for each in checkpoints if each != 0], 0, last)
    else:
        wanted = np.geomspace(first, last, whole("checkpoints", checkpoints, 1, 10**6))
    return np.unique(np.concatenate([[0.0], wanted[wanted < last], [last]]))


def _require_memory(marks: Array, theta: Array) -> None:
    size = 8 * len(marks) * theta.size
    if size > MOST_BYTES:
        raise InvalidValue(
            f"checkpoints must keep at most 2 GiB, got {len(marks)} of {len(theta)} starts with {theta.shape[1]} "
            f"parameters, {size / 2**30:.3g} GiB"
        )


def _settings(objective: Objective, settings: dict[str, Any]) -> dict[str, Any]:
    """What is kept of the settings: the lattice's only where it is used."""
    by_lattice = objective.model.features > _BY_HESSIANS
    return settings | ({"loss_tolerance": objective.tolerance} if by_lattice else {})


def _rest(objective: Objective) -> float:
    """The gradient that the lattice does not tell from zero."""
    return LATTICE_CONVERGED * objective.tolerance * objective.unit


def _usual_checkpoints(objective: Objective) -> int:
    return _CHECKPOINTS if objective.model.features <= _BY_HESSIANS else _FEWER_CHECKPOINTS


def _flow(objective: Objective, lead: tuple[int, ...], theta: Array, given: dict[str, Any], report: Any) -> Descent:
    tau = learning_time(objective.model)
    last = number("time", given["time"], above=0) if "time" in given else _LONGEST * tau
    marks = _marks(given.get("checkpoints", _usual_checkpoints(objective)), min(_FIRST * tau, last / 2), last)
    tolerance = number("tolerance", given.get("tolerance", _TOLERANCE), least=1e-8, most=0.1)
    _require_memory(marks, theta)
    flow: Flow | ExplicitFlow
    if objective.model.features <= _BY_HESSIANS:
        flow = Flow.of(objective, theta, marks, tolerance)
    else:
        flow = ExplicitFlow.of(objective, theta, marks, tolerance, _rest(objective))
    completed = flow.run(report)
    kept = len(marks) if completed else int(flow.reached.min())
    if "time" not in given:
        kept = min(kept, until_still(flow.recorded))
    settings = _settings(objective, {"tolerance": tolerance})
    points = flow.recorded[:kept]
    ends = np.where(np.isnan(points[-1]), flow.theta, points[-1])
    return record(objective, lead, "flow", settings, marks[:kept], points, ends, tau, completed)


def _optimiser(name: str) -> Callable[..., Descent]:
    def run(objective: Objective, lead: tuple[int, ...], theta: Array, given: dict[str, Any], report: Any) -> Descent:
        rule = Rule(name, **{key: value for key, value in given.items() if key not in ("steps", "checkpoints")})
        steps = whole("steps", given.get("steps", _STEPS))
        marks = np.unique(np.round(_marks(given.get("checkpoints", _usual_checkpoints(objective)), 1, steps)))
        _require_memory(marks, theta)
        recorded, completed = _stepped(objective, theta, rule, marks, report)
        words = {
            "lr": rule.lr,
            "schedule": rule.schedule if isinstance(rule.schedule, str) else "given",
            **({"momentum": rule.momentum} if name == "gd" else {"betas": list(rule.betas), "eps": rule.eps}),
        }
        tau = (1.0 if name == "adam" else learning_time(objective.model)) / rule.lr
        return record(
            objective,
            lead,
            name,
            _settings(objective, words),
            marks[: len(recorded)],
            recorded,
            recorded[-1],
            tau,
            completed,
        )

    return run


def _stepped(objective: Objective, theta: Array, rule: Rule, marks: Array, report: Any) -> tuple[Array, bool]:
    """Points at the marks (c, N, k), or at those reached before the keyboard interrupted."""
    theta, memory, recorded = theta.copy(), Memory.like(theta), [theta]
    steps = int(marks[-1])
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            for step in range(steps):
                rule.update(theta, objective(theta)[1], memory, rule.rate(step, steps))
                if step + 1 == marks[len(recorded)]:
                    recorded.append(theta.copy())
                    report(len(recorded), len(marks))
    except KeyboardInterrupt:
        return np.array(recorded), False
    return np.array(recorded), True


def _newton(objective: Objective, lead: tuple[int, ...], theta: Array, given: dict[str, Any], report: Any) -> Descent:
    most, taken = whole("steps", given.get("steps", _ITERATIONS)), 0

    def count(left: int) -> None:
        nonlocal taken
        taken += 1
        report(len(theta) - left, len(theta))

    if objective.model.features <= _BY_HESSIANS:
        ends = minimise(objective, theta, most_steps=most, report=count)
    else:
        ends = limited_memory.minimise(objective, theta, most, _rest(objective), count)
    settings = _settings(objective, {"steps": most})
    marks, points = np.array([0.0, taken]), np.stack([theta, ends.theta])
    return record(objective, lead, "newton", settings, marks, points, ends.theta, 1.0, True)


_RUN: dict[str, Callable[..., Descent]] = {
    "flow": _flow,
    "gd": _optimiser("gd"),
    "adam": _optimiser("adam"),
    "newton": _newton,
}
