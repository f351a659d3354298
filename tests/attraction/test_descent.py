"""Descent on the exact loss: against SciPy, a plain loop, training, and a saddle that is known by construction."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from analytic import Descent, ReluOutputModel, ToyModel, descend, find_minima, train
from analytic.attraction.exponential import Flow, phi
from analytic.attraction.plateaus import stretches
from analytic.search.minimiser import Objective

CASES = [
    ReluOutputModel.from_density(5, 2, 0.1),
    ReluOutputModel.from_density(3, 2, 0.5, (1, 0.9, 0.8)),
    ReluOutputModel.from_density(4, 2, 0.05, bias="shared"),
    ReluOutputModel.from_density(3, 1, 0.2, bias="none"),
    ReluOutputModel.from_patterns(1, [[0.5, 0.2], [0.2, 0.1]]),
]


def starts(model: ReluOutputModel, count: int, size: float = 0.4, seed: int = 1) -> np.ndarray:
    return size * np.random.default_rng(seed).standard_normal((count, model.hidden, model.features))


def scipy_flow(model: ReluOutputModel, W: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Parameters (c, k) by an explicit method of order 8."""
    objective = Objective(model)
    start = np.concatenate([W.ravel(), np.zeros(model.bias.size(model.features))])
    options = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-13, "t_eval": times}
    return solve_ivp(lambda t, x: -objective(x[None])[1][0], (0, times[-1]), start, **options).y.T


@pytest.mark.parametrize("model", CASES, ids=repr)
@pytest.mark.parametrize(("tolerance", "error"), [(1e-4, 2e-5), (1e-6, 2e-8)])
def test_flow_agrees_with_scipy(model: ReluOutputModel, tolerance: float, error: float) -> None:
    W = starts(model, 2)
    descent = descend(model, W, time=100 / model.silent_loss, checkpoints=40, tolerance=tolerance)
    theta = Objective(model).join(descent.W, descent.b)
    for k in range(2):
        expected = scipy_flow(model, W[k], descent.time)
        np.testing.assert_allclose(theta[:, k], expected, rtol=0, atol=error)


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_the_loss_never_rises_along_the_flow_and_ends_at_rest(model: ReluOutputModel) -> None:
    descent = descend(model, starts(model, 8))
    rises = np.diff(descent.loss, axis=0).max()
    assert rises <= 1e-14
    assert descent.converged.all()
    assert (descent.final.gradient_norm <= 1e-12 * model.silent_loss).all()
    np.testing.assert_allclose(descent.final.loss, model.loss(*descent.final[:2]), rtol=0, atol=0)
    np.testing.assert_allclose(descent.final.loss, descent.loss[-1], rtol=0, atol=1e-9)


def test_the_pair_ends_in_its_known_minima() -> None:
    """Every minimum of the smallest model is listed by `find_minima`; dead starts end on flat sets."""
    model = ToyModel.from_density(0.3, 0.7)
    descent = descend(model, starts(model.as_relu_output(), 30)[:, 0])
    landscape = find_minima(model)
    known = [end.loss for end in landscape.ends]
    assert descent.W.shape[1:] == (30, 1, 2)
    assert descent.converged.all()
    assert np.abs(descent.final.loss[:, None] - known).min(axis=1).max() < 1e-13


def test_times_in_between_do_not_change_the_flow() -> None:
    model = CASES[0]
    W = starts(model, 2)
    one = descend(model, W, time=50.0, checkpoints=[10.0, 20.0])
    other = descend(model, W, time=50.0, checkpoints=[1.0, 2.0, 3.0, 20.0])
    np.testing.assert_array_equal(one.time, [0, 10, 20, 50])
    np.testing.assert_array_equal(one.W[2:], other.W[4:])


@pytest.mark.parametrize("model", CASES[:4], ids=repr)
@pytest.mark.parametrize("dynamics", ["flow", "gd", "adam"])
def test_a_batch_equals_a_loop(model: ReluOutputModel, dynamics: str) -> None:
    W = starts(model, 4).reshape(2, 2, model.hidden, model.features)
    options: dict[str, Any] = {"time": 300.0} if dynamics == "flow" else {"steps": 50, "lr": 0.05}
    together = descend(model, W, dynamics=dynamics, **options)
    assert together.W.shape[1:3] == (2, 2)
    for index in np.ndindex(2, 2):
        alone = descend(model, W[index], dynamics=dynamics, **options)
        everywhen = (slice(None), *index)
        np.testing.assert_array_equal(alone.W, together.W[everywhen])
        np.testing.assert_array_equal(alone.loss, together.loss[everywhen])
        np.testing.assert_allclose(alone.final.loss, together.final.loss[index], rtol=1e-13)


def test_leading_axes_broadcast() -> None:
    model = ReluOutputModel.from_density(3, 2, 0.3)
    b = np.array([[[0.0, 0.1, 0.2]], [[0.1, 0.1, 0.1]]])
    descent = descend(model, starts(model, 5), b, time=1.0, checkpoints=3)
    assert descent.W.shape[1:] == (2, 5, 2, 3)
    assert descent.b.shape[1:] == (2, 5, 3)
    np.testing.assert_array_equal(descent.b[0, :, 3], b[:, 0])


def test_gradient_descent_with_a_small_rate_is_the_flow() -> None:
    """Euler's method: its error is proportional to the rate."""
    model = CASES[1]
    W = starts(model, 4)
    flow = descend(model, W, time=8.0, checkpoints=[2.0, 4.0], tolerance=1e-6)
    errors = []
    for lr in (0.02, 0.01):
        steps = round(8 / lr)
        gd = descend(model, W, dynamics="gd", lr=lr, steps=steps, checkpoints=[steps // 4, steps // 2])
        np.testing.assert_allclose(gd.time * lr, flow.time)
        errors.append(np.abs(gd.W - flow.W).max())
    assert errors[1] < 3e-3
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


def test_adam_is_its_definition() -> None:
    model = CASES[2]
    objective = Objective(model)
    W = starts(model, 1)
    descent = descend(model, W, dynamics="adam", lr=0.01, steps=60, betas=(0.8, 0.95), schedule="linear")
    theta = np.concatenate([W[0].ravel(), [0.0]])
    m = v = np.zeros_like(theta)
    for t in range(1, 61):
        g = objective(theta[None])[1][0]
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
        theta = theta - 0.01 * (1 - (t - 1) / 60) * m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.95**t)) + 1e-8)
    np.testing.assert_allclose(objective.join(descent.W, descent.b)[-1, 0], theta, rtol=0, atol=1e-13)


def test_exact_descent_is_training_without_noise() -> None:
    """Runs with fresh batches scatter about the exact trajectory; their mean is biased by less than their spread."""
    model = ReluOutputModel.from_density(3, 2, 0.3)
    W = starts(model, 1)[0]
    settings: dict[str, Any] = {"lr": 0.02, "steps": 600}
    runs = 24
    trained = train(model, optimizer="sgd", runs=runs, batch=4096, init=(W, None), checkpoints=6, **settings)
    exact = descend(model, W, dynamics="gd", checkpoints=trained.steps[1:], **settings)
    np.testing.assert_array_equal(exact.time, trained.steps)
    here, there = exact.W[1:], trained.W[1:, 0]
    spread = there.std(axis=1, ddof=1)
    assert spread.max() < 0.02, "the noise is small, so that agreement says something"
    z = (there.mean(axis=1) - here) / (spread / np.sqrt(runs))
    assert np.sqrt(np.mean(z**2)) < 1.5
    assert np.abs(z).max() < 5


def known_saddle() -> tuple[ReluOutputModel, np.ndarray, np.ndarray, float]:
    """A digon in one dimension, a feature left out at its mean, and an empty dimension.

    The loss falls where the feature left out takes the empty dimension: with W_3 = (0, w) and b_3 = p/2 - d its loss is
    that of one feature with one unit, whose second derivative by w at w = 0, b = p/2 is -2 * 2 Var(x).
    """
    p = 0.3
    model = ReluOutputModel.from_density(3, 2, p)
    pair = find_minima(ToyModel.from_density(p)).minima[0]
    W = np.array([[*pair.W, 0.0], [0.0, 0.0, 0.0]])
    variance = p / 3 - p**2 / 4
    return model, W, np.array([*pair.b, p / 2]), 4 * variance


def test_the_plateau_of_a_known_saddle() -> None:
    model, W, b, rate = known_saddle()
    assert np.linalg.norm(np.concatenate([g.ravel() for g in model.gradient(W, b)])) < 1e-13
    away = np.zeros_like(W)
    away[1, 2] = 1e-3
    descent = descend(model, W + away, b)
    (plateau,) = descent.plateaus
    point = plateau.stationary
    assert plateau.begins == 0
    assert point is not None
    np.testing.assert_allclose(point.W.T @ point.W, W.T @ W, atol=1e-9)
    assert point.loss == pytest.approx(model.loss(W, b), abs=1e-13)
    assert point.shape == "digon, not represented"
    assert point.escape_rate == pytest.approx(rate, rel=1e-9)
    assert point.index == int(np.sum(np.linalg.eigvalsh(model.hessian(W, b)) < -1e-7))
    # a deviation grows like exp(rate t): a tenth of the way takes log(100) / rate
    assert 0.5 < plateau.ends / (np.log(100) / rate) < 2
    assert descent.final.curvature > 0


def test_no_plateau_where_there_is_none() -> None:
    model, W, b, _ = known_saddle()
    assert descend(model, W, b).plateaus == (), "at the saddle itself there is no motion"
    minimum = descend(model, starts(model, 1)[0]).final
    assert descend(model, minimum.W + 0.01, minimum.b).plateaus == ()


def test_a_start_on_a_saddle_stays() -> None:
    """Its gradient is rounding, which would grow to a departure in some thousand units of time."""
    model, W, b, _ = known_saddle()
    point = descend(model, W, b, dynamics="newton").final
    turned = np.array([[0.8, -0.6], [0.6, 0.8]]) @ point.W
    descent = descend(model, turned, point.b)
    assert descent.converged
    assert descent.final.curvature < 0


def test_a_plateau_ends_in_a_faster_fall() -> None:
    clock = np.arange(12.0)
    left = np.array([1, 0.98, 0.96, 0.94, 0.92, 0.9, 0.3, 0.1, 0.03, 0.01, 0.001, 0])
    found = partial(stretches, slow=0.25, width=1.0)
    assert list(found(clock, left, 1e-3)) == [(0, 4)]
    assert list(found(clock[:6], left[:6], 1e-3)) == [], "an end is none"
    assert list(found(clock[4:], left[4:], 1e-3)) == [], "one slow moment is none"
    assert list(found(clock, left, 2.0)) == [], "what is left is negligible"
    assert list(found(clock, left, 1e-3, slow=1e-3)) == [], "all falls are faster than that"


def test_plateaus_do_not_depend_on_checkpoints_or_noise() -> None:
    """Two levels, 1 and 0.4, left exponentially in time; the slowest moment of the fall between them has s > 1."""
    rng = np.random.default_rng(0)
    for count, noise in ((60, 0.0), (1000, 0.0), (1000, 0.01)):
        clock = np.linspace(0, 8, count)
        left = 0.6 / (1 + np.exp(5 * (clock - 3))) + 0.4 / (1 + np.exp(5 * (clock - 6)))
        found = list(stretches(clock, left + noise * rng.uniform(-0.4, 0.4, count), 0.02, 0.25, 0.1))
        np.testing.assert_allclose([(clock[a], clock[z]) for a, z in found], [(0, 2.4), (3.6, 5.4)], atol=0.35)


def test_newton_goes_to_a_minimum_nearby() -> None:
    model = ReluOutputModel.from_density(4, 2, 0.1)
    descent = descend(model, starts(model, 6), dynamics="newton")
    assert descent.converged.all()
    assert (descent.final.curvature > 0).all()
    assert len(descent.time) == 2
    assert descent.plateaus == ()


@pytest.mark.parametrize("dynamics", ["flow", "gd", "adam"])
def test_an_interrupt_returns_what_there_is(dynamics: str) -> None:
    model = CASES[0]
    calls = 0

    def interrupt(done: float, total: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 30:
            raise KeyboardInterrupt

    descent = descend(model, starts(model, 3), dynamics=dynamics, progress=interrupt)
    assert not descent.completed
    assert 1 < len(descent.time) < 300
    assert np.isfinite(descent.loss).all()
    assert "interrupted" in repr(descent)


@pytest.mark.parametrize("model", CASES[1:4], ids=repr)
def test_files_give_back_what_was_saved(model: ReluOutputModel, tmp_path) -> None:
    path = tmp_path / "descent.npz"
    descent = descend(model, starts(model, 2), checkpoints=50)
    descent.save(path)
    loaded = Descent.load(path)
    assert loaded.model == model
    assert repr(loaded) == repr(descent)
    assert loaded.settings == descent.settings
    for name in ("time", "W", "b", "loss", "gradient_norm"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(descent, name))
    for one, other in zip(loaded.final, descent.final, strict=True):
        np.testing.assert_array_equal(one, other)
    np.savez(path, a=1)
    with pytest.raises(ValueError, match="is no descent"):
        Descent.load(path)


def test_phi_functions() -> None:
    """phi_k(z) = int_0^1 exp((1 - r) z) r^(k - 1) / (k - 1)! dr, by Gauss's rule."""
    z = np.array([-50.0, -30.0, -2.0, -1.0, -0.999, -1e-5, 0.0, 1e-300, 0.5, 1.0, 9.0])
    nodes, weights = np.polynomial.legendre.leggauss(200)
    r, w = (nodes + 1) / 2, weights / 2
    for found, k, factorial in zip(phi(z), (1, 3, 4), (1, 2, 6), strict=True):
        expected = np.exp(np.outer(z, 1 - r)) @ (w * r ** (k - 1)) / factorial
        np.testing.assert_allclose(found, expected, rtol=2e-13)


def test_a_start_that_takes_too_long_is_reported(monkeypatch) -> None:
    monkeypatch.setattr("analytic.attraction.exponential._MOST_STEPS", 20)
    descent = descend(CASES[0], starts(CASES[0], 2))
    assert not descent.converged.any()
    assert np.isnan(descent.loss[-1]).any()
    assert np.isfinite(descent.final.loss).all()


def test_divergence_is_no_convergence() -> None:
    descent = descend(CASES[0], starts(CASES[0], 2), dynamics="gd", lr=1e6, steps=50)
    assert not descent.converged.any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dynamics": "sgd"}, "dynamics must be one of 'flow', 'gd', 'adam', 'newton', got 'sgd'"),
        ({"lr": 0.1}, "lr must be left out where dynamics = 'flow', got 0.1"),
        ({"dynamics": "gd", "time": 1.0}, "time must be left out where dynamics = 'gd'"),
        ({"dynamics": "adam", "momentum": 0.9}, "momentum must be left out"),
        ({"time": 0}, "time must be greater than 0"),
        ({"tolerance": 1}, "tolerance must be at least 1e-08 and at most 0.1"),
        ({"checkpoints": 0}, "checkpoints must be a whole number"),
        ({"time": 1.0, "checkpoints": [2.0]}, "checkpoints must lie in"),
        ({"dynamics": "gd", "lr": -1}, "lr must be greater than 0"),
        ({"b": [1.0, 2.0]}, "b must have shape"),
        ({"W": np.ones((3, 2))}, "W must have shape"),
        ({"W": np.full((2, 3), np.nan)}, "W must be finite"),
        ({"W": np.ones((0, 2, 3))}, "W must hold at least one start"),
        ({"W": np.full((2, 3), 1e200)}, "must have a finite loss and gradient"),
        ({"W": np.ones((10**6, 2, 3)), "checkpoints": 10**4}, "checkpoints must keep at most 2 GiB"),
    ],
)
def test_nonsense(options: dict, words: str) -> None:
    options = {"W": np.ones((2, 3)), **options}
    with pytest.raises(ValueError, match=words):
        descend(ReluOutputModel.from_density(3, 2, 0.3), **options)


def test_what_cannot_descend_says_why() -> None:
    with pytest.raises(TypeError, match="model must be a ReluOutputModel or a ToyModel"):
        descend("model", np.ones((2, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="loss_tolerance must be greater than 0"):
        descend(ReluOutputModel.from_density(13, 2, 0.3), np.eye(2, 13), loss_tolerance=0.0)


def test_many_features_take_plain_steps() -> None:
    model = ReluOutputModel.from_density(14, 2, 0.1)
    descent = descend(model, starts(model, 1)[0], dynamics="gd", lr=0.1, steps=5)
    assert (np.diff(descent.loss) < 0).all()
    assert not descent.converged


def test_a_flow_is_balanced() -> None:
    """Starts that lag go first: after any number of rounds all are about as far."""
    objective = Objective(CASES[0])
    theta = objective.join(starts(CASES[0], 5), np.zeros(5))
    flow = Flow.of(objective, theta, np.array([0.0, 1e4]), 1e-4)
    rounds = 0

    def stop(done: float, total: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 20:
            raise KeyboardInterrupt

    assert not flow.run(stop)
    assert (flow.time > 0).all()


def test_a_time_too_short_to_move_the_clock_has_no_plateaus() -> None:
    model = ReluOutputModel.from_density(3, 2, 1e-9)
    assert descend(model, np.zeros((2, 3)), dynamics="gd", lr=1e-9, steps=3).plateaus == ()
