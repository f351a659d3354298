"""Questions about all models: phase-diagram and boundaries."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    BIAS,
    add_json,
    add_output,
    new_command,
    print_json,
    print_table,
    save_arrays,
    save_picture,
    without_display,
)

if TYPE_CHECKING:
    import numpy as np

    from analytic.diagrams.boundaries import Boundary, PhaseBoundaries


#: What crossing a curve does to the best minimum.
_EFFECT = {"first-order": "jumps", "fold": "is unchanged", "instability": "is continuous"}


def _axis(text: str, limits: Sequence[float], count: int) -> np.ndarray:
    import numpy as np

    low, high = limits
    if not 0 < low < high:
        raise ValueError(f"--{text} takes LOW HIGH with 0 < LOW < HIGH, got {low:g} {high:g}")
    if count < 2:
        raise ValueError(f"--grid must be at least 2, got {count}")
    return np.geomspace(low, high, count)


def _phase_diagram(args: argparse.Namespace) -> None:
    from analytic.files import picture_format

    picture_format(args.output)
    without_display()
    import matplotlib.pyplot as plt

    from analytic.diagrams.boundaries import phase_boundaries
    from analytic.diagrams.phases import phase_diagram
    from analytic.plotting.diagrams import color_key, curve_key, plot_boundaries, plot_phase_diagram

    density = _axis("density", args.density, args.grid)
    importance = _axis("importance", args.importance, args.grid)
    conventions = ("none", "per-feature") if args.bias is None else (args.bias,)
    size = (0.8 + 4.4 * len(conventions), 5.0)
    figure, axes = plt.subplots(1, len(conventions), figsize=size, layout="constrained", sharey=True, squeeze=False)
    curves: dict[Any, Any] = {}
    for ax, bias in zip(axes[0], conventions, strict=True):
        diagram = phase_diagram(density=density, importance=importance, bias=bias)
        plot_phase_diagram(diagram, ax).label_outer()
        if args.boundaries:
            boundaries = phase_boundaries(bias, importance=tuple(args.importance))
            plot_boundaries(boundaries, ax, legend=False)
            curves |= {line.get_label(): line for line in curve_key(boundaries)}
        base = args.output if len(conventions) == 1 else args.output.with_stem(f"{args.output.stem}-{bias}")
        for suffix in (".npz", ".csv"):
            diagram.save(base.with_suffix(suffix))
            print(f"wrote {base.with_suffix(suffix)}")
    keys = [*color_key(), *curves.values()]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save_picture(axes[0, 0], args.output)


#: Right digits of the special points with bias.
_DIGITS_WITH_BIAS = 11


def _as_data(boundaries: PhaseBoundaries, digits: int) -> dict[str, Any]:
    import mpmath

    if boundaries.bias != "none":
        digits = min(digits, _DIGITS_WITH_BIAS)
    curves = [
        {
            "kind": curve.kind,
            "label": curve.label,
            "continuous": curve.continuous,
            "density": curve.density.tolist(),
            "importance": curve.importance.tolist(),
        }
        for curve in boundaries.curves
    ]
    points = [
        {
            "name": p.name,
            "density": mpmath.nstr(p.density, digits),
            "importance": mpmath.nstr(p.importance, digits),
            "closed_form": p.closed_form,
        }
        for p in boundaries.points
    ]
    return {"bias": boundaries.bias, "curves": curves, "points": points}


def _save_boundaries(boundaries: PhaseBoundaries, path: Path) -> None:
    without_display()
    import numpy as np

    from analytic.plotting.diagrams import plot_boundaries

    save_picture(plot_boundaries(boundaries), path)
    arrays = {f"curve_{k}": np.stack([c.density, c.importance]) for k, c in enumerate(boundaries.curves)}
    labels = [f"{c.kind}: {c.label}" for c in boundaries.curves]
    rows = (
        (c.kind, c.label, float(p), float(r))
        for c in boundaries.curves
        for p, r in zip(c.density, c.importance, strict=True)
    )
    save_arrays(path, ["kind", "label", "density", "importance"], rows, **arrays, labels=labels)


def _curve_cells(curve: Boundary) -> list[str]:
    ranges = (f"{values.min():.4g} .. {values.max():.4g}" for values in (curve.density, curve.importance))
    return [curve.kind, curve.label, _EFFECT[curve.kind], *ranges]


def _boundaries(args: argparse.Namespace) -> None:
    from analytic.diagrams.boundaries import phase_boundaries
    from analytic.files import picture_format

    if args.output is not None:
        picture_format(args.output)
    boundaries = phase_boundaries(args.bias, importance=tuple(args.importance), digits=args.digits)
    data = _as_data(boundaries, args.digits)
    if args.json:
        print_json(data)
    else:
        print("curves")
        print_table(
            ["kind", "what happens", "the best minimum", "density", "importance"],
            (_curve_cells(curve) for curve in boundaries.curves),
        )
        print("\npoints")
        print_table(
            ["where", "density", "importance", "closed form"],
            ([p["name"], p["density"], p["importance"], p["closed_form"] or ""] for p in data["points"]),
        )
    if args.output is not None:
        _save_boundaries(boundaries, args.output)


def add(commands: Any) -> None:
    """Adds the subcommands."""
    new = new_command(
        commands,
        "phase-diagram",
        _phase_diagram,
        "draw the theoretical phase diagram\n\n"
        "The best minimum of every model on a grid: white where the extra feature is not represented,\n"
        "blue where it is dedicated, red in superposition.",
    )
    new.add_argument("--bias", choices=BIAS, help="bias convention (default: none and per-feature, side by side)")
    new.add_argument(
        "--density", type=float, nargs=2, default=[0.01, 1.0], metavar=("LOW", "HIGH"), help="default 0.01 1"
    )
    _add_importance(new)
    new.add_argument("--grid", type=int, default=200, metavar="N", help="grid points on each axis (default 200)")
    new.add_argument("--no-boundaries", dest="boundaries", action="store_false", help="leave out the curves")
    add_output(new, "phase-diagram.png")

    text = "list the curves where the phase diagram changes, and where they meet"
    new = new_command(commands, "boundaries", _boundaries, text)
    new.add_argument("--bias", choices=BIAS, default="none", help="bias convention (default none)")
    _add_importance(new)
    new.add_argument("--digits", type=int, default=30, metavar="N", help="digits of the points (default 30)")
    add_json(new)
    add_output(new, None)


def _add_importance(parser: argparse.ArgumentParser) -> None:
    limits = ("LOW", "HIGH")
    parser.add_argument("--importance", type=float, nargs=2, default=[0.1, 10.0], metavar=limits, help="default 0.1 10")
