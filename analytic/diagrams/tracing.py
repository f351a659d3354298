"""All tracks of one convention for r <= 1: from seeds on a grid with bias, from known starts without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from analytic.diagrams import dedicated
from analytic.diagrams.balance import balanced
from analytic.diagrams.continuation import Array, solve, with_equation
from analytic.diagrams.events import Branch, Dedicated, Event, Tie
from analytic.diagrams.seeds import Node, Seed, edges, nodes, strolls, tie_seed, unmatched, walk
from analytic.diagrams.tracks import (
    Track,
    Window,
    beyond_instability,
    follow_exact_tie,
    follow_fold,
    follow_instability,
    follow_kink,
    follow_tie,
    stability,
)
from analytic.models.bias import Bias
from analytic.work import Run

#: Models of the grid per factor e, in density and importance; the last importance is next to 1.
_DENSITY_STEPS, _IMPORTANCE_STEPS, _LAST = 6.5, 8.0, 0.995
#: A seed this close to a curve, in all coordinates, lies on it; a point this close to one is explained by it.
_ON, _EXPLAINED = 5e-3, 0.35
#: Ends of ties are completed by a point where the minima merge that is this close.
_SNAP = 0.15


#: Weights of the antipodal minimum without bias at density 1, where it merges with a saddle at importance 0.63.
_UNBIASED_FOLD = (1.254, -0.878)


def _grid(low: float, high: float, steps: float) -> Array:
    return np.geomspace(low, high, max(5, round(steps * np.log(high / low))))


def _distance(track: Track, theta: Array, place: Array) -> float:
    """Largest difference in any coordinate between a point and a curve, segments included."""
    rows = np.concatenate([track.theta[:, 0], track.places], axis=1)
    point, steps = np.concatenate([theta, place]), np.diff(rows, axis=0)
    share = ((point - rows[:-1]) * steps).sum(axis=1) / np.maximum((steps * steps).sum(axis=1), np.finfo(float).tiny)
    near = rows[:-1] + np.clip(share, 0, 1)[:, None] * steps
    return float(np.abs(near - point).max(axis=1).min())


def _explained(track: Track, one: Node, other: Node, W: Array) -> bool:
    """Whether a curve crosses the edge between two models at a point like the given one."""
    moving = int(np.argmax(np.abs(other.place - one.place)))
    low, high = sorted((one.place[moving], other.place[moving]))
    height = track.places[:, 1 - moving] - one.place[1 - moving]
    for k in np.flatnonzero(height[1:] * height[:-1] <= 0):
        share = height[k] / (height[k] - height[k + 1]) if height[k] != height[k + 1] else 0.0
        at = track.places[k, moving] + share * (track.places[k + 1, moving] - track.places[k, moving])
        if low - _ON <= at <= high + _ON and np.abs(track.theta[k, 0, :2] - W).max() < _EXPLAINED:
            return True
    return False


def _new_seeds(branch: Branch, one: Node, other: Node, known: list[Track]) -> Iterator[Seed]:
    """Events on one edge, seen from its first model, that no curve explains."""
    for k in unmatched(one, other):
        theta = one.points[k]
        if any(_explained(track, one, other, theta[:2]) for track in known):
            continue
        if strolls(branch, theta, one.place, other.place):
            continue
        seed = next(walk(branch, theta, one.place, other.place), None)
        if seed is not None and not _lies_on(seed, branch, known):
            yield seed


def _lies_on(seed: Seed, branch: Branch, known: list[Track]) -> bool:
    at = branch.bias.embed(seed.x[: branch.size]), seed.x[-2:]
    return any(track.kind is seed.kind and _distance(track, *at) < _ON for track in known)


def _followed(branch: Branch, seed: Seed, window: Window) -> list[Track]:
    """The curve through the seed of a fold or a kink, with what it continues as."""
    follow = follow_fold(branch, seed.x, window) if seed.kind is Event.FOLD else None
    return list(follow or follow_kink(branch, seed, window))


def _folds_and_kinks(
    bias: Bias, grid: list[list[Node]], window: Window, report: Callable[[float, float], None]
) -> list[Track]:
    branch, known, pairs = Branch(bias), list[Track](), list(edges(grid))
    for k, pair in enumerate(pairs):
        report(k, len(pairs))
        for one, other in (pair, pair[::-1]):
            for seed in _new_seeds(branch, one, other, known):
                known += _followed(branch, seed, window)
    return known


def _overlooked(bias: Bias, grid: list[list[Node]], known: list[Track], window: Window) -> list[Track]:
    """Folds and kinks on edges across which the minima change otherwise than the known curves say."""
    branch, found = Branch(bias), list[Track]()
    for pair in edges(grid):
        for one, other in (pair, pair[::-1]) if not balanced(*pair, [*known, *found]) else ():
            for theta in one.points:
                for seed in walk(branch, theta, one.place, other.place):
                    if not _lies_on(seed, branch, [*known, *found]):
                        found += _followed(branch, seed, window)
    return found


def _ties(bias: Bias, grid: list[list[Node]], window: Window) -> list[Track]:
    """First-order lines, continued through instabilities, and the borders of exact ties."""
    known: list[Track] = []
    for one, other in edges(grid):
        seed = tie_seed(bias, one, other)
        if seed is None or seed.tie is None or _is_beyond(seed.tie, seed.x):
            continue
        if not any(_is_on(track, seed.tie, seed.x) for track in known):
            known += _ties_from(seed.tie, seed.x, window)
    return known


def _is_beyond(tie: Tie, x: Array) -> bool:
    """Whether the dedicated point of a tie is no minimum any more."""
    return any(isinstance(each, Dedicated) and stability(each.bias, x) < 0 for each in (tie.first, tie.second))


def _is_on(track: Track, tie: Tie, x: Array) -> bool:
    near = [_distance(track, tie.theta(which, x), x[-2:]) for which in (0, 1)]
    return track.kind is Event.FIRST_ORDER and min(near) < 10 * _ON


def _ties_from(tie: Tie, x: Array, window: Window) -> Iterator[Track]:
    for track in follow_tie(tie, x, window):
        yield track
        yield from follow_exact_tie(tie, track.rows, window)
        for end, name in zip((0, -1), track.ends, strict=True):
            further = beyond_instability(tie, track.rows, end) if name == "instability" else None
            if further is not None:
                yield from _ties_from(*further, window)


def _completed(track: Track, others: list[Track]) -> Track:
    """A tie with its ends moved on to where its minima merge: cusps, or instabilities where a fold or a tie ends."""
    for end, name in zip((0, 1), track.ends, strict=True):
        if not (isinstance(track.subject, Tie) and name.startswith(("axis", "lost", "merger"))):
            continue
        here = track.places[-end]
        goals = [
            (other.places[-k], other.theta[-k], goal)
            for other in others
            for k, goal in zip((0, 1), other.ends, strict=True)
            if goal in ("cusp", "axis 1", "instability") and np.abs(other.places[-k] - here).max() < _SNAP
        ]
        if goals:
            place, thetas, goal = min(goals, key=lambda each: float(np.abs(each[0] - here).max()))
            own = track.theta[-end]
            nearest = [thetas[np.abs(thetas - theta).max(axis=1).argmin()] for theta in own]
            last = track.subject.row(np.array(nearest), place)
            rows = np.array([last, *track.rows] if end == 0 else [*track.rows, last])
            track = replace(track, rows=rows, ends=(goal, track.ends[1]) if end == 0 else (track.ends[0], goal))
    return track


def _unbiased(window: Window) -> Iterator[Track]:
    """Without bias the curves are two, and a point of each is known in closed form or from its polynomial."""
    bottom, top = np.log(window.density)
    for track in _whole_unbiased(replace(window, density=(min(window.density[0], 0.5), 1.0))):
        yield from track.between(-2, bottom, top, "density")


def _whole_unbiased(window: Window) -> Iterator[Track]:
    branch = Branch(Bias.NONE)
    p = (40 - 4 * 14**0.5) / 43
    s = (0.5 * (8 - 5 * p) / (4 - 3 * p)) ** 0.5
    start = np.array([0.5**0.5, 0.5**0.5, s, -s, np.log(p), 0.0])
    yield from follow_tie(Tie(branch, branch), start, window)
    fold = solve(with_equation(branch.fold, lambda x: x[..., -2]), np.array([*_UNBIASED_FOLD, 0.0, np.log(0.63)]))
    if fold is None:
        raise ArithmeticError("the fold without bias was not found at density 1")
    yield from follow_fold(branch, fold, window)


def tracks(bias: Bias, window: Window, run: Run, report: Callable[[float, float], None]) -> list[Track]:
    """Every curve of a convention for r <= 1."""
    if bias is Bias.NONE:
        found = list(_unbiased(window))
    else:
        density = _grid(window.density[0], min(window.density[1], 0.999), _DENSITY_STEPS)
        grid = nodes(bias, density, _grid(window.low, _LAST, _IMPORTANCE_STEPS), run)
        found = _folds_and_kinks(bias, grid, window, report)
        found += _overlooked(bias, grid, [*found, *_instabilities(bias, found, window)], window)
        ties = _ties(bias, grid, window)
        completed = [_completed(track, [*found, *ties]) for track in ties]
        # The best minima cannot be lost where they tie: what is lost first was not the best.
        found += [track for track in completed if not any(name.startswith("lost") for name in track.ends)]
    return [*found, *_instabilities(bias, found, window)]


def _instabilities(bias: Bias, found: list[Track], window: Window) -> Iterator[Track]:
    """The curves on which the dedicated point changes its kind, cut where folds end on the axis."""
    for side in dedicated.sides(bias):
        towards = "antipodal" if side < 0 else "confused"
        cuts = [
            float(track.places[-end, 0])
            for track in found
            for end, name in zip((0, 1), track.ends, strict=True)
            if name == "axis 1" and towards in (*track.left, *track.right) and track.kind is Event.FOLD
        ]
        yield from follow_instability(bias, side, window, cuts)
