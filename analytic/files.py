"""Files: allowed endings, and writing that never leaves half a file behind."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def table_format(path: str | os.PathLike[str]) -> str:
    """The ending of a path for numbers: ".npz" or ".csv", or a ValueError."""
    return _ending(path, (".npz", ".csv"))


def picture_format(path: str | os.PathLike[str]) -> str:
    """The ending of a path for a picture, or a ValueError."""
    return _ending(path, (".png", ".svg", ".pdf"))


def _ending(path: str | os.PathLike[str], allowed: tuple[str, ...]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in allowed:
        raise ValueError(f"the file name must end in {' or '.join(allowed)}, got {os.fspath(path)!r}")
    return suffix


@contextmanager
def replacing(path: str | os.PathLike[str], mode: str) -> Iterator[IO[Any]]:
    """A file that takes the place of `path` only when it is complete: an interrupted run leaves the old one."""
    target = Path(path)
    text: dict[str, Any] = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
    try:
        with os.fdopen(handle, mode, **text) as file:
            yield file
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A header and rows, as comma-separated values."""
    with replacing(path, "w") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
