"""Phase diagrams: the best minimum of every model on a grid of density and importance.

A diagram holds plain arrays over (density, importance): what is the best minimum, how many are there, and by how much
does the best one win. Drawing is left to `plotting.py`, curves to `boundaries.py`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytic.files import replacing, table_format, write_csv
from analytic.landscape.find import find_minima
from analytic.landscape.records import phase_of
from analytic.models.bias import Bias, BiasLike
from analytic.models.features import independent_parameters
from analytic.models.toy import ToyModel
from analytic.validation import increasing
from analytic.work import Progress, Run, reporting, running

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]
#: The grid that the field draws: importance of the extra feature on a log scale, density on a log scale up to 1.
DEFAULT_DENSITY = (0.01, 1.0, 200)
DEFAULT_IMPORTANCE = (0.1, 10.0, 200)
#: Grid points per job. Small enough for a live progress bar, large enough to hide the cost of submitting.
_BLOCK = 2000


@dataclass(frozen=True, eq=False)
class PhaseDiagram:
    """The best minimum over a grid of models; arrays have the shape (len(density), len(importance)) and more.

    Attributes
    ----------
    bias : the convention
    density : (m,)         P(x != 0), both features
    importance : (n,)      importance of feature 2; feature 1 has importance 1
    W : (m, n, 2)          weights of the best minimum
    b : (m, n, k)          its biases: k = 0, 1 (shared) or 2 (per feature)
    loss : (m, n)          its loss
    phase : (m, n) str     its phase
    n_minima : (m, n) int  how many minima there are, flat ones included
    gap : (m, n)           loss of the second-best minimum minus loss of the best; NaN where there is only one
    """

    bias: Bias
    density: Array
    importance: Array
    W: Array
    b: Array
    loss: Array
    phase: npt.NDArray[np.str_]
    n_minima: npt.NDArray[np.int64]
    gap: Array

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draws the diagram; see `analytic.plotting.diagrams.plot_phase_diagram`."""
        from analytic.plotting.diagrams import plot_phase_diagram

        return plot_phase_diagram(self, ax, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all arrays to a .npz file, or one row per grid point to a .csv file, by the ending of `path`."""
        suffix = table_format(path)
        if suffix == ".npz":
            with replacing(path, "wb") as file:
                np.savez_compressed(file, **self.__dict__)
        else:
            write_csv(path, _columns(self.b.shape[2]), self._rows())

    def _rows(self) -> Iterator[list[Any]]:
        for i, density in enumerate(self.density):
            for j, importance in enumerate(self.importance):
                best = [*self.W[i, j], *self.b[i, j], self.loss[i, j]]
                counts = [self.phase[i, j], int(self.n_minima[i, j]), float(self.gap[i, j])]
                yield [self.bias, *map(float, (density, importance, *best)), *counts]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PhaseDiagram:
        """Reads what `save` wrote, in either format, without loss."""
        if table_format(path) == ".npz":
            with np.load(path) as stored:
                return cls(
                    **{name: stored[name] if stored[name].ndim else stored[name].item() for name in stored.files}
                )
        with open(path, newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
        biases = header[5:-4]
        density, importance = (np.array(sorted({float(row[k]) for row in rows})) for k in (1, 2))
        shape = (len(density), len(importance))
        numbers = np.array([[float(value) for value in row[3:-3]] for row in rows]).reshape(*shape, -1)
        return cls(
            Bias.of(rows[0][0]),
            density,
            importance,
            W=numbers[..., :2],
            b=numbers[..., 2 : 2 + len(biases)],
            loss=numbers[..., -1],
            phase=np.array([row[-3] for row in rows]).reshape(shape),
            n_minima=np.array([int(row[-2]) for row in rows]).reshape(shape),
            gap=np.array([float(row[-1]) for row in rows]).reshape(shape),
        )


def _columns(biases: int) -> list[str]:
    names = [f"b{k + 1}" for k in range(biases)] if biases > 1 else ["b"] * biases
    return ["bias", "density", "importance", "W1", "W2", *names, "loss", "phase", "n_minima", "gap"]


def _exact_row(density: float, importance: float) -> tuple[int, Array, float, float]:
    """One grid point from the exact solver, for what floating point cannot decide."""
    minima = find_minima(ToyModel.from_density(Fraction(density), Fraction(importance), "none")).minima
    gap = minima[1].loss - minima[0].loss if len(minima) > 1 else np.nan
    return len(minima), minima[0].W, minima[0].loss, gap


def _unbiased_block(density: Array, importance: Array) -> tuple[npt.NDArray[np.int64], Array, Array, Array]:
    """n_minima, W, loss and gap for a few densities and all importances."""
    from analytic.landscape.unbiased_grid import solve_many

    models = independent_parameters(density[:, None], importance).reshape(-1, 6)
    count = len(models)
    results = (np.empty(count, np.int64), np.empty((count, 2)), np.empty(count), np.empty(count))
    solve_many(models, *results)
    for k in np.flatnonzero(results[0] < 0):
        row = _exact_row(density[k // importance.size], importance[k % importance.size])
        results[0][k], results[1][k], results[2][k], results[3][k] = row
    return results


def _unbiased(density: Array, importance: Array, run: Run) -> dict[str, Any]:
    cuts = [*range(0, density.size, max(1, _BLOCK // importance.size)), density.size]
    blocks = run([partial(_unbiased_block, density[start:end], importance) for start, end in pairwise(cuts)])
    n_minima, W, loss, gap = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    shape = (density.size, importance.size)
    return {
        "W": W.reshape(*shape, 2),
        "b": np.empty((*shape, 0)),
        "loss": loss.reshape(shape),
        "n_minima": n_minima.reshape(shape),
        "gap": gap.reshape(shape),
    }


def _biased(density: Array, importance: Array, shared: bool, run: Run) -> dict[str, Any]:
    from analytic.landscape.biased_grid import solve_grid

    best = solve_grid(density, importance, shared, run)
    b = best.b[..., :1] if shared else best.b
    return {"W": best.W, "b": b, "loss": best.loss, "n_minima": best.n_minima, "gap": best.gap}


def _phases(W: Array) -> npt.NDArray[np.str_]:
    """The phase of every pair of weights, as `phase_of` names it; "silent" where a flat set leaves W open (NaN)."""
    signs = np.sign(np.nan_to_num(W)).astype(np.int64)
    names = np.array([[phase_of(first, second) for second in (-1, 0, 1)] for first in (-1, 0, 1)])
    return names[signs[..., 0] + 1, signs[..., 1] + 1]


def phase_diagram(
    *,
    density: npt.ArrayLike | None = None,
    importance: npt.ArrayLike | None = None,
    bias: BiasLike,
    executor: Executor | None = None,
    progress: Progress = None,
) -> PhaseDiagram:
    """The best minimum for every pair of density and importance.

    Parameters
    ----------
    density : increasing values in (0, 1]; default 200 from 0.01 to 1, logarithmic
        P(x != 0) = 1 - sparsity, the same for both independent features.
    importance : increasing positive values; default 200 from 0.1 to 10, logarithmic
        Importance of feature 2, relative to feature 1.
    bias : the bias convention
    executor : any `concurrent.futures.Executor`; by default threads on all cores
        Results do not depend on it.
    progress : None, True, False or progress(done, known); see `analytic.work`

    Returns
    -------
    PhaseDiagram
        Without bias every decision (which minima exist, which is best) is made with an error bound, or exactly where
        the bound does not suffice. With bias every stationary point is followed from model to model, with scans where
        the indices of the points do not add up; complete in every sample tried, not proved.
    """
    convention = Bias.of(bias)
    p = increasing("density", np.geomspace(*DEFAULT_DENSITY) if density is None else density, 0, 1)
    r = increasing("importance", np.geomspace(*DEFAULT_IMPORTANCE) if importance is None else importance, 0, 1e100)
    with reporting(progress, "phase diagram", "block") as report, running(executor, report) as run:
        arrays = _unbiased(p, r, run) if convention is Bias.NONE else _biased(p, r, convention is Bias.SHARED, run)
    return PhaseDiagram(convention, p, r, phase=_phases(arrays["W"]), **arrays)


def superposition(W: npt.ArrayLike) -> tuple[Array, Array]:
    """How the extra feature (feature 2) is represented: |W2|, and the superposition measure (W2 / |W2| . W1)^2.

    The second is zero if feature 1 leaves the direction of feature 2 alone, and about one if both share it; it is zero
    by convention where W2 = 0. W has shape (..., 2).
    """
    weights = np.asarray(W, dtype=np.float64)
    return np.abs(weights[..., 1]), np.where(weights[..., 1] == 0, 0.0, weights[..., 0] ** 2)
