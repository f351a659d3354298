"""Antipodal simplices: known shapes in two and three dimensions, and stationary in every one."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import ReluOutputModel, search_minima
from analytic.search.antipodal import antipodal_simplex
from analytic.search.mixtures import Parts, search_parts
from analytic.validation import InvalidInput


def test_in_the_plane_it_is_the_hexagon() -> None:
    """Which is the best minimum of six features at density 0.0316, found without any symmetry."""
    best = search_minima(ReluOutputModel.from_density(6, 2, 0.0316), starts=40).global_minimum
    assert best.shape == "hexagon"
    assert antipodal_simplex(0.0316, 2).loss == pytest.approx(best.loss, rel=1e-9)


@pytest.mark.parametrize(("dimension", "name"), [(2, "hexagon"), (3, "cube"), (5, "antipodal simplex")])
def test_it_is_stationary_in_all_directions(dimension: int, name: str) -> None:
    part = antipodal_simplex(0.2, dimension)
    assert part.name == name
    assert (part.features, part.dimension) == (2 * dimension + 2, dimension)
    model = ReluOutputModel.from_density(part.features, dimension, 0.2)
    loss, by_W, by_b = model.loss_and_gradient(part.W, part.b)
    assert part.loss == pytest.approx(loss, rel=1e-12)
    assert max(np.abs(by_W).max(), np.abs(by_b).max()) < 1e-6 * model.silent_loss


def test_in_ten_dimensions_it_beats_ten_digons_at_density_0_2154_but_not_at_0_3162() -> None:
    for density, better in ((0.2154434690, True), (0.3162277660, False)):
        part = antipodal_simplex(density, 10)
        digons = search_parts(density, features=2, dimensions=1, starts=10)
        mixture = Parts(density, digons.parts).mixture(part.features, 10, whole_counts=True)
        assert str(mixture) == "2 not represented, 10 digon"
        assert (part.loss < mixture.loss) == better


@pytest.mark.parametrize(("density", "dimension", "name"), [(0.0, 3, "density"), (0.3, 1, "dimension")])
def test_what_is_refused(density: float, dimension: int, name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        antipodal_simplex(density, dimension)


def test_between_digons_and_pentagons_nine_dimensions_are_best() -> None:
    """At density 0.224 it saves more loss for each dimension than either, and so enters the best mixture."""
    p = 0.224
    known = search_parts(p, features=5, dimensions=2, starts=10)
    assert [part.name for part in known.parts[2:]] == ["digon", "pentagon"]
    with_simplex = Parts(p, (*known.parts, antipodal_simplex(p, 9)))
    assert with_simplex.mixture(200, 18).loss < known.mixture(200, 18).loss * (1 - 1e-4)
    assert str(with_simplex.mixture(200, 18)) == "160 not represented, 2 antipodal simplex"
