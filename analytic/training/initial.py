"""Where training starts: the initial distributions that the field uses, by name.

The toy models of the field are trained many at a time, as one stacked parameter W. PyTorch's initialisers read the fans
off the shape of that tensor, for three axes (d0, d1, d2) as

    fan_in = d1 d2        fan_out = d0 d2

so the scale depends on how many models are stacked and on the order of the axes. For two features and one hidden unit,
N stacked models and Xavier's standard deviation sqrt(2 / (fan_in + fan_out)):

    layout              shape        fans        Xavier sd            N = 1    N = 400
    features-hidden     (N, 2, 1)    2, N        sqrt(2 / (2 + N))    0.816    0.0705
    hidden-features     (N, 1, 2)    2, 2N       sqrt(1 / (1 + N))    0.707    0.0499

The biases start at 0, as in the common training code. A uniform law with the same standard deviation s has the bounds
±sqrt(3) s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

LAYOUTS = ("features-hidden", "hidden-features")

Starts: TypeAlias = tuple[np.ndarray, np.ndarray | None]
Init: TypeAlias = str | float | Callable[[np.random.Generator, int], Any] | tuple[Any, Any]


def fans(instances: int, layout: str) -> tuple[int, int]:
    """(fan_in, fan_out) that PyTorch reads off `instances` stacked models in this layout."""
    if layout not in LAYOUTS:
        raise ValueError(f"layout = {layout!r} must be one of {LAYOUTS}")
    if instances != int(instances) or instances < 1:
        raise ValueError(f"instances = {instances!r} must be a whole number, at least 1")
    return (2, int(instances)) if layout == "features-hidden" else (2, 2 * int(instances))


def _xavier(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2.0 / (fan_in + fan_out))


def _kaiming(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2.0 / fan_in)


def _unit(fan_in: int, fan_out: int) -> float:
    return 1.0


_SCALES: dict[str, tuple[Callable[[int, int], float], str]] = {
    "xavier": (_xavier, "normal"),
    "xavier-uniform": (_xavier, "uniform"),
    "kaiming": (_kaiming, "normal"),
    "kaiming-uniform": (_kaiming, "uniform"),
    "standard-normal": (_unit, "normal"),
}
NAMES = tuple(_SCALES)


@dataclass(frozen=True)
class Initial:
    """Independent weights with standard deviation `sd`, "normal" or "uniform"; biases 0."""

    sd: float
    law: str = "normal"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sd) and self.sd >= 0):
            raise ValueError(f"standard deviation {self.sd!r} must be finite and not negative")

    def __call__(self, rng: np.random.Generator, n: int) -> Starts:
        """n starts: W of shape (n, 2), and None for the biases, which means 0."""
        if self.law == "uniform":
            return self.sd * math.sqrt(3.0) * rng.uniform(-1.0, 1.0, (n, 2)), None
        return self.sd * rng.standard_normal((n, 2)), None


def named(name: str, *, instances: int = 1, layout: str = "features-hidden") -> Initial:
    """The initial distribution that PyTorch's initialiser of this name gives.

    Parameters
    ----------
    name : one of `NAMES`; "xavier" is torch.nn.init.xavier_normal_, "xavier-uniform" is xavier_uniform_, "kaiming" and
        "kaiming-uniform" are kaiming_normal_ and kaiming_uniform_ with their defaults (fan_in, gain sqrt(2)),
        "standard-normal" is torch.randn.
    instances : how many models are stacked in one tensor W.
    layout : "features-hidden" for (instances, features, hidden), "hidden-features" for (instances, hidden, features).

    >>> round(named("xavier").sd, 3), round(named("xavier", layout="hidden-features").sd, 3)
    (0.816, 0.707)
    """
    if name not in _SCALES:
        raise ValueError(f"init = {name!r} must be one of {NAMES}, a number, a callable or arrays")
    scale, law = _SCALES[name]
    return Initial(scale(*fans(instances, layout)), law)


def biases(bias: str) -> int:
    """How many bias parameters the convention has: 0, 1 or 2."""
    return {"none": 0, "shared": 1, "per-feature": 2}[bias]


def draw(
    init: Init,
    rng: np.random.Generator,
    n: int,
    bias: str,
    *,
    instances: int = 1,
    layout: str = "features-hidden",
) -> np.ndarray:
    """n starting points (n, k) in the order W1, W2, b...; k = 2, 3 or 4 by the bias convention.

    `init` is a name (see `named`), a standard deviation for W (b = 0), a callable (rng, n) -> (W, b) with b None or of
    shape (n,), (n, 1) or (n, 2), or a pair of arrays (W, b) with n rows each, or one row for all.
    """
    if isinstance(init, str):
        init = named(init, instances=instances, layout=layout)
    elif isinstance(init, (int, float)) and not isinstance(init, bool):
        init = Initial(float(init))
    W, b = init(rng, n) if callable(init) else init  # type: ignore[misc]
    return _stacked(W, b, n, biases(bias))


def _stacked(W: Any, b: Any, n: int, k: int) -> np.ndarray:
    W = _rows("W", W, n, 2)
    if k == 0:
        if b is not None:
            raise ValueError("init gives biases, but the model has none")
        return W.copy()
    return np.concatenate([W, np.zeros((n, k)) if b is None else _rows("b", b, n, k)], axis=1)


def _rows(name: str, values: Any, n: int, k: int) -> np.ndarray:
    array = np.asarray(values, float)
    if array.shape not in {(n, k), (1, k), (k,)} | ({(n,), ()} if k == 1 else set()):
        raise ValueError(f"init gives {name} of shape {array.shape}, allowed: ({n}, {k}) or ({k},)")
    if not np.isfinite(array).all():
        raise ValueError(f"init gives {name} with values that are not finite")
    if k == 1:
        array = array.reshape(-1, 1)
    return np.broadcast_to(array, (n, k))
