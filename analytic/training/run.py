"""`TrainingRun`: what training gave, in memory and in a file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytic.files import PathLike, read_npz, reading, writable, write_npz
from analytic.models.bias import Bias
from analytic.training.optimisers import Rule
from analytic.training.problems import Array, Model, Pair, Problem, Wide, problem
from analytic.validation import InvalidValue, shown

#: Written into every file, and raised where the format changes.
_FORMAT = "analytic training run 1"
_ARRAYS = ("steps", "W", "b", "loss", "effective_decay")


@dataclass(frozen=True, eq=False, repr=False)
class TrainingRun:
    """What training gave, at each of c checkpoints; `models` × `runs` trained models of n features, m hidden units.

    Attributes
    ----------
    models
        As given to `train`; after `load` records with the same importance, bias, and on/off probabilities.
    rule, batch, seed, reduction
        How they were trained.
    steps : (c,)
        Optimiser steps taken at each checkpoint, the first 0.
    W : (c, models, runs, 2) for the pair, else (c, models, runs, m, n)
    b : None, (c, models, runs) if shared, (c, models, runs, n) if per-feature
    loss : (c, models, runs)
        Mean loss over `batch` fresh samples at the checkpoint, summed over features.
    effective_decay : None, or for adamw (models, runs, k)
        The decay that acted on each parameter at the end: the weight decay times the root mean square of the
        minibatch gradient. Parameters are W row by row, then b.
    completed
        False where the run was interrupted; the last checkpoint is then where it stood.
    """

    models: tuple[Model, ...]
    rule: Rule
    batch: int
    seed: int
    reduction: str
    steps: Array
    W: Array
    b: Array | None
    loss: Array
    effective_decay: Array | None
    completed: bool

    @property
    def final(self) -> tuple[Array, Array | None]:
        """(W, b) at the last checkpoint, W of shape (models, runs, ...)."""
        return self.W[-1], None if self.b is None else self.b[-1]

    @property
    def diverged(self) -> Array:
        """Which trained models, (models, runs), have parameters or a loss that are infinite or NaN at the end."""
        W, b = self.final
        shape = self.loss.shape[1:]
        finite = np.isfinite(self.loss[-1]) & np.isfinite(W).reshape(*shape, -1).all(axis=-1)
        if b is not None:
            finite &= np.isfinite(b).reshape(*shape, -1).all(axis=-1)
        return np.asarray(~finite)

    def __repr__(self) -> str:
        models, runs = self.loss.shape[1:]
        state = "" if self.completed else ", interrupted"
        lost = int(self.diverged.sum())
        tail = f", {lost} diverged" if lost else ""
        return (
            f"TrainingRun({models} models x {runs} runs, {self.rule.name}, {self.steps[-1]} steps of {self.batch} "
            f"samples{state}, mean loss {self.loss[-1].mean():.6g}{tail})"
        )

    def save(self, path: PathLike) -> None:
        """Writes an .npz file, whole or not at all; a schedule that is a function is stored as its values."""
        writable(path, (".npz",))
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        settings = {
            "batch": int(self.batch),
            "seed": int(self.seed),
            "reduction": self.reduction,
            "completed": bool(self.completed),
        }
        rule = {**vars(self.rule), "schedule": _stored_schedule(self.rule, int(self.steps[-1]))}
        header = {"format": _FORMAT, "settings": settings, "rule": rule, "models": list(map(_stored, self.models))}
        write_npz(path, {**arrays, "header": np.array(json.dumps(header, default=float))})

    @classmethod
    def load(cls, path: PathLike) -> TrainingRun:
        """Reads what `save` wrote; anything else is an InvalidValue that says what is wrong with the file."""
        arrays = read_npz(path, "training run", ("header", "steps", "W", "loss"))
        with reading(path, "training run"):
            header = json.loads(str(arrays["header"]))
            if header["format"] != _FORMAT:
                raise InvalidValue(f"{os.fspath(path)!r} is no training run of this version: {shown(header['format'])}")
            return cls(
                models=tuple(map(_loaded, header["models"])),
                rule=_loaded_rule(header["rule"]),
                **header["settings"],
                **{name: arrays.get(name) for name in _ARRAYS},  # type: ignore[arg-type]
            )


@dataclass(frozen=True)
class Tabulated:
    """A schedule by its values."""

    factors: tuple[float, ...]

    def __call__(self, step: int, steps: int) -> float:
        return self.factors[step]


def _stored_schedule(rule: Rule, steps: int) -> Any:
    return rule.schedule if isinstance(rule.schedule, str) else [float(rule.schedule(s, steps)) for s in range(steps)]


def _loaded_rule(stored: dict[str, Any]) -> Rule:
    schedule = stored["schedule"]
    named = schedule if isinstance(schedule, str) else Tabulated(tuple(schedule))
    return Rule(**{**stored, "schedule": named, "betas": tuple(stored["betas"])})


def _stored(model: Model) -> dict[str, Any]:
    known = problem(model)
    if isinstance(known, Pair):
        return {"importance": known.importance, "patterns": known.patterns, "bias": str(known.bias)}
    return {
        "importance": known.importance.tolist(),
        "density": known.density.tolist(),
        "patterns": None if known.patterns is None else known.patterns.tolist(),
        "hidden": known.hidden,
        "bias": str(known.bias),
    }


def _loaded(stored: dict[str, Any]) -> Problem:
    bias = Bias.of(stored["bias"])
    if "hidden" not in stored:
        return Pair(tuple(stored["importance"]), tuple(stored["patterns"]), bias)
    patterns = None if stored["patterns"] is None else np.array(stored["patterns"])
    return Wide(stored["hidden"], np.array(stored["importance"]), np.array(stored["density"]), bias, patterns)
