"""Questions about one model: loss, minima, surface, derive."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    BIAS,
    add_features,
    add_json,
    add_model,
    add_output,
    add_reading,
    check_output,
    model_from,
    new_command,
    print_json,
    print_table,
    save_all,
    say_when_compiling,
    without_display,
)
from analytic.cli.weights import losses, refuse_reading
from analytic.diagrams import plane
from analytic.validation import InvalidValue, number, whole

if TYPE_CHECKING:
    from analytic.landscape.records import FlatSet, StationaryPoint
    from analytic.models.toy import ToyModel


def weights_first(words: Sequence[str]) -> list[str]:
    """The words of a command line, for `loss` with its two weights in front of the options.

    argparse gives `loss --sparsity 0.9 1 -1` three sparsities and no weights; options of `loss` are never last, so two
    numbers at the end are weights unless there are two in front already, or a file has them.
    """
    if not words or words[0] != "loss" or len(words) < 4 or _is_number(words[1]) or any(map(_names_file, words)):
        return list(words)
    *others, first, second = words[1:]
    if not (_is_number(first) and _is_number(second)) or others[-1].startswith("--"):
        return list(words)
    return ["loss", first, second, *others]


def _names_file(word: str) -> bool:
    """Whether a word is --weights, or short for it."""
    return len(word) > 2 and "--weights".startswith(word.split("=")[0])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _bias_from(args: argparse.Namespace, model: ToyModel) -> Any:
    """The bias in the model's convention, or None if it was not given."""
    needed = model.bias.size()
    if args.b is None:
        return None
    if len(args.b) != needed:
        words = ("left out without bias", "one number for a shared bias", "two numbers per feature")[needed]
        raise InvalidValue(f"--b must be {words}, got {len(args.b)} (--bias sets the convention)")
    numbers = [number("--b", value) for value in args.b]
    return numbers[0] if needed == 1 else numbers


def _loss(args: argparse.Namespace) -> None:
    if args.weights is not None:
        if (args.W1, args.W2, args.b) != (None, None, None):
            raise InvalidValue("give W1 W2 and --b, or a file of weights and biases with --weights FILE, not both")
        losses(args)
        return
    if args.W2 is None:
        raise InvalidValue("give the two weights W1 W2, or --weights FILE (see analytic loss --help)")
    refuse_reading(args)
    args.bias = args.bias or "per-feature"
    model = model_from(args)
    b = _bias_from(args, model)
    W = [number(name, value, least=-_LARGEST, most=_LARGEST) for name, value in (("W1", args.W1), ("W2", args.W2))]
    say_when_compiling()
    value, variance = model.loss(W, b), model.loss_variance(W, b)
    slopes = dict(zip(model.bias.parameter_names(), map(float, model.gradient(W, b)), strict=True))
    if args.json:
        print_json({"model": repr(model), "loss": float(value), "variance": float(variance), "gradient": slopes})
        return
    print(f"{model!r}\nloss      {value:.16g}   (mean over the two features {value / 2:.16g})")
    print(f"variance  {variance:.16g}   (of one sample's loss)")
    print("gradient  " + "  ".join(f"d/d{name} {slope:+.6e}" for name, slope in slopes.items()))


#: Weights beyond this overflow in the variance, which has their eighth power.
_LARGEST = 1e30
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
    model, digits = model_from(args), whole("--digits", args.digits, 1, 1000)
    from analytic.landscape.find import find_stationary_points

    say_when_compiling()
    landscape = find_stationary_points(model, digits=digits if digits > _FLOAT_DIGITS else None)
    found: list[StationaryPoint | FlatSet] = [*landscape.ends]
    if not args.minima_only:
        found += [*landscape.saddles, *landscape.maxima, *landscape.undecided]
        found += [s for s in landscape.flat_sets if s.kind != "minimum"]
    entries = [_describe(point, digits) for point in found]
    if args.json:
        print_json({"model": repr(model), "stationary": entries})
        return
    print(f"{model!r}\n{len(entries)} stationary points and sets; each point has a copy at -W")
    print_table(["kind", "phase", "loss", "W", "b", "eigenvalues"], (_cells(entry, digits) for entry in entries))


def _surface(args: argparse.Namespace) -> None:
    check_output(args.output)
    model = model_from(args)
    b = _bias_from(args, model)
    whole("--grid", args.grid, 2, plane.MOST_POINTS)
    without_display()
    import numpy as np

    from analytic.diagrams.surface import loss_surface
    from analytic.landscape.find import find_stationary_points
    from analytic.plotting.diagrams import plot_surface, point_key
    from analytic.plotting.saving import figure_of

    say_when_compiling()
    landscape = find_stationary_points(model)
    if b is None and landscape.minima:
        b = landscape.minima[0].b
    surface = loss_surface(model, b, extent=args.extent, points=args.grid)
    # Only points with this bias lie in the plane that is drawn.
    marked = [point for point in landscape if point.b is None or np.allclose(point.b, b, rtol=0, atol=1e-9)]
    ax = plot_surface(surface, marks=marked)
    if marked:
        figure_of(ax).legend(handles=point_key(marked), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    save_all(ax, surface, args.output)


_KEY_OF_CORNERS = """\
The loss is the sum of what both outputs contribute. Output i sees h_i = W_i^2 x_i + W1 W2 x_j + b_i. Its formula
depends on which corners of the unit square have h_i > 0:
    B  both features 0        A  x_i = 1, x_j = 0        E  x_i = 0, x_j = 1        F  both features 1
"""


def _derive(args: argparse.Namespace) -> None:
    from analytic.loss.symbolic import symbolic_loss

    loss = symbolic_loss(args.bias)
    if args.latex:
        print(loss.latex())
        return
    print(_KEY_OF_CORNERS)
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
        "Minima come first, by loss. Each point stands for itself and its copy at -W. Flat sets are connected\n"
        'families of stationary points with one loss. "undecided" is a point so close to a change of its kind\n'
        'that rounding hides which of the two it is. "on a kink": the loss has no second derivative there.',
        "example:\n  analytic minima --density 0.3 --importance 0.7 --bias none --digits 40",
    )
    add_model(new)
    new.add_argument("--minima-only", action="store_true", help="leave out saddles and maxima")
    new.add_argument(
        "--digits", type=int, default=7, metavar="N", help="digits to print (default 7); more than 15 compute in mpmath"
    )
    add_json(new)

    text = "draw the loss over the plane of weights, with its stationary points"
    example = "example:\n  analytic surface --density 0.3 --importance 0.7 --output surface.pdf"
    new = new_command(commands, "surface", _surface, text, example)
    add_model(new, "none")
    new.add_argument("--b", type=float, nargs="+", metavar="B", help="bias (default: the one of the best minimum)")
    new.add_argument("--extent", type=float, default=1.6, metavar="W", help="draw |W1|, |W2| up to this (default 1.6)")
    new.add_argument("--grid", type=int, default=401, metavar="N", help="grid points on each axis (default 401)")
    add_output(new, "surface.png")

    text = (
        "the exact expected loss of given weights\n\n"
        "Of two weights, with its gradient and the variance of one sample's loss; or of every model in a file, of any\n"
        "size, with a bound of its rounding (for more than 10 features that meet in an output: an estimate of the\n"
        "lattice's error) and the norm of its gradient."
    )
    example = (
        "examples:\n"
        "  analytic loss 1 -1 --sparsity 0.9 --bias none\n"
        "  analytic loss --weights W.npz --sparsity 0.9 --importance 1"
    )
    new = new_command(commands, "loss", _loss, text, example)
    new.add_argument("W1", type=float, nargs="?", help="weight of feature 1")
    new.add_argument("W2", type=float, nargs="?", help="weight of feature 2")
    new.add_argument("--b", type=float, nargs="+", metavar="B", help="bias: one if shared, two per feature (default 0)")
    new.add_argument("--weights", type=Path, metavar="FILE", help="W and b in an .npz, .npy or .safetensors file")
    add_features(new, any_size=True)
    new.add_argument(
        "--bias", choices=BIAS, help="bias convention (default per-feature; of a file what the shape of b says)"
    )
    add_reading(new)
    add_json(new)

    text = "print the loss as a formula, for every activation pattern of the ReLUs"
    new = new_command(commands, "derive", _derive, text, "example:\n  analytic derive --bias shared --latex")
    new.add_argument("--bias", choices=BIAS, default="per-feature", help="bias convention (default per-feature)")
    new.add_argument("--latex", action="store_true", help="print LaTeX instead of plain text")
