"""Which rectangles of a tiling touch, and what hangs together because of it.

Rectangles are closed: two that have a corner in common touch, for they have a model in common. Ends are compared as
floats; within an atlas those of neighbours are the same numbers, halved in the same way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def touching(sides: Floats) -> Ints:
    """Pairs (m, 2) of rectangles that have a point in common.

    Parameters
    ----------
    sides : (n, 2, 2)
        For each rectangle the ends (low, high) on both axes. No two may overlap; gaps are allowed.
    """
    ends = np.stack([np.unique(sides[:, axis], return_inverse=True)[1].reshape(-1, 2) for axis in (0, 1)], axis=1)
    found = [_beyond(ends[:, axis], ends[:, 1 - axis]) for axis in (0, 1)]
    return np.unique(np.concatenate(found), axis=0)


def _beyond(along: Ints, across: Ints) -> Ints:
    """Pairs with the first one below, the second above, one and the same end on an axis.

    Those that begin at one end are disjoint across, so both their ends there are in order, and each rectangle below
    touches a run of them.
    """
    order = np.lexsort((across[:, 0], along[:, 0]))
    span = across.max(initial=0) + 1
    lows, highs = (along[order, 0] * span + across[order, end] for end in (0, 1))
    first = np.searchsorted(highs, along[:, 1] * span + across[:, 0], "left")
    counts = np.searchsorted(lows, along[:, 1] * span + across[:, 1], "right") - first
    below = np.repeat(np.arange(len(along)), counts)
    within = np.arange(len(below)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(np.stack([below, order[np.repeat(first, counts) + within]], axis=1), axis=1)


def connected(chosen: npt.NDArray[np.bool_], pairs: Ints) -> list[Ints]:
    """The connected sets of the chosen rectangles, by index."""
    kept = pairs[chosen[pairs].all(axis=1)]
    graph = coo_array((np.ones(len(kept)), (kept[:, 0], kept[:, 1])), shape=(len(chosen), len(chosen)))
    labels = np.where(chosen, connected_components(graph, directed=False)[1], -1)
    order = np.argsort(labels, kind="stable")[np.count_nonzero(~chosen) :]
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else []
