"""Training and theory, compared by z-scores: neither side knows the other's formulas."""

import math

import numpy as np
import pytest

from analytic import ReluOutputModel, ToyModel, find_minima
from analytic.attraction.fractions import basins
from analytic.checking.report import check
from analytic.models.bias import Bias
from analytic.training.noise import gradient_moments
from analytic.training.trainer import train

MODELS = {
    bias: [ToyModel.from_density(p, r, bias=bias) for p in (0.05, 0.4, 1.0) for r in (0.2, 1.0, 3.0)]
    + [ToyModel.from_patterns(0.3, 0.4, 0.2, 0.1, importance=0.5, bias=bias)]
    for bias in Bias
}


@pytest.mark.parametrize("bias", Bias)
def test_the_exact_loss_is_the_mean_over_fresh_samples(bias):
    run = train(MODELS[bias], runs=20, steps=400, batch=1024, lr=0.01, checkpoints=4)
    z = np.empty(run.loss.shape)
    for k, model in enumerate(MODELS[bias]):
        W, b = run.W[:, k], None if run.b is None else run.b[:, k]
        z[:, k] = (run.loss[:, k] - model.loss(W, b)) / np.sqrt(model.loss_variance(W, b) / run.batch)
    count = z.size
    assert count == 5 * 10 * 20
    # a mean over 1024 samples is nearly normal; where only 51 of them are on, its skewness still allows for 6
    assert np.abs(z).max() < 6
    assert abs(z.mean()) < 5 / math.sqrt(count)
    assert abs((z**2).mean() - 1) < 5 * math.sqrt(2 / count) + 0.05


@pytest.mark.parametrize("bias", Bias)
def test_the_exact_gradient_is_the_mean_over_samples(bias):
    samples = 2**14
    for seed, model in enumerate(MODELS[bias]):
        rng = np.random.default_rng(seed)
        W, b = rng.normal(size=2), {"none": None, "shared": 0.1, "per-feature": rng.normal(size=2) / 4}[bias]
        mean, covariance = gradient_moments(model, W, b, samples=samples, seed=seed)
        error = mean - model.gradient(W, b)
        assert (np.abs(error) <= 6 * np.sqrt(np.diag(covariance) / samples) + 1e-12).all()


def large(n, m, joint, bias, seed=0):
    """A model of n features, m hidden units, of various importances and densities, and a point."""
    rng = np.random.default_rng([seed, n, m])
    importance = rng.uniform(0.5, 2, n).tolist()
    if joint:
        patterns = rng.exponential(size=(2,) * n) ** 2
        model = ReluOutputModel.from_patterns(m, patterns / patterns.sum(), importance, bias)
    else:
        model = ReluOutputModel.from_density(n, m, rng.uniform(0.02, 1, n).tolist(), importance, bias)
    b = {"none": None, "shared": 0.1, "per-feature": rng.normal(size=n) / 4}[bias]
    return model, rng.normal(size=(m, n)) / math.sqrt(m), b


#: Beyond the recurrence: the loss is integrated on a lattice.
LARGE = [(16, 4, False), (100, 20, False)]
SIZES = [(2, 1, False), (2, 1, True), (3, 2, True), (5, 2, False), (6, 3, True), (8, 3, False), (10, 3, False)]


@pytest.mark.parametrize("bias", Bias)
@pytest.mark.parametrize(("n", "m", "joint"), SIZES + LARGE)
def test_the_exact_loss_of_any_size_is_the_mean_over_fresh_samples(n, m, joint, bias):
    model, W, b = large(n, m, joint, bias)
    count = 200
    run = train(model, runs=count, steps=1, batch=2048, lr=1e-12, optimizer="sgd", checkpoints=1, init=(W, b))
    losses = run.loss[0, 0]
    # Student's t of 199 degrees of freedom exceeds 5 with probability 1e-6; float32 leaves 1e-6 of the loss
    assert abs(losses.mean() - model.loss(W, b)) < 5 * losses.std(ddof=1) / math.sqrt(count) + 1e-6 * losses.mean()


@pytest.mark.parametrize("bias", Bias)
@pytest.mark.parametrize(("n", "m", "joint"), SIZES)
def test_the_exact_gradient_of_any_size_is_the_mean_over_samples(n, m, joint, bias):
    model, W, b = large(n, m, joint, bias)
    samples = 2**15
    mean, variances = gradient_moments(model, W, b, samples=samples, diagonal=True)
    dW, db = model.gradient(W, b)
    exact = np.concatenate([dW.ravel(), [] if db is None else np.ravel(db)])
    assert (np.abs(mean - exact) <= 6 * np.sqrt(variances / samples) + 1e-12).all()


def test_ends_of_gradient_descent_scatter_about_the_minima_as_they_must():
    # the minimum of a data set of n samples has covariance H⁻¹ C H⁻¹ / n about the minimum of the mean
    model, n, runs = ToyModel(importance=0.6, sparsity=0.5, bias="none"), 16_384, 60
    for minimum in find_minima(model).minima:
        run = train(model, runs=runs, optimizer="gd", lr=0.3, steps=400, batch=n, init=(minimum.W, None))
        inverse = np.linalg.inv(model.hessian(minimum.W))
        covariance = inverse @ gradient_moments(model, minimum.W)[1] @ inverse / n
        offsets = run.final[0][0] - minimum.W
        chi_square = np.einsum("ij,jk,ik->", offsets, np.linalg.inv(covariance), offsets)
        assert abs(chi_square - 2 * runs) < 5 * math.sqrt(4 * runs)


def test_the_noise_of_sgd_is_as_large_as_check_expects():
    model, runs = ToyModel(sparsity=0.5, bias="none"), 200
    run = train(model, runs=runs, optimizer="sgd", lr=0.02, steps=800, batch=128, init=([0.7, 0.7], None))
    report = check(run.final[0][0], importance=1.0, sparsity=0.5, batch=128, lr=0.02, optimizer="sgd")
    ratios = np.array([each.excess / each.allowed for each in report.models]) * 10.828
    # the mean of `runs` ratios varies by at most sqrt(2/runs); terms of order lr are neglected
    assert abs(ratios.mean() - 1) < 5 * math.sqrt(2 / runs) + 0.1
    # one in a thousand may be called not converged; five of 200 have probability 3e-6
    assert sum(not each.converged for each in report.models) < 5


def test_basin_fractions_are_those_of_training():
    model, runs = ToyModel(sparsity=0.5, bias="none"), 400
    run = train(model, runs=runs, optimizer="sgd", lr=0.03, steps=500, batch=256)
    ends = run.final[0][0]
    expected = {entry.target.phase: entry.estimate for entry in basins(model).fractions}
    antipodal = np.mean(ends.prod(axis=1) < 0)
    p = expected["antipodal"]
    assert abs(antipodal - p) < 4 * math.sqrt(p * (1 - p) / runs)


def test_dense_training_without_bias_ends_at_a_point_that_is_no_minimum():
    # W = (1, 0): the loss falls towards W1 W2 > 0, but training that comes from the other side stays
    model, runs = ToyModel(importance=0.3, sparsity=0.2, bias="none"), 100
    assert [minimum.phase for minimum in find_minima(model).minima] == ["confused"]
    run = train(model, runs=runs, optimizer="sgd", lr=0.05, steps=3000, batch=256)
    stuck = np.abs(run.final[0][0][:, 1]) < 1e-2
    p = next(entry.estimate for entry in basins(model).fractions if entry.target.phase == "dedicated-1")
    assert abs(stuck.mean() - p) < 4 * math.sqrt(p * (1 - p) / runs)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_decayed_start_at_a_minimum_moves_to_the_penalised_one(optimizer):
    # sgd with decay d descends L + d/2 |W|²: along (1, 1), a s⁴ − 2 a s² + d s²/2 is least at s² = 1 − d/(4 a)
    model, decay = ToyModel(bias="none"), 0.1
    run = train(
        model,
        runs=20,
        optimizer=optimizer,
        lr=0.02,
        schedule="linear",
        steps=1500,
        batch=512,
        weight_decay=decay,
        init=([0.7, 0.7], None),
    )
    norms = (run.final[0][0] ** 2).sum(axis=1)
    assert np.abs(norms.mean() - (1 - decay / (4 * 7 / 12))) < 0.005


def test_adamw_decays_by_less_than_its_name_says():
    model = ToyModel(sparsity=0.5, bias="none")
    run = train(model, runs=10, optimizer="adamw", steps=3000, batch=1024, init=([0.7, 0.7], None), lr=1e-3)
    assert run.effective_decay is not None
    assert run.effective_decay.max() < 0.01 * 0.05
