"""Descents without second derivatives, for more than ten features: against those that have them, and by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import Descent, ReluOutputModel, descend
from analytic.attraction import limited_memory
from analytic.attraction.chebyshev import ExplicitFlow, coefficients
from analytic.attraction.exponential import Flow
from analytic.search.minimiser import Objective, minimise

PENTAGON = ReluOutputModel.from_density(5, 2, 0.1)


def parameters(model: ReluOutputModel, count: int) -> np.ndarray:
    W = 0.4 * np.random.default_rng(1).standard_normal((count, model.hidden, model.features))
    return Objective(model).join(W, np.zeros((count, model.features)))


def stability(stages: int, z: np.ndarray) -> np.ndarray:
    """What one step makes of y' = z y, y(0) = 1."""
    mu, nu, direct, first = coefficients(stages)
    before, now = np.ones_like(z), 1 + direct[1] * z
    for j in range(2, stages + 1):
        before, now = now, 1 - mu[j] - nu[j] + mu[j] * now + nu[j] * before + direct[j] * z * now + first[j] * z
    return now


@pytest.mark.parametrize("stages", [2, 3, 5, 20, 200])
def test_steps_are_of_second_order_and_stable_far_out(stages: int) -> None:
    far = np.linspace(-(stages**2 - 1) / 1.54, 0, 4001)
    assert np.abs(stability(stages, far)).max() <= 1 + 1e-10
    near = np.array([-1e-3, 1e-3])
    np.testing.assert_allclose(stability(stages, near), 1 + near + near**2 / 2, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("tolerance", "error"), [(1e-2, 1e-3), (1e-4, 1e-5)])
def test_the_explicit_flow_is_the_exponential_one(tolerance: float, error: float) -> None:
    objective, times = Objective(PENTAGON), np.array([0.0, 1.0, 10.0, 50.0, 80.0])
    theta = parameters(PENTAGON, 1)
    exact = Flow.of(objective, theta, times, 1e-7)
    flow = ExplicitFlow.of(objective, theta, times, tolerance, 1e-11)
    for each in (exact, flow):
        assert each.run(lambda done, total: None)
    assert np.abs(flow.recorded - exact.recorded).max() < error


def test_limited_memory_ends_where_the_whole_matrix_does() -> None:
    objective, theta = Objective(PENTAGON), parameters(PENTAGON, 4)
    short = limited_memory.minimise(objective, theta, 2000, 1e-9 * objective.unit, lambda left: None)
    assert (short.gradient_norm <= 1e-9 * objective.unit).all()
    np.testing.assert_allclose(np.sort(short.loss), np.sort(minimise(objective, theta).loss), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("features", "dynamics"),
    [(6, "flow"), (7, "newton"), (8, "newton"), pytest.param(11, "newton", marks=pytest.mark.slow)],
)
def test_ends_of_up_to_twelve_features_are_polished(features: int, dynamics: str) -> None:
    model = ReluOutputModel.from_density(features, 2, 0.1)
    W = 0.4 * np.random.default_rng(1).standard_normal((2, 2, features))
    descent = descend(model, W, dynamics=dynamics)
    assert descent.converged.all()
    gradients = model.gradient(descent.final.W, descent.final.b, method="recurrence")
    size = np.sqrt(sum((each.reshape(2, -1) ** 2).sum(1) for each in gradients))
    assert (size <= 1e-12 * model.silent_loss).all()
    assert (descent.final.curvature > -1e-7 * model.silent_loss).all()


def test_thirteen_features_descend_as_far_as_the_lattice_tells(tmp_path) -> None:
    model, tolerance = ReluOutputModel.from_density(13, 1, 0.3), 1e-6
    W = 0.4 * np.random.default_rng(1).standard_normal((1, 13))
    down = descend(model, W, dynamics="newton", loss_tolerance=tolerance)
    flow = descend(model, W, dynamics="flow", loss_tolerance=tolerance, tolerance=1e-2, checkpoints=20)
    for each in (down, flow):
        assert each.converged
        assert each.settings["loss_tolerance"] == tolerance
        assert 1e-12 * model.silent_loss < each.final.gradient_norm <= 10 * tolerance * model.silent_loss
        by_W, by_b = model.gradient(each.final.W, each.final.b, tolerance=1e-9)
        finer = np.sqrt((by_W**2).sum() + (by_b**2).sum())
        assert abs(finer - each.final.gradient_norm) <= tolerance * model.silent_loss
        assert np.isnan(each.final.curvature)
    assert np.diff(flow.loss).max() <= tolerance * model.silent_loss
    assert all(not plateau.beside for plateau in flow.plateaus)
    flow.save(tmp_path / "flow.npz")
    assert Descent.load(tmp_path / "flow.npz").converged


def test_a_start_that_is_interrupted_keeps_what_it_had() -> None:
    objective, times = Objective(PENTAGON), np.array([0.0, 1.0, 1e6])
    flow = ExplicitFlow.of(objective, parameters(PENTAGON, 2), times, 1e-3, 1e-11)

    def stop(done: float, total: float) -> None:
        if done > 3:
            raise KeyboardInterrupt

    assert not flow.run(stop)
    assert np.isfinite(flow.recorded[1, 0]).all()
    assert np.isnan(flow.recorded[1, 1]).all()
