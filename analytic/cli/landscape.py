"""Questions about one model: loss, minima, surface, derive."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    BIAS,
    add_json,
    add_model,
    add_output,
    model_from,
    new_command,
    print_json,
    print_table,
    save_arrays,
    save_picture,
    without_display,
)

if TYPE_CHECKING:
    from analytic.landscape.records import FlatSet, StationaryPoint
    from analytic.models.toy import ToyModel


def _bias_from(args: argparse.Namespace, model: ToyModel) -> Any:
    """The bias in the model's convention, or None if it was not given."""
    needed = {"none": 0, "shared": 1, "per-feature": 2}[model.bias]
    if args.b is not None and len(args.b) != needed:
        raise ValueError(
            f"--b takes 1 number for a shared bias, 2 per feature and none without bias, got {len(args.b)}"
        )
    return args.b[0] if args.b is not None and needed == 1 else args.b


def _loss(args: argparse.Namespace) -> None:
    model = model_from(args)
    b = _bias_from(args, model)
    W = (args.W1, args.W2)
    value, variance = model.loss(W, b), model.loss_variance(W, b)
    gradient = model.gradient(W, b)
    names = ["W1", "W2", "b1", "b2"] if model.bias == "per-feature" else ["W1", "W2", "b"]
    slopes = dict(zip(names, map(float, gradient), strict=False))
    if args.json:
        print_json({"model": repr(model), "loss": float(value), "variance": float(variance), "gradient": slopes})
        return
    print(f"{model!r}\nloss      {value:.16g}   (mean over the two features {value / 2:.16g})")
    print(f"variance  {variance:.16g}   (of one sample's loss)")
    print("gradient  " + "  ".join(f"d/d{name} {slope:+.6e}" for name, slope in slopes.items()))


#: Beyond this many digits float64 ends, and mpmath numbers are computed and printed as text.
_FLOAT_DIGITS = 15


def _describe(point: StationaryPoint | FlatSet, digits: int) -> dict[str, Any]:
    import mpmath
    import numpy as np

    from analytic.landscape.records import FlatSet

    def plain(values: Any) -> list[Any]:
        many: Any = [] if values is None else np.atleast_1d(values)
        return [mpmath.nstr(v, digits) if digits > _FLOAT_DIGITS else float(v) for v in many]

    shared = {"kind": point.kind, "phase": point.phase, "loss": plain(point.loss)[0]}
    if isinstance(point, FlatSet):
        return {"set": "flat", **shared, "description": point.description}
    eigenvalues = None if point.eigenvalues is None else point.eigenvalues.tolist()
    position = {"W": plain(point.W), "b": plain(point.b)}
    return {"set": "point", **shared, **position, "eigenvalues": eigenvalues, "on_kink": point.on_kink}


def _cells(entry: dict[str, Any], digits: int) -> list[str]:
    def number(value: float | str) -> str:
        return value if isinstance(value, str) else f"{value:.{digits}g}"

    def vector(values: Sequence[float | str]) -> str:
        return "(" + ", ".join(map(number, values)) + ")" if values else ""

    if entry["set"] == "flat":
        return [entry["kind"] + ", flat", entry["phase"], number(entry["loss"]), "", "", entry["description"]]
    curvature = "on a kink" if entry["eigenvalues"] is None else vector([f"{v:.4g}" for v in entry["eigenvalues"]])
    return [entry["kind"], entry["phase"], number(entry["loss"]), vector(entry["W"]), vector(entry["b"]), curvature]


def _minima(args: argparse.Namespace) -> None:
    from analytic.landscape.find import find_stationary_points

    model = model_from(args)
    landscape = find_stationary_points(model, digits=args.digits if args.digits > _FLOAT_DIGITS else None)
    found: list[StationaryPoint | FlatSet] = [
        *landscape.minima,
        *(s for s in landscape.flat_sets if s.kind == "minimum"),
    ]
    if not args.minima_only:
        found += [*landscape.saddles, *landscape.maxima, *landscape.undecided]
        found += [s for s in landscape.flat_sets if s.kind != "minimum"]
    entries = [_describe(point, args.digits) for point in found]
    if args.json:
        print_json({"model": repr(model), "stationary": entries})
        return
    print(f"{model!r}\n{len(entries)} stationary points and sets; each point has a copy at -W")
    print_table(["kind", "phase", "loss", "W", "b", "eigenvalues"], (_cells(entry, args.digits) for entry in entries))


def _surface(args: argparse.Namespace) -> None:
    from analytic.files import picture_format

    picture_format(args.output)
    without_display()
    import numpy as np

    from analytic.diagrams.surface import loss_surface
    from analytic.landscape.find import find_stationary_points
    from analytic.plotting.diagrams import figure_of, plot_surface, point_key

    model = model_from(args)
    landscape = find_stationary_points(model)
    b = _bias_from(args, model)
    if b is None and model.bias != "none":
        b = landscape.minima[0].b
    surface = loss_surface(model, b, extent=args.extent, points=args.grid)
    # Only points with this bias lie in the plane that is drawn.
    marked = [point for point in landscape if point.b is None or np.allclose(point.b, b, rtol=0, atol=1e-9)]
    ax = plot_surface(surface, marks=marked)
    bias = "" if b is None else ", b = " + ", ".join(f"{value:.4g}" for value in np.atleast_1d(b))
    ax.set_title(f"density {model.density[0]:g}, importance {model.importance[1]:g}{bias}", fontsize=11)
    if marked:
        figure_of(ax).legend(handles=point_key(marked), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    save_picture(ax, args.output)
    pairs = (
        (float(x), float(y), float(z))
        for y, line in zip(surface.W2, surface.loss, strict=True)
        for x, z in zip(surface.W1, line, strict=True)
    )
    save_arrays(args.output, ["W1", "W2", "loss"], pairs, W1=surface.W1, W2=surface.W2, loss=surface.loss)


def _derive(args: argparse.Namespace) -> None:
    from analytic.loss.symbolic import symbolic_loss

    loss = symbolic_loss(args.bias)
    if args.latex:
        print(loss.latex())
        return
    for k, output in enumerate(loss.outputs, start=1):
        for piece in output:
            print(f"output {k}, positive corners {{{', '.join(piece.pattern)}}}\n    if    {piece.condition}")
            print(f"    loss  {piece.expression}\n")


def add(commands: Any) -> None:
    """Adds the subcommands."""
    new = new_command(
        commands,
        "minima",
        _minima,
        "list every stationary point of one model\n\n"
        "Minima come first, by loss. Each point stands for itself and its copy at -W.",
    )
    add_model(new)
    new.add_argument("--minima-only", action="store_true", help="leave out saddles and maxima")
    new.add_argument(
        "--digits", type=int, default=7, metavar="N", help="digits to print (default 7); more than 15 compute in mpmath"
    )
    add_json(new)

    new = new_command(
        commands, "surface", _surface, "draw the loss over the plane of weights, with its stationary points"
    )
    add_model(new, "none")
    new.add_argument("--b", type=float, nargs="+", metavar="B", help="bias (default: the one of the best minimum)")
    new.add_argument("--extent", type=float, default=1.6, metavar="W", help="draw |W1|, |W2| up to this (default 1.6)")
    new.add_argument("--grid", type=int, default=401, metavar="N", help="grid points on each axis (default 401)")
    add_output(new, "surface.png")

    example = "example:\n  analytic loss 1 -1 --sparsity 0.9 --bias none"
    new = new_command(commands, "loss", _loss, "the exact expected loss of given weights", example)
    new.add_argument("W1", type=float, help="weight of feature 1")
    new.add_argument("W2", type=float, help="weight of feature 2")
    new.add_argument("--b", type=float, nargs="+", metavar="B", help="bias: one if shared, two per feature (default 0)")
    add_model(new)
    add_json(new)

    new = new_command(
        commands, "derive", _derive, "print the loss as a formula, for every activation pattern of the ReLUs"
    )
    new.add_argument("--bias", choices=BIAS, default="per-feature", help="bias convention (default per-feature)")
    new.add_argument("--latex", action="store_true", help="print LaTeX instead of plain text")
