"""The boundaries of the phase diagrams with bias, for two independent features of density p and importances (1, r).

Seeds come from the landscapes of a coarse grid: between two neighbours in density either the best minimum jumps, which
is a tie of two minima, or a minimum has no counterpart, which is a fold unless it merged into the dedicated point. Each
seed is solved for at fixed r and then followed by continuation in (log p, log r):

    tie    g(z1) = 0, g(z2) = 0, L(z1) = L(z2)          fold    g(z) = 0, H(z) v = 0, |v| = 1

The dedicated point of a bias per feature sits on a jump of the Hessian; its loss r (p/3 - p^2/4) is used instead of an
equation. Its instabilities are explicit: derivations/dedicated.py. Curves are followed for r <= 1; exchanging the
features maps r to 1/r. At r = 1 itself the best minima come in a pair of exchanged copies wherever they are not
symmetric: that segment is a line of ties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from analytic.diagrams.continuation import Array, solve, trace
from analytic.landscape.find import find_stationary_points
from analytic.landscape.kinds import dedicated_form
from analytic.landscape.records import StationaryPoint
from analytic.loss.pair import hessian, loss_and_gradient
from analytic.models.bias import Bias
from analytic.models.features import independent_parameters
from analytic.models.toy import ToyModel

#: The coarse grid of seeds: densities, and how many importances per factor ten.
_DENSITIES = (0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.36, 0.42, 0.48, 0.54, 0.6, 0.66, 0.72, 0.8, 0.88, 0.95, 0.99)
_PER_DECADE = 7
#: Minima of neighbouring models that are closer than this are the same one.
_SAME = 0.25
#: Two minima of a tie that are closer than this have merged; two curves that are closer are one.
_MERGED, _KNOWN = 2e-3, 0.04
#: The lowest density that curves are followed to.
_LOWEST_DENSITY = 0.01


@dataclass(frozen=True)
class _Convention:
    """The unknowns z of one bias convention: W1, W2, b (shared) or W1, W2, b1, b2."""

    bias: Bias

    @property
    def size(self) -> int:
        return 3 if self.bias == "shared" else 4

    def _full(self, z: Array) -> Array:
        return np.append(z, z[-1]) if self.size == 3 else z

    def loss(self, z: Array, p: float, r: float) -> float:
        W1, W2, b1, b2 = self._full(z)
        return float(loss_and_gradient(W1, W2, b1, b2, independent_parameters(p, r))[0])

    def gradient(self, z: Array, p: float, r: float) -> Array:
        W1, W2, b1, b2 = self._full(z)
        full = loss_and_gradient(W1, W2, b1, b2, independent_parameters(p, r))[1]
        return np.append(full[:2], full[2] + full[3]) if self.size == 3 else full

    def hessian(self, z: Array, p: float, r: float) -> Array:
        W1, W2, b1, b2 = self._full(z)
        full = hessian(W1, W2, b1, b2, independent_parameters(p, r))
        into = np.eye(4)[:, : self.size]
        into[3, -1] = 1.0
        return into.T @ full @ into

    def vector(self, point: StationaryPoint) -> Array:
        return np.append(point.W, point.b).astype(float)

    def is_closed(self, point: StationaryPoint) -> bool:
        """Whether this is the dedicated point on the kink, which no equation is solved for."""
        return self.bias == "per-feature" and point.phase == "dedicated-1"

    def tie(self, x: Array) -> Array:
        """Vanishes where two minima tie: x = z1, z2, log p, log r."""
        n, p, r = self.size, float(np.exp(x[-2])), float(np.exp(x[-1]))
        z1, z2 = x[:n], x[n : 2 * n]
        gap = self.loss(z1, p, r) - self.loss(z2, p, r)
        return np.concatenate([self.gradient(z1, p, r), self.gradient(z2, p, r), [gap]]) / p

    def dedicated_tie(self, x: Array) -> Array:
        """Vanishes where a minimum ties with the dedicated point of a bias per feature: x = z, log p, log r."""
        p, r = float(np.exp(x[-2])), float(np.exp(x[-1]))
        gap = self.loss(x[:-2], p, r) - r * (p / 3 - p * p / 4)
        return np.append(self.gradient(x[:-2], p, r), gap) / p

    def fold(self, x: Array) -> Array:
        """Vanishes where a minimum and a saddle merge: x = z, v, log p, log r."""
        n, p, r = self.size, float(np.exp(x[-2])), float(np.exp(x[-1]))
        z, v = x[:n], x[n : 2 * n]
        return np.concatenate([self.gradient(z, p, r) / p, self.hessian(z, p, r) @ v / p, [v @ v - 1]])


@dataclass(frozen=True)
class Traced:
    """A curve for r <= 1: "first-order" or "fold", what happens, and its solutions, rows that end in log p, log r."""

    kind: str
    label: str
    rows: Array

    @property
    def points(self) -> Array:
        """Rows (density, importance)."""
        return np.exp(self.rows[:, -2:])


def _minima(bias: Bias, p: float, r: float) -> tuple[StationaryPoint, ...]:
    return find_stationary_points(ToyModel.from_density(p, r, bias)).minima


def _distance(convention: _Convention, left: StationaryPoint, right: StationaryPoint) -> float:
    return float(np.abs(convention.vector(left) - convention.vector(right)).max())


def _is_near(x: Array, curves: list[Traced]) -> bool:
    """Whether a place (log p, log r) lies on a curve that is known already."""
    return any(np.abs(np.log(curve.points) - x[-2:]).max(axis=1).min() < _KNOWN for curve in curves)


def _at_fixed_importance(system: Callable[[Array], Array], x: Array, low: float, high: float) -> Array | None:
    """The solution near x with its importance kept, if its density lies between the two given."""

    def fixed(y: Array) -> Array:
        return np.append(system(y), y[-1] - x[-1])

    found = solve(fixed, x)
    return found if found is not None and np.log(low) - 0.1 < found[-2] < np.log(high) + 0.1 else None


def _inside(low: float) -> Callable[[Array], bool]:
    """The domain: densities from 0.01 to 1, importances from `low` to 1."""
    return lambda x: bool(np.log(_LOWEST_DENSITY) < x[-2] <= 1e-9 and np.log(low) < x[-1] <= 1e-9)


def _tie_seed(
    convention: _Convention, a: StationaryPoint, b: StationaryPoint, p: float, r: float
) -> tuple[Callable[[Array], Array], Array]:
    """The system of a tie between two minima, and where to start solving it."""
    place = [np.log(p), np.log(r)]
    if convention.is_closed(a) or convention.is_closed(b):
        live = b if convention.is_closed(a) else a
        return convention.dedicated_tie, np.append(convention.vector(live), place)
    return convention.tie, np.concatenate([convention.vector(a), convention.vector(b), place])


def _are_distinct(convention: _Convention, x: Array) -> bool:
    """Whether the two minima of a tie are still two."""
    n = convention.size
    p = float(np.exp(x[-2]))
    other = np.array([1.0, 0.0, 0.0, p / 2]) if x.size == n + 2 else x[n : 2 * n]
    return bool(np.abs(x[:n] - other).max() > _MERGED)


def _is_best(convention: _Convention, x: Array) -> bool:
    """Whether nothing lies below the two minima that tie."""
    p, r = float(np.exp(x[-2])), float(np.exp(x[-1]))
    best = _minima(convention.bias, p, r)[0].loss
    return convention.loss(x[: convention.size], p, r) <= best + 1e-9 * p


def _phase(z: Array) -> str:
    return "dedicated" if min(abs(z[:2])) < 1e-6 else "antipodal" if z[0] * z[1] < 0 else "confused"


def _tie_label(convention: _Convention, x: Array) -> str:
    """Which minima tie, in words."""
    n = convention.size
    first, second = sorted([_phase(x[:n]), "dedicated" if x.size == n + 2 else _phase(x[n : 2 * n])])
    return f"two {first} minima tie" if first == second else f"{first} and {second} minimum tie"


def traced_curves(bias: Bias, low: float) -> list[Traced]:
    """All ties of best minima and all folds of minima for importances from `low` to 1."""
    convention, curves = _Convention(bias), list[Traced]()
    importances = np.geomspace(low * 1.05, 0.98, max(3, round(_PER_DECADE * np.log10(1 / low))))
    for r in map(float, importances):
        columns = [(p, _minima(bias, p, r)) for p in _DENSITIES]
        for (p, below), (q, above) in pairwise(columns):
            if _distance(convention, below[0], above[0]) > _SAME or below[0].phase != above[0].phase:
                _add_tie(convention, below[0], above[0], (p, q, r), low, curves)
            for some, others in ((below, above), (above, below)):
                for point in some:
                    if min(_distance(convention, point, other) for other in others) > _SAME:
                        _add_fold(convention, point, (p, q, r), low, curves)
    return curves


def _add_tie(
    convention: _Convention,
    a: StationaryPoint,
    b: StationaryPoint,
    place: tuple[float, float, float],
    low: float,
    curves: list[Traced],
) -> None:
    p, q, r = place
    system, guess = _tie_seed(convention, a, b, (p * q) ** 0.5, r)
    start = _at_fixed_importance(system, guess, p, q)
    if start is None or not _are_distinct(convention, start):
        return
    if _is_near(start, [curve for curve in curves if curve.kind == "first-order"]) or not _is_best(convention, start):
        return
    border = _inside(low)
    rows = trace(system, start, lambda x: border(x) and _are_distinct(convention, x) and _is_best(convention, x))
    if len(rows) > 1:
        curves.append(Traced("first-order", _tie_label(convention, start), rows))


def _add_fold(
    convention: _Convention,
    point: StationaryPoint,
    place: tuple[float, float, float],
    low: float,
    curves: list[Traced],
) -> None:
    p, q, r = place
    if point.on_kink or point.eigenvalues is None:
        return
    z = convention.vector(point)
    for density in (p, q, (p * q) ** 0.5):
        values, vectors = np.linalg.eigh(convention.hessian(z, density, r))
        guess = np.concatenate([z, vectors[:, np.argmin(np.abs(values))], [np.log(density), np.log(r)]])
        start = _at_fixed_importance(convention.fold, guess, p, q)
        if start is not None:
            break
    if start is None or not _is_fold_of_a_minimum(convention, start):
        return
    label = f"{_phase(start)} minimum appears"
    if _is_near(start, [curve for curve in curves if curve.label == label]):
        return
    side = np.sign(start[0] * start[1])
    border = _inside(low)

    def inside(x: Array) -> bool:
        return border(x) and bool(side * x[0] * x[1] > 1e-4) and _is_fold_of_a_minimum(convention, x)

    rows = trace(convention.fold, start, inside)
    if len(rows) > 1:
        curves.append(Traced("fold", label, rows))


def _is_fold_of_a_minimum(convention: _Convention, x: Array) -> bool:
    """Whether all curvatures but the vanishing one are positive, away from the axes."""
    n, p, r = convention.size, float(np.exp(x[-2])), float(np.exp(x[-1]))
    eigenvalues = np.linalg.eigvalsh(convention.hessian(x[:n], p, r))
    return bool(eigenvalues[1] > 0 and np.abs(x[:2]).min() > 1e-3)


def _sqrt(number: Any) -> Any:
    """The square root in the arithmetic of the number: SymPy, mpmath or float."""
    package = type(number).__module__.split(".")[0]
    if package == "sympy":
        import sympy

        return sympy.sqrt(number)
    return mpmath.sqrt(number) if package == "mpmath" else np.sqrt(number)


def dedicated_instability(bias: Bias, p: Any, side: int = -1) -> tuple[Any, Any]:
    """Coefficients (c0, c1) of c0 + c1 r, positive where the dedicated point of feature 1 is a minimum, for density p.

    `side` is -1 towards antipodal (the condition that is violated first), 1 towards confused; for a shared bias both
    are the same. The arithmetic is that of p: a SymPy symbol gives the exact expression. derivations/dedicated.py.
    """
    if bias == "shared":
        return 4 - 3 * p, -(4 + 3 * p)
    return dedicated_form(p, p, 1, 0, side, _sqrt), dedicated_form(p, p, 0, 1, side, _sqrt)


def instability_importance(bias: Bias, p: Any) -> Any:
    """The importance r above which the dedicated point of feature 1 is no minimum."""
    c0, c1 = dedicated_instability(bias, p)
    return -c0 / c1


def critical_end_point(bias: Bias, curve: Traced) -> tuple[float, float] | None:
    """Where a tie with the dedicated minimum meets the instability: (density, importance), or None if it does not."""
    convention = _Convention(bias)
    system = convention.dedicated_tie if bias == "per-feature" else convention.tie

    def meeting(x: Array) -> Array:
        return np.append(system(x), x[-1] - np.log(instability_importance(bias, float(np.exp(x[-2])))))

    end = max(curve.rows, key=lambda x: float(x[-2]))
    found = solve(meeting, end)
    if found is None or np.abs(found[-2:] - end[-2:]).max() > 0.1:
        return None
    return float(np.exp(found[-2])), float(np.exp(found[-1]))


def symmetry_breaking(bias: Bias) -> float | None:
    """At r = 1: the density above which the best minimum is one of two exchanged copies; None if there is none."""

    def broken(p: float) -> bool:
        best = _minima(bias, p, 1.0)[0]
        return abs(abs(best.W[0]) - abs(best.W[1])) > 1e-6

    grid = [p for p in _DENSITIES if broken(p)]
    if not grid:
        return None
    high = grid[0]
    low = max(p for p in (0.0, *_DENSITIES) if p < high)
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (low, middle) if broken(middle) else (middle, high)
    return high
