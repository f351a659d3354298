"""The checker of certificates of one model: everything a certificate claims is computed again, without any search.

With the prover it shares what a box can be told by (the equations of `enclosures`, the two tests of `boxes`, and the
arithmetic of `machine`, unless it is told to compute in plain NumPy), what one zero means (`points`) and what follows
from all of them (`searches.conclude`, closed forms included); an error in these would deceive both, so they are tested
against exact rationals. It does not use how things were found: `bisection` and `prover` are not imported, and no number
in the file is believed. The steps:

1. Each zero: Krawczyk's test holds for its unique box, and contracting that box finds the zero inside of its inner box;
   its place and kind follow from where it was found.
2. Each tree: read from the unit cube by splitting at middles, so its leaves cover the cube by construction; a code that
   ends early or late is malformed. Each leaf is excluded, or lies in the unique box of the zero it names.
3. All searches that the model needs are there, once each.
4. The list of points is the one that follows from the zeros, each within the enclosures that are claimed.

Without bias `unbiased.objections_to` counts the roots of the rational polynomials again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from analytic.proofs.boxes import Problem, excluded, krawczyk, located
from analytic.proofs.certificate import Certificate, as_box
from analytic.proofs.points import kind, place
from analytic.proofs.records import Box, Place, ProvedPoint, Roots, Searches, Tree, Zero
from analytic.proofs.searches import (
    EXCLUDED,
    LETTERS,
    UNRESOLVED,
    check_provable,
    conclude,
    problems,
    settled_by,
)
from analytic.proofs.unbiased import objections_to, points_from


@dataclass(frozen=True)
class Verification:
    """Whether a certificate is valid, whether it also is complete, and every objection found."""

    valid: bool
    complete: bool
    objections: tuple[str, ...]
    leaves: int

    def __bool__(self) -> bool:
        return self.valid


def verify_model(certificate: Certificate, compiled: bool) -> Verification:
    """Check the certificate of one model."""
    if isinstance(certificate.proof, Roots) != (certificate.model.bias == "none"):
        return Verification(False, False, ("a proof for another convention of the bias",), 0)
    if isinstance(certificate.proof, Roots):
        return _verify_roots(certificate, certificate.proof)
    return _verify_searches(certificate, certificate.proof, compiled)


def _verify_roots(certificate: Certificate, roots: Roots) -> Verification:
    objections = objections_to(certificate.model, roots)
    if not objections:
        objections += _check_points(certificate, points_from(certificate.model, roots))
    valid = not objections
    return Verification(valid, valid, tuple(objections), sum(map(len, roots.arcs)))


def _verify_searches(certificate: Certificate, proof: Searches, compiled: bool) -> Verification:
    check_provable(certificate.model)
    tasks = {p.key: p for p in problems(certificate.model, compiled)}
    checked = [_check_zero(tasks.get(zero.key), zero) for zero in proof.zeros]
    objections = [text for text in checked if isinstance(text, str)]
    zeros = tuple(zero for zero in checked if isinstance(zero, Zero))
    if objections:
        return Verification(False, False, tuple(objections), 0)
    leaves, open_leaves = 0, 0
    for tree in proof.trees:
        found, left, faults = _check_tree(tasks.get(tree.key), tree, zeros)
        leaves, open_leaves, objections = leaves + found, open_leaves + left, objections + faults
    present = {tree.key for tree in proof.trees}
    if len(present) < len(proof.trees):
        objections.append("a search appears twice")
    if objections:
        return Verification(False, False, tuple(objections), leaves)
    points, doubts = conclude(certificate.model, tasks.values(), zeros)
    objections += _check_points(certificate, points)
    complete = not doubts and not open_leaves and present == set(tasks)
    if certificate.complete and not complete:
        objections.append("called complete, but a search is missing or has unresolved boxes or doubts")
    return Verification(not objections, complete and not objections, tuple(objections), leaves)


def _check_points(certificate: Certificate, points: tuple[ProvedPoint, ...]) -> list[str]:
    """One claim for each point that follows from the proof: its kind, and enclosures that hold the ones found here."""
    claims = list(certificate.points)
    for point in points:
        claim = next((claim for claim in claims if _covers(claim, point)), None)
        if claim is None:
            return [f"the list of points lacks a {point.kind} at W in {point.W}"]
        claims.remove(claim)
    return [f"the list of points has a {claim.kind} that does not follow from the proof" for claim in claims]


def _covers(claim: ProvedPoint, point: ProvedPoint) -> bool:
    outer, inner = (np.array([*p.W, *p.b, p.loss]) for p in (claim, point))
    inside = (outer[:, 0] <= inner[:, 0]) & (inner[:, 1] <= outer[:, 1])
    return bool(inside.all()) and (claim.kind, claim.on_kink) == (point.kind, point.on_kink)


def _check_zero(problem: Problem | None, zero: Zero) -> Zero | str:
    """The zero with the inner box that is found here, or what is wrong with it."""
    name = f"zero at {[low for low, _ in zero.inner]} of {zero.case.value}"
    unique, inner = np.array(zero.unique), np.array(zero.inner)
    if problem is None or unique.shape != inner.shape or unique.shape != (problem.case.dimension, 2):
        return f"{name}: malformed"
    if not (unique[:, 0] < unique[:, 1]).all() or not krawczyk(problem, unique[None])[1].all():
        return f"{name}: the uniqueness test fails"
    found = located(problem, unique)
    if not ((found[:, 0] >= inner[:, 0]) & (found[:, 1] <= inner[:, 1])).all():
        return f"{name}: the zero is not in its inner box"
    if (where := place(problem, found)) is not zero.place:
        return f"{name}: its place is {where.name}, not {zero.place.name}"
    if zero.kind not in ("undecided", kind(problem, found)):
        return f"{name}: it is not proved to be a {zero.kind}"
    return replace(zero, inner=as_box(found))


def _check_tree(problem: Problem | None, tree: Tree, zeros: tuple[Zero, ...]) -> tuple[int, int, list[str]]:
    """Number of leaves, number of unresolved ones, and objections."""
    name = f"search {tree.case.value}, sign {tree.sign}, swapped {tree.swapped}"
    boxes = None if problem is None else leaf_boxes(tree.code, problem.case.dimension)
    if problem is None or boxes is None:
        return 0, 0, [f"{name}: malformed"]
    faults = []
    for letter, group in boxes.items():
        if letter == UNRESOLVED:
            continue
        if letter == EXCLUDED:
            proved = excluded(problem, np.array(group))
        else:
            index = LETTERS.index(letter)
            usable = index < len(zeros) and zeros[index].place is not Place.UNDECIDED
            proved = settled_by(problem, np.array(group), zeros[index]) if usable else np.zeros(len(group), bool)
        faults += [f"{name}: box {group[i]} is not settled by {letter!r}" for i in np.flatnonzero(~proved)]
    return sum(map(len, boxes.values())), len(boxes.get(UNRESOLVED, ())), faults


def leaf_boxes(code: str, dimension: int, more: Box = ()) -> dict[str, list[list[tuple[float, float]]]] | None:
    """The leaves of a tree over the unit cube, times more sides, by letter, or None if the code is malformed."""
    axes, leaves = "01234"[: dimension + len(more)], defaultdict(list)
    stack = [[*[(0.0, 1.0)] * dimension, *more]]
    for token in code:
        if not stack:
            return None
        box = stack.pop()
        if token not in axes:
            if token not in LETTERS + EXCLUDED + UNRESOLVED:
                return None
            leaves[token].append(box)
            continue
        axis = int(token)
        low, high = box[axis]
        middle = 0.5 * (low + high)
        if not low < middle < high:
            return None
        for part in ((middle, high), (low, middle)):
            stack.append([part if i == axis else side for i, side in enumerate(box)])
    return None if stack else dict(leaves)
