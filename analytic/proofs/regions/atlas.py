"""`atlas`: a whole diagram, sheet by sheet, on any executor, with what is finished kept in a file.

Sheets are taken in random order, but those that take long are put off to the end.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from decimal import ROUND_FLOOR, Context
from math import inf
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias

import numpy as np

from analytic.files import PathLike, writable
from analytic.models.bias import Bias, BiasLike
from analytic.proofs.records import Box, Reason
from analytic.proofs.regions.atlas_file import GROWING, growing, header
from analytic.proofs.regions.prover import SMALLEST, checked, prove
from analytic.proofs.regions.records import Cell
from analytic.proofs.regions.sheets import Atlas, rectangles
from analytic.validation import InvalidValue, number
from analytic.work import Progress, cores, reporting

#: Rectangles start with this width, as a difference of logarithms: four of five are proved whole, in 0.2 s of CPU time.
WIDTH = 0.08
#: Rectangles that are submitted at a time, and how often one is tried again whose worker died.
_AHEAD, _TRIALS = 500, 3
#: Seconds after which a rectangle is put off until the quicker ones are finished; then it is given four times as much.
_PATIENCE = 1.0
#: Leads are rounded down to so many digits: the file is half as long.
_DOWN = Context(prec=3, rounding=ROUND_FLOOR)
#: What is under way.
Jobs: TypeAlias = "dict[Future[Any], Box]"


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
    bias : the bias convention
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
    writable(path, GROWING)
    first = header(convention, sides, width, smallest)
    with growing(Path(path), first) as pages, reporting(progress, "atlas", "rectangle") as report:
        boxes = [box for box in rectangles(sides, width) if box not in pages.done]
        waiting = [boxes[i] for i in np.random.default_rng(0).permutation(len(boxes))]
        done, total = len(pages.done), len(pages.done) + len(boxes)
        try:
            with workers(executor) as (own, running):
                report(done, total)
                for count, row in enumerate(_finished(own, running, waiting, (str(convention), smallest)), done + 1):
                    pages.add(row)
                    report(count, total)
        except KeyboardInterrupt:
            pass
        except (BrokenExecutor, CancelledError) as error:
            raise InvalidValue(
                "the workers died, or the scheduler that gave them work; what is finished is kept: "
                "start them again, and the same call goes on"
            ) from error
    return Atlas.load(path)


@contextmanager
def workers(executor: Executor | None) -> Iterator[tuple[Executor, Jobs]]:
    """The executor, by default processes on all cores, and a place for jobs that are dropped at the end of the block.

    Jobs of processes are not cancelled but the processes ended: a pool that loses those complains of cancelled jobs.
    """
    running: Jobs = {}
    if executor is not None:
        try:
            yield executor, running
        finally:
            for job in running:
                job.cancel()
        return
    others, context = active_children(), get_context("spawn")
    with ProcessPoolExecutor(cores(), mp_context=context, initializer=_attach) as pool:
        try:
            yield pool, running
        finally:
            for child in active_children() if running else ():
                if child not in others:
                    child.terminate()


def _attach() -> None:
    """A worker leaves Ctrl-C, which a terminal sends to all, to the process that started it, and ends with that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def settle(sides: Box, bias: str, smallest: float, patience: float = inf) -> dict[str, Any]:
    """One rectangle of the first cut, in the words of the file; this is what is submitted.

    Raises
    ------
    TimeoutError
        If it takes more than `patience` seconds.
    """
    start = time.process_time()
    proofs = prove(sides, Bias.of(bias), smallest, time.monotonic() + patience)
    cells = [_row(cell) for cell, _ in proofs if cell is not None]
    if any(cell[-1] == Reason.TIME.name for cell in cells):
        raise TimeoutError
    if any(cell[-1] == Reason.INTERRUPTED.name for cell in cells):
        raise KeyboardInterrupt
    rectangle = [end for side in sides for end in side]
    return {"rectangle": rectangle, "seconds": round(time.process_time() - start, 3), "cells": cells}


def _row(cell: Cell) -> list[Any]:
    points = sorted(f"{point.kind} {point.phase}" for point in cell.points)
    lead = float(_DOWN.create_decimal_from_float(cell.lead[0])) if cell.lead else 0.0
    return [cell.path, points, cell.phase, lead, cell.reasons[0][0].name if cell.reasons else ""]


def _finished(
    executor: Executor, running: Jobs, waiting: Sequence[Box], asked: tuple[str, float]
) -> Iterator[dict[str, Any]]:
    """Records in the order in which they are finished; rectangles that take long are put off to the end."""
    queue, trials, put_off = list(waiting), Counter[Box](), Counter[Box]()
    while queue or running:
        while queue and len(running) < _AHEAD:
            sides = queue.pop()
            running[executor.submit(settle, sides, *asked, _PATIENCE * 4.0 ** put_off[sides])] = sides
        for job in wait(running, return_when=FIRST_COMPLETED).done:
            record = _record(job, sides := running.pop(job), trials)
            if record is None:
                put_off[sides] += 1
                queue.insert(0, sides)
            else:
                yield record


def _record(job: Future[Any], sides: Box, trials: Counter[Box]) -> Any:
    """The result, or None if it took too long, or if its worker died and it may be tried again."""
    try:
        return job.result()
    except (BrokenExecutor, CancelledError):
        raise
    except TimeoutError:
        return None
    except Exception as error:
        trials[sides] += 1
        if trials[sides] < _TRIALS:
            return None
        what = f"{type(error).__name__}: {error}"
        raise InvalidValue(
            f"rectangle {sides} failed {_TRIALS} times, at last with {what}; the rest is kept"
        ) from error
