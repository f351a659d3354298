"""An atlas on Dask, with real processes: a scheduler and two workers on the loopback address, and the command.

Each of them is killed in the middle; what was finished stays, nothing is proved twice, and the rest can be finished.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from analytic import Atlas, atlas
from analytic.proofs.regions.sheets import rectangles

pytest.importorskip("distributed")

REGION: dict[str, Any] = {"density": (0.39, 0.41), "importance": (0.68, 0.72), "bias": "shared", "width": 0.01}
#: Seconds after which a test gives up.
PATIENCE = 120


@contextmanager
def started(*words: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A Python process with everything that it starts, which is gone afterwards."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).parents[2], *sys.path)))}
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE if words[0] == "analytic" else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if words[0] == "analytic" else subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()


def waited(ready: Callable[[], bool]) -> None:
    """Until it is."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def kill(process: subprocess.Popen[str]) -> None:
    """As the system does when memory runs out."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Cluster:
    """A scheduler at `address` and workers."""

    def __init__(self, folder: Path, scheduler: subprocess.Popen[str], workers: list[subprocess.Popen[str]]) -> None:
        self.folder, self.scheduler, self.workers = folder, scheduler, workers
        self.path = folder / "atlas.jsonl"
        waited(lambda: (folder / "scheduler.json").exists() and (folder / "scheduler.json").stat().st_size > 0)
        self.address = json.loads((folder / "scheduler.json").read_text(encoding="utf-8"))["address"]

    def command(self) -> Any:
        """`analytic atlas` on this cluster."""
        sides = [word for name in ("density", "importance") for word in (f"--{name}", *map(str, REGION[name]))]
        options = ["--bias", "shared", "--width", "0.01", "--scheduler", self.address, "-o", str(self.path)]
        return started("analytic", "atlas", *sides, *options, folder=self.folder)

    @property
    def lines(self) -> list[str]:
        """Those of the file that are whole."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return text[: text.rfind("\n") + 1].splitlines()

    def finished(self) -> Atlas:
        """What the file holds in the end: each rectangle once."""
        found = Atlas.load(self.path)
        sides = [sheet.sides for sheet in found.sheets]
        assert sorted(sides) == sorted(rectangles((REGION["density"], REGION["importance"]), REGION["width"]))
        return found


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    usual = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", "scheduler.json")
    one = ("--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path / "scratch"))
    with (
        started("dask", "scheduler", "--port", "0", *usual, folder=tmp_path) as scheduler,
        started("dask", "worker", *usual, *one, folder=tmp_path) as first,
        started("dask", "worker", *usual, *one, folder=tmp_path) as second,
    ):
        yield Cluster(tmp_path, scheduler, [first, second])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> set[Any]:
    """The cells of the same atlas without Dask."""
    return set(atlas(tmp_path_factory.mktemp("alone") / "atlas.jsonl", **REGION).cells)


def test_a_worker_is_killed(cluster: Cluster, alone: set[Any]) -> None:
    with cluster.command() as client:
        waited(lambda: len(cluster.lines) > 4)
        kill(cluster.workers[0])
        assert len(cluster.lines) < 30, "it was over before the worker died"
        said = client.communicate(timeout=PATIENCE)[0]
    assert client.returncode == 0, said
    assert said.startswith("54 of 54 rectangles")
    assert set(cluster.finished().cells) == alone


def test_the_command_is_killed_and_goes_on(cluster: Cluster, alone: set[Any]) -> None:
    with cluster.command() as client:
        waited(lambda: len(cluster.lines) > 4)
        kill(client)
    before = cluster.lines
    assert 4 < len(before) < 55, "it was over before it died"
    with cluster.command() as client:
        said = client.communicate(timeout=PATIENCE)[0]
    assert client.returncode == 0, said
    assert cluster.lines[: len(before)] == before
    assert set(cluster.finished().cells) == alone


def test_the_scheduler_is_killed(cluster: Cluster, alone: set[Any]) -> None:
    with cluster.command() as client:
        waited(lambda: len(cluster.lines) > 4)
        kill(cluster.scheduler)
        said = client.communicate(timeout=PATIENCE)[0]
    assert client.returncode == 2, said
    assert said.startswith("analytic: the workers died, or the scheduler that gave them work; what is finished is kept")
    assert said.count("\n") == 1
    before = cluster.lines
    assert 4 < len(before) < 55, "it was over before the scheduler died"
    assert set(atlas(cluster.path, **REGION).cells) == alone
    assert cluster.lines[: len(before)] == before
    cluster.finished()
