"""The witness is independent: no module of training/ can reach one of loss/, in whatever way it imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "analytic"


def imported(path: Path) -> set[Path]:
    """Files of the package that a file imports anywhere: at its top, inside functions or for annotations."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            stem = PACKAGE.parent / name.replace(".", "/")
            found |= {file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.exists()}
    return found


def reach(start: Path) -> set[Path]:
    """All that is loaded, or can be, from one file; the package's own table of lazy names does not count."""
    todo, seen = [start], {start}
    while todo:
        new = imported(todo.pop()) - seen - {PACKAGE / "__init__.py"}
        seen |= new
        todo += new
    return seen


@pytest.mark.parametrize("path", sorted((PACKAGE / "training").glob("*.py")), ids=lambda path: path.stem)
def test_training_reaches_no_formula_of_the_loss(path: Path) -> None:
    assert not {file for file in reach(path) if PACKAGE / "loss" in file.parents}


def test_what_does_reach_the_loss_is_seen() -> None:
    assert PACKAGE / "loss" / "pair.py" in reach(PACKAGE / "models" / "toy.py")
