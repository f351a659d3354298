"""What the subcommands share: how a model is described, how results are printed and saved, exit statuses."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from analytic.checking.shapes import LAYOUTS
from analytic.tables import as_text
from analytic.validation import InvalidValue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analytic.models.relu_output import ReluOutputModel
    from analytic.models.toy import ToyModel

#: The names of these options, spelled here because their homes load NumPy; a test holds the two together.
BIAS = ("none", "shared", "per-feature")
OPTIMIZERS = ("gd", "sgd", "adam", "adamw")
SCHEDULES = ("constant", "linear", "cosine")
INITS = ("xavier", "xavier-uniform", "kaiming", "kaiming-uniform", "standard-normal")
INIT_HELP = f"{', '.join(INITS)}, or a standard deviation for W (default xavier)"
#: What one importance means, in every command.
ONE_FOR_ALL = "one for all features, or one for each"
OF_A_PAIR = "of two features with one hidden unit r is (1, r)"
#: More starts of a search than this do not fit into the memory of a laptop.
MOST_STARTS = 1_000_000
#: More features than this take hours, whatever is asked of them.
MOST_FEATURES = 10_000
#: Exit statuses: done, bad input, only a part of the result, interrupted before there was one.
DONE, REFUSED, INCOMPLETE, INTERRUPTED = 0, 2, 3, 130


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one sentence, and reads -1e-3 as a number."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._negative_number_matcher = re.compile(r"^-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|^-(inf|nan)$", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"{self.prog}: {message} (see {self.prog} --help)\n")


def new_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], text: str, epilog: str = ""
) -> Parser:
    """A subcommand whose help starts with `text`; `run` returns an exit status, None for done."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        name, help=text.split("\n")[0], description=text, epilog=epilog, formatter_class=formatter
    )
    parser.set_defaults(run=run)
    return parser


def add_model(parser: Parser, bias: str = "per-feature", any_size: bool = False) -> None:
    """The options that describe one model, of two features and one hidden unit or of any size."""
    group = parser.add_argument_group("the model")
    if any_size:
        group.add_argument("--features", type=int, default=2, metavar="N", help="default 2")
        group.add_argument("--hidden", type=int, default=1, metavar="M", help="hidden units (default 1)")
    add_features(group, any_size)
    group.add_argument("--bias", choices=BIAS, default=bias, help=f"bias convention (default {bias})")


def add_features(group: Any, any_size: bool = False) -> None:
    """--importance, and --sparsity or --density; for two features, or for any number of them."""
    r = "r for (1, r), or I1 I2"
    importance = f"{ONE_FOR_ALL}; {OF_A_PAIR}" if any_size else r
    each = "one number or one for each feature" if any_size else "one number or two"
    group.add_argument(
        "--importance", type=float, nargs="+", default=[1.0], metavar="I", help=f"{importance} (default 1)"
    )
    share = group.add_mutually_exclusive_group()
    share.add_argument("--sparsity", type=float, nargs="+", metavar="S", help=f"P(x = 0): {each}")
    share.add_argument("--density", type=float, nargs="+", metavar="P", help=f"P(x != 0) = 1 - sparsity: {each}")


def add_reading(parser: Parser) -> None:
    """The options that say how W in a file is read."""
    group = parser.add_argument_group("how W is read, where its shape leaves it open")
    group.add_argument("--features", type=int, metavar="N", help="features of a model")
    group.add_argument("--hidden", type=int, metavar="M", help="hidden units of a model")
    group.add_argument("--layout", choices=LAYOUTS, help="order of the last two axes")


def one_or_two(name: str, values: Sequence[float]) -> Any:
    """One number, or a pair."""
    if len(values) > 2:
        raise InvalidValue(f"--{name} must be one number or two, got {len(values)}")
    return values[0] if len(values) == 1 else tuple(values)


def per_feature(name: str, values: Sequence[float], features: int) -> Any:
    """One number, or a tuple of one for each feature."""
    if len(values) not in (1, features):
        raise InvalidValue(f"--{name} must be one number or {features}, one for each feature, got {len(values)}")
    return values[0] if len(values) == 1 else tuple(values)


def require_sparsity(args: argparse.Namespace) -> None:
    """Refuses a command line that does not say how sparse the features are."""
    if args.density is None and args.sparsity is None:
        raise InvalidValue("say how sparse the features are: --sparsity S, the probability of zero, or --density 1 - S")


def network_from(args: argparse.Namespace, features: int, hidden: int) -> ReluOutputModel:
    """The model of any size that the options describe.

    One importance is that of all features, but for two features and one hidden unit r is (1, r), as in every command.
    """
    require_sparsity(args)
    name = "sparsity" if args.density is None else "density"
    share = per_feature(name, getattr(args, name), features)
    pair = (features, hidden) == (2, 1) and len(args.importance) == 1
    importance = per_feature("importance", [1.0, *args.importance] if pair else args.importance, features)
    from analytic.models.relu_output import ReluOutputModel

    if name == "density":
        return ReluOutputModel.from_density(features, hidden, share, importance, args.bias)
    return ReluOutputModel(features, hidden, importance, share, bias=args.bias)


def model_from(args: argparse.Namespace) -> ToyModel:
    """The model that the options describe."""
    require_sparsity(args)
    from analytic.models.toy import ToyModel

    importance = one_or_two("importance", args.importance)
    if args.density is not None:
        return ToyModel.from_density(one_or_two("density", args.density), importance, args.bias)
    return ToyModel(importance, one_or_two("sparsity", args.sparsity), bias=args.bias)


def starts_in_words(init: str | float, layout: str, features: int, hidden: int) -> str:
    """Where random starts come from: "xavier, features-hidden: W has standard deviation 0.632"."""
    from analytic.training.initial import named

    if not isinstance(init, str):
        return f"W has standard deviation {init:g}"
    deviation = named(init, layout=layout, weights=(hidden, features)).sd
    return f"{init}, {layout}: W has standard deviation {deviation:.3g}"


def init_option(text: str) -> str | float:
    """A standard deviation if it reads as a number, else a name."""
    try:
        return float(text)
    except ValueError:
        return text


def add_json(parser: Parser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs instead of a table")


def add_output(parser: Parser, default: str | None) -> None:
    """--output for a picture."""
    extra = f" (default {default})" if default else ""
    parser.add_argument(
        "--output", "-o", type=Path, default=default, metavar="FILE", help=f"picture, .png, .svg or .pdf{extra}; "
        "the numbers are written beside it as .npz and .csv"
    )  # fmt: skip


@cache
def say_when_compiling() -> None:
    """From now on, the first compilation is announced on stderr: it takes seconds, and is done once per machine."""
    from numba.core import event

    class Announcement(event.Listener):
        def on_start(self, event: Any) -> None:
            if not announced:
                announced.append(True)
                print("analytic: compiling for this machine, once; the result is kept", file=sys.stderr, flush=True)

        def on_end(self, event: Any) -> None:
            pass

    announced: list[bool] = []
    event.register("numba:compile", Announcement())


def print_json(value: Any) -> None:
    """Strict JSON: numbers that are not finite become null."""
    print(json.dumps(_finite(value), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns, numbers and words alike."""
    print(as_text(header, rows))


def check_output(path: Path | None) -> None:
    """Refuses a picture that cannot be written, before the work."""
    if path is not None:
        from analytic.files import PICTURES, writable

        writable(path, PICTURES)


def without_display() -> None:
    """Makes matplotlib draw to files only."""
    import matplotlib as mpl

    mpl.use("Agg")


class Saved(Protocol):
    """A result that writes itself as numbers."""

    def save(self, path: Path) -> None: ...


def save_all(ax: Axes, result: Saved, path: Path) -> None:
    """The picture that holds `ax`, and the numbers behind it as .npz and .csv beside it."""
    save_numbers(result, path)
    save_figure(ax, path)


def save_numbers(result: Saved, path: Path) -> None:
    """The numbers of a result, beside its picture."""
    for suffix in (".npz", ".csv"):
        result.save(path.with_suffix(suffix))
        say_written(path.with_suffix(suffix))


def say_written(path: Path) -> None:
    """On stderr: standard output belongs to the result, which may be JSON."""
    print(f"wrote {path}", file=sys.stderr)


def save_figure(ax: Axes, path: Path) -> None:
    """The figure that holds `ax`."""
    import matplotlib.pyplot as plt

    from analytic.plotting.saving import figure_of, save_picture

    save_picture(ax, path)
    plt.close(figure_of(ax))
    say_written(path)
