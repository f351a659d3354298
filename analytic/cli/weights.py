"""Questions about weights in a file, of models of any size: check, and the exact loss of each."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    BIAS,
    MOST_STARTS,
    OPTIMIZERS,
    SCHEDULES,
    Parser,
    add_features,
    add_json,
    add_reading,
    network_from,
    new_command,
    per_feature,
    print_json,
    print_table,
    require_sparsity,
    say_when_compiling,
)
from analytic.validation import InvalidValue, number, whole

if TYPE_CHECKING:
    from analytic.checking.weights import Stack

#: Models whose losses are computed at once.
_TOGETHER = 64


def _read(path: Path, args: argparse.Namespace) -> Stack:
    """The models in a file, read as the options say."""
    require_sparsity(args)
    for name in ("features", "hidden"):
        if getattr(args, name) is not None:
            whole(f"--{name}", getattr(args, name))
    for name in ("density", "sparsity"):
        for value in getattr(args, name) or ():
            number(f"--{name}", value, least=0, most=1)
    from analytic.checking.weights import read_weights, stack

    counts = [len(values) for values in (args.importance, args.sparsity, args.density) if values and len(values) > 1]
    return stack(
        *read_weights(path),
        bias=args.bias,
        features=args.features,
        hidden=args.hidden,
        layout=args.layout,
        per_feature=counts[0] if counts else None,
    )


def _rows(trained: Stack, args: argparse.Namespace) -> dict[str, Any]:
    """Importance and sparsity as `check` takes them: one number for all, or a row for each model."""
    sparsity = args.sparsity if args.sparsity is not None else [1 - p for p in args.density]
    features, given = trained.size.features, "sparsity" if args.density is None else "density"
    found = {
        "importance": per_feature("importance", args.importance, features),
        "sparsity": per_feature(given, sparsity, features),
    }
    return {name: [each] * len(trained) if isinstance(each, tuple) else each for name, each in found.items()}


def _check(args: argparse.Namespace) -> None:
    require_search(args)
    trained = _read(args.file, args)
    problem = _rows(trained, args)
    from analytic.checking.report import check

    say_when_compiling()
    report = check(
        trained.W[:, None, :] if trained.W.ndim == 2 else trained.W,
        trained.b,
        **problem,
        bias=trained.bias,
        features=trained.size.features,
        hidden=trained.size.hidden,
        layout="hidden-features",
        reduction=args.reduction,
        batch=args.batch,
        lr=args.lr,
        optimizer=args.optimizer,
        schedule=args.schedule,
        steps=args.steps,
        tolerance=args.tolerance,
        search=args.search,
    )
    print_checks(report, args.json)
    for hint in report.hints:
        print(f"hint: {hint}", file=sys.stderr)


def print_checks(checks: Iterable[Any], as_json: bool) -> None:
    """A line for each trained model: where it is, what it is made of and the verdict."""
    if as_json:
        print_json([_entry(each) for each in checks])
        return
    found = list(checks)
    if not any(hasattr(each, "shape") for each in found):
        print_table(["W", "loss", "gradient", "verdict"], (_cells(each, _pair(each.W)) for each in found))
        return
    print_table(
        ["model", "loss", "gradient", "distance", "made of", "verdict"],
        (_cells(each, str(index), _number(each.distance), each.shape) for index, each in enumerate(found)),
    )


def _cells(each: Any, name: str, *more: str) -> list[str]:
    return [name, f"{each.loss:.6g}", f"{each.gradient_norm:.2g}", *more, str(each)]


def _pair(W: Any) -> str:
    return f"({W[0]:+.4f}, {W[1]:+.4f})"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2g}"


def _entry(each: Any) -> dict[str, Any]:
    import numpy as np

    names = ("loss", "gradient_norm", "converged", "phase", "distance", "excess", "allowed", "gap")
    made = {} if not hasattr(each, "groups") else _composition(each)
    return {
        "W": each.W.tolist(),
        "b": None if each.b is None else np.asarray(each.b).tolist(),
        **{name: getattr(each, name, None) for name in names},
        **made,
        "verdict": str(each),
    }


def _composition(each: Any) -> dict[str, Any]:
    """What a network is made of and where it is heading."""
    end = each.destination
    return {
        "shape": each.shape,
        "groups": [vars(group) | {"features": list(group.features)} for group in each.groups],
        "dimensionality": each.dimensionality.tolist(),
        "tolerance": each.tolerance,
        "destination": None if end is None else {
            "place": end.place,
            "found": len(end.found),
            "loss": end.minimum.loss,
            "shape": end.minimum.shape,
            "share": [end.minimum.share.estimate, end.minimum.share.low, end.minimum.share.high],
        },
    }  # fmt: skip


def losses(args: argparse.Namespace) -> None:
    """`loss --weights FILE`: the exact loss of each model in a file, its error and its gradient."""
    trained = _read(args.weights, args)
    from analytic.work import counted, reporting

    size = trained.size
    described = argparse.Namespace(**vars(args) | {"bias": trained.bias})
    model = network_from(described, size.features, size.hidden)
    say_when_compiling()
    W = trained.W.reshape(-1, size.hidden, size.features)
    found: list[dict[str, float]] = []
    with reporting(None, "loss", " blocks") as report:
        for at in counted(range(0, len(W), _TOGETHER), report):
            block = slice(at, at + _TOGETHER)
            found += _evaluated(model, W[block], None if trained.b is None else trained.b[block])
    if args.json:
        print_json({"model": repr(model), "losses": found})
        return
    print(repr(model))
    rows = ([str(k), f"{each['loss']:.16g}", f"{each['loss_error']:.1e}", f"{each['gradient_norm']:.6e}"]
            for k, each in enumerate(found))  # fmt: skip
    print_table(["model", "loss", "error at most", "gradient norm"], rows)


def _evaluated(model: Any, W: Any, b: Any) -> list[dict[str, float]]:
    import numpy as np

    loss, dW, db = model.loss_and_gradient(W, b)
    square = (dW**2).sum((1, 2)) + (0 if db is None else (db.reshape(len(W), -1) ** 2).sum(1))
    columns = {"loss": loss, "loss_error": model.loss_error(W, b), "gradient_norm": np.sqrt(square)}
    return [dict(zip(columns, map(float, row), strict=True)) for row in zip(*columns.values(), strict=True)]


def refuse_reading(args: argparse.Namespace) -> None:
    """Refuses the options that say how to read a file where there is none."""
    if (args.features, args.hidden, args.layout) != (None, None, None):
        raise InvalidValue("--features, --hidden and --layout say how to read a file: they need --weights FILE")


def add_search(parser: Parser) -> None:
    """--search, of the commands that check weights."""
    parser.add_argument(
        "--search",
        type=int,
        metavar="N",
        help="random starts of the search for minima, once for each problem of other sizes than two features and one "
        "hidden unit; 0: none (default 200 for up to 8 features, else 0)",
    )


def require_search(args: argparse.Namespace) -> None:
    """Refuses a --search that cannot be, before the work."""
    if args.search is not None:
        whole("--search", args.search, 0, MOST_STARTS)


def add(commands: Any) -> None:
    """Adds the subcommands."""
    text = (
        "compare trained weights in a file with the theory: have they converged, and to which minimum?\n\n"
        "The file holds W and, if there is a bias, b: one model or a stack, of any size; or a run saved by `train`.\n"
        "Two features and one hidden unit are compared with the complete list of minima, other models of up to eight\n"
        "features with those that a search finds: it is said where exact descent ends, how far that is, which of the\n"
        "minima found it is and how often random starts end there. Without --batch and --lr nothing is known about\n"
        "the noise of training, and --tolerance decides."
    )
    example = (
        "examples:\n"
        "  analytic check run.npz --sparsity 0.9 --reduction mean --batch 1024 --lr 0.001\n"
        "  analytic check W.npy --features 20 --density 0.05 --importance 1 --schedule cosine --steps 10000"
    )
    new = new_command(commands, "check", _check, text, example)
    new.add_argument("file", type=Path, metavar="FILE", help=".npz, .npy or .safetensors")
    add_features(new, any_size=True)
    new.add_argument("--bias", choices=BIAS, help="how to read b where its shape has two readings")
    add_reading(new)
    new.add_argument("--reduction", choices=("sum", "mean"), default="sum", help="over features (default sum)")
    new.add_argument("--optimizer", choices=OPTIMIZERS[1:], default="adam", help="default adam")
    new.add_argument("--batch", type=int, metavar="N", help="samples per step")
    new.add_argument("--lr", type=float, help="learning rate at the beginning")
    new.add_argument(
        "--schedule", choices=SCHEDULES, default="constant", help="of the rate, with --steps (default constant)"
    )
    new.add_argument("--steps", type=int, metavar="N", help="steps of training; without it the noise of the first rate")
    add_search(new)
    new.add_argument(
        "--tolerance",
        type=float,
        metavar="T",
        help="excess that counts as converged in any case, in units of the loss of the silent model "
        "(default 0.001 where --batch is not given, else 0)",
    )
    add_json(new)
