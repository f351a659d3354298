"""Modules become one program, or are refused with a reason."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from analytic.explorer.modules import Refused, program

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
