"""Trained weights as users have them: lists, NumPy, PyTorch or JAX arrays, in files, one model or a stack, two layouts.

    shape of W              meaning
    (2,), (2, 1), (1, 2)    one model
    (N, 2, 1)               N models, (instances, features, hidden)
    (N, 1, 2)               N models, (instances, hidden, features)
    (N, 2), N > 2           N models

    shape of b              meaning
    none                    no bias
    (), (1,), (N,), (N, 1)  one bias for both features
    (2,), (N, 2), (N, 1, 2), (N, 2, 1)    one bias per feature

Where a shape has two readings, for two models above all, the error says which question would settle it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analytic.models.bias import Bias
from analytic.models.toy import ToyModel

_WEIGHT_NAMES = ("W", "weight", "weights")
_BIAS_NAMES = ("b", "b_final", "bias", "biases")


@dataclass(frozen=True, eq=False)
class Stack:
    """N trained models: W (N, 2); b None, (N,) if shared or (N, 2); and how they were laid out."""

    W: np.ndarray
    b: np.ndarray | None
    bias: str
    layout: str

    def __len__(self) -> int:
        return len(self.W)

    def point(self, index: int) -> tuple[np.ndarray, Any]:
        """(W, b) of one model."""
        return self.W[index], None if self.b is None else self.b[index]


def stack(W: Any, b: Any = None, *, bias: str | None = None) -> Stack:
    """Weights and biases of any admitted kind and shape as N models.

    Raises ValueError, with a question, where a shape can be read in two ways; `bias` answers for b.
    """
    weights, layout = _weights(as_numpy("W", W))
    if bias is not None:
        bias = Bias.of(bias)
    if b is None:
        if bias not in (None, "none"):
            raise ValueError(f"bias = {bias!r}, but b is None: pass the trained biases")
        return Stack(weights, None, "none", layout)
    biases, convention = _biases(as_numpy("b", b), len(weights), bias)
    return Stack(weights, biases, convention, layout)


def as_numpy(name: str, values: Any) -> np.ndarray:
    """Lists, NumPy, PyTorch and JAX arrays as float64; all entries must be finite."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if "bfloat16" in str(values.dtype) else values).numpy()
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of real numbers, got {type(values).__name__}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {int((~np.isfinite(array)).sum())} entries that are not finite")
    return array


def _weights(W: np.ndarray) -> tuple[np.ndarray, str]:
    if W.shape == (2, 2):
        raise ValueError(
            "W has shape (2, 2). Are these two models with two features each? Then pass W[:, None, :]. "
            "Or one model with two hidden units? Then this theory, for one hidden unit, does not apply"
        )
    if W.ndim == 3 and W.shape[1:] == (1, 2):
        return W[:, 0, :], "hidden-features"
    if W.shape == (1, 2):
        return W, "hidden-features"
    if W.shape in ((2,), (2, 1)):
        return W.reshape(1, 2), "features-hidden"
    if (W.ndim == 3 and W.shape[1:] == (2, 1)) or (W.ndim == 2 and W.shape[1] == 2):
        return W.reshape(-1, 2), "features-hidden"
    raise ValueError(
        f"W has shape {W.shape}; allowed: (2,), (2, 1), (1, 2), (N, 2), (N, 2, 1) for (instances, features, hidden), "
        "(N, 1, 2) for (instances, hidden, features): two features, one hidden unit"
    )


def _biases(b: np.ndarray, count: int, bias: str | None) -> tuple[np.ndarray, str]:
    if bias == "none":
        raise ValueError("bias = 'none', but b is given: leave one of them out")
    shared = b.shape in {(), (1,), (count,), (count, 1)}
    per_feature = b.shape in {(2,), (count, 2), (count, 1, 2), (count, 2, 1)}
    if bias is None and shared and per_feature:
        raise ValueError(
            f"b has shape {b.shape} for {count} models. Is it one bias per model or one per feature? "
            "Say bias='shared' or bias='per-feature'"
        )
    if shared and bias != "per-feature":
        return np.broadcast_to(b.reshape(-1), (count,)), "shared"
    if per_feature and bias != "shared":
        return np.broadcast_to(b.reshape(-1, 2), (count, 2)), "per-feature"
    raise ValueError(
        f"b has shape {b.shape} for {count} models{f' and bias = {bias!r}' if bias else ''}; "
        f"allowed: ({count},) for a shared bias, ({count}, 2) for one bias per feature"
    )


def models(count: int, importance: Any, sparsity: Any, bias: Any) -> tuple[ToyModel, ...]:
    """One ToyModel for each of `count` trained models; problems may differ from model to model.

    importance : r for (1, r); a pair (I1, I2) for all models; (N,) or (N, 1), r for each; (N, 2).
    sparsity : S; a pair (S1, S2) for all models; (N,) or (N, 1), S for each; (N, 2).
    """
    rows = zip(
        _per_model("importance", importance, count),
        _per_model("sparsity", sparsity, count),
        strict=True,
    )
    return tuple(ToyModel(r, S, bias=bias) for r, S in rows)


def _per_model(name: str, values: Any, count: int) -> list[Any]:
    if np.ndim(values) == 0:
        return [values] * count
    array = as_numpy(name, values)
    if array.shape == (2,) and count == 2:
        raise ValueError(
            f"{name} = {array.tolist()} for two models. Is it one value per model or one per feature? "
            f"Pass shape (2, 1) for one per model, (2, 2) for one pair per model"
        )
    if array.shape == (2,):
        return [tuple(array.tolist())] * count
    if array.shape in {(count,), (count, 1)}:
        return array.reshape(-1).tolist()
    if array.shape == (count, 2):
        return [tuple(row) for row in array.tolist()]
    raise ValueError(f"{name} has shape {array.shape}; allowed: one number, (2,), ({count},), ({count}, 2)")


def read_weights(path: str | Path) -> tuple[Any, Any]:
    """(W, b) from a .npz, .npy or .safetensors file; b is None where the file has none.

    In files with names, W is called one of "W", "weight", "weights", and b one of "b", "b_final", "bias", "biases"; a
    prefix that ends in a dot is allowed. A .npy file holds W alone. Reading .safetensors needs the package safetensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"FILE = {str(path)!r} does not exist")
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False), None
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return _pick(dict(archive), path)
    if path.suffix == ".safetensors":
        return _pick(_safetensors(path), path)
    raise ValueError(f"FILE = {str(path)!r} must end in .npz, .npy or .safetensors")


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise ValueError("reading .safetensors needs the package safetensors: pip install safetensors") from None
    return dict(load_file(str(path)))


def _pick(arrays: dict[str, np.ndarray], path: Path) -> tuple[Any, Any]:
    found = [[name for name in arrays if name.rpartition(".")[2] in names] for names in (_WEIGHT_NAMES, _BIAS_NAMES)]
    if len(found[0]) != 1 or len(found[1]) > 1:
        raise ValueError(
            f"FILE = {str(path)!r} has arrays {sorted(arrays)}; exactly one must be named one of {_WEIGHT_NAMES}, "
            f"and at most one of {_BIAS_NAMES}"
        )
    return arrays[found[0][0]], arrays[found[1][0]] if found[1] else None
