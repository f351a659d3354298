"""Pictures: they draw on the axes they are given, hold what they should, and every label is legible."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from analytic import PhaseDiagram, ToyModel, find_stationary_points, loss_surface, phase_boundaries, phase_diagram
from analytic.plotting.diagrams import feature_colors, plot_boundaries, plot_phase_diagram, plot_surface, point_key
from analytic.plotting.saving import figure_of, save_picture


@pytest.fixture
def ax() -> Iterator[Axes]:
    yield plt.subplots(layout="constrained")[1]
    plt.close("all")


@pytest.fixture(scope="module")
def diagram() -> PhaseDiagram:
    return phase_diagram(density=np.geomspace(0.01, 1, 40), importance=np.geomspace(0.1, 10, 50), bias="none")


def test_it_draws_on_the_given_axes_and_returns_them(ax: Axes, diagram: PhaseDiagram) -> None:
    assert plot_phase_diagram(diagram, ax) is ax
    assert ax.get_xlim() == pytest.approx((0.1, 10))
    assert ax.get_ylim() == pytest.approx((0.01, 1))
    assert {text.get_text() for text in ax.texts} == {"antipodal", "confused"}


def test_without_axes_it_makes_new_ones(diagram: PhaseDiagram) -> None:
    assert diagram.plot().get_title() == "Best minimum, no bias"
    plt.close("all")


def test_a_pixel_has_the_colour_of_its_weights(ax: Axes, diagram: PhaseDiagram) -> None:
    plot_phase_diagram(diagram, ax)
    drawn = np.asarray(ax.collections[0].get_array())
    np.testing.assert_allclose(drawn, feature_colors(diagram.W), atol=1 / 255)


def test_no_name_lies_on_a_curve(ax: Axes, diagram: PhaseDiagram) -> None:
    boundaries = phase_boundaries("none")
    plot_phase_diagram(diagram, ax, boundaries=boundaries)
    figure_of(ax).canvas.draw()
    for text in ax.texts:
        box = text.get_window_extent()
        for curve in boundaries.curves:
            at = ax.transData.transform(np.stack([curve.importance, curve.density], axis=-1))
            assert not any(box.contains(*point) for point in at), f"{text.get_text()} lies on a curve"


def test_curves_stay_inside_the_window(ax: Axes, diagram: PhaseDiagram) -> None:
    plot_boundaries(phase_boundaries("none"), plot_phase_diagram(diagram, ax))
    assert ax.get_ylim()[1] == pytest.approx(1)
    assert len(ax.lines) == len(phase_boundaries("none").curves)


def test_the_surface_shows_points_and_copies(ax: Axes) -> None:
    model = ToyModel.from_density(0.3, 0.7, "none")
    landscape = find_stationary_points(model)
    plot_surface(loss_surface(model, points=41), ax, marks=landscape)
    expected = sum(len(point.copies) for point in landscape)
    assert sum(isinstance(each, PathCollection) for each in ax.collections) == expected
    assert ax.get_title() == "density 0.3, importance 0.7\nno bias"
    labels = [key.get_label() for key in point_key(landscape)]
    assert labels == ["minimum", "saddle", "maximum", "the copy at −W"]


def test_pictures_are_whole_files(ax: Axes, tmp_path) -> None:
    save_picture(ax, tmp_path / "p.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["p.svg"]
    with pytest.raises(ValueError, match="must end in"):
        save_picture(ax, tmp_path / "p.jpg")
