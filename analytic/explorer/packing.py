"""Trees of numbers, strings and arrays as bytes that a browser reads: JSON, then the arrays as they lie in memory.

An array in the tree is written as {"array": [type, shape, offset]}; offsets are multiples of eight. The whole is
compressed with zlib, which browsers call "deflate". `source/common/stored.js` reads it.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

_TYPES = {"int8", "uint8", "int16", "uint16", "int32", "float32", "float64"}


def packed(tree: Any) -> bytes:
    """The bytes of a tree of dicts, lists, strings, numbers and arrays of the types that JavaScript has."""
    blob = bytearray()
    header = json.dumps(_plain(tree, blob), separators=(",", ":"), allow_nan=False).encode()
    header += b" " * (-(len(header) + 8) % 8)
    return zlib.compress(len(header).to_bytes(8, "little") + header + bytes(blob), 9)


def unpacked(data: bytes) -> Any:
    """The tree that `packed` made bytes of."""
    raw = zlib.decompress(data)
    start = 8 + int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:start], object_hook=lambda node: _array(node, raw[start:]))


def _plain(tree: Any, blob: bytearray) -> Any:
    if isinstance(tree, dict):
        return {name: _plain(each, blob) for name, each in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_plain(each, blob) for each in tree]
    if not isinstance(tree, np.ndarray):
        return tree
    if tree.dtype.name not in _TYPES:
        raise TypeError(f"an array of {tree.dtype} has no counterpart in JavaScript")
    blob += b"\0" * (-len(blob) % 8)
    offset = len(blob)
    blob += tree.astype(tree.dtype.newbyteorder("<")).tobytes()
    return {"array": [tree.dtype.name, list(tree.shape), offset]}


def _array(node: dict[str, Any], blob: bytes) -> Any:
    if set(node) != {"array"}:
        return node
    name, shape, offset = node["array"]
    count = int(np.prod(shape))
    return np.frombuffer(blob, np.dtype(name).newbyteorder("<"), count, offset).reshape(shape)
