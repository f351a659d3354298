"""Stale compiled functions: what is older than a file it may have inlined goes, what is younger stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analytic.compiled import drop_stale


def written(path: Path, time: int, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time, time))
    return path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A caller and what it calls, both compiled at time 10."""
    for name in ("caller", "callee"):
        written(tmp_path / "loss" / f"{name}.py", 5, "from numba import njit\n")
        for ending in ("nbi", "1.nbc"):
            written(tmp_path / "loss" / "__pycache__" / f"{name}.f-1.py311.{ending}", 10)
    return tmp_path


def cached(package: Path) -> int:
    return len(list(package.rglob("*.nb?")))


def test_compiled_functions_stay_where_nothing_changed(package: Path) -> None:
    drop_stale(str(package))
    assert cached(package) == 4


def test_a_changed_callee_drops_its_callers(package: Path) -> None:
    written(package / "loss" / "callee.py", 20, "from numba import njit\n")
    drop_stale(str(package))
    assert cached(package) == 0


def test_a_changed_file_without_compiled_functions_drops_nothing(package: Path) -> None:
    written(package / "cli.py", 20, "def help():\n    from numba.core import event\n")
    drop_stale(str(package))
    assert cached(package) == 4


def test_what_was_compiled_since_stays(package: Path) -> None:
    written(package / "loss" / "callee.py", 20, "from numba import njit\n")
    written(package / "loss" / "__pycache__" / "caller.f-1.py311.nbi", 30)
    drop_stale(str(package))
    assert [path.name for path in package.rglob("*.nb?")] == ["caller.f-1.py311.nbi"]


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    drop_stale(str(tmp_path / "gone"))
