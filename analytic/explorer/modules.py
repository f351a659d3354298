"""JavaScript modules as one program, so that a page is one file.

Browsers load no modules beside a page that was opened from a folder, so they are put into one script: each module
becomes a function that returns what it exports, in an order in which everything is there before it is used. What may be
written is small, and anything else is refused: named imports and `* as` from relative paths, and `export` before a
function, a class or a constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

#: An import of names, or of a module under one.
IMPORT = re.compile(r'^import\s+(?:\* as (\w+)|\{([^}]*)\})\s+from\s+"(\.[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^\s*(?:import\b[^(]|export\b)|</script", re.MULTILINE)


class Refused(Exception):
    """A module that cannot become a part of the program, and why."""


def program(root: Path, entries: dict[str, str]) -> str:
    """The text of a script that holds the modules behind `entries` and runs one of them.

    Parameters
    ----------
    root : folder of all modules
    entries : condition -> module
        JavaScript conditions, tried in order, and the path below `root` of the module whose `start` is called.
    """
    texts: dict[str, str] = {}
    for entry in entries.values():
        _collect(root, entry, texts, ())
    start = "\n".join(f"if ({condition}) {_name(entry)}.start();" for condition, entry in entries.items())
    return "\n".join(['"use strict";', *texts.values(), start, ""])


def _name(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path.removesuffix(".js"))


def _collect(root: Path, path: str, texts: dict[str, str], users: tuple[str, ...]) -> None:
    """Adds a module behind all that it imports."""
    if path in texts:
        return
    if path in users:
        raise Refused(f"{path} imports itself, by way of {' and '.join(users)}")
    source = (root / path).read_text(encoding="utf-8")
    for match in IMPORT.finditer(source):
        _collect(root, _beside(path, match[3]), texts, (*users, path))
    texts[path] = _scoped(path, source)


def _beside(path: str, relative: str) -> str:
    """The path below the root of a module that `path` names relative to itself."""
    parts = path.split("/")[:-1]
    for step in relative.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


def _scoped(path: str, source: str) -> str:
    """One module as a constant that holds what it exports."""
    exported = [match[2] for match in _EXPORT.finditer(source)]
    body = IMPORT.sub(lambda match: "\n".join(_taken(path, match)) + "\n", source)
    body = _EXPORT.sub(r"\1", body)
    if left := _LEFT.search(body):
        raise Refused(f"{path} has an import, export or end of script in an unknown form: {left[0].strip()!r}")
    return f"const {_name(path)} = (() => {{\n{body}return {{{', '.join(exported)}}};\n}})();"


def _taken(path: str, match: re.Match[str]) -> Iterator[str]:
    module = _name(_beside(path, match[3]))
    if match[1]:
        yield f"const {match[1]} = {module};"
    else:
        yield f"const {{{re.sub(r' as ', ': ', match[2])}}} = {module};"
