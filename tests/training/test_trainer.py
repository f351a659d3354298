"""The witness against facts that need no closed form, and its settings against what the field means by them."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from analytic.models.bias import Bias
from analytic.training import initial
from analytic.training import trainer as training
from analytic.training.noise import gradient_moments
from analytic.training.optimisers import Memory, Rule
from analytic.training.pair import batch_gradient, batch_loss, draw_batch
from analytic.training.trainer import train
from analytic.training.workspace import Workspace
from analytic.validation import InvalidInput


@dataclass(frozen=True)
class Plain:
    """The three facts that the witness asks of a model."""

    importance: tuple[float, float]
    patterns: tuple[float, float, float, float]
    bias: str


def independent(density, r=1.0, bias="none"):
    off = 1.0 - density
    return Plain((1.0, r), (off * off, density * off, off * density, density**2), bias)


def samples_of(patterns, size=200_000, seed=0):
    space = Workspace([size] * 4, np.float64)
    batch = draw_batch(np.random.default_rng(seed), np.array([patterns]), size, space)
    x = np.zeros((size, 2))
    x[: batch.x1.shape[1]] = np.stack([batch.x1[0], batch.x2[0]], axis=1)
    return batch, x


@pytest.mark.parametrize("patterns", [(0.1, 0.2, 0.3, 0.4), (0, 0, 0, 1), (0.5, 0, 0.5, 0)])
def test_a_batch_has_its_patterns_and_uniform_values(patterns):
    _, x = samples_of(patterns)
    on = x > 0
    seen = [np.mean((on == case).all(axis=1)) for case in ([0, 0], [1, 0], [0, 1], [1, 1])]
    for frequency, probability in zip(seen, patterns, strict=True):
        assert abs(frequency - probability) <= 5 * math.sqrt(probability * (1 - probability) / 2e5)
    for values in (x[on[:, 0], 0], x[on[:, 1], 1]):
        if len(values):
            # mean 1/2 with variance 1/12, mean square 1/3 with variance 4/45
            assert abs(values.mean() - 1 / 2) < 5 * math.sqrt(1 / 12 / len(values))
            assert abs((values**2).mean() - 1 / 3) < 5 * math.sqrt(4 / 45 / len(values))


def test_samples_that_are_off_are_counted_not_stored():
    batch, _ = samples_of((0.9, 0.0, 0.0, 0.1), size=1000)
    assert batch.rest + batch.x1.shape[1] == 1000
    assert batch.x1.shape[1] < 200


def naive_loss(theta, importance, x):
    W, b = theta[:2], theta[2:]
    out = np.maximum(np.outer(x @ W, W) + b, 0)
    return float(((x - out) ** 2 @ importance).mean())


@pytest.mark.parametrize("seed", range(5))
def test_loss_and_gradient_of_a_batch_are_those_of_the_network(seed):
    rng = np.random.default_rng(seed)
    theta, importance = rng.normal(size=4), np.array([1.0, 0.3])
    batch, x = samples_of((0.2, 0.3, 0.1, 0.4), size=500, seed=seed)
    space = Workspace([500] * 4, np.float64)
    loss = batch_loss(theta[None], importance[None], batch, space)
    assert loss[0] == pytest.approx(naive_loss(theta, importance, x), rel=1e-13)
    gradient = batch_gradient(theta[None], importance[None], batch, space)[0]
    h = 1e-6
    for k, step in enumerate(h * np.eye(4)):
        slope = (naive_loss(theta + step, importance, x) - naive_loss(theta - step, importance, x)) / (2 * h)
        # a sample whose kink lies within h of theta moves the difference quotient by at most about h
        assert gradient[k] == pytest.approx(slope, abs=1e-5)


def test_gradient_moments_of_the_silent_model_are_exact():
    # W = (1, 0), b = 0, p = 1: h1 = x1 is perfect, h2 = 0, so nothing moves
    mean, covariance = gradient_moments(independent(1.0), (1.0, 0.0), samples=1000)
    assert mean.tolist() == [0.0, 0.0]
    assert not covariance.any()


def test_gradient_moments_of_a_point_worked_by_hand():
    # W = 0, b = (1/2, 1/2), p = 1: the gradient of one sample is (0, 0, 1 − 2 x1, 1 − 2 x2), covariance 4/12 each
    model = independent(1.0, bias="per-feature")
    mean, covariance = gradient_moments(model, (0.0, 0.0), (0.5, 0.5))
    expected = np.diag([0, 0, 1 / 3, 1 / 3])
    assert np.abs(mean).max() < 5 * math.sqrt(1 / 3 / 2**16)
    assert np.abs(covariance - expected).max() < 0.01


@pytest.mark.parametrize(
    ("layout", "instances", "sd"),
    [
        ("features-hidden", 1, 0.816),
        ("hidden-features", 1, 0.707),
        ("features-hidden", 400, 0.071),
        ("hidden-features", 400, 0.050),
    ],
)
def test_xavier_depends_on_layout_and_stack(layout, instances, sd):
    assert round(initial.named("xavier", instances=instances, layout=layout).sd, 3) == sd


@pytest.mark.parametrize("layout", initial.LAYOUTS)
@pytest.mark.parametrize("instances", [None, 1, 50])
@pytest.mark.parametrize(
    ("name", "bound"), [("xavier", None), ("xavier-uniform", 3), ("kaiming", None), ("kaiming-uniform", 3)]
)
def test_named_laws_are_those_of_torch(name, bound, instances, layout):
    init = pytest.importorskip("torch.nn.init")
    torch = pytest.importorskip("torch")
    n, m = 60, 40
    axes = (n, m) if layout == "features-hidden" else (m, n)
    fill = {"xavier": "xavier_normal_", "kaiming": "kaiming_normal_"}.get(name, name.replace("-", "_") + "_")
    torch.manual_seed(0)
    drawn = getattr(init, fill)(torch.empty(axes if instances is None else (instances, *axes))).numpy()
    ours = initial.named(name, instances=instances, layout=layout, weights=(m, n))
    # the variance of a mean of squares is at most 2 sd⁴ per number
    assert abs((drawn.astype(float) ** 2).mean() / ours.sd**2 - 1) < 5 * math.sqrt(2 / drawn.size)
    W, b = ours(np.random.default_rng(0), instances or 1)
    assert W.shape == (instances or 1, m, n)
    assert b is None
    if bound:
        for each in (drawn, W):
            assert 0.99 < np.abs(each).max() / (math.sqrt(bound) * ours.sd) < 1 + 1e-6


@pytest.mark.parametrize("name", initial.NAMES)
def test_an_initial_law_has_its_standard_deviation_and_no_bias(name):
    theta = initial.draw(name, np.random.default_rng(0), 20_000, "per-feature")
    sd = initial.named(name).sd
    assert theta.shape == (20_000, 4)
    assert not theta[:, 2:].any()
    # the variance of 40 000 squares is at most 2 sd⁴
    assert abs((theta[:, :2] ** 2).mean() - sd**2) < 5 * sd**2 * math.sqrt(2 / 40_000)


def test_starts_can_be_numbers_arrays_and_functions():
    rng = np.random.default_rng(0)
    assert initial.draw(0.0, rng, 3, "none").tolist() == [[0, 0]] * 3
    assert initial.draw(([1, 2], 3), rng, 2, "shared").tolist() == [[1, 2, 3]] * 2
    given = initial.draw(lambda rng, n: (np.ones((n, 2)), None), rng, 2, "per-feature")
    assert given.tolist() == [[1, 1, 0, 0]] * 2


@pytest.mark.parametrize(
    ("init", "bias"),
    [("glorot", "none"), (-1.0, "none"), (([1, 2], [0, 0]), "none"), (([1, 2, 3], None), "none")],
)
def test_impossible_starts_are_refused(init, bias):
    with pytest.raises(ValueError, match=r"init|standard deviation"):
        initial.draw(init, np.random.default_rng(0), 4, bias)


def step(rule, theta, gradient, times=1):
    theta = np.array([theta])
    memory = Memory.like(theta)
    for _ in range(times):
        rule.update(theta, np.array([gradient]), memory, rule.lr)
    return theta[0]


def test_first_steps_of_the_optimisers():
    assert step(Rule("sgd", lr=0.1), 1.0, 2.0) == pytest.approx(0.8)
    assert step(Rule("sgd", lr=0.1, weight_decay=1.0), 1.0, 2.0) == pytest.approx(0.7)
    # 1 − 0.1 · 2 − 0.1 · (0.9 · 2 + 2)
    assert step(Rule("sgd", lr=0.1, momentum=0.9), 1.0, 2.0, times=2) == pytest.approx(0.42)
    # with a constant gradient adam moves by lr at every step, whatever the gradient's size
    assert step(Rule("adam", lr=0.1), 1.0, 1e-3, times=3) == pytest.approx(0.7, abs=1e-5)
    # adamw shrinks by 1 − lr · 0.01 first
    assert step(Rule("adamw", lr=0.1), 1.0, 5.0) == pytest.approx(0.999 - 0.1)


def test_schedules():
    rates = {
        name: [Rule(lr=1.0, schedule=name).rate(s, 5) for s in (0, 4)] for name in ("constant", "linear", "cosine")
    }
    assert rates["constant"] == [1.0, 1.0]
    assert rates["linear"] == pytest.approx([1.0, 0.2])
    assert rates["cosine"] == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("bias", ["none", "shared", "per-feature"])
def test_shapes_of_a_run(bias):
    models = [independent(0.5, bias=bias), independent(1.0, r=0.2, bias=bias)]
    run = train(models, runs=3, steps=20, batch=16, checkpoints=[5], optimizer="adamw")
    assert run.steps.tolist() == [0, 5, 20]
    assert run.completed
    assert run.W.shape == (3, 2, 3, 2)
    assert run.loss.shape == (3, 2, 3)
    shapes = {"none": None, "shared": (3, 2, 3), "per-feature": (3, 2, 3, 2)}
    assert (None if run.b is None else run.b.shape) == shapes[bias]
    assert run.effective_decay is not None
    assert run.effective_decay.shape == (2, 3, Bias.of(bias).size() + 2)


def test_a_result_does_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(training, "BLOCK_SAMPLES", 64)
    runs = [train(independent(0.5), runs=12, steps=10, batch=16, threads=threads) for threads in (1, 2)]
    assert np.array_equal(runs[0].W, runs[1].W)
    assert np.array_equal(runs[0].loss, runs[1].loss)


def test_seeds_change_the_samples_but_not_given_starts():
    first, second = (train(independent(0.5), steps=5, batch=16, init=([1, 1], None), seed=seed) for seed in (1, 2))
    assert np.array_equal(first.W[0], second.W[0])
    assert not np.array_equal(first.W[-1], second.W[-1])


def test_both_reductions_agree_where_the_rate_is_doubled():
    summed = train(independent(0.5), steps=20, batch=64, optimizer="sgd", lr=0.01)
    averaged = train(independent(0.5), steps=20, batch=64, optimizer="sgd", lr=0.02, reduction="mean")
    assert np.allclose(summed.W, averaged.W, rtol=1e-12)


def test_the_antipodal_pair_stays_where_nothing_can_improve():
    # r = 1, W = (1, −1), never both on: every sample is reproduced exactly, so no gradient, no loss
    alone = Plain((1.0, 1.0), (0.2, 0.4, 0.4, 0.0), "none")
    run = train(alone, steps=50, batch=64, init=([1.0, -1.0], None))
    assert np.array_equal(run.W[-1, 0, 0], [1.0, -1.0])
    assert not run.loss.any()


def test_gd_on_dense_features_finds_their_principal_component():
    # p = 1 and W >= 0: both outputs are linear, the loss is |W|² z² − 2 z² + |x|² with z = W · x, so a data set's
    # minimum is the unit eigenvector of its second moments, sum x xᵀ. Their mean has eigenvalues 7/12 along (1, 1)
    # and 1/12 across, and the entry between them, (x1² − x2²)/2, has variance 2/45: the angle varies by (2/45) /
    # (1/2)² / n.
    n, count = 4096, 40
    root = math.sqrt(0.5)
    run = train(
        independent(1.0),
        runs=count,
        optimizer="gd",
        lr=0.05,
        steps=1500,
        batch=n,
        init=([root, root], None),
    )
    W = run.final[0][0]
    assert np.abs((W**2).sum(axis=1) - 1).max() < 1e-5
    angle = np.arctan2(W[:, 1], W[:, 0]) - math.pi / 4
    chi_square = (angle**2).sum() / (2 / 45 * 4 / n)
    assert abs(chi_square - count) < 5 * math.sqrt(2 * count)


def test_an_interrupt_returns_what_there_is(monkeypatch):
    monkeypatch.setattr(training, "ROUND_SAMPLES", 1)
    rounds = iter(range(100))

    def finish(jobs):
        for job in jobs:
            job.result()
        return next(rounds) == 6

    monkeypatch.setattr(training, "finish", finish)
    run = train(independent(0.5), runs=4, steps=20, batch=8, checkpoints=[5, 10])
    assert run.steps.tolist() == [0, 5, 7]
    assert not run.completed


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": "lion"}, "optimizer must be one of 'gd', 'sgd', 'adam', 'adamw', got 'lion'"),
        ({"lr": 0}, "lr must be greater than 0, got 0"),
        ({"lr": math.nan}, "lr must be finite, got nan"),
        ({"lr": "fast"}, "lr must be a real number, got 'fast' of type str"),
        ({"schedule": "step"}, "schedule must be one of 'constant', 'linear', 'cosine' or callable"),
        ({"weight_decay": -1}, "weight_decay must be at least 0, got -1"),
        ({"momentum": 0.9}, "momentum must be 0 for adam, which has betas, got 0.9"),
        ({"optimizer": "sgd", "momentum": 1}, "momentum must be at least 0 and less than 1, got 1"),
        ({"betas": 0.9}, "betas must be a pair of numbers, got 0.9"),
        ({"betas": (0.9, 1)}, "betas must be at least 0 and less than 1, got 1"),
        ({"eps": 0}, "eps must be greater than 0, got 0"),
        ({"batch": 0}, "batch must be a whole number, from 1 to 67108864, got 0"),
        ({"batch": 2**27}, "batch must be a whole number, from 1 to 67108864, got 134217728"),
        ({"steps": 1.5}, "steps must be a whole number, at least 1, got 1.5"),
        ({"runs": 0}, "runs must be a whole number, at least 1, got 0"),
        ({"threads": 0}, "threads must be a whole number, at least 1, got 0"),
        ({"seed": -1}, "seed must be a whole number, at least 0, got -1"),
        ({"reduction": "none"}, "reduction must be one of 'sum', 'mean', got 'none'"),
        ({"layout": "ifh"}, "layout must be one of 'features-hidden', 'hidden-features', got 'ifh'"),
        ({"layout": "ifh", "init": 0.1}, "layout must be one of"),
        ({"instances": 0}, "instances must be a whole number, at least 1, got 0"),
        ({"init": "glorot"}, "init must be one of 'xavier'"),
        ({"init": -1.0}, "init must be at least 0, got -1.0"),
        ({"init": None}, "init must be a name, a number, a pair"),
        ({"init": ([1, 2], [0, 0])}, "init must give no biases"),
        ({"init": ([1, 2, 3], None)}, r"init's W must have shape \(1, 2\) or \(2,\), got shape \(3,\)"),
        ({"checkpoints": [11_000]}, "checkpoints must be a whole number, from 0 to 10000, got 11000"),
        ({"checkpoints": 0}, "checkpoints must be a whole number, from 1 to 1000000, got 0"),
        ({"checkpoints": 10**6, "steps": 10**6, "runs": 500}, "checkpoints must keep at most 2 GiB"),
        ({"optimizer": "gd", "runs": 20, "batch": 2**25}, "batch must let the data sets of 'gd' fit into 2 GiB"),
        ({"progress": 1}, "progress must be None, True, False or a function"),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(InvalidInput, match=words):
        train(independent(0.5), **settings)


def test_models_of_two_conventions_do_not_train_together():
    with pytest.raises(InvalidInput, match="one bias convention"):
        train([independent(0.5), independent(0.5, bias="shared")])
