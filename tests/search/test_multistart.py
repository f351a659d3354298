"""The search for minima: known minima with their geometry, symmetries, verification, and what it says of itself."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np
import pytest
from routes.multistart import Loss, gram, minima

from analytic import MinimaFound, ReluOutputModel, ToyModel, find_minima, search_minima
from analytic.search.distinct import distinct, lower_neighbour
from analytic.search.minimiser import Ends, Objective, minimise
from analytic.search.shares import share, upper_bound


@cache
def found(features: int, hidden: int, density: float, starts: int = 300) -> MinimaFound:
    return search_minima(ReluOutputModel.from_density(features, hidden, density), starts=starts)


def test_the_pentagon() -> None:
    """Published by eye many times: all norms equal, 72 degrees apart, 5!/(2 x 5) = 12 orders."""
    best = found(5, 2, 0.1).global_minimum
    assert best.shape == "pentagon"
    assert best.copies == 12
    assert best.loss == pytest.approx(0.026305131, abs=1e-9)
    np.testing.assert_allclose(np.linalg.norm(best.W, axis=0), 1.1004, atol=1e-4)
    np.testing.assert_allclose(best.b, -0.2099, atol=1e-4)


def test_two_crossed_digons_and_a_feature_left_out() -> None:
    best = found(5, 2, 0.3).global_minimum
    assert best.shape == "2 digons, not represented"
    assert best.copies == 15  # the one left out in 5 ways, the others paired in 3
    pair = find_minima(ToyModel.from_density(0.3)).global_minimum
    left_out = 0.3 / 3 - 0.3**2 / 4
    assert best.loss == pytest.approx(2 * pair.loss + left_out, rel=1e-12)


def test_the_triangle_above_density_one_half() -> None:
    best = found(3, 2, 0.6).global_minimum
    assert best.shape == "triangle"
    assert best.loss == pytest.approx(0.0939793, abs=1e-7)
    off = (best.W.T @ best.W)[~np.eye(3, dtype=bool)]
    np.testing.assert_allclose(off, -0.4245, atol=1e-4)


@pytest.mark.parametrize("case", [(5, 2, 0.1), (5, 2, 0.3), (3, 2, 0.6)])
def test_every_listed_minimum_is_one(case: tuple[int, int, float]) -> None:
    result = found(*case)
    model = result.model
    rng = np.random.default_rng(0)
    for minimum in result:
        unit = model.silent_loss
        gradient = np.concatenate([g.ravel() for g in model.gradient(minimum.W, minimum.b)])
        assert np.linalg.norm(gradient) <= 1e-12 * unit
        assert minimum.curvature > 0
        assert minimum.loss == model.loss(minimum.W, minimum.b)
        for size in (1e-2, 1e-1):
            W = minimum.W + size * rng.normal(size=(200, *minimum.W.shape)) / np.sqrt(minimum.W.size)
            b = minimum.b + size * rng.normal(size=(200, len(minimum.b))) / np.sqrt(len(minimum.b))
            if size < 0.05:
                assert (model.loss(W, b) >= minimum.loss - 1e-14 * unit).all()


def test_losses_rise_and_shares_add_up() -> None:
    result = found(5, 2, 0.1)
    losses = [minimum.loss for minimum in result]
    assert losses == sorted(losses)
    assert sum(minimum.hits for minimum in result) + result.unresolved == result.starts
    assert all(m.share.low <= m.share.estimate <= m.share.high for m in result)
    assert all((m.source == "structured") == (m.hits == 0) for m in result)


def test_permuting_features_permutes_minima() -> None:
    importance, order = (1.0, 0.7, 0.4), [2, 0, 1]
    one = search_minima(ReluOutputModel.from_density(3, 2, 0.2, importance), starts=100)
    other = search_minima(ReluOutputModel.from_density(3, 2, 0.2, tuple(importance[i] for i in order)), starts=100)
    common = [m for m in one if m.share.estimate > 0.05]
    assert len(common) > 1
    for minimum in common:
        G = (minimum.W.T @ minimum.W)[np.ix_(order, order)]
        assert any(np.abs(each.W.T @ each.W - G).max() < 1e-6 for each in other)


@pytest.mark.parametrize("bias", ["none", "shared", "per-feature"])
@pytest.mark.parametrize(("density", "importance"), [(0.3, 0.7), (0.6, 0.8), (0.1, 0.3)])
def test_the_smallest_model_has_no_other_minima(bias, density: float, importance: float) -> None:
    model = ToyModel.from_density(density, importance, bias)
    result = search_minima(model, starts=200)
    known = find_minima(model)
    for minimum in result:
        theta = np.concatenate([minimum.W.ravel(), model.bias.each(minimum.b)])
        isolated = [[*sign * point.W, *model.bias.each(point.b)] for point in known.minima for sign in (1, -1)]
        near = any(np.abs(theta - np.array(point)).max() < 1e-7 for point in isolated)
        flat = [each.loss for each in known.flat_sets if each.kind == "minimum"]
        on_flat = bool(minimum.dead) and np.abs(np.array(flat) - minimum.loss).min() < 1e-12
        assert near or on_flat, f"{minimum} is not on the complete list"


def test_results_do_not_depend_on_the_executor_nor_on_interruption(tmp_path) -> None:
    model = ReluOutputModel.from_density(3, 1, 0.2)
    here = search_minima(model, starts=300, seed=4)
    with ProcessPoolExecutor(1) as executor:
        there = search_minima(model, starts=300, seed=4, executor=executor)
    path = tmp_path / "search.npz"
    kept = search_minima(model, starts=300, seed=4, resume=path)
    again = search_minima(model, starts=300, seed=4, resume=path)
    for other in (there, kept, again):
        assert [m.loss for m in other] == [m.loss for m in here]
        assert [m.hits for m in other] == [m.hits for m in here]
    with pytest.raises(ValueError, match="resume must be a file of this search"):
        search_minima(model, starts=300, seed=5, resume=path)


def test_files_give_back_what_was_saved(tmp_path) -> None:
    for bias in ("none", "shared", "per-feature"):
        result = search_minima(ReluOutputModel.from_density(3, 2, 0.3, (1, 0.5, 0.25), bias), starts=20)
        result.save(tmp_path / "found.npz")
        loaded = MinimaFound.load(tmp_path / "found.npz")
        assert loaded.model == result.model
        assert str(loaded) == str(result)
        for one, other in zip(loaded, result, strict=True):
            np.testing.assert_array_equal(one.W, other.W)
            assert one.groups == other.groups
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match="is no search for minima"):
        MinimaFound.load(tmp_path / "other.npz")


def test_it_never_says_every() -> None:
    text = str(found(3, 2, 0.6)) + repr(found(3, 2, 0.6)) + found(3, 2, 0.6)._repr_html_()
    assert "found" in text
    assert "every" not in text
    assert "ends elsewhere with probability below" in text


def test_a_saddle_is_left() -> None:
    """W = 0 with biases at the means is stationary, and the loss falls along every W."""
    model = ReluOutputModel.from_density(3, 2, 0.4)
    objective = Objective(model)
    saddle = objective.join(np.zeros((1, 2, 3)), np.full((1, 3), 0.2))
    loss, gradient = objective(saddle)
    assert np.abs(gradient).max() < 1e-15
    (point,) = distinct(objective, Ends(saddle, loss, np.zeros(1)))
    below = lower_neighbour(objective, point, np.random.default_rng(0))
    assert below is not None
    assert minimise(objective, below[None]).loss[0] < loss[0] - 1e-3


def test_rows_do_not_see_each_other() -> None:
    objective = Objective(ReluOutputModel.from_density(4, 2, 0.3))
    theta = np.random.default_rng(1).normal(size=(20, 12)) / 2
    together = minimise(objective, theta)
    for k in (0, 7, 19):
        alone = minimise(objective, theta[k : k + 1])
        assert np.abs(alone.theta[0] - together.theta[k]).max() < 1e-9


def test_intervals() -> None:
    # nothing seen in n: the upper end solves (1 - q)^n = 0.025
    assert (share(0, 50).low, share(0, 50).high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 50)))
    assert (share(50, 50).low, share(50, 50).high) == (pytest.approx(0.025 ** (1 / 50)), 1.0)
    assert share(0, 10).low == 0
    assert share(10, 10).high == 1
    assert share(0, 10).high == pytest.approx(1 - 0.025 ** (1 / 10))  # nothing seen: (1 - p)^10 = 2.5 %
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert upper_bound(5, 5) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"starts": 0}, "starts must be a whole number, from 1 to 1000000, got 0"),
        ({"init": "magic"}, "init must be one of"),
        ({"layout": "x"}, "layout"),
        ({"resume": "x.csv"}, "must end in .npz"),
    ],
)
def test_nonsense(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        search_minima(ReluOutputModel.from_density(3, 2, 0.3), **options)


def test_what_cannot_be_searched_says_why() -> None:
    with pytest.raises(TypeError, match="model must be a ReluOutputModel"):
        search_minima("model")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most 10 features"):
        search_minima(ReluOutputModel.from_density(11, 2, 0.3))
    with pytest.raises(ValueError, match="a feature is never on"):
        search_minima(ReluOutputModel.from_density(3, 2, (0.3, 0.0, 0.3)))


CASES = [(3, 1, 0.1), (3, 2, 0.1), (4, 2, 0.1)]
MORE = [(n, m, p) for n, m in ((3, 1), (3, 2), (4, 2), (5, 2), (4, 3), (6, 2)) for p in (0.05, 0.1, 0.2)]


def independent_route(case: tuple[int, int, float], starts: int) -> None:
    """Minima that SciPy finds on its own loss with a share above 2 % are found, and those found are its minima."""
    features, hidden, density = case
    importance = 0.9 ** np.arange(features)
    result = search_minima(
        ReluOutputModel.from_density(features, hidden, density, tuple(importance)), starts=4 * starts
    )
    loss = Loss(hidden, np.full(features, density), importance)
    own = minima(loss, starts, seed=1)
    theirs = np.array([gram(group[0], hidden, features) for group in own])
    often = 0.02 + 3 * np.sqrt(0.02 / starts)
    matched = np.zeros(len(own), bool)
    for minimum in result:
        near = np.abs(theirs - minimum.W.T @ minimum.W).max((1, 2)) < 0.06
        matched |= near
        assert near.any() or minimum.share.estimate < often, f"only here: {minimum}"
    unknown = [group for group, known in zip(own, matched, strict=True) if not known and len(group) > often * starts]
    assert all(loss.stiffness(group[0]) < 5e-3 for group in unknown), f"only there: {[group[0] for group in unknown]}"


@pytest.mark.parametrize("case", CASES[:1])
def test_against_scipy_on_another_loss(case: tuple[int, int, float]) -> None:
    independent_route(case, 30)


@pytest.mark.slow
@pytest.mark.parametrize("case", MORE)
def test_against_scipy_on_another_loss_at_length(case: tuple[int, int, float]) -> None:
    independent_route(case, 150)
