"""How a run is trained: the optimiser, how many steps on batches of which size, what is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analytic.training.optimisers import Rule
from analytic.training.problems import Parameters
from analytic.validation import InvalidValue, one_of, whole

#: Samples of a batch; those of one pair fill 1 GiB.
MOST_SAMPLES = 2**26
#: Recorded steps.
MOST_MARKS = 10**6
#: Bytes that a run may keep: its checkpoints, or the data sets of "gd".
MOST_BYTES = 2**31


@dataclass(frozen=True)
class Settings:
    """All that a run needs to know beside the models and the starts.

    marks : the recorded steps, from 0 to the last. reduction : see `reduction_factor`.
    """

    rule: Rule
    marks: tuple[int, ...]
    batch: int
    seed: int
    reduction: str

    def __post_init__(self) -> None:
        whole("batch", self.batch, 1, MOST_SAMPLES)
        whole("seed", self.seed, 0)
        reduction_factor(self.reduction, 2)

    @property
    def steps(self) -> int:
        """How many steps are taken."""
        return self.marks[-1]

    def require_memory(self, rows: int, parameters: Parameters) -> None:
        """Refuses what would not fit: `rows` trained models with these parameters."""
        recorded = 8 * len(self.marks) * rows * parameters.size
        if recorded > MOST_BYTES:
            raise InvalidValue(
                f"checkpoints must keep at most 2 GiB, got {len(self.marks)} of {rows} models with "
                f"{parameters.size} parameters, {recorded / 2**30:.3g} GiB"
            )
        data = 4 * self.batch * rows * parameters.features
        if self.rule.name == "gd" and data > MOST_BYTES:
            raise InvalidValue(
                f"batch must let the data sets of 'gd' fit into 2 GiB, got {self.batch} samples of "
                f"{parameters.features} features for each of {rows} models, {data / 2**30:.3g} GiB"
            )


def reduction_factor(reduction: str, features: int = 2) -> float:
    """What a reduction over features makes of the summed loss: 1 for "sum", 1/n for "mean"."""
    return 1.0 if one_of("reduction", reduction, ("sum", "mean")) == "sum" else 1.0 / features


def marks(checkpoints: int | Iterable[int], steps: int) -> tuple[int, ...]:
    """The recorded steps: that many equal stretches, or the steps given; 0 and `steps` always."""
    steps = whole("steps", steps)
    if isinstance(checkpoints, Iterable):
        wanted = [whole("checkpoints", mark, 0, steps) for mark in checkpoints]
    else:
        # more stretches than steps are one stretch for each step
        count = min(whole("checkpoints", checkpoints, 1, MOST_MARKS), steps)
        wanted = [round(steps * i / count) for i in range(count)]
    return tuple(sorted({0, *wanted, steps}))
