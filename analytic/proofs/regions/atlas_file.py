"""The file of an atlas: text, one JSON object a line, each added when it is finished and never changed.

The first line says what was asked for, every other one is a sheet: its sides, its processor time, and its cells as
[path, points, phase, lead, reason]. A line that was cut off when the process died is removed, and its rectangle is
proved again; no other is. One process writes at a time. A finished file may be compressed, by gzip.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from analytic.files import PathLike, locked, reading
from analytic.models.bias import Bias
from analytic.proofs.certificate import as_box
from analytic.proofs.records import Box
from analytic.validation import InvalidValue, refuse, shown

FORMAT, VERSION = "analytic atlas", 2
#: The ending of a file that grows.
GROWING = (".jsonl",)
WHAT = "atlas"


def header(bias: Bias, sides: Any, width: float, smallest: float) -> dict[str, Any]:
    """The first line."""
    density, importance = (list(side) for side in sides)
    asked = {"bias": str(bias), "density": density, "importance": importance, "width": width, "smallest": smallest}
    return {"format": FORMAT, "version": VERSION, **asked}


def read(path: PathLike) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first line and the finished others, from a file that may be compressed; an InvalidValue if it is no atlas."""
    with reading(path, WHAT) as source:
        data = source.read_bytes()
        first, *rows = _lines(gzip.decompress(data) if source.suffix == ".gz" else data)
        if first.get("format") != FORMAT:
            raise InvalidValue(f'an atlas begins with "format": "{FORMAT}"')
        if first.get("version") != VERSION:
            version = shown(first.get("version"))
            raise InvalidValue(f"this is version {version} of the format; this program reads {VERSION}")
        return first, rows


def sides_of(row: dict[str, Any]) -> Box:
    """The rectangle of a line."""
    p, q, r, s = row["rectangle"]
    return as_box([[p, q], [r, s]])


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    """The objects of a file, without a last line that was cut off."""
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        yield json.loads(line)


class Pages:
    """An atlas that grows: the rectangles that are finished, and how one is added."""

    def __init__(self, file: IO[bytes], done: Iterable[Box]) -> None:
        self._file, self.done = file, frozenset(done)

    def add(self, row: dict[str, Any]) -> None:
        """One more line, on the disk before anything else happens."""
        self._file.write(_line(row))
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def growing(path: Path, first: dict[str, Any]) -> Iterator[Pages]:
    """The file, begun or freed from a line that was cut off; an InvalidValue if it is another one, or in use."""
    with locked(path) as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        rows = _rows(path, data[:whole])
        if not (rows[0] == first if rows else _line(first).startswith(data)):
            refuse("path", "be a new file or an atlas of the same region, bias and widths", str(path))
        pages = Pages(file, [sides_of(row) for row in rows[1:]])
        file.truncate(whole)
        if not rows:
            pages.add(first)
        yield pages


def _rows(path: Path, data: bytes) -> list[dict[str, Any]]:
    if not data:
        return []
    with reading(path, WHAT):
        rows = list(_lines(data))
        for row in rows[1:]:
            sides_of(row)
        return rows


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"
