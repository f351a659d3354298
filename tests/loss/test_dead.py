"""Dead outputs against the definition: the largest h over corners of the patterns that occur."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from analytic.loss.dead import highest, is_at_rest, is_dead

PATTERNS = [tuple(x / sum(on) for x in on) for on in product((0, 1), repeat=4) if sum(on)]


def by_definition(theta: np.ndarray, patterns: tuple[float, float, float, float], i: int) -> float:
    W, b = theta[:2], theta[2:]
    best = -np.inf
    for (first, second), probability in zip(((0, 0), (1, 0), (0, 1), (1, 1)), patterns, strict=True):
        if probability > 0:
            for x in product(*((0, 1) if on else (0,) for on in (first, second))):
                best = max(best, W[i] * (W[0] * x[0] + W[1] * x[1]) + b[i])
    return best


@pytest.mark.parametrize("patterns", PATTERNS, ids=str)
def test_highest_is_the_largest_value_that_occurs(patterns: tuple[float, float, float, float]) -> None:
    for theta in np.random.default_rng(0).normal(size=(50, 4)):
        expected = [by_definition(theta, patterns, i) for i in (0, 1)]
        np.testing.assert_allclose(highest(theta, patterns), expected, rtol=1e-15, atol=1e-15)


def test_on_the_kink_an_output_is_dead_but_not_at_rest() -> None:
    patterns = (0.25, 0.25, 0.25, 0.25)
    theta = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, -1e-300, 0.0], [1.0, -1.0, -1.0, -1.0], [1.0, 1.0, -1.0, -3.0]])
    assert is_dead(theta, patterns)[:, 0].tolist() == [True, True, True, False]
    assert is_at_rest(theta, patterns)[:, 0].tolist() == [False, True, True, False]
