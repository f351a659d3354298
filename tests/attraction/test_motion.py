"""Motion: its gradient, its twin of "dead", its integrators, and how it ends."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from analytic import ToyModel, find_stationary_points
from analytic.attraction.barriers import Barriers
from analytic.attraction.destinations import Field
from analytic.attraction.flow import flow
from analytic.attraction.fractions import basins
from analytic.attraction.motion import Descent, run
from analytic.attraction.states import Status, both_dead, curvature, slope
from analytic.loss.dead import is_dead

BIASES = ("none", "shared", "per-feature")


def no_barriers(size: int) -> Barriers:
    return Barriers(np.empty((0, size)), np.empty(0), np.empty(0), np.empty(0, np.int64), -np.inf, 0)


@pytest.mark.parametrize("on", [on for on in product((0, 1), repeat=4) if sum(on)])
def test_both_dead_is_the_definition(on):
    patterns = tuple(x / sum(on) for x in on)
    values = np.array([1.0, 1.0, *patterns])
    rng = np.random.default_rng(0)
    corners = rng.normal(size=(300, 4))
    corners[:, 2:] -= 1
    corners[::3, :2] = 0
    corners[::5, 2:] = 0
    for theta in corners:
        assert both_dead(theta, values) == is_dead(theta, patterns).all()


@pytest.mark.parametrize("bias", BIASES)
def test_slope_and_curvature_are_those_of_the_model(bias):
    model = ToyModel.from_patterns(0.1, 0.2, 0.3, 0.4, importance=(1.0, 0.3), bias=bias)
    for x in np.random.default_rng(0).normal(size=(20, 2 + model.bias.size())):
        g, matrix = np.empty(len(x)), np.empty((4, 4))
        W, b = model.bias.weights_and_bias(x)
        assert slope(x, model.parameters, g) == model.loss(W, b)
        curvature(x, model.parameters, matrix)
        np.testing.assert_array_equal(g, model.gradient(W, b))
        np.testing.assert_allclose(matrix[: len(x), : len(x)], model.hessian(W, b), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("bias", ["shared", "per-feature"])
@pytest.mark.parametrize("density", [0.3, 1.0])
def test_both_integrators_follow_the_flow(bias, density):
    """The implicit one takes over after 200 steps, so a tight tolerance uses it; the end is that of LSODA."""
    model = ToyModel.from_density(density, 0.8, bias)
    size = 2 + model.bias.size()

    def field(_, x):
        return -model.gradient(*model.bias.weights_and_bias(x))

    for start in np.random.default_rng(2).normal(size=(6, size)) * 0.5:
        start[2:] = abs(start[2:])  # not dead
        x = start.copy()
        status = flow(x, model.parameters, no_barriers(size), 1e-9, 100_000)
        assert status == Status.AT_REST
        reference = solve_ivp(field, (0, 3e3), start, method="LSODA", rtol=1e-8, atol=1e-10).y[:, -1]
        np.testing.assert_allclose(x, reference, atol=2e-4)


def test_a_flat_valley_is_left():
    # density 1, equal importance: without ReLU all of |W| = 1 has one loss; 10 to 23 % of starts were unresolved
    for bias in ("shared", "per-feature"):
        assert basins(ToyModel(bias=bias), starts=1000).unresolved < 0.01


def test_a_rate_that_is_too_high_diverges_and_says_so():
    model = ToyModel.from_density(0.5, 1.0, "shared")
    found = basins(model, starts=50, dynamics="gd", lr=1e3)
    assert found.statuses.get(Status.DIVERGED, 0) > 0.5
    assert "rate" in Status.DIVERGED.sentence


def test_steps_that_run_out_are_unfinished():
    model = ToyModel.from_density(0.5, 1.0)
    found = basins(model, starts=50, dynamics="gd", max_steps=1)
    assert found.statuses == {Status.UNFINISHED: found.unresolved}
    assert found.unresolved > 0.9


@pytest.mark.parametrize("bias", ["shared", "per-feature"])
def test_gradient_descent_ends_where_every_step_of_it_would(bias):
    """The flow takes over from gradient descent after 1000 steps: plain steps, without end, agree."""
    model = ToyModel.from_density(0.05, 0.9, bias)
    found = Field.of(model, "gd")
    assert isinstance(found.settings, Descent)
    starts = model.bias.embed(np.zeros((1, 2 + model.bias.size())))[..., : 2 + model.bias.size()].repeat(40, 0)
    starts[:, :2] = np.random.default_rng(3).normal(size=(40, 2))
    labels = found.labels(starts)
    x = starts.copy()
    for _ in range(40_000):
        W, b = model.bias.weights_and_bias(x)
        x -= found.settings.rate * model.gradient(W, b)
    ends = Field.of(model, "flow", landscape=found.landscape).labels(x)
    np.testing.assert_array_equal(labels, ends)


def test_threads_change_nothing_and_progress_counts():
    model = ToyModel.from_density(0.3, 0.5)
    landscape = find_stationary_points(model)
    one, two = (Field.of(model, landscape=landscape, threads=threads) for threads in (1, 2))
    starts = np.random.default_rng(0).normal(size=(5000, 4))
    seen: list[tuple[float, float]] = []
    first, second = one.labels(starts), two.labels(starts, lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(first, second)
    assert seen[-1][1] == 5000
    assert max(done for done, _ in seen) == 5000


def test_an_interrupt_ends_the_work():
    model = ToyModel.from_density(0.3, 0.5)
    found = Field.of(model)

    def interrupt(done: float, total: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Descent(0.1), np.zeros((5000, 4)), model.parameters, found.barriers, 2, interrupt)
