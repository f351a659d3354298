"""Compiled functions on disk: two processes that compile at once into an empty cache, and one that finds it filled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Prints values of the compiled loops over points, and which functions had to be compiled for them.
CHILD = """
import json
from analytic import ToyModel
from analytic.loss import pair

model = ToyModel.from_density(0.3, 0.7)
W, b = [[0.9, -0.4]] * 3000, [0.1, 0.2]
values = [float(model.loss(W[0], b)), float(model.loss(W, b)[-1])]
values += [*model.gradient(W[0], b).tolist(), *model.hessian(W[0], b).ravel().tolist()]
loops = (pair._losses, pair._gradients, pair._hessians)
print(json.dumps([values, [loop.__name__ for loop in loops if loop.stats.cache_misses]]))
"""


def start(cache: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def answer(process: subprocess.Popen[str]) -> tuple[list[float], list[str]]:
    output, error = process.communicate()
    assert process.returncode == 0, error
    values, compiled = json.loads(output)
    return values, compiled


@pytest.mark.parametrize("repeat", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 5))])
def test_two_processes_fill_one_cache(tmp_path: Path, repeat: int) -> None:
    """Both are right, and what they leave is right and complete: a third process compiles nothing."""
    first, second = map(answer, [start(tmp_path), start(tmp_path)])
    assert first[0] == second[0]
    assert answer(start(tmp_path)) == (first[0], [])
