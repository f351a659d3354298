"""The search for the minima of a larger model: descents from many starts, merged, verified and counted.

Nothing here proves that a list is complete. What can be said is how often a random start ends at each minimum, and how
often one would end at none of those listed: the minima that one half of the starts met are taken as a list, and the
other half tells how often it is missed (see `MinimaFound.unseen`).

A start descends by BFGS and Newton's method (`minimiser`). Where it ends at a saddle, or at a kink with lower points
beside it, it goes on from the lowest point nearby: training has noise, and does not stay there either.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.files import PathLike, ending, read_npz, write_npz
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.search import structured
from analytic.search.distinct import Distinct, curvature, distinct, lower_neighbour
from analytic.search.found import FoundMinimum, MinimaFound, Source
from analytic.search.minimiser import CONVERGED, Ends, Objective, minimise
from analytic.search.places import copies, dead_outputs
from analytic.search.shares import share, upper_bound
from analytic.training import initial
from analytic.validation import InvalidValue, refuse_type, whole
from analytic.work import Progress, reporting, running

Array = npt.NDArray[np.float64]

#: Starts of one job: enough for fast evaluation, few enough for a live bar.
_JOB = 250
#: More starts than this do not fit into the memory of a laptop.
_MOST_STARTS = 1_000_000
#: The exact route serves this many features; a search needs thousands of evaluations.
_MOST_FEATURES = 10
#: How often a start that ended at no minimum goes on.
_ESCAPES = 5
#: How often the features of a structured start are dealt anew where they are not alike.
_DEALS = 12


def search_minima(
    model: ReluOutputModel | ToyModel,
    *,
    starts: int = 1000,
    init: initial.Init = "xavier",
    instances: int = 1,
    layout: str = "hidden-features",
    seed: int = 0,
    executor: Executor | None = None,
    progress: Progress = None,
    resume: PathLike | None = None,
) -> MinimaFound:
    """Minima of the expected loss that many descents find, with their shares, and a bound on what is missing.

    Parameters
    ----------
    model : ReluOutputModel
        With at most 10 features. A ToyModel is searched as one, too; `find_minima` lists all of its minima.
    starts : random starts, up to a million
    init, instances, layout : their distribution, as for `train`; the biases start at zero
    seed : a whole number; one seed gives the same result on any executor
    executor : any `concurrent.futures.Executor`; by default threads on all cores
    progress : None, True, False or progress(done, total); see `analytic.work`
    resume : a .npz file in which finished parts are kept: an interrupted search goes on from there

    Returns
    -------
    MinimaFound
        Every minimum once, modulo rotations of the hidden space and permutations of features that are alike, by loss.
        Each has |gradient| <= 1e-12 sum I_i E[x_i^2], no negative curvature off the flat directions and no lower
        neighbour among 128 sampled ones.

    Raises
    ------
    ValueError, TypeError
        For arguments that are not as described, naming the argument.

    Examples
    --------
    >>> from analytic import ReluOutputModel, search_minima
    >>> found = search_minima(ReluOutputModel.from_density(3, 2, 0.3), starts=50)
    >>> [(minimum.shape, f"{minimum.loss:.5f}") for minimum in found][:1]
    [('digon, single', '0.02931')]
    """
    model = _searchable(model)
    search = _Search(Objective(model), whole("starts", starts, 1, _MOST_STARTS), whole("seed", seed, 0))
    theta = initial.draw(
        init,
        np.random.default_rng([search.seed, 0]),
        search.starts,
        model.bias,
        instances=instances,
        layout=layout,
        weights=(model.hidden, model.features),
    )
    with np.errstate(over="ignore", invalid="ignore"):
        if not all(np.isfinite(each).all() for each in search.objective(theta)[:2]):
            raise InvalidValue("init must give weights with a finite loss and gradient, got some that are too large")
    with reporting(progress, "search", "part") as report, running(executor, report) as run:
        ends = search.run(theta, run, _Store.at(resume, search, theta))
    return search.conclude(ends, init if isinstance(init, str) else "given starts")


def _searchable(model: Any) -> ReluOutputModel:
    if isinstance(model, ToyModel):
        return model.as_relu_output()
    if not isinstance(model, ReluOutputModel):
        refuse_type("model", "be a ReluOutputModel", model)
    if model.features > _MOST_FEATURES:
        raise InvalidValue(f"model must have at most {_MOST_FEATURES} features to be searched, got {model.features}")
    if 0 in model.density:
        raise InvalidValue("density must be positive to search for minima: a feature is never on")
    return model


def _descend(objective: Objective, theta: Array, seed: int) -> Ends:
    """Where these starts end."""
    return settled(objective, minimise(objective, theta), seed)


def settled(objective: Objective, ends: Ends, seed: int) -> Ends:
    """Ends of descents, after escapes from what is no minimum."""
    ends, rng = Ends(*(each.copy() for each in ends)), np.random.default_rng([seed, 1])
    for _ in range(_ESCAPES):
        converged = np.flatnonzero(ends.gradient_norm <= CONVERGED * objective.unit)
        again: dict[int, Array] = {}
        for point in distinct(objective, Ends(*(each[converged] for each in ends))):
            beside = lower_neighbour(objective, point, rng)
            if beside is not None:
                again |= dict.fromkeys(converged[list(point.members)].tolist(), beside)
        if not again:
            break
        rows = list(again)
        for whole_array, part in zip(ends, minimise(objective, np.array(list(again.values()))), strict=True):
            whole_array[rows] = part
    return ends


@dataclass(frozen=True)
class _Search:
    """One search: what is minimised, from how many random starts, with which seed."""

    objective: Objective
    starts: int
    seed: int

    def run(self, theta: Array, run: Callable[..., list[Any]], store: _Store) -> Ends:
        """Ends of the random starts, then of the structured ones."""
        extra = self._structured()
        parts = [rows[k : k + _JOB] for rows in (theta, extra) for k in range(0, len(rows), _JOB)]
        todo = [k for k in range(len(parts)) if k not in store.done]
        for batch in _in_rounds(todo):
            jobs = [partial(_descend, self.objective, parts[k], self.seed) for k in batch]
            store.add(dict(zip(batch, run(jobs), strict=True)))
        columns = zip(*(store.done[k] for k in range(len(parts))), strict=True)
        return Ends(*(np.concatenate(column) for column in columns))

    def _structured(self) -> Array:
        hidden, features = self.objective.shape
        alike = len(self.objective.model.symmetry.alike) == 1
        W = structured.starts(hidden, features, 1 if alike else _DEALS, np.random.default_rng([self.seed, 2]))
        size = self.objective.model.bias.size(features)
        return np.concatenate([W.reshape(len(W), -1), np.zeros((len(W), size))], axis=1)

    def conclude(self, ends: Ends, init: str) -> MinimaFound:
        """Merges, verifies and counts."""
        converged = np.flatnonzero(ends.gradient_norm <= CONVERGED * self.objective.unit)
        points = distinct(self.objective, Ends(*(each[converged] for each in ends)))
        rng = np.random.default_rng([self.seed, 3])
        minima: list[Distinct] = []
        owner = np.full(len(ends.loss), -1)
        for point in points:
            if lower_neighbour(self.objective, point, rng) is None:
                owner[converged[list(point.members)]] = len(minima)
                minima.append(point)
        mine = owner[: self.starts]
        half = self.starts // 2
        known = np.unique(mine[:half])
        missed = int(np.sum((mine[half:] >= 0) & ~np.isin(mine[half:], known)))
        hits = [int(np.sum(mine == k)) for k in range(len(minima))]
        return MinimaFound(
            self.objective.model,
            tuple(
                record(self.objective, point, count, self.starts, "random" if count else "structured")
                for point, count in zip(minima, hits, strict=True)
            ),
            self.starts,
            init,
            self.seed,
            upper_bound(missed, self.starts - half),
            int(np.sum(mine < 0)),
        )


def record(objective: Objective, point: Distinct, hits: int, starts: int, source: Source) -> FoundMinimum:
    """What is to be said of a minimum where `hits` of `starts` ended."""
    W, b = objective.split(point.theta)
    return FoundMinimum(
        W=W,
        b=None if b is None else float(b) if np.ndim(b) == 0 else b,
        loss=point.loss,
        gradient_norm=point.gradient_norm,
        curvature=curvature(objective, point.theta),
        hits=hits,
        share=share(hits, starts),
        copies=copies(objective, point.theta),
        source=source,
        dead=tuple(map(int, np.flatnonzero(dead_outputs(objective, point.theta[None])[0]))),
    )


def _in_rounds(todo: list[int]) -> list[list[int]]:
    """Parts between two looks at the file."""
    return [todo[k : k + 16] for k in range(0, len(todo), 16)]


class _Store:
    """Finished parts of a search, kept in a file if there is one."""

    def __init__(self, path: PathLike | None, key: Array, done: dict[int, Ends]) -> None:
        self.path, self.key, self.done = path, key, done

    @classmethod
    def at(cls, path: PathLike | None, search: _Search, theta: Array) -> _Store:
        """What a file holds of this search; an InvalidValue if it belongs to another one."""
        key = np.concatenate([[search.seed, len(theta)], theta.sum(0), search.objective(theta[:1])[1][0]])
        if path is None:
            return cls(None, key, {})
        ending(path, (".npz",))
        if not Path(path).exists():
            return cls(path, key, {})
        stored = read_npz(path, "unfinished search", ("key",))
        if not np.array_equal(stored["key"], key):
            raise InvalidValue(f"resume must be a file of this search, and {str(path)!r} belongs to another one")
        done = {k: Ends(*(stored[f"{name}_{k}"] for name in Ends._fields)) for k in _numbered(stored)}
        return cls(path, key, done)

    def add(self, parts: dict[int, Ends]) -> None:
        """Keeps further parts."""
        self.done |= parts
        if self.path is not None:
            arrays = {f"{name}_{k}": each for k, ends in self.done.items() for name, each in ends._asdict().items()}
            write_npz(self.path, {"key": self.key, **arrays})


def _numbered(stored: dict[str, Array]) -> list[int]:
    return [k for k in range(len(stored)) if f"theta_{k}" in stored]
