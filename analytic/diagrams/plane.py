"""The plane of all diagrams: density of all features against importance of the extra one, on logarithmic axes.

Independent features of equal density; the last one, the extra one, has importance r, the others importance 1. The
default window is the one that the field draws: importance 0.1 to 10 from left to right, density 0.01 to 1 upwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytic.validation import limits as limits
from analytic.validation import whole

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DENSITY = (0.01, 1.0)
IMPORTANCE = (0.1, 10.0)
#: Grid points on each axis.
POINTS = 200
#: The same for larger models, whose minima are searched, and the most points of such a grid.
POINTS_LARGER, MOST_LARGER = 60, 300**2
#: More points on an axis would not fit into the memory of a laptop.
MOST_POINTS = 3000
X_LABEL = "importance of the extra feature"
Y_LABEL = "density  (1 − sparsity)"


def axis(limits: tuple[float, float], points: int = POINTS) -> npt.NDArray[np.float64]:
    """Grid values on a logarithmic axis."""
    import numpy as np

    return np.geomspace(*limits, whole("points", points, 2, MOST_POINTS))
