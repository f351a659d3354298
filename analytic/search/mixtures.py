"""Mixtures of orthogonal groups: how many groups of which kind make the least loss, by a linear programme.

Groups of features in mutually orthogonal subspaces do not meet in any h_i, so with independent features their losses
add: what the paper calls a tegum product costs the sum of what its parts cost. Choosing c_t groups of kind t, with k_t
features in d_t dimensions at loss l_t, is then a linear programme,

    minimise  sum c_t l_t     over c_t >= 0 with  sum c_t k_t = n,  sum c_t d_t <= m.

By feature it reads off the lower convex hull of the points (d_t/k_t, l_t/k_t) at m/n, which is why two kinds suffice,
and why the answer depends on n and m through m/n alone. Counts that have to be whole numbers are an integer programme;
its solution is a set of weights, and so an upper bound on the least loss of the large model. Nothing says that the
bound is sharp: weights that are no product of groups, or groups larger than those searched, can be better.

Without a representation a feature costs its variance, p/3 - p^2/4, by itself nothing. All other kinds are found by
`search_minima`, and a kind is kept only where it beats every mixture of smaller ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import LinearConstraint, linprog, milp

from analytic.files import PathLike, ending, read_npz, reading, write_npz
from analytic.models.relu_output import ReluOutputModel
from analytic.polytopes.dimensionality import feature_dimensionality
from analytic.polytopes.groups import NOT_REPRESENTED, geometry, in_words
from analytic.search.multistart import search_minima
from analytic.training import initial
from analytic.validation import InvalidValue, number, whole
from analytic.work import Progress, counted, reporting

Array = npt.NDArray[np.float64]

#: A kind of group is kept where it is better than mixtures of smaller ones by this, relative to the silent loss.
_BETTER = 1e-9
#: Cosines below this count as zero where a group is named: those of antipodal simplices are 1/d.
_ORTHOGONAL = 0.02
#: The largest groups that the search can take.
_MOST_FEATURES = 10


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """A group of features in a subspace of its own: W (dimension, features), b (features,) and its share of the loss.

    A feature that is not represented is a group in no dimension, W of shape (0, 1).
    """

    W: Array
    b: Array
    loss: float

    @property
    def features(self) -> int:
        """How many features share the subspace."""
        return self.W.shape[1]

    @property
    def dimension(self) -> int:
        """Of the subspace."""
        return self.W.shape[0]

    @property
    def square(self) -> float:
        """Its share of the squared Frobenius norm of W."""
        return float(np.square(self.W).sum())

    @cached_property
    def name(self) -> str:
        """As `geometry` names it."""
        return in_words(geometry(self.W, _ORTHOGONAL)) if self.dimension else NOT_REPRESENTED

    def __repr__(self) -> str:
        return f"Part({self.name}: {self.features} features in {self.dimension}, loss={self.loss:.9g})"


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """How many groups of which kind: the solution of the programme for n features in m dimensions.

    Attributes
    ----------
    features, hidden : n and m
    parts : the kinds that occur, the smallest dimensionality first
    counts : how often each occurs, whole numbers or fractions as asked for
    """

    features: int
    hidden: int
    parts: tuple[Part, ...]
    counts: tuple[float, ...]

    @property
    def loss(self) -> float:
        """Of the whole, summed over the features."""
        return sum(count * part.loss for count, part in zip(self.counts, self.parts, strict=True))

    @property
    def dimensions_per_feature(self) -> float:
        """D* = m / |W|^2 (Frobenius); infinite where nothing is represented."""
        square = sum(count * part.square for count, part in zip(self.counts, self.parts, strict=True))
        return self.hidden / square if square else np.inf

    def dimensionality(self) -> tuple[Array, Array]:
        """The values that feature dimensionality takes, and how many of the n features have each."""
        values = np.concatenate([feature_dimensionality(part.W) for part in self.parts])
        weights = np.concatenate(
            [np.full(part.features, count) for count, part in zip(self.counts, self.parts, strict=True)]
        )
        return values, weights

    def weights(self) -> tuple[Array, Array]:
        """W (hidden, features), one block for each group, and b (features,); for whole counts."""
        if any(count != round(count) for count in self.counts):
            raise InvalidValue(f"counts must be whole numbers to make weights, got {self.counts}")
        W, b, row, column = np.zeros((self.hidden, self.features)), np.empty(self.features), 0, 0
        for part in self._each():
            below, right = row + part.dimension, column + part.features
            W[row:below, column:right], b[column:right] = part.W, part.b
            row, column = below, right
        return W, b

    def _each(self) -> Iterator[Part]:
        for count, part in zip(self.counts, self.parts, strict=True):
            yield from [part] * round(count)

    def __str__(self) -> str:
        return ", ".join(f"{count:.4g} {part.name}" for count, part in zip(self.counts, self.parts, strict=True))

    def __repr__(self) -> str:
        return f"Mixture({self.features} features in {self.hidden}: {self}; loss={self.loss:.9g})"


@dataclass(frozen=True, eq=False, repr=False)
class Parts:
    """The kinds of groups of equal features that are worth mixing at one density: see `search_parts`."""

    density: float
    parts: tuple[Part, ...]

    def mixture(self, features: int, hidden: int, *, whole_counts: bool = False) -> Mixture:
        """The best mixture for a model of this size.

        Parameters
        ----------
        features, hidden
            n and m, at least 1.
        whole_counts
            Whether every count must be a whole number, as in a model; else fractions, of at most two kinds.

        Returns
        -------
        Mixture
            Exact for the groups at hand up to rounding (SciPy's HiGHS, simplex or branch and bound). Its loss is an
            upper bound on the least loss of the model where counts are whole, and a lower bound on that bound where
            they are not.
        """
        n, m = whole("features", features), whole("hidden", hidden)
        counts = _counts(self.parts, n, m, whole_counts)
        used = sorted(np.flatnonzero(counts), key=lambda k: self.parts[k].dimension / self.parts[k].features)
        return Mixture(n, m, tuple(self.parts[k] for k in used), tuple(float(counts[k]) for k in used))

    def __repr__(self) -> str:
        return f"Parts(density={self.density:g}: {', '.join(part.name for part in self.parts)})"

    def save(self, path: PathLike) -> None:
        """Writes everything to a .npz file."""
        ending(path, (".npz",))
        arrays = {f"{name}_{k}": getattr(part, name) for k, part in enumerate(self.parts) for name in ("W", "b")}
        write_npz(path, {"density": self.density, "loss": np.array([part.loss for part in self.parts]), **arrays})

    @classmethod
    def load(cls, path: PathLike) -> Parts:
        """Reads what `save` wrote; an InvalidValue if the file is something else."""
        stored = read_npz(path, "table of groups", ("density", "loss"))
        with reading(path, "table of groups"):
            parts = [Part(stored[f"W_{k}"], stored[f"b_{k}"], float(loss)) for k, loss in enumerate(stored["loss"])]
            return cls(float(stored["density"]), tuple(parts))


def search_parts(
    density: float,
    *,
    features: int = 8,
    dimensions: int = 3,
    starts: int = 100,
    near: Sequence[Parts] = (),
    seed: int = 0,
    progress: Progress = None,
) -> Parts:
    """The kinds of groups of equal features with a bias each that no mixture of smaller ones replaces.

    Parameters
    ----------
    density
        P(x_i != 0), above 0 and at most 1, the same for all features, which have importance 1.
    features, dimensions
        The largest groups: at most 10 features, in as many dimensions.
    starts
        Random starts of the search for each number of features and dimensions; structured ones come on top.
    near
        Groups found at other densities, from which descents start as well.
    seed
        A whole number.
    progress
        None, True, False or progress(done, total); see `analytic.work`.

    Returns
    -------
    Parts
        Besides "not represented" and "single" at most one group for each number of features and dimensions, the best
        minimum found.

    Examples
    --------
    >>> parts = search_parts(0.3, features=3, dimensions=2, starts=20)
    >>> parts.mixture(200, 20)
    Mixture(200 features in 20: 160 not represented, 20 digon; loss=12.9862071)
    """
    p = number("density", density, above=0, most=1)
    most, deepest = whole("features", features, 1, _MOST_FEATURES), whole("dimensions", dimensions)
    kept = [Part(np.zeros((0, 1)), np.array([p / 2]), p / 3 - p * p / 4), Part(np.ones((1, 1)), np.zeros(1), 0.0)]
    sizes = [(k, d) for d in range(1, deepest + 1) for k in range(d + 1, most + 1)]
    with reporting(progress, "groups", " sizes") as report:
        for k, d in counted(sizes, report):
            found = _best(ReluOutputModel.from_density(k, d, p), starts, near, seed)
            if found.loss < Parts(p, tuple(kept)).mixture(k, d, whole_counts=True).loss - _BETTER * k * p / 3:
                kept.append(found)
    return Parts(p, tuple(kept))


def _best(model: ReluOutputModel, starts: int, near: Sequence[Parts], seed: int) -> Part:
    """The best minimum found of one size, from random starts and from groups of this size at other densities."""
    draw = initial.named("xavier", layout="hidden-features", weights=(model.hidden, model.features))
    W = draw(np.random.default_rng([seed, model.features, model.hidden]), starts)[0]
    b = np.zeros((starts, model.features))
    size = (model.hidden, model.features)
    alike = [part for parts in near for part in parts.parts if part.W.shape == size]
    W = np.concatenate([W, *(part.W[None] for part in alike)])
    b = np.concatenate([b, *(part.b[None] for part in alike)])
    best = search_minima(model, starts=len(W), init=(W, b), seed=seed, progress=False).global_minimum
    return Part(best.W, best.b, best.loss)


def _counts(parts: Sequence[Part], features: int, hidden: int, whole_counts: bool) -> Array:
    losses = np.array([part.loss for part in parts])
    sizes, dimensions = (np.array([[getattr(part, name) for part in parts]]) for name in ("features", "dimension"))
    if whole_counts:
        limits = LinearConstraint(sizes, features, features), LinearConstraint(dimensions, 0, hidden)
        found = milp(losses, constraints=limits, integrality=np.ones(len(parts)), options={"mip_rel_gap": 0})
        return np.asarray(np.round(found.x))
    found = linprog(losses, dimensions, [hidden], sizes, [features])
    return np.where(found.x > 1e-9 * features, found.x, 0.0)
