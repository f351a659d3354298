"""The plane without bias against a cylindrical decomposition: all boundaries are on the page, and all of it are."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from routes.decomposition import WALLS, Strip, cell_of, critical_densities, strip

from analytic import ToyModel, certify
from analytic.landscape.records import phase_of
from analytic.proofs.regions.unbiased import Node

#: Densities in strips with different cells.
SAMPLES = tuple(map(Fraction, (0.05, 0.3, 0.6, 0.8, 0.95)))
Signature = Counter[tuple[str, str]]


def signature(p: Fraction, r: Fraction) -> Signature:
    certificate = certify(ToyModel.from_density(p, r, "none"))
    return Counter((point.kind, phase_of(*np.mean(point.W, axis=1))) for point in certificate.points)


def expected(node: Node) -> Signature:
    """From the stages, for r < 1."""
    near, far = node.stage(False), node.stage(True)
    found: Signature = Counter({("maximum", "silent"): 1, ("minimum", "confused"): 1})
    found.update({("saddle", "dedicated-1"): 1, ("saddle", "dedicated-2"): 1})
    found.update({("minimum", "antipodal"): int(near != 0), ("saddle", "antipodal"): (near == 1) + (far == 1)})
    return +found


def signatures(cells: Strip) -> list[Signature]:
    """One for each cell, as its stages say."""
    found = [signature(cells.density, r) for r in cells.importance]
    assert found == [expected(Node(cells.density, r)) for r in cells.importance]
    return found


def test_walls_that_change_something_are_those_of_the_page() -> None:
    check_walls([strip(density) for density in SAMPLES])


def check_walls(strips: list[Strip]) -> Counter[tuple[str, bool]]:
    """Over every density one fold and one instability, or its image, change the signature; nothing else does."""
    seen: Counter[tuple[str, bool]] = Counter()
    for cells in strips:
        changes = [one != other for one, other in pairwise(signatures(cells))]
        seen.update(zip(cells.walls, changes, strict=True))
        real = [name for name, change in zip(cells.walls, changes, strict=True) if change]
        beyond = cells.density > (8 - 4 * 2**0.5) / 3
        assert sorted(real) == ["fold", "image of the instability" if beyond else "instability"]
    return seen


@pytest.mark.slow
def test_every_cell_of_the_whole_plane() -> None:
    """All strips: 19 between 18 critical densities."""
    critical = critical_densities()
    assert len(critical) == 18
    strips = [strip(Fraction((low + high) / 2)) for low, high in pairwise([0.0, *critical, 1.0])]
    seen = check_walls(strips)
    assert {name for name, changes in seen if changes} == set(WALLS) - {"image of the fold"}
    assert sum(len(cells.importance) for cells in strips) == 97


@pytest.mark.slow
@pytest.mark.parametrize("dropped", [None, *WALLS])
def test_random_models_have_the_signature_of_their_cell(dropped: str | None) -> None:
    """Without a wall that is a boundary some do not; the image of the fold is none for r < 1."""
    walls = {name: wall for name, wall in WALLS.items() if name != dropped}
    ends = [0.0, *critical_densities(walls), 1.0]
    strips = [strip(Fraction((low + high) / 2), walls) for low, high in pairwise(ends)]
    known = [[signature(cells.density, r) for r in cells.importance] for cells in strips]
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(300):
        p, r = Fraction(rng.uniform(0, 1)), Fraction(rng.uniform(0, 1))
        column = int(np.searchsorted(ends, float(p))) - 1
        wrong += known[column][cell_of(p, float(r), walls)] != signature(p, r)
    assert (wrong == 0) == (dropped in (None, "image of the fold"))
