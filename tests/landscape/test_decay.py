"""Minima with weight decay: closed forms, and training."""

import math
from typing import Any

import numpy as np
import pytest

from analytic import ToyModel, find_minima
from analytic.landscape.decay import decayed_loss, decayed_minimum
from analytic.landscape.records import StationaryPoint
from analytic.training.trainer import train


def shifted(model: ToyModel, minimum: StationaryPoint, decay: float) -> tuple[np.ndarray, Any]:
    """The decayed minimum of a branch that does not end before."""
    found = decayed_minimum(model, minimum, decay)
    assert found is not None
    return found


@pytest.mark.parametrize("decay", [0.0, 0.01, 0.1])
def test_the_confused_minimum_shrinks_along_its_ray(decay):
    # p = 1, r = 1: along (1, 1)/sqrt(2) the loss is a s⁴ − 2 a s² + const with a = E[z²] = 7/12, so s² = 1 − d/(4 a)
    model = ToyModel(bias="none")
    minimum = next(each for each in find_minima(model).minima if each.phase == "confused")
    W, b = shifted(model, minimum, decay)
    assert b is None
    assert pytest.approx([math.sqrt((1 - decay / (4 * 7 / 12)) / 2)] * 2, abs=1e-12) == W


@pytest.mark.parametrize("bias", ["shared", "per-feature"])
def test_sgd_with_decay_ends_there(bias):
    model, decay = ToyModel(sparsity=0.5, bias=bias), 0.02
    minimum = find_minima(model).minima[0]
    W, _ = shifted(model, minimum, decay)
    run = train(
        model,
        runs=20,
        optimizer="sgd",
        weight_decay=decay,
        lr=0.05,
        schedule="linear",
        steps=1500,
        batch=128,
        init=(minimum.W, minimum.b),
    )
    ends = run.final[0][0]
    assert np.linalg.norm(ends.mean(axis=0) - W) < 5 * np.linalg.norm(ends.std(axis=0)) / math.sqrt(20) + 1e-4
    assert np.linalg.norm(W - minimum.W) > 10 * np.linalg.norm(ends.mean(axis=0) - W)


def test_a_branch_may_end():
    minimum = find_minima(ToyModel(sparsity=0.5, bias="none")).minima[0]
    assert decayed_minimum(ToyModel(sparsity=0.5, bias="none"), minimum, 10.0) is None


def test_bad_input_is_named():
    model = ToyModel(sparsity=0.5, bias="none")
    with pytest.raises(ValueError, match="weight_decay must be at least 0, got -1"):
        decayed_minimum(model, find_minima(model).minima[0], -1)


@pytest.mark.parametrize("bias", ["none", "shared", "per-feature"])
def test_the_decayed_minimum_minimises_the_decayed_loss(bias):
    """Every step away from it costs, to second order; and the penalty counts a shared bias once."""
    model, decay = ToyModel(sparsity=0.5, bias=bias), 0.05
    W, b = shifted(model, find_minima(model).minima[0], decay)
    least = decayed_loss(model, W, b, decay)
    size = 0 if b is None else np.size(b)
    penalty = np.sum(np.square(W)) + (0 if b is None else np.sum(np.square(b)))
    assert least == pytest.approx(model.loss(W, b) + decay / 2 * penalty, abs=1e-15)
    rng = np.random.default_rng(0)
    for step in rng.normal(size=(20, 2 + size)) * 1e-3:
        moved = None if b is None else (b + step[2] if size == 1 else b + step[2:])
        assert decayed_loss(model, W + step[:2], moved, decay) > least
    with pytest.raises(ValueError, match="weight_decay must be at least 0, got -1"):
        decayed_loss(model, W, b, -1)
