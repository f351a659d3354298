"""Long work: how it reports, on how many cores it runs, and what an interrupt from the keyboard leaves behind.

Progress. Everything that can take more than two seconds has an argument `progress`: None draws a bar on stderr where
that is a terminal or a notebook, True draws it anyway, False never, and a callable gets progress(done, total), where
the total may grow. A bar appears after one second.

Parallelism. Sweeps take any `concurrent.futures.Executor`; without one they use threads on all cores. Results do not
depend on it.

Interruption. Work that has a meaningful part to return finishes its round and returns it, marked as incomplete; other
work is cancelled and raises KeyboardInterrupt.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias, TypeVar

from analytic.validation import refuse_type

Item = TypeVar("Item")
#: None, True, False, or progress(done, total).
Progress: TypeAlias = bool | Callable[[float, float], None] | None
#: Runs jobs without arguments somewhere and returns their results in order.
Run: TypeAlias = Callable[[Sequence[Callable[[], Any]]], list[Any]]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@contextmanager
def reporting(progress: Progress, title: str, unit: str = "it") -> Iterator[Callable[[float, float], None]]:
    """A function report(done, total) that does with progress what the caller asked for."""
    if callable(progress):
        yield progress
        return
    if not (progress is None or isinstance(progress, bool)):
        refuse_type("progress", "be None, True, False or a function progress(done, total)", progress)
    if not (_is_watched() if progress is None else progress):
        yield lambda done, total: None
        return
    from tqdm import tqdm

    with tqdm(desc=title, unit=unit, unit_scale=True, leave=False, delay=1) as bar:

        def report(done: float, total: float) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report


def counted(items: Sequence[Item], report: Callable[[float, float], None]) -> Iterator[Item]:
    """The items one by one; each is reported when the next one is asked for."""
    for done, item in enumerate(items, start=1):
        yield item
        report(done, len(items))


@contextmanager
def running(executor: Executor | None, report: Callable[[float, float], None]) -> Iterator[Run]:
    """A function that runs a list of jobs on the executor, or on threads of its own, and returns their results."""
    done = submitted = 0
    with ExitStack() as stack:
        own = executor or stack.enter_context(ThreadPoolExecutor(max_workers=cores()))

        def run(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
            nonlocal done, submitted
            submitted += len(jobs)
            futures = [own.submit(job) for job in jobs]
            try:
                for _ in as_completed(futures):
                    done += 1
                    report(done, submitted)
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
            return [future.result() for future in futures]

        yield run


def finish(jobs: Sequence[Future[Any]]) -> bool:
    """Waits for all jobs; True if the keyboard interrupted, which still lets this round end."""
    interrupted = False
    for job in jobs:
        while True:
            try:
                job.result()
                break
            except KeyboardInterrupt:
                interrupted = True
    return interrupted
