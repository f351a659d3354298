"""Certificates for rectangles of models: what they prove, what they leave open, and that tampering is noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytic import RegionCertificate, ToyModel, certify, certify_region, find_minima, verify_certificate
from analytic.diagrams.dedicated import instability_importance
from analytic.landscape.records import phase_of
from analytic.models.bias import Bias
from analytic.proofs import Reason
from analytic.proofs.affine import affine_points
from analytic.proofs.boxes import Problem
from analytic.proofs.closed_form import dedicated_kind as exact_kind
from analytic.proofs.enclosures import Case, Constants, stationarity
from analytic.proofs.records import Place
from analytic.proofs.regions import closed, prover, search, tubes
from analytic.proofs.regions.cell import concluded
from analytic.proofs.regions.family import Family, constants, families, middle_model
from analytic.proofs.regions.frames import TERMS, Frame, over_rectangle
from analytic.proofs.regions.records import Cell, Part, Tube, at_path
from analytic.proofs.regions.search import LEAVES, NODES
from analytic.validation import InvalidInput

BIASES = [Bias.PER_FEATURE, Bias.SHARED]


@pytest.fixture(scope="module", params=BIASES)
def proof(request: pytest.FixtureRequest) -> RegionCertificate:
    """One per cent wide; per feature with two minima of different phases."""
    return certify_region(density=(0.398, 0.402), importance=(0.697, 0.704), bias=request.param)


def found(model: ToyModel) -> Counter[tuple[str, str]]:
    """Kinds and phases of the points that a certificate of one model has."""
    certificate = certify(model)
    assert certificate.complete
    return Counter((point.kind, phase_of(*np.mean(point.W, axis=1))) for point in certificate.points)


def test_a_rectangle_is_proved(proof: RegionCertificate) -> None:
    assert (proof.complete, proof.unresolved, proof.phase) == (True, (), "antipodal")
    assert proof.lead is not None
    assert 0 < proof.lead[0] < proof.lead[1]
    result = verify_certificate(proof)
    assert (result.valid, result.complete, result.objections) == (True, True, ())
    assert result.leaves > 500


def agrees(cell: Cell, model: ToyModel) -> None:
    """The single certificate has the points of the cell, each inside of its ranges, and the same best minimum."""
    certificate = certify(model)
    assert certificate.complete
    assert Counter((p.kind, p.phase) for p in cell.points) == found(model)
    claims = list(cell.points)
    for point in certificate.points:
        numbers = np.array([*point.W, *point.b, point.loss])
        holds = [np.array([*claim.W, *claim.b, claim.loss]) for claim in claims]
        inside = [bool(((box[:, 0] <= numbers[:, 1]) & (numbers[:, 0] <= box[:, 1])).all()) for box in holds]
        del claims[inside.index(True)]
    landscape = find_minima(model)
    assert landscape.global_minimum.phase == cell.phase
    assert cell.lead is not None
    others = [end.loss for end in landscape.ends if end not in landscape.ties]
    assert cell.lead[0] - 1e-12 <= min(others) - landscape.ends[0].loss <= cell.lead[1] + 1e-12


def test_models_inside_agree(proof: RegionCertificate) -> None:
    rng = np.random.default_rng(3)
    for cell in proof.cells:
        corner = ToyModel.from_density(cell.density[0], cell.importance[1], proof.bias)
        inside = ToyModel.from_density(rng.uniform(*cell.density), rng.uniform(*cell.importance), proof.bias)
        agrees(cell, corner)
        agrees(cell, inside)


@pytest.mark.slow
@pytest.mark.parametrize("bias", BIASES)
def test_a_thousand_models_in_proved_rectangles(bias: Bias) -> None:
    rng = np.random.default_rng(4)
    checked = 0
    while checked < 1000:
        p, r = np.exp(rng.uniform(np.log([0.05, 0.1]), np.log([0.95, 0.98])))
        density, importance = (p * 0.999, p * 1.001), (r * 0.999, r * 1.001)
        certificate = certify_region(density=density, importance=importance, bias=bias, smallest=1.0)
        for cell in certificate.cells if certificate.complete else ():
            for _ in range(10):
                agrees(cell, ToyModel.from_density(rng.uniform(*cell.density), rng.uniform(*cell.importance), bias))
                checked += 1


def test_saved_certificates_are_verified(proof: RegionCertificate, tmp_path: Path) -> None:
    proof.save(tmp_path / "region.json")
    assert RegionCertificate.load(tmp_path / "region.json") == proof
    assert verify_certificate(tmp_path / "region.json").complete


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("density", [0.3, 0.7])
def test_an_instability_inside_is_never_proved(bias: Bias, density: float) -> None:
    """The dedicated solution ceases to be a minimum on a curve that is known in closed form."""
    importance = float(instability_importance(bias, 1, density))
    certificate = certify_region(
        density=(density - 2e-4, density + 2e-4),
        importance=(importance - 2e-4, importance + 2e-4),
        bias=bias,
        smallest=1e-3,
    )
    assert not certificate.complete
    assert (certificate.phase, certificate.lead, certificate.points) == (None, None, ())
    result = verify_certificate(certificate)
    assert (result.valid, result.complete) == (True, False)


def test_equal_features_are_never_proved() -> None:
    certificate = certify_region(density=(0.4, 0.401), importance=(0.995, 1.0), bias="shared", smallest=0.01)
    assert {why for cell in certificate.unresolved for why, _ in cell.reasons} == {Reason.EQUAL}


def test_the_first_order_line_is_never_proved() -> None:
    """At importance 1/2 the antipodal and the dedicated minimum tie at density 0.484587926."""
    sides: dict[str, Any] = {"density": (0.4838, 0.4854), "importance": (0.4999, 0.5001), "bias": "per-feature"}
    certificate = certify_region(**sides, smallest=0.002)
    assert not certificate.complete
    undecided = [cell for cell in certificate.unresolved if cell.reasons[0][0] is Reason.LEAD]
    assert len(undecided) > 1
    for cell in undecided:
        assert (cell.phase, cell.lead) == (None, None)
        assert len(cell.points) > 3
    result = verify_certificate(certificate)
    assert (result.valid, result.complete) == (True, False)
    hidden = replace(undecided[0], reasons=(), phase="antipodal", lead=(1e-9, 1.0))
    others = tuple(cell for cell in certificate.cells if cell.path != hidden.path)
    assert not verify_certificate(replace(certificate, cells=(hidden, *others))).valid


def test_exact_ties_count_once() -> None:
    """Shared bias, dense features: the antipodal and the confused minimum have one loss, as `Landscape.ties` says."""
    certificate = certify_region(density=(0.7325, 0.7326), importance=(0.3111, 0.3112), bias="shared")
    model = middle_model((certificate.density, certificate.importance), Bias.SHARED)
    assert len(find_minima(model).ties) == 2
    assert (certificate.complete, certificate.phase) == (True, "antipodal")


def first_tube(certificate: RegionCertificate) -> int:
    return next(i for i, part in enumerate(certificate.parts) if any(t.place is Place.INSIDE for t in part.tubes))


def with_part(certificate: RegionCertificate, change: Callable[[Part], Part]) -> RegionCertificate:
    i = first_tube(certificate)
    parts = list(certificate.parts)
    parts[i] = change(parts[i])
    return replace(certificate, parts=tuple(parts))


def with_tube(certificate: RegionCertificate, change: Callable[[Tube], Tube]) -> RegionCertificate:
    def changed(part: Part) -> Part:
        i = next(i for i, tube in enumerate(part.tubes) if tube.place is Place.INSIDE)
        return replace(part, tubes=(*part.tubes[:i], change(part.tubes[i]), *part.tubes[i + 1 :]))

    return with_part(certificate, changed)


def with_cell(certificate: RegionCertificate, **changes: Any) -> RegionCertificate:
    first, *rest = certificate.cells
    return replace(certificate, cells=(replace(first, **changes), *rest))


def with_code(certificate: RegionCertificate, change: Callable[[str], str]) -> RegionCertificate:
    return with_part(certificate, lambda part: replace(part, tree=replace(part.tree, code=change(part.tree.code))))


def scaled(box: Any, factor: float) -> Any:
    return tuple((m - factor * (high - m), m + factor * (high - m)) for low, high in box for m in [(low + high) / 2])


def shifted(box: Any, by: float) -> Any:
    return tuple((low + by, high + by) for low, high in box)


def shaken(frame: Frame, by: float) -> Frame:
    return Frame(tuple(tuple(x + by for x in row) for row in frame.rows))


TAMPERINGS: dict[str, Callable[[RegionCertificate], RegionCertificate]] = {
    "wider rectangle": lambda c: replace(c, density=(c.density[0], c.density[1] + 0.02)),
    "other bias": lambda c: replace(c, bias=BIASES[c.bias is Bias.PER_FEATURE]),
    "a search removed": lambda c: replace(c, parts=c.parts[1:]),
    "a box removed": lambda c: with_code(c, lambda code: code[:-1]),
    "a zero declared excluded": lambda c: with_code(c, lambda code: "".join("x" if x in LEAVES else x for x in code)),
    "an open box": lambda c: with_code(c, lambda code: code.replace("x", "?", 1)),
    "everything excluded": lambda c: with_code(c, lambda code: "x"),
    "larger uniqueness": lambda c: with_tube(c, lambda t: replace(t, unique=scaled(t.unique, 60))),
    "narrower inner box": lambda c: with_tube(c, lambda t: replace(t, inner=scaled(t.inner, 1e-3))),
    "inner box elsewhere": lambda c: with_tube(c, lambda t: replace(t, inner=shifted(t.inner, 0.01))),
    "another frame": lambda c: with_tube(c, lambda t: replace(t, frame=shaken(t.frame, 3.0))),
    "a frame that is off": lambda c: with_tube(c, lambda t: replace(t, frame=shaken(t.frame, 0.01))),
    "another place": lambda c: with_tube(c, lambda t: replace(t, place=Place.OUTSIDE)),
    "another kind": lambda c: with_tube(c, lambda t: replace(t, kind="saddle" if t.kind == "minimum" else "minimum")),
    "a tube removed": lambda c: with_part(c, lambda part: replace(part, tubes=())),
    "a point removed": lambda c: with_cell(c, points=c.cells[0].points[1:]),
    "a point twice": lambda c: with_cell(c, points=(*c.cells[0].points, c.cells[0].points[0])),
    "a point moved": lambda c: with_cell(
        c, points=(replace(c.cells[0].points[0], W=shifted(c.cells[0].points[0].W, 0.5)), *c.cells[0].points[1:])
    ),
    "another phase": lambda c: with_cell(c, phase="confused"),
    "a larger lead": lambda c: with_cell(c, lead=(c.cells[0].lead[1], 1.0)),  # type: ignore[index]
    "cell elsewhere": lambda c: with_cell(c, density=(c.cells[0].density[0] + 1e-3, c.cells[0].density[1])),
    "a cell twice": lambda c: replace(c, cells=c.cells * 2),
    "no cells": lambda c: replace(c, cells=()),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_rejected(proof: RegionCertificate, name: str) -> None:
    result = verify_certificate(TAMPERINGS[name](proof))
    assert not result.valid
    assert not result.complete
    assert result.objections


def test_a_frame_left_out_is_noticed() -> None:
    certificate = certify_region(density=(0.3, 0.31), importance=(0.5, 0.52), bias="per-feature")
    assert verify_certificate(certificate).complete
    codes = ["".join(x for x in part.tree.code if x not in NODES) for part in certificate.parts]
    parts = [replace(p, tree=replace(p.tree, code=code)) for p, code in zip(certificate.parts, codes, strict=True)]
    assert parts != list(certificate.parts)
    assert not verify_certificate(replace(certificate, parts=tuple(parts))).valid


def test_a_box_of_one_frame_is_not_taken_for_one_of_another(proof: RegionCertificate) -> None:
    """The numbers of a box at one zero, read in the frame of another tube, are no box at that zero."""
    sides = proof.density, proof.importance
    part = next(part for part in proof.parts if part.tubes)
    problem = next(problem for problem in families(sides, proof.bias) if problem.key == part.tree.key)
    first = part.tubes[0]
    other = replace(first, frame=shaken(first.frame, 0.1))
    z = over_rectangle(np.array(first.inner)[None], sides)
    x = np.concatenate([problem.seen(first.frame).outward(z), z[:, -2:]], 1)
    assert search.in_tube(problem.seen(first.frame), z, first).all()
    assert search.in_tube(problem, x, first).all()
    assert not search.in_tube(problem.seen(other.frame), x, first).any()


def rectangle_problems(bias: Bias) -> list[Family]:
    return families(((0.3, 0.32), (0.5, 0.52)), bias)


@pytest.mark.parametrize("bias", BIASES)
def test_equations_of_the_family_contain_those_of_its_models(bias: Bias) -> None:
    """At the coordinates of a frame every model's equations lie inside, and so do the constants."""
    rng = np.random.default_rng(5)
    for problem in rectangle_problems(bias):
        d = problem.case.dimension
        centre, basis, drift = rng.uniform(0.3, 0.5, d), rng.normal(size=(d, d)), rng.normal(size=(d, TERMS)) * 0.3
        radius = rng.uniform(0, 0.02, (40, d))
        boxes = over_rectangle(np.stack([-radius, radius], -1), problem.rectangle)
        frame = Frame.of(centre, basis, drift)
        for plain in (False, True):
            ranges = replace(problem.seen(frame), compiled=not plain).over(values, boxes)
            for i in range(40):
                at = rng.uniform(boxes[i, :, 0], boxes[i, :, 1])
                theta, middle = at[d:], boxes[i, d:].mean(-1)
                dp, dr = theta - middle
                x = centre + basis @ at[:d] + drift @ [dp, dr, dp * dp, dp * dr, dr * dr]
                c = constants(problem.swapped, *theta)
                for exact, found_range in zip(stationarity(problem.case, c, problem.sign, *x), ranges, strict=True):
                    assert found_range.lo[i] - 1e-12 <= exact <= found_range.hi[i] + 1e-12


def values(case: Case, sign: int, c: Constants, at: Any, box: Any) -> list[Any]:
    return [row.tight().value for row in stationarity(case, c, sign, *at)]


def test_constants_are_those_of_the_model() -> None:
    model = ToyModel.from_density(0.3, 0.6)
    for swapped in (False, True):
        exact = Constants.exact(model, swapped)
        for name, value in vars(constants(swapped, *map(type(exact.p1), (0.3, 0.6)))).items():
            assert value == getattr(exact, name), name


@pytest.mark.parametrize("bias", BIASES)
def test_closed_forms_are_those_of_each_model(bias: Bias) -> None:
    """Random narrow rectangles against the exact rules for one model: kinds, and ranges that hold W, b and loss."""
    rng = np.random.default_rng(6)
    for _ in range(30):
        p, r = rng.uniform(0.05, 0.98), rng.uniform(0.1, 3)
        sides = (p, p + 1e-4), (r, r + 1e-4)
        known, doubts = closed.known_points(sides, bias)
        if doubts or 0.99 < r < 1.01:
            continue
        model = middle_model(sides, bias)
        if bias is Bias.SHARED:
            points, decided = affine_points(model)
            assert decided
            assert Counter(x.kind for x in points) == Counter(x.kind for x, *_ in known)
            for point in points:
                box = np.array([*point.W, *point.b, point.loss])
                assert any(
                    ((claim := np.array([*x.W, *x.b, x.loss]))[:, 0] <= box[:, 1]).all()
                    and (box[:, 0] <= claim[:, 1]).all()
                    for x, *_ in known
                )
        else:
            kinds = [x.kind for x, *_ in known]
            assert kinds[1:] == [exact_kind(Constants.exact(model, swapped)) for swapped in (False, True)]


def test_paths_cut_in_halves() -> None:
    whole = (0.2, 0.4), (0.5, 1.5)
    assert at_path(whole, "") == whole
    assert at_path(whole, "pR") == ((0.2, 0.30000000000000004), (1.0, 1.5))
    assert at_path(whole, "PrP") == ((0.5 * (0.30000000000000004 + 0.4), 0.4), (0.5, 1.0))


def test_time_limit_and_interrupt_give_partial_results() -> None:
    sides: dict[str, Any] = {"density": (0.39, 0.41), "importance": (0.69, 0.71), "bias": "shared"}
    late = certify_region(**sides, time_limit=0.0)
    assert [cell.reasons[0][0] for cell in late.cells] == [Reason.TIME]
    assert verify_certificate(late).valid

    def press_ctrl_c(done: float, total: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        certify_region(**sides, progress=press_ctrl_c)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"density": (0.5, 1.0)}, "high < 1"),
        ({"density": (0.5, 0.4)}, "low < high"),
        ({"density": 0.5}, "pair"),
        ({"importance": (0.0, 1.0)}, "0 < low"),
        ({"smallest": -1.0}, "smallest"),
        ({"time_limit": -1.0}, "time_limit"),
    ],
)
def test_bad_input(change: dict[str, Any], words: str) -> None:
    sides: dict[str, Any] = {"density": (0.39, 0.41), "importance": (0.69, 0.71), "bias": "shared"}
    with pytest.raises(InvalidInput, match=words):
        certify_region(**(sides | change))


def test_a_family_is_the_problem_of_its_middle() -> None:
    for problem in rectangle_problems(Bias.PER_FEATURE):
        assert isinstance(problem.middle, Problem)
        assert not isinstance(problem.middle, Family)


def wrong_tube(problem: Any, centre: np.ndarray) -> Tube | None:
    tube = tubes.prove_tube(problem, centre)
    return None if tube is None else replace(tube, unique=scaled(tube.unique, 60))


def wrong_kind(problem: Any, centre: np.ndarray) -> Tube | None:
    tube = tubes.prove_tube(problem, centre)
    return None if tube is None else replace(tube, kind="saddle")


def wrong_place(problem: Any, centre: np.ndarray) -> Tube | None:
    tube = tubes.prove_tube(problem, centre)
    return None if tube is None else replace(tube, place=Place.OUTSIDE)


def wrong_cell(path: str, rectangle: Any, bias: Bias, searches: Any) -> Cell:
    return replace(concluded(path, rectangle, bias, searches), phase="confused")


def everything(problem: Any, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(len(boxes), dtype=bool), np.zeros(len(boxes), dtype=int)


PLANTED: dict[str, tuple[Any, str, Any]] = {
    "exclusion of everything": (search, "examined", everything),
    "settled by any tube": (search, "in_tube", lambda _, boxes, tube: np.ones(len(boxes), bool)),
    "outside of every home": (search, "outside", lambda _, boxes, homes: np.ones(len(boxes), bool)),
    "uniqueness in too large a tube": (search, "prove_tube", wrong_tube),
    "kinds": (search, "prove_tube", wrong_kind),
    "places": (search, "prove_tube", wrong_place),
    "the best minimum": (prover, "concluded", wrong_cell),
    "searches left out": (prover, "families", lambda sides, bias: families(sides, bias)[1:]),
    "parts of the rectangle": (prover, "at_path", lambda sides, path: at_path(sides, path[:-1])),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_in_a_rule_of_the_prover_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker refuses what a prover with one wrong rule says; it decides by itself and does not use these."""
    monkeypatch.setattr(*PLANTED[name])
    wide = 0.1 if name == "parts of the rectangle" else 0.001
    sides: dict[str, Any] = {"density": (0.4, 0.4 + wide), "importance": (0.7, 0.7 + wide), "bias": "shared"}
    certificate = certify_region(**sides, smallest=0.01)
    monkeypatch.undo()
    assert not verify_certificate(certificate).valid
