"""Named points: where curves end or meet, and the closed forms of the model without bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np

from analytic.diagrams.events import Event
from analytic.loss import kernels

if TYPE_CHECKING:
    from analytic.diagrams.tracks import Track

#: Ends of curves this close in log density and log importance are one point.
_SAME_POINT = 3e-6
#: A density or an importance this close to 1, in log, is 1.
_ROUNDING = 1e-9
#: Digits of a point that was located in float64.
_FLOAT_DIGITS = 11
#: Starting values for the points without bias, from following the curves.
_FOLD_END = (0.63, 0.70)
_FOLD_SLOPE = (0.415, 0.451)
_TIE_SLOPE = (0.4268, 0.32, 0.5858)
_TIE_AND_INSTABILITY = (0.53, 0.397, 0.365, 0.819)
_KINKS = ("b1 = 0", "b2 = 0", "W1^2 + b1 = 0", "W2^2 + b2 = 0")


@dataclass(frozen=True)
class SpecialPoint:
    """A point where curves end or meet.

    Attributes
    ----------
    name : what happens there
    density, importance : mpmath numbers, right to `digits`
    closed_form : str or None
    digits : the digits asked for without bias; about 10 with bias, and for borders of the plane
    """

    name: str
    density: Any
    importance: Any
    closed_form: str | None = None
    digits: int = _FLOAT_DIGITS

    @property
    def is_border(self) -> bool:
        """Whether nothing happens there but that the plane that was asked for ends."""
        return self.name.startswith(_BORDER)

    def as_data(self) -> dict[str, Any]:
        """Numbers as decimal strings, since they may have more digits than a float."""
        numbers = {name: mpmath.nstr(getattr(self, name), self.digits) for name in ("density", "importance")}
        return {"name": self.name, **numbers, "closed_form": self.closed_form}


_BORDER = "border: "
#: End of a curve -> name, in the order in which names are preferred where several curves end.
_NAMES = {
    "cusp": "cusp: two folds of the {phase} minimum meet",
    "kink": "fold of the {phase} minimum meets the kink {kink}",
    "axis": "fold of the {phase} minimum ends on the instability",
    "instability": "first-order line meets the instability",
    "first-order": "exact tie begins on the first-order line",
    "equal importance": "{curve} reaches equal importance",
    "lowest density": _BORDER + "lowest density",
    "highest density": _BORDER + "highest density",
    "lowest importance": _BORDER + "lowest importance",
    "highest importance": _BORDER + "highest importance",
    "fold": "fold of the {phase} minimum ends on the instability",
    "": "followed no further",
}


def _name(track: Track, end: int) -> tuple[int, str]:
    """Rank and name of the point at which a track ends."""
    what = track.ends[end]
    key = "kink" if track.kind is Event.KINK and what.startswith("fold") else what
    key = next((known for known in _NAMES if known and key.startswith(known)), "")
    if track.kind is Event.FIRST_ORDER and key == "axis":
        key = "instability"
    phase = (*track.left, *track.right, "")[0]
    number = what.split()[-1] if what.startswith("kink") else "2"
    curve = f"{track.kind} line" if track.kind is Event.FIRST_ORDER else f"{track.kind} of the {phase} minimum"
    kink = _KINKS[int(number)] if number.isdigit() and int(number) < len(_KINKS) else ""
    return list(_NAMES).index(key), _NAMES[key].format(phase=phase, curve=curve, kink=kink)


def end_points(tracks: Sequence[Track]) -> list[tuple[SpecialPoint, SpecialPoint]]:
    """The ends of every track; tracks that end at the same place share the point."""
    places = [track.places[-end] for track in tracks for end in (0, 1)]
    named = [_name(track, end) for track in tracks for end in (0, 1)]
    points: list[SpecialPoint] = []
    for place in places:
        group = [k for k, other in enumerate(places) if np.abs(other - place).max() < _SAME_POINT]
        best = min(group, key=lambda k: named[k])
        p, r = np.exp(np.where(np.abs(places[best]) < _ROUNDING, 0.0, places[best]))
        points.append(SpecialPoint(named[best][1], mpmath.mpf(float(p)), mpmath.mpf(float(r))))
    unique = {(point.name, float(point.density), float(point.importance)): point for point in points}
    shared = [unique[point.name, float(point.density), float(point.importance)] for point in points]
    return list(zip(shared[::2], shared[1::2], strict=True))


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


def _refine(system: Callable[..., Sequence[Any]], start: Sequence[Any], digits: int) -> list[Any]:
    """A root of a square system to the given digits."""
    with mpmath.workdps(4 * digits + 60):
        found = mpmath.findroot(lambda *x: list(system(*x)), [mpmath.mpf(x) for x in start], tol=10.0 ** -(2 * digits))
        return [found] if isinstance(found, mpmath.mpf) else list(found)


def _tie_at_equal_importance() -> Any:
    """Density at which the antipodal and the confused minimum tie for r = 1: a root of 43 p^2 - 80 p + 32."""
    return (40 - 4 * mpmath.sqrt(14)) / 43


def unbiased_points(digits: int) -> tuple[SpecialPoint, ...]:
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
        return tuple(SpecialPoint(name, +p, +r, form, digits) for name, p, r, form in rows)


def _tie_and_instability(p: Any, r: Any, t: Any, u: Any) -> list[Any]:
    """Vanishes where the first-order line crosses the instability of the axis W2 = 0."""
    return [*_first_order_system(p, t, u, r), _horner(kernels.instability_polynomial(p), r)[0]]


def _tie_at_origin(p: Any, slope: Any, t: Any, u: Any) -> list[Any]:
    """The first-order system at r = slope p and confused ratio t p^2, scaled to be of order one as p -> 0."""
    confused, antipodal, tie = _first_order_system(p, t * p * p, u, slope * p)
    return [confused / p**2, antipodal / p, tie]
