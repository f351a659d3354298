"""Loss surfaces: the loss at every grid point, refusals, files."""

from __future__ import annotations

import numpy as np
import pytest

from analytic import ToyModel, loss_surface


@pytest.mark.parametrize(("bias", "b"), [("none", None), ("shared", 0.1), ("per-feature", (0.1, -0.2))])
def test_every_point_has_the_loss_of_its_weights(bias, b, tmp_path) -> None:
    model = ToyModel.from_density(0.3, 0.7, bias)
    surface = loss_surface(model, b, extent=1.2, points=5)
    for i, second in enumerate(surface.W2):
        for j, first in enumerate(surface.W1):
            assert surface.loss[i, j] == model.loss([first, second], b)
    assert (surface.W1[0], surface.W1[-1], surface.W1.size) == (-1.2, 1.2, 5)
    assert "5 x 5" in repr(surface)
    for suffix in ("npz", "csv"):
        surface.save(tmp_path / f"s.{suffix}")
    np.testing.assert_array_equal(np.load(tmp_path / "s.npz")["loss"], surface.loss)
    rows = np.loadtxt(tmp_path / "s.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(rows[:, 2], model.loss(rows[:, :2], b))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"extent": 0}, "extent must be greater than 0 and at most 1e"),
        ({"extent": float("nan")}, "extent must be finite"),
        ({"points": 1}, "points must be a whole number, from 2 to 3000, got 1"),
        ({"points": 10**6}, "points must be a whole number, from 2 to 3000"),
    ],
)
def test_nonsense(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        loss_surface(ToyModel(sparsity=0.5), **options)
