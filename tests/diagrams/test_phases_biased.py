"""Phase diagrams with bias: the grid solver against the full landscape, model by model."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from analytic.diagrams.phases import phase_diagram
from analytic.landscape.find import find_minima
from analytic.models.toy import ToyModel

BIASED = ["per-feature", "shared"]


def disagreements(diagram, pixels):
    """How many pixels differ from a search of that model alone in number of minima, loss, gap or place."""
    count = 0
    for i, j in pixels:
        landscape = find_minima(ToyModel.from_density(diagram.density[i], diagram.importance[j], bias=diagram.bias))
        flat = [s for s in landscape.flat_sets if s.kind == "minimum"]
        losses = sorted([*(z.loss for z in landscape.minima), *(s.loss for s in flat)])
        best = landscape.minima[0]
        size = 1e-13 * max(1.0, diagram.importance[j])
        agree = (
            diagram.n_minima[i, j] == len(losses)
            and abs(diagram.loss[i, j] - losses[0]) <= size
            and abs(diagram.gap[i, j] - (losses[1] - losses[0])) <= size
            and (losses[1] - losses[0] < 1e-9 or np.abs(diagram.W[i, j] - best.W).max() < 1e-7)
        )
        count += not agree
    return count


@pytest.mark.parametrize("bias", BIASED)
def test_every_pixel_of_a_small_diagram_agrees_with_a_search_from_scratch(bias):
    diagram = phase_diagram(density=np.geomspace(0.02, 1, 9), importance=np.geomspace(0.1, 10, 9), bias=bias)
    assert disagreements(diagram, np.ndindex(9, 9)) == 0


def test_a_thin_region_on_a_coarse_grid():
    """A confused minimum lives on a strip that this grid meets at a distance; its certificate proves that it exists."""
    density, importance = np.linspace(0.04, 0.96, 24), np.geomspace(0.1, 1 / 1.01, 24)
    diagram = phase_diagram(density=density, importance=importance, bias="per-feature")
    assert np.array_equal(diagram.density, density)
    assert np.array_equal(diagram.importance, importance)
    assert diagram.W.shape == diagram.b.shape == (24, 24, 2)
    assert disagreements(diagram, [(4, 9), (3, 8), (5, 10), (23, 0)]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("bias", BIASED)
def test_a_thousand_pixels_of_the_default_diagram_agree_with_a_search_from_scratch(bias):
    diagram = phase_diagram(bias=bias)
    pixels = np.random.default_rng(0).integers(200, size=(1000, 2))
    assert disagreements(diagram, pixels) == 0


@pytest.mark.parametrize("bias", BIASED)
def test_the_executor_does_not_matter(bias):
    grid = {"density": np.linspace(0.1, 1, 5), "importance": np.geomspace(0.2, 5, 5), "bias": bias}
    with ThreadPoolExecutor(1) as one:
        first, second = phase_diagram(**grid, executor=one), phase_diagram(**grid)
    assert all(np.array_equal(getattr(first, n), getattr(second, n)) for n in ("W", "b", "loss", "n_minima", "gap"))


@pytest.mark.parametrize("bias", BIASED)
def test_exchanging_the_features_is_a_symmetry(bias):
    """L(I1, I2) = I2 L(I1/I2, 1): the diagram at 1/r is the one at r over r."""
    diagram = phase_diagram(density=[0.05, 0.3, 0.8], importance=np.geomspace(0.25, 4, 8), bias=bias)
    assert np.array_equal(diagram.n_minima, diagram.n_minima[:, ::-1])
    assert np.allclose(diagram.loss[:, ::-1] * diagram.importance, diagram.loss, rtol=1e-13, atol=0)


def test_rounding_does_not_choose_between_minima_that_tie_exactly() -> None:
    """With a shared bias and both outputs always on, the loss knows W1 W2 only by its square: antipodal is named."""
    diagram = phase_diagram(density=np.linspace(0.95, 1, 6), importance=np.geomspace(0.8, 1.25, 9), bias="shared")
    tied = diagram.gap <= 1e-13
    assert tied.any()
    assert set(diagram.phase[tied]) == {"antipodal"}
    model = ToyModel.from_density(1.0, 1.0, "shared")
    assert [end.phase for end in find_minima(model).ties] == ["antipodal", "confused"]
