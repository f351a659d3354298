"""What the witness knows of a model: importances, how often features are on, the convention for the bias, the size.

Models are read by what they have, not by what they are, so that nothing here reaches a formula for the loss. Two kinds:

    Pair    two features, one hidden unit; `patterns` is (P00, P10, P01, P11); W has shape (2,), as `ToyModel` has it
    Wide    any number of features and hidden units; W has shape (hidden, features), h = W x

The features of a wide model are independent, or come with the joint probabilities of all 2^n on/off patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.models.bias import Bias
from analytic.validation import InvalidValue, plain, real_array, refuse, refuse_type, whole

Array: TypeAlias = npt.NDArray[Any]

#: Joint on/off probabilities are drawn from a table of 2^n entries.
MOST_JOINT_FEATURES = 12
#: Patterns whose probabilities are products up to the rounding of n factors are those of independent features.
_INDEPENDENT = 2.0**-40


class PairModel(Protocol):
    """What a model of the pair has to have."""

    @property
    def importance(self) -> tuple[float, float]: ...
    @property
    def patterns(self) -> tuple[float, float, float, float]: ...
    @property
    def bias(self) -> str: ...


class WideModel(Protocol):
    """What a model of any size has to have; `patterns`, of shape (2,) * n with index 1 for on, may be missing."""

    @property
    def hidden(self) -> int: ...
    @property
    def importance(self) -> Any: ...
    @property
    def density(self) -> Any: ...
    @property
    def bias(self) -> str: ...


Model: TypeAlias = PairModel | WideModel


@dataclass(frozen=True)
class Parameters:
    """The trained parameters of one model, a row (k,): W row by row, then b by the convention."""

    weights: tuple[int, ...]
    bias: Bias

    @property
    def features(self) -> int:
        """n."""
        return self.weights[-1]

    @property
    def hidden(self) -> int:
        """m; one for the pair."""
        return self.weights[0] if len(self.weights) == 2 else 1

    @property
    def size(self) -> int:
        """k."""
        return self.hidden * self.features + self.bias.size(self.features)

    def embed(self, theta: Array) -> Array:
        """Rows (..., k) as those of a model with a bias per feature, (..., m n + n)."""
        return self.bias.embed(theta, self.features, self.hidden)

    def gather(self, gradient: Array) -> Array:
        """Gradients (..., m n + n) in all biases as gradients (..., k)."""
        return self.bias.gather(gradient, self.features, self.hidden)

    def split(self, theta: Array) -> tuple[Array, Array | None]:
        """Rows (..., k) as W (..., *weights) and b None, (...) or (..., n)."""
        W, b = self.bias.weights_and_bias(theta, self.features, self.hidden)
        return W.reshape(*theta.shape[:-1], *self.weights), b


@dataclass(frozen=True)
class Pair:
    """Two features, one hidden unit."""

    importance: tuple[float, float]
    patterns: tuple[float, float, float, float]
    bias: Bias

    @property
    def parameters(self) -> Parameters:
        """Of one model."""
        return Parameters((2,), self.bias)

    @property
    def quiet(self) -> float:
        """How often no feature is on."""
        return self.patterns[0]


@dataclass(frozen=True, eq=False)
class Wide:
    """n features, m hidden units: importance (n,), density (n,); patterns (2,) * n, or None if independent."""

    hidden: int
    importance: Array
    density: Array
    bias: Bias
    patterns: Array | None = None

    @property
    def features(self) -> int:
        """n."""
        return len(self.density)

    @property
    def parameters(self) -> Parameters:
        """Of one model."""
        return Parameters((self.hidden, self.features), self.bias)

    @property
    def table(self) -> Array:
        """The probabilities of all patterns, (2,) * n."""
        return _product(self.density) if self.patterns is None else self.patterns

    @property
    def quiet(self) -> float:
        """How often no feature is on."""
        return float(np.prod(1.0 - self.density) if self.patterns is None else self.patterns.flat[0])

    def __repr__(self) -> str:
        kind = "independent" if self.patterns is None else "joint"
        return f"Wide({self.features} features, {kind}, {self.hidden} hidden, bias={self.bias!r})"


Problem: TypeAlias = Pair | Wide


def problems(model: Model | Sequence[Model]) -> tuple[tuple[Any, ...], tuple[Problem, ...]]:
    """The models of a run as given, and what the witness knows of each; all have the same parameters."""
    given = tuple(model) if isinstance(model, Sequence) else (model,)
    if not given:
        raise InvalidValue("model must hold at least one model, got []")
    known = tuple(map(problem, given))
    kinds = {each.parameters for each in known}
    if len({each.bias for each in kinds}) > 1:
        refuse("model", "be models of one bias convention", sorted(str(each.bias) for each in kinds))
    if len(kinds) > 1:
        refuse("model", "be models of one size", sorted(each.weights for each in kinds))
    return given, known


def problem(model: Any) -> Problem:
    """What the witness knows of one model."""
    if isinstance(model, Pair | Wide):
        return model
    if not (hasattr(model, "importance") and hasattr(model, "bias")):
        refuse_type("model", "be a ToyModel, a ReluOutputModel or a sequence of one kind", model)
    patterns = _patterns(model)
    bias = Bias.of(model.bias)
    if np.shape(patterns) == (4,):
        first, second = map(float, model.importance)
        none, one, two, both = map(float, patterns)
        return Pair((first, second), (none, one, two, both), bias)
    density = real_array("density", model.density, finite=True)
    importance = real_array("importance", model.importance, finite=True)
    if importance.shape != density.shape or density.ndim != 1:
        raise InvalidValue(f"importance must have the shape of density, {density.shape}, got {importance.shape}")
    joint = None if patterns is None or _independent(patterns, density) else _joint(patterns, density)
    return Wide(whole("hidden", model.hidden), importance, density, bias, joint)


def _patterns(model: Any) -> Any:
    """The on/off probabilities, or None where they need not be looked at: a table of 2^n numbers can be large."""
    if np.size(model.importance) > 2 and getattr(model, "independent", False):
        return None
    return plain(getattr(model, "patterns", None))


def _independent(patterns: Any, density: Array) -> bool:
    """Whether the table is the product of its margins."""
    if np.ndim(patterns) != len(density):
        return False
    return bool(np.allclose(patterns, _product(density), rtol=_INDEPENDENT, atol=0))


def _product(density: Array) -> Array:
    return np.asarray(reduce(np.multiply.outer, (np.array([1.0 - p, p]) for p in density)))


def _joint(patterns: Any, density: Array) -> Array:
    table = real_array("patterns", patterns, finite=True)
    if table.shape != (2,) * len(density) or len(density) > MOST_JOINT_FEATURES:
        raise InvalidValue(
            f"patterns must have shape (2,) * n with n at most {MOST_JOINT_FEATURES}, got shape {table.shape}"
        )
    return table / table.sum()
