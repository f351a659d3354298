"""Files that are complete or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analytic.files import replacing, write_csv


def test_an_interrupted_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path, "w") as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["data.csv"]


def test_a_finished_write_has_the_usual_permissions(tmp_path: Path) -> None:
    path, plain = tmp_path / "data.csv", tmp_path / "plain"
    write_csv(path, ["a", "b"], [[1, 2.5]])
    plain.touch()
    assert path.read_bytes() == b"a,b\r\n1,2.5\r\n"
    assert path.stat().st_mode == plain.stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["data.csv", "plain"]
