"""Files: allowed endings, writing that never leaves half a file behind, and reading that says what is wrong.

Everything is written to a new file in the same folder and renamed, so an interrupted run leaves the old file or the new
one. A file that cannot be written is refused before the work that it was meant for (`writable`), and one that cannot be
read gets a sentence about what is wrong with it, not about the library that noticed.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from analytic.validation import InvalidType, InvalidValue, shown

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import numpy.typing as npt

PathLike: TypeAlias = "str | os.PathLike[str]"
TABLES = (".npz", ".csv")
PICTURES = (".png", ".svg", ".pdf")


def ending(path: PathLike, allowed: Sequence[str]) -> str:
    """The ending of a path, one of those allowed."""
    try:
        suffix = Path(path).suffix.lower()
    except TypeError:
        raise InvalidType(f"the file name must be a path, got {shown(path)}") from None
    if suffix not in allowed:
        raise InvalidValue(f"the file name must end in {' or '.join(allowed)}, got {os.fspath(path)!r}")
    return suffix


def writable(path: PathLike, allowed: Sequence[str]) -> str:
    """The ending of a path at which a file can be written, or an InvalidValue that says why none can."""
    suffix, target = ending(path, allowed), Path(path)
    problem = (
        "it is a folder" if target.is_dir()
        else "its folder does not exist" if not target.parent.is_dir()
        else "its folder is not writable" if not os.access(target.parent, os.W_OK | os.X_OK)
        else None
    )  # fmt: skip
    if problem:
        raise InvalidValue(f"the file must be one that can be written, got {str(target)!r}: {problem}")
    return suffix


@contextmanager
def replacing(path: PathLike, mode: str) -> Iterator[IO[Any]]:
    """A file that takes the place of `path` only when it is complete: an interrupted run leaves the old one."""
    target = Path(path)
    text: dict[str, Any] = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    draft = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), mode, **text) as file:
            yield file
        os.replace(draft, target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InvalidValue(f"cannot write {str(target)!r}: {error.strerror}") from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: PathLike) -> Iterator[IO[bytes]]:
    """A file to be read and added to, made if there is none, by one process at a time where the system knows locks.

    The lock is the system's own, so it ends with the process that holds it, however that ends.
    """
    with open(path, "a+b") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InvalidValue(f"{str(path)!r} is being written by another process") from None
        file.seek(0)
        yield file


@contextmanager
def reading(path: PathLike, what: str) -> Iterator[Path]:
    """The path; whatever goes wrong while its content is read becomes one sentence about it."""
    try:
        source = Path(path)
    except TypeError:
        raise InvalidType(f"{what} must be a path, got {shown(path)}") from None
    if "\0" in str(source) or not source.exists():
        raise InvalidValue(f"{what} {str(source)!r} does not exist")
    if not source.is_file():
        raise InvalidValue(f"{what} {str(source)!r} is not a file")
    if not source.stat().st_size:
        raise InvalidValue(f"{what} {str(source)!r} is empty")
    try:
        yield source
    except InvalidValue:
        raise
    except PermissionError:
        raise InvalidValue(f"{what} {str(source)!r} may not be read") from None
    except RecursionError:
        raise InvalidValue(f"{str(source)!r} is no {what}: it is nested too deeply") from None
    except Exception as error:  # whatever a parser raises for damaged input
        raise InvalidValue(f"{str(source)!r} is no {what}, or it is damaged") from error


def write_csv(path: PathLike, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A header and rows, as comma-separated values."""
    with replacing(path, "w") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def read_csv(path: PathLike, what: str, columns: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a file with at least these columns, by name."""
    with reading(path, what) as source, open(source, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        rows = list(reader)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing or not rows or any(None in row or None in row.values() for row in rows):
            reason = f"it has no column {missing[0]!r}" if missing else "it has no complete rows"
            raise InvalidValue(f"{str(source)!r} is no {what}: {reason}")
    return rows


def write_npz(path: PathLike, arrays: Mapping[str, Any]) -> None:
    """Named arrays, compressed; None is left out."""
    import numpy as np

    with replacing(path, "wb") as file:
        np.savez_compressed(file, **{name: value for name, value in arrays.items() if value is not None})


def read_npz(path: PathLike, what: str, names: Iterable[str] = ()) -> dict[str, npt.NDArray[Any]]:
    """All arrays of a file that has at least these."""
    import numpy as np

    # opened here: np.load leaves a file open that it finds to be damaged
    with reading(path, what) as source, open(source, "rb") as file:
        stored = np.load(file, allow_pickle=False)
        if not hasattr(stored, "files"):
            raise InvalidValue(f"{str(source)!r} is no {what}: it holds a single array")
        with stored:
            arrays = {name: stored[name] for name in stored.files}
        missing = [name for name in names if name not in arrays]
        if missing:
            raise InvalidValue(f"{str(source)!r} is no {what}: it has no array {missing[0]!r}")
    return arrays


def write_json(path: PathLike, data: Any) -> None:
    """Plain data as JSON."""
    with replacing(path, "w") as file:
        json.dump(data, file)


def read_json(path: PathLike, what: str) -> dict[str, Any]:
    """The JSON object in a file."""
    with reading(path, what) as source:
        data = json.loads(source.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise InvalidValue(f"{str(source)!r} is no {what}: it holds no JSON object")
    return data
