"""Where training starts: the initial distributions that the field uses, by name.

The toy models of the field are trained many at a time, as one stacked parameter W. PyTorch's initialisers read the fans
off the shape of that tensor, for three axes (d0, d1, d2) as

    fan_in = d1 d2        fan_out = d0 d2

so the scale depends on how many models are stacked and on the order of the axes. For N stacked models of n features and
m hidden units, and Xavier's standard deviation sqrt(2 / (fan_in + fan_out)):

    layout              shape        fans          n = 2, m = 1:  N = 1    N = 400
    features-hidden     (N, n, m)    n m, N m                     0.816    0.0705
    hidden-features     (N, m, n)    n m, N n                     0.707    0.0499

A matrix by itself, of two axes, has fan_in = d1 and fan_out = d0 instead. The biases start at 0, as in the
common training code. A uniform law with the same standard deviation s has the bounds ±sqrt(3) s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.models.bias import Bias, BiasLike
from analytic.training.problems import Parameters
from analytic.validation import InvalidValue, number, one_of, real_array, refuse, refuse_type, whole

Array: TypeAlias = npt.NDArray[np.float64]
LAYOUTS = ("features-hidden", "hidden-features")

Starts: TypeAlias = tuple[Any, Any]
Init: TypeAlias = str | float | Callable[[np.random.Generator, int], Starts] | Starts


def fans(instances: int | None, layout: str, features: int = 2, hidden: int = 1) -> tuple[int, int]:
    """(fan_in, fan_out) that PyTorch reads off `instances` stacked models in this layout, or off one matrix (None)."""
    axes = (features, hidden) if one_of("layout", layout, LAYOUTS) == "features-hidden" else (hidden, features)
    if instances is None:
        return axes[1], axes[0]
    return features * hidden, whole("instances", instances) * axes[1]


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
    weights: tuple[int, ...] = (2,)

    def __post_init__(self) -> None:
        number("init", self.sd, least=0)

    def __call__(self, rng: np.random.Generator, n: int) -> tuple[Array, None]:
        """n starts: W of shape (n, *weights), and None for the biases, which means 0."""
        shape = (n, *self.weights)
        if self.law == "uniform":
            return self.sd * math.sqrt(3.0) * rng.uniform(-1.0, 1.0, shape), None
        return self.sd * rng.standard_normal(shape), None


def named(
    name: str, *, instances: int | None = 1, layout: str = "features-hidden", weights: tuple[int, ...] = (2,)
) -> Initial:
    """The initial distribution that PyTorch's initialiser of this name gives.

    Parameters
    ----------
    name
        One of `NAMES`; "xavier" is torch.nn.init.xavier_normal_, "xavier-uniform" is xavier_uniform_, "kaiming" and
        "kaiming-uniform" are kaiming_normal_ and kaiming_uniform_ with their defaults (fan_in, gain sqrt(2)),
        "standard-normal" is torch.randn.
    instances
        How many models are stacked in one tensor W; None for a matrix W without that axis.
    layout
        "features-hidden" for (instances, features, hidden), "hidden-features" for (instances, hidden, features). The
        weights that are drawn have the shape `weights` in either case.
    weights
        (2,) for the pair, else (hidden, features).

    Examples
    --------
    >>> round(named("xavier").sd, 3), round(named("xavier", layout="hidden-features").sd, 3)
    (0.816, 0.707)
    >>> round(named("kaiming", weights=(20, 100)).sd, 4)  # sqrt(2 / 2000)
    0.0316
    """
    if name not in _SCALES:
        refuse("init", f"be one of {', '.join(map(repr, NAMES))}, a number, a callable or arrays", name)
    scale, law = _SCALES[name]
    parameters = Parameters(weights, Bias.NONE)
    return Initial(scale(*fans(instances, layout, parameters.features, parameters.hidden)), law, weights)


def draw(
    init: Init,
    rng: np.random.Generator,
    n: int,
    bias: BiasLike,
    *,
    instances: int | None = 1,
    layout: str = "features-hidden",
    weights: tuple[int, ...] = (2,),
) -> Array:
    """n starting points (n, k): W row by row, then the parameters of the bias convention.

    `init` is a name (see `named`), a standard deviation for W (b = 0), a callable (rng, n) -> (W, b), or a pair of
    arrays (W, b). W has the shape (n, *weights), or `weights` for one start that all share; b is None for 0, (n,) or
    (n, 1) if shared, (n, features) if per-feature, or without the n.
    """
    fans(instances, layout)
    if isinstance(init, str):
        init = named(init, instances=instances, layout=layout, weights=weights)
    elif isinstance(init, Real) and not isinstance(init, bool):
        init = Initial(float(init), weights=weights)
    given = init(rng, n) if callable(init) else init
    if not isinstance(given, tuple) or len(given) != 2:
        refuse_type("init", "be a name, a number, a pair (W, b) or a callable that gives one", init)
    W, b = given
    return _stacked(W, b, n, Parameters(weights, Bias.of(bias)))


def _stacked(W: Any, b: Any, n: int, parameters: Parameters) -> Array:
    rows = _rows("W", W, n, parameters.weights).reshape(n, -1)
    count = parameters.bias.size(parameters.features)
    if count == 0:
        if b is not None:
            raise InvalidValue("init must give no biases where the model has none, got a pair (W, b)")
        return rows.copy()
    return np.concatenate([rows, np.zeros((n, count)) if b is None else _biases(b, n, count)], axis=1)


def _biases(b: Any, n: int, count: int) -> Array:
    array = real_array("init's b", b, finite=True)
    return _rows("b", array.reshape(-1, 1) if count == 1 and array.ndim < 2 else array, n, (count,))


def _rows(name: str, values: Any, n: int, shape: tuple[int, ...]) -> Array:
    array = real_array(f"init's {name}", values, finite=True)
    if array.shape not in {(n, *shape), (1, *shape), shape}:
        raise InvalidValue(f"init's {name} must have shape {(n, *shape)} or {shape}, got shape {array.shape}")
    return np.broadcast_to(array, (n, *shape))
