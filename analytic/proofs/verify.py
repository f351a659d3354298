"""The checker of certificates: everything a certificate claims is computed again, without any search.

It shares with the prover the validated arithmetic, the equations and the two tests on boxes, nothing of how the proof
was found. The steps, in the order of `verify_certificate`:

1. Each zero: Krawczyk's test holds for its unique box and for its inner box, so the only zero of the first is in the
   second; its place and kind follow from the inner box.
2. Each tree: read from the unit cube by splitting at middles, so its leaves cover the cube by construction; a code that
   ends early or late is malformed. Each leaf is excluded, or lies in the unique box of the zero it names.
3. All searches that the model needs are there, once each.
4. The list of points is the one that follows from the zeros.

Without bias `unbiased.objections_to` counts the roots of the rational polynomials again.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytic.proofs.boxes import Problem, excluded, krawczyk
from analytic.proofs.certificate import (
    EXCLUDED,
    LETTERS,
    UNRESOLVED,
    Certificate,
    Tree,
    Zero,
    check_provable,
    conclude,
    problems,
    read_json,
    settled_by,
)
from analytic.proofs.points import Kind, Place, kind, place
from analytic.proofs.unbiased import UnbiasedCertificate, objections_to


@dataclass(frozen=True)
class Verification:
    """Whether a certificate is valid, whether it also is complete, and every objection found."""

    valid: bool
    complete: bool
    objections: tuple[str, ...]
    leaves: int

    def __bool__(self) -> bool:
        return self.valid


def verify_certificate(source: str | os.PathLike[str] | Certificate | UnbiasedCertificate) -> Verification:
    """Check a certificate or a file written by its `save`.

    Valid means that every claim in it was proved again; complete, that the claims say which stationary points exist
    without exception. A file that is not a certificate gives a ValueError.
    """
    certificate = source if isinstance(source, (Certificate, UnbiasedCertificate)) else read_json(source, _build)
    if isinstance(certificate, UnbiasedCertificate):
        faults = objections_to(certificate)
        return Verification(not faults, not faults, tuple(faults), sum(map(len, certificate.roots)))
    check_provable(certificate.model)
    tasks = {(p.case, p.swapped, p.sign): p for p in problems(certificate.model)}
    objections = [text for zero in certificate.zeros for text in _check_zero(tasks.get(_key(zero)), zero)]
    leaves, open_leaves = 0, 0
    for tree in certificate.trees:
        found, left, faults = _check_tree(tasks.get(_key(tree)), tree, certificate.zeros)
        leaves, open_leaves, objections = leaves + found, open_leaves + left, objections + faults
    present = sorted(map(str, (_key(tree) for tree in certificate.trees)))
    if len(set(present)) < len(present):
        objections.append("a search appears twice")
    if objections:
        return Verification(False, False, tuple(objections), leaves)
    points, doubts = conclude(certificate.model, certificate.zeros)
    if points != certificate.points:
        objections.append("the list of points does not follow from the zeros")
    complete = not doubts and not open_leaves and present == sorted(map(str, tasks))
    if certificate.complete and not complete:
        objections.append("called complete, but a search is missing or has unresolved boxes or doubts")
    return Verification(not objections, complete and not objections, tuple(objections), leaves)


def _build(data: dict[str, Any]) -> Certificate | UnbiasedCertificate:
    return UnbiasedCertificate.from_dict(data) if "roots" in data else Certificate.from_dict(data)


def _key(item: Zero | Tree) -> tuple[Any, bool, int]:
    return item.case, item.swapped, item.sign


def _check_zero(problem: Problem | None, zero: Zero) -> list[str]:
    name = f"zero at {[low for low, _ in zero.inner]} of {zero.case.value}"
    unique, inner = np.array(zero.unique), np.array(zero.inner)
    if problem is None or unique.shape != inner.shape or unique.shape != (problem.case.dimension, 2):
        return [f"{name}: malformed"]
    if not ((inner[:, 0] >= unique[:, 0]) & (inner[:, 1] <= unique[:, 1]) & (inner[:, 0] <= inner[:, 1])).all():
        return [f"{name}: its inner box is not part of its unique box"]
    if not krawczyk(problem, np.stack([unique, inner]))[1].all():
        return [f"{name}: the uniqueness test fails"]
    faults = []
    where = place(problem, inner)
    if where is not zero.place:
        faults.append(f"{name}: its place is {where.name}, not {zero.place.name}")
    if zero.kind is not Kind.UNDECIDED and kind(problem, inner) is not zero.kind:
        faults.append(f"{name}: it is not proved to be a {zero.kind.value}")
    return faults


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


def leaf_boxes(code: str, dimension: int) -> dict[str, list[list[tuple[float, float]]]] | None:
    """The leaves of a tree over the unit cube by letter, or None if the code is malformed."""
    axes, leaves = "012"[:dimension], defaultdict(list)
    stack = [[(0.0, 1.0)] * dimension]
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
