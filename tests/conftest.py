"""Settings for all tests."""

from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")

_PACKAGE = Path(__file__).parents[1] / "analytic"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Drops compiled code older than any module with compiled functions: Numba does not see what it inlined change.

    Once per run, before the workers start.
    """
    if hasattr(session.config, "workerinput"):
        return
    compiled = [path for path in _PACKAGE.rglob("*.py") if "numba" in path.read_text(encoding="utf-8")]
    newest = max(path.stat().st_mtime for path in compiled)
    for cached in [*_PACKAGE.rglob("*.nbi"), *_PACKAGE.rglob("*.nbc")]:
        if cached.exists() and cached.stat().st_mtime < newest:
            cached.unlink(missing_ok=True)
