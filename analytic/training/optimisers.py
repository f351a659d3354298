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

The compiled dynamics of attraction/motion.py follow the same rules on the exact gradient, one start at a time and until
a barrier decides. They are written there once more on purpose: training is the witness that a claim about them is held
against, and shares no arithmetic with them.

Schedules multiply the rate at step s = 0 ... steps − 1 as the toy-model code of the field does: "constant" 1, "linear"
1 − s/steps, "cosine" cos(pi/2 · s/(steps − 1)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.validation import InvalidValue, number, one_of, refuse, refuse_type

Array: TypeAlias = npt.NDArray[np.float64]
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
        one_of("optimizer", self.name, NAMES)
        if not (callable(self.schedule) or (isinstance(self.schedule, str) and self.schedule in SCHEDULES)):
            refuse("schedule", f"be one of {', '.join(map(repr, SCHEDULES))} or callable(step, steps)", self.schedule)
        number("lr", self.lr, above=0)
        number("weight_decay", self.decay, least=0)
        number("momentum", self.momentum, least=0, below=1)
        if not isinstance(self.betas, (tuple, list)) or len(self.betas) != 2:
            refuse_type("betas", "be a pair of numbers", self.betas)
        for beta in self.betas:
            number("betas", beta, least=0, below=1)
        number("eps", self.eps, above=0)
        if self.momentum and self.name.startswith("adam"):
            raise InvalidValue(f"momentum must be 0 for {self.name}, which has betas, got {self.momentum!r}")

    @property
    def decay(self) -> float:
        """The weight decay in force: `weight_decay`, or the optimiser's default."""
        return DEFAULT_DECAY[self.name] if self.weight_decay is None else self.weight_decay

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of this step, 0 <= step < steps."""
        schedule = self.schedule if callable(self.schedule) else SCHEDULES[self.schedule]
        return self.lr * schedule(step, steps)

    def update(self, theta: Array, grad: Array, memory: Memory, rate: float) -> None:
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

    def _adam_direction(self, grad: Array, memory: Memory) -> Array:
        beta1, beta2 = self.betas
        memory.steps += 1
        memory.first += (1.0 - beta1) * (grad - memory.first)
        memory.second += (1.0 - beta2) * (grad * grad - memory.second)
        root = np.sqrt(memory.second / (1.0 - beta2**memory.steps)) + self.eps
        return memory.first / ((1.0 - beta1**memory.steps) * root)


@dataclass
class Memory:
    """What an optimiser carries from step to step: running means of g and g², steps taken."""

    first: Array
    second: Array
    steps: int = field(default=0)

    @classmethod
    def like(cls, theta: Array) -> Memory:
        """The memory at the start of training."""
        return cls(np.zeros_like(theta), np.zeros_like(theta))
