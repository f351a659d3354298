"""The problem that each trained model was meant to solve, from importances and sparsities as users have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from analytic.checking.weights import Stack
from analytic.models.bias import BiasLike
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.validation import InvalidValue, is_single, plain, real_array


def networks(trained: Stack, importance: Any, sparsity: Any) -> tuple[ReluOutputModel, ...]:
    """One ReluOutputModel for each of a stack of any size.

    importance, sparsity : one number, (n,) per feature, (1, n), (N, 1) per model, or (N, n).
    """
    size = trained.size
    rows = [
        _per_feature(name, values, len(trained), size.features)
        for name, values in (("importance", importance), ("sparsity", sparsity))
    ]
    return tuple(
        ReluOutputModel(size.features, size.hidden, r, S, bias=trained.bias) for r, S in zip(*rows, strict=True)
    )


def models(count: int, importance: Any, sparsity: Any, bias: BiasLike) -> tuple[ToyModel, ...]:
    """One ToyModel for each of `count` trained models; problems may differ from model to model.

    importance : r for (1, r); a pair (I1, I2) for all models; (N,) or (N, 1), r for each; (N, 2).
    sparsity : S; a pair (S1, S2) for all models; (N,) or (N, 1), S for each; (N, 2).
    """
    rows = zip(
        _per_pair("importance", importance, count),
        _per_pair("sparsity", sparsity, count),
        strict=True,
    )
    return tuple(ToyModel(r, S, bias=bias) for r, S in rows)


def _per_pair(name: str, values: Any, count: int) -> list[Any]:
    if is_single(values):
        return [values] * count
    array = real_array(name, values, finite=True)
    if array.shape == (2,) and count == 2:
        raise InvalidValue(
            f"{name} = {array.tolist()} for two models. Is it one value per model or one per feature? "
            f"Pass shape (2, 1) for one per model, (2, 2) for one pair per model"
        )
    if array.shape in {(2,), (1, 2)}:
        return [tuple(array.ravel().tolist())] * count
    if array.shape in {(count,), (count, 1)}:
        return array.reshape(-1).tolist()
    if array.shape == (count, 2):
        return [tuple(row) for row in array.tolist()]
    raise InvalidValue(f"{name} has shape {array.shape}; allowed: one number, (2,), ({count},), ({count}, 2)")


def _per_feature(name: str, values: Any, count: int, features: int) -> list[Any]:
    """One number, (n,) for all models, (1, n), (N, 1) for each model, or (N, n); never (N,)."""
    if is_single(values):
        return [plain(values)] * count
    array = real_array(name, values, finite=True)
    allowed = {(features,), (1, features), (count, 1), (count, features)}
    if array.shape not in allowed:
        hint = f"; for one per model pass shape ({count}, 1)" if array.shape == (count,) else ""
        raise InvalidValue(
            f"{name} must be one number, ({features},) per feature, ({count}, 1) per model or ({count}, {features}), "
            f"got shape {array.shape}{hint}"
        )
    return [tuple(row) for row in np.broadcast_to(array, (count, features)).tolist()]


def feature_count(*values: Any) -> int | None:
    """How many features the first of these has that is given per feature: the length of its last axis."""
    given = (real_array("importance or sparsity", value) for value in values if not is_single(value))
    return next((int(array.shape[-1]) for array in given if array.ndim and array.shape[-1] > 1), None)
