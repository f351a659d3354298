"""Nonsense of every kind gets a right answer or one sentence: the command, in process and in processes of its own.

Command lines are drawn from a grammar that mixes good values, bad values and other options' values. Whatever comes out,
the exit status is 0 (and standard output parses where JSON was asked for), 2 with one line on stderr, or 3.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analytic.cli import main
from analytic.models.bias import Bias
from analytic.proofs.regions.atlas import settle
from analytic.proofs.regions.atlas_file import header

NUMBERS = [
    "0",
    "1",
    "-1",
    "0.5",
    ".3",
    "1e-3",
    "-1e-3",
    "1e300",
    "-1e300",
    "1e-300",
    "5e-324",
    "nan",
    "inf",
    "-inf",
    "1e60",
]
PROBABILITIES = ["0.3", "0.7", "0.05", "1", "0", "-0.1", "1.5", "nan", "1e-9", "0.999999"]
IMPORTANCES = ["1", "0.5", "2", "0", "-1", "1e-60", "1e60", "1e101", "nan", "inf"]
COUNTS = ["1", "2", "3", "7", "0", "-1", "-5", "1000000000", "2.5", "many", "", "1e3"]
WORDS = ["xavier", "none", "shared", "per-feature", "both", "", "--", "-", "é", "a b", "0x10"]
FILES = ["good.npz", "stack.npz", "good.npy", "wide.npy", "run.npz", "square.npy",
         "empty.npz", "cut.npz", "text.npz", "empty.npy", "object.npy", "complex.npz",
         "folder.npz", "certificate.json", "atlas.jsonl", "cut.jsonl.gz",
         "list.json", "deep.json", "missing.npz", "/", ".", "no/x.npz"]  # fmt: skip
OUTPUTS = ["out.png", "out.svg", "out.jpg", "no/such/out.png", "folder.npz", "out", "/proc/out.png"]
MODEL = {"--density": PROBABILITIES, "--sparsity": PROBABILITIES, "--importance": IMPORTANCES, "--bias": WORDS}
LAYOUTS = ["features-hidden", "hidden-features", "both"]
READING = {"--features": ["2", "3", *COUNTS], "--hidden": ["1", "2", *COUNTS], "--layout": LAYOUTS}
#: Sizes that are quick to search, and what is none.
SIZE = {"--features": ["3", "2", "1", "0", "-1", "2.5", "many", "1000000000"],
        "--hidden": ["2", "1", "3", "0", "-1", "", "1000000000"]}  # fmt: skip
STARTS = {"--starts": COUNTS, "--init": WORDS, "--seed": COUNTS, "--layout": LAYOUTS, "-o": ["out.npz", "x.csv", ""]}
RUNS = ["run.npz", "other.npz", "no/such/run.npz", "run.png", "", "folder.npz"]
#: Command -> its positionals, its options with values, its flags.
COMMANDS: dict[str, tuple[list[list[str]], dict[str, list[str]], list[str]]] = {
    "loss": ([NUMBERS, NUMBERS], MODEL | {"--b": NUMBERS}, ["--json"]),
    "loss of a file": ([], MODEL | READING | {"--weights": FILES}, ["--json"]),
    "minima": ([], MODEL | {"--digits": COUNTS}, ["--json", "--minima-only"]),
    "surface": ([], MODEL | {"--b": NUMBERS, "--extent": NUMBERS, "--grid": COUNTS, "-o": OUTPUTS}, []),
    "derive": ([], {"--bias": WORDS}, ["--latex"]),
    "boundaries": ([], {"--bias": ["none", "all", ""], "--importance": NUMBERS, "--digits": COUNTS}, ["--json"]),
    "phase-diagram": ([], {"--bias": ["none", "x"], "--density": PROBABILITIES, "--importance": IMPORTANCES,
                           "--grid": COUNTS, "-o": OUTPUTS}, ["--no-boundaries"]),
    "certify": ([], MODEL | {"--time-limit": ["0", "0.01", "nan", "-1", "inf", "x"], "-o": FILES}, ["--json"]),
    "verify": ([["certificate.json", "atlas.jsonl", *FILES]],
               {"--rectangles": ["0", "-1", "2.5", "many", ""], "--seed": ["1", "0", "-1", "x"]}, ["--plain"]),
    "atlas": ([], {"--bias": WORDS, "--density": PROBABILITIES, "--importance": IMPORTANCES, "--width": NUMBERS,
                   "--smallest": NUMBERS, "--scheduler": ["nowhere", "", "tcp://", "127.0.0.1"],
                   "-o": ["out.jsonl", "atlas.jsonl", *OUTPUTS]}, []),
    "train": ([], MODEL | {"--runs": COUNTS, "--steps": COUNTS, "--batch": COUNTS, "--lr": NUMBERS, "--init": WORDS,
                           "--optimizer": ["adam", "sgd", "gd", "adamw", "AdamW", "x"], "--seed": COUNTS,
                           "--features": ["2", "3", *COUNTS], "--hidden": ["1", "2", *COUNTS], "-o": RUNS,
                           "--layout": LAYOUTS, "--weight-decay": NUMBERS,
                           "--schedule": ["linear", "cosine", "none"], "--search": ["2", "0", "x"]}, ["--json"]),
    "basins": ([], MODEL | {"--starts": COUNTS, "--init": WORDS, "--dynamics": ["flow", "gd", "newton"],
                            "--grid": COUNTS, "-o": OUTPUTS}, ["--json"]),
    "check": ([FILES], MODEL | READING | {"--batch": COUNTS, "--lr": NUMBERS, "--reduction": ["sum", "mean", "max"],
                                          "--schedule": ["linear", "cosine", "none"], "--steps": COUNTS,
                                          "--tolerance": NUMBERS, "--search": ["2", "0", "-1", "x"]}, ["--json"]),
    "search": ([], MODEL | SIZE | STARTS, ["--json"]),
    "descend": ([], MODEL | SIZE | STARTS | {"--dynamics": ["newton", "gd", "flow", "adam", "x"], "--time": NUMBERS,
                                             "--steps": COUNTS, "--lr": NUMBERS, "--tolerance": NUMBERS,
                                             "--loss-tolerance": NUMBERS}, ["--json"]),
    "geometry": ([FILES], READING | {"--tolerance": NUMBERS}, ["--json"]),
    "nothing": ([], {}, []),
}  # fmt: skip
#: What a right answer may take too long for in a test of thousands: two digits of everything that scales.
CHEAP = {"--runs": "2", "--steps": "2", "--batch": "4", "--starts": "3", "--grid": "4", "--weights": "stack.npz",
         "--search": "2"}  # fmt: skip
#: What these cannot do without, or would do for hours.
NEEDED = {"atlas": {"--scheduler": "nowhere"}, "verify": {"--rectangles": "0"},
          "search": {"--features": "3", "--hidden": "2"}, "descend": {"--features": "2", "--hidden": "1"}}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind, good and damaged."""
    path = tmp_path_factory.mktemp("files")
    np.savez(path / "good.npz", W=np.array([[[1.0, -1.0]]]))
    np.savez(path / "complex.npz", W=np.array([[[1.0 + 1j, -1.0]]]))
    rng = np.random.default_rng(0)
    np.savez(path / "stack.npz", W=rng.normal(size=(2, 3, 2)), b=np.zeros((2, 3)))
    np.save(path / "wide.npy", rng.normal(size=(2, 14)))
    np.save(path / "square.npy", rng.normal(size=(2, 2)))
    np.save(path / "good.npy", np.array([[[1.0, -1.0]]]))
    np.save(path / "object.npy", np.array([{"a": 1}], dtype=object))
    (path / "cut.npz").write_bytes((path / "good.npz").read_bytes()[:150])
    (path / "text.npz").write_text("hello")
    for name in ("empty.npz", "empty.npy"):
        (path / name).touch()
    (path / "folder.npz").mkdir()
    (path / "certificate.json").write_text('{"format": "analytic certificate of completeness", "version": 99}')
    sides = (0.4, 0.4004), (0.7, 0.7007)
    lines = (header(Bias.SHARED, sides, 0.1, 0.01), settle(sides, "shared", 0.01))
    (path / "atlas.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path / "cut.jsonl.gz").write_bytes(gzip.compress((path / "atlas.jsonl").read_bytes())[:-9])
    (path / "list.json").write_text("[1, 2, 3]")
    (path / "deep.json").write_text("[" * 100_000)
    return path


def command_line(rng: np.random.Generator) -> list[str]:
    """One line from the grammar; half of the values are the first, good, ones."""

    def pick(values: list[str]) -> str:
        good = rng.random() < 0.5
        return str(values[rng.integers(min(2, len(values)) if good else len(values))])

    name = list(COMMANDS)[rng.integers(len(COMMANDS))]
    positionals, options, flags = COMMANDS[name]
    parts = [[pick(values)] for values in positionals if rng.random() < 0.95]
    if "--density" in options and rng.random() < 0.9 and name != "phase-diagram":
        parts.append(["--density", pick(PROBABILITIES)])
    for option, values in options.items():
        if rng.random() < 0.3:
            parts.append([option, *(pick(values) for _ in range(rng.choice([1, 1, 1, 2, 0, 3])))])
        elif option in (usual := CHEAP | NEEDED.get(name, {})):
            parts.append([option, usual[option]])
    parts += [[flag] for flag in flags if rng.random() < 0.3]
    parts = [parts[k] for k in rng.permutation(len(parts))]
    return [name.split()[0], *(word for part in parts for word in part)]


def is_slow(words: list[str]) -> bool:
    """Whether a right answer would take seconds; those are left to the long run."""
    slow = {"boundaries", "phase-diagram", "surface", "certify", "derive"}
    return words[0] in slow or any(word in ("1e3", "1000000000") for word in words)


def judge(words: list[str], status: int | str | None, out: str, err: str) -> None:
    err = "".join(line for line in err.splitlines(keepends=True) if "compiling" not in line)
    shown = f"analytic {' '.join(words)}\nstatus {status}\nstderr {err[-600:]}"
    assert status in (0, 2, 3), shown
    assert "Traceback" not in err, shown
    assert "bug in analytic" not in err, shown
    if status == 2:
        assert err.count("\n") == 1, shown
        assert len(err) < 600, shown
    elif "--json" in words and words[0] != "derive":
        json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON: {shown}"))


def run_in_process(words: list[str], capsys) -> None:
    try:
        status: int | str | None = main(words)
    except SystemExit as stopped:
        status = stopped.code
    captured = capsys.readouterr()
    judge(words, status, captured.out, captured.err)


def fuzz(count: int, seed: int, folder: Path, capsys, monkeypatch, *, slow: bool) -> int:
    """Runs `count` lines; -> how many of them were refused."""
    monkeypatch.chdir(folder)
    rng, done = np.random.default_rng(seed), 0
    while done < count:
        words = command_line(rng)
        if slow or not is_slow(words) or rng.random() < 0.003:
            run_in_process(words, capsys)
            done += 1
    return done


def test_ten_thousand_lines_in_process(folder: Path, capsys, monkeypatch) -> None:
    assert fuzz(10_000, 0, folder, capsys, monkeypatch, slow=False) == 10_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_a_hundred_thousand_lines_in_process(seed: int, folder: Path, capsys, monkeypatch) -> None:
    assert fuzz(10_000, seed, folder, capsys, monkeypatch, slow=False) == 10_000


def _process(words: list[str], folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "analytic", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    judge(words, done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("seed", range(6))
def test_processes(seed: int, folder: Path) -> None:
    _process(command_line(np.random.default_rng([7, seed])), folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_two_hundred_processes(seed: int, folder: Path) -> None:
    _process(command_line(np.random.default_rng([8, seed])), folder)
