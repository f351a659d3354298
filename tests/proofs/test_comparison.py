"""Proof against list: a true list passes, and every way in which a list can be wrong is noticed and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from analytic import Certificate, Landscape, ToyModel, certify, find_stationary_points
from analytic.proofs.comparison import Comparison, compare

MODELS = {
    "none": ToyModel.from_density(0.3, 0.4, "none"),
    "shared": ToyModel.from_density(0.13, 0.08, "shared"),
    "per-feature": ToyModel.from_density(0.087, 0.115),
}


@pytest.fixture(scope="module", params=MODELS)
def proof(request: pytest.FixtureRequest) -> Certificate:
    return certify(MODELS[request.param])


@pytest.fixture(scope="module")
def true_list(proof: Certificate) -> Landscape:
    return find_stationary_points(proof.model)


def compared(proof: Certificate, landscape: object) -> Comparison:
    return compare(proof.model, proof.points, proof.flat_sets, landscape)


def with_minimum(landscape: Landscape, **changes: Any) -> Landscape:
    """The last minimum changed."""
    *others, last = landscape.minima
    return replace(landscape, minima=(*others, replace(last, **changes)))


def test_a_true_list_agrees(proof: Certificate, true_list: Landscape) -> None:
    """Nothing missing, nothing unproved; the second copy W -> -W of a point is the same point."""
    assert proof.complete
    assert compared(proof, true_list) == Comparison((), (), ())
    assert compared(proof, with_minimum(true_list, W=-true_list.minima[-1].W)) == Comparison((), (), ())


def test_digits_agree(proof: Certificate) -> None:
    assert compared(proof, find_stationary_points(proof.model, digits=30)) == Comparison((), (), ())


WRONG: dict[str, tuple[Callable[[Landscape], Landscape], int, int, str]] = {
    "a minimum removed": (lambda x: replace(x, minima=x.minima[:-1]), 1, 0, "proved, not listed: a minimum at W = "),
    "listed twice": (lambda x: replace(x, minima=(*x.minima, x.minima[0])), 0, 1, "listed twice"),
    "both copies listed": (
        lambda x: replace(x, minima=(*x.minima, replace(x.minima[0], W=-x.minima[0].W))), 0, 1, "listed twice",
    ),
    "a wrong loss": (lambda x: with_minimum(x, loss=x.minima[-1].loss * (1 + 1e-13)), 1, 1, "its loss is"),
    "displaced": (
        lambda x: with_minimum(x, W=x.minima[-1].W + np.array([0, 1e-11])), 1, 1, "displaced",
    ),
    "not a number": (lambda x: with_minimum(x, W=x.minima[-1].W * np.nan), 1, 1, "nearest proved point is nan away"),
    "a wrong kind": (
        lambda x: replace(x, minima=x.minima[:-1], saddles=(*x.saddles, x.minima[-1])), 1, 1, "proved to be a minimum",
    ),
    "invented": (
        lambda x: replace(x, maxima=(*x.maxima, replace(x.minima[0], W=np.array([0.5, 0.5])))),
        0, 1, "listed, not proved",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_list_is_noticed(proof: Certificate, true_list: Landscape, name: str) -> None:
    change, missing, unproved, words = WRONG[name]
    found = compared(proof, change(true_list))
    assert (len(found.missing), len(found.unproved)) == (missing, unproved)
    assert len(found.differences) == missing + unproved
    assert any(words in sentence for sentence in found.differences)


def test_flat_sets_are_compared(proof: Certificate, true_list: Landscape) -> None:
    if proof.model.bias == "none":
        assert proof.flat_sets == true_list.flat_sets == ()
        return
    removed = compared(proof, replace(true_list, flat_sets=true_list.flat_sets[1:]))
    assert (len(removed.missing), removed.unproved) == (1, ())
    assert "proved, not listed: a flat" in removed.differences[0]
    doubled = compared(proof, replace(true_list, flat_sets=(*true_list.flat_sets, true_list.flat_sets[0])))
    assert (doubled.missing, len(doubled.unproved)) == ((), 1)
    wrong = replace(true_list.flat_sets[0], loss=true_list.flat_sets[0].loss * 1.001)
    changed = compared(proof, replace(true_list, flat_sets=(wrong, *true_list.flat_sets[1:])))
    assert (len(changed.missing), len(changed.unproved)) == (1, 1)


def test_flat_losses_by_definition() -> None:
    """Dead output: I_i p_i / 3. Output at the mean: the variance p/3 - p^2/4 besides."""
    p, r = Fraction(1, 4), Fraction(1, 2)
    sets = certify(ToyModel.from_density(p, r), time_limit=0).flat_sets
    variance = p / 3 - p**2 / 4
    losses = [(1 + r) * p / 3, r * p / 3, r * p / 3 + variance, r * p / 3 + variance]
    losses += [p / 3, p / 3 + r * variance, p / 3 + r * variance]
    assert [s.kind for s in sets] == ["minimum", *["minimum", "saddle", "minimum"] * 2]
    assert all(Fraction(s.loss[0]) <= loss <= Fraction(s.loss[1]) for s, loss in zip(sets, losses, strict=True))


def test_a_landscape_of_another_model_is_refused(proof: Certificate) -> None:
    other = find_stationary_points(ToyModel.from_density(0.31, 0.4, proof.model.bias))
    with pytest.raises(ValueError, match="landscape must be one of ToyModel"):
        compared(proof, other)


def test_undecided_points_claim_no_kind(proof: Certificate, true_list: Landscape) -> None:
    open_kind = replace(true_list, minima=(), undecided=true_list.minima)
    assert compared(proof, open_kind) == Comparison((), (), ())
