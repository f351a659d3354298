"""Continuation on curves known in closed form: turning points, located ends, kinks."""

import numpy as np
import pytest

from analytic.diagrams.continuation import linearised, solve, trace


def circle(x):
    return (x[..., :1] ** 2 + x[..., 1:] ** 2) - 1


def test_a_circle_is_followed_around_its_turning_points_to_the_border():
    """From (1, 0) up and down until x = -0.6: both ends are (-0.6, +-0.8), and every point has radius 1."""
    path = trace(circle, np.array([1.0, 0.0]), {"left": lambda x: x[..., 0] + 0.6})
    assert path.ends == ("left", "left")
    assert np.abs(np.linalg.norm(path.rows, axis=1) - 1).max() < 1e-12
    assert np.allclose(np.sort(path.rows[[0, -1], 1]), [-0.8, 0.8], rtol=0, atol=1e-12)
    assert np.allclose(path.rows[[0, -1], 0], -0.6, rtol=0, atol=1e-12)


def test_the_border_that_is_crossed_first_ends_the_curve():
    path = trace(circle, np.array([1.0, 0.0]), {"far": lambda x: x[..., 0] + 0.6, "near": lambda x: 0.5 - x[..., 1]})
    assert set(path.ends) == {"far", "near"}


def test_a_kink_of_the_system_is_an_end_if_it_is_a_border():
    """|x| = y has a corner at the origin, where the tangent turns by a right angle."""

    def corner(x):
        return np.abs(x[..., :1]) - x[..., 1:]

    path = trace(corner, np.array([-1.0, 1.0]), {"corner": lambda x: -x[..., 0], "top": lambda x: 2 - x[..., 1]})
    assert set(path.ends) == {"corner", "top"}
    assert np.abs(path.rows).sum(axis=1).min() < 1e-12


def test_a_curve_without_a_border_is_given_up_and_says_so():
    path = trace(circle, np.array([1.0, 0.0]), {"never": lambda x: 10 + 0 * x[..., 0]})
    assert path.ends == ("", "")


def test_newton_on_square_and_on_wide_systems():
    root = solve(lambda x: x**2 - 2, np.array([1.0]))
    assert root is not None
    assert abs(root[0] - 2**0.5) < 1e-12
    nearest = solve(circle, np.array([2.0, 0.0]))
    assert nearest is not None
    assert np.allclose(nearest, [1, 0])
    assert solve(lambda x: x**2 + 1, np.array([1.0])) is None


def test_value_and_jacobian_are_one_call():
    calls = []

    def system(x):
        calls.append(x.shape)
        return np.stack([x[..., 0] * x[..., 1], x[..., 0] + 3 * x[..., 1]], axis=-1)

    value, jacobian = linearised(system, np.array([2.0, 5.0]))
    assert value == pytest.approx(np.array([10.0, 17.0]), rel=1e-15)
    assert jacobian == pytest.approx(np.array([[5, 2], [1, 3]]), rel=1e-7)
    assert calls == [(5, 2)]
