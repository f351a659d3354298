"""Which start ends where: basins of attraction under gradient flow, gradient descent or Adam on the exact gradient.

The basin of a target (a minimum with its copy under W → −W, or a flat minimum) is the set of starts that end there.
Fractions are probabilities under an initial distribution. They are counted on independent starts, with the exact 95 %
interval of Clopper and Pearson; without bias and under the flow, with normal weights, they are integrals over the exact
basin boundaries instead (separatrices.py), and the interval is the error of the integration.

A start is labelled by a barrier in the loss that it has crossed and cannot cross back (dynamics.py), or by where it
comes to rest. Starts for which neither happens within the allowed steps are counted as unresolved, not given to a
neighbour."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analytic.attraction import motion
from analytic.attraction.separatrices import Separatrix, half_stable, sector_probabilities, separatrices
from analytic.attraction.targets import Target, corner_maxima, distance, points, targets
from analytic.landscape.find import find_stationary_points
from analytic.landscape.records import FlatSet, Landscape, StationaryPoint
from analytic.models.bias import Bias
from analytic.models.toy import ToyModel
from analytic.training import initial

#: A start that has come to rest belongs to a target within this distance; Adam, which does not rest, three rates away.
MATCH = 1e-2
#: Directions sampled on the sphere around a minimum to find the height of its wall.
_DIRECTIONS = 4096
#: By how much the integrals over separatrices can be off.
_INTEGRATION = 1e-6

_MAX_STEPS = 5_000
_TOLERANCE, _ADAM_RATE = 1e-5, 1e-2


@dataclass(frozen=True, eq=False)
class BasinFraction:
    """The probability that a start ends at `target`, with a 95 % interval; `count` starts did (None: an integral)."""

    target: Target
    estimate: float
    low: float
    high: float
    count: int | None


@dataclass(frozen=True, eq=False)
class Basins:
    """Basin fractions of one model under one kind of training from one initial distribution.

    fractions : one entry for each minimum, flat minimum and half-stable point (separatrices.py), sorted by loss.
    unresolved : fraction of starts that reached no target in the allowed steps.
    separatrices : the basin boundaries without bias under the flow, else empty.
    """

    model: ToyModel
    landscape: Landscape
    dynamics: str
    fractions: tuple[BasinFraction, ...]
    unresolved: float
    starts: int
    separatrices: tuple[Separatrix, ...] = field(repr=False, default=())

    def restarts_needed(self, probability: float = 0.99, *, cautious: bool = False) -> float:
        """How many random starts find the global minimum with this probability; infinity where none does.

        Global minima that tie within 1e-12 count together. `cautious` takes the lower ends of the intervals.
        """
        if not 0 < probability < 1:
            raise ValueError(f"probability = {probability!r} must lie strictly between 0 and 1")
        lowest = float(self.fractions[0].target.loss)
        best = [entry for entry in self.fractions if float(entry.target.loss) <= lowest + 1e-12]
        hit = math.fsum(entry.low if cautious else entry.estimate for entry in best)
        if hit <= 0:
            return math.inf
        return 1 if hit >= 1 else max(1, math.ceil(math.log1p(-probability) / math.log1p(-hit)))


@dataclass(frozen=True, eq=False)
class BasinMap:
    """Ends of the starts on a plane.

    x, y : coordinates of the pixels;  labels (len(y), len(x)) : index into `targets`, −1 where unresolved.
    axes : names of the two parameters that vary.
    """

    model: ToyModel
    dynamics: str
    targets: tuple[Target, ...]
    axes: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray

    @property
    def areas(self) -> tuple[float, ...]:
        """The share of the plane's window that each target has."""
        return tuple(float(np.mean(self.labels == index)) for index in range(len(self.targets)))


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
) -> Basins:
    """How often each minimum and each flat minimum is reached.

    Parameters
    ----------
    init, instances, layout : where training starts, as for `initial.draw`: a name, a standard deviation for W (b = 0),
        callable(rng, n) -> (W, b), or arrays of starts, in which case `starts` is their number.
    dynamics : "flow", "gd" (constant rate `lr`, default 0.05 / max I_i p_i) or "adam" (usual betas, default rate
    0.01), all on the
        exact gradient of the loss summed over features.
    starts : how many starts to count, where counting is needed.
    landscape : the minima to look for, if already known.

    Accuracy: the flow's steps have an error below 1e-5, so starts closer than about that to a boundary are uncertain.
    """
    field_ = _Field.of(model, dynamics, lr, max_steps, landscape, threads)
    curves = separatrices(model, field_.landscape) if model.bias == "none" and dynamics == "flow" else ()
    spreads = _normal_sd(init, instances, layout)
    if curves and spreads is not None:
        return _integrated(field_, curves, spreads)
    if isinstance(init, tuple):
        starts = len(np.atleast_2d(np.asarray(init[0])))
    theta = initial.draw(init, np.random.default_rng(seed), starts, model.bias, instances=instances, layout=layout)
    labels = field_.labels(model.bias.embed(theta))
    counts = [int(np.sum(labels == index)) for index in range(len(field_.targets))]
    entries = (
        BasinFraction(target, count / starts, *_interval(count, starts), count)
        for target, count in zip(field_.targets, counts, strict=True)
    )
    return Basins(model, field_.landscape, dynamics, tuple(entries), float(np.mean(labels < 0)), starts, tuple(curves))


def basin_map(
    model: ToyModel,
    *,
    dynamics: str = "flow",
    resolution: int = 512,
    extent: float = 2.0,
    axes: tuple[str, str] = ("W1", "W2"),
    through: Any = (0.0, 0.0, 0.0, 0.0),
    lr: float | None = None,
    max_steps: int | None = None,
    landscape: Landscape | None = None,
    threads: int | None = None,
) -> BasinMap:
    """Where every start on a plane ends, resolution × resolution pixels with coordinates from −extent to extent.

    `axes` are two of "W1", "W2", "b1", "b2" ("b" for a shared bias); the other parameters are those of the point
    `through` = (W1, W2, b1, b2). Points are at the centres of the pixels, so that no start lies on an axis.
    """
    field_ = _Field.of(model, dynamics, lr, max_steps, landscape, threads)
    names = {"none": ("W1", "W2"), "shared": ("W1", "W2", "b"), "per-feature": ("W1", "W2", "b1", "b2")}[model.bias]
    if len(axes) != 2 or axes[0] == axes[1] or not set(axes) <= set(names):
        raise ValueError(f"axes = {axes!r} must be two different names of {names}")
    if not (math.isfinite(extent) and extent > 0):
        raise ValueError(f"extent = {extent!r} must be positive and finite")
    _require_count("resolution", resolution)
    ticks = extent * ((np.arange(resolution) + 0.5) * 2 / resolution - 1)
    theta = np.tile(np.asarray(through, float), (resolution, resolution, 1))
    for name, values in zip(axes, np.meshgrid(ticks, ticks), strict=True):
        theta[..., [2, 3] if name == "b" else ["W1", "W2", "b1", "b2"].index(name)] = (
            values[..., None] if name == "b" else values
        )
    labels = _labels_by_symmetry(field_, theta.reshape(-1, 4), set(axes) == {"W1", "W2"})
    return BasinMap(model, dynamics, field_.targets, axes, ticks, ticks, labels.reshape(resolution, resolution))


def destinations(
    model: ToyModel, theta: np.ndarray, *, dynamics: str = "flow", landscape: Landscape | None = None
) -> list[Target | None]:
    """The target that each start (n, 4) = (W1, W2, b1, b2) reaches, None if unresolved."""
    field_ = _Field.of(model, dynamics, None, None, landscape, None)
    return [None if label < 0 else field_.targets[label] for label in field_.labels(theta)]


def _labels_by_symmetry(field_: _Field, theta: np.ndarray, symmetric: bool) -> np.ndarray:
    """A map of the whole W plane needs one half of it: (−W, b) ends where (W, b) does."""
    if not symmetric:
        return field_.labels(theta)
    half = field_.labels(theta[: (len(theta) + 1) // 2])
    return np.concatenate([half, half[: len(theta) // 2][::-1]])


@dataclass(frozen=True, eq=False)
class _Field:
    """A model's motion and the targets that it leads to."""

    model: ToyModel
    landscape: Landscape
    targets: tuple[Target, ...]
    dynamics: str
    barriers: motion.Barriers
    owners: np.ndarray
    control: float
    limit: int
    threads: int

    @classmethod
    def of(
        cls,
        model: ToyModel,
        dynamics: str,
        lr: float | None,
        max_steps: int | None,
        landscape: Landscape | None,
        threads: int | None,
    ) -> _Field:
        if dynamics not in motion.DYNAMICS:
            raise ValueError(f"dynamics = {dynamics!r} must be one of {motion.DYNAMICS}")
        if lr is not None and (dynamics == "flow" or not (math.isfinite(lr) and lr > 0)):
            raise ValueError(f"lr = {lr!r} must be positive and finite, and the flow has none")
        landscape = find_stationary_points(model) if landscape is None else landscape
        found = _ends(model, landscape)
        barriers, owners = _barriers(model, landscape, found)
        return cls(
            model=model,
            landscape=landscape,
            targets=found,
            dynamics=dynamics,
            barriers=barriers,
            owners=owners,
            control=_default_control(model, dynamics) if lr is None else lr,
            limit=_MAX_STEPS if max_steps is None else max_steps,
            threads=threads or os.cpu_count() or 1,
        )

    def labels(self, theta: np.ndarray) -> np.ndarray:
        """Index of the target that each start (n, 4) reaches, −1 if unresolved."""
        raw, ends = motion.run(
            self.dynamics,
            theta,
            self.model.parameters,
            self.model.bias.size(),
            self.barriers,
            self.control,
            self.limit,
            self.threads,
        )
        labels = np.where(raw >= 0, self.owners[np.maximum(raw, 0)], -1)
        resting = np.flatnonzero((raw == motion.SILENT) | (raw == motion.AT_REST))
        if len(resting) and self.targets:
            gaps = np.array([distance(target, ends[resting]) for target in self.targets])
            nearest = gaps.argmin(axis=0)
            reach = max(MATCH, 3 * self.control) if self.dynamics == "adam" else MATCH
            labels[resting] = np.where(gaps.min(axis=0) < reach, nearest, -1)
        return labels


def _default_control(model: ToyModel, dynamics: str) -> float:
    """The flow's tolerance, or a learning rate; gradient descent's is in units of the loss's scale, max I_i p_i."""
    scale = max(weight * density for weight, density in zip(model.importance, model.density, strict=True))
    return {"flow": _TOLERANCE, "gd": 0.05 / scale, "adam": _ADAM_RATE}[dynamics]


def _ends(model: ToyModel, landscape: Landscape) -> tuple[Target, ...]:
    """Minima, flat minima and, without bias, half-stable points, sorted by loss."""
    extra = [point for point in landscape.saddles if half_stable(model, point)] if model.bias == "none" else []
    return tuple(sorted((*targets(landscape), *extra), key=lambda target: float(target.loss)))


def _barriers(model: ToyModel, landscape: Landscape, found: tuple[Target, ...]) -> tuple[motion.Barriers, np.ndarray]:
    """Balls around all copies of the isolated minima, and the target that each belongs to.

    One more, of radius zero, stands for the target that the floor leads to.
    """
    everything = np.concatenate([np.empty((0, 4)), *(points(point) for point in landscape)])
    directions = _directions(model.bias)
    flat = min((float(target.loss) for target in found if isinstance(target, FlatSet)), default=np.inf)
    rows, owners = [], []
    for index, target in enumerate(found):
        if isinstance(target, StationaryPoint) and target.kind == "minimum":
            for centre in points(target):
                rows.append((centre, *_ball(model, centre, everything, directions, flat)))
                owners.append(index)
    rows.append((np.full(4, np.inf), 0.0, -np.inf))
    owners.append(0)
    centres, radii, walls = (np.array(column) for column in zip(*rows, strict=True))
    # below the second-lowest loss by more than rounding: a start may lie right at that target
    floor = float(found[1].loss) * (1 - 1e-9) if len(found) > 1 else np.inf
    return motion.Barriers(centres, radii, walls, floor, len(rows) - 1), np.array(owners)


def _ball(
    model: ToyModel, centre: np.ndarray, everything: np.ndarray, directions: np.ndarray, flat: float
) -> tuple[float, float]:
    """Radius of a ball around a minimum, free of other stationary points, and the wall around it.

    The wall is half as high as the lowest of the sampled losses on the sphere, and lower than `flat`, the lowest
    loss of a flat minimum, if an output can be dead inside.
    """
    gaps = np.linalg.norm(everything - centre, axis=1)
    radius = 0.8 * min(gaps[gaps > 0].min(initial=1.0), 1.0)
    bottom = _loss(model, centre)
    for _ in range(20):
        shells = centre + radius * np.array([0.25, 0.5, 0.75, 1.0])[:, None, None] * directions
        wall = float(_loss(model, shells[-1]).min())
        if (corner_maxima(shells) <= 0).any():
            wall = min(wall, flat)
        if wall > bottom:
            return radius, bottom + 0.5 * (wall - bottom)
        radius /= 2
    return 0.0, -np.inf


def _loss(model: ToyModel, theta: np.ndarray) -> Any:
    b = {"none": None, "shared": theta[..., 2], "per-feature": theta[..., 2:]}[model.bias]
    return model.loss(theta[..., :2], b)


def _directions(bias: Bias) -> np.ndarray:
    """Unit vectors (n, 4) in the space of the parameters; a shared bias moves b1 and b2 alike."""
    count = bias.size()
    drawn = np.random.default_rng(0).standard_normal((_DIRECTIONS, 2 + count))
    drawn = np.concatenate([drawn, np.eye(2 + count), -np.eye(2 + count)])
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    if count == 1:
        drawn[:, 2] /= math.sqrt(2)
    return bias.embed(drawn)


def _normal_sd(init: initial.Init, instances: int, layout: str) -> float | None:
    """Standard deviation of normally distributed weights, None for any other start."""
    if isinstance(init, str):
        init = initial.named(init, instances=instances, layout=layout)
    if isinstance(init, initial.Initial):
        return init.sd if init.law == "normal" and init.sd > 0 else None
    return float(init) if isinstance(init, (int, float)) and init > 0 else None


def _integrated(field_: _Field, curves: tuple[Separatrix, ...], sd: float) -> Basins:
    totals = [0.0] * len(field_.targets)
    for probability, inside in sector_probabilities(curves, sd):
        totals[int(field_.labels(field_.model.bias.embed(inside[None]))[0])] += probability
    entries = (
        BasinFraction(target, total, max(0.0, total - _INTEGRATION), min(1.0, total + _INTEGRATION), None)
        for target, total in zip(field_.targets, totals, strict=True)
    )
    return Basins(field_.model, field_.landscape, "flow", tuple(entries), 0.0, 0, curves)


def _interval(count: int, total: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval for a probability seen `count` times in `total`."""
    from scipy.special import betaincinv

    low = betaincinv(count, total - count + 1, 0.025) if count else 0.0
    high = betaincinv(count + 1, total - count, 0.975) if count < total else 1.0
    return float(low), float(high)


def _require_count(name: str, value: int) -> None:
    if int(value) != value or value < 1:
        raise ValueError(f"{name} = {value!r} must be a whole number, at least 1")
