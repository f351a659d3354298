"""Basins: symmetries, both sides of every boundary, and counts against integrals."""

import math

import numpy as np
import pytest

from analytic import ToyModel, find_stationary_points
from analytic.attraction.destinations import destinations
from analytic.attraction.fractions import BasinFraction, Basins, basins
from analytic.attraction.half_stable import is_half_stable
from analytic.attraction.maps import basin_map
from analytic.attraction.separatrices import Separatrix, separatrices
from analytic.landscape.records import FlatSet, StationaryPoint
from analytic.validation import InvalidInput

HALF = ToyModel(sparsity=0.5, bias="none")
DENSE = ToyModel(importance=0.6, sparsity=0.2, bias="none")


def normal_starts(sd):
    return lambda rng, n: (sd * rng.standard_normal((n, 2)), None)


@pytest.mark.parametrize("density", [0.05, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("importance", [0.1, 1.0, 2.0])
def test_counts_agree_with_integrals_over_the_boundaries(density, importance):
    model = ToyModel.from_density(density, importance, bias="none")
    integrated = basins(model, init=0.8)
    counted = basins(model, init=normal_starts(0.8), starts=4000, landscape=integrated.landscape)
    assert math.fsum(entry.estimate for entry in integrated.fractions) == pytest.approx(1)
    assert counted.unresolved == 0
    for exact, seen in zip(integrated.fractions, counted.fractions, strict=True):
        assert exact.target is seen.target
        assert abs(exact.estimate - seen.estimate) < 5 * math.sqrt(0.25 / 4000)


@pytest.mark.parametrize("model", [HALF, DENSE, ToyModel(bias="none")])
def test_the_two_sides_of_a_boundary_differ(model):
    landscape = find_stationary_points(model)
    curves = separatrices(model, landscape)
    assert curves
    for curve in curves:
        radius = np.linalg.norm(curve.points, axis=1)
        for at in np.searchsorted(radius, [0.3, 2.5]):
            along = curve.points[at + 1] - curve.points[at]
            across = 2e-3 * np.array([-along[1], along[0]]) / np.linalg.norm(along)
            sides = np.zeros((2, 4))
            sides[:, :2] = curve.points[at] + np.outer([1, -1], across)
            left, right = destinations(model, sides, landscape=landscape)
            assert left is not right


@pytest.mark.parametrize("dynamics", ["flow", "gd", "adam"])
@pytest.mark.parametrize(("bias", "density"), [("shared", 0.2), ("per-feature", 0.05)])
def test_starts_with_bias_reach_listed_minima_only(bias, density, dynamics):
    model = ToyModel.from_density(density, 0.5, bias=bias)
    found = basins(model, starts=300, dynamics=dynamics)
    # Adam can stop on a kink that is no minimum, as half-stable points are without bias
    assert found.unresolved <= (0.05 if dynamics == "adam" else 0)
    assert math.fsum(entry.estimate for entry in found.fractions) == pytest.approx(1 - found.unresolved)
    assert all(entry.target.kind == "minimum" for entry in found.fractions)


def test_a_start_that_is_dead_stays_in_the_silent_flat_minimum():
    model = ToyModel(sparsity=0.5)
    (end,) = destinations(model, np.array([[0.3, 0.2, -1.0, -2.0]]))
    assert isinstance(end, FlatSet)
    assert end.phase == "silent"


def test_an_exotic_minimum_has_a_small_basin():
    # MATH, section 5: shared bias, p = 0.13, r = 0.08, found by 7 of 400 random starts with random biases
    model = ToyModel.from_density(0.13, 0.08, bias="shared")
    start = np.array([[0.9, 1.4, -1.0, -1.0]])
    (end,) = destinations(model, start)
    assert isinstance(end, StationaryPoint)
    assert end.phase == "confused"
    assert end.b == pytest.approx(-1.007, abs=1e-3)
    counted = basins(model, starts=500).fractions
    assert next(entry for entry in counted if entry.target.phase == "confused").estimate < 0.02


@pytest.mark.parametrize("dynamics", ["flow", "gd", "adam"])
def test_a_map_has_the_symmetries_of_its_model(dynamics):
    found = basin_map(HALF, dynamics=dynamics, resolution=32)
    assert (found.labels >= 0).all()
    assert np.array_equal(found.labels, found.labels[::-1, ::-1])
    assert np.array_equal(found.labels, found.labels.T)
    assert math.fsum(found.areas) == pytest.approx(1)


def test_minima_lead_to_themselves():
    landscape = find_stationary_points(HALF)
    theta = np.zeros((2, 4))
    theta[:, :2] = [minimum.W for minimum in landscape.minima]
    assert destinations(HALF, theta, landscape=landscape) == list(landscape.minima)


def test_slopes_beside_an_axis():
    # dL/dW2 = K (I1 (a² − 1) − I2) just above (a, 0) and K I1 (a² − 1) just below, K = 2 a P11 / 4
    model = ToyModel.from_patterns(0.1, 0.2, 0.3, 0.4, importance=(2.0, 0.5), bias="none")
    for a in (0.5, 1.1, 1.7):
        K = 2 * a * 0.4 / 4
        above, below = (model.gradient([a, side])[1] for side in (1e-12, -1e-12))
        assert above == pytest.approx(K * (2.0 * (a**2 - 1) - 0.5), abs=1e-10)
        assert below == pytest.approx(K * 2.0 * (a**2 - 1), abs=1e-10)


def test_an_axis_is_half_stable_for_dense_features_only():
    seen = {}
    for density in (0.3, 0.9):
        model = ToyModel.from_density(density, 1.0, bias="none")
        landscape = find_stationary_points(model)
        seen[density] = [is_half_stable(model, point) for point in landscape.saddles if point.on_kink]
    assert seen == {0.3: [False, False], 0.9: [True, True]}


def test_a_straight_boundary_has_its_own_angle():
    ray = np.outer(np.linspace(1e-3, 30, 500), [math.cos(0.4), math.sin(0.4)])
    assert Separatrix(ray, ray[0]).mean_angle(0.7) == pytest.approx(0.4, abs=1e-12)


def with_fractions(*estimates):
    landscape = find_stationary_points(HALF)
    entries = tuple(
        BasinFraction(target, value, value / 2, 1.0, None)
        for target, value in zip(landscape.minima, estimates, strict=True)
    )
    return Basins(HALF, landscape, "flow", entries, 0.0, 0)


def test_restarts():
    assert with_fractions(0.5, 0.5).restarts_needed(0.99) == 7  # 1 − 2⁻⁷ = 0.9922
    assert with_fractions(0.5, 0.5).restarts_needed(0.99, cautious=True) == 17  # 1 − 0.75¹⁷ = 0.9925
    assert with_fractions(1.0, 0.0).restarts_needed(0.99) == 1
    assert with_fractions(0.0, 1.0).restarts_needed(0.99) == math.inf


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dynamics": "newton"}, "dynamics must be one of 'flow', 'gd', 'adam', got 'newton'"),
        ({"lr": 0.1}, "lr must be None for the flow, which has no rate, got 0.1"),
        ({"dynamics": "gd", "lr": -1}, "lr must be greater than 0, got -1"),
        ({"resolution": 0}, "resolution must be a whole number, from 1 to 4096, got 0"),
        ({"extent": 0}, "extent must be greater than 0, got 0"),
        ({"axes": ("W1", "b")}, "axes must be two different names"),
        ({"through": (0, 0, 1, 1)}, "through must hold .* as bias = 'none' allows"),
        ({"through": (0, 0)}, "through must be a point"),
        ({"max_steps": 0}, "max_steps must be a whole number, at least 1, got 0"),
        ({"threads": 1.5}, "threads must be a whole number"),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        basin_map(HALF, **arguments)


@pytest.mark.parametrize("probability", [0, 1, 2])
def test_a_certain_restart_does_not_exist(probability):
    with pytest.raises(ValueError, match="probability"):
        with_fractions(0.5, 0.5).restarts_needed(probability)


def test_results_are_saved(tmp_path):
    found = basins(HALF, init=0.8)
    found.save(tmp_path / "basins.csv")
    lines = (tmp_path / "basins.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "target,loss,estimate,low,high,count"
    assert len(lines) == 1 + len(found)
    found.save(tmp_path / "basins.npz")
    with np.load(tmp_path / "basins.npz") as stored:
        assert stored["estimate"].tolist() == [entry.estimate for entry in found]
    plane = basin_map(HALF, resolution=4)
    plane.save(tmp_path / "map.npz")
    with np.load(tmp_path / "map.npz") as stored:
        assert np.array_equal(stored["labels"], plane.labels)
    plane.save(tmp_path / "map.csv")
    assert len((tmp_path / "map.csv").read_text(encoding="utf-8").splitlines()) == 17
