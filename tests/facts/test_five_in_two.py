"""Five features in two hidden units, and six of which exactly one is on: the numbers of the findings."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from analytic import ReluOutputModel, follow_minimum

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch):
    """A script as a module, by name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def load(name: str):
        __import__(name)
        return sys.modules[name]

    return load


def test_the_orders_of_features_on_the_pentagon(script) -> None:
    """Importances 0.9^i at density 0.1: the best order is 1-2-4-5-3, and the worst costs 0.38 % more."""
    ranked = script("five_in_two").orders(0.1)
    losses = [loss for loss, _ in ranked]
    assert len(set(np.round(losses, 12))) == 12
    assert ranked[0][1] == (0, 1, 3, 4, 2)
    assert ranked[3][1] == (0, 1, 2, 3, 4)
    assert losses[0] == pytest.approx(0.021403936918, abs=1e-12)
    assert losses[-1] / losses[0] - 1 == pytest.approx(0.00379714, abs=1e-8)


def test_points_of_the_sparse_limit(script) -> None:
    """Represented features on a square cost nothing, silent ones 1/18 each, and 1/12 as their answer saves 1/144."""
    six = script("six_in_two_sparse")
    losses = {name: float(six.LIMIT.loss(*point)) for name, point in six.k_gons().items()}
    assert losses["4--"] == pytest.approx(16 / 144, abs=1e-15)
    assert losses["4++"] == pytest.approx(14 / 144, abs=1e-15)
    assert losses["5-"] - losses["5+"] == pytest.approx(1 / 144, abs=1e-14)
    assert losses["6"] == pytest.approx(0.048192376, abs=1e-9)
    assert min(losses, key=lambda name: losses[name]) == "6"


def test_the_hexagon_is_the_same_whether_or_not_all_features_may_be_off(script) -> None:
    """With negative biases the pattern without features costs nothing: the two losses differ by a factor."""
    six = script("six_in_two_sparse")
    W, b = six.k_gon(6, 0)
    grid = [0.1, 0.2]
    independent = follow_minimum(lambda p: ReluOutputModel.from_density(6, 2, p), grid, 0.1, W, b)
    some = follow_minimum(six.some_on, grid, 0.1, W, b)
    assert independent.last.parameter == pytest.approx(some.last.parameter, rel=1e-10)
    assert independent.last.parameter == pytest.approx(0.148570496793, abs=1e-11)
    assert independent.loss[0] / some.loss[0] == pytest.approx(1 - 0.9**6, rel=1e-12)
