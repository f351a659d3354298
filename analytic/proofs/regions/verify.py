"""The checker of certificates for rectangles: every claim is computed again, without any search.

As for one model (`analytic.proofs.verify`), it shares with the prover what a box can be told by, and nothing about how
things were found. The steps:

1. The paths of the cells cut the whole rectangle in halves, without gaps: their code is read like that of a tree.
2. Each tube of each part: Krawczyk's test holds over the part's rectangle, narrowing finds the zero inside of `inner`,
   place and kind follow from where it was found.
3. Each tree covers the cube times the rectangle; each leaf is excluded or lies in the tube that it names.
4. Each proved cell: every search that its models need is a part of a rectangle around it, and its points, phase and
   lead are those that follow, each range within what is claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from analytic.proofs.boxes import excluded
from analytic.proofs.certificate import as_box
from analytic.proofs.intervals import Array
from analytic.proofs.records import Pair, Place
from analytic.proofs.regions.cell import Settled, concluded, contains_equal, doubts_about
from analytic.proofs.regions.certificate import RegionCertificate
from analytic.proofs.regions.family import Family, families, middles
from analytic.proofs.regions.frames import TERMS
from analytic.proofs.regions.prover import checked
from analytic.proofs.regions.records import Cell, Part, RegionPoint, Tube, at_path, tiled
from analytic.proofs.regions.search import LEAVES, NODES, in_tube, outside
from analytic.proofs.regions.tubes import krawczyk, narrowed, tube_of
from analytic.proofs.searches import EXCLUDED
from analytic.proofs.verify import Verification

#: Boxes and their homes, by the number of the frame (-1: none) and the letter.
Leaves = dict[tuple[int, str], list[tuple[Array, Array]]]


def verify_region(certificate: RegionCertificate, compiled: bool = True) -> Verification:
    """Check a certificate for a rectangle; see `verify_certificate`."""
    bias, sides = checked(certificate.density, certificate.importance, certificate.bias)
    if not tiled([cell.path for cell in certificate.cells]):
        return Verification(False, False, ("the cells do not cover the rectangle once each",), 0)
    objections: list[str] = []
    settled: dict[tuple[str, object], Settled] = {}
    leaves = 0
    for part in certificate.parts:
        problems = {problem.key: problem for problem in families(at_path(sides, part.path), bias, compiled)}
        found, tubes, faults = _check_part(problems.get(part.tree.key), part)
        leaves, objections = leaves + found, objections + faults
        if not faults:
            settled[part.path, part.tree.key] = problems[part.tree.key], tubes
    needed = [problem.key for problem in families(sides, bias, compiled)]
    for cell in certificate.cells:
        if cell.rectangle != at_path(sides, cell.path):
            objections.append(f"cell {cell.path!r}: not the rectangle at its path")
        elif not cell.reasons or cell.points:
            objections += _check_cell(certificate, cell, [_around(settled, cell.path, key) for key in needed])
    return Verification(not objections, certificate.complete and not objections, tuple(objections), leaves)


def _around(settled: dict[tuple[str, object], Settled], path: str, key: object) -> Settled | None:
    """The search on the smallest rectangle around a path."""
    starts = (path[:length] for length in range(len(path), -1, -1))
    return next((settled[start, key] for start in starts if (start, key) in settled), None)


def _check_part(problem: Family | None, part: Part) -> tuple[int, list[Tube], list[str]]:
    """The number of leaves, the tubes as they are found here, and objections."""
    name = f"{part.tree.case.value}, sign {part.tree.sign}, swapped {part.tree.swapped}, at {part.path!r}"
    if problem is None or len(part.tubes) > len(LEAVES):
        return 0, [], [f"{name}: malformed"]
    tubes = []
    for tube in part.tubes:
        checked_tube = _check_tube(problem, tube)
        if isinstance(checked_tube, str):
            return 0, [], [f"{name}: {checked_tube}"]
        tubes.append(checked_tube)
    leaves = _leaves(part.tree.code, problem, tubes)
    if leaves is None:
        return 0, [], [f"{name}: malformed"]
    faults = [f"{name}: {reason.value}" for reason, _ in doubts_about(problem, tubes)]
    for (frame, letter), group in leaves.items():
        proved = _settled(problem, tubes, frame, letter, group)
        faults += [f"{name}: box {group[i][0]} is not settled by {letter!r}" for i in np.flatnonzero(~proved)]
    return sum(map(len, leaves.values())), tubes, faults


def _leaves(code: str, problem: Family, tubes: Sequence[Tube]) -> Leaves | None:
    """The leaves of a tree over the cube and the rectangle, by frame and letter; None if the code is malformed."""
    d, found = problem.case.dimension, defaultdict(list)
    whole = problem.whole
    stack: list[tuple[int, Array, Array | None]] = [(-1, whole, None)]
    for token in code:
        if not stack:
            return None
        frame, box, home = stack.pop()
        if token in NODES[: len(tubes)] and frame < 0:
            number = NODES.index(token)
            z = tubes[number].frame.inward(box[None], middles(problem.rectangle))
            stack.append((number, np.concatenate([z[0], box[d:]]), box[:d]))
        elif token in "01234"[: d + 2]:
            axis = int(token)
            middle = 0.5 * (box[axis, 0] + box[axis, 1])
            if not box[axis, 0] < middle < box[axis, 1]:
                return None
            for side in ((middle, box[axis, 1]), (box[axis, 0], middle)):
                part = box.copy()
                part[axis] = side
                stack.append((frame, part, home))
        elif token in LEAVES[: len(tubes)] + EXCLUDED:
            found[frame, token].append((box, box[:d] if home is None else home))
        else:
            return None
    return None if stack else dict(found)


def _settled(
    problem: Family, tubes: Sequence[Tube], frame: int, letter: str, group: list[tuple[Array, Array]]
) -> npt.NDArray[np.bool_]:
    """Which boxes of a frame are settled as their letter says."""
    boxes, homes = (np.array(column) for column in zip(*group, strict=True))
    seen = problem if frame < 0 else problem.seen(tubes[frame].frame)
    if letter != EXCLUDED:
        return in_tube(seen, boxes, tubes[LEAVES.index(letter)])
    return excluded(seen, boxes) | outside(seen, boxes, homes)


def _check_tube(problem: Family, tube: Tube) -> Tube | str:
    """The tube with the inner box that is found here, or what is wrong with it."""
    d, (unique, inner, rows) = problem.case.dimension, map(np.array, (tube.unique, tube.inner, tube.frame.rows))
    if tube.key != problem.key or not unique.shape == inner.shape == (d, 2) or rows.shape != (d, 1 + d + TERMS):
        return "malformed tube"
    if not (np.isfinite(rows).all() and (unique[:, 0] < unique[:, 1]).all()):
        return "malformed tube"
    framed = problem.seen(tube.frame)
    if not krawczyk(framed, unique[None])[1].all():
        return "the uniqueness test fails for a tube"
    if not krawczyk(framed, inner[None])[1].all():
        return "the inner box of a tube is not proved to have the zero"
    found = narrowed(framed, inner)
    if not ((inner[:, 0] >= unique[:, 0]) & (inner[:, 1] <= unique[:, 1])).all():
        return "the inner box of a tube is not inside of the outer one"
    here = tube_of(framed, unique, found)
    if here.place is not tube.place or tube.place is Place.UNDECIDED:
        return f"the place of a tube is {here.place.name}, not {tube.place.name}"
    if here.kind != tube.kind:
        return f"a tube is not proved to have a {tube.kind}"
    return replace(here, unique=as_box(unique))


def _check_cell(certificate: RegionCertificate, cell: Cell, searches: Sequence[Settled | None]) -> list[str]:
    """Objections to what is said about a proved cell."""
    name = f"cell {cell.path!r}"
    if contains_equal(cell.rectangle, certificate.bias):
        return [f"{name}: importance 1 lies inside"]
    if None in searches:
        return [f"{name}: a search is missing"]
    here = concluded(cell.path, cell.rectangle, certificate.bias, [search for search in searches if search])
    if not here.points:
        return [f"{name}: {here.reasons[0][0].value}"]
    if here.phase != cell.phase and not cell.reasons:
        return [f"{name}: the best phase is {here.phase}, not {cell.phase}"]
    if cell.lead and not (here.lead and _holds(cell.lead, here.lead)):
        return [f"{name}: the lead is in {here.lead}, which is not within {cell.lead}"]
    proved = not cell.reasons
    if bool(cell.phase) != proved or bool(cell.lead) != (proved and bool(here.lead)):
        return [f"{name}: it says both that the best minimum is proved and that it is not"]
    claims = list(cell.points)
    for point in here.points:
        claim = next((claim for claim in claims if _covers(claim, point)), None)
        if claim is None:
            return [f"{name}: the list of points lacks a {point.kind} with W in {point.W}"]
        claims.remove(claim)
    return [f"{name}: the list of points has a {claim.kind} that does not follow" for claim in claims]


def _holds(outer: Pair, inner: Pair) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _covers(claim: RegionPoint, point: RegionPoint) -> bool:
    same = (claim.kind, claim.phase, claim.on_kink) == (point.kind, point.phase, point.on_kink)
    pairs = zip((*claim.W, *claim.b, claim.loss), (*point.W, *point.b, point.loss), strict=True)
    return same and all(_holds(outer, inner) for outer, inner in pairs)
