"""What is packed comes back, in Python and in JavaScript."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytic.explorer.packing import packed, unpacked
from analytic.explorer.page import SOURCE

TREE: dict[str, Any] = {
    "name": "é",
    "levels": [1.5, None, {"deep": np.arange(6, dtype=np.int16).reshape(2, 3)}],
    "w": np.array([0.1, -1e300]),
    "none": np.empty(0, np.uint8),
}

READ = """
import {unpacked} from "./stored.mjs";
import {readFileSync} from "node:fs";
import {inflateSync} from "node:zlib";
const raw = inflateSync(readFileSync("tree.bin"));
const tree = unpacked(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
const plain = (_, node) => (ArrayBuffer.isView(node) ? [node.constructor.name, ...node] : node);
console.log(JSON.stringify(tree, plain));
"""


def test_a_tree_comes_back() -> None:
    back = unpacked(packed(TREE))
    assert back["name"] == TREE["name"]
    np.testing.assert_array_equal(back["levels"][2]["deep"], TREE["levels"][2]["deep"])
    np.testing.assert_array_equal(back["w"], TREE["w"])
    assert back["w"].dtype == np.float64
    assert back["none"].shape == (0,)


def test_what_javascript_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="int64"):
        packed({"x": np.arange(3, dtype=np.int64)})


@pytest.mark.skipif(shutil.which("node") is None, reason="node reads the tree and is not installed")
def test_javascript_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "tree.bin").write_bytes(packed(TREE))
    (tmp_path / "stored.mjs").write_text((SOURCE / "common/stored.js").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "read.mjs").write_text(READ, encoding="utf-8")
    done = subprocess.run(["node", "read.mjs"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert not done.returncode, done.stderr
    read = json.loads(done.stdout)
    assert read["name"] == "é"
    assert read["levels"] == [1.5, None, {"deep": {"shape": [2, 3], "values": ["Int16Array", 0, 1, 2, 3, 4, 5]}}]
    assert read["w"] == {"shape": [2], "values": ["Float64Array", 0.1, -1e300]}
    assert read["none"] == {"shape": [0], "values": ["Uint8Array"]}
