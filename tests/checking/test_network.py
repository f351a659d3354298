"""Checks of models of any size: how shapes are read, and whether what is called converged is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from analytic.checking.problems import networks
from analytic.checking.report import check
from analytic.checking.shapes import Size, size_of
from analytic.checking.weights import stack
from analytic.models.relu_output import ReluOutputModel
from analytic.testing import assert_converged, assert_minimum
from analytic.training.trainer import train
from analytic.validation import InvalidInput

WIDE = ReluOutputModel.from_density(5, 2, 0.1)


def pentagon() -> tuple[np.ndarray, np.ndarray]:
    """The minimum of five features in two dimensions at density 0.1, to the accuracy of SciPy's BFGS."""
    angle = 2 * np.pi * np.arange(5) / 5
    start = np.concatenate([1.1 * np.cos(angle), 1.1 * np.sin(angle), np.full(5, -0.2)])
    found = minimize(WIDE.loss_and_gradient_at, start, jac=True, options={"gtol": 1e-9}).x
    return found[:10].reshape(2, 5), found[10:]


@pytest.mark.parametrize(
    ("shape", "settings", "expected"),
    [
        ((2, 5), {}, (5, 2, "hidden-features")),
        ((5, 2), {"per_feature": 5}, (2, 1, "features-hidden")),  # as always: five pairs, an importance for each
        ((7, 2, 5), {}, (5, 2, "hidden-features")),
        ((7, 5, 2), {}, (5, 2, "features-hidden")),
        ((7, 2, 5), {"layout": "features-hidden"}, (2, 5, "features-hidden")),
        ((7, 2, 5), {"per_feature": 2}, (2, 5, "features-hidden")),
        ((7, 2, 5), {"features": 5, "per_feature": 2}, (5, 2, "hidden-features")),  # what is said comes first
        ((4, 4), {"layout": "hidden-features"}, (4, 4, "hidden-features")),
        ((3, 2, 2), {"layout": "hidden-features"}, (2, 2, "hidden-features")),
        ((2, 1, 2), {}, (2, 1, "hidden-features")),
        ((2, 2, 1), {}, (2, 1, "features-hidden")),
        ((7, 2), {}, (2, 1, "features-hidden")),  # as always: seven pairs
        ((7, 2), {"features": 7}, (7, 2, "features-hidden")),
        ((7, 2), {"hidden": 2}, (7, 2, "features-hidden")),
        ((2, 2), {"features": 2}, (2, 1, "features-hidden")),
        ((1, 6), {}, (6, 1, "hidden-features")),
    ],
)
def test_shapes(shape, settings, expected):
    assert size_of(shape, **settings) == Size(*expected)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2), (5, 4, 4)])
def test_a_square_is_a_question(shape):
    with pytest.raises(InvalidInput, match=r"\?"):
        size_of(shape)


@pytest.mark.parametrize(
    ("shape", "settings", "words"),
    [
        ((5,), {}, "two axes for one model"),
        ((2, 3, 4, 5), {}, "two axes for one model"),
        ((2, 5), {"features": 3}, "must fit features = 3"),
        ((2, 5), {"hidden": 0}, "hidden must be a whole number"),
        ((2, 5), {"layout": "hidden"}, "layout must be one of"),
    ],
)
def test_shapes_that_do_not_fit(shape, settings, words):
    with pytest.raises(InvalidInput, match=words):
        size_of(shape, **settings)


def test_importances_and_sparsities_of_a_stack():
    trained = stack(np.ones((3, 2, 4)))
    for importance in ([1, 2, 3, 4], [[1, 2, 3, 4]], [[1, 2, 3, 4]] * 3):
        assert [each.importance.tolist() for each in networks(trained, importance, 0.5)] == [[1, 2, 3, 4]] * 3
    sparsities = [[0.1], [0.5], [0.9]]
    assert [each.sparsity[0] for each in networks(trained, 1.0, sparsities)] == [0.1, 0.5, 0.9]
    with pytest.raises(InvalidInput, match=r"for one per model pass shape \(3, 1\)"):
        networks(trained, 1.0, [0.1, 0.5, 0.9])


def test_both_layouts_and_reductions_mean_the_same():
    W, b = pentagon()
    problem: dict[str, Any] = {"importance": 1.0, "sparsity": 0.9}
    first = check(np.stack([W] * 3), np.stack([b] * 3), **problem)
    second = check(np.stack([W.T] * 3), np.stack([b] * 3), **problem, reduction="mean")
    assert len(first) == len(second) == 3
    for one, other in zip(first, second, strict=True):
        assert one.loss == pytest.approx(0.026305131, abs=1e-8)
        assert other.loss == pytest.approx(one.loss / 5)
        assert one.converged
        assert other.converged


def test_a_minimum_is_converged_and_what_is_away_from_it_is_not():
    W, b = pentagon()
    problem: dict[str, Any] = {"importance": 1.0, "sparsity": 0.9}
    assert_converged(W, b, **problem, tolerance=1e-9)
    report = check(1.05 * W, b, **problem)
    assert not report.converged
    # the quadratic model's excess is the true one, near the minimum
    assert report[0].excess == pytest.approx(WIDE.loss(1.05 * W, b) - WIDE.loss(W, b), rel=0.25)
    with pytest.raises(AssertionError, match=r"1 of 1 models fail:\n  model 0, .*the loss can fall by about"):
        assert_converged(1.05 * W, b, **problem)


def test_a_saddle_is_not_converged():
    # four features at their means, one by itself: the gradient is zero, and there are ways down
    W = np.zeros((2, 5))
    W[0, 0] = 1.0
    b = np.array([0.0, 0.05, 0.05, 0.05, 0.05])
    (found,) = check(W, b, importance=1.0, sparsity=0.9)
    assert found.gradient_norm < 1e-12
    assert found.at_saddle
    assert not found.converged
    assert "saddle" in str(found)


def test_models_trained_with_noise_have_converged_and_early_ones_have_not():
    settings: dict[str, Any] = {"batch": 1024, "lr": 1e-3}
    run = train(WIDE, runs=6, steps=10_000, checkpoints=[200], optimizer="adam", seed=3, **settings, progress=False)
    problem: dict[str, Any] = {"importance": 1.0, "sparsity": 0.9, **settings}
    assert run.b is not None
    final, early = ((run.W[at, 0], run.b[at, 0]) for at in (-1, 1))
    assert sum(each.converged for each in check(*final, **problem)) >= 5
    assert not any(each.converged for each in check(*early, **problem))


def test_many_features_have_a_bound_instead_of_a_hessian():
    n, m = 16, 3
    model = ReluOutputModel.from_density(n, m, 0.2)
    W = 0.3 * np.random.default_rng(0).normal(size=(m, n))
    (found,) = check(W, np.full(n, 0.05), importance=1.0, sparsity=0.8)
    assert np.isnan(found.curvature)
    assert not found.converged
    assert found.loss == pytest.approx(model.loss(W, np.full(n, 0.05)))
    assert 0 < found.excess < found.loss


def test_conjugate_gradients_reach_the_quadratic_model():
    from analytic.checking.network import _by_conjugate_gradients, _excess, _flat

    W, b = pentagon()
    W = W + 1e-3 * np.random.default_rng(0).normal(size=W.shape)
    gradient = _flat(*WIDE.gradient(W, b))
    exact, bound = _excess(WIDE, W, b, gradient)[0], _by_conjugate_gradients(WIDE, W, b, gradient)
    assert 0.98 * exact < bound < 1.001 * exact


def test_the_smallest_model_keeps_its_report():
    assert check([[1.0, -1.0]], importance=1.0, sparsity=0.9)[0].phase == "antipodal"
    with pytest.raises(InvalidInput, match="use assert_converged"):
        assert_minimum(*pentagon(), importance=1.0, sparsity=0.9)


@pytest.mark.parametrize(
    ("W", "problem"), [(np.eye(3)[None].repeat(2, 0), {}), ([[[1.0, -1.0]], [[0.9, 0.1]]], {"init": None})]
)
def test_progress_counts_models(W, problem) -> None:
    seen: list[tuple[float, float]] = []
    check(W, importance=1.0, sparsity=0.5, layout="hidden-features", **problem,
          progress=lambda done, total: seen.append((done, total)))  # fmt: skip
    assert seen == [(1, 2), (2, 2)]
