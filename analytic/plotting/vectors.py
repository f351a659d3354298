"""Columns of W as arrows in the plane of two hidden units: the picture that the field draws of features."""

from __future__ import annotations

from collections.abc import Container

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from analytic.validation import InvalidValue, real_array

#: Columns shorter than this are drawn as points; columns closer than this as one arrow, with their number.
_SHORT, _TOGETHER = 0.02, 0.03


def draw_vectors(
    W: npt.ArrayLike,
    *,
    dead: Container[int] = (),
    color: str = "0.15",
    labels: bool = False,
    radius: float = 1.45,
    ax: Axes | None = None,
) -> Axes:
    """Draws the features of one model with two hidden units.

    Parameters
    ----------
    W : array_like, shape (2, features)
    dead : features whose output is never positive: dashed arrows and open points
    color : of the arrows and points
    labels : whether to number the features, from 1
    radius : half the width of the picture
    ax : where to draw; new axes by default

    Returns
    -------
    Axes
        With the unit circle behind the arrows. Features with W_i = 0 are points below the centre; arrows that coincide
        carry their number.
    """
    weights = real_array("W", W, finite=True)
    if weights.ndim != 2 or len(weights) != 2:
        raise InvalidValue(f"W must have shape (2, features), got shape {weights.shape}")
    axes = plt.subplots()[1] if ax is None else ax
    axes.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.85", lw=0.6))
    absent = np.flatnonzero(np.hypot(*weights) < _SHORT)
    for place, i in enumerate(absent):
        at = (0.3 * (place - (len(absent) - 1) / 2), -1.25)
        axes.plot(*at, "o", ms=4, color=color, mfc="none" if i in dead else color)
    for i in np.setdiff1d(np.arange(weights.shape[1]), absent):
        x, y = weights[:, i]
        style = {"arrowstyle": "-|>", "color": color, "lw": 1.1, "ls": "--" if i in dead else "-", "shrinkB": 0}
        axes.annotate("", (x, y), (0, 0), arrowprops=style)
        together = np.flatnonzero(np.hypot(*(weights - weights[:, [i]])) < _TOGETHER)
        text = str(i + 1) if labels else f"x {len(together)}" if len(together) > 1 and i == together[0] else ""
        out = 1 + 0.25 / np.hypot(x, y)
        axes.text(x * out, y * out, text, ha="center", va="center", fontsize=6)
    axes.set(xlim=(-radius, radius), ylim=(-radius, radius), aspect="equal")
    axes.set_axis_off()
    return axes
