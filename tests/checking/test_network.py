"""Checks of models of any size: how shapes are read, and whether what is called converged is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from analytic import ToyModel, find_minima, search_minima
from analytic.checking.composition import cosine_deviations
from analytic.checking.noise import Noise
from analytic.checking.problems import networks
from analytic.checking.report import check
from analytic.checking.shapes import Size, size_of
from analytic.checking.weights import stack
from analytic.models.relu_output import ReluOutputModel
from analytic.testing import assert_converged, assert_minimum
from analytic.training.noise import gradient_moments
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
        assert_converged(1.05 * W, b, **problem, search=0)


def test_a_saddle_is_not_converged():
    # four features at their means, one by itself: the gradient is zero, and there are ways down
    W = np.zeros((2, 5))
    W[0, 0] = 1.0
    b = np.array([0.0, 0.05, 0.05, 0.05, 0.05])
    for search in (None, 0):
        (found,) = check(W, b, importance=1.0, sparsity=0.9, search=search)
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
    from analytic.checking.quadratic import _by_conjugate_gradients, excess, flat

    W, b = pentagon()
    W = W + 1e-3 * np.random.default_rng(0).normal(size=W.shape)
    gradient = flat(*WIDE.gradient(W, b))
    exact, bound = excess(WIDE, W, b, gradient)[0], _by_conjugate_gradients(WIDE, W, b, gradient)
    assert 0.98 * exact < bound < 1.001 * exact


def test_the_smallest_model_keeps_its_report():
    assert check([[1.0, -1.0]], importance=1.0, sparsity=0.9)[0].phase == "antipodal"
    with pytest.raises(InvalidInput, match="use assert_converged"):
        assert_minimum(*pentagon(), importance=1.0, sparsity=0.9)


@pytest.mark.parametrize(
    ("W", "problem"), [(np.eye(3)[None].repeat(2, 0), {"search": 0}), ([[[1.0, -1.0]], [[0.9, 0.1]]], {"init": None})]
)
def test_progress_counts_models(W, problem) -> None:
    seen: list[tuple[float, float]] = []
    check(W, importance=1.0, sparsity=0.5, layout="hidden-features", **problem,
          progress=lambda done, total: seen.append((done, total)))  # fmt: skip
    assert seen == [(1, 2), (2, 2)]


# --- where it ends among the minima found, and what it is made of ---

PROBLEM: dict[str, Any] = {"importance": 1.0, "sparsity": 0.9}


def test_the_place_of_a_trained_model_among_the_minima_found() -> None:
    W, b = pentagon()
    rng, order = np.random.default_rng(1), [3, 1, 4, 0, 2]
    turn = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    noise = 1e-3 * rng.normal(size=15)
    (each,) = check(turn @ W[:, order] + noise[:10].reshape(2, 5), b[order] + noise[10:], **PROBLEM)
    assert each.destination.place == 0
    assert each.destination.found.starts == 200
    assert each.shape == each.destination.minimum.shape == "pentagon"
    assert each.gap == 0.0
    assert each.at_best_found
    assert 0 < each.distance <= np.linalg.norm(noise)
    assert each.reached == each.destination.minimum.share.estimate > 0.5
    assert each.excess == pytest.approx(each.loss - WIDE.loss(W, b), abs=1e-12)
    np.testing.assert_allclose(each.dimensionality, 0.4, atol=1e-3)
    assert "the best of the" in str(each)
    assert "minima found" in str(each)
    assert "every" not in str(each)


def test_a_worse_minimum_has_a_gap_and_one_not_on_the_list_is_said_to_be_so() -> None:
    crossed = np.array([[1.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0, 0.0]])
    b = np.array([0.0, 0.0, 0.0, 0.0, 0.05])
    (each,) = check(crossed, b, **PROBLEM)
    end = each.destination
    assert each.shape == end.minimum.shape == "2 digons, not represented"
    assert end.place > 0
    # two pairs, each at its antipodal minimum, and a feature at its mean, above the pentagon
    pair = find_minima(ToyModel(sparsity=0.9)).global_minimum.loss
    assert each.gap == pytest.approx(2 * pair + 0.1 / 3 - 0.1**2 / 4 - WIDE.loss(*pentagon()), abs=1e-12)
    mean = check(crossed, b, **PROBLEM, reduction="mean")[0]
    assert mean.gap == pytest.approx(each.gap / 5)
    short = replace(end.found, minima=end.found.minima[:1])
    (other,) = check(crossed, b, **PROBLEM, landscape=short)
    assert other.destination.place is None
    assert other.destination.minimum.source == "descent"
    assert other.gap == pytest.approx(each.gap)
    assert "not among those found" in str(other)
    below = replace(end.found, minima=end.found.minima[end.place :])
    (best,) = check(*pentagon(), **PROBLEM, landscape=below)
    assert best.gap == pytest.approx(-each.gap)
    assert "below the best of" in str(best)


def test_a_model_with_all_outputs_dead_is_on_a_flat_set() -> None:
    (each,) = check(np.ones((2, 5)), np.full(5, -20.0), **PROBLEM)
    assert each.loss == pytest.approx(WIDE.silent_loss)
    assert each.distance == 0.0
    assert each.destination.minimum.dead == (0, 1, 2, 3, 4)
    assert each.destination.place is None
    assert each.excess == 0.0


def test_a_stack_shares_one_search_for_each_problem(monkeypatch) -> None:
    from analytic.checking import destinations

    asked: list[ReluOutputModel] = []
    search = destinations.search_minima

    def counting(model, **settings):
        asked.append(model)
        return search(model, **settings)

    monkeypatch.setattr(destinations, "search_minima", counting)
    W, b = pentagon()
    settings: dict[str, Any] = {"importance": 1.0, "search": 7}
    for _ in range(2):
        check(np.stack([W] * 4), np.stack([b] * 4), sparsity=[[0.9], [0.8], [0.9], [0.9]], **settings)
    assert [each.sparsity[0] for each in asked] == [0.9, 0.8]


@pytest.mark.parametrize(("search", "destination"), [(None, False), pytest.param(2, True, marks=pytest.mark.slow)])
def test_more_features_are_searched_on_request(search, destination: bool) -> None:
    W, b = np.eye(1, 9), np.array([0.0, *[0.25] * 8])
    (each,) = check(W, b, importance=1.0, sparsity=0.5, search=search)
    assert (each.destination is not None) == destination
    assert each.shape == "single, 8 not represented"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"search": -1}, "search must be a whole number, at least 0"),
        ({"search": 2.5}, "search must be a whole number"),
        ({"landscape": 3}, "landscape must be a MinimaFound"),
        ({"landscape": "other"}, "landscape must be that of ReluOutputModel"),
    ],
)
def test_searches_that_cannot_be(settings, words) -> None:
    if settings.get("landscape") == "other":
        settings = {"landscape": search_minima(ReluOutputModel.from_density(3, 1, 0.5), starts=2)}
    W, b = pentagon()
    with pytest.raises(InvalidInput, match=words):
        check(W, b, **PROBLEM, **settings)
    if "search" in settings:
        with pytest.raises(InvalidInput, match=words):
            check([1.0, -1.0], importance=1.0, sparsity=0.9, **settings)


def test_reports_carry_the_place_and_the_shape() -> None:
    W, b = pentagon()
    report = check(W, b, **PROBLEM)
    (row,) = report.table()
    assert row["shape"] == "pentagon"
    assert row["gap"] == 0.0
    assert row["phase"] is None
    assert row["distance"] == report[0].distance
    page = report._repr_html_()
    assert "pentagon" in page
    assert "distance" in page
    assert "phase" not in page


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_covariance_of_hovering_weights_solves_its_equation(optimizer) -> None:
    """P H V + V H P = lr P C P / B off the rotations, and tr(H V)/2 is the mean excess."""
    W, b = pentagon()
    noise = Noise(batch=64, lr=0.01, optimizer=optimizer)
    V, H = noise.covariance(WIDE, W, b), WIDE.hessian(W, b)
    assert V is not None
    C = gradient_moments(WIDE, W, b)[1] / 64
    P = np.eye(15) if optimizer == "sgd" else np.diag(1 / np.sqrt(np.diag(C)))
    left, right = P @ H @ V + V @ H @ P, 0.01 * P @ C @ P
    turn = np.concatenate([W[1], -W[0], np.zeros(5)])
    off = np.eye(15) - np.outer(turn, turn) / (turn @ turn)
    if optimizer == "sgd":
        np.testing.assert_allclose(off @ left @ off, off @ right @ off, atol=1e-6 * np.abs(right).max())
    assert np.trace(H @ V) / 2 == pytest.approx(noise.mean_excess(WIDE, W, b), rel=1e-2)


def test_deviations_of_cosines_are_those_of_samples() -> None:
    W, rng = pentagon()[0], np.random.default_rng(0)
    half = 1e-4 * rng.normal(size=(10, 10))
    samples = W + (rng.normal(size=(20_000, 10)) @ half.T).reshape(-1, 2, 5)
    u = samples / np.linalg.norm(samples, axis=1, keepdims=True)
    first, second = np.triu_indices(5, 1)
    cosines = np.einsum("Naj,Naj->Nj", u[:, :, first], u[:, :, second])
    np.testing.assert_allclose(cosine_deviations(W, half @ half.T), cosines.std(axis=0), rtol=0.03)


def test_noise_widens_the_tolerance_of_the_groups() -> None:
    W, b = pentagon()
    assert check(W, b, **PROBLEM)[0].tolerance == 0.1
    assert check(W, b, **PROBLEM, batch=1024, lr=1e-3)[0].tolerance == 0.1
    assert 0.1 < check(W, b, **PROBLEM, batch=32, lr=0.03)[0].tolerance <= 0.25
