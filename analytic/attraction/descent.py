"""Descent on the exact loss, without noise: gradient flow, gradient descent, Adam, and straight to a minimum.

Training follows minibatch gradients. Here the gradient is the expected one, so what is seen is the landscape alone: a
loss that pauses and falls again has passed a saddle, and cannot have hopped out of a minimum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.attraction.exponential import Flow
from analytic.attraction.trajectories import Descent, End
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.search.distinct import curvature
from analytic.search.minimiser import CONVERGED, Objective, minimise, polish
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
#: Second derivatives exist for this many features.
_MOST_FEATURES = 12
#: Newton's method that ends farther away than this, or on a saddle, has led elsewhere.
_NEARBY, _HERE, _DOWNWARDS = 0.1, 1e-6, 1e-7


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
    progress: Progress = None,
) -> Descent:
    """Follow the exact gradient from given weights, from many starts at once.

    Parameters
    ----------
    model : ReluOutputModel or ToyModel
        The flow and everything that is said of ends needs second derivatives, which serve up to 12 features; with more,
        "gd" and "adam" run, and their ends stay as they are.
    W : array_like, shape (..., hidden, features)
        Of a ToyModel (..., 2), as for its loss.
    b : array_like or None
        In the model's convention, None for 0; broadcasts with W over the leading axes.
    dynamics
        "flow": theta' = -gradient, to an error per step of `tolerance` (default 1e-4) times its length. "gd" and
        "adam": `steps` (default 10,000) of gradient descent or Adam with the settings of `train`. "newton": quickly to
        a stationary point nearby, usually a minimum, in at most `steps` (default 2,000); only the start and the end
        are kept, and features are at most 12.
    time
        How long to flow; by default until every start is at rest. One step of gradient descent takes the time lr.
    lr, schedule, momentum, betas, eps
        As for `train`, with its defaults.
    checkpoints
        How many to record, evenly in the logarithm of time (default 300), or the times or steps themselves; 0 and the
        last are always recorded. They may fill 2 GiB.
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
    if dynamics in ("flow", "newton") and known.features > _MOST_FEATURES:
        raise InvalidValue(
            f"dynamics must be 'gd' or 'adam' for more than {_MOST_FEATURES} features, got {dynamics!r} for "
            f"{known.features}"
        )
    with reporting(progress, "descent", " checkpoints") as report:
        return _RUN[dynamics](Objective(known), lead, theta, given, report)


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
    lead = np.shape(model.loss(W, biases))
    if 0 in lead:
        raise InvalidValue(f"W must hold at least one start, got shape {W.shape}")
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


def learning_time(model: ReluOutputModel) -> float:
    """The time in which the flow learns a feature by itself: 1 / max I_i E[x_i^2]."""
    return float(1 / (np.max(model.importance * model.density) / 3))


def _flow(objective: Objective, lead: tuple[int, ...], theta: Array, given: dict[str, Any], report: Any) -> Descent:
    tau = learning_time(objective.model)
    last = number("time", given["time"], above=0) if "time" in given else _LONGEST * tau
    marks = _marks(given.get("checkpoints", _CHECKPOINTS), min(_FIRST * tau, last / 2), last)
    tolerance = number("tolerance", given.get("tolerance", _TOLERANCE), least=1e-8, most=0.1)
    _require_memory(marks, theta)
    flow = Flow.of(objective, theta, marks, tolerance)
    completed = flow.run(report)
    kept = len(marks) if completed else int(flow.reached.min())
    if "time" not in given:
        kept = min(kept, flow.still)
    settings = {"tolerance": tolerance}
    points = flow.recorded[:kept]
    ends = np.where(np.isnan(points[-1]), flow.theta, points[-1])
    return record(objective, lead, "flow", settings, marks[:kept], points, ends, tau, completed)


def _optimiser(name: str) -> Callable[..., Descent]:
    def run(objective: Objective, lead: tuple[int, ...], theta: Array, given: dict[str, Any], report: Any) -> Descent:
        rule = Rule(name, **{key: value for key, value in given.items() if key not in ("steps", "checkpoints")})
        steps = whole("steps", given.get("steps", _STEPS))
        marks = np.unique(np.round(_marks(given.get("checkpoints", _CHECKPOINTS), 1, steps)))
        _require_memory(marks, theta)
        recorded, completed = _stepped(objective, theta, rule, marks, report)
        settings = {
            "lr": rule.lr,
            "schedule": rule.schedule if isinstance(rule.schedule, str) else "given",
            **({"momentum": rule.momentum} if name == "gd" else {"betas": list(rule.betas), "eps": rule.eps}),
        }
        tau = (1.0 if name == "adam" else learning_time(objective.model)) / rule.lr
        return record(objective, lead, name, settings, marks[: len(recorded)], recorded, recorded[-1], tau, completed)

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

    ends = minimise(objective, theta, most_steps=most, report=count)
    marks, points = np.array([0.0, taken]), np.stack([theta, ends.theta])
    return record(objective, lead, "newton", {"steps": most}, marks, points, ends.theta, 1.0, True)


_RUN: dict[str, Callable[..., Descent]] = {
    "flow": _flow,
    "gd": _optimiser("gd"),
    "adam": _optimiser("adam"),
    "newton": _newton,
}


def record(
    objective: Objective,
    lead: tuple[int, ...],
    dynamics: str,
    settings: dict[str, Any],
    time: Array,
    points: Array,
    last: Array,
    tau: float,
    completed: bool,
) -> Descent:
    """The record of trajectories (c, N, k) that ended at `last` (N, k)."""
    with np.errstate(over="ignore", invalid="ignore"):
        loss, gradient = objective(points.reshape(-1, points.shape[-1]))
        norm = np.linalg.norm(gradient, axis=1)
    shape = (len(time), *lead)
    W, b = objective.split(points.reshape(*shape, -1))
    return Descent(
        model=objective.model,
        dynamics=dynamics,
        settings=settings,
        time=time,
        W=W,
        b=b,
        loss=loss.reshape(shape),
        gradient_norm=norm.reshape(shape),
        final=_end(objective, lead, last, dynamics == "newton"),
        unit_time=tau,
        completed=completed,
    )


def _end(objective: Objective, lead: tuple[int, ...], last: Array, already: bool) -> End:
    """The last points (N, k), polished by Newton's method where that stays with them (`already`: where they are so)."""
    theta, loss, norm, least = _polished(objective, last, already)
    W, b = objective.split(theta.reshape(*lead, -1))
    return End(W, b, *(each.reshape(lead)[()] for each in (loss, norm, least)))


def _polished(objective: Objective, last: Array, already: bool) -> tuple[Array, Array, Array, Array]:
    loss, gradient = objective(last)
    norm, least = np.linalg.norm(gradient, axis=1), np.full(len(last), np.nan)
    theta = last.copy()
    if objective.model.features > _MOST_FEATURES:
        return theta, loss, norm, least
    rows = np.flatnonzero(np.isfinite(norm))
    ends = polish(objective, last[rows], loss[rows], gradient[rows])
    for row, point, height, size in zip(rows, *ends, strict=True):
        moved = np.linalg.norm(point - last[row])
        if size > CONVERGED * objective.unit or moved > _NEARBY:
            continue
        lowest = curvature(objective, point)
        if already or lowest >= -_DOWNWARDS * objective.unit or moved <= _HERE:
            theta[row], loss[row], norm[row], least[row] = point, height, size, lowest
    return theta, loss, norm, least
