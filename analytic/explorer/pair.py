"""What the page knows of the pair beforehand: diagrams, boundary curves, and stationary points on a grid of models.

The grid has densities from 0.01 to 1 and importances from 0.1 to 1; models with r > 1 are those of 1/r with the
features exchanged. Points on an axis have closed forms and are not stored. Of the others the page needs starts for
Newton's method, so their parameters are kept in units of 1e-4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.diagrams import plane
from analytic.diagrams.boundaries import Boundary, phase_boundaries
from analytic.diagrams.phases import phase_diagram
from analytic.landscape.find import find_stationary_points
from analytic.models.bias import NAMES, Bias
from analytic.models.toy import ToyModel
from analytic.plotting.colors import BLUE, PHASES, RED, WHITE
from analytic.polytopes.dimensionality import superposition
from analytic.training import initial

#: Nodes over density and over importance, and pixels of a diagram on each axis.
NODES = (81, 41)
PIXELS = 192
#: One unit of a stored parameter, and of a coordinate of a curve.
UNIT = 1e-4
_SURFACE, _SHADES = "viridis", 32

Report = Callable[[str], None]


def axes(nodes: tuple[int, int] = NODES) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Densities and importances of the grid of models."""
    return plane.axis(plane.DENSITY, nodes[0]), plane.axis((plane.IMPORTANCE[0], 1.0), nodes[1])


def off_axis_points(density: float, importance: float, bias: Bias) -> npt.NDArray[np.float64]:
    """The stationary points with W1 W2 != 0 of one model, (n, 4) as W1, W2, b1, b2."""
    model = ToyModel.from_density(float(density), float(importance), bias)
    found = [point for point in find_stationary_points(model) if np.all(point.W != 0)]
    return np.array([[*point.W, *bias.each(point.b)] for point in found]).reshape(-1, 4)


def stationary_points(bias: Bias, nodes: tuple[int, int] = NODES) -> dict[str, Any]:
    """Of every model of the grid: how many points there are (m, n), and the points one after the other, in UNITs."""
    density, importance = axes(nodes)
    found = [off_axis_points(p, r, bias) for p in density for r in importance]
    points = np.round(np.concatenate(found) / UNIT)
    if np.abs(points).max(initial=0) > np.iinfo(np.int16).max:
        raise OverflowError("a parameter does not fit into the units in which points are stored")
    counts = np.array([len(each) for each in found], np.uint8).reshape(len(density), len(importance))
    return {"counts": counts, "points": points.astype(np.int16)}


def picture(bias: Bias, pixels: int = PIXELS) -> npt.NDArray[np.uint8]:
    """|W2| and the superposition measure of the best minimum, (density, importance, 2), 255 for one."""
    diagram = phase_diagram(
        density=plane.axis(plane.DENSITY, pixels), importance=plane.axis(plane.IMPORTANCE, pixels), bias=bias
    )
    shown = np.stack(superposition(np.nan_to_num(diagram.W)[..., None, :]), axis=-1)
    return np.round(255 * np.clip(shown, 0, 1)).astype(np.uint8)


def curves(bias: Bias) -> list[dict[str, Any]]:
    """The boundaries: kind, sentence, phases on both sides, and log10 of density and importance in UNITs."""
    return [_curve(curve) for curve in phase_boundaries(bias).curves]


def _curve(curve: Boundary) -> dict[str, Any]:
    path = np.round(np.log10(np.stack([curve.density, curve.importance])) / UNIT).astype(np.int16)
    return {
        "kind": str(curve.kind),
        "label": curve.label,
        "left": list(curve.left),
        "right": list(curve.right),
        "path": path[:, _kept(path)],
    }


def _kept(path: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """The points of a curve without those that lie closer together than a pixel of a large screen."""
    steps = np.abs(np.diff(path.astype(int), axis=1)).sum(axis=0)
    places = np.concatenate([[0], np.cumsum(steps)]) // 20
    kept = np.concatenate([[True], np.diff(places) > 0])
    kept[-1] = True
    return kept


def colors() -> dict[str, Any]:
    """The colours of all pictures of the package, 0 to 255."""
    import matplotlib as mpl

    shades = mpl.colormaps[_SURFACE](np.linspace(0, 1, _SHADES))[:, :3]
    parts = {"white": WHITE, "blue": BLUE, "red": RED, "surface": shades}
    bytes_of = {name: np.round(255 * np.asarray(part)).astype(np.uint8) for name, part in parts.items()}
    return {"phases": PHASES, **bytes_of}


def knowledge(report: Report) -> dict[str, Any]:
    """All of it, by convention."""
    start = initial.named("xavier", instances=1, layout="features-hidden")
    result: dict[str, Any] = {
        "density": list(plane.DENSITY),
        "importance": list(plane.IMPORTANCE),
        "unit": UNIT,
        "spread": start.sd,
        "colors": colors(),
        "conventions": {},
    }
    for bias in map(Bias, NAMES):
        report(f"{bias}: diagram and boundaries")
        drawn = {"picture": picture(bias), "curves": curves(bias)}
        report(f"{bias}: stationary points of {NODES[0]} x {NODES[1]} models")
        result["conventions"][str(bias)] = {**drawn, **stationary_points(bias)}
    return result
