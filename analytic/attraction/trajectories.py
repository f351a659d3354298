"""`Descent`: what descents on the exact loss gave, in memory and in a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.attraction.plateaus import CLOSE, SLOW, WIDTH, Plateau, plateaus
from analytic.files import PathLike, read_npz, reading, writable, write_npz
from analytic.models.relu_output import ReluOutputModel
from analytic.search.minimiser import CONVERGED, LOSS_TOLERANCE, MOST_FEATURES, Objective
from analytic.validation import number

Array = npt.NDArray[np.float64]

#: A gradient that the lattice does not tell from zero, in units of its tolerance times the silent loss.
LATTICE_CONVERGED = 10.0
#: Settings of a file that are not arrays.
_SETTINGS = "settings"
_ALONG = ("time", "W", "b", "loss", "gradient_norm")


class End(NamedTuple):
    """Where every start ended: W (..., hidden, features), b, and (...) loss, |gradient| and smallest curvature.

    `curvature` is the smallest eigenvalue of the Hessian off the directions along which the loss cannot change (NaN
    where the descent has not converged): negative on a saddle.
    """

    W: Array
    b: Any
    loss: Any
    gradient_norm: Any
    curvature: Any


@dataclass(frozen=True, eq=False, repr=False)
class Descent:
    """Descents of the exact loss from many starts, at each of c checkpoints; leading axes (...) as in W of the starts.

    Attributes
    ----------
    model : ReluOutputModel
    dynamics : "flow", "gd", "adam" or "newton"
    settings : what else was asked for: the tolerance, or the optimiser's lr, schedule, ...
    time : (c,), the first 0
        Of the flow theta' = -gradient; else steps, of which one of gradient descent takes the time lr.
    W : (c, ..., hidden, features);  b : None, (c, ...) if shared, (c, ..., features) if per-feature
    loss, gradient_norm : (c, ...), exact
        NaN where a start gave up or diverged.
    final : End
        The last points, for up to 12 features polished by Newton's method where that does not lead elsewhere.
    unit_time : the time in which a feature is learnt, 1 / max I_i E[x_i^2] of the flow; plateaus are long beside it
    completed : False where the keyboard interrupted; the checkpoints that all starts had reached are kept
    """

    model: ReluOutputModel
    dynamics: str
    settings: dict[str, Any]
    time: Array
    W: Array
    b: Any
    loss: Array
    gradient_norm: Array
    final: End
    unit_time: float
    completed: bool

    @property
    def converged(self) -> Any:
        """Which starts (...) ended where |gradient| <= 1e-12 sum I_i E[x_i^2].

        Beyond 12 features ten times the lattice's `loss_tolerance` takes the place of 1e-12: what it tells from zero.
        """
        lattice = LATTICE_CONVERGED * self.settings.get("loss_tolerance", LOSS_TOLERANCE)
        limit = CONVERGED if self.model.features <= MOST_FEATURES else lattice
        return (np.asarray(self.final.gradient_norm) <= limit * self.model.silent_loss)[()]

    @cached_property
    def plateaus(self) -> tuple[Plateau, ...]:
        """Stretches where the loss hardly falls, each with the stationary points beside it; see `find_plateaus`."""
        return self.find_plateaus()

    def find_plateaus(self, *, slow: float = SLOW, width: float = WIDTH, close: float = CLOSE) -> tuple[Plateau, ...]:
        """The plateaus, with thresholds of one's own: what hangs on them is no finding.

        Parameters
        ----------
        slow : how fast the loss may fall on a plateau: - d log(L - L_end) / d log(t + unit_time)
        width : how long a plateau lasts at least, in log time, which is also what slopes are taken over
        close : how far from the trajectory a stationary point may lie, in all parameters; features are about one long

        Returns
        -------
        tuple of Plateau, by trajectory and time
        """
        options = {
            "slow": number("slow", slow, above=0),
            "width": number("width", width, above=0),
            "close": number("close", close, above=0),
        }
        if len(self.time) <= 2:
            return ()
        exact = self.model.features <= MOST_FEATURES
        objective = Objective.exact(self.model) if exact else Objective(self.model)
        count, lead = len(self.time), self.loss.shape[1:]
        theta = objective.join(self.W, self.b)
        loss, norm = self.loss.reshape(count, -1), self.gradient_norm.reshape(count, -1)
        found = plateaus(objective, self.time, self.unit_time, theta.reshape(*loss.shape, -1), loss, norm, **options)
        return tuple(replace(each, start=tuple(map(int, np.unravel_index(each.start[0], lead)))) for each in found)

    def __repr__(self) -> str:
        starts, done = self.loss[0].size, int(np.sum(self.converged))
        state = "" if self.completed else ", interrupted"
        low, high = (f"{find(self.final.loss):.9g}" for find in (np.min, np.max))
        losses = low if low == high else f"{low} to {high}"
        return (
            f"Descent({self.model!r}, {self.dynamics}: {starts} start{'s' * (starts != 1)}, {done} converged{state}, "
            f"time {self.time[-1]:.6g}, loss {losses})"
        )

    def save(self, path: PathLike) -> None:
        """Writes everything to a .npz file, whole or not at all."""
        writable(path, (".npz",))
        words = {"dynamics": self.dynamics, "settings": self.settings, "completed": self.completed}
        write_npz(
            path,
            {
                **{name: getattr(self, name) for name in _ALONG},
                **{f"final_{name}": value for name, value in self.final._asdict().items()},
                **self.model.arrays(),
                "unit_time": self.unit_time,
                _SETTINGS: np.array(json.dumps(words)),
            },
        )

    @classmethod
    def load(cls, path: PathLike) -> Descent:
        """Reads what `save` wrote; an InvalidValue if the file is something else."""
        stored = read_npz(path, "descent", ("time", "W", "loss", "final_W", _SETTINGS))
        with reading(path, "descent"):
            final: list[Any] = [stored.get(f"final_{name}", np.array(None))[()] for name in End._fields]
            return cls(
                model=ReluOutputModel.from_arrays(stored),
                final=End(*final),
                unit_time=float(stored["unit_time"]),
                **{name: stored.get(name) for name in _ALONG},  # type: ignore[arg-type]
                **json.loads(str(stored[_SETTINGS])),
            )
