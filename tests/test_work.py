"""Long work: progress in its four forms, order of results, interruption."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from analytic.validation import InvalidType
from analytic.work import cores, finish, reporting, running


def test_progress_as_a_function() -> None:
    seen: list[tuple[float, float]] = []
    with reporting(lambda done, total: seen.append((done, total)), "work") as report:
        report(1, 2)
    assert seen == [(1, 2)]


@pytest.mark.parametrize(("progress", "drawn"), [(None, False), (False, False), (True, True)])
def test_bars_appear_where_they_are_asked_for(capsys, monkeypatch, progress, drawn: bool) -> None:
    monkeypatch.setattr("tqdm.std.tqdm.delay", 0, raising=False)
    with reporting(progress, "counting sheep") as report:
        report(1, 2)
        threading.Event().wait(1.1)
        report(2, 2)
    assert ("counting sheep" in capsys.readouterr().err) == drawn


def test_other_progress_is_refused() -> None:
    with pytest.raises(InvalidType, match="progress must be None, True, False or a function"), reporting("yes", "w"):  # type: ignore[arg-type]
        pass


def test_results_come_in_order_and_are_counted() -> None:
    seen = []
    with ThreadPoolExecutor(2) as pool, running(pool, lambda done, total: seen.append((done, total))) as run:
        assert run([partial(pow, k, 2) for k in range(5)]) == [0, 1, 4, 9, 16]
        assert run([partial(pow, 7, 2)]) == [49]
    assert seen[-1] == (6, 6)


def test_a_failing_job_raises() -> None:
    with running(None, lambda done, total: None) as run, pytest.raises(ZeroDivisionError):
        run([partial(divmod, 1, 0)])


def test_an_interrupt_lets_the_round_end() -> None:
    class Interrupted(Future):
        asked = 0

        def result(self, timeout: float | None = None) -> None:
            self.asked += 1
            if self.asked == 1:
                raise KeyboardInterrupt

    assert finish([Interrupted()])
    assert not finish([])


def test_there_is_a_core() -> None:
    assert cores() >= 1
