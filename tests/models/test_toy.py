"""ToyModel: what it stores, and what it refuses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from analytic import ToyModel
from analytic.models.bias import Bias, BiasLike


def test_parameters_in_all_words() -> None:
    model = ToyModel(importance=0.5, sparsity=(0.75, 0.5), bias="shared")
    assert model.importance == (1.0, 0.5)
    assert model.sparsity == (0.75, 0.5)
    assert model.density == (0.25, 0.5)
    assert model.patterns == (0.375, 0.125, 0.375, 0.125)
    assert model.bias == "shared"
    assert model.independent


def test_equal_problems_are_equal_and_hash_alike() -> None:
    model = ToyModel(sparsity=0.75)
    same = ToyModel.from_density(0.25)
    assert model == same
    assert len({model, same, ToyModel(sparsity=0.75, bias="none")}) == 2


@pytest.mark.parametrize(
    "model",
    [
        ToyModel(),
        ToyModel((0.5, 2.0), (0.25, 0.5), bias="none"),
        ToyModel.from_density(0.1, 0.3),
        ToyModel.from_patterns(0.25, 0.5, 0.25, 0.0, importance=(2.0, 1.0), bias="shared"),
    ],
)
def test_repr_makes_the_same_model(model: ToyModel) -> None:
    assert eval(repr(model), {"ToyModel": ToyModel}) == model


def test_a_frozen_record() -> None:
    with pytest.raises(AttributeError):
        ToyModel().bias = Bias.NONE  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"sparsity": 1.5}, ValueError, r"sparsity must lie in \[0, 1\], got 1.5.*density = 1 - sparsity"),
        ({"sparsity": (0.5, -0.1)}, ValueError, "sparsity must lie in"),
        ({"sparsity": "0.5"}, TypeError, "sparsity must be a real number, got '0.5'"),
        ({"sparsity": True}, TypeError, "sparsity must be a real number"),
        ({"sparsity": float("nan")}, ValueError, "sparsity must be finite"),
        ({"sparsity": (0.1, 0.2, 0.3)}, ValueError, "one number or a pair"),
        ({"importance": 0}, ValueError, "importance must be positive"),
        ({"importance": (1, -2)}, ValueError, "importance must be positive"),
        ({"importance": float("inf")}, ValueError, "importance must be finite"),
        ({"bias": "both"}, ValueError, "bias must be one of 'none', 'shared', 'per-feature', got 'both'"),
    ],
)
def test_bad_input_names_argument_value_and_what_is_allowed(arguments: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        ToyModel(**arguments)


def test_bad_density_and_patterns() -> None:
    with pytest.raises(ValueError, match=r"density must lie in \[0, 1\], got 2"):
        ToyModel.from_density(2)
    with pytest.raises(ValueError, match="must be 1"):
        ToyModel.from_patterns(0.5, 0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="p10 must lie in"):
        ToyModel.from_patterns(0.5, -0.1, 0.5, 0.1)


@pytest.mark.parametrize(
    ("bias", "W", "b", "words"),
    [
        ("none", [1, 2, 3], None, r"W must have shape \(..., 2\)"),
        ("none", [1, 2], [0, 0], "b must be None"),
        ("per-feature", [1, 2], 0.5, r"b must have shape \(..., 2\)"),
        ("shared", np.zeros((3, 2)), np.zeros(4), "do not broadcast"),
    ],
)
def test_bad_shapes(bias: BiasLike, W, b, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ToyModel(bias=bias).loss(W, b)


def test_weights_must_be_numbers() -> None:
    with pytest.raises(TypeError, match="W must be an array of real numbers"):
        ToyModel(bias="none").loss(["a", "b"])


def test_exact_values_survive() -> None:
    third = Fraction(1, 3)
    assert ToyModel(third, third).exact_patterns == (third**2, 2 * third**2, 2 * third**2, 4 * third**2)
