"""Everything that a reader might paste runs: README blocks and scripts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import analytic

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if path.stem != "frame")
#: Arguments that make a script quick where a small grid alone does not.
QUICK = {
    "atlas": ["--grid", "2", "--bias", "none"],
    "trained_versus_theory": ["--grid", "2", "--steps", "50"],
    "basins": ["--grid", "16", "--densities", "2"],
    "noise_crossing": ["--steps", "20", "--runs", "2"],
}


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: code.split("\n")[-2][:40])
def test_readme_block(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_on_a_tiny_grid(script: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(script), *QUICK.get(script.stem, ["--grid", "9"])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [".png"]


def test_readme_names_every_module() -> None:
    section = README.split("## How it is built")[1]
    modules = {path.stem for path in (ROOT / "analytic").iterdir() if not path.stem.startswith("_")}
    for name in modules - {"py"}:
        assert re.search(rf"\b{name}\b", section), f"{name} is missing from the README's list of modules"


def test_every_picture_in_the_readme_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_ci_runs_the_readmes_own_test_command() -> None:
    commands = re.findall(r"```sh\n(.*?)\n```", README, flags=re.DOTALL)
    own = next(command for command in commands if command.endswith("pytest"))
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().split("\n")[-1] == own


def test_one_version_everywhere() -> None:
    assert f"version: {analytic.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert analytic.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
