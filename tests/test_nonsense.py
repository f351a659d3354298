"""Public functions and nonsense: whatever is passed, a result or an InvalidInput with a sentence, never another error.

Values are drawn from what users hand over by mistake: strings, None, NaN, infinities, negative and huge numbers, empty,
ragged, complex and object arrays, wrong shapes. Sizes stay small, so that what is admissible is also quick.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import analytic
from analytic import ReluOutputModel, ToyModel
from analytic.validation import InvalidInput

NUMBERS = st.sampled_from(
    [0, 1, -1, 0.5, 0.3, 2, 1e-300, 5e-324, 1e300, -1e300, 1e60, float("nan"), float("inf"), True]
)
ODD = st.sampled_from([None, "", "none", "0.5", b"x", 1j, [], [[]], [1, [2]], {}, {"W": 1}, object(), print, "\n" * 5])
ARRAYS = st.sampled_from(
    [
        np.zeros(0),
        np.zeros((0, 2)),
        np.ones(2),
        np.ones((2, 1)),
        np.ones((1, 2)),
        np.ones((2, 2)),
        np.ones((3, 2)),
        np.ones((3, 1, 2)),
        np.ones((2, 3, 4, 5)),
        np.array([np.nan, 1.0]),
        np.array([1e200, -1e200]),
        np.array([1j, 1.0]),
        np.array(["a", "b"]),
        np.array([None, 1.0]),
        np.array(0.3),
        np.array([True, False]),
        [1.0, -1.0],
        [[1.0, -1.0]],
        (0.3, 0.7),
    ]
)
ANY = st.one_of(NUMBERS, ODD, ARRAYS)
PAIR, WIDE = ToyModel.from_density(0.3, 0.7), ReluOutputModel.from_density(3, 2, 0.3)
NAMES = st.sampled_from(["none", "shared", "per-feature", "both", "", None, 3])


def call(function: Callable[..., Any], **options: Any) -> None:
    """A result, or a sentence of one line."""
    sentence = ""
    try:
        with np.errstate(all="ignore"):
            function(**options)
    except InvalidInput as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert len(sentence) < 1000


FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "ToyModel": (ToyModel, {"importance": ANY, "sparsity": ANY, "bias": NAMES}),
    "ToyModel.from_density": (ToyModel.from_density, {"density": ANY, "importance": ANY, "bias": NAMES}),
    "ToyModel.from_patterns": (ToyModel.from_patterns, dict.fromkeys(("p00", "p10", "p01", "p11"), ANY)),
    "ReluOutputModel": (
        ReluOutputModel,
        {"features": st.one_of(st.sampled_from([1, 2, 3]), ODD), "hidden": ANY, "importance": ANY, "sparsity": ANY},
    ),
    "ReluOutputModel.from_patterns": (ReluOutputModel.from_patterns, {"hidden": ANY, "patterns": ANY}),
    "loss": (PAIR.loss, {"W": ANY, "b": ANY}),
    "gradient": (PAIR.gradient, {"W": ANY, "b": ANY}),
    "hessian": (PAIR.hessian, {"W": ANY, "b": ANY}),
    "loss_variance": (PAIR.loss_variance, {"W": ANY, "b": ANY}),
    "wide loss": (WIDE.loss, {"W": ANY, "b": ANY}),
    "wide loss_and_gradient": (WIDE.loss_and_gradient, {"W": ANY, "b": ANY}),
    "symbolic_loss": (analytic.symbolic_loss, {"bias": st.sampled_from(["both", None, 3, ""])}),
    "find_minima": (analytic.find_minima, {"model": ANY}),
    "certify": (analytic.certify, {"model": ANY}),
    "certify_region": (
        analytic.certify_region,
        {"density": ANY, "importance": ANY, "bias": NAMES, "smallest": NUMBERS, "time_limit": st.just(0)},
    ),
    "atlas": (
        analytic.atlas,
        {"path": st.sampled_from(["", ".", "x", "/", None, 3, "no/x.jsonl"]), "bias": NAMES, "width": ANY},
    ),
    "search_minima": (analytic.search_minima, {"model": ANY}),
    "descend": (analytic.descend, {"model": ANY, "W": ANY}),
    "follow_minimum": (
        analytic.follow_minimum,
        {"family": st.just(lambda p: ReluOutputModel.from_density(2, 1, p)), "grid": ANY, "start": ANY, "W": ANY},
    ),
    "geometry": (analytic.geometry, {"W": ANY, "tolerance": NUMBERS}),
    "feature_dimensionality": (analytic.feature_dimensionality, {"W": ANY}),
    "phase_diagram": (analytic.phase_diagram, {"density": ANY, "importance": ANY, "bias": st.just("none")}),
    "phase_boundaries": (analytic.phase_boundaries, {"bias": NAMES, "importance": ODD}),
    "loss_surface": (
        analytic.loss_surface,
        {"model": st.one_of(st.just(PAIR), ODD), "b": ANY, "extent": ANY, "points": st.sampled_from([0, 2, "x", 1e9])},
    ),
    "train": (
        analytic.train,
        {
            "model": st.one_of(st.just(PAIR), ODD),
            "steps": st.sampled_from([0, 1, "x", 2.5, None]),
            "lr": ANY,
            "init": ANY,
        },
    ),
    "basins": (analytic.basins, {"model": ANY}),
    "check": (analytic.check, {"W": ANY, "b": ANY, "importance": ANY, "sparsity": ANY, "init": st.none()}),
    "decayed_loss": (analytic.decayed_loss, {"model": st.just(PAIR), "W": ANY, "b": ANY, "weight_decay": ANY}),
    "read_weights": (
        analytic.read_weights,
        {"path": st.sampled_from(["", ".", "x", "x.npz", "/", None, 3, "a\0b.npz"])},
    ),
    "verify_atlas": (
        analytic.verify_atlas,
        {"source": st.sampled_from(["", ".", "x", "/", None, 3]), "rectangles": ANY, "seed": ANY},
    ),
    "verify_certificate": (analytic.verify_certificate, {"source": st.sampled_from(["", ".", "x", "/", None, 3])}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
@given(data=st.data())
def test_nonsense_gets_a_result_or_a_sentence(name: str, data: st.DataObject) -> None:
    function, arguments = FUNCTIONS[name]
    call(function, **{argument: data.draw(values, label=argument) for argument, values in arguments.items()})
