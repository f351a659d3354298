"""Benchmarks: `python -m benchmarks`; independent values for accuracy come from the routes of the tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))
