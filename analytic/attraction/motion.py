"""Motion on the exact loss: gradient flow, gradient descent and Adam on the exact gradient, compiled.

How an end is recognised. The loss never rises along the flow, so a start is decided, long before it has converged, as
soon as it is behind a barrier (barriers.py) that it cannot cross back. Where an output is dead it stays dead unless the
other output moves W_i; two dead outputs are at rest. What is left runs until the gradient is negligible, and is matched
by distance afterwards. Gradient descent shares the barriers as long as its step is too short to raise the loss; Adam
has inertia, and has to stay behind a barrier for `PATIENCE` steps.

Gradient descent is followed step by step for `_HEAD` steps. If it is still on its way then, and its rate times the
size of the Hessian is below one, so that no parameter overshoots, it goes on as the flow, from which it differs by that
product of the rate and the curvature that is left. Adam at a constant rate never rests; where no barrier has decided it
after all steps, it goes on as the flow, too, as if the rate were taken to zero.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.extending import overload

from analytic.attraction.barriers import Barriers
from analytic.attraction.flow import flow
from analytic.attraction.states import DIVERGED, UNFINISHED, curvature, ending, size, slope, unit_of
from analytic.loss.arrays import COMPILED

Array = npt.NDArray[np.float64]


class Flow(NamedTuple):
    """Gradient flow: the error allowed to a step, and the most steps."""

    tolerance: float = 1e-5
    limit: int = 5_000


class Descent(NamedTuple):
    """Gradient descent with a constant rate, and the most steps."""

    rate: float
    limit: int = 5_000


class Adam(NamedTuple):
    """Adam with a constant rate and the usual betas, and the most steps before the flow takes over."""

    rate: float = 1e-2
    limit: int = 5_000


Settings: TypeAlias = Flow | Descent | Adam
MOTIONS: dict[str, type[Settings]] = {"flow": Flow, "gd": Descent, "adam": Adam}

#: Steps for which Adam has to stay behind a barrier: ten times the memory of its first moment.
PATIENCE = 100
#: The weights of every minimum are below 3 and its biases above -3; what gets this far does not come back.
_FAR = 1e6
#: Nine of ten starts are decided within so many steps of gradient descent.
_HEAD = 1000
#: Accuracy of the flow that ends a gradient descent, or Adam.
_TAIL = 1e-5
#: Starts that a thread takes at a time: some ten milliseconds of work.
_CHUNK = 2048


@njit(**COMPILED)
def _is_gentle(x, model, rate, work):
    """Whether the rate is below the inverse of every curvature here."""
    curvature(x, model, work)
    square = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            square += work[i, j] ** 2
    return rate * np.sqrt(square) < 1


@njit(**COMPILED)
def descend(x, model, barriers, rate, limit):
    """Gradient descent with a constant rate from the state x, in place; -> target or Status."""
    g, hessian = np.empty(len(x)), np.empty((4, 4))
    loss, unit = slope(x, model, g), unit_of(model)
    for count in range(limit):
        label = ending(x, loss, g, unit, model, barriers)
        if label != UNFINISHED:
            return label
        if count == _HEAD and _is_gentle(x, model, rate, hessian):
            return flow(x, model, barriers, _TAIL, limit)
        for i in range(len(x)):
            x[i] -= rate * g[i]
        if not size(x) < _FAR:
            return DIVERGED
        loss = slope(x, model, g)
    return UNFINISHED


@njit(**COMPILED)
def adam(x, model, barriers, rate, limit):
    """Adam with the usual betas from the state x, in place; -> target or Status."""
    g, m, v = np.empty(len(x)), np.zeros(len(x)), np.zeros(len(x))
    power1, power2 = 1.0, 1.0
    previous, since = UNFINISHED, 0
    for _ in range(limit):
        loss = slope(x, model, g)
        label = ending(x, loss, g, 0.0, model, barriers)
        since = since + 1 if label == previous and label != UNFINISHED else 0
        previous = label
        if since >= PATIENCE:
            return label
        power1 *= 0.9
        power2 *= 0.999
        for i in range(len(x)):
            m[i] += 0.1 * (g[i] - m[i])
            v[i] += 0.001 * (g[i] * g[i] - v[i])
            x[i] -= rate * m[i] / (1 - power1) / (np.sqrt(v[i] / (1 - power2)) + 1e-8)
        if not size(x) < _FAR:
            return DIVERGED
    return flow(x, model, barriers, _TAIL, limit)


def _move(x, model, barriers, settings):
    """The motion that the settings are of, for compiled code; `_of_settings` chooses it by their type."""


@overload(_move)
def _of_settings(x, model, barriers, settings):
    motions = {
        Flow: lambda x, model, barriers, settings: flow(x, model, barriers, settings.tolerance, settings.limit),
        Descent: lambda x, model, barriers, settings: descend(x, model, barriers, settings.rate, settings.limit),
        Adam: lambda x, model, barriers, settings: adam(x, model, barriers, settings.rate, settings.limit),
    }
    return motions[settings.instance_class]


@njit(**COMPILED)
def _move_all(states, model, barriers, settings, labels):
    for n in range(len(labels)):
        labels[n] = _move(states[n], model, barriers, settings)


def run(
    settings: Settings,
    starts: Array,
    parameters: Array,
    barriers: Barriers,
    threads: int,
    report: Callable[[float, float], None],
) -> tuple[npt.NDArray[np.int64], Array]:
    """Labels (n,), each a target or a Status, and last states (n, k) of all starts (n, k)."""
    states = np.array(starts, dtype=float, order="C")
    labels = np.empty(len(states), np.int64)
    done = 0

    def work(at: int) -> None:
        nonlocal done
        part = slice(at, at + _CHUNK)
        _move_all(states[part], parameters, barriers, settings, labels[part])
        done += len(states[part])
        report(done, len(states))

    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(work, at) for at in range(0, len(states), _CHUNK)]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            raise
    return labels, states
