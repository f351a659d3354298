"""The loss of the ReLU output model in exact or arbitrary-precision arithmetic: the recurrence, one state at a time.

The same mathematics as recurrence.py with plain arithmetic only, so that fractions, mpmath and SymPy numbers pass
through it. It runs from the fixed states to the free ones and has every moment in every state, so it shares neither
code nor the order of the sums with the compiled functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from analytic.loss.exact import arithmetic
from analytic.validation import InvalidValue, refuse

if TYPE_CHECKING:
    from analytic.models.relu_output import ReluOutputModel

#: The most features that an output may depend on: 531,441 states.
MOST = 12
#: What a feature of a state is: fixed at 0, fixed at 1, or uniform on [0, 1].
OFF, ONE, FREE = 0, 1, 2
State = tuple[int, ...]


def state_moments(b: Any, slopes: Sequence[Any]) -> Callable[[State], tuple[Any, Any, Any]]:
    """The function state -> (E[h_+], E[h_+^2], E[x_0 h_+]) for h = b + sum_j slopes_j x_j."""
    zero = 0 * b

    @cache
    def moments(state: State) -> tuple[Any, Any, Any]:
        free = [j for j, kind in enumerate(state) if kind == FREE]
        start = b + sum((slopes[j] for j, kind in enumerate(state) if kind == ONE), zero)
        low = start + sum((slopes[j] for j in free if slopes[j] < 0), zero)
        high = start + sum((slopes[j] for j in free if slopes[j] > 0), zero)
        if high <= 0:
            return zero, zero, zero
        if low >= 0:
            return _of_the_whole(state, (low + high) / 2, [slopes[j] for j in free], slopes[0])
        tau = -low / (high - low)
        mean, square, cross = zero, zero, zero
        for j in free:
            t = tau if slopes[j] > 0 else 1 - tau
            on, off = (moments((*state[:j], kind, *state[j + 1 :])) for kind in (ONE, OFF))
            mean += (1 - t) * on[0] + t * off[0]
            square += (1 - t) * on[1] + t * off[1]
            cross += (1 - t) * on[2] + t * off[2]
        k = len(free)
        mean = mean / (k + 1)
        if state[0] == FREE:
            t_own = tau if slopes[0] > 0 else 1 - tau
            return mean, square / (k + 2), (cross + t_own * mean) / (k + 2)
        return mean, square / (k + 2), mean if state[0] == ONE else zero

    return moments


def _of_the_whole(state: State, mean: Any, slopes: Sequence[Any], own: Any) -> tuple[Any, Any, Any]:
    """The moments of a state where h >= 0 throughout, from those of the uniform distribution."""
    square = mean * mean + sum((slope * slope for slope in slopes), 0 * mean) / 12
    cross = {OFF: 0 * mean, ONE: mean, FREE: mean / 2 + own / 12}[state[0]]
    return mean, square, cross


def independent_patterns(density: Sequence[Any]) -> Iterable[tuple[State, Any]]:
    """All on/off patterns of independent features as states, with their probabilities."""
    for state in product((OFF, FREE), repeat=len(density)):
        yield state, prod((p if kind else 1 - p for p, kind in zip(density, state, strict=True)))


def loss(
    W: Sequence[Sequence[Any]],
    b: Sequence[Any],
    importance: Sequence[Any],
    density: Sequence[Any],
    patterns: Sequence[Any] | None,
) -> Any:
    """The expected loss; `patterns`, numbered by bits, are None for independent features."""
    total = 0 * b[0]
    for i, bias in enumerate(b):
        g = [sum((row[i] * row[j] for row in W), 0 * bias) for j in range(len(b))]
        order = [i, *(j for j in range(len(b)) if j != i and (patterns is not None or g[j] != 0))]
        if len(order) > MOST:
            raise InvalidValue(f"exact_loss serves outputs that depend on at most {MOST} features, not {len(order)}")
        moments = state_moments(bias, [g[j] for j in order])
        value = density[i] / 3
        for state, probability in _patterns(order, density, patterns):
            _, square, cross = moments(state)
            value += probability * (square - 2 * cross)
        total += importance[i] * value
    return total


def _patterns(
    order: Sequence[int], density: Sequence[Any], patterns: Sequence[Any] | None
) -> Iterable[tuple[State, Any]]:
    """On/off patterns of the features in this order, with their probabilities."""
    if patterns is None:
        return independent_patterns([density[j] for j in order])
    return ((tuple(FREE * (r >> j & 1) for j in order), probability) for r, probability in enumerate(patterns))


def exact_loss(model: ReluOutputModel, W: Sequence[Sequence[Any]], b: Any = None) -> Any:
    """`ReluOutputModel.exact_loss`."""
    rows = [list(row) for row in (W.tolist() if hasattr(W, "tolist") else W)]
    if len(rows) != model.hidden or any(len(row) != model.features for row in rows):
        refuse("W", f"have shape ({model.hidden}, {model.features})", W)
    biases = _biases(model, b)
    convert = arithmetic([*(entry for row in rows for entry in row), *biases])
    patterns = model.exact_patterns
    value = loss(
        [[convert(entry) for entry in row] for row in rows],
        [convert(entry) for entry in biases],
        [convert(each) for each in model.exact_importance],
        [convert(p) for p in model.exact_density],
        None if patterns is None else [convert(p) for p in patterns],
    )
    return value.simplify() if hasattr(value, "simplify") else value


def _biases(model: ReluOutputModel, b: Any) -> list[Any]:
    """The bias of every feature."""
    if b is None:
        return [0] * model.features
    if model.bias == "none":
        raise InvalidValue("b must be None for a model without bias; set bias='shared' or 'per-feature'")
    if model.bias == "shared":
        return [b] * model.features
    if len(b) != model.features:
        refuse("b", f"have {model.features} entries, one bias per feature", b)
    return list(b)
