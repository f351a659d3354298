"""What a search for minima found: each minimum once, how often it was met, and what is known of what was not met."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic import tables
from analytic.files import PathLike, ending, read_npz, reading, write_npz
from analytic.models.relu_output import ReluOutputModel
from analytic.polytopes.groups import Group, geometry, in_words
from analytic.search.shares import Share

Array = npt.NDArray[np.float64]
Source: TypeAlias = Literal["random", "structured", "descent"]


@dataclass(frozen=True, eq=False, repr=False)
class FoundMinimum:
    """One minimum, up to rotations of the hidden space and permutations of features that are alike.

    Attributes
    ----------
    W : (hidden, features);  b : None, a number (shared) or (features,)
    loss, gradient_norm : of the exact loss
    curvature : the smallest eigenvalue of the Hessian off the symmetry and flat directions; one-sided on a kink
    hits : how many random starts ended here
    share : hits / starts, with a 95 % interval
    copies : how many different minima the permutations of alike features make of this one
    source : "random", or "structured" where no random start ended here; "descent" if it is not of a search, but where
        descent from given weights ended
    dead : the outputs that are never positive; their biases are only bounded from above
    """

    W: Array
    b: Any
    loss: float
    gradient_norm: float
    curvature: float
    hits: int
    share: Share
    copies: int
    source: Source
    dead: tuple[int, ...]

    @property
    def groups(self) -> tuple[Group, ...]:
        """What it is made of; see `analytic.geometry`."""
        return geometry(self.W)

    @property
    def shape(self) -> str:
        """The names of its groups in words: "pentagon", "2 digons, single", ..."""
        return in_words(self.groups)

    def __repr__(self) -> str:
        return f"FoundMinimum({self.shape}, loss={self.loss:.9g}, share={self.share.estimate:.3g})"


@dataclass(frozen=True, eq=False, repr=False)
class MinimaFound:
    """The minima that a search found. Found, not all: `unseen` bounds what it may have missed.

    Attributes
    ----------
    model : ReluOutputModel
    minima : tuple of FoundMinimum, by loss
    starts, init, seed : how many random starts, drawn from which initialisation
    unseen : upper 95 % bound on the probability that one more random start ends at a minimum that is not listed.
        Minima met by the first half of the starts are taken as a list, and the second half tells how often a start
        misses it; the final list, which has what both halves found, can only be better. Assumes independent starts;
        structured starts do not count.
    unresolved : how many random starts did not converge to a minimum
    """

    model: ReluOutputModel
    minima: tuple[FoundMinimum, ...]
    starts: int
    init: str
    seed: int
    unseen: float
    unresolved: int

    def __len__(self) -> int:
        return len(self.minima)

    def __iter__(self) -> Iterator[FoundMinimum]:
        return iter(self.minima)

    def __getitem__(self, index: int) -> FoundMinimum:
        return self.minima[index]

    @property
    def global_minimum(self) -> FoundMinimum:
        """The best minimum found."""
        return self.minima[0]

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Header and cells of the table that `print` shows."""
        header = ["loss", "above the best", "share of starts", "95 % interval", "copies", "made of", "source"]
        best = self.minima[0].loss if self.minima else 0.0
        return header, [
            [
                f"{each.loss:.9g}",
                f"{each.loss - best:.3g}",
                f"{each.share.estimate:.4f}",
                f"{each.share.low:.4f} .. {each.share.high:.4f}",
                str(each.copies),
                each.shape,
                each.source,
            ]
            for each in self.minima
        ]

    def __str__(self) -> str:
        return f"{tables.as_text(*self.rows())}\n{self._caveat()}"

    def _caveat(self) -> str:
        return (
            f"found from {self.starts} starts ({self.init}); one more start ends elsewhere with probability below "
            f"{self.unseen:.2g} (95 %); {self.unresolved} starts did not converge"
        )

    def __repr__(self) -> str:
        best = f", best {self.minima[0]!r}" if self.minima else ""
        return f"MinimaFound({self.model!r}: {len(self)} found from {self.starts} starts{best})"

    def _repr_html_(self) -> str:
        return f"{tables.as_html(*self.rows())}<p>{html.escape(self._caveat())}</p>"

    def save(self, path: PathLike) -> None:
        """Writes everything to a .npz file."""
        ending(path, (".npz",))
        numbers = ("loss", "gradient_norm", "curvature", "hits", "copies")
        write_npz(
            path,
            {
                "W": np.array([each.W for each in self.minima]),
                "b": None if self.model.bias == "none" else np.array([each.b for each in self.minima]),
                "dead": np.array([[i in each.dead for i in range(self.model.features)] for each in self.minima]),
                "source": np.array([each.source for each in self.minima]),
                "share": np.array([[e.share.estimate, e.share.low, e.share.high] for e in self.minima]),
                **{name: np.array([getattr(each, name) for each in self.minima]) for name in numbers},
                **self.model.arrays(),
                "search": np.array([self.starts, self.seed, self.unresolved]),
                "init": self.init,
                "unseen": self.unseen,
            },
        )

    @classmethod
    def load(cls, path: PathLike) -> MinimaFound:
        """Reads what `save` wrote; an InvalidValue if the file is something else."""
        stored = read_npz(path, "search for minima", ("W", "dead", "share", "search", "unseen"))
        with reading(path, "search for minima"):
            model = ReluOutputModel.from_arrays(stored)
            starts, seed, unresolved = map(int, stored["search"])
            minima = tuple(_minimum(stored, k) for k in range(len(stored["W"])))
            return cls(model, minima, starts, str(stored["init"]), seed, float(stored["unseen"]), unresolved)


def _minimum(stored: dict[str, Any], k: int) -> FoundMinimum:
    b = stored.get("b")
    return FoundMinimum(
        W=stored["W"][k],
        b=None if b is None else float(b[k]) if b.ndim == 1 else b[k],
        loss=float(stored["loss"][k]),
        gradient_norm=float(stored["gradient_norm"][k]),
        curvature=float(stored["curvature"][k]),
        hits=int(stored["hits"][k]),
        share=Share(*map(float, stored["share"][k])),
        copies=int(stored["copies"][k]),
        source=str(stored["source"][k]),  # type: ignore[arg-type]
        dead=tuple(map(int, np.flatnonzero(stored["dead"][k]))),
    )
