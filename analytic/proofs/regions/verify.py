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

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analytic.proofs.boxes import excluded
from analytic.proofs.certificate import as_box
from analytic.proofs.records import Pair, Place
from analytic.proofs.regions.cell import Settled, concluded, contains_equal, doubts_about
from analytic.proofs.regions.certificate import RegionCertificate
from analytic.proofs.regions.family import Family, families
from analytic.proofs.regions.prover import checked
from analytic.proofs.regions.records import Cell, Part, RegionPoint, Tube, at_path, tiled
from analytic.proofs.regions.tubes import krawczyk, narrowed, settled_by_tube, tube_of
from analytic.proofs.searches import EXCLUDED, LETTERS
from analytic.proofs.verify import Verification, leaf_boxes


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
    boxes = None if problem is None else leaf_boxes(part.tree.code, problem.case.dimension, problem.rectangle)
    if problem is None or boxes is None:
        return 0, [], [f"{name}: malformed"]
    tubes, faults = [], []
    for tube in part.tubes:
        checked_tube = _check_tube(problem, tube)
        if isinstance(checked_tube, str):
            return 0, [], [f"{name}: {checked_tube}"]
        tubes.append(checked_tube)
    faults += [f"{name}: {reason.value}" for reason, _ in doubts_about(problem, tubes)]
    for letter, group in boxes.items():
        index = LETTERS.find(letter)
        if letter == EXCLUDED:
            proved = excluded(problem, np.array(group))
        elif 0 <= index < len(tubes):
            proved = settled_by_tube(problem, np.array(group), tubes[index])
        else:
            proved = np.zeros(len(group), dtype=bool)
        faults += [f"{name}: box {group[i]} is not settled by {letter!r}" for i in np.flatnonzero(~proved)]
    return sum(map(len, boxes.values())), tubes, faults


def _check_tube(problem: Family, tube: Tube) -> Tube | str:
    """The tube with the inner box that is found here, or what is wrong with it."""
    d, (unique, inner, drift) = problem.case.dimension, map(np.array, (tube.unique, tube.inner, tube.drift))
    if tube.key != problem.key or not unique.shape == inner.shape == drift.shape == (d, 2):
        return "malformed tube"
    if not (np.isfinite(drift).all() and (unique[:, 0] < unique[:, 1]).all()):
        return "malformed tube"
    if not krawczyk(problem, unique[None], drift)[1].all():
        return "the uniqueness test fails for a tube"
    if not krawczyk(problem, inner[None], drift)[1].all():
        return "the inner box of a tube is not proved to have the zero"
    found = narrowed(problem, inner, drift)
    if not ((inner[:, 0] >= unique[:, 0]) & (inner[:, 1] <= unique[:, 1])).all():
        return "the inner box of a tube is not inside of the outer one"
    here = tube_of(problem, unique, found, drift)
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
