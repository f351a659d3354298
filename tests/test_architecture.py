"""What the README and the design say about the package, held true."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import analytic

ROOT = Path(__file__).parents[1]
#: From the bottom to the top: a module imports only from its own layer or from layers before it.
LAYERS = (
    ("files", "kernels"),
    ("loss", "variance", "exact"),
    ("model", "symbolic"),
    ("initial", "optimisers", "witness"),
    ("training", "weights"),
    ("stationary", "proofs"),
    ("dynamics", "separatrices", "targets", "decay"),
    ("continuation",),
    ("surface", "phases", "boundaries", "biased_boundaries", "attraction"),
    ("checking", "comparison", "testing"),
    ("plotting",),
    ("plotting_training",),
    ("cli",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(path for path in (ROOT / "analytic").rglob("*.py") if path.name not in ("__main__.py",))


def home(path: Path) -> str:
    return path.relative_to(ROOT / "analytic").with_suffix("").parts[0]


def imported_at_start(path: Path) -> set[str]:
    """Modules of the package that are imported when `path` is, type-checking blocks and functions left out."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "analytic":
            parts = node.module.split(".")
            names |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.name != "__init__.py" or p.parent.name != "analytic"], ids=str
)
def test_imports_point_downwards(path: Path) -> None:
    for name in imported_at_start(path):
        assert LEVEL[name] <= LEVEL[home(path)], f"{path.name} imports {name}"


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import sys, analytic, analytic.cli; print([m for m in ('numpy','scipy','sympy','numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_exist() -> None:
    for name in analytic.__all__:
        assert getattr(analytic, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = analytic.nothing
    assert set(analytic.__all__) <= set(dir(analytic))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_docstring_examples(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    assert doctest.testmod(importlib.import_module(name)).failed == 0
