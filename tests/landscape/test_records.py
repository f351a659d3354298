"""The record of a landscape: how many, in which order, and how it prints."""

from __future__ import annotations

import pickle

import pytest

from analytic import ToyModel, find_minima
from analytic.models.bias import Bias


def test_length_counts_isolated_points() -> None:
    landscape = find_minima(ToyModel.from_density(0.3, 0.7))
    assert len(landscape) == len(list(landscape)) == len(landscape.minima) + len(landscape.saddles) > 0


@pytest.mark.parametrize("bias", Bias)
def test_the_repr_is_one_line_and_the_table_has_a_row_for_each(bias: Bias) -> None:
    landscape = find_minima(ToyModel.from_density(0.3, 0.7, bias))
    assert len(repr(landscape)) < 150
    rows = len(landscape) + len(landscape.flat_sets)
    assert len(str(landscape).splitlines()) == rows + 2
    assert landscape._repr_html_().count("<tr>") == rows + 1


@pytest.mark.parametrize("bias", Bias)
def test_landscapes_pickle_with_their_flat_sets(bias: Bias) -> None:
    landscape = pickle.loads(pickle.dumps(find_minima(ToyModel.from_patterns(0.5, 0.25, 0.25, 0.0, bias=bias))))
    for flat in landscape.flat_sets:
        assert not flat.contains([0.3, 0.4], None if bias == "none" else 0.1)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_ties_are_relative_to_the_scale_of_the_loss(scale: float) -> None:
    """At density 1 and equal importance the four minima are images of each other under a symmetry of the loss."""
    landscape = find_minima(ToyModel.from_density(1.0, (scale, scale)))
    assert len(landscape.ties) == 4
    assert landscape.gap == pytest.approx(0, abs=1e-13 * scale)
    ordinary = find_minima(ToyModel.from_density(0.3, (scale, 0.7 * scale)))
    assert len(ordinary.ties) == 1
    assert ordinary.gap > 0.02 * scale
