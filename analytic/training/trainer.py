"""Training as everybody does it, in NumPy: the independent witness for the closed form.

Every model of a run is trained on its own samples, drawn as the definition says (witness.py), with the optimisers and
initialisations of the field (optimisers.py, initial.py). Nothing here knows a formula for the expected loss, so an
agreement of the two is evidence for both.

Many models train at once. They are sorted by how often both features are off and cut into blocks of a quarter of a
million samples, each with a random stream of its own: a result depends on the models, the settings and the seed, not
on the number of threads.

Two sources of error remain at the end of a run, and both have a known size. On a data set of N samples drawn once
("gd") the end estimates the minimum with covariance H⁻¹ C H⁻¹ / N, where H is the Hessian of L and C the covariance of
one sample's gradient (`gradient_moments`). With fresh batches of size B and rate lr ("sgd") the end fluctuates about
the minimum with covariance V, where H V + V H = lr C / B, to first order in lr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, SupportsFloat, TypeAlias

import numpy as np

from analytic.training import initial
from analytic.training.optimisers import Memory, Rule, Schedule
from analytic.training.sampling import Batch, Model, Workspace, batch_gradient, batch_loss, draw_batch

Models: TypeAlias = "Model | Sequence[Model]"

BLOCK_SAMPLES = 2**18  # smaller ones spend the second core on handing the interpreter lock to and fro
ROUND_SAMPLES = 2**25  # about a second of work between two looks at the keyboard


@dataclass(frozen=True)
class TrainingRun:
    """What training gave, at each checkpoint; `models` × `runs` trained models.

    steps : (c,) optimiser steps taken at each checkpoint, the first 0.
    W : (c, models, runs, 2);  b : None, (c, models, runs) if shared, (c, models, runs, 2) if per-feature.
    loss : (c, models, runs) mean loss over `batch` fresh samples at the checkpoint, summed over features.
    effective_decay : None, or for adamw the decay that acted on each parameter at the end (models, runs, k): the weight
        decay times the root mean square of the minibatch gradient.
    completed : False where the run was interrupted; the last checkpoint is then where it stood.
    """

    models: tuple[Model, ...]
    rule: Rule
    batch: int
    seed: int
    steps: np.ndarray
    W: np.ndarray
    b: np.ndarray | None
    loss: np.ndarray
    effective_decay: np.ndarray | None
    completed: bool

    @property
    def final(self) -> tuple[np.ndarray, np.ndarray | None]:
        """(W, b) at the last checkpoint, W of shape (models, runs, 2)."""
        return self.W[-1], None if self.b is None else self.b[-1]


def train(
    model: Models,
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
    instances: int = 1,
    layout: str = "features-hidden",
    checkpoints: int | Iterable[int] = 10,
    seed: int = 0,
    threads: int | None = None,
    progress: bool | None = None,
) -> TrainingRun:
    """Train `runs` copies of each model by sampling.

    Parameters
    ----------
    model : one model or a sequence of them with one bias convention; anything with .importance (I1, I2), .patterns
        (p00, p10, p01, p11) and .bias will do.
    optimizer : "sgd", "adam", "adamw", on a fresh batch at each step; or "gd", plain gradient descent on one data set
        of `batch` samples, drawn once for each trained model.
    weight_decay : acts on W and b; default 0.01 for "adamw", otherwise 0. See optimisers.py for what it does to minima.
    reduction : "sum" over features, or "mean", which halves the gradient as most training code does.
    init, instances, layout : see `initial.draw`; one draw for each trained model.
    checkpoints : how many equal stretches to record, or the steps themselves; 0 and `steps` are always recorded.
    progress : a bar on stderr; by default where stderr is a terminal.

    An interrupt from the keyboard ends the run within about a second and returns what there is.

    Raises ValueError or TypeError for arguments that are not as described.
    """
    models = _as_models(model)
    rule = Rule(optimizer, lr, schedule, weight_decay, momentum, betas, eps)
    for name, value in (("runs", runs), ("batch", batch)):
        _require_whole(name, value, 1)
    marks = _marks(checkpoints, steps)
    starts = initial.draw(
        init,
        np.random.default_rng([seed, 0]),
        len(models) * runs,
        models[0].bias,
        instances=instances,
        layout=layout,
    )
    blocks = _blocks(models, runs, starts, batch, seed, rule, reduction_factor(reduction))
    with _bar(progress, steps * batch * len(starts)) as bar:
        history, completed = _advance(blocks, marks, starts, batch, threads or _cores(), bar)
    return _collect(models, runs, rule, batch, seed, blocks, history, completed)


class _Block:
    """Models that train together in one thread, with their random stream, memory and workspace."""

    def __init__(
        self,
        rows: np.ndarray,
        models: Sequence[Model],
        starts: np.ndarray,
        batch: int,
        seed: np.random.SeedSequence,
        rule: Rule,
        share: float,
    ) -> None:
        training, testing = seed.spawn(2)
        self.rows, self.rule, self.batch = rows, rule, batch
        self.bias = models[0].bias
        self.theta = starts[rows].copy()
        self.memory = Memory.like(self.theta)
        self.importance = np.array([model.importance for model in models])
        self.patterns = np.array([model.patterns for model in models])
        self.share = share
        self.rng = np.random.Generator(np.random.SFC64(training))
        self.fresh = np.random.Generator(np.random.SFC64(testing))
        self.space = Workspace(len(rows), batch, np.float32)
        self.data = self._fixed_data() if rule.name == "gd" else None

    def _fixed_data(self) -> Batch:
        drawn = draw_batch(self.rng, self.patterns, self.batch, self.space)
        return Batch(drawn.x1.copy(), drawn.x2.copy(), drawn.size)

    def run(self, first: int, last: int, steps: int) -> None:
        """Steps first ... last − 1 of `steps`."""
        for step in range(first, last):
            batch = self.data or draw_batch(self.rng, self.patterns, self.batch, self.space)
            gradient = batch_gradient(spread(self.theta), self.importance, batch, self.space)
            gradient = self.share * gather(gradient, self.bias)
            self.rule.update(self.theta, gradient, self.memory, self.rule.rate(step, steps))

    def loss(self) -> np.ndarray:
        """Mean loss on fresh samples, one for each row."""
        batch = draw_batch(self.fresh, self.patterns, self.batch, self.space)
        return batch_loss(spread(self.theta), self.importance, batch, self.space)


def spread(theta: np.ndarray) -> np.ndarray:
    """Parameters (..., k) of any bias convention as (..., 4) = W1, W2, b1, b2."""
    if theta.shape[-1] == 4:
        return theta
    b = theta[..., 2:] if theta.shape[-1] == 3 else np.zeros(1)
    return np.concatenate([theta[..., :2], np.broadcast_to(b, (*theta.shape[:-1], 2))], axis=-1)


def gather(gradient: np.ndarray, bias: str) -> np.ndarray:
    """Gradient (..., 4) in W1, W2, b1, b2 as the (..., k) of the bias convention: a shared bias gets both."""
    if bias == "per-feature":
        return gradient
    parts = [gradient[..., :2]]
    if bias == "shared":
        parts.append(gradient[..., 2:].sum(axis=-1, keepdims=True))
    return np.concatenate(parts, axis=-1)


def gradient_moments(
    model: Model, W: Any, b: Any = None, *, samples: int = 2**16, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (k,) and covariance (k, k) of the gradient of one sample's loss, estimated from `samples`.

    The relative error of the covariance is about sqrt(kurtosis / samples), 1 % to 2 % with the default for dense
    features.
    """
    theta = initial.draw((W, b), np.random.default_rng(0), 1, model.bias)
    space = Workspace(samples, 1, np.float64)
    rng = np.random.Generator(np.random.SFC64([seed, 1]))
    batch = draw_batch(rng, np.tile(model.patterns, (samples, 1)), 1, space)
    each = batch_gradient(
        np.tile(spread(theta), (samples, 1)),
        np.tile(np.asarray(model.importance, float), (samples, 1)),
        batch,
        space,
    )
    each = gather(each, model.bias)
    return each.mean(axis=0), np.cov(each.T)


def _blocks(
    models: Sequence[Model],
    runs: int,
    starts: np.ndarray,
    batch: int,
    seed: int,
    rule: Rule,
    share: float,
) -> list[_Block]:
    owners = [owner for owner in range(len(models)) for _ in range(runs)]
    order = np.argsort(np.array([each.patterns[0] for each in models])[owners], kind="stable")
    size = max(1, BLOCK_SAMPLES // batch)
    cuts = [order[at : at + size] for at in range(0, len(order), size)]
    seeds = np.random.SeedSequence([seed, 1]).spawn(len(cuts))
    return [
        _Block(rows, [models[owners[row]] for row in rows], starts, batch, own_seed, rule, share)
        for rows, own_seed in zip(cuts, seeds, strict=True)
    ]


_History: TypeAlias = list[tuple[int, np.ndarray, np.ndarray]]


def _advance(
    blocks: list[_Block], marks: list[int], starts: np.ndarray, batch: int, threads: int, bar: Any
) -> tuple[_History, bool]:
    """Run all blocks from mark to mark; (step, parameters, losses) at each, and whether the last was reached."""
    stride = max(1, ROUND_SAMPLES // (batch * len(starts)))
    history = [_snapshot(0, blocks, starts)]
    step = 0
    with ThreadPoolExecutor(threads) as pool:
        for mark in marks[1:]:
            while step < mark:
                ahead = min(mark, step + stride)
                jobs = [pool.submit(block.run, step, ahead, marks[-1]) for block in blocks]
                interrupted = _finish(jobs)
                bar.update((ahead - step) * batch * len(starts))
                step = ahead
                if interrupted and step < marks[-1]:
                    return [*history, _snapshot(step, blocks, starts)], False
            history.append(_snapshot(step, blocks, starts))
    return history, True


def _finish(jobs: list[Any]) -> bool:
    """Wait for all jobs; True where the keyboard interrupted, which still lets this round end."""
    interrupted = False
    for job in jobs:
        while True:
            try:
                job.result()
                break
            except KeyboardInterrupt:
                interrupted = True
    return interrupted


def _snapshot(step: int, blocks: list[_Block], starts: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    theta, loss = np.empty_like(starts), np.empty(len(starts))
    for block in blocks:
        theta[block.rows], loss[block.rows] = block.theta, block.loss()
    return step, theta, loss


def _collect(
    models: tuple[Model, ...],
    runs: int,
    rule: Rule,
    batch: int,
    seed: int,
    blocks: list[_Block],
    history: _History,
    completed: bool,
) -> TrainingRun:
    steps, thetas, losses = zip(*history, strict=True)
    theta = np.array(thetas).reshape(len(steps), len(models), runs, -1)
    k = theta.shape[-1]
    return TrainingRun(
        models=models,
        rule=rule,
        batch=batch,
        seed=seed,
        steps=np.array(steps),
        W=theta[..., :2],
        b=None if k == 2 else theta[..., 2] if k == 3 else theta[..., 2:],
        loss=np.array(losses).reshape(len(steps), len(models), runs),
        effective_decay=_effective_decay(rule, blocks, (len(models), runs, k)),
        completed=completed,
    )


def _effective_decay(rule: Rule, blocks: list[_Block], shape: tuple[int, int, int]) -> np.ndarray | None:
    if rule.name != "adamw" or not blocks[0].memory.steps:
        return None
    rms = np.empty((shape[0] * shape[1], shape[2]))
    for block in blocks:
        correction = 1.0 - rule.betas[1] ** block.memory.steps
        rms[block.rows] = np.sqrt(block.memory.second / correction) / block.share
    return rule.decay * rms.reshape(shape)


def _as_models(model: Models) -> tuple[Model, ...]:
    models = tuple(model) if isinstance(model, Sequence) else (model,)
    if not models:
        raise ValueError("model = [] must hold at least one model")
    conventions = {each.bias for each in models}
    if len(conventions) > 1:
        raise ValueError(f"models of one run must share the bias convention, not {conventions}")
    return models


def reduction_factor(reduction: str) -> float:
    """What a reduction over features makes of the summed loss: 1 for "sum", 1/2 for "mean"."""
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction = {reduction!r} must be 'sum' or 'mean'")
    return 1.0 if reduction == "sum" else 0.5


def _marks(checkpoints: int | Iterable[int], steps: int) -> list[int]:
    _require_whole("steps", steps, 1)
    if isinstance(checkpoints, Iterable):
        wanted = list(checkpoints)
        for mark in wanted:
            _require_whole("checkpoints", mark, 0, steps)
    else:
        _require_whole("checkpoints", checkpoints, 1)
        wanted = [round(steps * i / checkpoints) for i in range(checkpoints)]
    return sorted({0, *map(int, wanted), int(steps)})


def _require_whole(name: str, value: SupportsFloat, least: int, most: int | None = None) -> None:
    number = float(value)
    if number != int(number) or number < least or (most is not None and number > most):
        limit = "" if most is None else f" and at most {most}"
        raise ValueError(f"{name} = {value!r} must be a whole number, at least {least}{limit}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _bar(progress: bool | None, total: int) -> Iterator[Any]:
    from tqdm import tqdm

    hidden = not (sys.stderr.isatty() if progress is None else progress)
    with tqdm(total=total, unit=" samples", unit_scale=True, disable=hidden, desc="training") as bar:
        yield bar
