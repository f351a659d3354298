"""`python -m derivations`: derive, prove, and write the generated files; `--check` compares with them instead."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from derivations.document import document
from derivations.features import chapter
from derivations.kernels import module
from derivations.page import pair_script, recurrence_script
from derivations.printers import Python
from derivations.statements import STATEMENTS

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "analytic" / "loss" / "kernels.py"
DOCUMENT = ROOT / "derivations" / "derivation.md"
FEATURES = ROOT / "derivations" / "features.md"
SCRIPTS = ROOT / "analytic" / "explorer" / "source" / "generated"


def generated() -> str:
    """The text of `analytic/loss/kernels.py`."""
    return formatted(Python().module(module()))


def formatted(source: str) -> str:
    """The source as ruff formats it under the project's settings; SystemExit if ruff is not there."""
    if find_spec("ruff") is None:
        raise SystemExit(
            "derivations: the generated code is formatted with ruff, which is not installed: pip install ruff"
        )
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(KERNELS), "-"]
    done = subprocess.run(command, input=source, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"derivations: ruff could not format the generated code: {done.stderr.strip()}")
    return done.stdout


def _say(start: float, text: str) -> None:
    print(f"{time.perf_counter() - start:6.1f} s  {text}", file=sys.stderr, flush=True)


def _prove(start: float) -> None:
    for count, statement in enumerate(STATEMENTS, start=1):
        if not statement.proof():
            raise SystemExit(f"derivations: not proved: {statement.name}")
        _say(start, f"{count:2} of {len(STATEMENTS)} proved: {statement.name}")


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)


def remove_compiled(package: Path) -> int:
    """Deletes the compiled functions that Numba keeps next to a package's modules; returns how many files.

    Numba recompiles a function when its own file changes, not when a function it calls in another file does.
    """
    stale = [path for ending in ("nbi", "nbc") for path in package.rglob(f"__pycache__/*.{ending}")]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _differing(results: dict[Path, str]) -> list[str]:
    return [
        path.relative_to(ROOT).as_posix()
        for path, text in results.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status: 0, or 1 if `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m derivations", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a committed file differs")
    check = parser.parse_args(arguments).check
    start = time.perf_counter()
    _prove(start)
    results = {KERNELS: generated()}
    _say(start, "derived analytic/loss/kernels.py")
    results |= {SCRIPTS / "pair.js": pair_script(), SCRIPTS / "recurrence.js": recurrence_script()}
    _say(start, "derived analytic/explorer/source/generated/*.js")
    results[DOCUMENT], results[FEATURES] = document(), chapter()
    _say(start, "derived derivations/derivation.md and derivations/features.md")
    if check:
        differing = _differing(results)
        for name in differing:
            print(f"{name} differs from what the derivation gives: run python -m derivations", file=sys.stderr)
        return 1 if differing else 0
    for path, text in results.items():
        _replace(path, text)
    _say(start, f"written; {remove_compiled(KERNELS.parent)} stale compiled files removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
