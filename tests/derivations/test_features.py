"""The chapter on any number of features: its proofs can fail, its expressions are the package's loss."""

from __future__ import annotations

from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

from analytic import ReluOutputModel
from derivations import features, polytopes, recurrence
from derivations.patterns import alpha, b, beta

DOCUMENT = Path(features.__file__).with_name("features.md")

#: (arrangement, density, w, b, loss or None): found earlier by descending the exact loss from random starts.
KNOWN = (
    ("pentagon", sp.Rational(1, 10), 1.1004, -0.2099, 0.026305131),
    ("triangle", sp.Rational(3, 5), np.sqrt(2 * 0.4245), 0.247, 0.0939793),
)


def columns(name: str) -> np.ndarray:
    """Unit columns at the angles of the arrangement: (hidden, features)."""
    if name == "digon":
        return np.array([[1.0, -1.0]])
    if name == "tetrahedron":
        return np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / np.sqrt(3)
    n = len(polytopes.COSINES[name])
    angles = 2 * np.pi * np.arange(n) / n
    return np.array([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize(("name", "density", "w", "b", "loss"), KNOWN)
def test_known_minima(name: str, density: sp.Rational, w: float, b: float, loss: float) -> None:
    found = polytopes.minimum(name, density)
    assert abs(found.w - w) < 1e-4
    assert abs(found.b - b) < 2e-4
    assert abs(found.loss - loss) < 6e-8


@pytest.mark.parametrize("name", polytopes.COSINES)
def test_minimum_is_stationary_for_the_package_with_that_loss(name: str) -> None:
    density = features.DENSITIES[name]
    found = polytopes.minimum(name, density)
    W = float(found.w) * columns(name)
    m, n = W.shape
    model = ReluOutputModel.from_density(n, m, float(density))
    loss, by_W, by_b = model.loss_and_gradient(W, np.full(n, float(found.b)))
    np.testing.assert_allclose(loss, float(found.loss), rtol=1e-13)
    assert max(np.abs(by_W).max(), np.abs(by_b).max()) < 1e-14


def test_digits_are_digits() -> None:
    """Forty and seventy digits agree to forty, and the loss to nearly twice as many near a minimum."""
    few, many = (polytopes.minimum("triangle", sp.Rational(3, 5), digits) for digits in (40, 70))
    with mpmath.workdps(80):
        assert abs(few.w - many.w) < mpmath.mpf(10) ** -40
        assert abs(few.loss - many.loss) < mpmath.mpf(10) ** -40


def test_border_of_the_activation_pattern_is_reported(monkeypatch) -> None:
    monkeypatch.setattr(polytopes, "_guess", lambda name, density: (1.1, 0.05))
    with pytest.raises(ArithmeticError, match="lies on a border of its pattern"):
        polytopes.minimum("pentagon", sp.Rational(1, 10))


def test_samples_have_both_signs_where_both_occur() -> None:
    signs = {pattern: [at[beta] > 0 for at in recurrence.samples(pattern)] for pattern in ("AF", "EF", "A", "ABEF")}
    assert signs == {"AF": [True, False], "EF": [True], "A": [False], "ABEF": [True, False]}


def test_proofs_can_fail(monkeypatch) -> None:
    assert recurrence.field_defect(2) == 0
    monkeypatch.setitem(recurrence.PAIR, "xh", (1, (0, 1)))
    assert not recurrence.pair_agrees("AF")
    whole = recurrence._whole
    monkeypatch.setattr(recurrence, "_whole", lambda *args: 2 * whole(*args))
    assert not recurrence.pair_sweeps_agree("ABEF")
    assert not recurrence.sweeps_agree_in_rationals(2, 2)


def test_moments_of_one_feature_by_hand() -> None:
    """E[h_+] = (alpha + b)^2 / (2 alpha) for b < 0 < alpha + b, and E[delta(h)] = 1 / alpha."""
    moment = recurrence.moment_of_states(b, (alpha,), {alpha: 3, b: -1})
    assert sp.cancel(moment(1, (0,), (recurrence.FREE,)) - (alpha + b) ** 2 / (2 * alpha)) == 0
    assert moment(-1, (0,), (recurrence.FREE,)) == 1 / alpha
    assert sp.cancel(moment(-1, (2,), (recurrence.FREE,)) - b**2 / alpha**3) == 0


def test_chapter_is_the_committed_one() -> None:
    text = features.chapter()
    assert text == DOCUMENT.read_text(encoding="utf-8")
    assert text.count("$$") % 2 == 0
    assert "{{" not in text
