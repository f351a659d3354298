"""Where starts end, against an integrator and a loss that share nothing with the package, over the usual diagram."""

from __future__ import annotations

import math

import numpy as np
import pytest
from routes.quadrature import loss_and_gradient
from scipy.integrate import solve_ivp

from analytic import ToyModel
from analytic.attraction.destinations import Field
from analytic.attraction.fractions import basins
from analytic.attraction.targets import describe, distance

#: Xavier's standard deviation for one model of shape (2, 1).
SD = math.sqrt(2 / 3)


def independent_end(model: ToyModel, start: np.ndarray) -> np.ndarray:
    """The end of the flow from a start: SciPy's LSODA on the gradient by Gauss quadrature, until that is 1e-8."""
    values = model.parameters
    unit = max(values[0] * model.density[0], values[1] * model.density[1])

    def field(_: float, z: np.ndarray) -> np.ndarray:
        return -loss_and_gradient(z, *values)[1] / unit

    def rest(time: float, z: np.ndarray) -> float:
        return float(np.abs(field(time, z)).max()) - 1e-8

    rest.terminal = True  # type: ignore[attr-defined]
    return solve_ivp(field, (0, 1e7), start, method="LSODA", rtol=1e-7, atol=1e-10, events=rest).y[:, -1]


def independent_labels(found: Field, starts: np.ndarray) -> np.ndarray:
    """The nearest target of each end; -9 where none is within 1e-2."""
    ends = found.model.bias.embed(np.array([independent_end(found.model, start) for start in starts]))
    gaps = np.array([distance(found.model, target, ends) for target in found.targets])
    return np.where(gaps.min(axis=0) < 1e-2, gaps.argmin(axis=0), -9)


def drawn(model: ToyModel, count: int, seed: int) -> np.ndarray:
    starts = np.zeros((count, 2 + model.bias.size()))
    starts[:, :2] = np.random.default_rng(seed).normal(scale=SD, size=(count, 2))
    return starts


@pytest.mark.parametrize(
    ("density", "importance", "bias"),
    [(0.285, 0.351, "per-feature"), (0.3, 0.7, "per-feature"), (0.6, 0.8, "per-feature"), (0.2, 0.5, "shared")],
)
def test_every_start_ends_where_an_independent_flow_does(density, importance, bias):
    model = ToyModel.from_density(density, importance, bias)
    found = Field.of(model)
    starts = drawn(model, 12, 0)
    np.testing.assert_array_equal(found.labels(starts), independent_labels(found, starts))


@pytest.mark.slow
@pytest.mark.parametrize("bias", ["per-feature", "shared"])
def test_shares_agree_over_the_usual_diagram(bias):
    """z of independent shares against `basins`, fresh draws, in 144 cells; half-stable points have their share."""
    scores, cells = [], 0
    for density in np.geomspace(0.01, 1, 12):
        for importance in np.geomspace(0.1, 10, 12):
            model = ToyModel.from_density(density, importance, bias)
            found = basins(model, starts=4000)
            field = Field.of(model, landscape=found.landscape)
            labels = independent_labels(field, drawn(model, 30, int(1e6 * density * importance)))
            cells += any(describe(target).endswith("half-stable point") for target in field.targets)
            for index, entry in enumerate(found):
                variance = entry.estimate * (1 - entry.estimate) * (1 / 30 + 1 / 4000)
                if variance > 0:
                    scores.append((np.mean(labels == index) - entry.estimate) / math.sqrt(variance))
                else:
                    assert np.mean(labels == index) == entry.estimate
    z = np.array(scores)
    assert abs(z.mean()) < 4 / math.sqrt(len(z))
    assert 0.8 < z.std() < 1.2
    assert np.abs(z).max() < 5.5  # shares near 0 and 1 have heavy tails
    assert cells == {"per-feature": 54, "shared": 0}[bias]
