"""Colours, each with one meaning in every picture.

Where the weights vary continuously, pictures blend as the field does: white where the extra feature is not represented,
blue where it has a dimension of its own, red in superposition. Where phases are categories, each has one colour; the
set was chosen so that all remain apart under the three common kinds of colour blindness (tests/plotting).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb

WHITE, BLUE, RED = (np.array(color) for color in ((1.0, 1.0, 1.0), (0.25, 0.41, 0.85), (0.83, 0.18, 0.18)))
#: Phase -> colour.
PHASES = {
    "antipodal": "#d55e00",
    "confused": "#f0c94d",
    "dedicated-1": "#0072b2",
    "dedicated-2": "#7cc4ee",
    "silent": "#bdbdbd",
}
#: What is not proved at all, and what is but for the best minimum.
OPEN, NOT_BEST = "#9a9a9a", "#d8d8d8"
#: How much white the first, second, ... area of one phase gets, where areas are coloured by phase.
_PALER = (0.35, 0.6, 0.75, 0.85)


def blend(norm: npt.ArrayLike, shared: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """RGB (..., 3) for the norm of a feature and its superposition measure, both (...), clipped to [0, 1]."""
    own, other = (np.clip(np.asarray(values, float), 0, 1)[..., None] for values in (norm, shared))
    return np.asarray(WHITE + own * (BLUE + other * (RED - BLUE) - WHITE))


def shades(phases: Sequence[str]) -> list[tuple[float, float, float]]:
    """One colour for each of several areas, by phase; the second area of a phase is paler than the first."""
    seen: dict[str, int] = {}
    colors = []
    for phase in phases:
        white = _PALER[min(seen.get(phase, 0), len(_PALER) - 1)]
        red, green, blue = ((1 - white) * channel + white for channel in to_rgb(PHASES[phase]))
        colors.append((red, green, blue))
        seen[phase] = seen.get(phase, 0) + 1
    return colors
