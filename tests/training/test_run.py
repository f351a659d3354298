"""What a run keeps: files, pickles, its short name, and which models diverged."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytic import ToyModel, train
from analytic.models.bias import Bias
from analytic.training.problems import Wide
from analytic.training.run import TrainingRun
from analytic.validation import InvalidValue

JOINT = np.array([[0.1, 0.2], [0.3, 0.4]])


def runs() -> list[TrainingRun]:
    """Of each kind: pairs and wide, with and without bias, with and without decay, a schedule that is a function."""
    few: dict[str, Any] = {"runs": 2, "steps": 6, "batch": 8, "checkpoints": [3], "seed": 7}
    wide = [Wide(2, np.array([1.0, 0.5, 2.0]), np.array([0.1, 0.5, 1.0]), Bias.SHARED)] * 2
    return [
        train(ToyModel(0.7, (0.2, 0.6), bias="none"), optimizer="adamw", schedule="linear", **few),
        train([ToyModel.from_patterns(0.1, 0.2, 0.3, 0.4)] * 3, schedule=lambda step, steps: 0.5**step, **few),
        train(wide, optimizer="sgd", momentum=0.5, weight_decay=0.1, **few),
        train(Wide(1, np.ones(2), np.array([0.7, 0.6]), Bias.PER_FEATURE, JOINT), reduction="mean", **few),
    ]


@pytest.mark.parametrize("index", range(4))
def test_a_loaded_run_is_the_saved_one(index: int, tmp_path: Path) -> None:
    run = runs()[index]
    path = tmp_path / "run.npz"
    run.save(path)
    loaded = TrainingRun.load(path)
    for name in ("steps", "W", "b", "loss", "effective_decay"):
        stored, given = getattr(loaded, name), getattr(run, name)
        assert (given is None and stored is None) or np.array_equal(stored, given)
    for name in ("batch", "seed", "reduction", "completed"):
        assert getattr(loaded, name) == getattr(run, name)
    assert [loaded.rule.rate(s, 6) for s in range(6)] == [run.rule.rate(s, 6) for s in range(6)]
    assert (loaded.rule.name, loaded.rule.decay, loaded.rule.betas) == (run.rule.name, run.rule.decay, run.rule.betas)
    assert repr(loaded) == repr(run)
    for old, new in zip(run.models, loaded.models, strict=True):
        assert np.array_equal(old.importance, new.importance)
        assert np.array_equal(getattr(old, "patterns", ()), getattr(new, "patterns", ()))
        assert old.bias == new.bias


def test_runs_pickle() -> None:
    run = runs()[0]
    again = pickle.loads(pickle.dumps(run))
    assert again.models == run.models
    assert np.array_equal(again.W, run.W)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"must end in \.npz"):
        runs()[0].save(tmp_path / "run.txt")
    np.savez(tmp_path / "weights.npz", W=np.ones(2))
    with pytest.raises(InvalidValue, match="is no training run: it has no array 'header'"):
        TrainingRun.load(tmp_path / "weights.npz")
    np.savez(tmp_path / "other.npz", header=np.array("{}"), steps=0, W=0, loss=0)
    with pytest.raises(InvalidValue, match="is no training run, or it is damaged"):
        TrainingRun.load(tmp_path / "other.npz")


def test_the_name_of_a_run_is_short() -> None:
    for run in runs():
        assert len(repr(run)) < 120
    assert repr(runs()[2]).startswith("TrainingRun(2 models x 2 runs, sgd, 6 steps of 8 samples, mean loss ")


@pytest.mark.parametrize("optimizer", ["gd", "sgd", "adam", "adamw"])
@pytest.mark.parametrize("rate", [1e300, 1e30])
def test_divergence_is_reported(optimizer: str, rate: float) -> None:
    models = [ToyModel(sparsity=0.5), ToyModel(sparsity=1.0)]
    # with features that are never on, nothing moves W = 0 = b
    run = train(models, runs=3, optimizer=optimizer, lr=rate, steps=30, batch=32, weight_decay=0.0, init=0.5)
    assert run.diverged.tolist() == [[True] * 3, [False] * 3]
    assert "3 diverged" in repr(run)


def test_an_ordinary_run_does_not_diverge() -> None:
    assert not any(run.diverged.any() for run in runs())


def test_a_large_model_diverges_alike() -> None:
    model = Wide(2, np.ones(3), np.full(3, 0.5), Bias.PER_FEATURE)
    run = train([model], runs=2, lr=1e300, steps=5, batch=32)
    assert run.diverged.all()
