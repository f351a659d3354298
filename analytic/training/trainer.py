"""Training as everybody does it, in NumPy: the independent witness for the exact loss.

Every model of a run is trained on its own samples, drawn as the definition says, with the optimisers and
initialisations of the field (optimisers.py, initial.py); the smallest model has a sampler of its own (pair.py), all
others share one (network.py). Nothing here knows a formula for the expected loss, so an agreement of the two is
evidence for both.

Many models train at once. They are sorted by how often all features are off and cut into blocks of a quarter of a
million samples of a pair, each with random streams of its own: a result depends on the models, the settings and the
seed, not on the number of threads.

Two sources of error remain at the end of a run, and both have a known size. On a data set of N samples drawn once
("gd") the end estimates the minimum with covariance H⁻¹ C H⁻¹ / N, where H is the Hessian of L and C the covariance of
one sample's gradient (`gradient_moments`). With fresh batches of size B and rate lr ("sgd") the end fluctuates about
the minimum with covariance V, where H V + V H = lr C / B, to first order in lr.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from analytic.training import initial
from analytic.training.network import NetworkSampler
from analytic.training.optimisers import Memory, Rule, Schedule
from analytic.training.pair import PairSampler
from analytic.training.problems import Array, Model, Pair, Parameters, Problem, problems
from analytic.training.run import TrainingRun
from analytic.training.settings import Settings, marks, reduction_factor
from analytic.training.workspace import Streams
from analytic.validation import whole
from analytic.work import Progress, cores, finish, reporting

#: Samples of a block, of two features: smaller ones spend the second core on handing the interpreter lock to and fro.
BLOCK_SAMPLES = 2**18
#: Values of a batch that are worth a block of their own.
LEAST_VALUES = 2**16
#: Samples between two looks at the keyboard, of two features: about a second of work.
ROUND_SAMPLES = 2**25


def train(
    model: Model | Sequence[Model],
    *,
    runs: int = 1,
    optimizer: str = "adam",
    lr: float = 1e-3,
    schedule: Schedule = "constant",
    weight_decay: float | None = None,
    momentum: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    reduction: str = "sum",
    steps: int = 10_000,
    batch: int = 1024,
    init: initial.Init = "xavier",
    instances: int | None = 1,
    layout: str = "features-hidden",
    checkpoints: int | Iterable[int] = 10,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = None,
) -> TrainingRun:
    """Train `runs` copies of each model by sampling, in single precision with parameters in double.

    Parameters
    ----------
    model
        One model or a sequence of them, of one size and one bias convention: ToyModel, ReluOutputModel, or anything
        with the same `importance`, `bias` and `patterns` (P00, P10, P01, P11), or `importance`, `bias`, `hidden` and
        `density`, and `patterns` of shape (2,) * n where features are not independent, for n up to 12.
    runs
        How often each model is trained, at least 1.
    optimizer
        "sgd", "adam", "adamw", on a fresh batch at each step; or "gd", plain gradient descent on one data set of
        `batch` samples, drawn once for each trained model. The data sets may fill 2 GiB.
    lr, schedule, momentum, betas, eps
        As in PyTorch; `schedule` is "constant", "linear", "cosine" or a callable (step, steps) -> factor.
    weight_decay
        Acts on W and b; default 0.01 for "adamw", otherwise 0. See optimisers.py for what it does to minima.
    reduction
        "sum" over features, or "mean", which divides the gradient by n as most training code does.
    steps, batch
        At least 1; `batch` at most 2^26.
    init, instances, layout
        See `initial.draw`; one draw for each trained model. Weights of any layout are returned as described there.
    checkpoints
        How many equal stretches to record, or the steps themselves; 0 and `steps` are always recorded. They may fill
        2 GiB.
    seed
        A whole number; one seed gives the same result on any number of threads.
    threads
        How many blocks of models are trained at the same time, by default one on each core.
    progress
        None, True, False or a function progress(done, total) of samples; see work.py.

    Returns
    -------
    TrainingRun
        An interrupt from the keyboard ends the run within about a second and returns what there is.

    Raises
    ------
    ValueError, TypeError
        For arguments that are not as described, naming the argument.

    Examples
    --------
    >>> from analytic import ToyModel, train
    >>> run = train(ToyModel(sparsity=0.9), runs=3, steps=200, lr=0.01)
    >>> run.W.shape, run.b.shape, run.diverged.any()
    ((11, 1, 3, 2), (11, 1, 3, 2), np.False_)
    """
    given, known = problems(model)
    rule = Rule(optimizer, lr, schedule, weight_decay, momentum, betas, eps)
    settings = Settings(rule, marks(checkpoints, steps), batch, seed, reduction)
    parameters, rows = known[0].parameters, len(known) * whole("runs", runs)
    settings.require_memory(rows, parameters)
    starts = initial.draw(
        init,
        np.random.default_rng([seed, 0]),
        rows,
        parameters.bias,
        instances=instances,
        layout=layout,
        weights=parameters.weights,
    )
    trainer = Trainer([each for each in known for _ in range(runs)], starts, settings)
    with reporting(progress, "training", " samples") as report:
        history = trainer.run(cores() if threads is None else whole("threads", threads), report)
    return _result(given, trainer, history)


class Sampler(Protocol):
    """The data of a block: gradient and loss of parameters (rows, m n + n) on samples of its own."""

    def gradient(self, theta: Array) -> Array: ...
    def loss(self, theta: Array) -> Array: ...


class Block:
    """Models that train together in one thread: rows of the run with their parameters, optimiser and samples."""

    def __init__(
        self, rows: Array, models: Sequence[Problem], starts: Array, settings: Settings, seed: np.random.SeedSequence
    ) -> None:
        self.rows, self.settings = rows, settings
        self.parameters = models[0].parameters
        self.share = reduction_factor(settings.reduction, self.parameters.features)
        self.theta = starts[rows].copy()
        self.memory = Memory.like(self.theta)
        self.sampler = _sampler(models, settings, Streams.of(seed))

    def run(self, first: int, last: int) -> None:
        """Steps first ... last − 1; parameters that diverge do so silently, and are reported at the end."""
        rule, steps = self.settings.rule, self.settings.steps
        with np.errstate(over="ignore", invalid="ignore"):
            for step in range(first, last):
                gradient = self.sampler.gradient(self.parameters.embed(self.theta))
                gradient = self.share * self.parameters.gather(gradient)
                rule.update(self.theta, gradient, self.memory, rule.rate(step, steps))

    def loss(self) -> Array:
        """Mean loss on fresh samples, one for each row."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.sampler.loss(self.parameters.embed(self.theta))

    def effective_decay(self) -> Array:
        """The decay that acts on each parameter under adamw: see optimisers.py."""
        rule = self.settings.rule
        correction = 1.0 - rule.betas[1] ** self.memory.steps
        return np.asarray(rule.decay * (np.sqrt(self.memory.second / correction) / self.share))


def _sampler(models: Sequence[Problem], settings: Settings, streams: Streams) -> Sampler:
    fixed = settings.rule.name == "gd"
    pairs = [model for model in models if isinstance(model, Pair)]
    if pairs:
        return PairSampler(pairs, settings.batch, streams, fixed)
    return NetworkSampler([model for model in models if not isinstance(model, Pair)], settings.batch, streams, fixed)


@dataclass(frozen=True)
class Snapshot:
    """All rows after `step` steps: parameters (rows, k) and mean losses (rows,)."""

    step: int
    theta: Array
    loss: Array


#: Told (done, total) samples.
Report: TypeAlias = Callable[[float, float], None]


class Trainer:
    """All blocks of a run, which take their steps from one recorded step to the next."""

    def __init__(self, models: Sequence[Problem], starts: Array, settings: Settings) -> None:
        self.settings, self.rows = settings, len(models)
        self.parameters: Parameters = models[0].parameters
        order = np.argsort(np.array([model.quiet for model in models]), kind="stable")
        size = _block_rows(models, settings.batch)
        cuts = [order[at : at + size] for at in range(0, len(order), size)]
        seeds = np.random.SeedSequence([settings.seed, 1]).spawn(len(cuts))
        self.blocks = [
            Block(rows, [models[row] for row in rows], starts, settings, seed)
            for rows, seed in zip(cuts, seeds, strict=True)
        ]

    def run(self, threads: int, report: Report) -> list[Snapshot]:
        """A snapshot at each mark; after an interrupt the last is where the run stood."""
        each = self.settings.batch * self.rows
        stride = max(1, 2 * ROUND_SAMPLES // (each * self.parameters.features))
        history = [self._snapshot(0)]
        step = 0
        with ThreadPoolExecutor(threads) as pool:
            for mark in self.settings.marks[1:]:
                while step < mark:
                    ahead = min(mark, step + stride)
                    interrupted = finish([pool.submit(block.run, step, ahead) for block in self.blocks])
                    step = ahead
                    report(step * each, self.settings.steps * each)
                    if interrupted and step < self.settings.steps:
                        return [*history, self._snapshot(step)]
                history.append(self._snapshot(step))
        return history

    def _snapshot(self, step: int) -> Snapshot:
        theta, loss = np.empty((self.rows, self.parameters.size)), np.empty(self.rows)
        for block in self.blocks:
            theta[block.rows], loss[block.rows] = block.theta, block.loss()
        return Snapshot(step, theta, loss)

    def effective_decay(self) -> Array | None:
        """The decay that acted at the end on each parameter, (rows, k), under adamw."""
        if self.settings.rule.name != "adamw" or not self.blocks[0].memory.steps:
            return None
        decay = np.empty((self.rows, self.parameters.size))
        for block in self.blocks:
            decay[block.rows] = block.effective_decay()
        return decay


def _block_rows(models: Sequence[Problem], batch: int) -> int:
    """How many models make a block; a network's run is cut into four where that leaves enough work for each."""
    values = batch * models[0].parameters.features
    most = max(1, 2 * BLOCK_SAMPLES // values)
    if isinstance(models[0], Pair):
        return most
    return max(1, LEAST_VALUES // values, min(most, -(-len(models) // 4)))


def _result(given: tuple[Model, ...], trainer: Trainer, history: list[Snapshot]) -> TrainingRun:
    settings, parameters = trainer.settings, trainer.parameters
    shape = (len(given), trainer.rows // len(given))
    theta = np.array([each.theta for each in history]).reshape(len(history), *shape, parameters.size)
    W, b = parameters.split(theta)
    decay = trainer.effective_decay()
    return TrainingRun(
        models=given,
        rule=settings.rule,
        batch=settings.batch,
        seed=settings.seed,
        reduction=settings.reduction,
        steps=np.array([each.step for each in history]),
        W=W,
        b=b,
        loss=np.array([each.loss for each in history]).reshape(len(history), *shape),
        effective_decay=None if decay is None else decay.reshape(*shape, parameters.size),
        completed=history[-1].step == settings.steps,
    )
