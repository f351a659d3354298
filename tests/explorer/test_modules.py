"""Modules become one program, or are refused with a reason."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analytic.explorer.modules import IMPORT, Refused, program
from analytic.explorer.page import SOURCE

FILES = {
    "a/first.js": 'import {twice as double,\n  once} from "../b/second.js";\nexport function start() {\n'
    "  console.log(JSON.stringify([double(4), once]));\n}\n",
    "b/second.js": 'import * as third from "./third.js";\nexport const once = third.ONE;\n'
    "export function twice(x) {\n  return 2 * x;\n}\n",
    "b/third.js": "export const ONE = 1;\n",
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the program and is not installed")
def test_a_program_does_what_its_modules_do(tmp_path: Path) -> None:
    text = program(written(tmp_path, FILES), {"false": "b/second.js", "true": "a/first.js"})
    done = subprocess.run(["node", "-e", text], capture_output=True, encoding="utf-8", check=False)
    assert not done.returncode, done.stderr
    assert json.loads(done.stdout) == [8, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('import third from "./third.js";\n', "unknown form: 'import'"),
        ("export default 3;\n", "unknown form"),
        ("export let x = 3;\n", "unknown form"),
        ('const text = "</script>";\n', "end of script"),
        ('import {start} from "../a/first.js";\n', "imports itself"),
    ],
)
def test_what_cannot_become_a_part_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    folder = written(tmp_path, FILES | {"b/third.js": text})
    with pytest.raises(Refused, match=reason):
        program(folder, {"true": "a/first.js"})


SOURCES = sorted(path for path in SOURCE.rglob("*.js") if path.parent.name not in ("generated", "network"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_module_is_tidy(path: Path) -> None:
    """Every name that it imports is used, every line fits, and it says at its top what it is."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("/*")
    assert not [line for line in text.splitlines() if len(line) > 120 or line != line.rstrip()]
    imports = [match[1] or match[2] for match in IMPORT.finditer(text)]
    names = {name.split(" as ")[-1].strip() for each in imports for name in each.split(",")} - {""}
    body = IMPORT.sub("", text)
    assert {name for name in names if not re.search(rf"(?<![\w$]){re.escape(name)}\b", body)} == set()


def test_every_module_is_a_part_of_the_page() -> None:
    text = program(SOURCE, {"false": "worker.js", "true": "main.js"})
    names = {path.relative_to(SOURCE).with_suffix("").as_posix() for path in SOURCE.rglob("*.js")}
    assert {name for name in names if f"const ${re.sub(r'[^A-Za-z0-9]', '_', name)} = " not in text} == set()
