"""`certify_region`: a rectangle is searched as a whole, and cut in half as long as something in it is undecided.

A search that is settled on a rectangle is settled on its parts, too: only those that were not are repeated there. So
the cost of a narrow rectangle is mostly that of the one search whose zeros move most.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log
from typing import Any

from analytic.models.bias import Bias, BiasLike
from analytic.proofs.records import Box, Pair, Reason
from analytic.proofs.regions.cell import concluded, contains_equal, doubts_about
from analytic.proofs.regions.certificate import RegionCertificate
from analytic.proofs.regions.closed import Doubt
from analytic.proofs.regions.family import Family, families
from analytic.proofs.regions.records import HALVES, Cell, Part, at_path
from analytic.proofs.regions.search import Search
from analytic.validation import limits, number, refuse
from analytic.work import Progress, reporting

#: Rectangles are cut down to this width, as a logarithm of density or importance.
SMALLEST = 0.002
#: By which part of their width ranges are claimed wider than they were found.
_MARGIN = 0.01


@dataclass(frozen=True)
class Rectangle:
    """A rectangle to be proved, and the searches that are settled around it, by key."""

    path: str
    sides: Box
    settled: dict[Any, tuple[Family, Part]]


def certify_region(
    *,
    density: tuple[float, float],
    importance: tuple[float, float],
    bias: BiasLike,
    smallest: float = SMALLEST,
    time_limit: float | None = None,
    progress: Progress = None,
) -> RegionCertificate:
    """Prove which stationary points all models of a rectangle have, and which minimum is their best.

    Parameters
    ----------
    density : (low, high), 0 < low < high < 1, without bias also high = 1
        P(x != 0) = 1 - sparsity of both independent features; the ends belong to the rectangle.
    importance : (low, high), 0 < low < high
        Importance of feature 2, relative to feature 1. With bias a rectangle with importance 1 is never complete: there
        a minimum ties with its image under exchange of the features, or two points meet.
    bias : the bias convention
        Without bias nothing is searched: a few models of the rectangle are compared exactly.
    smallest : float
        Width, as a difference of logarithms, down to which a rectangle is cut in half where it is undecided.
    time_limit : float, optional
        Seconds, at least 0, after which the rest is reported as unresolved; None for no limit.
    progress : None, True, False or progress(done, total)
        See `analytic.work`; done is the part of the area that is settled, total 1.

    Returns
    -------
    RegionCertificate
        If it is `complete`: every model of the rectangle has the isolated stationary points `points`, one for one, with
        these kinds, each depending continuously on density and importance; the best minimum has phase `phase`, and is
        better than all others by at least `lead[0]`. Else `unresolved` has the rectangles that are not proved, with
        reasons. A rectangle across a boundary of the phase diagram is never complete.

    Raises
    ------
    InvalidInput
        For sides that are no such pairs, or a bias that is none of the three.

    Examples
    --------
    >>> from analytic import certify_region
    >>> proof = certify_region(density=(0.3, 0.301), importance=(0.5, 0.501), bias="shared")
    >>> proof.complete, proof.phase, [point.kind for point in proof.points].count("minimum")
    (True, 'antipodal', 2)
    """
    convention, sides = checked(density, importance, bias)
    number("smallest", smallest, least=1e-9)
    if time_limit is not None:
        number("time_limit", time_limit, least=0)
    start = time.monotonic()
    deadline = None if time_limit is None else start + time_limit
    cells, parts, area = [], [], 0.0
    with reporting(progress, "proof", "region") as report:
        for cell, new in prove(sides, convention, smallest, deadline):
            parts += new
            if cell is not None:
                cells.append(cell)
                area += 0.5 ** len(cell.path)
                report(area, 1.0)
    return RegionCertificate(*sides, convention, tuple(cells), tuple(parts), time.monotonic() - start)


def checked(density: Any, importance: Any, bias: BiasLike) -> tuple[Bias, tuple[Any, Any]]:
    """The convention and the sides of a rectangle, or an InvalidInput."""
    convention = Bias.of(bias)
    sides = limits("density", density, 1), limits("importance", importance)
    if convention is not Bias.NONE and not sides[0][1] < 1:
        refuse("density", "be a pair 0 < low < high < 1", density)
    return convention, sides


def prove(
    sides: Box, bias: Bias, smallest: float, deadline: float | None = None
) -> Iterator[tuple[Cell | None, list[Part]]]:
    """Rectangle by rectangle what is new: the searches that it settles, and a cell unless it is cut."""
    waiting, stop = [Rectangle("", sides, {})], None
    while waiting:
        here = waiting.pop()
        if stop is None and deadline is not None and time.monotonic() > deadline:
            stop = Reason.TIME
        new: dict[Any, tuple[Family, Part]] = {}
        try:
            cell = _open(here, [(stop, "")]) if stop else _settle(here, bias, new)
        except KeyboardInterrupt:
            stop = Reason.INTERRUPTED
            cell = _open(here, [(stop, "")])
        cut = None if stop or not cell.reasons else _axis_to_cut(here.sides, smallest)
        yield None if cut is not None else cell, [part for _, part in new.values()]
        if cut is not None:
            paths = (here.path + half for half in HALVES[cut])
            waiting += [Rectangle(path, at_path(sides, path), here.settled | new) for path in paths]


def _open(here: Rectangle, doubts: list[Doubt]) -> Cell:
    density, importance = here.sides
    return Cell(here.path, density, importance, reasons=tuple(doubts))


def _axis_to_cut(sides: Box, smallest: float) -> int | None:
    """The longer side on logarithmic axes, 1 - p beside p; None if it is short enough already."""
    (p, q), (r, s) = sides
    # Without bias q may be 1, and nothing happens there.
    lengths = log(q / p) + (log((1 - p) / (1 - q)) if q < 1 else 0.0), log(s / r)
    return None if max(lengths) <= smallest else lengths.index(max(lengths))


def _settle(here: Rectangle, bias: Bias, new: dict[Any, tuple[Family, Part]]) -> Cell:
    """Run the searches that are not settled yet; those that are now are added to `new`."""
    if contains_equal(here.sides, bias):
        return _open(here, [(Reason.EQUAL, "")])
    doubts: list[Doubt] = []
    for problem in families(here.sides, bias):
        if problem.key not in here.settled:
            part, open_questions = _search(here.path, problem)
            doubts += open_questions
            if not open_questions:
                new[problem.key] = problem, part
    if doubts:
        return _open(here, doubts)
    settled = (here.settled | new).values()
    return _claimed(concluded(here.path, here.sides, bias, [(problem, part.tubes) for problem, part in settled]))


def _claimed(cell: Cell) -> Cell:
    """The cell with ranges a little wider than found, so that a checker that narrows boxes once more agrees."""
    points = []
    for point in cell.points:
        W1, W2, b1, b2, loss = map(_wider, (*point.W, *point.b, point.loss))
        points.append(replace(point, W=(W1, W2), b=(b1, b2), loss=loss))
    lead = cell.lead and (cell.lead[0] * (1 - _MARGIN), cell.lead[1] * (1 + _MARGIN))
    return replace(cell, points=tuple(points), lead=lead)


def _wider(side: Pair) -> Pair:
    low, high = side
    return low - _MARGIN * (high - low), high + _MARGIN * (high - low)


def _search(path: str, problem: Family) -> tuple[Part, list[Doubt]]:
    search = Search(problem)
    reason = search.run()
    doubts = [(reason, problem.name)] if reason else doubts_about(problem, search.tubes)
    return Part(path, search.tree(), tuple(search.tubes)), doubts
