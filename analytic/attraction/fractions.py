"""How likely a start is to end at each target: the fractions of the basins of attraction.

The basin of a target is the set of starts that end there. Fractions are probabilities under an initial distribution.
They are counted on independent starts, with the exact 95 % interval of Clopper and Pearson; without bias and under the
flow, with normal weights, they are integrals over the exact basin boundaries instead (separatrices.py), and the
interval is the error of the integration.

Starts that are not decided within the allowed steps are counted as unresolved, not given to a neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analytic.attraction.destinations import Field
from analytic.attraction.separatrices import Separatrix, sector_probabilities, separatrices
from analytic.attraction.states import Status
from analytic.attraction.targets import describe, ties
from analytic.files import TABLES, PathLike, writable, write_csv, write_npz
from analytic.landscape.records import End, Landscape
from analytic.models.bias import Bias
from analytic.models.toy import ToyModel
from analytic.search.shares import share
from analytic.training import initial
from analytic.validation import number, whole
from analytic.work import Progress, reporting

#: By how much the integrals over separatrices can be off: measured against curves of ten times the points.
_INTEGRATION = 1e-6
#: Bytes of a start and its end, with room for the motion's.
_STARTS = 10**8


@dataclass(frozen=True, eq=False)
class BasinFraction:
    """The probability that a start ends at `target`, with a 95 % interval; `count` starts did (None: an integral)."""

    target: End
    estimate: float
    low: float
    high: float
    count: int | None


@dataclass(frozen=True, eq=False)
class Basins:
    """Basin fractions of one model under one kind of training from one initial distribution.

    Attributes
    ----------
    model : ToyModel
    landscape : Landscape
    dynamics : "flow", "gd" or "adam"
    fractions : tuple of BasinFraction
        One for each minimum, flat minimum and half-stable point (half_stable.py), sorted by loss.
    unresolved : float
        Fraction of starts that reached no target in the allowed steps.
    starts : int
        How many were counted.
    separatrices : tuple of Separatrix
        The basin boundaries without bias under the flow, else empty.
    statuses : dict
        How the unresolved ones ended, with their fractions: `Status.sentence` says what each means.
    """

    model: ToyModel
    landscape: Landscape
    dynamics: str
    fractions: tuple[BasinFraction, ...]
    unresolved: float
    starts: int
    separatrices: tuple[Separatrix, ...] = field(repr=False, default=())
    statuses: dict[Status, float] = field(repr=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.fractions)

    def __getitem__(self, index: int) -> BasinFraction:
        return self.fractions[index]

    def __iter__(self) -> Iterator[BasinFraction]:
        return iter(self.fractions)

    def restarts_needed(self, probability: float = 0.99, *, cautious: bool = False) -> float:
        """How many random starts find the global minimum with a probability.

        Parameters
        ----------
        probability : float, in (0, 1)
        cautious : bool
            Whether to take the lower ends of the intervals.

        Returns
        -------
        float
            Infinity where no start does. Global minima that tie, within the rounding of the loss, count together.
        """
        number("probability", probability, above=0, below=1)
        lowest = float(self.fractions[0].target.loss)
        best = [entry for entry in self.fractions if ties(self.model, float(entry.target.loss) - lowest)]
        hit = math.fsum(entry.low if cautious else entry.estimate for entry in best)
        if hit <= 0:
            return math.inf
        return 1 if hit >= 1 else max(1, math.ceil(math.log1p(-probability) / math.log1p(-hit)))

    def table(self) -> list[dict[str, Any]]:
        """A row for each target: its description, loss, estimate, the ends of the interval, and the count."""
        return [
            {
                "target": describe(entry.target),
                "loss": float(entry.target.loss),
                "estimate": entry.estimate,
                "low": entry.low,
                "high": entry.high,
                "count": entry.count,
            }
            for entry in self.fractions
        ]

    def save(self, path: PathLike) -> None:
        """Writes the table to a .csv or .npz file; a .npz file also has `starts` and `unresolved`."""
        rows = self.table()
        if writable(path, TABLES) == ".csv":
            write_csv(path, list(rows[0]), [list(row.values()) for row in rows])
            return
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "count"}
        write_npz(path, {**columns, "starts": self.starts, "unresolved": self.unresolved})


def basins(
    model: ToyModel,
    *,
    init: initial.Init = "xavier",
    dynamics: str = "flow",
    starts: int = 10_000,
    instances: int = 1,
    layout: str = "features-hidden",
    lr: float | None = None,
    max_steps: int | None = None,
    seed: int = 0,
    landscape: Landscape | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> Basins:
    """How often each minimum, flat minimum and half-stable point is reached.

    Parameters
    ----------
    model : ToyModel
    init, instances, layout
        Where training starts, as for `initial.draw`: a name, a standard deviation for W (b = 0),
        callable(rng, n) -> (W, b), or a pair of arrays (W, b) with one start in each row, in which case `starts` is
        their number.
    dynamics : "flow", "gd" or "adam"
        On the exact gradient of the loss summed over features: gradient flow, gradient descent with the constant rate
        `lr`, or Adam with the usual betas. The default rates are a tenth of where gradient descent becomes unstable,
        and 0.01 for Adam.
    starts : int
        How many starts to count, where counting is needed; up to 10^8.
    max_steps : int
        Steps after which a start is unresolved, 5000 by default.
    landscape : Landscape, optional
        The minima to look for, if already known.
    threads, progress
        How many threads work (all cores by default), and how that is reported: None, True, False or a callable.

    Returns
    -------
    Basins

    Raises
    ------
    InvalidInput
        A ValueError or TypeError that names the argument, its value and what is allowed.

    Notes
    -----
    The flow's steps have an error below 1e-5, so starts closer than about that to a boundary are uncertain. Counts are
    held against an independent integrator over 12 x 12 densities and importances, by z-score, in
    tests/attraction/test_independent.py.
    """
    whole("starts", starts, 1, _STARTS)
    found = Field.of(model, dynamics, lr=lr, max_steps=max_steps, landscape=landscape, threads=threads)
    curves = separatrices(model, found.landscape) if model.bias is Bias.NONE and dynamics == "flow" else ()
    sd = _normal_sd(init, instances, layout)
    if curves and sd is not None:
        return _integrated(found, curves, sd)
    if isinstance(init, tuple):
        starts = len(np.atleast_2d(np.asarray(init[0])))
    states = initial.draw(init, np.random.default_rng(seed), starts, model.bias, instances=instances, layout=layout)
    with reporting(progress, "basins", " starts") as report:
        return _counted(found, found.labels(states, report), curves)


def _counted(found: Field, labels: np.ndarray, curves: tuple[Separatrix, ...]) -> Basins:
    """Fractions from the label of every start."""
    total = len(labels)
    counts = [int(np.sum(labels == index)) for index in range(len(found.targets))]
    entries = (
        BasinFraction(target, part.estimate, part.low, part.high, count)
        for target, count, part in zip(found.targets, counts, (share(count, total) for count in counts), strict=True)
    )
    shares = {status: float(np.mean(labels == status)) for status in Status}
    return Basins(
        found.model,
        found.landscape,
        found.dynamics,
        tuple(entries),
        float(np.mean(labels < 0)),
        total,
        curves,
        {status: share for status, share in shares.items() if share},
    )


def _integrated(found: Field, curves: tuple[Separatrix, ...], sd: float) -> Basins:
    """Fractions as probabilities of the sectors between boundaries, for weights N(0, sd^2)."""
    totals = [0.0] * len(found.targets)
    for probability, inside in sector_probabilities(curves, sd):
        totals[int(found.labels(inside[None])[0])] += probability
    entries = (
        BasinFraction(target, total, max(0.0, total - _INTEGRATION), min(1.0, total + _INTEGRATION), None)
        for target, total in zip(found.targets, totals, strict=True)
    )
    return Basins(found.model, found.landscape, "flow", tuple(entries), 0.0, 0, curves)


def _normal_sd(init: initial.Init, instances: int, layout: str) -> float | None:
    """Standard deviation of normally distributed weights, None for any other start."""
    if isinstance(init, str):
        init = initial.named(init, instances=instances, layout=layout)
    if isinstance(init, initial.Initial):
        return init.sd if init.law == "normal" and init.sd > 0 else None
    return float(init) if isinstance(init, (int, float)) and init > 0 else None
