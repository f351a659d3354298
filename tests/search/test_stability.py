"""Mixtures as minima: the curvature of a product comes from its pairs."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from analytic import ReluOutputModel
from analytic.search.distinct import curvatures
from analytic.search.minimiser import Objective
from analytic.search.mixtures import Mixture, Part, Parts, search_parts
from analytic.search.stability import pair_curvatures
from analytic.validation import InvalidInput


@cache
def parts(density: float) -> Parts:
    return search_parts(density, features=3, dimensions=2, starts=20)


def named(density: float, name: str) -> Part:
    return next(part for part in parts(density).parts if part.name == name)


def directions_down(density: float, *names: str) -> int:
    """Negative eigenvalues of the Hessian at a product; congruent matrices have equally many (Sylvester)."""
    chosen = [named(density, name) for name in names]
    hidden, features = sum(part.dimension for part in chosen), sum(part.features for part in chosen)
    W, b = Mixture(features, hidden, tuple(chosen), (1.0,) * len(chosen)).weights()
    objective = Objective(ReluOutputModel.from_density(features, hidden, density))
    return int(np.sum(curvatures(objective, np.concatenate([W.ravel(), b])) < -1e-9 * objective.unit))


@pytest.mark.parametrize(
    ("density", "names"),
    [
        (0.3, ("not represented", "digon", "digon")),
        (0.6812920691, ("digon", "digon", "digon")),
        (0.6812920691, ("not represented", "digon", "triangle")),
        (0.8254041853, ("digon", "triangle", "triangle")),
    ],
)
def test_directions_down_add_over_pairs(density: float, names: tuple[str, ...]) -> None:
    """The Hessian is congruent to blocks of the groups, which are minima, and of their pairs."""
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = sum(directions_down(density, names[one], names[other]) for one, other in pairs)
    assert directions_down(density, *names) == expected


def test_digons_are_stable_together_where_they_are_best() -> None:
    mixture = parts(0.3).mixture(200, 20)
    found = pair_curvatures(mixture, 0.3)
    assert set(found) == {("not represented", "digon"), ("digon", "digon")}
    assert min(found.values()) > 0.1


def test_triangles_are_unstable_together_at_high_density() -> None:
    """And a step along the direction downwards does lower the loss of the whole."""
    p = 0.8254041853
    mixture = Mixture(6, 4, (named(p, "triangle"),), (2.0,))
    assert pair_curvatures(mixture, p)["triangle", "triangle"] < -1e-3 * p / 3
    W, b = mixture.weights()
    model = ReluOutputModel.from_density(6, 4, p)
    downwards = np.linalg.eigh(model.hessian(W, b))[1][:, 0]
    step = 0.03 * downwards[: W.size].reshape(W.shape), 0.03 * downwards[W.size :]
    assert model.loss(W + step[0], b + step[1]) < model.loss(W, b)


def test_a_group_that_occurs_once_does_not_meet_itself() -> None:
    mixture = Mixture(2, 1, (named(0.3, "digon"),), (1.0,))
    assert pair_curvatures(mixture, 0.3) == {}


def test_density_is_validated() -> None:
    with pytest.raises(InvalidInput, match="density"):
        pair_curvatures(parts(0.3).mixture(4, 2), 0.0)
