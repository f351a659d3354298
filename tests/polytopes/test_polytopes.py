"""What a weight matrix is made of: known shapes in random position, tegum products, dimensionalities with proofs."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import feature_dimensionality, geometry

RNG = np.random.default_rng(5)


def polygon(k: int) -> np.ndarray:
    angles = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angles), np.sin(angles)])


def simplex(dimension: int) -> np.ndarray:
    """The vectors e_i minus their mean, in coordinates of the subspace that they span."""
    centred = np.eye(dimension + 1) - 1 / (dimension + 1)
    return np.linalg.svd(centred)[2][:dimension] @ centred


def antiprism(h: float) -> np.ndarray:
    r, z = np.sqrt(1 - h), np.sqrt(h)
    top, bottom = np.arange(4) * np.pi / 2, np.arange(4) * np.pi / 2 + np.pi / 4
    angles = np.concatenate([top, bottom])
    return np.stack([r * np.cos(angles), r * np.sin(angles), np.repeat([z, -z], 4)])


def cube() -> np.ndarray:
    return np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).astype(float)


def icosahedron() -> np.ndarray:
    golden = (1 + 5**0.5) / 2
    points = [(0, s, t * golden) for s in (-1, 1) for t in (-1, 1)]
    return np.array([np.roll(point, k) for point in points for k in range(3)]).T


SHAPES = {
    "single": np.ones((1, 1)),
    "digon": simplex(1),
    "triangle": polygon(3),
    "pentagon": polygon(5),
    "hexagon": polygon(6),
    "heptagon": polygon(7),
    "11-gon": polygon(11),
    "tetrahedron": simplex(3),
    "4-simplex": simplex(4),
    "square antiprism": antiprism(0.35),
    "cube": cube(),
    "icosahedron": icosahedron(),
}


def in_random_position(parts: list[np.ndarray], extra: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The tegum product of the parts, rotated, features shuffled; and the part that each feature came from."""
    hidden, features = sum(p.shape[0] for p in parts) + extra, sum(p.shape[1] for p in parts)
    W, owner, row, column = np.zeros((hidden, features)), np.zeros(features, int), 0, 0
    for k, part in enumerate(parts):
        W[row : row + part.shape[0], column : column + part.shape[1]] = part * RNG.uniform(0.8, 1.2)
        owner[column : column + part.shape[1]] = k
        row, column = row + part.shape[0], column + part.shape[1]
    order = RNG.permutation(features)
    rotation = np.linalg.qr(RNG.normal(size=(hidden, hidden)))[0]
    return (rotation @ W)[:, order], owner[order]


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_named_in_any_position(name: str) -> None:
    shape = SHAPES[name]
    W, _ = in_random_position([shape], extra=1)
    (group,) = geometry(W)
    assert group.name == name
    assert group.dimension == shape.shape[0]
    assert group.features == tuple(range(shape.shape[1]))
    # every direction of a shape that looks the same from all vertices is equally occupied: a tight frame
    expected = shape.shape[0] / shape.shape[1]
    assert group.dimensionality == pytest.approx(expected, rel=0.03 if name == "square antiprism" else 1e-9)
    noisy = W + 0.01 * RNG.normal(size=W.shape) * np.linalg.norm(W) / np.sqrt(W.size)
    assert [each.name for each in geometry(noisy)] == [name]


def test_a_square_is_two_digons_and_an_octahedron_three() -> None:
    assert [group.name for group in geometry(polygon(4))] == ["digon", "digon"]
    assert [group.name for group in geometry(np.concatenate([np.eye(3), -np.eye(3)], axis=1))] == ["digon"] * 3


def test_tegum_products_fall_apart_into_their_parts() -> None:
    names = ["pentagon", "tetrahedron", "triangle", "digon", "digon", "single"]
    W, owner = in_random_position([SHAPES[name] for name in names])
    groups = geometry(W)
    assert sorted(group.name for group in groups) == sorted(names)
    for group in groups:
        assert len({owner[i] for i in group.features}) == 1
    assert sum(group.dimension for group in groups) == W.shape[0]
    # a tegum product of tight frames is tight in each part: dimensionalities fill the space
    assert feature_dimensionality(W).sum() == pytest.approx(W.shape[0])


def test_what_has_no_name() -> None:
    assert [g.name for g in geometry(np.array([[1.0, 0.5], [0.0, 0.8]]))] == ["irregular"]
    assert [g.name for g in geometry(np.array([[1.0, 0.7]]))] == ["confused"]
    assert [g.name for g in geometry(np.array([[1.0, 1.0, -1.0]]))] == ["confused"]
    assert [g.name for g in geometry(np.zeros((2, 3)))] == ["not represented"]
    groups = geometry(np.array([[1.0, 1e-3, 0.0], [0.0, 0.0, 0.0]]))
    assert [(g.name, g.features, g.dimension) for g in groups] == [("single", (0,), 1), ("not represented", (1, 2), 0)]


def test_dimensionality_of_known_configurations() -> None:
    # orthogonal: each alone; two in one direction a and b: a^2/(a^2 + b^2), because (u_i . W_j)^2 = |W_j|^2
    np.testing.assert_allclose(feature_dimensionality(np.diag([1.0, 7.0])), [1, 1])
    np.testing.assert_allclose(feature_dimensionality([[3.0, -4.0]]), [9 / 25, 16 / 25])
    np.testing.assert_array_equal(feature_dimensionality(np.zeros((2, 4))), np.zeros(4))


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150, 1e-300])
def test_dimensionality_knows_no_scale(scale: float) -> None:
    W = RNG.normal(size=(3, 7))
    np.testing.assert_allclose(feature_dimensionality(scale * W), feature_dimensionality(W), rtol=1e-12)
    assert feature_dimensionality(scale * W).sum() <= 3 + 1e-9


def test_dimensionalities_sum_to_at_most_the_rank() -> None:
    for _ in range(50):
        hidden, features, rank = RNG.integers(1, 6), RNG.integers(1, 9), RNG.integers(1, 4)
        W = RNG.normal(size=(hidden, rank)) @ RNG.normal(size=(rank, features))
        assert feature_dimensionality(W).sum() <= np.linalg.matrix_rank(W) + 1e-9


def test_stacks_equal_loops_bit_for_bit() -> None:
    W = RNG.normal(size=(4, 5, 2, 6))
    stacked = feature_dimensionality(W)
    assert stacked.shape == (4, 5, 6)
    for i in np.ndindex(4, 5):
        np.testing.assert_array_equal(stacked[i], feature_dimensionality(W[i]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: feature_dimensionality([1.0, 2.0]), r"W must have shape \(..., hidden, features\), got shape \(2,\)"),
        (lambda: geometry(np.zeros((2, 3, 4))), r"W must have shape \(hidden, features\), got shape \(2, 3, 4\)"),
        (lambda: geometry([[1.0, np.nan]]), "W must be finite"),
        (lambda: geometry(np.eye(2), tolerance=0), "tolerance must be greater than 0 and less than 1, got 0"),
    ],
)
def test_nonsense(call, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
