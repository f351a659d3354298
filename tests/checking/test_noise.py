"""The noise at the end of training: the formula against the balance that it solves, and against training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analytic import ToyModel, find_minima
from analytic.checking.noise import Noise
from analytic.checking.report import check
from analytic.training.noise import gradient_moments
from analytic.training.trainer import train
from analytic.validation import InvalidInput

MODEL = ToyModel.from_density(0.5, 0.7, "none")
MINIMUM = find_minima(MODEL).minima[0]


def test_constant_rates_have_the_closed_form():
    variances = np.diag(gradient_moments(MODEL, MINIMUM.W)[1])
    sgd, adam = (Noise(64, 1e-2, name, 0.5).mean_excess(MODEL, MINIMUM.W, None) for name in ("sgd", "adam"))
    assert sgd == pytest.approx(1e-2 * 0.5 / 4 * variances.sum() / 64)
    assert adam == pytest.approx(1e-2 / 4 * np.sqrt(variances / 64).sum())


def covariance(noise: Noise) -> float:
    """Mean excess by iterating V <- (1 - lr H) V (1 - lr H) + lr^2 C / B from V = 0, step by step, for sgd."""
    hessian, C = MODEL.hessian(MINIMUM.W), gradient_moments(MODEL, MINIMUM.W)[1] / noise.batch
    steps = noise.steps
    assert steps is not None
    rule = {"constant": lambda s: 1.0, "linear": lambda s: 1 - s / steps,
            "cosine": lambda s: math.cos(math.pi / 2 * s / (steps - 1))}[str(noise.schedule)]  # fmt: skip
    V = np.zeros((2, 2))
    for step in range(steps):
        rate = noise.lr * rule(step)
        shrink = np.eye(2) - rate * hessian
        V = shrink @ V @ shrink.T + rate**2 * C
    return float(np.trace(hessian @ V)) / 2


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [3_000, 30_000])
def test_schedules_against_the_recursion(schedule, steps):
    noise = Noise(64, 1e-2, "sgd", 1.0, schedule, steps)
    assert noise.mean_excess(MODEL, MINIMUM.W, None) == pytest.approx(covariance(noise), rel=0.02)


def test_without_steps_the_first_rate_is_an_upper_bound():
    bound = Noise(64, 1e-2, "adam", 1.0, "linear").mean_excess(MODEL, MINIMUM.W, None)
    for steps in (10, 1000, 10**6):
        assert Noise(64, 1e-2, "adam", 1.0, "linear", steps).mean_excess(MODEL, MINIMUM.W, None) <= bound * (1 + 1e-9)
    assert Noise(64, 1e-2, "adam", 1.0, "linear", 10**6).mean_excess(MODEL, MINIMUM.W, None) < bound / 50


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_good_models_of_a_falling_schedule_have_converged(schedule):
    # with the rate at the end, 0, 697 of 720 good models were "not converged"
    settings: dict[str, Any] = {"batch": 256, "lr": 1e-2, "schedule": schedule}
    run = train(MODEL, runs=40, steps=4000, optimizer="adam", **settings, progress=False)
    W = run.final[0][0]
    for steps in (None, 4000):
        report = check(W, importance=0.7, sparsity=0.5, init=None, **settings, steps=steps)
        assert sum(each.converged for each in report) >= 39
    excess = np.mean([each.excess for each in report])
    predicted = Noise(**settings, optimizer="adam", steps=4000).mean_excess(MODEL, MINIMUM.W, None)
    assert excess == pytest.approx(predicted, rel=0.5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"schedule": "step"}, "schedule must be one of 'constant', 'linear', 'cosine'"),
        ({"schedule": lambda step: 1.0}, r"callable\(step, steps\)"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"batch": 1.5}, "batch must be a whole number"),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(InvalidInput, match=words):
        check([1, -1], importance=1.0, sparsity=0.5, **{"batch": 10, "lr": 1e-3, **settings})
