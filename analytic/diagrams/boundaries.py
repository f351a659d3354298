"""The curves in the (density, importance) plane across which the landscape changes.

Two independent features of density p, importances (1, r). What can happen to a minimum is listed in `events`; `tracing`
finds the curves for r <= 1, and exchanging the features maps r to 1/r.

Without bias (derivations/unbiased.py) there is exactly one confused minimum for every p and r: its quartic has one sign
variation. It runs smoothly from W2/W1 = 1 at r = 1 to W2/W1 = 0 as r -> 0, so "dedicated" turns into "confused"
without any transition. The antipodal minimum exists up to its fold, where the sextic has a double root, and loses to
the confused one already before, across the first-order line. The instability is an event of the axis W2 = 0 alone:
beyond it, training that starts with W1 W2 < 0 can end there.

The first-order line is algebraic, too. The loss is c - a^2/(4 q), and the critical values of a^2/q are roots of its
discriminant: degree 4 and 90 terms for the confused sector, degree 6 and 683 terms for the antipodal one. The resultant
of the two has one irreducible factor besides powers of p and r, of degree 78 in p and 74 in r, with 5,349 terms. It
takes 12 s with python-flint (minutes are not enough for SymPy), and says less than the equations that are solved here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import numpy.typing as npt

from analytic.diagrams import dedicated, plane
from analytic.diagrams.continuation import trace, with_equation
from analytic.diagrams.events import Branch, Event
from analytic.diagrams.special import SpecialPoint, end_points, unbiased_points
from analytic.diagrams.tracing import tracks
from analytic.diagrams.tracks import Track, Window
from analytic.files import ending, replacing, write_csv
from analytic.landscape.find import find_minima
from analytic.landscape.records import Phase, phase_of
from analytic.loss import kernels
from analytic.models.bias import Bias, BiasLike
from analytic.models.symmetry import exchanged
from analytic.models.toy import ToyModel
from analytic.validation import refuse, whole
from analytic.work import Progress, Run, reporting, running

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]
#: polynomial(p): coefficients of 1, r, r^2, ...
Polynomial = Callable[[Any], Sequence[Any]]

#: report(done, total).
Report = Callable[[float, float], None]

#: Digits of the special points without bias.
DIGITS = 30
#: Curves are followed at least over importances from here to 1.
_NEAREST = 0.9
#: Weights that differ by more are not equal.
_UNEQUAL = 1e-5


@dataclass(frozen=True, eq=False)
class Boundary:
    """One curve, in the direction of growing importance.

    Attributes
    ----------
    kind : Event
        "first-order", "fold", "kink", "instability" or "exact tie"; see `analytic.diagrams.events`.
    left, right : tuple of phases
        The minima that the event concerns on either side of the curve, seen along its points with importance to the
        right and density upwards: on a first-order line the best one; else those that are there on one side only. Both
        empty where only the side changes from which an unstable point attracts.
    density, importance : (n,)
        Points of the curve; they solve its equations to 1e-12, scaled to be of order one.
    W, b : (n, m, 2), (n, m, k)
        The stationary points that the event concerns at each of them: m = 2 for a first-order line, else 1.
    ends : pair of SpecialPoint
        Where the curve begins and ends.
    point, towards : phase or None
        For an instability, the point that changes its kind, and the side on which it does; None for both sides.
    polynomial : callable or None
        polynomial(p) returns the coefficients of 1, r, r^2, ... of the polynomial in density p and importance r that
        vanishes on the curve, in the arithmetic of p: a SymPy symbol gives the exact expression.
    """

    kind: Event
    left: tuple[Phase, ...]
    right: tuple[Phase, ...]
    density: Array
    importance: Array
    W: Array
    b: Array
    ends: tuple[SpecialPoint, SpecialPoint]
    point: Phase | None = None
    towards: Phase | None = None
    polynomial: Polynomial | None = None

    @property
    def gain(self) -> int:
        """How many minima there are more on the left than on the right."""
        return 0 if self.kind in (Event.FIRST_ORDER, Event.EXACT_TIE) else len(self.left) - len(self.right)

    @property
    def continuous(self) -> bool:
        """Whether the best minimum depends continuously on the parameters across the curve."""
        return self.kind is not Event.FIRST_ORDER

    @property
    def label(self) -> str:
        """What happens, in a sentence."""
        return _label(self)

    def __repr__(self) -> str:
        (p, r), (q, s) = ((float(end.density), float(end.importance)) for end in self.ends)
        return (
            f"Boundary({self.kind}: {self.label}; {len(self.density)} points, "
            f"(density, importance) from ({p:.4g}, {r:.4g}) to ({q:.4g}, {s:.4g}))"
        )


def _words(phases: Sequence[Phase]) -> str:
    return " and ".join(phase.replace("-", " ") for phase in phases)


def _label(curve: Boundary) -> str:
    if curve.kind is Event.FIRST_ORDER:
        same = curve.left == curve.right
        return f"two {_words(curve.left)} minima tie" if same else f"{_words(curve.left + curve.right)} minimum tie"
    if curve.kind is Event.EXACT_TIE:
        return "antipodal and confused minimum tie exactly on one side"
    if curve.kind is not Event.INSTABILITY:
        where = " on a kink" if curve.kind is Event.KINK else ""
        return f"{_words(curve.left + curve.right)} minimum and saddle merge{where}"
    point, side = _words((curve.point,)) if curve.point else "", f" towards {curve.towards}" if curve.towards else ""
    stable, born = sorted((curve.left, curve.right), key=lambda phases: curve.point not in phases)
    if curve.point in stable:
        return f"{point} minimum " + (f"becomes {_words(born)}, continuously" if born else f"ends{side} on a saddle")
    minima = curve.left + curve.right
    return f"{_words(minima)} minimum leaves the {point} point" if minima else f"{point} point turns half-stable{side}"


@dataclass(frozen=True, eq=False)
class PhaseBoundaries:
    """The boundaries of one bias convention: curves, and the points where they end or meet.

    Attributes
    ----------
    bias : Bias
    curves : tuple of Boundary
    points : tuple of SpecialPoint
    importance, density : pair of float
        The lowest and highest values that were asked for.
    """

    bias: Bias
    curves: tuple[Boundary, ...]
    points: tuple[SpecialPoint, ...]
    importance: tuple[float, float] = plane.IMPORTANCE
    density: tuple[float, float] = plane.DENSITY

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draws the curves; see `analytic.plotting.diagrams.plot_boundaries`."""
        from analytic.plotting.diagrams import plot_boundaries

        return plot_boundaries(self, ax, **options)

    def __repr__(self) -> str:
        counts = {kind: sum(curve.kind is kind for curve in self.curves) for kind in Event}
        found = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        return f"PhaseBoundaries(bias={self.bias!r}, {len(self.curves)} curves: {found}; {len(self.points)} points)"

    def _repr_html_(self) -> str:
        """The picture, for notebooks."""
        from analytic.plotting.saving import as_html

        return as_html(self)

    def as_data(self) -> dict[str, Any]:
        """Everything but the polynomials, as lists, numbers and strings."""
        return {
            "bias": str(self.bias),
            "curves": [_curve_data(curve) for curve in self.curves],
            "points": [point.as_data() for point in self.points],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a .json file, or one row per point of a curve to a .csv file, by the ending of `path`."""
        if ending(path, (".json", ".csv")) == ".json":
            with replacing(path, "w") as file:
                json.dump(self.as_data(), file, indent=1)
        else:
            columns = ("curve", "kind", "label", "left", "right", "density", "importance")
            write_csv(path, columns, (row for k, curve in enumerate(self.curves) for row in _rows(k, curve)))


def _rows(k: int, curve: Boundary) -> Sequence[Sequence[Any]]:
    what = (k, str(curve.kind), curve.label, " ".join(curve.left), " ".join(curve.right))
    return [(*what, float(p), float(r)) for p, r in zip(curve.density, curve.importance, strict=True)]


def _curve_data(curve: Boundary) -> dict[str, Any]:
    names = ("label", "continuous", "point", "towards")
    arrays = ("density", "importance", "W", "b")
    return (
        {"kind": str(curve.kind), "left": list(curve.left), "right": list(curve.right)}
        | {name: getattr(curve, name) for name in names}
        | {"ends": [end.as_data() for end in curve.ends]}
        | {name: getattr(curve, name).tolist() for name in arrays}
    )


_OTHER: dict[Phase, Phase] = {"dedicated-1": "dedicated-2", "dedicated-2": "dedicated-1"}


def _swapped(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    return tuple(_OTHER.get(phase, phase) for phase in phases)


def _polynomial(track: Track, bias: Bias) -> Polynomial | None:
    """The polynomial that vanishes on a curve, where there is an explicit one."""
    if track.kind is Event.INSTABILITY:
        side = {"antipodal": dedicated.ANTIPODAL, "confused": dedicated.CONFUSED, None: 0}[track.towards]
        return partial(dedicated.instability, bias, side)
    return kernels.fold_polynomial if bias is Bias.NONE and track.kind is Event.FOLD else None


def _reversed_arguments(polynomial: Polynomial | None) -> Polynomial | None:
    """The polynomial in 1/r, times a power of r."""
    return None if polynomial is None else lambda p: list(polynomial(p))[::-1]


def _boundary(track: Track, ends: tuple[SpecialPoint, SpecialPoint], bias: Bias, mirrored: bool) -> Boundary:
    """The record of a curve, or of its image under the exchange of the features, towards growing importance."""
    rows, theta, left, right, point = track.places, track.theta, track.left, track.right, track.point
    polynomial = _polynomial(track, bias)
    if mirrored:
        rows, theta, polynomial = rows * [1, -1], exchanged(theta), _reversed_arguments(polynomial)
        left, right = _swapped(right), _swapped(left)
        point = None if point is None else _OTHER.get(point, point)
    if (rows[-1, 1], rows[-1, 0]) < (rows[0, 1], rows[0, 0]):
        rows, theta, ends, left, right = rows[::-1], theta[::-1], ends[::-1], right, left
    p, r = np.exp(rows).T
    b = theta[..., 2 : 2 + bias.size()]
    return Boundary(track.kind, left, right, p, r, theta[..., :2], b, ends, point, track.towards, polynomial)


def _exchanged_point(point: SpecialPoint) -> SpecialPoint:
    """The same point with the features exchanged: the same object where r = 1."""
    if point.importance == 1:
        return point
    name = point.name
    if "kink" in name:
        name = re.sub(r"([Wb])([12])", lambda match: match[1] + "21"[int(match[2]) - 1], name)
    low, high = "lowest importance", "highest importance"
    name = name.replace(low, high) if low in name else name.replace(high, low)
    return SpecialPoint(name, point.density, 1 / point.importance, None, point.digits)


def _best_at_equal(bias: Bias, log_p: float) -> Array:
    """log p, log r behind the parameters of the best minimum at r = 1."""
    best = find_minima(ToyModel.from_density(float(np.exp(log_p)), 1.0, bias)).minima[0]
    return np.append(bias.parameters(np.asarray(best.W, float), best.b), [log_p, 0.0])


def _equal_importance(curves: Sequence[Boundary], bias: Bias, density: tuple[float, float]) -> Iterator[Boundary]:
    """The segments of r = 1 on which the best minimum and its copy with the features exchanged tie.

    Between two curves that meet r = 1 nothing changes on it, so one model in between decides.
    """
    ends = {float(end.density): end for curve in curves for end in curve.ends if end.importance == 1}
    for p, name in zip(density, ("lowest", "highest"), strict=True):
        ends.setdefault(p, SpecialPoint(f"border: {name} density", mpmath.mpf(p), mpmath.mpf(1)))
    runs: list[tuple[float, float, Array]] = []
    for low, high in pairwise(sorted(ends)):
        x = _best_at_equal(bias, (np.log(low) + np.log(high)) / 2)
        if abs(abs(x[0]) - abs(x[1])) > _UNEQUAL:
            first = runs.pop()[0] if runs and runs[-1][1] == low else low
            runs.append((first, high, x))
    for low, high, x in runs:
        yield _segment(Branch(bias), x, ends[low], ends[high])


def _segment(branch: Branch, x: Array, first: SpecialPoint, last: SpecialPoint) -> Boundary:
    low, high = (float(mpmath.log(point.density)) for point in (first, last))
    borders = {"low": lambda y: y[..., -2] - low, "high": lambda y: high - y[..., -2]}
    path = trace(with_equation(branch.stationary, lambda y: y[..., -1]), x, borders)
    rows = path.rows if path.rows[0, -2] < path.rows[-1, -2] else path.rows[::-1]
    theta = branch.thetas(rows)
    theta = np.concatenate([theta, exchanged(theta)], axis=1)
    phase = phase_of(*x[:2])
    W, b = theta[..., :2], theta[..., 2 : 2 + branch.bias.size()]
    return Boundary(Event.FIRST_ORDER, (phase,), (phase,), np.exp(rows[:, -2]), np.ones(len(rows)), W, b, (first, last))


def _curves(
    bias: Bias, importance: tuple[float, float], density: tuple[float, float], tools: tuple[Run, Report]
) -> list[Boundary]:
    """Traced once for r <= 1, cut to the span of importances as they are and mirrored, and named."""
    low, high = importance
    window = Window(min(low, 1 / high, _NEAREST), density)
    found = tracks(bias, window, *tools)
    curves: list[Boundary] = []
    for mirrored, (least, most) in ((False, (low, high)), (True, (1 / high, 1 / low))):
        parts = [part for track in found for part in track.between(-1, np.log(least), np.log(most), "importance")]
        for part, ends in zip(parts, end_points(parts), strict=True):
            named = (_exchanged_point(ends[0]), _exchanged_point(ends[1])) if mirrored else ends
            curves.append(_boundary(part, named, bias, mirrored))
    if bias is not Bias.NONE and low < 1 < high:
        curves += _equal_importance(curves, bias, density)
    return curves


def phase_boundaries(
    bias: BiasLike,
    *,
    importance: tuple[float, float] = plane.IMPORTANCE,
    density: tuple[float, float] = plane.DENSITY,
    digits: int | None = None,
    executor: Executor | None = None,
    progress: Progress = None,
) -> PhaseBoundaries:
    """The curves where the landscape changes, and the points where they end or meet.

    Parameters
    ----------
    bias : the bias convention
    importance : lowest and highest importance of feature 2
    density : lowest and highest density, at most 1
    digits : digits of the special points without bias, default 30, at most 1000
        With bias points are located in float64, and `digits` must be None.
    executor : any `concurrent.futures.Executor` for the search on a coarse grid; by default threads on all cores
    progress : None, True, False or progress(done, total); see `analytic.work`

    Returns
    -------
    PhaseBoundaries
        Curve points solve their equations to 1e-12, scaled to be of order one. Special points are right to `digits`
        without bias, to about 1e-9 with bias. With bias seeds come from a coarse grid: every change of the stationary
        points between its neighbours is followed to the event that causes it, and the curve of that event to both its
        ends; curves that change nothing between any two neighbours would be missed.

    Examples
    --------
    >>> from analytic import phase_boundaries
    >>> boundaries = phase_boundaries("none")
    >>> boundaries
    PhaseBoundaries(bias='none', 6 curves: 2 first-order, 2 fold, 2 instability; 9 points)
    >>> boundaries.curves[0].label
    'confused and antipodal minimum tie'
    """
    convention = Bias.of(bias)
    spans = plane.limits("importance", importance), plane.limits("density", density, 1)
    if digits is not None and convention is not Bias.NONE:
        refuse("digits", "be None for a model with bias, whose points are located in float64", digits)
    with reporting(progress, "boundaries", "edge") as report, running(executor, lambda done, total: None) as run:
        curves = _curves(convention, *spans, (run, report))
    ends = {id(end): end for curve in curves for end in curve.ends if not end.is_border}
    points = tuple(dict.fromkeys(ends.values()))
    if convention is Bias.NONE:
        points = unbiased_points(whole("digits", DIGITS if digits is None else digits, 1, 1000))
    return PhaseBoundaries(convention, tuple(curves), points, *spans)
