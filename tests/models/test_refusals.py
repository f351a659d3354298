"""What is solved for the pair alone refuses larger models, and names what serves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import analytic
from analytic import ReluOutputModel
from analytic.attraction.destinations import destinations

CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "find_minima": (analytic.find_minima, "search_minima"),
    "find_stationary_points": (analytic.find_stationary_points, "search_minima"),
    "certify": (analytic.certify, "search_minima"),
    "basins": (analytic.basins, "descend"),
    "basin_map": (analytic.basin_map, "descend"),
    "destinations": (lambda model: destinations(model, [[1.0, 0.0, 0.0, 0.0]]), "descend"),
    "loss_surface": (analytic.loss_surface, "the method loss"),
    "compare": (lambda model: analytic.compare(model, 1.0), "search_minima"),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("size", [(3, 2), (2, 1)])
def test_larger_models_are_sent_on(name: str, size: tuple[int, int]) -> None:
    """Also one of the smallest size: it is the pair only as a ToyModel."""
    call, words = CALLS[name]
    with pytest.raises(TypeError, match=words):
        call(ReluOutputModel.from_density(*size, 0.3))


def test_anything_else_is_refused_without_advice() -> None:
    with pytest.raises(TypeError, match=r"model must be a ToyModel, got 'model' of type str$"):
        analytic.find_minima("model")  # type: ignore[arg-type]
