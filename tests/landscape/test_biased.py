"""Every stationary point with bias, against an independent search and against facts."""

from fractions import Fraction

import numpy as np
import pytest
from routes.quadrature import (
    add_unless_known,
    loss_and_gradient,
    minimiser_ends,
    silent_outputs,
    stationary_ends,
)

from analytic.landscape.find import find_stationary_points
from analytic.models.toy import ToyModel

BIASED = ["per-feature", "shared"]


def numbers(model):
    return (*model.importance, *model.patterns)


def scale(model):
    return max(model.importance) * max(model.density)


def as_vectors(points):
    return [np.array([*point.W, *np.ravel(point.b)]) for point in points]


def random_model(seed, bias):
    """From all corners of the parameter ranges."""
    rng = np.random.default_rng(seed)
    density, exponent = [
        (rng.random(), rng.uniform(-1, 1)),
        (10 ** rng.uniform(-4, 0), rng.uniform(-3, 3)),
        (1 - 10 ** rng.uniform(-4, -1), rng.normal() * 0.05),
        ((rng.random(), rng.random()), rng.uniform(-2, 2)),
        (1.0, rng.uniform(-1, 1)),
        (rng.random(), 0.0),
    ][seed % 6]
    if seed % 12 == 5:
        first, second, both = rng.dirichlet([1, 1, 1, 1])[1:]
        return ToyModel.from_patterns(1 - (first + second + both), first, second, both, 10**exponent, bias)
    return ToyModel.from_density(density, 10**exponent, bias=bias)


def unfolded(z):
    """The representative with W1 > 0, or W1 = 0 < W2, of an end point that is known to about 1e-7."""
    return z * np.array([-1, -1, *np.ones(len(z) - 2)]) if z[0] < 1e-7 and (z[0] < -1e-7 or z[1] < 0) else z


def search_agrees(model, starts):
    """Both lists are the same: nothing that SciPy finds is missing, and SciPy stays at everything that is listed."""
    landscape = find_stationary_points(model)
    listed = as_vectors(landscape)
    ends, _ = stationary_ends(numbers(model), model.bias == "shared", starts, seed=1)
    found: list[np.ndarray] = []
    for end in ends:
        add_unless_known(found, unfolded(end), 1e-6)
    for z in found:
        assert sum(np.abs(z - other).max() < 2e-6 for other in listed) == 1, f"{model}: {z} is not listed once"
    for z in listed:
        gradient = loss_and_gradient(z, *numbers(model))[1]
        assert np.abs(gradient).max() <= 1e-14 * scale(model), f"{model}: {z} is not stationary"
    distances = [np.abs(a - b).max() for i, a in enumerate(listed) for b in listed[:i]]
    assert not distances or min(distances) > 1e-8
    return len(found), len(listed)


@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize("seed", range(12))
def test_a_random_search_finds_nothing_else(seed, bias):
    search_agrees(random_model(seed, bias), starts=60)


@pytest.mark.slow
@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize("seed", range(12, 212))
def test_a_long_random_search_finds_nothing_else(seed, bias):
    search_agrees(random_model(seed, bias), starts=1000)


def minimisers_agree(model, starts):
    landscape = find_stationary_points(model)
    minima = as_vectors(landscape.minima)
    for end in minimiser_ends(numbers(model), model.bias == "shared", starts, seed=2):
        value, gradient = loss_and_gradient(end, *numbers(model))
        if np.abs(gradient).max() > 1e-8 * scale(model):
            continue
        flat = [s.loss for s in landscape.flat_sets if s.kind == "minimum"] if silent_outputs(end) else []
        at_point = any(np.abs(unfolded(end) - z).max() < 1e-3 for z in minima)
        assert at_point or any(abs(value - loss) < 1e-6 * scale(model) for loss in flat), (
            f"{model}: {end}, loss {value}"
        )


@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize(("p", "r"), [(0.5, 0.5), (0.13, 0.08), (0.2, 0.7)])
def test_minimisers_end_in_listed_minima(p, r, bias):
    minimisers_agree(ToyModel.from_density(p, r, bias=bias), starts=40)


def directions(model, point, rng):
    """Random unit directions with all ratios of their entries, and the eigenvectors where there is a Hessian."""
    n = 2 + np.size(point.b)
    some = rng.normal(size=(100_000, n)) * 10 ** rng.uniform(-3, 0, size=(100_000, n))
    if not point.on_kink:
        vectors = np.linalg.eigh(model.hessian(point.W, point.b))[1].T
        some = np.concatenate([some, vectors, -vectors])
    return some / np.linalg.norm(some, axis=1, keepdims=True)


@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize("seed", range(12))
def test_the_kind_is_that_of_the_loss_around_the_point(seed, bias):
    """The form is homogeneous of degree 2, so the gradient at a small step, along the step, is twice the form.

    Random directions do not see the negative ones of a point about to merge with another, so those are left out.
    """
    model, rng = random_model(seed, bias), np.random.default_rng(seed)
    landscape = find_stationary_points(model)
    for point, z in zip(landscape, as_vectors(landscape), strict=True):
        radius = 1e-3 * min(abs(x) for x in z if x != 0)
        neighbours = sum(np.abs(z - other).max() < 0.1 for other in as_vectors(landscape)) - 1
        if radius < 1e-7 or neighbours:
            continue
        steps = radius * directions(model, point, rng)
        near = z + steps
        work = np.sum(steps * model.gradient(near[:, :2], near[:, 2] if bias == "shared" else near[:, 2:]), axis=1)
        assert (work.min() > 0) == (point.kind == "minimum"), (model, point)


def test_the_exotic_minimum_with_a_shared_bias():
    """MATH: p = 0.13, I = (1, 0.08), found by 7 of 400 random starts."""
    landscape = find_stationary_points(ToyModel.from_density(0.13, 0.08, bias="shared"))
    (exotic,) = (z for z in landscape.minima if z.phase == "confused")
    assert np.allclose([*exotic.W, exotic.b, exotic.loss], [0.901, 1.396, -1.007, 0.0422], rtol=0, atol=5e-4)
    assert [z.phase for z in landscape.minima] == ["antipodal", "dedicated-1", "confused"]
    assert len(landscape.saddles) == 6


@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize("p", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("r", [1e-3, 1.0, 1e3])
def test_corners_of_the_parameter_range(p, r, bias):
    if (p, r, bias) == (1.0, 1.0, "per-feature"):
        pytest.skip("degenerate: SciPy stops anywhere near; see the test of the four saddles")
    search_agrees(ToyModel.from_density(p, r, bias=bias), starts=60)


@pytest.mark.parametrize("bias", BIASED)
@pytest.mark.parametrize("seed", range(6))
def test_exchanging_the_features_exchanges_the_points(seed, bias):
    model = random_model(seed, bias)
    p00, p10, p01, p11 = model.exact_patterns
    swapped = ToyModel.from_patterns(p00, p01, p10, p11, importance=model.exact_importance[::-1], bias=bias)
    there = [(z.kind, z.loss) for z in find_stationary_points(model)]
    back = [(z.kind, z.loss) for z in find_stationary_points(swapped)]
    assert [kind for kind, _ in there] == [kind for kind, _ in back]
    assert np.allclose([loss for _, loss in there], [loss for _, loss in back], rtol=0, atol=1e-14 * scale(model))


def test_at_every_stationary_point_the_loss_is_c_minus_the_mean_square_output():
    """h is homogeneous, so the radial derivative vanishes: L = c - sum_i I_i E[ReLU(h_i)^2], and L < c."""
    for seed in range(12):
        model = random_model(seed, "per-feature")
        c = sum(i * p for i, p in zip(model.importance, model.density, strict=True)) / 3
        assert all(0 <= z.loss < c for z in find_stationary_points(model))


def test_density_one_and_equal_importance_has_four_degenerate_saddles():
    """On the unit circle the best linear model has loss 1/12; the ReLU lowers it between multiples of 45 degrees."""
    landscape = find_stationary_points(ToyModel(importance=1.0, sparsity=0.0))
    assert len(landscape.minima) == 4
    assert len({round(z.loss, 10) for z in landscape.minima}) == 1
    degenerate = [z for z in landscape.saddles if abs(z.loss - 1 / 12) < 1e-15]
    assert sorted(z.phase for z in degenerate) == ["antipodal", "confused", "dedicated-1", "dedicated-2"]


def test_there_are_no_maxima():
    """Along the ray through a point with W != 0 the loss is c - a s^2 + q s^4, and at W = 0 it is convex in b."""
    for seed in range(12):
        for bias in BIASED:
            assert find_stationary_points(random_model(seed, bias)).maxima == ()


class TestFlatSets:
    def test_losses_and_kinds(self):
        model = ToyModel.from_density(Fraction(1, 2), Fraction(1, 2))
        sets = {(s.phase, s.kind): s.loss for s in find_stationary_points(model).flat_sets}
        assert sets[("dedicated-1", "minimum")] == 1 / 12
        assert sets[("dedicated-2", "minimum")] == 1 / 6
        both = 1 / 12 + 5 / 48, 1 / 6 + 5 / 96
        for flat in find_stationary_points(model).flat_sets:
            if "constant" in flat.description:
                assert flat.loss == pytest.approx(both["output 1 dead" in flat.description], rel=1e-15)
        assert sorted(s.kind for s in find_stationary_points(model).flat_sets) == ["minimum"] * 5 + ["saddle"] * 2

    def test_a_shared_bias_leaves_the_dead_set(self):
        (dead,) = find_stationary_points(ToyModel.from_density(0.3, 0.5, bias="shared")).flat_sets
        assert dead.kind == "minimum"
        assert dead.contains([0.5, 0.5], -0.5)
        assert not dead.contains([0.5, 0.5], -0.49)

    @pytest.mark.parametrize("seed", range(8))
    def test_members_are_stationary_and_have_the_loss(self, seed):
        rng = np.random.default_rng(seed)
        model = ToyModel.from_density(tuple(rng.random(2)), 10 ** rng.uniform(-1, 1))
        p1, p2 = model.density
        w, drop = rng.normal(), rng.random()
        members = [
            ([w, 0.7], [-(w**2) - abs(0.7 * w) - drop, -0.49 - abs(0.7 * w) - drop]),
            ([1.0, 0.0], [0.0, -drop]),
            ([0.0, -1.0], [-drop, 0.0]),
        ]
        for long in (0.5, 1.5, -3.0):
            members += [([0.0, long], [p1 / 2, -(long**2) - drop]), ([long, 0.0], [-(long**2) - drop, p2 / 2])]
        for W, b in members:
            (home,) = (s for s in find_stationary_points(model).flat_sets if s.contains(W, b))
            assert model.loss(W, b) == pytest.approx(home.loss, rel=1e-14)
            assert np.abs(model.gradient(W, b)).max() < 1e-15 * scale(model) * (1 + np.abs(W).max())
            assert (self.lowest_around(model, W, b, rng) < home.loss * (1 - 1e-14)) == (home.kind == "saddle")

    def lowest_around(self, model, W, b, rng):
        """Over steps in all directions, and along either weight with the mean of an output kept."""
        steps = 1e-4 * rng.normal(size=(5000, 4)) * 10 ** rng.uniform(-4, 0, size=(5000, 4))
        along = np.concatenate([np.linspace(-1e-3, 1e-3, 21)[:, None] * direction for direction in np.eye(2)])
        shifts = -along * (np.array(W)[::-1] * np.array(model.density)[::-1] / 2)
        steps = np.concatenate([steps, np.concatenate([along, shifts * (np.array(b) > 0)], axis=1)])
        return model.loss(np.array(W) + steps[:, :2], np.array(b) + steps[:, 2:]).min()

    def test_neighbours_are_not_members(self):
        sets = find_stationary_points(ToyModel.from_density(0.3, 0.5)).flat_sets
        for W, b in (
            ([1.0, 0.0], [0.0, 0.0]),
            ([1.0, 0.0], [0.0, 0.15]),
            ([1.0, 1e-300], [0.0, -1.0]),
            ([0.5, 0.0], [0.0, -1.0]),
        ):
            assert not any(s.contains(W, b) for s in sets)
