"""What the subcommands share: how a model is described, how results are printed and saved."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analytic.models.toy import ToyModel

BIAS = ("none", "shared", "per-feature")


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def new_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], text: str, epilog: str = ""
) -> Parser:
    """A subcommand whose help starts with `text`."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        name, help=text.split("\n")[0], description=text, epilog=epilog, formatter_class=formatter
    )
    parser.set_defaults(run=run)
    return parser


def add_model(parser: Parser, bias: str = "per-feature") -> None:
    group = parser.add_argument_group("the model")
    group.add_argument(
        "--importance", type=float, nargs="+", default=[1.0], metavar="I", help="r for (1, r), or I1 I2 (default 1)"
    )
    share = group.add_mutually_exclusive_group()
    share.add_argument("--sparsity", type=float, nargs="+", metavar="S", help="P(x = 0): one number or S1 S2")
    share.add_argument(
        "--density", type=float, nargs="+", metavar="P", help="P(x != 0) = 1 - sparsity: one number or P1 P2"
    )
    group.add_argument("--bias", choices=BIAS, default=bias, help=f"bias convention (default {bias})")


def one_or_two(name: str, values: Sequence[float]) -> Any:
    if len(values) > 2:
        raise ValueError(f"--{name} takes one number or two, got {len(values)}")
    return values[0] if len(values) == 1 else tuple(values)


def model_from(args: argparse.Namespace) -> ToyModel:
    from analytic.models.toy import ToyModel

    importance = one_or_two("importance", args.importance)
    if args.density is not None:
        return ToyModel.from_density(one_or_two("density", args.density), importance, args.bias)
    if args.sparsity is None:
        raise ValueError("say how sparse the features are: --sparsity S, the probability of zero, or --density 1 - S")
    return ToyModel(importance, one_or_two("sparsity", args.sparsity), bias=args.bias)


def add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for programs instead of a table")


def add_output(parser: Parser, default: str | None) -> None:
    extra = f" (default {default})" if default else ""
    parser.add_argument(
        "--output", "-o", type=Path, default=default, metavar="FILE", help=f"picture, .png, .svg or .pdf{extra}; "
        "the numbers are written beside it as .npz and .csv"
    )  # fmt: skip


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns, numbers and words alike."""
    table = [header, *rows]
    widths = [max(len(row[k]) for row in table) for k in range(len(header))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def without_display() -> None:
    """Makes matplotlib draw to files only."""
    import matplotlib as mpl

    mpl.use("Agg")


def save_arrays(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], **arrays: Any) -> None:
    """The numbers behind a picture, beside it, as .npz and .csv."""
    import numpy as np

    from analytic.files import replacing, write_csv

    with replacing(path.with_suffix(".npz"), "wb") as file:
        np.savez_compressed(file, **arrays)
    write_csv(path.with_suffix(".csv"), header, rows)
    print(f"wrote {path.with_suffix('.npz')} and {path.with_suffix('.csv')}")


def save_picture(ax: Axes, path: Path) -> None:
    """Writes the figure that holds `ax`, whole or not at all."""
    from analytic.files import picture_format, replacing
    from analytic.plotting.diagrams import figure_of

    suffix = picture_format(path)
    with replacing(path, "wb") as file:
        figure_of(ax).savefig(file, format=suffix[1:], dpi=200)
    print(f"wrote {path}")
