"""Training on the exact loss: what is recorded is what was trained, and its plateaus are those of exact descent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analytic import ReluOutputModel, ToyModel, retrace, train
from analytic.attraction.stationary import stationary
from analytic.search.minimiser import Objective
from analytic.training.run import TrainingRun

MODELS: list[Any] = [ReluOutputModel.from_density(3, 2, 0.3), ReluOutputModel.from_density(3, 1, 0.3, bias="shared"),
          ReluOutputModel.from_density(2, 1, 0.4, bias="none"), ToyModel.from_density(0.3, 0.7)]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_points_of_training_have_their_exact_loss(model: Any) -> None:
    run = train(model, runs=2, steps=40, lr=0.01, checkpoints=4)
    found = retrace(model, run)
    np.testing.assert_array_equal(found.time, run.steps)
    np.testing.assert_array_equal(found.W.reshape(run.W[:, 0].shape), run.W[:, 0])
    np.testing.assert_allclose(found.loss, model.loss(run.W, run.b)[:, 0], rtol=1e-13)
    assert found.dynamics == "adam"
    assert found.unit_time == 100


def test_small_weights_are_a_plateau_beside_the_saddle_without_weights() -> None:
    """At W = 0, b = p/2 every feature can be learnt in any of m directions: index m n, escape rate 4 I Var(x)."""
    p, model = 0.3, MODELS[0]
    run = train(model, runs=1, optimizer="sgd", lr=0.1, steps=1500, init=1e-4, checkpoints=150)
    found = retrace(model, run)
    first, *_ = found.plateaus
    assert first.begins < 50
    assert first.stationary is not None
    assert first.stationary.index == 6
    assert first.stationary.escape_rate == pytest.approx(4 * (p / 3 - p**2 / 4), rel=1e-9)
    assert found.unit_time == pytest.approx(1 / (p / 3) / 0.1)


def test_other_runs_are_refused(tmp_path) -> None:
    model, other = MODELS[:2]
    run = train(model, steps=2)
    with pytest.raises(ValueError, match="run must be training of"):
        retrace(other, run)
    with pytest.raises(ValueError, match="run must be training of"):
        retrace(model, train([model, model], steps=2))
    with pytest.raises(TypeError, match="run must be a TrainingRun"):
        retrace(model, "run")  # type: ignore[arg-type]
    run.save(tmp_path / "run.npz")
    assert retrace(model, TrainingRun.load(tmp_path / "run.npz")).loss.shape == (3, 1)


@pytest.mark.parametrize(
    ("density", "side", "kind"),
    [(0.285, 1, "half-stable"), (0.285, -1, "saddle"), (0.6, 1, "minimum"), (0.6, -1, "minimum"), (0.1, -1, "saddle")],
)
def test_kinds_of_the_dedicated_point(density: float, side: int, kind: str) -> None:
    """At density 0.285, importance 0.351 it attracts starts with W1 W2 > 0 and lets those with W1 W2 < 0 go."""
    objective = Objective(ToyModel.from_density(density, 0.351).as_relu_output())
    point = stationary(objective, np.array([1.0, side * 1e-10, 0.0, density / 2]))
    assert point.kind == kind
    assert (point.index > 0) == (kind == "saddle")


@pytest.mark.parametrize("options", [{"slow": 0}, {"width": -1}, {"close": np.nan}])
def test_thresholds_are_positive(options: dict) -> None:
    found = retrace(MODELS[0], train(MODELS[0], steps=2))
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        found.find_plateaus(**options)
