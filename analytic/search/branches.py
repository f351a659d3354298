"""Branches of minima as records: a minimum followed along a parameter of its model, and files of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from analytic.files import PathLike, ending, read_npz, reading, write_npz
from analytic.polytopes.groups import Group, geometry, in_words

Array = npt.NDArray[np.float64]
EndKind = Literal["range", "fold", "instability", "kink"]

_ARRAYS = ("parameter", "W", "b", "loss", "curvature")


class BranchEnd(NamedTuple):
    """Where a branch ends: the parameter, to about 12 digits, and how."""

    parameter: float
    kind: EndKind


@dataclass(frozen=True, eq=False, repr=False)
class Branch:
    """A minimum followed along a parameter of its model.

    Attributes
    ----------
    parameter : (k,), rising: the values of the grid on which the branch exists, and its ends
    W : (k, hidden, features);  b : None, (k,) if shared, (k, features)
    loss, curvature : (k,); the smallest curvature off the flat directions, one-sided on a kink
    first, last : BranchEnd
    """

    parameter: Array
    W: Array
    b: Array | None
    loss: Array
    curvature: Array
    first: BranchEnd
    last: BranchEnd

    def __len__(self) -> int:
        return len(self.parameter)

    @property
    def groups(self) -> tuple[Group, ...]:
        """What it is made of, in its middle; see `analytic.geometry`."""
        return geometry(self.W[len(self) // 2])

    @property
    def shape(self) -> str:
        """The names of its groups in words, in its middle."""
        return in_words(self.groups)

    def __repr__(self) -> str:
        ends = " to ".join(f"{end.parameter:.6g} ({end.kind})" for end in (self.first, self.last))
        return f"Branch({self.shape}, {ends})"


def save_branches(path: PathLike, branches: Sequence[Branch]) -> None:
    """Writes branches to a .npz file, whole or not at all."""
    ending(path, (".npz",))
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in branches])
        for name in _ARRAYS
        if getattr(branches[0], name) is not None
    }
    sides = [(each.first, each.last) for each in branches]
    columns["points"] = np.array([len(each) for each in branches])
    columns["ends"] = np.array([[end.parameter for end in pair] for pair in sides])
    columns["kinds"] = np.array([[end.kind for end in pair] for pair in sides])
    write_npz(path, columns)


def load_branches(path: PathLike) -> tuple[Branch, ...]:
    """Reads what `save_branches` wrote; an InvalidValue if the file is something else."""
    stored = read_npz(path, "file of branches", ("points", "ends", "kinds"))
    with reading(path, "file of branches"):
        cuts = np.cumsum(stored["points"])[:-1]
        columns = {name: np.split(stored[name], cuts) for name in _ARRAYS if name in stored}
        return tuple(
            Branch(
                **{name: columns[name][k] if name in columns else None for name in _ARRAYS},  # type: ignore[arg-type]
                first=BranchEnd(float(stored["ends"][k, 0]), str(stored["kinds"][k, 0])),  # type: ignore[arg-type]
                last=BranchEnd(float(stored["ends"][k, 1]), str(stored["kinds"][k, 1])),  # type: ignore[arg-type]
            )
            for k in range(len(stored["points"]))
        )
