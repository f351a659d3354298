"""More digits with bias: points with closed forms, and gradients that vanish to the digits asked for."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest

from analytic import ToyModel, find_stationary_points
from analytic.loss.exact import exact_gradient, mpmath_parameters
from analytic.models.bias import Bias

P, R = Fraction(3, 10), Fraction(7, 10)


def test_shared_dedicated_saddle_in_closed_form() -> None:
    """W = (s, 0), b = r p / (2 (1 - 3 p / 4 + r)), s^2 = 1 - 3 b / 2: both outputs are live everywhere."""
    b = R * P / (2 * (1 - Fraction(3, 4) * P + R))
    landscape = find_stationary_points(ToyModel.from_density(P, R, "shared"), digits=60)
    (point,) = (s for s in landscape.saddles if s.phase == "dedicated-1")
    with mpmath.workdps(70):
        exact = mpmath.mpf(b.numerator) / b.denominator
        assert abs(point.b - exact) < mpmath.mpf(10) ** -60
        assert abs(point.W[0] ** 2 - (1 - 3 * exact / 2)) < mpmath.mpf(10) ** -60
        assert point.W[1] == 0


@pytest.mark.parametrize("bias", [Bias.SHARED, Bias.PER_FEATURE])
def test_gradients_vanish_to_all_digits(bias: Bias) -> None:
    model = ToyModel.from_density(Fraction(13, 100), Fraction(2, 25), bias)
    plain, fine = find_stationary_points(model), find_stationary_points(model, digits=40)
    assert [p.kind for p in plain] == [p.kind for p in fine]
    with mpmath.workdps(60):
        for point in fine:
            (W1, W2), (b1, b2) = point.W, (point.b, point.b) if bias == "shared" else point.b
            g = exact_gradient(mpmath_parameters(model), W1, W2, b1, b2)
            g = [*g[:2], g[2] + g[3]] if bias == "shared" else g
            assert max(map(abs, g)) < mpmath.mpf(10) ** -40


@pytest.mark.parametrize("bias", [Bias.SHARED, Bias.PER_FEATURE])
@pytest.mark.parametrize("difference", [Fraction(1, 10**16), Fraction(1, 10**9)])
def test_features_that_are_almost_equal(bias: Bias, difference: Fraction) -> None:
    """40 and 60 digits agree to 40, relative to each coordinate; biases of the order of the difference are kept."""
    model = ToyModel.from_density(Fraction(3, 10), 1 + difference, bias)
    rough, fine = (find_stationary_points(model, digits=digits) for digits in (40, 60))
    assert len(rough) == len(fine) > 0
    with mpmath.workdps(70):
        for point, better in zip(rough, fine, strict=True):
            for one, other in zip([*point.W, *_biases(point)], [*better.W, *_biases(better)], strict=True):
                assert abs(one - other) <= abs(other) * mpmath.mpf(10) ** -40
    (confused,) = (p for p in fine if p.phase == "confused" and abs(p.W[0] - p.W[1]) < 1e-3)
    assert all(0 < abs(b) < float(difference) for b in _biases(confused))


def _biases(point):
    return [point.b] if not hasattr(point.b, "__len__") else list(point.b)
