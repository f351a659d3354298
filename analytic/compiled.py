"""Compiled functions on disk are no older than what they were compiled from.

Numba keeps a compiled function until the file of that function changes. What it calls is part of it and may lie in
another file, so a checkout that moves on (`git pull`) would go on with some formulas of yesterday.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

_COMPILES = re.compile(r"^(?:from|import) numba", re.MULTILINE)


def drop_stale(package: str) -> None:
    """Removes compiled functions older than the newest file with compiled functions below the folder `package`.

    Two milliseconds where there is nothing to do. Caches that Numba keeps elsewhere, because NUMBA_CACHE_DIR is set or
    the folder cannot be written, are left as they are.
    """
    entries = list(_files(package))
    cached = [(path, time) for path, time in entries if path.endswith((".nbi", ".nbc"))]
    if not cached:
        return
    oldest = min(time for _, time in cached)
    newer = [(path, time) for path, time in entries if path.endswith(".py") and time > oldest and _compiles(path)]
    changed = max((time for _, time in newer), default=oldest)
    for path, time in cached:
        if time < changed:
            with suppress(OSError):
                os.unlink(path)


def _files(folder: str) -> Iterator[tuple[str, float]]:
    """Paths and times of modification below a folder; what disappears meanwhile is passed over."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            else:
                with suppress(OSError):
                    yield entry.path, entry.stat().st_mtime


def _compiles(path: str) -> bool:
    with suppress(OSError), open(path, encoding="utf-8") as file:
        return bool(_COMPILES.search(file.read()))
    return False
