"""`atlas`: a whole diagram, rectangle by rectangle, on any executor, with what is finished kept in a file.

The file is text, one JSON object a line: what was asked for, then one line for each rectangle, added when it is
finished and never changed. A line that was cut off when the process died is removed, and its rectangle is proved again;
no other is. Rectangles are taken in random order, so that what is finished is a fair sample of what is not.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from analytic.files import PathLike, reading, writable
from analytic.landscape.records import Phase
from analytic.models.bias import Bias, BiasLike
from analytic.proofs.records import Box, Pair
from analytic.proofs.regions.prover import SMALLEST, checked, prove
from analytic.validation import InvalidValue, number, refuse
from analytic.work import Progress, cores, reporting

FORMAT = "analytic atlas"
#: Rectangles start with this width, as a difference of logarithms; wide ones are cut anyway, narrow ones share less.
WIDTH = 0.04
#: Rectangles under way for each worker, and how often one is tried again whose worker died.
_AHEAD, _TRIALS = 3, 3


@dataclass(frozen=True)
class AtlasCell:
    """What is proved about all models of a rectangle.

    Attributes
    ----------
    density, importance : (low, high)
    minima, points : int
        How many isolated minima and stationary points each model has; 0 points if that is not proved.
    phase : phase of the best minimum, None if that is not proved
    lead : how much it is better than the next one, at least; 0 if that is not proved
    reason : why something is not proved, empty if everything is
    """

    density: Pair
    importance: Pair
    minima: int
    points: int
    phase: Phase | None
    lead: float
    reason: str

    @property
    def area(self) -> float:
        """On logarithmic axes."""
        return log(self.density[1] / self.density[0]) * log(self.importance[1] / self.importance[0])


@dataclass(frozen=True)
class Atlas:
    """The finished rectangles of an atlas.

    Attributes
    ----------
    bias : Bias
    density, importance : (low, high)
    cells : tuple of AtlasCell
    finished, total : int
        Rectangles of the first cut that are finished, and how many there are.
    seconds : float
        Processor time of what is finished.
    """

    bias: Bias
    density: Pair
    importance: Pair
    cells: tuple[AtlasCell, ...]
    finished: int
    total: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every rectangle is finished; parts of it may be undecided."""
        return self.finished == self.total

    @property
    def proved(self) -> float:
        """The share of the finished logarithmic area on which everything is proved."""
        return self._share(lambda cell: not cell.reason)

    @property
    def counted(self) -> float:
        """The share on which number and kinds of the points are proved, whether or not the best minimum is."""
        return self._share(lambda cell: cell.points > 0)

    def _share(self, chosen: Any) -> float:
        whole = sum(cell.area for cell in self.cells)
        return sum(cell.area for cell in self.cells if chosen(cell)) / whole if whole else 0.0

    def reasons(self) -> dict[str, float]:
        """The share of the finished area left open for each reason, largest first."""
        found: Counter[str] = Counter()
        for cell in self.cells:
            if cell.reason:
                found[cell.reason] += cell.area  # type: ignore[assignment]
        whole = sum(cell.area for cell in self.cells)
        return {reason: area / whole for reason, area in found.most_common()}

    @classmethod
    def load(cls, path: PathLike) -> Atlas:
        """Read the finished part of an atlas; an InvalidValue if the file is something else."""
        with reading(path, "atlas"):
            header, *rows = _lines(Path(path))
            if header.get("format") != FORMAT:
                raise InvalidValue(f'an atlas begins with "format": "{FORMAT}"')
            cells = tuple(_cell(row) for record in rows for row in record["cells"])
            sides = tuple(header["density"]), tuple(header["importance"])
            total, seconds = len(rectangles(sides, header["width"])), sum(record["seconds"] for record in rows)
            return cls(Bias.of(header["bias"]), *sides, cells, len(rows), total, seconds)


def atlas(
    path: PathLike,
    *,
    density: tuple[float, float] = (0.05, 0.95),
    importance: tuple[float, float] = (0.1, 1.0),
    bias: BiasLike,
    width: float = WIDTH,
    smallest: float = SMALLEST,
    executor: Executor | None = None,
    progress: Progress = None,
) -> Atlas:
    """Cover a region of the phase diagram with rectangles that are proved, as `certify_region` proves them.

    Parameters
    ----------
    path : path of a .jsonl file that keeps what is finished; an atlas that is there already is continued
    density, importance : (low, high)
    bias : "per-feature" or "shared"
    width, smallest : float
        Differences of logarithms: of the first cut, and down to which rectangles are cut in half where undecided.
    executor : any `concurrent.futures.Executor`; by default processes on all cores
        What is submitted pickles. A rectangle whose worker dies is tried three times, if the executor goes on.
    progress : None, True, False or progress(done, total); see `analytic.work`

    Returns
    -------
    Atlas
        Also after Ctrl-C, with what was finished by then.

    Raises
    ------
    InvalidInput
        If the file is an atlas of something else, or an argument is not as described.
    """
    convention, sides = checked(density, importance, bias)
    number("width", width, least=1e-6)
    number("smallest", smallest, least=1e-9)
    writable(path, (".jsonl",))
    target, header = Path(path), _header(convention, sides, width, smallest)
    done = _resumed(target, header)
    boxes = [box for box in rectangles(sides, width) if _name(box) not in done]
    waiting = [boxes[i] for i in np.random.default_rng(0).permutation(len(boxes))]
    with ExitStack() as stack:
        report = stack.enter_context(reporting(progress, "atlas", "rectangle"))
        own = executor or stack.enter_context(ProcessPoolExecutor(cores(), mp_context=get_context("spawn")))
        report(len(done), len(done) + len(waiting))
        try:
            for count, record in enumerate(_finished(own, waiting, convention, smallest), len(done) + 1):
                _append(target, record)
                report(count, len(done) + len(waiting))
        except KeyboardInterrupt:
            pass
        except BrokenExecutor as error:
            raise InvalidValue("the workers died; what is finished is kept, and the same call goes on") from error
    return Atlas.load(target)


def rectangles(sides: Any, width: float) -> list[Box]:
    """The first cut: all rectangles have about this width on logarithmic axes, for the density also in 1 - p."""
    (p, q), (r, s) = sides
    odds = np.linspace(log(p / (1 - p)), log(q / (1 - q)), _pieces(log(q / p) + log((1 - p) / (1 - q)), width) + 1)
    densities = [p, *(1 / (1 + np.exp(-odds[1:-1]))).tolist(), q]
    importances = [r, *np.geomspace(r, s, _pieces(log(s / r), width) + 1)[1:-1].tolist(), s]
    return [((a, b), (c, d)) for a, b in pairwise(densities) for c, d in pairwise(importances)]


def _pieces(length: float, width: float) -> int:
    return max(1, ceil(length / width))


def settle(sides: Box, bias: str, smallest: float) -> dict[str, Any]:
    """One rectangle of the first cut, in the words of the file; this is what is submitted."""
    start = time.process_time()
    cells = []
    for cell, _ in prove(sides, Bias.of(bias), smallest):
        if cell is not None:
            minima = sum(point.kind == "minimum" for point in cell.points)
            low = cell.lead[0] if cell.lead else 0.0
            reason = cell.reasons[0][0].name if cell.reasons else ""
            cells.append([*cell.density, *cell.importance, minima, len(cell.points), cell.phase, low, reason])
    return {"rectangle": _name(sides), "seconds": time.process_time() - start, "cells": cells}


def _finished(executor: Executor, waiting: Sequence[Box], bias: Bias, smallest: float) -> Iterator[dict[str, Any]]:
    """Records in the order in which they are finished; a few rectangles are under way at a time."""
    queue, trials = list(waiting), Counter[str]()
    running: dict[Future[Any], Box] = {}
    try:
        while queue or running:
            while queue and len(running) < _AHEAD * cores():
                sides = queue.pop()
                running[executor.submit(settle, sides, str(bias), smallest)] = sides
            for job in wait(running, return_when=FIRST_COMPLETED).done:
                record = _record(job, sides := running.pop(job), trials)
                if record is None:
                    queue.append(sides)
                else:
                    yield record
    finally:
        for job in running:
            job.cancel()


def _record(job: Future[Any], sides: Box, trials: Counter[str]) -> Any:
    """The result, or None if its worker died and it may be tried again."""
    try:
        return job.result()
    except BrokenExecutor:
        raise
    except Exception:
        trials[_name(sides)] += 1
        if trials[_name(sides)] >= _TRIALS:
            raise
        return None


def _name(sides: Box) -> str:
    return " ".join(repr(end) for side in sides for end in side)


def _header(bias: Bias, sides: Any, width: float, smallest: float) -> dict[str, Any]:
    density, importance = (list(side) for side in sides)
    asked = {"bias": str(bias), "density": density, "importance": importance, "width": width, "smallest": smallest}
    return {"format": FORMAT, "version": 1, **asked}


def _resumed(path: Path, header: dict[str, Any]) -> set[str]:
    """The names of finished rectangles; the file is begun, or freed from a line that was cut off."""
    if not path.exists() or not path.stat().st_size:
        _append(path, header)
        return set()
    with reading(path, "atlas"):
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            with open(path, "r+b") as file:
                file.truncate(data.rfind(b"\n") + 1)
        rows = list(_lines(path))
    if not rows:
        _append(path, header)
        return set()
    if rows[0] != header:
        refuse("path", "be a new file or an atlas of the same region, bias and widths", str(path))
    return {row["rectangle"] for row in rows[1:]}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file, without a last line that was cut off."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def _append(path: Path, record: dict[str, Any]) -> None:
    """One more line, on the disk before anything else happens."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _cell(row: list[Any]) -> AtlasCell:
    p, q, r, s, minima, points, phase, lead, reason = row
    return AtlasCell((p, q), (r, s), minima, points, phase, lead, reason)
