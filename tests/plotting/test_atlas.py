"""The picture of an atlas: colours of what is proved, numbers of minima where they fit, curves on top."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from analytic import Atlas
from analytic.models.bias import Bias
from analytic.plotting.atlas import atlas_key, plot_atlas
from analytic.plotting.colors import NOT_BEST, OPEN, shades
from analytic.proofs.regions.records import at_path
from analytic.proofs.regions.sheets import AtlasCell, Sheet

SIDES = (0.1, 0.4), (0.25, 0.75)
TWO: Any = (("minimum", "antipodal"), ("minimum", "confused"), ("saddle", "silent"))
#: Lower density: one minimum, then nothing proved; upper density: two minima, then only the best one open.
CELLS: dict[str, Any] = {
    "pr": (TWO[:1], "antipodal", 0.1, ""),
    "pR": ((), None, 0.0, "CROWDED"),
    "Pr": (TWO, "dedicated-1", 0.1, ""),
    "PR": (TWO, None, 0.0, "LEAD"),
}


@pytest.fixture
def ax() -> Iterator[Axes]:
    yield plt.subplots(layout="constrained")[1]
    plt.close("all")


def made(*paths: str) -> Atlas:
    sides: Any = {path: at_path(SIDES, path) for path in paths}
    cells = tuple(AtlasCell(path, *sides[path], *CELLS[path]) for path in paths)
    return Atlas(Bias.SHARED, *SIDES, 10.0, 0.1, (Sheet(SIDES, cells, 0.0),))


def test_colours_say_what_is_proved(ax: Axes) -> None:
    assert made(*CELLS).plot(ax) is ax
    drawn = np.asarray(ax.collections[0].get_array())
    corners = drawn[0, 0], drawn[0, -1], drawn[-1, 0], drawn[-1, -1]
    expected = shades(["antipodal"])[0], to_rgb(OPEN), shades(["dedicated-1"])[0], to_rgb(NOT_BEST)
    np.testing.assert_allclose(corners, expected)
    assert (ax.get_xlim(), ax.get_ylim()) == (pytest.approx(SIDES[1]), pytest.approx(SIDES[0]))
    labels = [key.get_label() for key in atlas_key(made(*CELLS))]
    assert labels == ["antipodal best", "dedicated-1 best", "number and kinds proved, not the best", "not proved"]


def test_what_is_not_finished_is_white(ax: Axes) -> None:
    drawn = np.asarray(plot_atlas(made("pr", "Pr"), ax).collections[0].get_array())
    np.testing.assert_array_equal(drawn[0, -1], (1, 1, 1))


def test_each_area_has_its_number_of_minima_inside(ax: Axes) -> None:
    atlas = made("pr", "PR", "pR")
    (text,) = plot_atlas(atlas, ax).texts
    importance, density = text.get_position()
    (p, q), (r, s) = atlas.cells[0].sides
    assert text.get_text() == "1"
    assert p < density < q
    assert r < importance < s


def test_a_number_that_does_not_fit_is_left_out() -> None:
    figure, ax = plt.subplots(figsize=(0.2, 0.2))
    assert not plot_atlas(made(*CELLS), ax).texts
    plt.close(figure)
