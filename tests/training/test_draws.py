"""Samples of features: how often each is on, alone and together, and uniform where it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analytic.models.bias import Bias
from analytic.training.draws import alias_table, draws
from analytic.training.problems import MOST_JOINT_FEATURES, Wide, problem
from analytic.training.workspace import Workspace
from analytic.validation import InvalidInput


def model(density: Any, patterns: Any = None) -> Wide:
    density = np.asarray(density, float)
    return Wide(1, np.ones(len(density)), density, Bias.NONE, patterns)


def drawn(models: list[Wide], pieces: int, columns: int, seed: int = 0, dtype: type = np.float32) -> Any:
    """Samples (rows, count, n)."""
    shape = (len(models), pieces, models[0].features, columns)
    x: np.ndarray = np.full(shape, np.nan, dtype)
    draws(models).fill(np.random.Generator(np.random.SFC64(seed)), x, Workspace([x.size], dtype), 0)
    return x.transpose(0, 1, 3, 2).reshape(len(models), pieces * columns, -1)


@pytest.mark.parametrize(
    "density",
    [[1.0, 1.0], [0.5, 0.3], [0.01, 0.1], [0.02, 1.0], [0.0, 0.7], [1e-4, 0.15], [0.0, 0.0], [0.15, 0.1500001]],
)
def test_independent_features_are_on_with_their_density_and_uniform(density: list[float]) -> None:
    count = 2**18
    x = drawn([model(density), model(density[::-1])], 4, count // 4)
    for row, order in zip(x, (density, density[::-1]), strict=True):
        on = row > 0
        for feature, p in enumerate(order):
            assert abs(on[:, feature].mean() - p) <= 5 * math.sqrt(p * (1 - p) / count)
            values = row[on[:, feature], feature].astype(float)
            if len(values):
                # mean 1/2 with variance 1/12, mean square 1/3 with variance 4/45
                assert abs(values.mean() - 1 / 2) < 5 * math.sqrt(1 / 12 / len(values))
                assert abs((values**2).mean() - 1 / 3) < 5 * math.sqrt(4 / 45 / len(values))
                assert values.max() <= 1
        both = order[0] * order[1]
        assert abs((on.all(axis=1)).mean() - both) <= 5 * math.sqrt(both * (1 - both) / count)


@pytest.mark.parametrize("p", [0.1, 0.9])
def test_samples_and_rows_do_not_repeat_each_other(p: float) -> None:
    x = drawn([model([p, p]), model([p, p])], 2, 2**15).astype(float)
    series = np.stack([x[0, :, 0], x[0, :, 1], x[1, :, 0], np.roll(x[0, :, 0], 1), np.roll(x[0, :, 0], 2**15)])
    off = np.corrcoef(series)[np.triu_indices(5, 1)]
    assert np.abs(off).max() < 5 / math.sqrt(2**16)


def test_every_cell_of_a_sparse_block_is_reached() -> None:
    # 4,000 samples of each of the 40 cells, on with probability 0.1: none is missed, all are alike
    total = np.zeros((2, 10, 2))
    for seed in range(4000):
        total += drawn([model([0.1, 0.05]), model([0.05, 0.1])], 2, 5, seed) > 0
    expected = np.array([[0.1, 0.05], [0.05, 0.1]])[:, None, :] * 4000
    z = (total - expected) / np.sqrt(expected)
    assert np.abs(z).max() < 5


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12])
def test_joint_patterns_have_their_probabilities(n: int) -> None:
    rng = np.random.default_rng(n)
    table = rng.exponential(size=(2,) * n) ** 3
    table.flat[0] = 0.0
    table /= table.sum()
    density = [table.sum(axis=tuple(k for k in range(n) if k != j))[1] for j in range(n)]
    count = 2**18
    x = drawn([model(density, table), model(density, table)], 2, count // 2)
    for row in x:
        on = (row > 0).astype(int)
        seen = np.bincount(np.ravel_multi_index(tuple(on.T), (2,) * n), minlength=2**n)
        expected = table.ravel() * count
        assert seen[0] == 0
        chi_square = ((seen - expected)[1:] ** 2 / expected[1:]).sum()
        # cells with few expected counts have heavier tails than the chi-square's
        assert chi_square < 2**n - 2 + 6 * math.sqrt(2 * 2**n) + 6 * math.sqrt((1 / expected[1:]).sum())
        values = row[on == 1].astype(float)
        assert abs(values.mean() - 1 / 2) < 5 * math.sqrt(1 / 12 / len(values))


def test_joint_and_independent_models_train_side_by_side() -> None:
    table = np.array([[0.5, 0.0], [0.0, 0.5]])
    x = drawn([model([0.5, 0.5], table), model([0.5, 0.25])], 1, 2**14) > 0
    assert (x[0, :, 0] == x[0, :, 1]).all()
    assert abs((x[1, :, 0] & x[1, :, 1]).mean() - 0.125) < 5 * math.sqrt(0.125 * 0.875 / 2**14)


@pytest.mark.parametrize("seed", range(20))
def test_an_alias_table_gives_back_its_probabilities(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.exponential(size=64) ** rng.integers(1, 20)
    probabilities[rng.random(64) < 0.3] = 0.0
    probabilities /= probabilities.sum()
    keep, alias = alias_table(probabilities)
    back = np.minimum(keep, 1.0)
    np.add.at(back, alias, 1.0 - np.minimum(keep, 1.0))
    assert np.abs(back / 64 - probabilities).max() < 64 * np.finfo(float).eps


class Given:
    """A model with everything that the witness asks of one."""

    hidden, bias = 2, "none"

    def __init__(self, density: Any, **more: Any) -> None:
        self.density, self.importance = density, np.ones(len(density))
        vars(self).update(more)


def test_a_product_table_is_read_as_independent() -> None:
    p = np.array([0.1, 0.5, 0.9])
    product = np.einsum("i,j,k->ijk", *(np.array([1 - q, q]) for q in p))
    assert problem(Given(p)).patterns is None
    assert problem(Given(p, patterns=product)).patterns is None
    moved = product.copy()
    moved[0, 0, 0] += 1e-6
    moved[1, 1, 0] -= 1e-6
    kept = problem(Given(p, patterns=moved)).patterns
    assert kept is not None
    assert np.array_equal(kept, moved / moved.sum())


class Large(Given):
    """Independent, and with a table that nobody can want."""

    independent = True

    @property
    def patterns(self) -> Any:
        raise InvalidInput("patterns has 2^n entries")


def test_no_table_is_asked_of_independent_features() -> None:
    assert problem(Large(np.full(40, 0.5))).features == 40  # type: ignore[union-attr]


def test_importances_of_another_number_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"importance must have the shape of density, \(3,\), got \(2,\)"):
        problem(Given(np.full(3, 0.5), importance=np.ones(2)))


def test_tables_of_too_many_features_are_refused() -> None:
    n = MOST_JOINT_FEATURES + 1
    table = np.zeros((2,) * n)
    table.flat[0] = table.flat[-1] = 0.5
    with pytest.raises(InvalidInput, match=r"patterns must have shape \(2,\) \* n with n at most 12"):
        problem(Given(np.full(n, 0.5), patterns=table))
