"""Half-stable points: the expansion that the theory rests on, who attracts whom, and from which side."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import ToyModel, find_stationary_points
from analytic.attraction.destinations import destinations
from analytic.attraction.fractions import basins
from analytic.attraction.half_stable import attracting_sides
from analytic.attraction.targets import describe, targets
from analytic.landscape.kinds import dedicated_form
from analytic.landscape.records import StationaryPoint

#: Density 0.285, importance 0.351: the dedicated point is a saddle, and attracts.
DENSITY, IMPORTANCE = 0.285, 0.351


def form(z: np.ndarray, p1: float, p2: float, I1: float, I2: float) -> float:
    """Q of half_stable.py at z = (u, w, d, e), by integration over x and y on a grid of midpoints."""
    u, w, d, e = z
    ticks = (np.arange(2000) + 0.5) / 2000
    variances = [p / 3 - p * p / 4 for p in (p1, p2)]

    def mean_y(f):
        return (1 - p2) * f(0.0) + p2 * np.mean(f(ticks))

    on = (4 / 3) * u * u + 2 * u * mean_y(lambda y: w * y + d) + mean_y(lambda y: (w * y + d) ** 2)
    off = mean_y(lambda y: np.maximum(w * y + d, 0) ** 2)
    return I1 * (p1 * on + (1 - p1) * off) + I2 * ((e + w * p1 / 2) ** 2 + w * w * (variances[0] - 2 * variances[1]))


def test_the_loss_around_a_dedicated_point_is_the_form():
    rng = np.random.default_rng(0)
    for _ in range(40):
        p1, p2, r = rng.uniform(0.05, 1), rng.uniform(0.05, 1), rng.uniform(0.1, 10)
        model = ToyModel.from_density((p1, p2), (1.0, r))
        z = rng.normal(size=4)
        step = 1e-4 * p2
        base = np.array([1.0, 0.0, 0.0, p2 / 2])
        at = base + step * z
        rise = model.loss(at[:2], at[2:]) - model.loss(base[:2], base[2:])
        assert rise / step**2 == pytest.approx(form(z, p1, p2, 1.0, r), rel=1e-3, abs=3e-3)


def test_its_least_value_on_a_side_is_the_dedicated_form():
    from scipy.optimize import minimize

    for p1, p2, r in ((0.285, 0.285, 0.351), (0.6, 0.6, 0.3), (0.9, 0.1, 1.0), (0.05, 0.5, 0.1)):
        for side in (1, -1):
            found = minimize(
                lambda v, side=side, at=(p1, p2, 1.0, r): form(np.array([v[0], side, v[1], v[2]]), *at),
                [0, 0, 0],
                tol=1e-12,
            )
            assert found.fun == pytest.approx(dedicated_form(p1, p2, 1.0, r, side, np.sqrt), abs=1e-6)


def dedicated(model: ToyModel, phase: str) -> StationaryPoint:
    return next(point for point in find_stationary_points(model) if point.phase == phase)


@pytest.mark.parametrize(
    ("density", "importance", "phase", "sides"),
    [
        (DENSITY, IMPORTANCE, "dedicated-1", ("confused",)),  # the form is positive there, negative on the other side
        (0.3, 0.7, "dedicated-1", ()),  # negative on both sides
        (0.6, 0.3, "dedicated-1", ()),  # positive on both sides: a minimum
        (1.0, 0.9, "dedicated-2", ()),  # smooth
        ((0.5, 0.05), (0.1, 1.0), "dedicated-2", ("antipodal",)),  # arrives along W2 itself: found, not expected
    ],
)
def test_sides(density, importance, phase, sides):
    model = ToyModel.from_density(density, importance)
    assert attracting_sides(model, dedicated(model, phase)) == sides


def test_with_a_shared_bias_nothing_is_half_stable():
    for density in (0.05, 0.3, 0.7):
        for importance in (0.1, 0.5, 1.0, 3.0):
            landscape = find_stationary_points(ToyModel.from_density(density, importance, "shared"))
            assert targets(landscape) == landscape.ends


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_side_does_not_depend_on_the_scale_of_the_loss(scale):
    model = ToyModel.from_density(DENSITY, (scale, IMPORTANCE * scale))
    assert attracting_sides(model, dedicated(model, "dedicated-1")) == ("confused",)


def test_every_arrival_is_one():
    # a start at distance 1e-3 in a direction of arrival comes to rest at the point, whatever side of it is tried
    rng = np.random.default_rng(1)
    model = ToyModel.from_density(DENSITY, IMPORTANCE)
    point = dedicated(model, "dedicated-1")
    arrival = np.array([0.259, 0.842, -0.457, -0.123])
    starts = np.concatenate([point.W, point.b]) + 1e-3 * (arrival + 0.1 * rng.normal(size=(20, 4)))
    assert {end and describe(end) for end in destinations(model, starts)} == {"dedicated-1 half-stable point"}


@pytest.mark.parametrize("dynamics", ["flow", "gd"])
def test_the_reported_start_rests_at_the_dedicated_point(dynamics):
    # plain gradient descent on an independent loss rests at (-1, 0), b = (0, p/2); `basins` once said antipodal 1.0
    model = ToyModel.from_density(DENSITY, IMPORTANCE)
    (end,) = destinations(model, [[-0.369, -0.176, 0, 0]], dynamics=dynamics)
    assert end is not None
    assert describe(end) == "dedicated-1 half-stable point"
    found = basins(model, starts=2000, dynamics=dynamics)
    shares = {describe(entry.target): entry for entry in found}
    # every start with W1 W2 > 0 at b = 0 does, half of all: the interval is that of 2000 starts
    half = shares["dedicated-1 half-stable point"]
    assert half.low < 0.5 < half.high
    assert found.unresolved == 0


def test_adam_can_be_carried_across():
    found = basins(ToyModel.from_density(DENSITY, IMPORTANCE), starts=500, dynamics="adam")
    shares = {describe(entry.target): entry.estimate for entry in found}
    assert 0.02 < shares["dedicated-1 half-stable point"] < 0.3
