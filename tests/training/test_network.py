"""The network of any size against numerical differentiation, PyTorch, the pair's own code, and expected losses.

Expected losses for many features, without a formula for many features: features in mutually orthogonal pairs of columns
have a loss that is the sum over the pairs, turned as a whole by any rotation of the hidden space.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
import pytest

from analytic import ToyModel
from analytic.models.bias import Bias
from analytic.training import network as network_module
from analytic.training import trainer as trainer_module
from analytic.training.network import Network, NetworkSampler, sections
from analytic.training.noise import gradient_moments
from analytic.training.optimisers import Rule
from analytic.training.pair import Batch, batch_gradient
from analytic.training.problems import Pair, Wide, problem
from analytic.training.settings import Settings
from analytic.training.trainer import Trainer, train
from analytic.training.workspace import Streams, Workspace
from analytic.validation import InvalidInput

CONVENTIONS = tuple(Bias)


def wide(n: int, m: int, bias: Bias = Bias.PER_FEATURE, density: float = 0.5) -> Wide:
    importance = np.linspace(1.0, 2.0, n)
    return Wide(m, importance, np.full(n, density), bias)


def samples(rows: int, pieces: int, n: int, columns: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    x = rng.random((rows, pieces, n, columns))
    return x * (rng.random(x.shape) < 0.5)


def plain_loss(W: Any, b: Any, importance: Any, x: Any) -> float:
    """Sum over the samples x (count, n) of the loss, as the definition has it."""
    return float(((np.maximum(x @ W.T @ W + b, 0) - x) ** 2 @ importance).sum())


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 1), (3, 2), (5, 2), (2, 3)])
def test_loss_and_gradient_are_those_of_the_network(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    network = Network([wide(n, m)] * 2, np.float64)
    theta = rng.normal(size=(2, m * n + n))
    x = samples(2, 3, n, 7)
    space = network.workspace(21)
    network.load(theta)
    losses, slopes = network.losses(x, space), 2 * network.slopes(x, space)

    def loss(row: int, parameters: Any) -> float:
        W, b = parameters[: m * n].reshape(m, n), parameters[m * n :]
        return plain_loss(W, b, np.linspace(1.0, 2.0, n), x[row].transpose(0, 2, 1).reshape(-1, n))

    h = 1e-6
    for row in range(2):
        assert losses[row] == pytest.approx(loss(row, theta[row]), rel=1e-12)
        for k, step in enumerate(h * np.eye(m * n + n)):
            slope = (loss(row, theta[row] + step) - loss(row, theta[row] - step)) / (2 * h)
            assert slopes[row, k] == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("n", "m"), [(5, 2), (100, 20)])
def test_the_gradient_is_that_of_autograd(n: int, m: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    theta = rng.normal(size=(1, m * n + n)) / math.sqrt(n)
    x = samples(1, 2, n, 64).astype(np.float32)
    network = Network([wide(n, m)])
    network.load(theta)
    slopes = 2 * network.slopes(x, network.workspace(128))[0]
    W = torch.tensor(theta[0, : m * n].reshape(m, n), dtype=torch.float32, requires_grad=True)
    b = torch.tensor(theta[0, m * n :], dtype=torch.float32, requires_grad=True)
    data = torch.from_numpy(x[0].transpose(0, 2, 1).reshape(-1, n).copy())
    importance = torch.linspace(1, 2, n)
    (importance * (torch.relu(data @ W.T @ W + b) - data) ** 2).sum().backward()
    expected = np.concatenate([W.grad.numpy().ravel(), b.grad.numpy()])
    # both sum 128 samples in single precision
    assert np.abs(slopes - expected).max() <= 64 * np.finfo(np.float32).eps * np.abs(expected).max()


def test_permuting_features_permutes_the_gradient() -> None:
    n, m, order = 6, 3, np.array([3, 0, 5, 1, 4, 2])
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(m, n)), rng.normal(size=n)
    x = samples(1, 2, n, 50)
    importance = rng.uniform(0.5, 2, n)

    def gradient(W: Any, b: Any, importance: Any, x: Any) -> tuple[Any, Any]:
        network = Network([Wide(m, importance, np.full(n, 0.5), Bias.PER_FEATURE)], np.float64)
        network.load(np.concatenate([W.ravel(), b])[None])
        found = network.slopes(np.ascontiguousarray(x), network.workspace(100))[0]
        return found[: m * n].reshape(m, n), found[m * n :]

    plain = gradient(W, b, importance, x)
    moved = gradient(W[:, order], b[order], importance[order], x[:, :, order])
    for one, other in zip(plain, moved, strict=True):
        assert np.allclose(one[..., order], other, rtol=1e-12, atol=1e-12)


def test_the_pair_is_the_network_with_one_hidden_unit() -> None:
    rng = np.random.default_rng(0)
    theta = rng.normal(size=(4, 4))
    x = samples(4, 1, 2, 500).astype(np.float32)
    importance = np.array([1.0, 2.0])
    network = Network([wide(2, 1)] * 4)
    network.load(theta)
    general = 2 / 500 * network.slopes(x, network.workspace(500))
    batch = Batch(x[:, 0, 0].copy(), x[:, 0, 1].copy(), 500)
    own = batch_gradient(theta, np.tile(importance, (4, 1)), batch, Workspace([2000] * 4, np.float32))
    # a sample with an argument within rounding of zero may count in one code and not in the other
    assert np.abs(general - own).max() <= 64 * np.finfo(np.float32).eps * np.abs(own).max() + 2 / 500 * 1e-5


@pytest.mark.parametrize("bias", CONVENTIONS)
def test_pairs_train_alike_in_either_code(bias: Bias) -> None:
    pair = Pair((1.0, 0.7), (0.3, 0.3, 0.2, 0.2), bias)
    table = np.array([[0.3, 0.2], [0.3, 0.2]])
    general = Wide(1, np.array([1.0, 0.7]), np.array([0.5, 0.4]), bias, table)
    few: dict[str, Any] = {"runs": 400, "steps": 60, "batch": 32, "lr": 0.05, "optimizer": "sgd", "checkpoints": 1}
    start = np.array([0.6, -0.4])
    ends = [
        train(pair, init=(start, None), **few).W[-1, 0],
        train(general, init=(start[None], None), seed=1, **few).W[-1, 0, :, 0],
    ]
    error = np.sqrt(sum(end.var(axis=0, ddof=1) / len(end) for end in ends))
    assert (np.abs(ends[0].mean(axis=0) - ends[1].mean(axis=0)) < 5 * error).all()
    # the variance of a sample variance is about 2 var²/count
    assert (np.abs(np.log(ends[0].var(axis=0) / ends[1].var(axis=0))) < 5 * math.sqrt(4 / 400)).all()


def orthogonal_pairs(count: int, joint: bool, bias: Bias) -> tuple[Wide, Any, Any, float, float]:
    """A model of `count` pairs, a W whose pairs are orthogonal, b, and its exact loss and variance."""
    rng = np.random.default_rng(count)
    patterns = (
        [(0.3, 0.4, 0.2, 0.1), (0.5, 0.1, 0.1, 0.3)] if joint else [(0.81, 0.09, 0.09, 0.01), (0.02, 0.18, 0.08, 0.72)]
    )
    pairs, tables, blocks, offsets = [], [], [], []
    shared = 0.1
    for k in range(count):
        none, first, second, both = patterns[k % 2]
        pairs.append(ToyModel.from_patterns(none, first, second, both, (1.0, float(rng.uniform(0.5, 2))), bias))
        tables.append(np.array([[none, second], [first, both]]))
        blocks.append(rng.normal(size=2))
        offsets.append({"none": None, "shared": shared, "per-feature": rng.normal(size=2) / 4}[bias])
    rotation = np.linalg.qr(rng.normal(size=(count, count)))[0]
    W = rotation @ np.kron(np.eye(count), np.ones((1, 2))) * np.concatenate(blocks)
    table = reduce(np.multiply.outer, tables) if joint else None
    density = np.concatenate([each.density for each in pairs])
    model = Wide(count, np.concatenate([each.importance for each in pairs]), density, bias, table)
    b = {
        "none": None,
        "shared": shared,
        "per-feature": np.concatenate([np.zeros(2) if x is None else np.ravel(x) for x in offsets]),
    }[bias]
    loss, variance = (
        sum(float(getattr(each, name)(w, o)) for each, w, o in zip(pairs, blocks, offsets, strict=True))
        for name in ("loss", "loss_variance")
    )
    return model, W, b, loss, variance


@pytest.mark.parametrize("bias", CONVENTIONS)
@pytest.mark.parametrize(("count", "joint"), [(1, False), (1, True), (2, True), (6, True), (5, False), (50, False)])
def test_losses_of_fresh_samples_have_the_expected_mean(count: int, joint: bool, bias: Bias) -> None:
    model, W, b, loss, variance = orthogonal_pairs(count, joint, bias)
    runs, batch = 40, 4096
    run = train(model, runs=runs, steps=1, batch=batch, lr=1e-12, optimizer="sgd", init=(W, b), seed=count)
    z = (run.loss[0, 0] - loss) / math.sqrt(variance / batch)
    assert abs(z.mean()) < 5 / math.sqrt(runs)
    assert abs(z.var(ddof=1) - 1) < 5 * math.sqrt(2 / runs)


@pytest.mark.parametrize("bias", CONVENTIONS)
@pytest.mark.parametrize("joint", [False, True])
def test_moments_of_the_gradient_are_those_of_the_pairs(bias: Bias, joint: bool) -> None:
    model, W, b, _, _ = orthogonal_pairs(2, joint, bias)
    count = 2**14
    mean, covariance = gradient_moments(model, W, b, samples=count, seed=1)
    variances = gradient_moments(model, W, b, samples=count, seed=1, diagonal=True)
    assert np.allclose(variances[0], mean, rtol=0, atol=5 * math.sqrt(covariance.max() / count))
    assert np.allclose(variances[1], np.diag(covariance), rtol=0.1, atol=1e-12)
    assert np.linalg.eigvalsh(covariance).min() > -1e-12
    # the gradient of one sample moves with its own loss: a step along −mean lowers the mean loss by |mean|² per unit
    pairs = problem(model).parameters
    assert mean.shape == (pairs.size,)
    assert covariance.shape == (pairs.size, pairs.size)


def test_moments_agree_with_those_of_the_pair_code() -> None:
    pair = Pair((1.0, 0.7), (0.3, 0.3, 0.2, 0.2), Bias.SHARED)
    general = Wide(1, np.array([1.0, 0.7]), np.array([0.5, 0.4]), Bias.SHARED, np.array([[0.3, 0.2], [0.3, 0.2]]))
    W, count = np.array([0.9, -0.6]), 2**15
    found = [gradient_moments(pair, W, 0.1, samples=count), gradient_moments(general, W[None], 0.1, samples=count)]
    error = np.sqrt(2 * np.diag(found[0][1]) / count)
    assert (np.abs(found[0][0] - found[1][0]) < 5 * error).all()
    scale = np.sqrt(np.outer(np.diag(found[0][1]), np.diag(found[0][1])))
    # kurtosis of these gradients is below 20
    assert (np.abs(found[0][1] - found[1][1]) < 5 * math.sqrt(2 * 20 / count) * scale).all()


def test_moments_of_a_large_model_are_variances_or_a_question() -> None:
    model = wide(100, 50)
    W = np.zeros((50, 100))
    with pytest.raises(InvalidInput, match="diagonal must be True for models with more than 4096 parameters"):
        gradient_moments(model, W)
    mean, variances = gradient_moments(model, W, np.full(100, 0.25), samples=2**12, diagonal=True)
    # W = 0, b = 1/4: the gradient in b_i is 2 I_i (1/4 − x_i); x has mean 1/4 and variance 1/6 − 1/16
    expected = 4 * np.linspace(1.0, 2.0, 100) ** 2 * (1 / 6 - 1 / 16)
    assert not variances[:5000].any()
    assert np.abs(variances[5000:] / expected - 1).max() < 5 * math.sqrt(2 / 2**12)
    assert np.abs(mean[5000:]).max() < 5 * math.sqrt(expected.max() / 2**12)


@pytest.mark.parametrize(
    ("rows", "n", "batch", "blocks"),
    [(1, 100, 1024, 1), (2, 100, 1024, 2), (8, 100, 1024, 4), (8, 5, 64, 1), (99, 100, 1024, 20)],
)
def test_large_models_are_shared_out(rows: int, n: int, batch: int, blocks: int) -> None:
    settings = Settings(Rule(), (0, 1), batch, 0, "sum")
    model = wide(n, 1)
    assert len(Trainer([model] * rows, np.zeros((rows, 2 * n)), settings).blocks) == blocks


@pytest.mark.parametrize("bias", CONVENTIONS)
def test_shapes_of_a_run(bias: Bias) -> None:
    run = train([wide(5, 2, bias)] * 3, runs=4, steps=6, batch=16, checkpoints=[2], optimizer="adamw")
    assert run.W.shape == (3, 3, 4, 2, 5)
    shapes = {"none": None, "shared": (3, 3, 4), "per-feature": (3, 3, 4, 5)}
    assert (None if run.b is None else run.b.shape) == shapes[bias]
    assert run.effective_decay is not None
    assert run.effective_decay.shape == (3, 4, 10 + bias.size(5))
    assert run.completed


@pytest.mark.parametrize("optimizer", ["gd", "sgd", "adam", "adamw"])
def test_training_lowers_the_loss(optimizer: str) -> None:
    model = wide(5, 2, density=0.3)
    rate = 0.1 if optimizer in ("gd", "sgd") else 0.01
    run = train(model, runs=8, steps=300, batch=256, optimizer=optimizer, lr=rate, schedule="cosine")
    # nothing represented, at the mean: the sum of I_i (p/3 − p²/4)
    assert (run.loss[-1] < np.linspace(1, 2, 5).sum() * (0.1 - 0.09 / 4)).all()


def test_a_perfect_model_stays_where_it_is() -> None:
    # m = n, W = 1: every sample is reproduced exactly
    run = train(wide(3, 3), steps=20, batch=64, init=(np.eye(3), None))
    assert np.array_equal(run.W[-1, 0, 0], np.eye(3))
    assert not run.loss.any()


def test_a_result_does_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "LEAST_VALUES", 1)
    runs = [train(wide(5, 2), runs=12, steps=10, batch=16, threads=threads) for threads in (1, 2)]
    assert np.array_equal(runs[0].W, runs[1].W)
    assert np.array_equal(runs[0].loss, runs[1].loss)


def test_both_reductions_agree_where_the_rate_is_multiplied() -> None:
    summed = train(wide(5, 2), steps=20, batch=64, optimizer="sgd", lr=0.01)
    averaged = train(wide(5, 2), steps=20, batch=64, optimizer="sgd", lr=0.05, reduction="mean")
    assert np.allclose(summed.W, averaged.W, rtol=1e-9)


@pytest.mark.parametrize(
    ("batch", "rows", "n", "m"),
    [(1, 1, 1, 1), (1000, 3, 5, 2), (1024, 1, 100, 20), (10**6, 1, 7, 3), (77, 1, 3000, 900)],
)
def test_sections_make_up_the_batch(batch: int, rows: int, n: int, m: int) -> None:
    cut = sections(batch, rows, n, m)
    assert sum(pieces * columns for pieces, columns in cut) == batch
    assert max(rows * n * pieces * columns for pieces, columns in cut) <= max(2**17, rows * n * 32, 2**18 * rows)


def test_a_batch_in_sections_is_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # on a data set drawn once, features always on at one value of b: the gradient of W = 0 in b is 2 I (b − mean x)
    model = wide(3, 2, density=1.0)
    monkeypatch.setattr(network_module, "_SECTION", 3 * 40)
    monkeypatch.setattr(network_module, "_PRODUCT", 9 * 32)
    sampler = NetworkSampler([model], 1000, Streams.of(np.random.SeedSequence(0)), fixed=True)
    theta = np.array([[0.0] * 6 + [0.5] * 3])
    gradient = sampler.gradient(theta)[0, 6:]
    expected = 2 * np.linspace(1, 2, 3) * math.sqrt(1 / 12 / 1000)
    assert (np.abs(gradient) < 5 * expected).all()
    assert np.array_equal(gradient, sampler.gradient(theta)[0, 6:])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (7, "model must be a ToyModel, a ReluOutputModel or a sequence of one kind, got 7"),
        ([], "model must hold at least one model"),
        ([wide(3, 2), wide(3, 1)], r"model must be models of one size, got \[\(1, 3\), \(2, 3\)\]"),
        ([wide(2, 1), ToyModel(1.0, 0.5)], "model must be models of one size"),
    ],
)
def test_what_cannot_be_trained_is_named(model: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        train(model, steps=1)


def test_starts_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(InvalidInput, match="init's W must have shape"):
        train(wide(5, 2), steps=1, init=(np.ones((5, 2)), None))
