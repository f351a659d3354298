"""Arrows of features: one for each that is represented, points for the others, numbers where they coincide."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

from analytic.plotting.vectors import draw_vectors


def test_arrows_end_at_the_columns_and_absent_features_are_points() -> None:
    W = np.array([[1.0, 0.5, 0.5, 0.0, 0.0], [0.0, -1.0, -1.0, 0.0, 0.0]])
    ax = draw_vectors(W, dead=(4,))
    arrows = [each for each in ax.texts if isinstance(each, Annotation)]
    assert [tuple(each.xy) for each in arrows] == [tuple(column) for column in W.T[:3]]
    assert [each.get_text() for each in ax.texts if each.get_text()] == ["x 2"]
    assert [line.get_markerfacecolor() == "none" for line in ax.lines] == [False, True]
    plt.close("all")


def test_only_planes_are_drawn() -> None:
    with pytest.raises(ValueError, match="W must have shape \\(2, features\\)"):
        draw_vectors(np.ones((3, 5)))
