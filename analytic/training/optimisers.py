"""Update rules and learning-rate schedules, with the meaning that they have in PyTorch.

With g the gradient, lr the scheduled rate, d the weight decay and t = 1, 2, ... the step:

    sgd     u = momentum u + (g + d theta)                           theta -= lr u
    adam    g += d theta;  m, v = running means of g, g²             theta -= lr m̂ / (sqrt(v̂) + eps)
    adamw   theta *= 1 − lr d, then adam's step with d = 0           ("decoupled" decay)

    m̂ = m / (1 − beta1^t),  v̂ = v / (1 − beta2^t)

What the decay does to the fixed points. sgd's are exactly the stationary points of L + d/2 |theta|². Those of adamw are
not: in the mean its step vanishes where g_k = −d theta_k sqrt(v_k), and v_k is the mean square of the *minibatch*
gradient in coordinate k. So the decay that adamw applies to coordinate k is d sqrt(v_k), which fades as 1/sqrt(batch)
where the gradient vanishes, and on the exact gradient leaves the minima of L where they are, to within eps.
`TrainingRun.effective_decay` measures it.

Schedules multiply the rate at step s = 0 ... steps − 1 as the toy-model code of the field does: "constant" 1, "linear"
1 − s/steps, "cosine" cos(pi/2 · s/(steps − 1)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

Schedule: TypeAlias = str | Callable[[int, int], float]

SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": lambda step, steps: 1.0,
    "linear": lambda step, steps: 1.0 - step / steps,
    "cosine": lambda step, steps: math.cos(0.5 * math.pi * step / max(steps - 1, 1)),
}
DEFAULT_DECAY = {"gd": 0.0, "sgd": 0.0, "adam": 0.0, "adamw": 0.01}
NAMES = tuple(DEFAULT_DECAY)


@dataclass(frozen=True)
class Rule:
    """One optimiser with its settings; "gd" is "sgd" on a data set drawn once (see `train`)."""

    name: str = "adam"
    lr: float = 1e-3
    schedule: Schedule = "constant"
    weight_decay: float | None = None
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"optimizer = {self.name!r} must be one of {NAMES}")
        if not callable(self.schedule) and self.schedule not in SCHEDULES:
            raise ValueError(f"schedule = {self.schedule!r} must be one of {tuple(SCHEDULES)} or callable(step, steps)")
        _require("lr", self.lr, self.lr > 0, "positive")
        _require("weight_decay", self.decay, self.decay >= 0, "zero or positive")
        _require("momentum", self.momentum, 0 <= self.momentum < 1, "in [0, 1)")
        _require("betas", max(self.betas), all(0 <= beta < 1 for beta in self.betas), "in [0, 1)")
        _require("eps", self.eps, self.eps > 0, "positive")
        if self.momentum and self.name.startswith("adam"):
            raise ValueError(f"momentum = {self.momentum!r} is for gd and sgd; adam has betas")

    @property
    def decay(self) -> float:
        """The weight decay in force: `weight_decay`, or the optimiser's default."""
        return DEFAULT_DECAY[self.name] if self.weight_decay is None else float(self.weight_decay)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of this step, 0 <= step < steps."""
        schedule = self.schedule if callable(self.schedule) else SCHEDULES[self.schedule]
        return self.lr * schedule(step, steps)

    def update(self, theta: np.ndarray, grad: np.ndarray, memory: Memory, rate: float) -> None:
        """One step, in place, on any array of parameters and its `memory`."""
        if self.name == "adamw":
            theta *= 1.0 - rate * self.decay
        elif self.decay:
            grad = grad + self.decay * theta
        if self.name in ("gd", "sgd"):
            memory.first *= self.momentum
            memory.first += grad
            theta -= rate * memory.first
        else:
            theta -= rate * self._adam_direction(grad, memory)

    def _adam_direction(self, grad: np.ndarray, memory: Memory) -> np.ndarray:
        beta1, beta2 = self.betas
        memory.steps += 1
        memory.first += (1.0 - beta1) * (grad - memory.first)
        memory.second += (1.0 - beta2) * (grad * grad - memory.second)
        root = np.sqrt(memory.second / (1.0 - beta2**memory.steps)) + self.eps
        return memory.first / ((1.0 - beta1**memory.steps) * root)


@dataclass
class Memory:
    """What an optimiser carries from step to step: running means of g and g², steps taken."""

    first: np.ndarray
    second: np.ndarray
    steps: int = field(default=0)

    @classmethod
    def like(cls, theta: np.ndarray) -> Memory:
        """The memory at the start of training."""
        return cls(np.zeros_like(theta), np.zeros_like(theta))


def _require(name: str, value: float, holds: bool, allowed: str) -> None:
    if not (math.isfinite(value) and holds):
        raise ValueError(f"{name} = {value!r} must be finite and {allowed}")
