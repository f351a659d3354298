"""Where a model lies in an atlas."""

from __future__ import annotations

import numpy as np

from analytic.proofs.regions.sheets import Atlas
from analytic.proofs.regions.touching import Floats, Ints


class Lookup:
    """Finds the cells of many models at once."""

    def __init__(self, atlas: Atlas) -> None:
        lows = np.array([[low for low, _ in sheet.sides] for sheet in atlas.sheets]).reshape(-1, 2)
        self._cuts = [np.unique(lows[:, axis]) for axis in (0, 1)]
        self._index = {tuple(low): k for k, low in enumerate(lows)}
        self._starts = np.cumsum([0, *(len(sheet.cells) for sheet in atlas.sheets)])
        self._sides = atlas.sides

    def at(self, places: Floats) -> Ints:
        """The index in `Atlas.cells` of each (density, importance), (n, 2); -1 outside of what is finished."""
        found = np.full(len(places), -1)
        rows, columns = (np.searchsorted(cuts, places[:, axis], "right") - 1 for axis, cuts in enumerate(self._cuts))
        for row, column in np.unique(np.stack([rows, columns], axis=-1), axis=0):
            sheet = self._index.get((self._cuts[0][row], self._cuts[1][column])) if min(row, column) >= 0 else None
            if sheet is not None:
                here = np.flatnonzero((rows == row) & (columns == column))
                first, last = self._starts[sheet : sheet + 2]
                sides, x = self._sides[first:last], places[here, None]
                inside = np.all((sides[..., 0] <= x) & (x <= sides[..., 1]), axis=2)
                found[here] = np.where(inside.any(axis=1), first + inside.argmax(axis=1), -1)
        return found
