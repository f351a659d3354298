"""What the README and the design say about the package, held true."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import analytic

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "analytic"
#: From the bottom to the top: a module imports, at its top or inside functions, only from its own room or rooms before.
ROOMS = (
    ("validation", "files", "work", "tables", "compiled"),
    ("models.bias", "models.symmetry", "models.features"),
    ("loss", "polytopes"),
    ("models",),
    ("training",),
    ("landscape",),
    ("search",),
    ("proofs",),
    ("attraction",),
    ("checking",),
    ("diagrams",),
    ("plotting",),
    ("explorer",),
    ("testing",),
    ("cli",),
)
LEVEL = {name: level for level, names in enumerate(ROOMS) for name in names}
#: Imports that point upwards, inside functions or for annotations, each with its reason.
EXCEPTIONS = {
    ("diagrams.phases", "plotting"): "PhaseDiagram.plot, _repr_html_",
    ("diagrams.boundaries", "plotting"): "PhaseBoundaries.plot",
    ("diagrams.surface", "plotting"): "LossSurface.plot",
    ("proofs.regions.sheets", "plotting"): "Atlas.plot",
    ("landscape.find", "proofs"): "find_minima(certify=True)",
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py")


def name_of(path: Path) -> str:
    """Dotted name below the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


def room_of(name: str) -> str:
    """The entry of ROOMS that holds a module: the module itself, or its folder."""
    return name if name in LEVEL else name.split(".")[0]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Modules of the package that `path` imports anywhere, and whether only for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "analytic"):
            continue
        for alias in node.names:
            whole = f"{node.module}.{alias.name}".removeprefix("analytic.")
            is_module = (PACKAGE / (whole.replace(".", "/") + ".py")).exists()
            inside = node.module.removeprefix("analytic").lstrip(".")
            yield (whole if is_module else inside), id(node) in typing_only


@pytest.mark.parametrize("path", [path for path in MODULES if path != PACKAGE / "__init__.py"], ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    own = room_of(name_of(path))
    for target, typing_only in imports(path):
        if typing_only or not target:
            continue
        room = room_of(target)
        assert LEVEL[room] <= LEVEL[own] or (name_of(path), room) in EXCEPTIONS, f"{own} imports {target}"


def test_every_exception_is_needed() -> None:
    found = {(name_of(path), room_of(target)) for path in MODULES for target, _ in imports(path) if target}
    assert set(EXCEPTIONS) <= found


def test_the_top_of_the_package_is_small_and_shadows_nothing() -> None:
    top = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py"}
    assert len(top) <= 8
    names = top | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert not names & set(analytic.__all__)


def test_every_folder_is_packaged() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)


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


def doors() -> Iterator[tuple[str, Any]]:
    """Public functions, classes and their public methods."""
    for name in analytic.__all__:
        door = getattr(analytic, name)
        yield name, door
        if inspect.isclass(door):
            for method, value in vars(door).items():
                function = getattr(value, "__func__", value)
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{method}", function


@pytest.mark.parametrize(("name", "door"), list(doors()), ids=lambda each: each if isinstance(each, str) else "")
def test_doors_with_several_arguments_say_in_numpys_sections_what_each_is(name: str, door: Any) -> None:
    arguments = [
        each
        for each in inspect.signature(door).parameters.values()
        if each.name not in ("self", "cls") and each.kind is not each.VAR_KEYWORD
    ]
    if len(arguments) > 1:
        assert re.search(r"^(Parameters|Attributes)\n-{10}$", inspect.getdoc(door) or "", re.MULTILINE)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_docstring_examples(path: Path) -> None:
    module = ".".join(("analytic", name_of(path))).rstrip(".")
    assert doctest.testmod(importlib.import_module(module)).failed == 0
