"""Phase diagrams: the best minimum of every model on a grid of density and importance.

A diagram holds plain arrays over (density, importance): what is the best minimum, how many are there, and by how much
does the best one win. The minima of the smallest model come from its solvers, those of larger ones from a search
(`larger.py`). Drawing is left to `plotting/`, curves to `boundaries.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytic.diagrams import larger, plane
from analytic.files import TABLES, PathLike, ending, read_csv, read_npz, reading, write_csv, write_npz
from analytic.landscape.find import find_minima
from analytic.landscape.records import phase_of
from analytic.models.bias import Bias, BiasLike
from analytic.models.features import independent_parameters
from analytic.models.toy import ToyModel
from analytic.polytopes.groups import geometry
from analytic.validation import InvalidValue, increasing, whole
from analytic.work import Progress, Run, reporting, running

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]
#: Grid points per job. Small enough for a live progress bar, large enough to hide the cost of submitting.
_BLOCK = 2000


@dataclass(frozen=True, eq=False, repr=False)
class PhaseDiagram:
    """The best minimum over a grid of models; arrays have the shape (len(density), len(importance)) and more.

    Attributes
    ----------
    bias : the convention
    density : (m,)         P(x != 0), all features
    importance : (n,)      importance of the last feature; the others have importance 1
    W : (m, n, 2)          weights of the best minimum; (m, n, hidden, features) for larger models
    b : (m, n, k)          its biases: k = 0, 1 (shared) or one per feature
    loss : (m, n)          its loss
    phase : (m, n) str     its phase; for larger models the shape that the last feature is part of, see `phase_diagram`
    n_minima : (m, n) int  how many minima there are, flat ones included; for larger models, how many were found
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

    @property
    def features(self) -> int:
        """How many features the models have."""
        return int(self.W.shape[-1])

    @property
    def hidden(self) -> int:
        """How many hidden units the models have."""
        return int(self.weights.shape[2])

    @property
    def weights(self) -> Array:
        """W as (m, n, hidden, features), whatever the size of the models."""
        return self.W if self.W.ndim > 3 else self.W[..., None, :]

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draws the diagram; see `analytic.plotting.diagrams.plot_phase_diagram`."""
        from analytic.plotting.diagrams import plot_phase_diagram

        return plot_phase_diagram(self, ax, **options)

    def __repr__(self) -> str:
        p, r = self.density, self.importance
        phases = ", ".join(f"{name} {share:.0%}" for name, share in self.shares().items())
        size = "" if self.features == 2 else f"features={self.features}, hidden={self.hidden}, "
        return (
            f"PhaseDiagram({size}bias={self.bias!r}, density {p[0]:.4g} to {p[-1]:.4g} x {len(p)}, "
            f"importance {r[0]:.4g} to {r[-1]:.4g} x {len(r)}: {phases})"
        )

    def _repr_html_(self) -> str:
        """The picture, for notebooks."""
        from analytic.plotting.saving import as_html

        return as_html(self)

    def shares(self) -> dict[str, float]:
        """The share of the grid on which each phase is the best, largest first."""
        names, counts = np.unique(self.phase, return_counts=True)
        order = np.argsort(-counts)
        return {str(names[k]): float(counts[k] / self.phase.size) for k in order}

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with coordinates density and importance; needs the package xarray."""
        from importlib.util import find_spec

        if find_spec("xarray") is None:
            raise InvalidValue("to_xarray needs the package xarray: pip install xarray")
        import xarray as xr

        plane = ("density", "importance")
        inner = ("feature",) if self.W.ndim == 3 else ("hidden", "feature")
        extra = {"W": inner, "b": ("parameter",)}
        values = {name: ((*plane, *extra.get(name, ())), getattr(self, name)) for name in _ARRAYS}
        names = {"feature": range(1, self.features + 1), "parameter": list(self.bias.names(self.features))}
        return xr.Dataset(
            values,
            coords={"density": self.density, "importance": self.importance, **{k: list(v) for k, v in names.items()}},
            attrs={"bias": str(self.bias)},
        )

    def save(self, path: PathLike) -> None:
        """Writes all arrays to a .npz file, or one row per grid point to a .csv file, by the ending of `path`."""
        if ending(path, TABLES) == ".npz":
            write_npz(path, self.__dict__ | {"bias": str(self.bias)})
        else:
            weights = [name for row in _weight_names(self.features, self.hidden) for name in row]
            minimum = [*weights, *self.bias.names(self.features), "loss", "phase", "n_minima", "gap"]
            write_csv(path, ["bias", "density", "importance", *minimum], self._rows())

    def _rows(self) -> Iterator[list[Any]]:
        for i, density in enumerate(self.density):
            for j, importance in enumerate(self.importance):
                best = [*self.W[i, j].ravel(), *self.b[i, j], self.loss[i, j]]
                counts = [self.phase[i, j], int(self.n_minima[i, j]), float(self.gap[i, j])]
                yield [self.bias, *map(float, (density, importance, *best)), *counts]

    @classmethod
    def load(cls, path: PathLike) -> PhaseDiagram:
        """Reads what `save` wrote, in either format, without loss; an InvalidValue if the file is something else."""
        if ending(path, TABLES) == ".npz":
            stored: dict[str, Any] = read_npz(path, _WHAT, [field.name for field in fields(cls)])
            with reading(path, _WHAT):
                return cls(**stored | {"bias": Bias.of(str(stored["bias"]))})
        rows = read_csv(path, _WHAT, ["bias", "density", "importance", "loss", "phase", "n_minima", "gap"])
        with reading(path, _WHAT):
            return cls._from_rows(rows)

    @classmethod
    def _from_rows(cls, rows: list[dict[str, str]]) -> PhaseDiagram:
        bias = Bias.of(rows[0]["bias"])

        def column(name: str, kind: type = float) -> npt.NDArray[Any]:
            return np.array([kind(row[name]) for row in rows])

        names = _weight_names(*max(size for size in _SIZES if set(_weight_names(*size)[0]) <= set(rows[0])))
        weights = np.stack([np.stack([column(name) for name in row], axis=-1) for row in names], axis=1)
        density, importance = (np.unique(column(name)) for name in ("density", "importance"))
        shape = (len(density), len(importance))
        return cls(
            bias,
            density,
            importance,
            W=weights.reshape(*shape, *(weights.shape[1:] if len(names) > 1 else weights.shape[2:])),
            b=np.array([[float(row[name]) for name in bias.names(weights.shape[2])] for row in rows]).reshape(
                *shape, -1
            ),
            loss=column("loss").reshape(shape),
            phase=column("phase", str).reshape(shape),
            n_minima=column("n_minima", int).reshape(shape),
            gap=column("gap").reshape(shape),
        )


#: Names of the arrays over the plane, and what a file of them is called.
_ARRAYS = ("W", "b", "loss", "phase", "n_minima", "gap")
_WHAT = "phase diagram"


#: (features, hidden) that there are diagrams of.
_SIZES = ((2, 1), (3, 2))


def _weight_names(features: int, hidden: int) -> list[list[str]]:
    """Columns of a table: W1, W2 for one hidden unit, else W11, W12, ... by hidden unit and feature."""
    units = [""] if hidden == 1 else [str(k + 1) for k in range(hidden)]
    return [[f"W{unit}{j + 1}" for j in range(features)] for unit in units]


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


def _larger_phases(W: Array) -> npt.NDArray[np.str_]:
    """The name of the shape that the last feature is part of, for every W (..., hidden, features)."""
    last = W.shape[-1] - 1
    flat = W.reshape(-1, *W.shape[-2:])
    names = [next(group.name for group in geometry(each) if last in group.features) for each in flat]
    return np.array(names).reshape(W.shape[:-2])


def _size(features: int, hidden: int) -> tuple[int, int]:
    size = whole("features", features), whole("hidden", hidden)
    if size not in _SIZES:
        raise InvalidValue(f"phase diagrams are of 2 features in 1 or 3 in 2 hidden units, got {size[0]} in {size[1]}")
    return size


def phase_diagram(
    *,
    features: int = 2,
    hidden: int = 1,
    density: npt.ArrayLike | None = None,
    importance: npt.ArrayLike | None = None,
    bias: BiasLike,
    executor: Executor | None = None,
    progress: Progress = None,
) -> PhaseDiagram:
    """The best minimum for every pair of density and importance.

    Parameters
    ----------
    features, hidden : 2 and 1, or 3 and 2
    density : increasing values in (0, 1]; default 200 from 0.01 to 1, logarithmic (60 for three features)
        P(x != 0) = 1 - sparsity, the same for all features, which are independent.
    importance : increasing positive values; default 200 from 0.1 to 10, logarithmic (60 for three features)
        Importance of the last feature, relative to the others.
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

        With three features the minima are found, not proved: by descents from tegum products and random weights,
        followed from pixel to pixel, and searched again where neighbours disagree. They count modulo rotations of the
        hidden space and the exchange of features 1 and 2, also at importance 1. W is upper triangular, its diagonal not
        negative, and W_1 . W_3 <= W_2 . W_3. The phase is that of `geometry` with its usual tolerance, for the last
        feature: "not represented", "single", "digon", "triangle", "confused", or "irregular" for what is none of
        these; so a phase may end where no minimum changes abruptly. Of minima that tie (at importance 1) the one is
        reported whose last feature is in superposition.
    """
    convention = Bias.of(bias)
    size = _size(features, hidden)
    points, most = (plane.POINTS, plane.MOST_POINTS**2) if size == (2, 1) else (plane.POINTS_LARGER, plane.MOST_LARGER)
    p = increasing("density", plane.axis(plane.DENSITY, points) if density is None else density, 0, 1)
    r = increasing("importance", plane.axis(plane.IMPORTANCE, points) if importance is None else importance, 0, 1e100)
    if p.size * r.size > most:
        raise InvalidValue(f"density and importance must span at most {most:,} grid points, got {p.size * r.size:,}")
    with reporting(progress, "phase diagram", "block") as report, running(executor, report) as run:
        if size != (2, 1):
            arrays = larger.solve(larger.Grid(*size, convention, p, r), run)
            return PhaseDiagram(convention, p, r, phase=_larger_phases(arrays["W"]), **arrays)
        arrays = _unbiased(p, r, run) if convention is Bias.NONE else _biased(p, r, convention is Bias.SHARED, run)
    return PhaseDiagram(convention, p, r, phase=_phases(arrays["W"]), **arrays)
