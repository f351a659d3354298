"""Questions about models of any size: search, descend and geometry."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.checking.shapes import LAYOUTS
from analytic.cli.common import (
    BIAS,
    INCOMPLETE,
    INIT_HELP,
    MOST_FEATURES,
    MOST_STARTS,
    OF_A_PAIR,
    ONE_FOR_ALL,
    Parser,
    add_json,
    init_option,
    network_from,
    new_command,
    print_json,
    print_table,
    say_when_compiling,
    say_written,
    starts_in_words,
)
from analytic.validation import whole

if TYPE_CHECKING:
    from analytic.attraction.plateaus import Plateau
    from analytic.attraction.trajectories import Descent
    from analytic.models.relu_output import ReluOutputModel
    from analytic.polytopes.groups import Group
    from analytic.search.found import MinimaFound

_DYNAMICS = ("flow", "gd", "adam", "newton")
#: More starts than this do not fit into the memory of a laptop.
_MOST_STARTS = {"search": MOST_STARTS, "descend": 10_000}


def _prepared(args: argparse.Namespace) -> ReluOutputModel:
    """The model, after all that can be refused at once has been looked at."""
    whole("--starts", args.starts, 1, _MOST_STARTS[args.command])
    whole("--seed", args.seed, 0)
    if args.output is not None:
        from analytic.files import writable

        writable(args.output, (".npz",))
    features, hidden = (whole(f"--{name}", getattr(args, name), 1, MOST_FEATURES) for name in ("features", "hidden"))
    return network_from(args, features, hidden)


def _finish(result: MinimaFound | Descent, data: dict[str, Any], args: argparse.Namespace) -> None:
    if args.output is not None:
        result.save(args.output)
        say_written(args.output)
    if args.json:
        print_json(data)


def _search(args: argparse.Namespace) -> None:
    model = _prepared(args)
    from analytic.search.multistart import search_minima

    say_when_compiling()
    found = search_minima(model, starts=args.starts, init=args.init, layout=args.layout, seed=args.seed)
    minima = [
        {
            "loss": each.loss,
            "share": [each.share.estimate, each.share.low, each.share.high],
            "hits": each.hits,
            "copies": each.copies,
            "shape": each.shape,
            "curvature": each.curvature,
            "source": each.source,
            "W": each.W.tolist(),
            "b": _plain(each.b),
        }
        for each in found
    ]
    kept = {"model": repr(model), "starts": found.starts, "unseen": found.unseen, "unresolved": found.unresolved}
    _finish(found, {**kept, "minima": minima}, args)
    if not args.json:
        print(f"{model!r}, starts: {starts_in_words(args.init, args.layout, model.features, model.hidden)}\n{found}")


def _descend(args: argparse.Namespace) -> int | None:
    model = _prepared(args)
    import numpy as np

    from analytic.attraction.descent import descend
    from analytic.search.minimiser import Objective
    from analytic.training import initial

    drawn = initial.draw(args.init, np.random.default_rng([args.seed, 0]), args.starts, model.bias, instances=1,
                         layout=args.layout, weights=(model.hidden, model.features))  # fmt: skip
    W, b = Objective(model).split(drawn)
    say_when_compiling()
    given = {name: getattr(args, name) for name in ("time", "steps", "lr", "tolerance")}
    if args.loss_tolerance is not None:
        given["loss_tolerance"] = args.loss_tolerance
    descent = descend(model, W, b, dynamics=args.dynamics, **given)
    ends = [_end(descent, k) for k in range(args.starts)]
    data = {"model": repr(model), "ends": ends, "plateaus": [_plateau(each) for each in descent.plateaus]}
    _finish(descent, data, args)
    if not args.json:
        print(f"starts: {starts_in_words(args.init, args.layout, model.features, model.hidden)}")
        _print_descent(descent, ends)
    if not descent.completed:
        print("analytic: interrupted; this is where the starts stood", file=sys.stderr)
    return None if descent.completed else INCOMPLETE


def _end(descent: Descent, k: int) -> dict[str, Any]:
    from analytic.polytopes.groups import geometry, in_words

    W, finite = descent.final.W[k], bool(abs(descent.final.W[k]).max() < float("inf"))
    return {
        "start": k,
        "loss": float(descent.final.loss[k]),
        "converged": bool(descent.converged[k]),
        "curvature": float(descent.final.curvature[k]),
        "shape": in_words(geometry(W)) if finite else "diverged",
        "W": W.tolist(),
        "b": None if descent.final.b is None else _plain(descent.final.b[k]),
    }


def _plateau(plateau: Plateau) -> dict[str, Any]:
    point = plateau.stationary
    shared = {
        "start": plateau.start[0],
        "begins": plateau.begins,
        "ends": plateau.ends,
        "loss": plateau.loss,
        "distance": plateau.distance,
    }
    if point is None:
        return {**shared, "stationary": None}
    words = {name: getattr(point, name) for name in ("shape", "loss", "kind", "index", "escape_rate")}
    return {**shared, "stationary": {**words, "W": point.W.tolist(), "b": _plain(point.b)}}


def _plain(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else values


def _print_descent(descent: Descent, ends: list[dict[str, Any]]) -> None:
    print(f"{descent!r}\n\nends")
    kinds = ({"nan": "not converged"}.get(str(e["curvature"]), f"{e['curvature']:.3g}") for e in ends)
    rows = ([str(e["start"]), f"{e['loss']:.9g}", kind, e["shape"]] for e, kind in zip(ends, kinds, strict=True))
    print_table(["start", "loss", "least curvature", "made of"], rows)
    if descent.plateaus:
        print("\nplateaus")
        print_table(
            ["start", "time", "loss", "stationary point nearby", "its loss", "kind", "index", "escape rate"],
            (_plateau_cells(each) for each in descent.plateaus),
        )


def _plateau_cells(plateau: Plateau) -> list[str]:
    time, point = f"{plateau.begins:.4g} .. {plateau.ends:.4g}", plateau.stationary
    cells = [str(plateau.start[0]), time, f"{plateau.loss:.6g}"]
    if point is None:
        return [*cells, "none found", "", "", "", ""]
    return [*cells, point.shape, f"{point.loss:.9g}", point.kind, str(point.index), f"{point.escape_rate:.4g}"]


def _geometry(args: argparse.Namespace) -> None:
    from analytic.checking.weights import read_weights, stack
    from analytic.polytopes.groups import geometry

    W, _ = read_weights(args.file)
    known = stack(W, features=args.features, hidden=args.hidden, layout=args.layout)
    weights = known.W if known.W.ndim == 3 else known.W[:, None, :]
    models = [geometry(each, args.tolerance) for each in weights]
    if args.json:
        print_json([[vars(group) | {"features": list(group.features)} for group in groups] for groups in models])
        return
    rows = (_group_cells(number, group) for number, groups in enumerate(models) for group in groups)
    print(f"{len(weights)} x W (hidden {weights.shape[1]}, features {weights.shape[2]}), read as {known.layout}")
    print_table(["model", "group", "features", "dimension", "dimensionality of each", "deviation"], rows)


def _group_cells(number: int, group: Group) -> list[str]:
    features = ", ".join(str(i + 1) for i in group.features)
    measured = [f"{group.dimensionality:.4f}", f"{group.deviation:.2g}"]
    return [str(number), group.name, features, str(group.dimension), *measured]


def _add_model(parser: Parser) -> None:
    group = parser.add_argument_group("the model")
    group.add_argument("--features", type=int, required=True, metavar="N", help="how many features")
    group.add_argument("--hidden", type=int, required=True, metavar="M", help="how many hidden units")
    group.add_argument("--importance", type=float, nargs="+", default=[1.0], metavar="I",
                       help=f"{ONE_FOR_ALL}; {OF_A_PAIR} (default 1)")  # fmt: skip
    share = group.add_mutually_exclusive_group()
    share.add_argument("--sparsity", type=float, nargs="+", metavar="S", help="P(x = 0): one number, or N")
    share.add_argument("--density", type=float, nargs="+", metavar="P", help="P(x != 0) = 1 - sparsity: one, or N")
    group.add_argument("--bias", choices=BIAS, default="per-feature", help="bias convention (default per-feature)")


def _add_starts(parser: Parser, starts: int) -> None:
    group = parser.add_argument_group("where it starts")
    group.add_argument("--starts", type=int, default=starts, metavar="N", help=f"random starts (default {starts})")
    group.add_argument("--init", type=init_option, default="xavier", metavar="INIT", help=INIT_HELP)
    group.add_argument("--layout", choices=LAYOUTS, default="hidden-features",
                       help="axes of the tensor from whose shape --init takes its scale (default hidden-features, as "
                       "in the paper; of `train` it is features-hidden)")  # fmt: skip
    group.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the starts (default 0)")
    parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="everything, as a .npz file")
    add_json(parser)


def add(commands: Any) -> None:
    """Adds the subcommands."""
    new = new_command(
        commands,
        "search",
        _search,
        "find minima of a model of any size, from many starts\n\n"
        "Minima are listed by loss, each once modulo rotations of the hidden space and permutations of features that\n"
        "are alike; `copies` counts the latter. The share is that of random starts which end there. Nothing proves\n"
        "that the list is complete: the last line bounds how often one more start would end elsewhere.",
        "example:\n  analytic search --features 5 --hidden 2 --density 0.1        the pentagon, and what is beside it",
    )
    new.set_defaults(command="search")
    _add_model(new)
    _add_starts(new, 1000)

    new = new_command(
        commands,
        "descend",
        _descend,
        "follow the exact gradient, without noise, and name the plateaus on the way\n\n"
        "A plateau is a stretch where the loss hardly falls beside what it still has to fall. Next to it Newton's\n"
        "method looks for a stationary point: its index is the number of directions in which the loss curves\n"
        "downwards there, along which a deviation grows like exp(escape rate * time); without any\n"
        "it is a minimum or, where some starts beside it leave, half-stable.",
        "example:\n  analytic descend --features 3 --hidden 2 --density 0.3 --init 0.01 --starts 3",
    )
    new.set_defaults(command="descend")
    _add_model(new)
    _add_starts(new, 10)
    group = new.add_argument_group("how it moves")
    group.add_argument("--dynamics", choices=_DYNAMICS, default="flow", help="gradient flow, plain gradient descent, "
                       "Adam, or straight to a minimum (default flow)")  # fmt: skip
    group.add_argument("--time", type=float, metavar="T", help="how long to flow (default: until all are at rest)")
    group.add_argument("--tolerance", type=float, metavar="E", help="error of a step of the flow (default 1e-4)")
    group.add_argument("--loss-tolerance", type=float, metavar="E",
                       help="of the loss of more than 10 features, relative to its scale (default 1e-8)")  # fmt: skip
    group.add_argument("--steps", type=int, metavar="N", help="steps of gd and adam (default 10000)")
    group.add_argument("--lr", type=float, metavar="RATE", help="learning rate of gd and adam (default 0.001)")

    new = new_command(
        commands,
        "geometry",
        _geometry,
        "say what trained weights are made of: digons, triangles, pentagons, ...\n\n"
        "Features whose directions are orthogonal to within the tolerance fall into different groups. The\n"
        "dimensionality of a feature is the share of a hidden dimension that it has for itself: 1 alone, 1/2 in a\n"
        "digon, 2/5 in a pentagon. Features are counted from 1.",
        "example:\n  analytic geometry weights.npz       W in a .npz, .npy or .safetensors file, one model or a stack",
    )
    new.add_argument("file", type=Path, metavar="FILE", help="weights, as for `analytic check`")
    new.add_argument("--tolerance", type=float, default=0.1, metavar="C",
                     help="cosines and relative norms below this are zero (default 0.1)")  # fmt: skip
    new.add_argument("--features", type=int, metavar="N", help="how many features, where the shape of W leaves it open")
    new.add_argument("--hidden", type=int, metavar="M", help="how many hidden units, likewise")
    new.add_argument("--layout", choices=LAYOUTS, help="the order of the last two axes of W, likewise")
    add_json(new)
