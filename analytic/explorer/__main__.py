"""`python -m analytic.explorer`: compute again what the page stores, a few minutes of work."""

from __future__ import annotations

import sys
import time

from analytic.explorer.packing import packed
from analytic.explorer.page import STORED
from analytic.explorer.pair import knowledge
from analytic.files import replacing


def main() -> None:
    """Writes the stored files."""
    start = time.perf_counter()

    def report(text: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s  {text}", file=sys.stderr, flush=True)

    STORED.mkdir(exist_ok=True)
    data = packed(knowledge(report))
    with replacing(STORED / "pair.bin", "wb") as file:
        file.write(data)
    report(f"written: {len(data):,} bytes")


if __name__ == "__main__":
    main()
