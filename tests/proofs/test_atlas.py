"""The atlas: it covers its region, goes on after being killed, proves nothing twice, and agrees with single proofs."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytic import ToyModel, atlas, certify
from analytic.proofs.regions.atlas import settle
from analytic.proofs.regions.sheets import Atlas, rectangles
from analytic.validation import InvalidInput

REGION: dict[str, Any] = {"density": (0.398, 0.402), "importance": (0.69, 0.71), "bias": "shared", "width": 0.01}


class Inline(Executor):
    """Runs what is submitted at once; the first `deaths` jobs die."""

    def __init__(self, deaths: int = 0) -> None:
        self.deaths, self.asked = deaths, Counter[Any]()

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        job: Future[Any] = Future()
        self.asked[arguments[0]] += 1
        if self.deaths:
            self.deaths -= 1
            job.set_exception(RuntimeError("the worker died"))
        else:
            job.set_result(function(*arguments, **options))
        return job


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return atlas(tmp_path_factory.mktemp("atlas") / "made.jsonl", **REGION, executor=Inline())


def test_rectangles_tile_the_region() -> None:
    sides = (0.05, 0.95), (0.1, 1.0)
    boxes = rectangles(sides, 0.2)
    area = sum((q - p) * (s - r) for (p, q), (r, s) in boxes)
    assert abs(area - 0.9 * 0.9) < 1e-13
    ends = [sorted({end for box in boxes for end in box[axis]}) for axis in (0, 1)]
    assert [(each[0], each[-1]) for each in ends] == list(sides)
    assert len(boxes) == (len(ends[0]) - 1) * (len(ends[1]) - 1)


def test_it_covers_the_region_and_agrees_with_single_proofs(made: Atlas) -> None:
    assert (made.complete, made.proved, made.counted, made.reasons()) == (True, 1.0, 1.0, {})
    rng = np.random.default_rng(0)
    area = np.log(0.402 / 0.398) * np.log(0.71 / 0.69)
    assert abs(sum(cell.area for cell in made.cells) - area) < 1e-12
    for cell in made.cells[::3]:
        proof = certify(ToyModel.from_density(rng.uniform(*cell.density), rng.uniform(*cell.importance), "shared"))
        assert (len(proof.points), len(proof.minima)) == (len(cell.points), cell.minima)
        assert cell.phase == "antipodal"
        assert proof.minima[1].loss[1] - proof.minima[0].loss[0] > cell.lead > 0


def test_nothing_is_proved_twice(made: Atlas, tmp_path: Path) -> None:
    path = tmp_path / "stopped.jsonl"

    def press_ctrl_c(done: float, total: float) -> None:
        if done == 3:
            raise KeyboardInterrupt

    part = atlas(path, **REGION, executor=Inline(), progress=press_ctrl_c)
    assert (part.complete, part.finished) == (False, 3)
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"rectangle": "cut off')
    second = Inline(deaths=2)
    assert sorted(atlas(path, **REGION, executor=second).cells, key=repr) == sorted(made.cells, key=repr)
    assert sum(second.asked.values()) == made.total - 3 + 2
    names = [str(json.loads(line).get("rectangle")) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(names) == len(set(names)) == made.total + 1
    third = Inline()
    atlas(path, **REGION, executor=third)
    assert not third.asked


def test_a_worker_that_always_dies_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"3 times.*RuntimeError: the worker died"):
        atlas(tmp_path / "dead.jsonl", **REGION, executor=Inline(deaths=100))


def test_another_atlas_is_refused(made: Atlas, tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    atlas(path, **(REGION | {"width": 0.1}), executor=Inline())
    with pytest.raises(InvalidInput, match="same region"):
        atlas(path, **REGION, executor=Inline())
    path.write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="atlas"):
        Atlas.load(path)


def test_a_file_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    for text in ("my notes", "my notes\n", '{"format": "analytic atlas"}\n', "[1, 2]\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput):
            atlas(path, **REGION, executor=Inline())
        assert path.read_text(encoding="utf-8") == text


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path, refused = tmp_path / "shared.jsonl", list[object]()

    def second(done: float, total: float) -> None:
        if not refused:
            with pytest.raises(InvalidInput, match="another process") as found:
                atlas(path, **REGION, executor=Inline())
            refused.append(found)
            raise KeyboardInterrupt

    assert atlas(path, **REGION, executor=Inline(), progress=second).finished == 0
    assert refused


def test_a_compressed_atlas_is_read(made: Atlas, tmp_path: Path) -> None:
    path = tmp_path / "atlas.jsonl"
    part = atlas(path, **(REGION | {"width": 0.1}), executor=Inline())
    packed = tmp_path / "atlas.jsonl.gz"
    packed.write_bytes(data := gzip.compress(path.read_bytes()))
    assert Atlas.load(packed) == part
    packed.write_bytes(data[:-20])
    with pytest.raises(InvalidInput, match="damaged"):
        Atlas.load(packed)


def test_importance_1_is_left_open() -> None:
    record = settle(((0.4, 0.4005), (0.9995, 1.0)), "shared", 0.01)
    assert [cell[-1] for cell in record["cells"]] == ["EQUAL"]


def children(pid: int) -> set[int]:
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rsplit(")", 1)[1].split()
            found |= {int(status.parent.name)} if int(fields[1]) == pid and fields[0] != "Z" else set()
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed in /proc")
def test_workers_end_with_the_command_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analytic", "atlas", "--bias", "shared", "-o", str(tmp_path / "killed.jsonl")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (workers := children(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)
    workers |= children(process.pid)
    process.kill()
    process.wait()
    assert workers
    while left := {pid for pid in workers if Path(f"/proc/{pid}").exists()}:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.slow
def test_killed_ten_times(made: Atlas, tmp_path: Path) -> None:
    """kill -9 while it runs; every finished rectangle stays, and in the end the atlas is the same."""
    path, cells = tmp_path / "killed.jsonl", sorted(made.cells, key=repr)
    program = f"from analytic import atlas\nif __name__ == '__main__':\n    atlas({str(path)!r}, **{REGION!r})\n"
    script = tmp_path / "run.py"
    script.write_text(program, encoding="utf-8")
    for attempt in range(11):
        process = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
        if attempt < 10:
            time.sleep(4)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert sorted(Atlas.load(path).cells, key=repr) == cells


def test_on_dask(made: Atlas, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = atlas(tmp_path / "dask.jsonl", **REGION, executor=client.get_executor(pure=False))
    assert sorted(found.cells, key=repr) == sorted(made.cells, key=repr)
