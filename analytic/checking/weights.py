"""Trained weights as users have them: lists, tensors, modules, state_dicts, files; one model or a stack.

    shape of b                            meaning, for N models of n features
    none                                  no bias
    (), (1,), (N,), (N, 1)                a shared bias
    (n,), (N, n), (N, 1, n), (N, n, 1)    a bias per feature

Where a shape has two readings the error says which question would settle it; shapes.py has those of W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.checking.shapes import Size, size_of
from analytic.files import ending, read_npz, reading
from analytic.models.bias import Bias, BiasLike
from analytic.training.run import TrainingRun
from analytic.validation import InvalidType, InvalidValue, real_array

Array = npt.NDArray[np.float64]

_WEIGHT_NAMES = ("W", "weight", "weights")
_BIAS_NAMES = ("b", "b_final", "bias", "biases")


@dataclass(frozen=True, eq=False)
class Stack:
    """N trained models: W (N, 2), or (N, hidden, features); b None, (N,) if shared or (N, features); their layout."""

    W: Array
    b: Array | None
    bias: BiasLike
    layout: str

    def __len__(self) -> int:
        return len(self.W)

    @property
    def size(self) -> Size:
        """Features and hidden units."""
        hidden = self.W.shape[1] if self.W.ndim == 3 else 1
        return Size(self.W.shape[-1], hidden, self.layout)

    def point(self, index: int) -> tuple[Array, Any]:
        """(W, b) of one model."""
        return self.W[index], None if self.b is None else self.b[index]


def stack(
    W: Any,
    b: Any = None,
    *,
    bias: str | None = None,
    features: int | None = None,
    hidden: int | None = None,
    layout: str | None = None,
    per_feature: int | None = None,
) -> Stack:
    """Weights and biases of any admitted kind and shape as N models.

    Parameters
    ----------
    W, b
        Arrays of any library, lists of them, or in W alone a state_dict or a module that holds both by name.
    bias
        "none", "shared" or "per-feature": how to read b where its shape has two readings. With "none" a b of zeros is
        as good as none.
    features, hidden, layout, per_feature
        How to read W: see shapes.py.

    Raises
    ------
    InvalidValue, InvalidType
        With a question, where a shape can be read in two ways; for empty stacks, and entries that are not finite.
    """
    W, b = _unpacked(W, b)
    array = real_array("W", W, finite=True)
    if array.size == 0:
        raise InvalidValue(f"W must hold at least one model, got shape {array.shape}")
    size = size_of(array.shape, features, hidden, layout, per_feature)
    weights = _weights(array, size)
    wanted = None if bias is None else Bias.of(bias)
    biases = None if b is None else real_array("b", b, finite=True)
    if wanted is Bias.NONE and biases is not None and not np.any(biases):
        biases = None
    if biases is None:
        if wanted not in (None, Bias.NONE):
            raise InvalidValue(f"bias = {wanted!r}, but b is None: pass the trained biases")
        return Stack(weights, None, Bias.NONE, size.layout)
    each, convention = _biases(biases, len(weights), size.features, wanted)
    return Stack(weights, each, convention, size.layout)


def _unpacked(W: Any, b: Any) -> tuple[Any, Any]:
    """(W, b) out of a module or a state_dict."""
    if hasattr(W, "state_dict"):
        W = W.state_dict()
    if not isinstance(W, Mapping):
        return W, b
    weights, biases = _pick(W, "W")
    return weights, biases if b is None else b


def _weights(W: Array, size: Size) -> Array:
    if size.is_pair:
        return W.reshape(-1, 2)
    stacked = W if W.ndim == 3 else W[None]
    return stacked if size.layout == "hidden-features" else np.ascontiguousarray(np.swapaxes(stacked, 1, 2))


def _biases(b: Array, count: int, features: int, bias: Bias | None) -> tuple[Array, Bias]:
    if bias is Bias.NONE:
        raise InvalidValue("bias = 'none', but b is given and is not zero: leave one of them out")
    shared = b.shape in {(), (1,), (count,), (count, 1)}
    per_feature = b.shape in {(features,), (count, features), (count, 1, features), (count, features, 1)}
    if bias is None and shared and per_feature:
        raise InvalidValue(
            f"b has shape {b.shape} for {count} models. Is it one bias per model or one per feature? "
            "Say bias='shared' or bias='per-feature'"
        )
    if shared and bias is not Bias.PER_FEATURE:
        return np.broadcast_to(b.reshape(-1), (count,)), Bias.SHARED
    if per_feature and bias is not Bias.SHARED:
        return np.broadcast_to(b.reshape(-1, features), (count, features)), Bias.PER_FEATURE
    raise InvalidValue(
        f"b has shape {b.shape} for {count} models{f' and bias = {bias!r}' if bias else ''}; "
        f"allowed: ({count},) for a shared bias, ({count}, {features}) for one bias per feature"
    )


def read_weights(path: str | Path) -> tuple[Any, Any]:
    """(W, b) from a .npz, .npy or .safetensors file; b is None where the file has none.

    In files with names, W is called one of "W", "weight", "weights", and b one of "b", "b_final", "bias", "biases"; a
    prefix that ends in a dot is allowed. Of a saved `TrainingRun` the last checkpoint is read. A .npy file holds W
    alone. Reading .safetensors needs the package safetensors.
    """
    suffix = ending(path, (".npz", ".npy", ".safetensors"))
    if suffix == ".npz":
        arrays = read_npz(path, "file of weights")
        return _last(path) if "header" in arrays else _pick(arrays, f"the file {str(path)!r}")
    with reading(path, "file of weights") as source:
        if suffix == ".npy":
            with open(source, "rb") as file:
                return np.load(file, allow_pickle=False), None
        return _pick(_safetensors(source), f"the file {str(path)!r}")


def _last(path: str | Path) -> tuple[Any, Any]:
    """All models of a saved run at its last checkpoint, W as (instances, hidden, features)."""
    W, b = TrainingRun.load(path).final
    shape = W.shape[2:] if W.ndim == 4 else (1, 2)
    return W.reshape(-1, *shape), None if b is None else b.reshape(-1, *b.shape[2:])


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise InvalidValue("reading .safetensors needs the package safetensors: pip install safetensors") from None
    return dict(load_file(str(path)))


def _pick(arrays: Mapping[Any, Any], source: str) -> tuple[Any, Any]:
    """W and b by their names."""
    if not all(isinstance(name, str) for name in arrays):
        raise InvalidType(f"{source} must have names for its arrays, got {list(arrays)[:3]}")
    found = [[name for name in arrays if name.rpartition(".")[2] in names] for names in (_WEIGHT_NAMES, _BIAS_NAMES)]
    if len(found[0]) != 1 or len(found[1]) > 1:
        raise InvalidValue(
            f"{source} has arrays {sorted(arrays)}; exactly one must be named one of {_WEIGHT_NAMES}, "
            f"and at most one of {_BIAS_NAMES}"
        )
    return arrays[found[0][0]], arrays[found[1][0]] if found[1] else None
