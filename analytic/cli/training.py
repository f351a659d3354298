"""Questions about training: train, basins and check."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    BIAS,
    INCOMPLETE,
    INIT_HELP,
    add_json,
    add_model,
    add_output,
    add_sparsity,
    check_output,
    init_option,
    model_from,
    new_command,
    one_or_two,
    print_json,
    print_table,
    save_figure,
    say_when_compiling,
    without_display,
)
from analytic.diagrams import plane
from analytic.validation import InvalidValue, whole

if TYPE_CHECKING:
    from analytic.attraction.maps import BasinMap
    from analytic.models.toy import ToyModel

_OPTIMIZERS = ("gd", "sgd", "adam", "adamw")


def _train(args: argparse.Namespace) -> int | None:
    model = model_from(args)
    whole("--runs", args.runs, 1, _MOST_RUNS)
    from analytic.checking.report import check
    from analytic.training.trainer import train

    say_when_compiling()
    settings = {"optimizer": args.optimizer, "lr": args.lr, "batch": args.batch}
    run = train(
        model,
        runs=args.runs,
        steps=args.steps,
        schedule=args.schedule,
        weight_decay=args.weight_decay,
        init=args.init,
        seed=args.seed,
        **settings,
    )
    finite = ~run.diverged[0]
    W, b = run.final
    W, b = W[0, finite], None if b is None else b[0, finite]
    # The noise of the last steps is that of the rate at the end.
    noise = {} if args.schedule != "constant" or args.optimizer == "gd" else settings
    # As (instances, hidden, features) and pairs per model, which no number of runs makes ambiguous.
    importance, sparsity = [model.importance] * len(W), [model.sparsity] * len(W)
    report = check(W[:, None, :], b, importance=importance, sparsity=sparsity, bias=model.bias, init=None, **noise)
    if not run.completed:
        print(f"analytic: interrupted after {run.steps[-1]} steps", file=sys.stderr)
    if not finite.all():
        lost = f"{args.runs - len(W)} of {args.runs} models"
        print(f"analytic: training diverged for {lost}, which are left out; a smaller --lr may help", file=sys.stderr)
    _print_checks(report.models, args.json)
    return None if run.completed and finite.all() else INCOMPLETE


#: More trained models or starts than this do not fit into the memory of a laptop.
_MOST_RUNS, _MOST_STARTS = 100_000, 10_000_000


def _print_checks(checks: tuple[Any, ...], as_json: bool) -> None:
    import numpy as np

    if as_json:
        print_json(
            [
                {
                    "W": each.W.tolist(),
                    "b": None if each.b is None else np.asarray(each.b).tolist(),
                    "loss": each.loss,
                    "gradient_norm": each.gradient_norm,
                    "converged": each.converged,
                    "phase": getattr(each, "phase", None),
                    "distance": getattr(each, "distance", None),
                    "excess": each.excess,
                    "gap": getattr(each, "gap", None),
                    "verdict": str(each),
                }
                for each in checks
            ]
        )
        return
    rows = ([_weights(each.W), f"{each.loss:.6g}", str(each)] for each in checks)
    print_table(["W", "loss", "verdict"], rows)


def _weights(W: Any) -> str:
    """The two weights of a pair, or the size of a larger model."""
    if W.ndim == 1:
        return f"({W[0]:+.4f}, {W[1]:+.4f})"
    return f"{W.shape[0]} hidden, {W.shape[1]} features"


def _basins(args: argparse.Namespace) -> None:
    check_output(args.output)
    model = model_from(args)
    whole("--starts", args.starts, 1, _MOST_STARTS)
    whole("--grid", args.grid, 2, plane.MOST_POINTS)
    from analytic.attraction.fractions import basins
    from analytic.attraction.targets import describe

    say_when_compiling()
    found = basins(model, init=args.init, dynamics=args.dynamics, starts=args.starts, seed=args.seed)
    restarts = found.restarts_needed(0.99)
    if args.json:
        entries = [
            {
                "target": describe(entry.target),
                "loss": float(entry.target.loss),
                "estimate": entry.estimate,
                "low": entry.low,
                "high": entry.high,
            }
            for entry in found.fractions
        ]
        print_json({"model": repr(model), "fractions": entries, "restarts_for_99_percent": restarts})
    else:
        rows = (
            [
                describe(entry.target),
                f"{float(entry.target.loss):.7g}",
                f"{entry.estimate:.4f}",
                f"{entry.low:.4f} .. {entry.high:.4f}",
            ]
            for entry in found.fractions
        )
        print(f"{model!r}, starts: {args.init}, dynamics: {args.dynamics}")
        print_table(["target", "loss", "fraction", "95 % interval"], rows)
        print(f"unresolved {found.unresolved:.4f}; starts needed to find the best with probability 0.99: {restarts}")
    if args.output is not None:
        _save_map(model, args)


def _save_map(model: ToyModel, args: argparse.Namespace) -> None:
    """The map of the W plane at b = 0, with the separatrices where they are known."""
    without_display()
    from analytic.attraction.maps import basin_map
    from analytic.attraction.separatrices import separatrices
    from analytic.attraction.targets import describe
    from analytic.files import write_csv, write_npz
    from analytic.plotting.training import basin_key, plot_basin_map

    found = basin_map(model, dynamics=args.dynamics, resolution=args.grid)
    curves = separatrices(model) if model.bias == "none" and args.dynamics == "flow" else ()
    ax = plot_basin_map(found, curves=curves)
    ax.legend(handles=basin_key(found, describe), loc="upper center", bbox_to_anchor=(0.5, -0.18), fontsize=8)
    save_figure(ax, args.output)
    write_npz(args.output.with_suffix(".npz"), {"x": found.x, "y": found.y, "labels": found.labels})
    write_csv(args.output.with_suffix(".csv"), [*found.axes, "target"], _map_rows(found))


def _map_rows(found: BasinMap) -> Any:
    for y, line in zip(found.y, found.labels, strict=True):
        for x, label in zip(found.x, line, strict=True):
            yield float(x), float(y), int(label)


def _check(args: argparse.Namespace) -> None:
    if args.sparsity is None and args.density is None:
        raise InvalidValue(
            "say how sparse the features were: --sparsity S, the probability of zero, or --density 1 - S"
        )
    from analytic.checking.weights import read_weights, stack

    sparsity = args.sparsity if args.sparsity is not None else [1 - p for p in args.density]
    W, b = read_weights(args.file)
    count = len(stack(W, b, bias=args.bias))
    from analytic.checking.report import check

    say_when_compiling()

    def per_model(name: str, values: list[float]) -> Any:
        value = one_or_two(name, values)
        return [value] * count if isinstance(value, tuple) else value

    report = check(
        W,
        b,
        importance=per_model("importance", args.importance),
        sparsity=per_model("sparsity", sparsity),
        bias=args.bias,
        reduction=args.reduction,
        batch=args.batch,
        lr=args.lr,
        optimizer=args.optimizer,
    )
    _print_checks(report.models, args.json)


def add(commands: Any) -> None:
    """Adds the subcommands."""
    new = new_command(commands, "train", _train, "train by sampling, and say which minimum each run reached")
    add_model(new)
    new.add_argument("--runs", type=int, default=10, metavar="N", help="models to train (default 10)")
    new.add_argument("--optimizer", choices=_OPTIMIZERS, default="adam", help="default adam")
    new.add_argument("--lr", type=float, default=1e-3, help="learning rate (default 0.001)")
    new.add_argument("--schedule", choices=("constant", "linear", "cosine"), default="constant", help="of lr")
    new.add_argument("--weight-decay", type=float, metavar="D", help="default 0.01 for adamw, else 0")
    new.add_argument("--steps", type=int, default=10_000, metavar="N", help="default 10000")
    new.add_argument("--batch", type=int, default=1024, metavar="N", help="samples per step (default 1024)")
    new.add_argument("--init", type=init_option, default="xavier", metavar="INIT", help=INIT_HELP)
    new.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    add_json(new)

    new = new_command(commands, "basins", _basins, "say how often random starts reach each minimum")
    add_model(new)
    new.add_argument("--init", type=init_option, default="xavier", metavar="INIT", help=INIT_HELP)
    new.add_argument(
        "--dynamics",
        choices=("flow", "gd", "adam"),
        default="flow",
        help="gradient flow, gradient descent or Adam, on the exact gradient (default flow)",
    )
    new.add_argument("--starts", type=int, default=10_000, metavar="N", help="starts to count (default 10000)")
    new.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    new.add_argument("--grid", type=int, default=512, metavar="N", help="pixels on each axis of the map (default 512)")
    add_json(new)
    add_output(new, None)

    text = "compare trained weights in a file with the exact minima\n\nThe file holds W and, if there is a bias, b."
    example = "example:\n  analytic check run.npz --sparsity 0.9 --reduction mean"
    new = new_command(commands, "check", _check, text, example)
    new.add_argument("file", type=Path, metavar="FILE", help=".npz, .npy or .safetensors")
    new.add_argument("--importance", type=float, nargs="+", default=[1.0], metavar="I", help="r for (1, r), or I1 I2")
    add_sparsity(new)
    new.add_argument("--bias", choices=BIAS, help="how to read b where its shape has two readings")
    new.add_argument("--reduction", choices=("sum", "mean"), default="sum", help="over features (default sum)")
    new.add_argument("--optimizer", choices=_OPTIMIZERS[1:], default="adam", help="default adam")
    new.add_argument("--batch", type=int, metavar="N", help="batch size at the end of training")
    new.add_argument("--lr", type=float, help="learning rate at the end of training")
    add_json(new)
