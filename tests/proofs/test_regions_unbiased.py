"""Rectangles of models without bias: what is proved holds for each model, and no boundary lies in what is proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytic import RegionCertificate, ToyModel, atlas, certify, certify_region, phase_boundaries, verify_certificate
from analytic.diagrams.strips import against
from analytic.landscape.records import phase_of
from analytic.models.bias import Bias
from analytic.models.symmetry import orbit
from analytic.proofs import Reason, verify_atlas
from analytic.proofs.records import ProvedPoint
from analytic.proofs.regions import unbiased
from analytic.proofs.regions.records import Cell, RegionPoint

#: A rectangle of every kind of region, the number of points of its models, and their best phase.
RECTANGLES: dict[str, tuple[tuple[float, float], tuple[float, float], int, str]] = {
    "below the fold": ((0.3, 0.35), (0.05, 0.1), 4, "confused"),
    "below the fold, mirrored saddle": ((0.97, 1.0), (0.4, 0.6), 5, "confused"),
    "between the curves, antipodal": ((0.3, 0.305), (0.172, 0.175), 6, "antipodal"),
    "between the curves, confused": ((0.7, 0.75), (0.48, 0.6), 6, "confused"),
    "beyond the instability, antipodal": ((0.05, 0.3), (0.4, 1.0), 5, "antipodal"),
    "beyond the instability, confused": ((0.6, 0.65), (0.7, 0.9), 5, "confused"),
    "both saddles": ((0.95, 1.0), (0.8, 0.9), 7, "confused"),
    "across importance 1": ((0.3, 0.5), (0.8, 1.3), 5, "antipodal"),
    "across importance 1, both saddles": ((0.85, 0.9), (0.95, 1.1), 7, "confused"),
    "mirrored": ((0.3, 0.35), (10.0, 20.0), 4, "confused"),
}


def region(density: tuple[float, float], importance: tuple[float, float], **options: Any) -> RegionCertificate:
    return certify_region(density=density, importance=importance, bias="none", **({"smallest": 9.0} | options))


@pytest.fixture(scope="module")
def proof() -> RegionCertificate:
    return region((0.1, 0.3), (0.5, 0.9))


@pytest.mark.parametrize("name", RECTANGLES)
def test_every_kind_of_region_is_proved(name: str) -> None:
    density, importance, number, phase = RECTANGLES[name]
    certificate = region(density, importance)
    assert (certificate.complete, len(certificate.cells), certificate.phase) == (True, 1, phase)
    assert len(certificate.points) == number
    minima = [point.phase for point in certificate.points if point.kind == "minimum"]
    assert (certificate.lead is None) == (minima == ["confused"])
    assert certificate.lead is None or 0 < certificate.lead[0] < certificate.lead[1]
    result = verify_certificate(certificate)
    assert (result.valid, result.complete, result.leaves) == (True, True, 0)
    rng = np.random.default_rng(1)
    for p, r in [*zip(density, importance, strict=True), (rng.uniform(*density), rng.uniform(*importance))]:
        agrees(certificate.cells[0], ToyModel.from_density(p, r, "none"))


def agrees(cell: Cell, model: ToyModel) -> None:
    """The certificate of one model has the points of the cell, each inside of its ranges, and its best minimum."""
    certificate = certify(model)
    named = Counter((point.kind, phase_of(*np.mean(point.W, axis=1))) for point in certificate.points)
    assert Counter((point.kind, point.phase) for point in cell.points) == named
    claims = list(cell.points)
    for point in certificate.points:
        del claims[[holds(claim, point) for claim in claims].index(True)]
    best, *others = certificate.minima
    assert phase_of(*np.mean(best.W, axis=1)) == cell.phase
    assert bool(cell.lead) == bool(others)
    if cell.lead:
        assert cell.lead[0] - 1e-15 <= others[0].loss[0] - best.loss[1]
        assert others[0].loss[1] - best.loss[0] <= cell.lead[1] + 1e-15


def holds(claim: RegionPoint, point: ProvedPoint) -> bool:
    """Whether the ranges contain the point or its image."""
    loss = claim.loss[0] <= point.loss[1] and point.loss[0] <= claim.loss[1]
    images = orbit(np.array([*np.mean(point.W, axis=1), 0.0, 0.0]))[:, :2]
    low, high = np.transpose(claim.W) + np.array([[-1e-15], [1e-15]])
    return claim.kind == point.kind and loss and bool(((low <= images) & (images <= high)).all(1).any())


def random_rectangle(rng: np.random.Generator) -> tuple[tuple[float, float], tuple[float, float]]:
    """Anywhere in the plane, up to a factor 1.5 wide."""
    p, r = np.exp(rng.uniform(np.log([0.01, 0.02]), np.log([1.0, 50.0])))
    width = np.exp(rng.uniform(0, 0.4, 2))
    return (float(p / width[0]), float(p)), (float(r), float(r * width[1]))


@pytest.mark.parametrize("number", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_models_in_proved_rectangles(number: int) -> None:
    rng = np.random.default_rng(2)
    checked = 0
    while checked < number:
        certificate = region(*random_rectangle(rng))
        for _ in range(4 if certificate.complete else 0):
            (cell,) = certificate.cells
            agrees(cell, ToyModel.from_density(rng.uniform(*cell.density), rng.uniform(*cell.importance), "none"))
            checked += 1


def test_every_curve_is_a_boundary_and_the_sides_are_proved() -> None:
    """Rectangles around points of each drawn curve are open for its reason; those next to it are proved."""
    boundaries = phase_boundaries("none", importance=(0.05, 20.0), density=(0.05, 1.0))
    assert len(boundaries.curves) == 6
    reasons = {"first-order": Reason.LEAD, "fold": Reason.BOUNDARY, "instability": Reason.BOUNDARY}
    for curve in boundaries.curves:
        for k in np.linspace(1, len(curve.density) - 2, 3).astype(int):
            p, r = float(curve.density[k]), float(curve.importance[k])
            (cell,) = region((p * 0.9999, p * 1.0001), (r * 0.9999, r * 1.0001)).cells
            assert [why for why, _ in cell.reasons] == [reasons[str(curve.kind)]]
            sides = [region((p * 0.9999, p * 1.0001), (r * at * 0.9999, r * at * 1.0001)) for at in (0.99, 1.01)]
            assert all(side.complete for side in sides) or curve.kind == "first-order"
            assert all(len(side.cells[0].points) > 3 for side in sides)


def test_undecided_rectangles_are_cut() -> None:
    certificate = region((0.57, 0.6), (0.9, 1.2), smallest=0.05)
    proved = [cell for cell in certificate.cells if not cell.reasons]
    assert not certificate.complete
    assert {cell.phase for cell in proved} == {"antipodal", "confused"}
    assert {why for cell in certificate.unresolved for why, _ in cell.reasons} == {Reason.LEAD}
    result = verify_certificate(certificate)
    assert (result.valid, result.complete) == (True, False)


def test_saved_certificates_are_verified(proof: RegionCertificate, tmp_path: Path) -> None:
    proof.save(tmp_path / "region.json")
    assert RegionCertificate.load(tmp_path / "region.json") == proof
    assert verify_certificate(tmp_path / "region.json").complete


def with_cell(certificate: RegionCertificate, **changes: Any) -> RegionCertificate:
    return replace(certificate, cells=(replace(certificate.cells[0], **changes),))


def with_point(certificate: RegionCertificate, **changes: Any) -> RegionCertificate:
    first, *rest = certificate.cells[0].points
    return with_cell(certificate, points=(replace(first, **changes), *rest))


TAMPERINGS: dict[str, Callable[[RegionCertificate], RegionCertificate]] = {
    "wider rectangle": lambda c: replace(c, density=(c.density[0], 0.4)),
    "across the fold": lambda c: replace(with_cell(c, importance=(0.05, 0.9)), importance=(0.05, 0.9)),
    "another bias": lambda c: replace(c, bias=Bias.SHARED),
    "a point removed": lambda c: with_cell(c, points=c.cells[0].points[1:]),
    "a point twice": lambda c: with_cell(c, points=(*c.cells[0].points, c.cells[0].points[0])),
    "a weight moved": lambda c: with_point(c, W=((1.3, 1.4), c.cells[0].points[0].W[1])),
    "a smaller loss": lambda c: with_point(c, loss=(c.cells[0].points[0].loss[0], 0.02)),
    "another kind": lambda c: with_point(c, kind="saddle"),
    "another phase": lambda c: with_cell(c, phase="confused"),
    "no phase": lambda c: with_cell(c, phase=None),
    "a larger lead": lambda c: with_cell(c, lead=(0.05, 1.0)),
    "no lead": lambda c: with_cell(c, lead=None),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_rejected(proof: RegionCertificate, name: str) -> None:
    assert not verify_certificate(TAMPERINGS[name](proof)).valid


def without_fold(node: unbiased.Node, swapped: bool) -> int | None:
    stage = honest_stage(node, swapped)
    return 1 if stage == 0 else stage


def without_instability(node: unbiased.Node, swapped: bool) -> int | None:
    stage = honest_stage(node, swapped)
    return 1 if stage == 2 else stage


def without_images(part: unbiased.Part) -> tuple[int | None, int | None]:
    corners = part.corner(0, 1), part.corner(1, 0)
    near = [corner.stage(part.larger == 1) for corner in corners]
    return near[0] if near[0] == near[1] else None, 2


def without_tie(part: unbiased.Part, best: unbiased.Name) -> tuple[float, float]:
    return 1e-9, 1.0


honest_stage = unbiased.Node.stage
#: A rule that overlooks a curve, and a rectangle across it.
OVERLOOKED: dict[str, tuple[type, str, Any, tuple[float, float], tuple[float, float]]] = {
    "fold": (unbiased.Node, "stage", without_fold, (0.3, 0.31), (0.14, 0.15)),
    "instability": (unbiased.Node, "stage", without_instability, (0.3, 0.31), (0.175, 0.182)),
    "image of the instability": (unbiased.Part, "stages", property(without_images), (0.85, 0.9), (0.6, 0.7)),
    "first-order line": (unbiased.Part, "lead", without_tie, (0.55, 0.6), (0.8, 0.9)),
}


@pytest.mark.parametrize("curve", OVERLOOKED)
def test_an_overlooked_curve_is_noticed(curve: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rule broken the rectangle counts as proved, and its own models disagree."""
    owner, name, broken, density, importance = OVERLOOKED[curve]
    assert not region(density, importance).complete
    monkeypatch.setattr(owner, name, broken)
    assert is_noticed(density, importance)


def is_noticed(density: tuple[float, float], importance: tuple[float, float]) -> bool:
    """Whether a rectangle counts as proved and some model disagrees, or a point that is promised is not there."""
    try:
        (cell,) = region(density, importance).cells
    except KeyError:
        return True
    try:
        for p, r in product(density, importance):
            agrees(cell, ToyModel.from_density(p, r, "none"))
    except (AssertionError, ValueError):
        return not cell.reasons
    return False


def test_bounds_of_the_lead_hold_along_edges() -> None:
    """Three models of an edge bound the difference of L/p of the minima between them, from below and above."""
    confused, antipodal = unbiased.CONFUSED, unbiased.ANTIPODAL
    for p, low, high in ((0.3, 0.4, 0.7), (0.9, 0.65, 0.95), (0.5, 0.4, 0.41)):
        density, edge = Fraction(p), (Fraction(low), Fraction(high))
        below = unbiased._least_difference(density, edge, confused, antipodal, 0)
        above = -unbiased._least_difference(density, edge, antipodal, confused, 0)
        for r in np.linspace(low, high, 9):
            node = unbiased.Node(density, Fraction(float(r)))
            difference = node.relative_loss(confused) - node.relative_loss(antipodal)
            assert below.lo <= difference.hi
            assert difference.lo <= above.hi
        assert above.hi - below.lo < 2 * (high - low)


def test_density_one_belongs_to_the_plane() -> None:
    certificate = region((0.9, 1.0), (0.7, 0.71))
    assert (certificate.complete, certificate.phase, len(certificate.points)) == (True, "confused", 7)


def test_an_atlas_has_a_strip_for_every_curve(tmp_path: Path) -> None:
    """From below the fold to beyond the instability, through the first-order line."""
    found = atlas(
        tmp_path / "plane.jsonl",
        density=(0.3, 0.32),
        importance=(0.12, 0.25),
        bias="none",
        width=0.4,
        smallest=0.03,
        executor=ThreadPoolExecutor(1),
    )
    boundaries = phase_boundaries("none", importance=found.importance, density=found.density)
    comparison = against(found, boundaries)
    assert (comparison.consistent, comparison.empty, len(comparison.courses)) == (True, (), 3)
    assert verify_atlas(found, rectangles=1, seed=0).valid
