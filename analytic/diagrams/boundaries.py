"""The curves in the (density, importance) plane across which the landscape changes.

Two independent features of density p, importances (1, r). Three things can happen on a curve:

first-order   two minima have equal loss: the best one changes, and W jumps
fold          a minimum and a saddle merge and vanish
instability   a stationary point changes its kind while it passes through another one; the minimum moves continuously

Without bias (derivations/unbiased.py) there is exactly one confused minimum for every p and r: its quartic has one sign
variation. It runs smoothly from W2/W1 = 1 at r = 1 to W2/W1 = 0 as r -> 0, so "dedicated" turns into "confused"
without any transition. The antipodal minimum exists up to its fold, where the sextic has a double root, and loses to
the confused one already before, across the first-order line. The instability is an event of the axis W2 = 0 alone:
beyond it, training that starts with W1 W2 < 0 can end there. Exchanging the features maps r to 1/r.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import mpmath
import numpy as np
import numpy.typing as npt
from scipy.optimize import root

from analytic.loss import kernels
from analytic.models.bias import Bias, BiasLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]
CurveKind: TypeAlias = Literal["first-order", "fold", "instability"]
#: A system of equations in (density, ratios...) at one importance.
System: TypeAlias = Callable[..., Sequence[Any]]


@dataclass(frozen=True, eq=False)
class Boundary:
    """One curve, for growing importance.

    Attributes
    ----------
    kind : "first-order", "fold" or "instability"
    label : what happens there, in a few words
    continuous : whether the best minimum depends continuously on the parameters across the curve
    density, importance : (n,) points of the curve, accurate to 1e-10
    polynomial : callable or None
        polynomial(p) returns the coefficients of 1, r, r^2, ... of the polynomial in density p and importance r that
        vanishes on the curve, in the arithmetic of p: a SymPy symbol gives the exact expression.
    """

    kind: CurveKind
    label: str
    continuous: bool
    density: Array
    importance: Array
    polynomial: Callable[[Any], Sequence[Any]] | None = None


@dataclass(frozen=True)
class SpecialPoint:
    """A point where curves end or meet: mpmath numbers, right to the digits asked for."""

    name: str
    density: Any
    importance: Any
    closed_form: str | None = None


@dataclass(frozen=True, eq=False)
class PhaseBoundaries:
    """The boundaries of one bias convention: curves, and the points where they end or meet."""

    bias: Bias
    curves: tuple[Boundary, ...]
    points: tuple[SpecialPoint, ...]

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draws the curves; see `analytic.plotting.diagrams.plot_boundaries`."""
        from analytic.plotting.diagrams import plot_boundaries

        return plot_boundaries(self, ax, **options)


def _parameters(p: Any, r: Any) -> tuple[Any, Any, Any, Any, Any]:
    return 1, r, p * (1 - p), p * (1 - p), p * p


def _horner(coefficients: Sequence[Any], t: Any) -> tuple[Any, Any]:
    """Value and derivative of a polynomial given by its coefficients of 1, t, t^2, ..."""
    value, slope = coefficients[-1], 0
    for coefficient in reversed(coefficients[:-1]):
        value, slope = value * t + coefficient, slope * t + value
    return value, slope


def _fold_system(p: Any, u: Any, r: Any) -> tuple[Any, Any]:
    """Vanishes where the sextic has the double root u."""
    value, slope = _horner(kernels.antipodal_polynomial(*_parameters(p, r)), u)
    return value / p**2, slope / p**2


def _first_order_system(p: Any, t: Any, u: Any, r: Any) -> tuple[Any, Any, Any]:
    """Vanishes where the confused minimum at ratio t and the antipodal one at ratio -u have equal loss."""
    parameters = _parameters(p, r)
    confused, _ = _horner(kernels.confused_polynomial(*parameters), t)
    antipodal, _ = _horner(kernels.antipodal_polynomial(*parameters), u)
    a, q = kernels.confused_scale(t, *parameters)
    a2, q2 = kernels.antipodal_scale(u, *parameters)
    return confused / p**2, antipodal / p**2, (a * a / q - a2 * a2 / q2) / p**2


def _instability_density(r: Any) -> Any:
    """The root in (0, 1) of 9 p^2 - (32 r + 16) p + 32 r, the instability polynomial."""
    half = 16 * r + 8
    return 32 * r / (half + (half * half - 288 * r) ** 0.5)


def _follow(system: System, start: Sequence[float], importance: Array) -> Array:
    """Solutions of system(*x, r) = 0 along r, each started from the two before it; rows x."""
    found: list[Array] = []
    guess = np.asarray(start, dtype=np.float64)
    for r in importance:
        solution = root(lambda x, r=r: system(*x, r), guess, tol=1e-14)
        if np.max(np.abs(system(*solution.x, r))) > 1e-12:
            raise ArithmeticError(f"lost the boundary at importance {r:g}: {solution.message}")
        found.append(solution.x)
        guess = solution.x if len(found) < 2 else 2 * found[-1] - found[-2]
    return np.array(found)


def _refine(system: System, start: Sequence[Any], digits: int) -> list[Any]:
    """A root of a square system to the given digits."""
    with mpmath.workdps(4 * digits + 60):
        found = mpmath.findroot(lambda *x: list(system(*x)), [mpmath.mpf(x) for x in start], tol=10.0 ** -(2 * digits))
        return [found] if isinstance(found, mpmath.mpf) else list(found)


def _both_sides(
    kind: CurveKind,
    labels: Sequence[str],
    density: Array,
    importance: Array,
    span: tuple[float, float],
    polynomial: Callable[[Any], Sequence[Any]] | None,
) -> Iterator[Boundary]:
    """A curve given for falling r, and its image under the exchange of the features, cut to the span of importances."""
    for label, r in zip(labels, (importance, 1 / importance), strict=True):
        order = np.argsort(r)
        r, p = r[order], density[order]
        inside = (span[0] * (1 - _SLACK) <= r) & (r <= span[1] * (1 + _SLACK)) & (p <= 1)
        if np.count_nonzero(inside) > 1:
            continuous = kind == "instability"
            yield Boundary(kind, label, continuous, p[inside], r[inside], polynomial)


def _curves(span: tuple[float, float], count: int) -> Iterator[Boundary]:
    bottom = min(span[0], 1 / span[1])
    falling = np.geomspace(1, bottom, count)
    ties = _follow(_first_order_system, (float(_tie_at_equal_importance()), 1, 1), falling)
    label = "antipodal and confused minimum tie"
    yield from _both_sides("first-order", (label, label), ties[:, 0], falling, span, None)
    end = root(lambda x: _fold_system(1.0, x[1], x[0]), _FOLD_END).x
    below = np.geomspace(end[0], bottom, count)
    folds = _follow(_fold_system, (1.0, end[1]), below)
    label = "antipodal minimum appears"
    yield from _both_sides("fold", (label, label), folds[:, 0], below, span, kernels.fold_polynomial)
    wide = np.geomspace(1 / bottom, bottom, 2 * count)
    labels = ("axis W2 = 0 attracts from W1 W2 < 0", "axis W1 = 0 attracts from W1 W2 < 0")
    polynomial = kernels.instability_polynomial
    yield from _both_sides("instability", labels, _instability_density(wide), wide, span, polynomial)


def _tie_at_equal_importance() -> Any:
    """Density at which the antipodal and the confused minimum tie for r = 1: a root of 43 p^2 - 80 p + 32."""
    return (40 - 4 * mpmath.sqrt(14)) / 43


def _points(digits: int) -> tuple[SpecialPoint, ...]:
    """Where the curves of the bias-free model end or meet."""
    one, zero = mpmath.mpf(1), mpmath.mpf(0)
    with mpmath.workdps(digits + 20):
        tie = _tie_at_equal_importance()
        crossing = (8 - 4 * mpmath.sqrt(2)) / 3
        end, _ = _refine(lambda r, u: _fold_system(one, u, r), _FOLD_END, digits)
        line_p, line_r = _refine(_tie_and_instability, _TIE_AND_INSTABILITY, digits)[:2]
        # As p -> 0 with r = k p, the slope k solves the limit equations; corrections are of the order of p.
        tiny = mpmath.mpf(10) ** -(digits + 15)
        fold, _ = _refine(lambda k, u: [e / tiny for e in _fold_system(tiny, u, k * tiny)], _FOLD_SLOPE, digits)
        line, *_ = _refine(lambda k, t, u: _tie_at_origin(tiny, k, t, u), _TIE_SLOPE, digits)
    rows: list[tuple[str, Any, Any, str | None]] = [
        ("tie of the minima at equal importance", tie, one, "p = (40 - 4 sqrt(14))/43"),
        ("instabilities of the two axes cross", crossing, one, "p = (8 - 4 sqrt(2))/3"),
        ("tie crosses the instability of W2 = 0", line_p, line_r, None),
        ("tie crosses the instability of W1 = 0", line_p, 1 / line_r, None),
        ("fold ends at density 1", one, end, None),
        ("fold ends at density 1, features exchanged", one, 1 / end, None),
        ("origin: slope r/p of the tie", zero, line, "(2 + sqrt(2))/8"),
        ("origin: slope r/p of the fold", zero, fold, None),
        ("origin: slope r/p of the instability", zero, one / 2, "1/2"),
    ]
    with mpmath.workdps(digits):
        return tuple(SpecialPoint(name, +p, +r, form) for name, p, r, form in rows)


def _tie_and_instability(p: Any, r: Any, t: Any, u: Any) -> list[Any]:
    """Vanishes where the first-order line crosses the instability of the axis W2 = 0."""
    return [*_first_order_system(p, t, u, r), _horner(kernels.instability_polynomial(p), r)[0]]


def _tie_at_origin(p: Any, slope: Any, t: Any, u: Any) -> list[Any]:
    """The first-order system at r = slope p and confused ratio t p^2, scaled to be of order one as p -> 0."""
    confused, antipodal, tie = _first_order_system(p, t * p * p, u, slope * p)
    return [confused / p**2, antipodal / p, tie]


#: A curve may overshoot the span of importances by rounding.
_SLACK = 1e-12
#: Starting values for the points, from following the curves.
_FOLD_END = (0.63, 0.70)
_FOLD_SLOPE = (0.415, 0.451)
_TIE_SLOPE = (0.4268, 0.32, 0.5858)
_TIE_AND_INSTABILITY = (0.53, 0.397, 0.365, 0.819)


def phase_boundaries(
    bias: BiasLike,
    *,
    importance: tuple[float, float] = (0.1, 10.0),
    points_per_curve: int = 200,
    digits: int = 30,
) -> PhaseBoundaries:
    """The curves where the landscape changes, and the points where they end or meet.

    Parameters
    ----------
    bias : the bias convention
    importance : lowest and highest importance of feature 2 to trace
    points_per_curve : number of points on each side of importance 1; with bias the step is adaptive
    digits : digits of the special points

    Returns
    -------
    PhaseBoundaries
        Curve points solve their equations to 1e-12, scaled to be of order one. Special points are right to `digits`
        without bias, to about 1e-10 with bias. With bias the curves are those that minima take part in, followed from
        seeds on a coarse grid: a curve that no two neighbours of the grid betray would be missed.
    """
    convention = Bias.of(bias)
    low, high = importance
    if not 0 < low < high < float("inf"):
        raise ValueError(f"importance must be a pair 0 < low < high, got {importance!r}")
    if convention is Bias.NONE:
        return PhaseBoundaries(convention, tuple(_curves((low, high), points_per_curve)), _points(digits))
    return _biased(convention, (low, high))


def _biased(bias: Bias, span: tuple[float, float]) -> PhaseBoundaries:
    """Curves and points with bias; see `biased_boundaries`."""
    from analytic.diagrams import biased_boundaries as biased

    traced = biased.traced_curves(bias, min(span[0], 1 / span[1], 0.99))
    curves: list[Boundary] = []
    for curve in traced:
        p, r = curve.points.T
        curves += _both_sides(curve.kind, (curve.label, curve.label), p, r, span, None)  # type: ignore[arg-type]
    p = np.geomspace(0.01, 1 - 1e-9, 400)
    unstable = biased.instability_importance(bias, p)
    labels = tuple(f"dedicated minimum of feature {i} loses its stability" for i in (1, 2))
    curves += _both_sides("instability", labels, p, unstable, span, partial(biased.dedicated_instability, bias))
    points = []
    for curve in traced:
        meets = biased.critical_end_point(bias, curve) if "dedicated" in curve.label else None
        if meets is not None:
            at = tuple(map(mpmath.mpf, meets))
            points.append(SpecialPoint("first-order line meets the instability", at[0], at[1]))
            points.append(SpecialPoint("the same, features exchanged", at[0], 1 / at[1]))
    broken = biased.symmetry_breaking(bias)
    if broken is not None:
        label = "the best minimum and its copy with features exchanged tie"
        segment = np.linspace(broken, 1, 50)
        curves.append(Boundary("first-order", label, False, segment, np.ones_like(segment)))
        points.append(SpecialPoint("three minima tie at equal importance", mpmath.mpf(broken), mpmath.mpf(1)))
    return PhaseBoundaries(bias, tuple(curves), tuple(points))
