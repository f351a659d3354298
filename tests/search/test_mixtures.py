"""Mixtures of orthogonal groups: the programme against enumeration, its hull, and the losses that it adds."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from analytic import ReluOutputModel, ToyModel, find_minima
from analytic.polytopes.groups import NOT_REPRESENTED
from analytic.search.mixtures import Part, Parts, search_parts
from analytic.search.structured import polygon
from analytic.validation import InvalidInput


@cache
def parts(density: float) -> Parts:
    return search_parts(density, features=5, dimensions=2, starts=20)


def invented(rng: np.random.Generator, kinds: int) -> Parts:
    """Groups with sizes, dimensions and losses at random, beside a feature that is left out and one by itself."""
    made = [Part(np.zeros((0, 1)), np.zeros(1), 1.0), Part(np.ones((1, 1)), np.zeros(1), 0.0)]
    for _ in range(kinds):
        k, d = int(rng.integers(2, 6)), int(rng.integers(1, 4))
        made.append(Part(np.ones((d, k)), np.zeros(k), float(rng.uniform(0, 1) * k)))
    return Parts(0.5, tuple(made))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("features", "hidden"), [(5, 2), (7, 3), (6, 6)])
def test_whole_counts_are_the_best_of_all(seed: int, features: int, hidden: int) -> None:
    """Against every choice of counts, one by one."""
    known = invented(np.random.default_rng(seed), 3)
    sizes, dimensions, losses = np.array([(part.features, part.dimension, part.loss) for part in known.parts]).T
    counts = np.array(list(product(*(range(features // int(size) + 1) for size in sizes))))
    allowed = counts[(counts @ sizes == features) & (counts @ dimensions <= hidden)]
    best = known.mixture(features, hidden, whole_counts=True)
    assert best.loss == pytest.approx((allowed @ losses).min(), rel=1e-12)
    assert all(count == round(count) for count in best.counts)


@pytest.mark.parametrize("seed", range(10))
def test_fractions_read_off_the_lower_convex_hull(seed: int) -> None:
    known = invented(np.random.default_rng(seed), 6)
    points = np.array([(part.dimension / part.features, part.loss / part.features) for part in known.parts])
    for features, hidden in ((10, 1), (10, 3), (10, 7)):
        mixture = known.mixture(features, hidden)
        # the hull's lower facets are lines (a, b): value >= a x + b for all points, with equality at two
        normals = [(a, c, o) for a, c, o in ConvexHull(points).equations if c < 0]
        envelope = max(-(a * hidden / features + o) / c for a, c, o in normals)
        assert mixture.loss / features == pytest.approx(envelope, abs=1e-12)
        assert len(mixture.parts) <= 2
        assert mixture.loss <= known.mixture(features, hidden, whole_counts=True).loss + 1e-12


def test_more_dimensions_than_features_leave_no_loss() -> None:
    assert parts(0.3).mixture(3, 7).loss == 0
    assert str(parts(0.3).mixture(3, 7, whole_counts=True)) == "3 single"


@pytest.mark.parametrize(("density", "features", "hidden"), [(0.1, 10, 4), (0.3, 8, 3), (0.6, 9, 3)])
def test_the_loss_of_the_whole_is_the_sum(density: float, features: int, hidden: int) -> None:
    """Orthogonal groups do not meet in any h_i, so with independent features their losses add; and nothing pulls."""
    mixture = parts(density).mixture(features, hidden, whole_counts=True)
    W, b = mixture.weights()
    model = ReluOutputModel.from_density(features, hidden, density)
    loss, by_W, by_b = model.loss_and_gradient(W, b)
    assert loss == pytest.approx(mixture.loss, rel=1e-13)
    assert max(np.abs(by_W).max(), np.abs(by_b).max()) < 1e-11
    assert mixture.dimensions_per_feature == pytest.approx(hidden / np.square(W).sum(), rel=1e-13)


def test_digons_and_what_they_leave_out() -> None:
    """At density 0.3 a digon saves the most for each dimension; the pair's antipodal minimum is its loss."""
    mixture = parts(0.3).mixture(200, 20)
    pair = find_minima(ToyModel.from_density(0.3)).global_minimum
    assert [part.name for part in mixture.parts] == [NOT_REPRESENTED, "digon"]
    assert mixture.counts == pytest.approx((160, 20))
    assert mixture.loss == pytest.approx(160 * (0.1 - 0.09 / 4) + 20 * pair.loss, rel=1e-12)
    values, weights = mixture.dimensionality()
    assert (values @ weights, weights.sum()) == pytest.approx((20, 200))


def test_pentagons_follow_digons() -> None:
    names = [part.name for part in parts(0.1).mixture(200, 20).parts]
    assert names == [NOT_REPRESENTED, "pentagon"]
    assert parts(0.1).mixture(200, 20).dimensions_per_feature == pytest.approx(2 / 5 / 1.1004**2, abs=1e-4)


def test_groups_that_smaller_ones_replace_are_not_kept() -> None:
    """A square is two digons; two features in one dimension at density 0.3 are a digon, three are one and a third."""
    assert [(part.features, part.dimension) for part in parts(0.3).parts] == [(1, 0), (1, 1), (2, 1)]


def test_neighbours_are_followed() -> None:
    """Five features in one dimension have many local minima; one random start misses the best, a neighbour knows it."""
    options: dict[str, Any] = {"features": 5, "dimensions": 1}
    known = search_parts(0.1, **options, starts=40)
    alone = search_parts(0.101, **options, starts=1)
    followed = search_parts(0.101, **options, starts=1, near=[known])
    assert [part.features for part in alone.parts] == [1, 1, 2, 3, 4]
    assert [part.features for part in followed.parts] == [1, 1, 2, 3, 4, 5]


def test_files(tmp_path: Path) -> None:
    parts(0.1).save(tmp_path / "parts.npz")
    back = Parts.load(tmp_path / "parts.npz")
    assert back.density == 0.1
    for one, other in zip(parts(0.1).parts, back.parts, strict=True):
        assert one.loss == other.loss
        np.testing.assert_array_equal(one.W, other.W)
        np.testing.assert_array_equal(one.b, other.b)
    (tmp_path / "other.npz").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match="table of groups"):
        Parts.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("options", "name"),
    [({"density": 0}, "density"), ({"density": 2}, "density"), ({"density": 0.3, "features": 11}, "features"),
     ({"density": 0.3, "dimensions": 0}, "dimensions"), ({"density": 0.3, "starts": 0}, "starts")],
)  # fmt: skip
def test_what_is_refused(options: dict[str, float], name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        search_parts(**options)  # type: ignore[arg-type]


def test_fractions_are_no_weights() -> None:
    with pytest.raises(InvalidInput, match="whole"):
        parts(0.1).mixture(9, 3).weights()


@pytest.mark.parametrize("count", [4, 5, 6, 7, 8])
def test_the_sparse_limit_of_polygons(count: int) -> None:
    """With one feature on at a time and largest cosine c, ReLU(s (x - c)) is what the feature's own output can be.

    Its error is least for s = (2 + c)/(2 (1 - c)), then 1 - (1 - c)(2 + c)^2/4 of that of silence; the others are 0.
    """
    c = np.cos(2 * np.pi / count)
    s = (2 + c) / (2 * (1 - c))
    model = ReluOutputModel.from_density(count, 2, 1e-9)
    share = model.loss(np.sqrt(s) * polygon(count), np.full(count, -c * s)) / model.silent_loss
    assert share == pytest.approx(1 - (1 - c) * (2 + c) ** 2 / 4, abs=1e-7)
