"""Where curves start: neighbours on a coarse grid whose stationary points do not match.

The points of two neighbouring models are matched, nearest to nearest. One that has no partner is walked along the edge
of the grid from its own model to the other, as a curve in (theta, position), until it arrives or comes to its end;
what ends it names the event (`events`). Saddles are walked, too: a minimum that lives on a strip thinner than the grid
is betrayed by the saddle that it merges with. Two minima that are the best of neighbouring models without being the
same give the start of a tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from analytic.diagrams.continuation import Array, Border, follow, solve, tangent, with_equation
from analytic.diagrams.events import Branch, Dedicated, Event, Tie
from analytic.landscape.biased_grid import points_on_grid
from analytic.models.bias import Bias
from analytic.work import Run

#: Points of neighbouring models further apart than this are not matched without a walk.
_NEAR = 0.25
#: Short steps along an edge, and how many iterations each may take.
_STROLL, _NEWTON_STEPS = 8, 8
#: Folds that a walk goes through at most, and how far beyond one it goes on.
_FOLDS, _THROUGH = 3, 1e-3
#: Losses, over density, that differ by less tie: floating point does not tell them apart.
_SAME_LOSS = 1e-11


@dataclass(frozen=True, eq=False)
class Node:
    """A model of the grid: its place (log p, log r), and its points off the axes with the signs of their inertia."""

    place: Array
    points: Array
    signs: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Seed:
    """A solution of the system of an event; `corner` and `side` say which kink, and where the minimum is."""

    kind: Event
    x: Array
    corner: int = -1
    side: float = 0.0
    tie: Tie | None = None


def nodes(bias: Bias, density: Array, importance: Array, run: Run) -> list[list[Node]]:
    """The models of a grid, by density and importance."""
    branch = Branch(bias)
    points, counts, inertia = points_on_grid(density, importance, bias is Bias.SHARED, run)
    return [
        [
            Node(np.log([p, r]), points[i, j, :n, : branch.size].copy(), inertia[i, j, :n].copy())
            for j, (r, n) in enumerate(zip(importance, counts[i], strict=True))
        ]
        for i, p in enumerate(density)
    ]


def edges(grid: list[list[Node]]) -> Iterator[tuple[Node, Node]]:
    """Neighbours, each pair once."""
    for i, j in product(range(len(grid)), range(len(grid[0]))):
        if i + 1 < len(grid):
            yield grid[i][j], grid[i + 1][j]
        if j + 1 < len(grid[0]):
            yield grid[i][j], grid[i][j + 1]


def unmatched(one: Node, other: Node) -> list[int]:
    """The points of a model without a partner of the same sign at a neighbour, nearest to nearest."""
    if not len(one.points) or not len(other.points):
        return list(range(len(one.points)))
    distance = np.abs(one.points[:, None] - other.points).max(axis=-1)
    distance[one.signs[:, None] != other.signs] = np.inf
    there = distance.argmin(axis=1)
    back = distance.argmin(axis=0)
    far = distance.min(axis=1) > _NEAR
    return [k for k in range(len(one.points)) if far[k] or back[there[k]] != k]


def strolls(branch: Branch, theta: Array, start: Array, end: Array) -> bool:
    """Whether a point follows the models from one to another in short steps, or ends on an axis: no event to find."""
    x = np.append(theta, start)
    sign = np.sign(branch.lowest(x))
    for share in np.linspace(0, 1, _STROLL + 1)[1:]:
        x[-2:] = start + share * (end - start)
        for _ in range(_NEWTON_STEPS):
            matrix = branch.hessian(x)
            if not np.isfinite(matrix).all():
                return False
            step = np.linalg.lstsq(matrix, -branch.stationary(x), rcond=None)[0]
            x[:-2] += step
            if np.abs(step).max() < 1e-9:
                break
        else:
            return False
        if min(branch.off_axis(i, np.sign(theta[i]), x) for i in (0, 1)) < 0:
            return True
        if np.abs(x[:-2] - theta).max() > _NEAR:
            return False
    return bool(np.sign(branch.lowest(x)) == sign)


def walk(branch: Branch, theta: Array, start: Array, end: Array) -> Iterator[Seed]:
    """Follows a minimum or saddle from one model to another: the event with a minimum that ends it on the way.

    Through a fold it goes on with what merges there, back along the edge, to what ends that in turn.
    """

    def at(y: Array) -> Array:
        return np.concatenate([y[..., :-1], start + y[..., -1:] * (end - start)], axis=-1)

    def system(y: Array) -> Array:
        return branch.stationary(at(y))

    y = np.append(theta, 0.0)
    sign = float(np.sign(branch.lowest(at(y))))
    if not branch.curvatures(at(y))[1] > 0:
        return
    direction = tangent(system, y, np.append(0 * theta, 1.0))
    corners = {k: float(np.sign(branch.corner(k, at(y)))) for k in branch.kinks}
    for _ in range(2 * len(corners) + _FOLDS):
        borders: dict[str, Border] = {"arrived": lambda y: 1 - y[..., -1], "left": lambda y: y[..., -1] + 1e-9}
        borders["fold"] = lambda y, sign=sign: sign * branch.lowest(at(y))  # type: ignore[misc]
        borders["fold of saddles"] = lambda y: branch.curvatures(at(y))[..., 1]
        for i in (0, 1):
            borders[f"axis {i}"] = lambda y, i=i: branch.off_axis(i, float(np.sign(theta[i])), at(y))  # type: ignore[misc]
        for k, side in corners.items():
            borders[f"kink {k}"] = lambda y, k=k, side=side: side * branch.corner(k, at(y))  # type: ignore[misc]
        rows, name = follow(system, y, direction, borders)
        x = at(rows[-1])
        if name == "fold":
            yield Seed(Event.FOLD, x)
            sign, direction = -sign, tangent(system, rows[-1], direction if len(rows) < 2 else rows[-1] - rows[-2])
            ahead = rows[-1] + _THROUGH * direction
            beyond = solve(with_equation(system, lambda y, a=ahead, d=direction: (y - a) @ d), ahead)  # type: ignore[misc]
            if beyond is None:
                return
            y, direction = beyond, tangent(system, beyond, direction)
            continue
        if not name.startswith("kink"):
            return
        k = int(name.split()[1])
        if np.sign(branch.beside(k, -corners[k], x)) != sign:
            yield Seed(Event.KINK, x, k, corners[k] * sign)
            return
        corners[k] *= -1
        y = rows[-1]


def best(node: Node, bias: Bias) -> int:
    """The index of the best minimum of a model, -1 for the dedicated point; an antipodal one wins an exact tie."""
    branch, dedicated = Branch(bias), Dedicated(bias)
    candidates = np.flatnonzero(node.signs > 0)
    if not len(candidates):
        return -1
    x = np.concatenate([node.points[candidates], np.broadcast_to(node.place, (len(candidates), 2))], axis=-1)
    losses = branch.loss(x)
    tied = losses <= losses.min() + _SAME_LOSS
    k = candidates[tied][np.argmin((x[:, 0] * x[:, 1])[tied])]
    return int(k) if losses.min() < dedicated.loss(node.place) else -1


def tie_seed(bias: Bias, one: Node, other: Node) -> Seed | None:
    """A tie on the edge between two models whose best minima differ, if there is one."""
    first, second = best(one, bias), best(other, bias)
    moved = first >= 0 and second >= 0 and np.abs(one.points[first] - other.points[second]).max() > _NEAR / 2
    if (first < 0) == (second < 0) and not moved:
        return None
    sides = [Dedicated(bias) if k < 0 else Branch(bias) for k in (first, second)]
    tie = Tie(*sides)
    theta = [node.points[k] if k >= 0 else np.empty(0) for node, k in ((one, first), (other, second))]
    step = other.place - one.place
    across = np.array([-step[1], step[0]])

    def on_edge(x: Array) -> Array:
        return np.asarray((x[..., -2:] - one.place) @ across / (step @ step))

    found = solve(with_equation(tie.system, on_edge), np.concatenate([*theta, one.place + step / 2]))
    if found is None or not -0.1 < (found[-2:] - one.place) @ step / (step @ step) < 1.1:
        return None
    return Seed(Event.FIRST_ORDER, found, tie=tie) if tie.is_of_two_minima(found) else None
