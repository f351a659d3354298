"""Settings for all tests."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

_PACKAGE = Path(__file__).parents[1] / "analytic"


def pytest_sessionstart() -> None:
    """Drops compiled code that is older than any source: Numba does not see changes in the functions it inlined."""
    newest = max(path.stat().st_mtime for path in _PACKAGE.rglob("*.py"))
    for cached in [*_PACKAGE.rglob("*.nbi"), *_PACKAGE.rglob("*.nbc")]:
        if cached.stat().st_mtime < newest:
            cached.unlink(missing_ok=True)
