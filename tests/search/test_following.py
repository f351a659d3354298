"""Following minima along a parameter: known ends to twelve digits, exchanges, files, five features in two units."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from analytic import Branch, ReluOutputModel, exchanges, follow_minimum, minimum_branches, search_minima
from analytic.search.branches import load_branches, save_branches

ANGLE = 2 * np.pi * np.arange(5) / 5
PENTAGON = 1.1 * np.array([np.cos(ANGLE), np.sin(ANGLE)])
CROSS = np.array([[1.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0, 0.0]])


def five(density: float) -> ReluOutputModel:
    return ReluOutputModel.from_density(5, 2, density)


def pair(importance: float) -> ReluOutputModel:
    return ReluOutputModel.from_density(2, 1, 0.3, (1.0, importance), "shared")


@cache
def pentagon() -> Branch:
    return follow_minimum(five, [0.1, 0.2, 0.25, 0.35], 0.1, PENTAGON, np.full(5, -0.2))


@cache
def digons() -> Branch:
    return follow_minimum(five, [0.1, 0.2, 0.25, 0.35], 0.2, CROSS, [-0.1] * 4 + [0.1])


def test_the_shared_dedicated_point_ends_where_it_was_derived_to() -> None:
    """A minimum exactly for r < (4 - 3p)/(4 + 3p), and on a kink all along: W = (1, 0) with one bias for both."""
    start = ReluOutputModel.from_density(2, 1, 0.3, (1.0, 0.4), "shared")
    found = search_minima(start, starts=50)
    dedicated = next(each for each in found if abs(each.W[0]).min() < 1e-6)
    branch = follow_minimum(pair, [0.4, 0.5, 0.9], 0.4, dedicated.W, dedicated.b)
    assert branch.last.parameter == pytest.approx((4 - 0.9) / (4 + 0.9), rel=1e-11)


def test_the_antipodal_fold_without_bias() -> None:
    """Where the gradient in the ratio of the weights, and its derivative, vanish: the discriminant of derivation.md."""
    family = lambda r: ReluOutputModel.from_density(2, 1, 0.5, (1.0, r), "none")  # noqa: E731
    branch = follow_minimum(family, [0.05, 0.2, 0.4], 0.4, [[1.0, -0.9]])
    assert branch.first.kind == "fold"
    model = family(branch.first.parameter)
    curvature = np.linalg.eigvalsh(model.hessian(branch.W[0]))
    assert abs(curvature[0]) < 1e-4 * curvature[1]
    assert branch.curvature[0] < 1e-2 * branch.curvature[-1]


def test_points_of_a_branch_are_minima_that_a_search_finds() -> None:
    for k, p in enumerate((0.1, 0.2)):
        found = search_minima(five(p), starts=100)
        assert pentagon().loss[k] == pytest.approx(found[0].loss, rel=1e-12)
        assert pentagon().curvature[k] == pytest.approx(found[0].curvature, rel=1e-6)


def test_the_pentagon_gives_way_to_two_digons() -> None:
    (density,) = exchanges(five, pentagon(), digons())
    assert density == pytest.approx(0.22487544936366, abs=1e-12)
    assert pentagon().last.kind == "instability"
    assert pentagon().last.parameter == pytest.approx(0.30288349885081, abs=1e-11)
    assert digons().last == (0.35, "range")


def test_every_minimum_found_is_on_a_branch() -> None:
    grid = (0.2, 0.3, 0.4)
    family = lambda p: ReluOutputModel.from_density(3, 2, p)  # noqa: E731
    searches = {p: search_minima(family(p), starts=60) for p in grid}
    branches = minimum_branches(family, searches)
    for p, found in searches.items():
        losses = np.concatenate([branch.loss[branch.parameter == p] for branch in branches])
        assert len(losses) >= len(found)
        for minimum in found:
            assert np.abs(losses - minimum.loss).min() < 1e-12


def test_files_give_back_what_was_saved(tmp_path) -> None:
    save_branches(tmp_path / "branches.npz", [pentagon(), digons()])
    for saved, loaded in zip((pentagon(), digons()), load_branches(tmp_path / "branches.npz"), strict=True):
        np.testing.assert_array_equal(saved.W, loaded.W)
        np.testing.assert_array_equal(saved.b, loaded.b)
        assert (saved.first, saved.last, saved.shape) == (loaded.first, loaded.last, loaded.shape)
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match="is no file of branches"):
        load_branches(tmp_path / "other.npz")


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="start must be one of the values of grid"):
        follow_minimum(five, [0.1, 0.2], 0.15, PENTAGON)
    with pytest.raises(TypeError, match="family must give a ReluOutputModel"):
        follow_minimum(lambda p: p, [0.1, 0.2], 0.1, PENTAGON)  # type: ignore[arg-type, return-value]
