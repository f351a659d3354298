"""Questions about all models: phase-diagram and boundaries."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    BIAS,
    add_json,
    add_output,
    check_output,
    new_command,
    print_json,
    print_table,
    save_figure,
    save_numbers,
    say_when_compiling,
    say_written,
    without_display,
)
from analytic.diagrams import plane
from analytic.validation import whole

if TYPE_CHECKING:
    from analytic.diagrams.boundaries import Boundary, PhaseBoundaries


def _phase_diagram(args: argparse.Namespace) -> None:
    check_output(args.output)
    span = plane.limits("--density", args.density, 1), plane.limits("--importance", args.importance, 1e6)
    points = (plane.POINTS if args.features == 2 else plane.POINTS_LARGER) if args.grid is None else args.grid
    whole("--grid", points, 2, plane.MOST_POINTS)
    density, importance = (plane.axis(limits, points) for limits in span)
    without_display()
    import matplotlib.pyplot as plt

    from analytic.diagrams.boundaries import phase_boundaries
    from analytic.diagrams.phases import phase_diagram
    from analytic.plotting.diagrams import color_key, curve_key, plot_phase_diagram

    say_when_compiling()
    conventions = ("none", "per-feature") if args.bias is None else (args.bias,)
    inches = (0.8 + 4.4 * len(conventions), 5.0)
    figure, axes = plt.subplots(1, len(conventions), figsize=inches, layout="constrained", sharey=True, squeeze=False)
    curves: dict[Any, Any] = {}
    size = {"features": args.features, "hidden": args.hidden}
    for ax, bias in zip(axes[0], conventions, strict=True):
        diagram = phase_diagram(**size, density=density, importance=importance, bias=bias)
        known = args.boundaries and diagram.features == 2
        boundaries = phase_boundaries(bias, importance=span[1], density=span[0]) if known else None
        plot_phase_diagram(diagram, ax, boundaries=boundaries).label_outer()
        if boundaries is not None:
            curves |= {line.get_label(): line for line in curve_key(boundaries)}
        base = args.output if len(conventions) == 1 else args.output.with_stem(f"{args.output.stem}-{bias}")
        save_numbers(diagram, base)
    keys = [*color_key(), *curves.values()]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save_figure(axes[0, 0], args.output)


def _curve_cells(curve: Boundary) -> list[str]:
    ranges = (f"{values.min():.4g} .. {values.max():.4g}" for values in (curve.density, curve.importance))
    minima = (", ".join(phases) or "none" for phases in (curve.left, curve.right))
    return [curve.kind, curve.label, *minima, *ranges]


def _save_boundaries(boundaries: PhaseBoundaries, path: Path) -> None:
    without_display()
    from analytic.plotting.diagrams import plot_boundaries

    save_figure(plot_boundaries(boundaries), path)
    for suffix in (".json", ".csv"):
        boundaries.save(path.with_suffix(suffix))
        say_written(path.with_suffix(suffix))


def _boundaries(args: argparse.Namespace) -> None:
    check_output(args.output)
    span = plane.limits("--importance", args.importance, 1e6)
    density = plane.limits("--density", args.density, 1)
    digits = None if args.digits is None else whole("--digits", args.digits, 1, 1000)
    from analytic.diagrams.boundaries import phase_boundaries

    say_when_compiling()
    boundaries = phase_boundaries(args.bias, importance=span, density=density, digits=digits)
    data = boundaries.as_data()
    if args.json:
        print_json(data)
    else:
        print("curves, from lower to higher importance: minima concerned on the left (denser) and on the right")
        print_table(
            ["kind", "what happens", "left", "right", "density", "importance"],
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
        "blue where it is dedicated, red in superposition.\n"
        "Three features in two hidden units are searched; their curves are not known.",
        "examples:\n  analytic phase-diagram --bias none --density 0.01 1 --grid 100 --output none.svg\n"
        "  analytic phase-diagram --features 3 --hidden 2 --bias per-feature --grid 40 --output three.png",
    )
    new.add_argument("--features", type=int, default=2, metavar="N", help="number of features, 2 or 3 (default 2)")
    new.add_argument("--hidden", type=int, default=1, metavar="M", help="number of hidden units, 1 or 2 (default 1)")
    new.add_argument("--bias", choices=BIAS, help="bias convention (default: none and per-feature, side by side)")
    _add_window(new)
    new.add_argument(
        "--grid",
        type=int,
        metavar="N",
        help=f"grid points on each axis (default {plane.POINTS}; three features: {plane.POINTS_LARGER})",
    )
    new.add_argument("--no-boundaries", dest="boundaries", action="store_false", help="leave out the curves")
    add_output(new, "phase-diagram.png")

    text = "list the curves where the phase diagram changes, and where they meet"
    example = "example:\n  analytic boundaries --bias shared --density 0.1 1 --output boundaries.png"
    new = new_command(commands, "boundaries", _boundaries, text, example)
    new.add_argument("--bias", choices=BIAS, default="none", help="bias convention (default none)")
    _add_window(new)
    new.add_argument("--digits", type=int, metavar="N", help="digits of the points, without bias (default 30)")
    add_json(new)
    add_output(new, None)


def _add_window(parser: argparse.ArgumentParser) -> None:
    limits = ("LOW", "HIGH")
    parser.add_argument("--density", type=float, nargs=2, default=plane.DENSITY, metavar=limits, help="default 0.01 1")
    parser.add_argument(
        "--importance", type=float, nargs=2, default=plane.IMPORTANCE, metavar=limits, help="default 0.1 10"
    )
