"""Tables of words: aligned columns as text, and the same for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def as_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One line for the header and for each row, in aligned columns."""
    table = [header, *rows]
    widths = [max(len(row[k]) for row in table) for k in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def as_html(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table element; every cell is escaped."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(line(row, "td") for row in rows)
    return f"<table>{title}<thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"
