"""Questions about training: train and basins."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.checking.shapes import LAYOUTS
from analytic.cli.common import (
    INCOMPLETE,
    INIT_HELP,
    MOST_FEATURES,
    OPTIMIZERS,
    SCHEDULES,
    add_json,
    add_model,
    add_output,
    check_output,
    init_option,
    model_from,
    network_from,
    new_command,
    print_json,
    print_table,
    save_figure,
    say_when_compiling,
    say_written,
    starts_in_words,
    without_display,
)
from analytic.cli.weights import add_search, print_checks, require_search
from analytic.diagrams import plane
from analytic.files import writable
from analytic.validation import whole

if TYPE_CHECKING:
    from analytic.attraction.maps import BasinMap
    from analytic.checking.report import CheckReport
    from analytic.models.relu_output import ReluOutputModel
    from analytic.models.toy import ToyModel
    from analytic.training.run import TrainingRun

#: More trained models or starts than this do not fit into the memory of a laptop.
_MOST_RUNS, _MOST_STARTS = 100_000, 10_000_000


def _train(args: argparse.Namespace) -> int | None:
    features = whole("--features", args.features, 1, MOST_FEATURES)
    hidden = whole("--hidden", args.hidden, 1, MOST_FEATURES)
    model = model_from(args) if (features, hidden) == (2, 1) else network_from(args, features, hidden)
    whole("--runs", args.runs, 1, _MOST_RUNS)
    require_search(args)
    if args.output is not None:
        writable(args.output, (".npz",))
    from analytic.training.trainer import train

    say_when_compiling()
    run = train(
        model,
        runs=args.runs,
        optimizer=args.optimizer,
        lr=args.lr,
        schedule=args.schedule,
        weight_decay=args.weight_decay,
        steps=args.steps,
        batch=args.batch,
        init=args.init,
        layout=args.layout,
        seed=args.seed,
    )
    if args.output is not None:
        run.save(args.output)
        say_written(args.output)
    finite = ~run.diverged[0]
    if not run.completed:
        print(f"analytic: interrupted after {run.steps[-1]} steps", file=sys.stderr)
    if not finite.all():
        lost = f"{(~finite).sum()} of {args.runs} models"
        print(f"analytic: training diverged for {lost}, which are left out; a smaller --lr may help", file=sys.stderr)
    if not args.json:
        print(f"{model!r}, starts: {starts_in_words(args.init, args.layout, features, hidden)}")
    print_checks(_checked(model, run, args) if finite.any() else (), args.json)
    return None if run.completed and finite.all() else INCOMPLETE


def _checked(model: ToyModel | ReluOutputModel, run: TrainingRun, args: argparse.Namespace) -> CheckReport:
    """The models of a run that did not diverge, against the theory."""
    from analytic.checking.report import check
    from analytic.models.toy import ToyModel

    finite, (W, b) = ~run.diverged[0], run.final
    W, b = W[0, finite], None if b is None else b[0, finite]
    noise = {"batch": args.batch, "lr": args.lr, "optimizer": args.optimizer}
    noise |= {"schedule": args.schedule, "steps": args.steps}
    # As (instances, hidden, features) and rows per model, which no number of runs makes ambiguous.
    return check(
        W[:, None, :] if W.ndim == 2 else W,
        b,
        importance=[tuple(model.importance)] * len(W),
        sparsity=[tuple(model.sparsity)] * len(W),
        bias=model.bias,
        features=args.features,
        hidden=args.hidden,
        layout="hidden-features",
        init=None if isinstance(model, ToyModel) else _starts(model, args),
        search=args.search,
        **({} if args.optimizer == "gd" else noise),
    )


def _starts(model: ReluOutputModel, args: argparse.Namespace) -> Any:
    """The distribution from which training started."""
    from analytic.training.initial import named

    if not isinstance(args.init, str):
        return args.init
    return named(args.init, layout=args.layout, weights=(model.hidden, model.features))


def _basins(args: argparse.Namespace) -> None:
    check_output(args.output)
    model = model_from(args)
    whole("--starts", args.starts, 1, _MOST_STARTS)
    whole("--grid", args.grid, 2, plane.MOST_POINTS)
    from analytic.training.initial import named

    if isinstance(args.init, str):
        named(args.init)
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


def add(commands: Any) -> None:
    """Adds the subcommands."""
    text = (
        "train by sampling, and say which minimum each run reached\n\n"
        "Prints the exact loss of each trained model, the norm of its exact gradient, and whether it has converged.\n"
        "For up to eight features it also says to which minimum: of two features and one hidden unit all are known,\n"
        "of other sizes those that a search finds.\n\n"
        f"Exit status: 0, or {INCOMPLETE} where training was interrupted (what there is, is printed) or diverged."
    )
    example = (
        "examples:\n"
        "  analytic train --density 0.3 --importance 0.7 --runs 20\n"
        "  analytic train --features 5 --hidden 2 --sparsity 0.9 --lr 0.01 --schedule linear --output run.npz\n"
        "  analytic check run.npz --sparsity 0.9"
    )
    new = new_command(commands, "train", _train, text, example)
    add_model(new, any_size=True)
    new.add_argument("--runs", type=int, default=10, metavar="N", help="models to train (default 10)")
    new.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        default="adam",
        help="gd is gradient descent on one data set of --batch samples (default adam)",
    )
    new.add_argument("--lr", type=float, default=1e-3, help="learning rate at the beginning (default 0.001)")
    new.add_argument("--schedule", choices=SCHEDULES, default="constant", help="of the rate (default constant)")
    new.add_argument("--weight-decay", type=float, metavar="D", help="default 0.01 for adamw, else 0")
    new.add_argument("--steps", type=int, default=10_000, metavar="N", help="default 10000")
    new.add_argument("--batch", type=int, default=1024, metavar="N", help="samples per step (default 1024)")
    new.add_argument("--init", type=init_option, default="xavier", metavar="INIT", help=INIT_HELP)
    new.add_argument(
        "--layout",
        choices=LAYOUTS,
        default=LAYOUTS[0],
        help=f"of the tensor from whose shape --init takes its scale (default {LAYOUTS[0]}; of `search` and `descend` "
        f"it is {LAYOUTS[1]})",
    )
    new.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    add_search(new)
    new.add_argument("--output", "-o", type=Path, metavar="FILE.npz", help="save the run, for `check` and Python")
    add_json(new)

    text = (
        "say how often random starts reach each minimum\n\n"
        "Each fraction has a 95 % interval. With --output a map of the plane of weights at b = 0 is drawn, too."
    )
    example = "example:\n  analytic basins --density 0.3 --importance 0.7 --bias none --dynamics adam"
    new = new_command(commands, "basins", _basins, text, example)
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
