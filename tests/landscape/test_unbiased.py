"""Every stationary point without bias: known answers, exact counts, independent searches, degenerate models."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from facts.known import integrated_loss
from scipy.optimize import minimize

from analytic import ToyModel, find_minima, find_stationary_points
from analytic.landscape.records import StationaryPoint
from analytic.landscape.unbiased_grid import solve_many
from analytic.loss import kernels


def count(model: ToyModel) -> tuple[int, int, int]:
    landscape = find_stationary_points(model)
    return len(landscape.minima), len(landscape.saddles), len(landscape.maxima)


def test_confused_minimum_at_equal_importance_is_the_diagonal_for_every_density() -> None:
    """r = 1: the quartic is (t - 1)(t + 1)(2 t^2 + 3 p t + 2), so t = 1, and L = p/3 - p^2/4 there."""
    for p in (0.001, 0.1, 0.5, 0.9, 1.0):
        (point,) = (m for m in find_minima(ToyModel.from_density(p, bias="none")).minima if m.phase == "confused")
        np.testing.assert_allclose(point.W, [0.5**0.5, 0.5**0.5], rtol=1e-15)
        np.testing.assert_allclose(point.loss, p / 3 - p**2 / 4, rtol=1e-14)


def test_antipodal_minimum_at_equal_importance() -> None:
    """W = sqrt(s) (1, -1): L = p (2/3 - 4 X s + 2 Y s^2) with X = (8 - 5 p)/24, Y = (4 - 3 p)/12, so s = X / Y."""
    for p in (Fraction(1, 10), Fraction(1, 2), Fraction(4, 5)):
        x, y = (8 - 5 * p) / 24, (4 - 3 * p) / 12
        landscape = find_minima(ToyModel.from_density(p, bias="none"))
        (point,) = (m for m in landscape.minima if m.phase == "antipodal")
        np.testing.assert_allclose(point.W, np.sqrt(float(x / y)) * np.array([1, -1]), rtol=1e-15)
        np.testing.assert_allclose(point.loss, float(2 * p / 3 - 2 * p * x**2 / y), rtol=1e-14)


@pytest.mark.parametrize(
    ("p", "r", "expected"),
    [
        (0.3, 0.7, (2, 2, 1)),  # antipodal and confused; both axes
        (0.9, 0.4, (1, 2, 1)),  # beyond the fold: confused only
        (0.6, 0.4, (2, 3, 1)),  # between fold and instability: one more saddle next to the axis W2 = 0
        (1.0, 1.0, (2, 4, 1)),  # beyond both instabilities
        (1.0, 0.5, (1, 3, 1)),  # beyond the fold, and beyond the instability of the axis W1 = 0
        (1e-12, 1.0, (2, 2, 1)),
        (0.5, 1e-3, (1, 2, 1)),
        (0.5, 1e3, (1, 2, 1)),
    ],
)
def test_counts(p: float, r: float, expected: tuple[int, int, int]) -> None:
    assert count(ToyModel.from_density(p, r, "none")) == expected


@pytest.mark.parametrize("seed", range(25))
def test_alternation(seed: int) -> None:
    """On the circle of directions maxima of a^2/q alternate with its minima: as many minima as true saddles."""
    rng = np.random.default_rng(seed)
    model = ToyModel((1.0, 10 ** rng.uniform(-1, 1)), tuple(rng.random(2)), bias="none")
    landscape = find_stationary_points(model)
    signs = [np.sign(np.linalg.det(model.hessian(s.W))) for s in landscape.saddles if not s.on_kink]
    assert all(sign == -1 for sign in signs)
    assert 0 <= len(landscape.minima) - len(signs) <= 2
    for point in landscape:
        gradient = model.gradient(point.W)
        if not point.on_kink:
            assert np.max(np.abs(gradient)) < 1e-14
            assert point.eigenvalues is not None
            assert np.all(point.eigenvalues > 0) == (point.kind == "minimum")


@pytest.mark.parametrize("seed", range(4))
def test_independent_search_finds_the_same_minima(seed: int) -> None:
    """Starts all around, SciPy's minimiser and a loss integrated from the definition share nothing with the solver."""
    rng = np.random.default_rng(seed)
    model = ToyModel((1.0, 10 ** rng.uniform(-0.7, 0.7)), tuple(rng.uniform(0, 0.9, 2)), bias="none")
    minima = find_minima(model).minima
    reached = set()
    for angle in np.linspace(0.1, np.pi, 12, endpoint=False):
        start = [np.cos(angle), np.sin(angle)]
        end = minimize(
            lambda W: integrated_loss(model, W, None), start, method="Nelder-Mead", options={"fatol": 1e-13}
        ).x
        distances = [min(np.abs(copy - end).max() for copy in point.copies) for point in minima]
        assert min(distances) < 1e-3, end
        reached.add(int(np.argmin(distances)))
    assert reached == set(range(len(minima)))


def test_digits() -> None:
    exact = find_minima(ToyModel.from_density(Fraction(1, 2), bias="none"), digits=50).minima[0]
    with mpmath.workdps(60):
        assert abs(exact.W[0] - mpmath.sqrt(mpmath.mpf(11) / 10)) < mpmath.mpf(10) ** -50
        assert abs(exact.loss - mpmath.mpf(13) / 160) < mpmath.mpf(10) ** -50


def test_a_double_root_is_one_degenerate_saddle(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a fold the sextic is (2 t - 1)^2 times a factor without a root in (0, 1), here t^4 + 1: no change of sign."""
    square, factor = [1, -4, 4], [1, 0, 0, 0, 1]
    sextic = np.convolve(square, factor)
    monkeypatch.setattr(kernels, "antipodal_polynomial", lambda *parameters: tuple(int(c) for c in sextic))
    landscape = find_stationary_points(ToyModel.from_density(0.5, 0.5, "none"))
    degenerate = [s for s in landscape.saddles if s.phase == "antipodal"]
    assert sorted(min(abs(s.W)) / max(abs(s.W)) for s in degenerate) == [0.5, 0.5]
    assert [m.phase for m in landscape.minima] == ["confused"]


def test_counts_change_by_one_pair_across_a_fold() -> None:
    """The fold at density 1 lies at r = 0.629915758066190912...; the exact solver separates models 2e-13 apart."""
    counts = [count(ToyModel(Fraction(6299157580661909 + step, 10**16), 0, bias="none")) for step in (-1, 1)]
    assert counts == [(1, 3, 1), (2, 4, 1)]


def test_batch_solver_equals_the_exact_one() -> None:
    rng = np.random.default_rng(2)
    models = [
        ToyModel((1.0, 10 ** rng.uniform(-1, 1)), 1 - rng.random() if k % 3 else 0.0, bias="none") for k in range(150)
    ]
    models += [ToyModel(1.0, sparsity, bias="none") for sparsity in (0.0, 0.25, 0.75, 0.999)]
    size = len(models)
    n_minima, W, loss, gap = np.empty(size, np.int64), np.empty((size, 2)), np.empty(size), np.empty(size)
    solve_many(np.array([model.parameters for model in models]), n_minima, W, loss, gap)
    for k, model in enumerate(models):
        minima = find_minima(model).minima
        assert n_minima[k] == len(minima)
        np.testing.assert_allclose(W[k], minima[0].W, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(loss[k], minima[0].loss, atol=1e-15)
        if len(minima) > 1:
            np.testing.assert_allclose(gap[k], minima[1].loss - minima[0].loss, atol=1e-15)


def test_exchanging_the_features_exchanges_the_points() -> None:
    one = find_stationary_points(ToyModel((1.0, 0.3), (0.5, 0.25), bias="none"))
    other = find_stationary_points(ToyModel((0.3, 1.0), (0.25, 0.5), bias="none"))
    assert [p.kind for p in one] == [p.kind for p in other]
    for left, right in zip(one, other, strict=True):
        assert sorted(map(abs, left.W)) == sorted(map(abs, right.W))


@pytest.mark.parametrize("digits", [None, 30])
@pytest.mark.parametrize("patterns", [(0.5, 0.25, 0.25, 0), (0.5, 0.3, 0.2, 0), (0, 0.3, 0.7, 0), (0, 0.5, 0.5, 0)])
def test_features_that_are_never_both_on_are_represented_perfectly(
    patterns: tuple[float, float, float, float], digits: int | None
) -> None:
    """At W = (1, -1) each output is its feature where that is on, and negative where the other one is."""
    none, first, second, both = patterns
    landscape = find_minima(ToyModel.from_patterns(none, first, second, both, 0.3, "none"), digits=digits)
    best = landscape.global_minimum
    assert isinstance(best, StationaryPoint)
    assert best.loss == 0
    assert best.W.tolist() == [1, -1]


def test_features_that_are_alike_and_never_both_on_have_a_circle_of_minima() -> None:
    """There 3 L = p (1 + (|W|^2 - 1)^2) for W1 W2 >= 0; it does not hide the isolated minimum at W = (1, -1)."""
    model = ToyModel.from_patterns(0.5, 0.25, 0.25, 0.0, bias="none")
    landscape = find_minima(model)
    (circle,) = landscape.flat_sets
    assert circle.kind == "minimum"
    for angle in (0.1, 0.7, 1.5):
        W = np.array([np.cos(angle), np.sin(angle)])
        assert circle.contains(W, None)
        assert model.loss(W) == pytest.approx(circle.loss, rel=1e-14)
        assert model.loss(1.01 * W) > circle.loss < model.loss(0.99 * W)
    assert not any(circle.contains(W, None) for W in ([1.0, 0.0], [0.8, -0.6], [0.5, 0.5]))
    assert [point.phase for point in landscape.minima] == ["antipodal"]
    assert sorted(point.phase for point in landscape.saddles) == ["dedicated-1", "dedicated-2"]


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="density must be positive"):
        find_minima(ToyModel(sparsity=1, bias="none"))
    with pytest.raises(TypeError, match="model must be a ToyModel"):
        find_minima("model")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="digits must be"):
        find_minima(ToyModel(bias="none"), digits=0)
