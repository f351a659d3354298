"""Proofs: certify and verify."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import add_json, add_model, model_from, new_command, print_json, print_table

if TYPE_CHECKING:
    from analytic.proofs import ProvedPoint


def _bar() -> Callable[[float], None]:
    """A progress callback for fractions that draws a bar on stderr if it is a terminal."""
    from tqdm import tqdm

    bar = tqdm(total=1.0, desc="proof", disable=None, leave=False, delay=1, bar_format="{l_bar}{bar}| {elapsed}")

    def update(fraction: float) -> None:
        bar.update(fraction - bar.n)

    return update


def _enclosed(interval: tuple[float, float]) -> str:
    """The middle of an enclosure with its radius."""
    low, high = interval
    return f"{(low + high) / 2:.10g} ± {(high - low) / 2:.0e}"


def _row(point: ProvedPoint) -> list[str]:
    W = "(" + ", ".join(_enclosed(w) for w in point.W) + ")"
    return [point.kind.value, W, _enclosed(point.loss)]


def _certify(args: argparse.Namespace) -> None:
    from analytic.landscape.find import find_stationary_points
    from analytic.proofs import certify

    model = model_from(args)
    proof = certify(model, find_stationary_points(model), time_limit=args.time_limit, progress=_bar())
    unresolved = getattr(proof, "unresolved", ())
    if args.output is not None:
        proof.save(args.output)
    if args.json:
        data = proof.as_dict()
        print_json({"complete": proof.complete, "missing": len(proof.missing), "unproved": len(proof.unproved), **data})
        return
    print(f"{model!r}\n{'complete' if proof.complete else 'NOT complete'}, {proof.seconds:.1f} s")
    print_table(["kind", "W", "loss"], (_row(point) for point in proof.points))
    print(f"not in the list of the search: {len(proof.missing)}; listed but not proved: {len(proof.unproved)}")
    for (reason, where), count in Counter((item.reason.value, item.where) for item in unresolved).items():
        print(f"unresolved: {reason}; {where}" + (f"; {count} boxes" if count > 1 else ""))
    if args.output is not None:
        print(f"wrote {args.output}")


def _verify(args: argparse.Namespace) -> None:
    from analytic.proofs import verify_certificate

    result = verify_certificate(args.file)
    for objection in result.objections:
        print(f"objection: {objection}")
    if not result.valid:
        raise ValueError(f"{args.file} is no valid certificate: {len(result.objections)} objections")
    print(f"{args.file}: valid, {'complete' if result.complete else 'not complete'}, {result.leaves} boxes checked")


def add(commands: Any) -> None:
    """Adds the subcommands."""
    text = (
        "prove that the list of stationary points of one model is complete\n\n"
        "With bias, for independent features with densities strictly between 0 and 1; without bias, for all.\n"
        "The table has the isolated points; flat sets are known in closed form, see `minima`."
    )
    new = new_command(commands, "certify", _certify, text)
    add_model(new)
    new.add_argument("--time-limit", type=float, metavar="S", help="seconds, after which the rest counts as unresolved")
    new.add_argument("--output", "-o", type=Path, metavar="FILE", help="save the certificate as JSON, for `verify`")
    add_json(new)

    new = new_command(commands, "verify", _verify, "check a saved certificate without repeating the search")
    new.add_argument("file", type=Path, metavar="FILE", help="a certificate written by `analytic certify --output`")
