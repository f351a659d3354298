"""The searches that a model with bias needs, and the stationary points that follow from their zeros.

`derivations/completeness.md` reduces the question to twelve searches with a bias per feature: three systems of
equations (`Case`), two signs of W1 W2, two choices of the larger weight, each on a unit square or cube. With a shared
bias it is one system and four searches. `prover` runs them, `verify` checks what it left.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analytic.proofs.affine import affine_points
from analytic.proofs.boxes import Problem
from analytic.proofs.closed_form import alike, closed_form_points
from analytic.proofs.enclosures import Case, Constants
from analytic.proofs.points import Parameters, mirror, parameters
from analytic.proofs.records import Place, ProvedPoint, Reason, Unresolved, Zero
from analytic.validation import refuse

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

Boxes = npt.NDArray[np.float64]
#: One letter per zero in the code of a tree; digits are splits, x is excluded, ? is unresolved.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwyz"
EXCLUDED, UNRESOLVED = "x", "?"


def problems(model: ToyModel, compiled: bool = True) -> list[Problem]:
    """The searches: twelve with a bias per feature, four with a shared bias."""
    sides = {swapped: Constants.exact(model, swapped) for swapped in (False, True)}
    return [
        Problem(case, swapped, sign, sides[swapped], _corner(model, case, sign), compiled)
        for case in ([Case.SHARED] if model.bias == "shared" else [Case.BOTH, Case.FIRST, Case.SECOND])
        for swapped in sides
        for sign in (1, -1)
    ]


def _corner(model: ToyModel, case: Case, sign: int) -> tuple[float, ...] | None:
    """For equal features W1 = W2, b = 0; at density 1, where signs do not matter, also W1 = -W2, b = W1^2."""
    if not alike(Constants.exact(model, False)):
        return None
    if sign > 0:
        return (1.0, 0.0, 0.0)[: case.dimension]
    return (1.0, 1.0, 1.0)[: case.dimension] if model.exact_density[0] == 1 else None


def check_provable(model: ToyModel) -> None:
    """An InvalidValue for models to which the theory does not apply."""
    if not all(p > 0 for p in model.exact_density):
        refuse("density", "be positive for a proof", model.density, "a feature is never on")
    if model.bias == "none":
        return
    if model.exact_patterns[3] == 0:
        refuse(
            "patterns", "have P11 above 0 for a proof with bias", model.patterns, "the features are never on together"
        )
    together = alike(Constants.exact(model, False)) and model.exact_patterns[1] == 0
    if model.bias == "per-feature" and together:
        hint = (
            "equal features that are never on alone, density 1 among them: at W1 = W2, b = 0 no test on boxes decides"
        )
        refuse("patterns", "have P10 and P01 above 0 for a proof with a bias each", model.patterns, hint)


def settled_by(problem: Problem, boxes: Boxes, zero: Zero) -> npt.NDArray[np.bool_]:
    """For boxes (n, d, 2): where every stationary point is the one of `zero`, because it lies in its unique box."""
    if zero.key != problem.key:
        return np.zeros(len(boxes), dtype=bool)
    unique = np.array(zero.unique)
    return np.asarray(((boxes[..., 0] >= unique[:, 0]) & (boxes[..., 1] <= unique[:, 1])).all(-1))


def tied(zero: Zero, other: Zero) -> bool:
    """Whether two zeros of the two halves are proved to be one point, seen with the features exchanged."""
    exchanged = {Case.FIRST: Case.SECOND, Case.SECOND: Case.FIRST}
    if other.key != (exchanged.get(zero.case, zero.case), not zero.swapped, zero.sign):
        return False
    if other.place is not Place.TIE:
        return False
    image, unique = mirror(np.array(zero.inner)), np.array(other.unique)
    return bool(((image[:, 0] >= unique[:, 0]) & (image[:, 1] <= unique[:, 1])).all())


def conclude(
    model: ToyModel, tasks: Iterable[Problem], zeros: Iterable[Zero]
) -> tuple[tuple[ProvedPoint, ...], tuple[Unresolved, ...]]:
    """The stationary points that follow from proved zeros, those known in closed form, and what stays in doubt."""
    zeros = list(zeros)
    by_key = {problem.key: problem for problem in tasks}
    apart = model.independent and model.bias == "per-feature"
    points, decided = closed_form_points(model) if apart else affine_points(model)
    doubts = [Unresolved(Reason.DOUBLE, a.case.value, a.inner) for a, b in combinations(zeros, 2) if overlap(a, b)]
    if not decided:
        doubts.append(Unresolved(Reason.BOTH_ON, "the region where both outputs are on everywhere"))
    for zero in zeros:
        label = by_key[zero.key].name
        if zero.place is Place.UNDECIDED:
            doubts.append(Unresolved(Reason.PLACE, label, zero.inner))
        if zero.place is Place.TIE and not any(tied(zero, other) for other in zeros):
            doubts.append(Unresolved(Reason.TIE, label, zero.inner))
        if zero.place is Place.INSIDE or (zero.place is Place.TIE and not zero.swapped):
            problem = by_key[zero.key]
            at: Parameters = parameters(problem, np.array(zero.inner))
            points.append(ProvedPoint(at.W, at.b, at.loss, zero.kind, False))
    points.sort(key=lambda point: point.loss)
    doubts += [Unresolved(Reason.KIND, f"W near {p.W}, b near {p.b}") for p in points if p.kind == "undecided"]
    return tuple(points), tuple(doubts)


def overlap(a: Zero, b: Zero) -> bool:
    """Whether two zeros of one search might be the same."""
    if a.key != b.key:
        return False
    return all(max(x[0], y[0]) <= min(x[1], y[1]) for x, y in zip(a.inner, b.inner, strict=True))
