"""Which target each start reaches: a model's motion, its targets and the barriers between them, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.attraction import motion
from analytic.attraction.barriers import Barriers, barriers
from analytic.attraction.motion import Settings
from analytic.attraction.states import Status
from analytic.attraction.targets import distance, targets
from analytic.landscape.find import find_stationary_points
from analytic.landscape.records import End, Landscape
from analytic.models.bias import Bias
from analytic.models.toy import ToyModel, require_pair
from analytic.validation import InvalidValue, number, one_of, real_array, refuse, whole
from analytic.work import cores

#: A start at rest belongs to a target within this distance.
MATCH = 1e-2
#: Default rate of gradient descent, over the largest curvature: a tenth of where it becomes unstable.
_DESCENT = 0.2


@dataclass(frozen=True, eq=False)
class Field:
    """Motion of one kind on one model's loss.

    targets : where it can end, sorted by loss.
    settings : of the motion; their type says which it is.
    threads : how many cores share the starts.
    """

    model: ToyModel
    landscape: Landscape
    targets: tuple[End, ...]
    dynamics: str
    barriers: Barriers
    settings: Settings
    threads: int

    @classmethod
    def of(
        cls,
        model: ToyModel,
        dynamics: str = "flow",
        *,
        lr: float | None = None,
        max_steps: int | None = None,
        landscape: Landscape | None = None,
        threads: int | None = None,
    ) -> Field:
        """The field of a model; what is not given has the defaults of `basins`."""
        require_pair(model, "descend, which says where given starts end, and search_minima with shares of starts")
        settings = _settings(model, one_of("dynamics", dynamics, motion.MOTIONS), lr, max_steps)
        share = cores() if threads is None else whole("threads", threads)
        if landscape is None:
            landscape = find_stationary_points(model)
        elif landscape.model != model:
            raise InvalidValue(f"landscape must be that of {model!r}, got that of {landscape.model!r}")
        found = targets(landscape)
        return cls(model, landscape, found, dynamics, barriers(model, landscape, found), settings, share)

    def labels(
        self,
        states: npt.NDArray[np.float64],
        report: Callable[[float, float], None] = lambda done, total: None,
    ) -> npt.NDArray[np.int64]:
        """Index of the target that each start (n, k), in the convention's parameters, reaches; else a Status."""
        labels, ends = motion.run(self.settings, states, self.model.parameters, self.barriers, self.threads, report)
        resting = np.flatnonzero(np.isin(labels, [Status.SILENT, Status.AT_REST]))
        if len(resting) and self.targets:
            labels[resting] = self._nearest(self.model.bias.embed(ends[resting]), labels[resting])
        return labels

    def _nearest(self, ends: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The nearest target within reach of where a start has come to rest, or the Status that it has."""
        gaps = np.array([distance(self.model, target, ends) for target in self.targets])
        return np.where(gaps.min(axis=0) < MATCH, gaps.argmin(axis=0), labels)


def destinations(model: ToyModel, theta: Any, *, dynamics: str = "flow", **settings: Any) -> list[End | None]:
    """The target that each start (n, 4) = (W1, W2, b1, b2) reaches, None if unresolved.

    A shared bias is b1 = b2, and without bias both are zero. `settings` are those of `basins`: lr, max_steps,
    landscape, threads.
    """
    found = Field.of(model, dynamics, **settings)
    labels = found.labels(reduced(model, np.atleast_2d(real_array("theta", theta, finite=True))))
    return [None if label < 0 else found.targets[label] for label in labels]


def reduced(model: ToyModel, theta: npt.NDArray[np.float64], name: str = "theta") -> npt.NDArray[np.float64]:
    """Full parameters (..., 4) in the convention's own (..., k); they must be of that convention."""
    states = theta[..., : 2 + model.bias.size()]
    if theta.shape[-1] != 4 or not np.array_equal(model.bias.embed(states), theta):
        raise InvalidValue(f"{name} must hold (W1, W2, b1, b2) with biases as bias = {model.bias!r} allows them")
    return states


def _settings(model: ToyModel, dynamics: str, lr: float | None, max_steps: int | None) -> Settings:
    """Of a motion by its name, with its defaults where nothing is given."""
    if lr is not None and dynamics == "flow":
        refuse("lr", "be None for the flow, which has no rate", lr)
    given: dict[str, Any] = {} if max_steps is None else {"limit": whole("max_steps", max_steps)}
    if lr is not None:
        given["rate"] = number("lr", lr, above=0)
    elif dynamics == "gd":
        given["rate"] = _DESCENT / _steepest(model)
    return motion.MOTIONS[dynamics](**given)


def _steepest(model: ToyModel) -> float:
    """The largest curvature that occurs, roughly.

    Along W it is of the order 4 I_i p_i; along a bias that is on at every input it is 2 I_i, and the sum of these where
    the bias is shared.
    """
    along_W = max(4 * weight * density for weight, density in zip(model.importance, model.density, strict=True))
    along_b = {Bias.NONE: 0.0, Bias.SHARED: 2 * sum(model.importance), Bias.PER_FEATURE: 2 * max(model.importance)}
    return max(along_W, along_b[model.bias])
