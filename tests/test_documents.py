"""What a reader might paste runs: README blocks, scripts, commands; and what the texts mention exists."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import analytic
from analytic import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if path.stem != "frame")
#: Arguments that make a script quick where a small grid alone does not.
QUICK = {
    "atlas": [str(ROOT / "scripts" / "atlas" / "shared.jsonl.gz")],
    "trained_versus_theory": ["--grid", "2", "--steps", "50"],
    "basins": ["--grid", "16", "--densities", "2"],
    "three_in_two": ["--grid", "3"],
    "noise_crossing": ["--steps", "20", "--runs", "2"],
    "mean_direction": ["--features", "6", "--hidden", "2", "--densities", "0.3", "--runs", "2", "--steps", "20"],
    "five_in_two": ["--grid", "2", "--importances", "equal"],
    "five_in_two_shares": ["--densities", "2", "--flows", "2", "--runs", "2"],
    "six_in_two_sparse": ["--starts", "20", "--flows", "2", "--tries", "5", "--densities", "3"],
    "basic_results": ["--steps", "20", "--densities", "0.3"],
    "feature_dimensionality": [
        *("--features", "6", "--hidden", "2", "--points", "2", "--least", "0.3", "--steps", "20"),
        *("--largest", "3", "--deepest", "1", "--starts", "4", "--descents", "0.3"),
    ],
    "energy_levels": ["--runs", "1", "--steps", "60", "--settings", "1"],
    "barriers": ["--settings=1", "--searches=4", "--minima=1", "--starts=1", "--runs=1", "--steps=20"],
    "minima_and_levels": ["--sizes", "1", "--starts", "1", "--searches", "4"],
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


def commands_of(page: Path) -> Iterator[list[str]]:
    """The commands that a page gives in backticks, as words."""
    yield from map(shlex.split, re.findall(r"`((?:analytic|python) [^`]+)`", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", sorted((ROOT / "scripts").glob("*.md")), ids=lambda path: path.name)
def test_every_command_of_a_page_is_understood(page: Path) -> None:
    assert len(list(commands_of(page))) >= 5
    for program, *words in commands_of(page):
        if program == "analytic":
            assert cli.parsed(words).run
        else:
            (path,) = (word for word in words if "/" in word)
            assert (ROOT / path).exists(), words


FOLDERS = ("analytic", "benchmarks", "derivations", "scripts", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "derivations").glob("*.md"),
        *(ROOT / "scripts").glob("*.md"),
    ]
)
FILES = [f"/{path.relative_to(ROOT).as_posix()}" for path in (*SOURCES, *PAGES)]


def prose_of(source: Path) -> str:
    """What a module says in docstrings and comments."""
    text = source.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, documented)]
    return "\n".join(docs + comments)


def text_of(path: Path) -> str:
    return prose_of(path) if path.suffix == ".py" else path.read_text(encoding="utf-8")


def defined_in(source: Path) -> Iterator[str]:
    """The dotted names of a module and of what it and its classes define."""
    name = ".".join(source.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    yield name
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield f"{name}.{node.name}"
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (f"{name}.{target.id}" for target in targets if isinstance(target, ast.Name))


def test_every_file_that_is_mentioned_exists() -> None:
    """By its path, or by as much of the end of its path as the text gives."""
    for path in (*PAGES, *SOURCES):
        for name in re.findall(r"(?<![\w./*-])[\w./-]*\w\.(?:py|md)\b", text_of(path)):
            assert any(file.endswith(f"/{name.lstrip('./')}") for file in FILES), f"{path} mentions {name}"


def test_every_name_in_a_module_that_is_mentioned_exists() -> None:
    """`module.name` in backticks, wherever `module` is one of ours and not also one of Python's."""
    names = {f".{name}" for source in SOURCES for name in defined_in(source)}
    names |= {f".analytic.{name}" for name in analytic.__all__}
    modules = {name for source in SOURCES for name in (source.stem, source.parent.name)} - sys.stdlib_module_names
    for path in (*PAGES, *SOURCES):
        for mention in re.findall(r"`((?:\w+\.)+\w+)`", text_of(path)):
            if mention.split(".")[0] in modules and not mention.endswith((".py", ".md")):
                assert any(name.endswith(f".{mention}") for name in names), f"{path} mentions {mention}"
