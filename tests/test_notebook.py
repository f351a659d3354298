"""The notebook's cells run in their order, and say what the text around them claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

NOTEBOOK = Path(__file__).parents[1] / "scripts" / "hundred_runs.ipynb"
CELLS = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the cells define, after all of them have run."""
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", lambda: plt.close("all"))
        for number, cell in enumerate(CELLS, start=1):
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), found)
    return found


def test_it_has_twelve_cells_with_results_and_no_error() -> None:
    assert [cell["execution_count"] for cell in CELLS] == list(range(1, 13))
    for cell in CELLS:
        assert cell["outputs"] or "train(" in "".join(cell["source"])
        assert all(output["output_type"] != "error" for output in cell["outputs"])


def test_every_run_of_the_pair_ends_at_a_listed_minimum(names: dict[str, Any]) -> None:
    assert [minimum.phase for minimum in names["minima"]] == ["antipodal", "confused"]
    assert {each.phase for each in names["ended"]} == {"antipodal", "confused"}
    assert names["certificate"].complete


def test_five_in_two_has_levels_and_the_best_one_changes(names: dict[str, Any]) -> None:
    assert names["found"].minima[0].shape == "pentagon"
    pentagon, digons = names["best"].values()
    assert pentagon[0] < digons[0]
    assert pentagon[-1] > digons[-1]
    levels = [minimum.loss for minimum in names["found"]]
    assert all(min(abs(loss - level) for level in levels) < 1e-6 for loss in names["flows"].final.loss)
