"""From seeds to curves: each event is followed until it meets something, and both ends are located.

A track is a curve for r <= 1 with what is known about it: which minima exist, or are the best, on its left and on its
right, seen in the direction of its points, importance to the right and density upwards. Folds are cut at their cusps,
where the curve of (density, importance) turns back while the solution runs on. Curves are followed a little beyond
r = 1, because a cusp may lie there, and cut at r = 1 afterwards: exchanging the features supplies the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
from scipy.optimize import root_scalar

from analytic.diagrams.continuation import Array, Border, Path, System, follow, solve, tangent, trace, with_equation
from analytic.diagrams.dedicated import instability_importance, sides
from analytic.diagrams.events import MERGED, Branch, Dedicated, Event, Tie
from analytic.diagrams.seeds import Seed
from analytic.landscape.records import Phase, phase_of
from analytic.models.bias import Bias

#: How far beyond r = 1 curves are followed, in log r.
_BEYOND = 0.05
#: Distance in theta by which the side of a curve is tested on which a branch exists, and the density's share in it.
_ASIDE = 1e-3
#: Step of the fourth-order difference that finds cusps.
_DIFFERENCE = 1e-3
#: Weights at which a curve that runs into an axis is sampled, over density, for the limit.
_TOWARDS_AXIS = np.array([0.02, 0.026, 0.034, 0.044, 0.057, 0.074, 0.096])
#: How far beyond a corner a fold is picked up again, and how many corners are crossed at most.
_BEYOND_CORNER, _CORNERS = 1e-4, 8
#: A point on a border may lie outside by rounding.
_SLACK = 1e-9
#: Pieces of a curve shorter than this in log p and log r are its end points.
_SHORTEST = 1e-6


@dataclass(frozen=True)
class Window:
    """The part of the plane with r <= 1 that is traced: lowest importance, densities."""

    low: float
    density: tuple[float, float]

    def borders(self) -> dict[str, Border]:
        """Positive inside."""
        bottom, top = np.log(self.density)
        left = np.log(self.low)
        return {
            "lowest density": lambda x: x[..., -2] - bottom,
            "highest density": lambda x: top - x[..., -2],
            "lowest importance": lambda x: x[..., -1] - left,
            "beyond": lambda x: _BEYOND - x[..., -1],
        }


@dataclass(frozen=True, eq=False)
class Track:
    """A curve for r <= 1.

    Attributes
    ----------
    kind : Event
    rows : (n, k)     solutions x of `system`, which end in log density, log importance
    left, right : the minima that the event concerns on either side, by phase
    ends : what stopped it at its start and its end
    subject : what happens to whom, and how its points follow from x
    point, towards : for an instability, the point that changes its kind, and on which side
    """

    kind: Event
    rows: Array
    left: tuple[Phase, ...]
    right: tuple[Phase, ...]
    ends: tuple[str, str]
    subject: Branch | Dedicated | Tie
    system: System
    point: Phase | None = None
    towards: Phase | None = None

    @property
    def places(self) -> Array:
        """Log density and log importance, (n, 2)."""
        return self.rows[:, -2:]

    @cached_property
    def theta(self) -> Array:
        """(W1, W2, b1, b2) of the points concerned, (n, m, 4): m = 2 for a tie, else 1."""
        return self.subject.thetas(self.rows)

    def between(self, coordinate: int, low: float, high: float, name: str) -> Iterator[Track]:
        """The parts at log densities (-2) or log importances (-1) from `low` to `high`, each cut located."""
        above = _cut(self.system, self.rows, self.ends, lambda x: x[..., coordinate] - low, f"lowest {name}")
        for whole, names in above:
            below = _cut(self.system, whole, names, lambda x: high - x[..., coordinate], f"highest {name}")
            for rows, ends in below:
                yield replace(self, rows=rows, ends=ends)


def _distinct(rows: Array) -> Array:
    """The rows without repetitions: a curve that ends on a border is not cut there once more."""
    moved = np.abs(np.diff(rows, axis=0)).max(axis=1) > _SLACK
    return rows[np.concatenate([moved, [True]])]


def _cut(
    system: System, rows: Array, ends: tuple[str, str], border: Border, name: str
) -> Iterator[tuple[Array, tuple[str, str]]]:
    """The pieces of a curve on which a border is not negative; where it is cut it ends there, under the name given."""
    inside = border(rows) >= -_SLACK
    for piece in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(inside.astype(int))) + 1):
        if not inside[piece[0]]:
            continue
        part, names = [*rows[piece]], list(ends)
        for end, outside in ((0, piece[0] - 1), (1, piece[-1] + 1)):
            if 0 <= outside < len(rows):
                names[end] = name
                last = solve(with_equation(system, border), part[-end])
                part = part if last is None else [last, *part] if end == 0 else [*part, last]
        if np.ptp(np.array(part)[:, -2:], axis=0).max() > _SHORTEST:
            yield _distinct(np.array(part)), (names[0], names[1])


def _cut_at_equal(system: System, rows: Array, ends: tuple[str, str]) -> Iterator[tuple[Array, tuple[str, str]]]:
    """The pieces of a curve at r <= 1."""
    return _cut(system, rows, ends, lambda x: -x[..., -1], "equal importance")


def normal(places: Array, k: int) -> Array:
    """The unit normal of a curve at its k-th point, to the left, as (log p, log r)."""
    along = places[min(k + 1, len(places) - 1)] - places[max(k - 1, 0)]
    # With importance to the right and density upwards the left of (dr, dp) is (-dp, dr).
    left = np.array([along[1], -along[0]])
    return np.asarray(left / np.linalg.norm(left))


def _branch_side(branch: Branch, x: Array, across: Array, equation: Border, size: float) -> float:
    """Sign of the displacement along `across` at which the branch through x has moved so that `equation` is `size`."""

    def at(y: Array) -> Array:
        return np.concatenate([y[..., :-1], x[-2:] + y[..., -1:] * across], axis=-1)

    def system(y: Array) -> Array:
        return np.concatenate([branch.stationary(at(y)), (equation(at(y)) - size)[..., None]], axis=-1)

    found = solve(system, np.append(x[:-2], 0.0))
    return 0.0 if found is None else float(np.sign(found[-1]))


def _size(x: Array) -> float:
    return float(_ASIDE * min(1.0, np.exp(x[-2])))


def _fold_side(branch: Branch, x: Array, across: Array) -> float:
    soft = branch.softest(x)
    return _branch_side(branch, x, across, lambda y: (y[..., :-2] - x[:-2]) @ soft, _size(x))


def _cusp_equation(branch: Branch, near: Array) -> Border:
    """The derivative of the smallest curvature along its own direction, which vanishes at a cusp."""
    soft = np.append(branch.softest(near), [0.0, 0.0])

    def derivative(x: Array) -> Array:
        rows = x.reshape(-1, x.shape[-1])
        values = []
        for row in rows:
            own = np.append(branch.softest(row), [0.0, 0.0])
            own *= np.sign(own @ soft) * _DIFFERENCE * abs(row[:2]).min()
            a, b, c, d = branch.lowest(row + np.array([[-2], [-1], [1], [2]]) * own)
            values.append((a - 8 * b + 8 * c - d) / 12)
        return np.array(values).reshape(x.shape[:-1])

    return derivative


def _cusp(branch: Branch, near: Array) -> Array | None:
    return solve(with_equation(branch.fold, _cusp_equation(branch, near)), near)


def _split_at_cusps(branch: Branch, rows: Array, ends: tuple[str, str]) -> Iterator[tuple[Array, tuple[str, str]]]:
    """The pieces of a fold between its cusps."""
    steps = np.diff(rows[:, -2:], axis=0)
    turns = np.flatnonzero((steps[1:] * steps[:-1]).sum(axis=1) < 0) + 1
    first, start = ends[0], 0
    piece = [*rows]
    for k in map(int, turns):
        at_corner = any(abs(branch.corner(edge, rows[k])) < 1e-11 for edge in branch.edges)
        cusp = rows[k] if at_corner else _cusp(branch, rows[k])
        if cusp is None or np.abs(cusp - rows[k]).max() > 0.1:
            continue
        along = rows[k + 1] - rows[k - 1]
        cut = k if (rows[k] - cusp) @ along < 0 else k - 1
        yield np.array([*piece[: cut + 1 - start], cusp]), (first, "cusp")
        piece, first, start = [cusp, *rows[cut + 1 :]], "cusp", cut
    yield np.array(piece), (first, ends[1])


def leaving(branch: Branch, towards: int, log_p: float) -> tuple[Array, float] | None:
    """The branch that leaves the dedicated point of feature 1 at its instability, towards W1 W2 < 0 (-1) or > 0 (1).

    A point of it close to the axis, and the limit of d log r / d|W2| on the axis at fixed density: positive where the
    branch lies at larger importance, zero where a fold ends on the instability. r is analytic in W2 on either side.
    """
    p, weights = np.exp(log_p), towards * _TOWARDS_AXIS * np.exp(log_p)
    side = towards if len(sides(branch.bias)) == 2 else sides(branch.bias)[0]
    start = np.log(instability_importance(branch.bias, side, p))
    x = np.concatenate([branch.reduced(Dedicated(branch.bias).theta(np.array([log_p, start]))), [log_p, start]])
    found = []
    for weight in weights:

        def fixed(y: Array, weight: float = weight) -> Array:
            return np.stack([y[..., 1] - weight, y[..., -2] - log_p], axis=-1)

        x[1] = weight
        next_x = solve(lambda y: np.concatenate([branch.stationary(y), fixed(y)], axis=-1), x)
        if next_x is None:
            return None
        x = next_x
        found.append(x.copy())
    slopes = (np.array(found)[:, -1] - start) / abs(weights)
    fit = np.polynomial.polynomial.polyfit(_TOWARDS_AXIS / _TOWARDS_AXIS.max(), slopes, len(weights) - 1)
    return found[0], float(fit[0])


def _fold_on_axis(branch: Branch, x: Array) -> Array | None:
    """Where a fold near x ends on the instability of the dedicated point: by the secant method in log p."""
    towards = int(np.sign(x[0] * x[1]))

    def slope(log_p: float) -> float:
        found = leaving(branch, towards, log_p)
        return np.nan if found is None else found[1]

    root = root_scalar(slope, x0=x[-2], x1=x[-2] + 1e-3, xtol=1e-9)
    if not root.converged or abs(root.root - x[-2]) > 0.1:
        return None
    log_r = np.log(instability_importance(branch.bias, towards, np.exp(root.root)))
    place = np.array([root.root, log_r])
    return np.append(branch.reduced(Dedicated(branch.bias).theta(place)), place)


def _finished(branch: Branch, path: Path) -> Array:
    """The rows of a fold with the limit added at ends on an axis."""
    rows = path.rows
    for name, end in zip(path.ends, (0, len(rows) - 1), strict=True):
        last = _fold_on_axis(branch, path.rows[end]) if name == "axis 1" else None
        if last is not None:
            rows = np.array([last, *rows] if end == 0 else [*rows, last])
    return rows


def _axis_borders(branch: Branch, x: Array) -> dict[str, Border]:
    return {f"axis {i}": partial(branch.off_axis, i, float(np.sign(x[i]))) for i in (0, 1)}


def _corner_borders(branch: Branch, sides: Mapping[int, float]) -> dict[str, Border]:
    """Kinks and edges, by number."""
    return {
        f"{'kink' if k in branch.kinks else 'edge'} {k}": lambda y, k=k, s=s: s * branch.corner(k, y)  # type: ignore[misc]
        for k, s in sides.items()
    }


def _fold_path(branch: Branch, x: Array, window: Window) -> Path:
    """The fold through a solution while no corner changes its sign."""
    sides = branch.sides(x)
    borders = window.borders() | _axis_borders(branch, x) | _corner_borders(branch, sides)
    borders["other"] = lambda y: branch.curvatures(y)[..., 1] - 1e-6
    return trace(branch.fold_from(sides), x, borders)


def _across(branch: Branch, path: Path, window: Window) -> Path | None:
    """The continuation of a fold beyond the corner at its end, starting there."""
    k, end = int(path.ends[1].split()[1]), path.rows[-1]
    side = np.sign(branch.corner(k, path.rows[-2]))

    def beyond(y: Array) -> Array:
        return branch.corner(k, y) + side * _BEYOND_CORNER

    start = solve(with_equation(branch.fold, beyond), end)
    if start is None:
        return None
    new = _fold_path(branch, start, window)
    return new if np.abs(new.rows[0] - end).max() < np.abs(new.rows[-1] - end).max() else _reversed(new)


def _reversed(path: Path) -> Path:
    return Path(path.rows[::-1], path.ends[::-1])


def _whole_fold(branch: Branch, x: Array, window: Window) -> Path:
    """The fold through a solution, across all corners where its derivative jumps."""
    path = _fold_path(branch, x, window)
    for _ in (0, 1):
        for _ in range(_CORNERS):
            new = _across(branch, path, window) if path.ends[1].startswith("edge") else None
            if new is None:
                break
            path = Path(np.array([*path.rows, *new.rows[1:]]), (path.ends[0], new.ends[1]))
        path = _reversed(path)
    return path


def follow_fold(branch: Branch, x: Array, window: Window) -> Iterator[Track]:
    """The fold through a solution, cut at cusps and at r = 1."""
    path = _whole_fold(branch, x, window)
    rows = _finished(branch, path)
    for whole, names in _split_at_cusps(branch, rows, path.ends):
        for piece, ends in _cut_at_equal(branch.fold, whole, names):
            k = len(piece) // 2
            side = _fold_side(branch, piece[k], normal(piece[:, -2:], k))
            yield _track(branch, Event.FOLD, piece, side, ends, branch.fold)


def follow_kink(branch: Branch, seed: Seed, window: Window) -> Iterator[Track]:
    """The kink on which a minimum and a saddle merge, through a solution."""
    k, side = seed.corner, seed.side
    sides = {other: sign for other, sign in branch.sides(seed.x).items() if other in branch.kinks and other != k}
    borders = window.borders() | _axis_borders(branch, seed.x) | _corner_borders(branch, sides)
    borders["fold"] = lambda x: branch.beside(k, side, x)
    borders["fold of the saddle"] = lambda x: -branch.beside(k, -side, x)
    system = branch.on_corner(k)
    path = trace(system, seed.x, borders)
    for piece, ends in _cut_at_equal(system, path.rows, path.ends):
        m = len(piece) // 2
        across = normal(piece[:, -2:], m)
        towards = _branch_side(branch, piece[m], across, lambda x: side * branch.corner(k, x), _size(piece[m]))
        yield _track(branch, Event.KINK, piece, towards, ends, system)


def _track(branch: Branch, kind: Event, rows: Array, side: float, ends: tuple[str, str], system: System) -> Track:
    """A curve on whose side `side` (1 left, -1 right) there is one minimum more."""
    phase = phase_of(*rows[len(rows) // 2, :2])
    minima: tuple[tuple[Phase, ...], tuple[Phase, ...]] = ((phase,), ()) if side > 0 else ((), (phase,))
    return Track(kind, rows, *minima, ends, branch, system)


def stability(bias: Bias, x: Array) -> Array:
    """Positive where the dedicated point is a minimum."""
    limits = [instability_importance(bias, side, np.exp(x[..., -2])) for side in sides(bias)]
    return np.asarray(np.log(np.minimum.reduce(limits)) - x[..., -1])


def _tie_borders(tie: Tie, x: Array) -> dict[str, Border]:
    """Where one of the two minima ends, or both become one."""
    borders: dict[str, Border] = {}
    for which, minimum in enumerate((tie.first, tie.second)):
        if isinstance(minimum, Dedicated):
            borders["instability"] = partial(stability, minimum.bias)
            continue
        own = {**_axis_borders(minimum, tie.part(which, x)), "lost": minimum.lowest}
        for name, border in own.items():
            borders[f"{name} {which}"] = lambda y, b=border, w=which: b(tie.part(w, y))  # type: ignore[misc]
    apart = tie.theta(0, x) - tie.theta(1, x)
    apart /= np.linalg.norm(apart)
    borders["merger"] = lambda y: (tie.theta(0, y) - tie.theta(1, y)) @ apart - MERGED
    return borders


def follow_tie(tie: Tie, x: Array, window: Window) -> Iterator[Track]:
    """The tie of two minima through a solution."""
    path = trace(tie.system, x, window.borders() | _tie_borders(tie, x))
    for piece, ends in _cut_at_equal(tie.system, path.rows, path.ends):
        k = len(piece) // 2
        step = np.append(np.zeros(piece.shape[1] - 2), 1e-6 * normal(piece[:, -2:], k))
        first_wins_left = tie.gap(piece[k] + step) < tie.gap(piece[k] - step)
        phases = [phase_of(*theta[:2]) for theta in tie.thetas(piece)[k]]
        left, right = phases if first_wins_left else phases[::-1]
        yield Track(Event.FIRST_ORDER, piece, (left,), (right,), ends, tie, tie.system)


def beyond_instability(tie: Tie, rows: Array, end: int) -> tuple[Tie, Array] | None:
    """The tie continued where the dedicated minimum turned antipodal continuously: with the branch that leaves it."""
    dedicated_first = isinstance(tie.first, Dedicated)
    branch = tie.second if dedicated_first else tie.first
    x = rows[end]
    if not isinstance(branch, Branch):
        return None
    found = leaving(branch, -1, x[-2])
    if found is None:
        return None
    new = Tie(branch, branch)
    weight = found[0][1]
    start = np.concatenate([x[:-2], found[0][:-2], x[-2:]])
    solution = solve(with_equation(new.system, lambda y: y[..., branch.size + 1] - weight), start)
    return None if solution is None else (new, solution)


def follow_exact_tie(tie: Tie, rows: Array, window: Window) -> Iterator[Track]:
    """Shared bias: the border of the region of exact ties, from where it leaves a line of ties of its minimum.

    `rows` are solutions of a tie whose second minimum is the one that ties exactly with a confused one.
    """
    branch = tie.second
    if not isinstance(branch, Branch) or not branch.edges:
        return
    heights = branch.corner(branch.edges[0], tie.part(1, rows))
    for k in np.flatnonzero(heights[1:] * heights[:-1] < 0):
        start = solve(with_equation(tie.system, lambda y: branch.corner(branch.edges[0], tie.part(1, y))), rows[k])
        if start is None:
            continue
        x, system = tie.part(1, start), branch.on_corner(branch.edges[0])
        direction = tangent(system, x, np.append(np.zeros(branch.size), [1.0, 0.0]))
        piece, name = follow(system, x, direction, window.borders() | {"lost": branch.lowest})
        for part, ends in _cut_at_equal(system, np.array(piece), ("first-order", name)):
            m = len(part) // 2
            across, height = normal(part[:, -2:], m), partial(branch.corner, branch.edges[0])
            side = _branch_side(branch, part[m], across, height, _size(part[m]))
            phases: tuple[tuple[Phase, ...], tuple[Phase, ...]] = (("antipodal", "confused"), ("antipodal",))
            yield Track(Event.EXACT_TIE, part, *(phases if side > 0 else phases[::-1]), ends, branch, system)


def follow_instability(bias: Bias, side: int, window: Window, cuts: list[float]) -> Iterator[Track]:
    """The curve on which the dedicated point of feature 1 changes, in pieces between the log densities given."""

    def system(x: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            importance = instability_importance(bias, side, np.exp(x[..., :1]))
            return np.asarray(x[..., 1:] - np.log(importance))

    bottom, top = np.log(window.density)
    knots = [bottom, *sorted(cut for cut in cuts if bottom < cut < top), top]
    for low, high in pairwise(knots):
        borders = window.borders() | {
            "beyond": lambda x: -np.log(window.low) - x[..., 1],
            "from": partial(lambda low, x: x[..., 0] - low, low),
            "to": partial(lambda high, x: high - x[..., 0], high),
        }
        middle = np.linspace(low, high, 41)[1:-1]
        starts = np.stack([middle, -system(np.stack([middle, 0 * middle], axis=-1))[..., 0]], axis=-1)
        inside = [x for x in starts if all(border(x) > 0 for border in borders.values())]
        if inside:
            path = trace(system, inside[len(inside) // 2], borders)
            renamed = {"from": "lowest density" if low == bottom else "fold", "beyond": "highest importance"}
            renamed["to"] = "highest density" if high == top else "fold"
            ends = tuple(renamed.get(name, name) for name in path.ends)
            rising = path.rows[0, 0] < path.rows[-1, 0]
            rows, names = path.rows[:: 1 if rising else -1], ends[:: 1 if rising else -1]
            yield _instability_track(bias, side, rows, (names[0], names[1]), system)


def _instability_track(bias: Bias, side: int, rows: Array, ends: tuple[str, str], system: System) -> Track:
    """The track of a piece, with what leaves the dedicated point there; without bias no minimum is concerned."""
    log_p = rows[len(rows) // 2, 0]
    phases: dict[int, Phase] = {-1: "antipodal", 1: "confused"}
    stable: tuple[Phase, ...] = (
        ("dedicated-1",) if bias is Bias.SHARED or (bias, side) == (Bias.PER_FEATURE, -1) else ()
    )
    born: tuple[Phase, ...] = ()
    if bias is not Bias.NONE:
        branch = Branch(bias)
        for towards in (side,) if side else (-1, 1):
            found = leaving(branch, towards, log_p)
            if found is not None and branch.lowest(found[0]) > 0:
                born += (phases[towards],)
    # Along growing density and importance the stable side, at lower importance, is on the left.
    subject = Dedicated(bias)
    return Track(Event.INSTABILITY, rows, stable, born, ends, subject, system, "dedicated-1", phases.get(side))
