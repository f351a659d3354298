"""Training beside theory on a grid: what is kept, in which place, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analytic import ToyModel, compare, find_minima
from analytic.diagrams.comparison import REASONS
from analytic.landscape.records import StationaryPoint
from analytic.validation import InvalidInput


def test_a_grid_has_its_shapes_and_its_places() -> None:
    density, importance = [0.2, 0.9], [0.3, 1.0, 2.0]
    settings: dict[str, Any] = {"runs": 4, "steps": 1500, "batch": 128, "lr": 0.02, "optimizer": "sgd"}
    found = compare(density, importance, discard=1, **settings)
    assert np.array_equal(found.trained, compare(density, importance, discard=0, **settings).trained[:, :, :3])
    assert found.trained.shape == (2, 3, 3, 2)
    assert found.reasons.shape == (2, 3, len(REASONS))
    assert np.allclose(found.reasons.sum(axis=-1), 1)
    assert sum(found.shares().values()) == pytest.approx(1)
    for i, p in enumerate(density):
        for j, r in enumerate(importance):
            best = find_minima(ToyModel.from_density(p, r, "none")).global_minimum
            assert isinstance(best, StationaryPoint)
            assert np.array_equal(np.abs(found.best[i, j]), np.abs(best.W))
            losses = [ToyModel.from_density(p, r, "none").loss(W) for W in found.trained[i, j]]
            assert losses == sorted(losses)
            assert found.excess[i, j] == pytest.approx(np.mean(losses) - float(best.loss), abs=1e-12)
    assert (found.excess > 0).all()


def test_dense_equal_features_agree_with_theory() -> None:
    # p = 1, r = 1 without bias has the confused minimum only
    found = compare(
        [1.0], [1.0], runs=20, discard=2, steps=2000, batch=256, lr=0.01, optimizer="sgd", init=([0.5, 0.5], None)
    )
    assert found.shares()["agrees"] > 0.7


@pytest.mark.parametrize("settings", [{"lr": 1e300}, {"lr": 1e300, "optimizer": "adamw"}])
def test_divergence_is_an_error_that_names_the_rate(settings: dict) -> None:
    with pytest.raises(InvalidInput, match=r"lr must be small enough for 2 models .* not to diverge, got 1e\+300"):
        compare([0.3], [1.0], runs=3, steps=10, batch=16, **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"runs": 3, "discard": 3}, "discard must be a whole number, from 0 to 2, got 3"),
        ({"runs": 0}, "runs must be a whole number, at least 1, got 0"),
        ({"optimizer": "gd"}, "optimizer must be one of 'sgd', 'adam', 'adamw', got 'gd'"),
    ],
)
def test_impossible_settings_are_named(settings: dict, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        compare([0.3], [1.0], **settings)
