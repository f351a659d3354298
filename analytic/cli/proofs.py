"""Proofs: certify and verify."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    DONE,
    INCOMPLETE,
    add_json,
    add_model,
    model_from,
    new_command,
    print_json,
    print_table,
    say_when_compiling,
    say_written,
)
from analytic.validation import InvalidValue

if TYPE_CHECKING:
    from analytic.proofs import Certificate, ProvedPoint


def _enclosed(interval: tuple[float, float]) -> str:
    """The middle of an enclosure with its radius."""
    low, high = interval
    return f"{(low + high) / 2:.10g} ± {(high - low) / 2:.0e}"


def _row(point: ProvedPoint) -> list[str]:
    W = "(" + ", ".join(_enclosed(w) for w in point.W) + ")"
    return [point.kind, W, _enclosed(point.loss)]


def _certify(args: argparse.Namespace) -> int:
    from analytic.files import writable
    from analytic.validation import number

    model = model_from(args)
    if args.time_limit is not None:
        number("time_limit", args.time_limit, least=0)
    if args.output is not None:
        writable(args.output, (args.output.suffix.lower(),))
    from analytic.landscape.find import find_stationary_points
    from analytic.proofs import certify

    say_when_compiling()
    proof = certify(model, find_stationary_points(model), time_limit=args.time_limit)
    if args.output is not None:
        proof.save(args.output)
        say_written(args.output)
    if args.json:
        print_json({"missing": len(proof.missing), "unproved": len(proof.unproved), **proof.as_dict()})
    else:
        _report(proof)
    return DONE if proof.complete else INCOMPLETE


def _report(proof: Certificate) -> None:
    print(f"{proof.model!r}\n{'complete' if proof.complete else 'NOT complete'}, {proof.seconds:.1f} s")
    print_table(["kind", "W", "loss"], (_row(point) for point in proof.points))
    print(f"not in the list of the search: {len(proof.missing)}; listed but not proved: {len(proof.unproved)}")
    for sentence in proof.differences:
        print(sentence)
    for item in proof.unresolved:
        print(f"unresolved: {item.reason.value}; {item.where}" + (f"; {item.boxes} boxes" if item.boxes > 1 else ""))


def _verify(args: argparse.Namespace) -> None:
    from analytic.proofs import verify_certificate

    result = verify_certificate(args.file, compiled=not args.plain)
    for objection in result.objections:
        print(f"objection: {objection}")
    if not result.valid:
        raise InvalidValue(f"{args.file} is no valid certificate: {len(result.objections)} objections")
    print(f"{args.file}: valid, {'complete' if result.complete else 'not complete'}, {result.leaves} boxes checked")


def add(commands: Any) -> None:
    """Adds the subcommands."""
    text = (
        "prove that the list of stationary points of one model is complete\n\n"
        "With bias, for independent features; without bias, for all.\n"
        "The table has the isolated points; flat sets are known in closed form, see `minima`.\n\n"
        f"Exit status: 0 for a complete proof, {INCOMPLETE} for one that is not, 2 for an error."
    )
    example = "example:\n  analytic certify --density 0.3 --bias none --output proof.json"
    new = new_command(commands, "certify", _certify, text, example)
    add_model(new)
    new.add_argument(
        "--time-limit",
        type=float,
        metavar="S",
        help="seconds, then the rest counts as unresolved (default: none)",
    )
    new.add_argument("--output", "-o", type=Path, metavar="FILE", help="save the certificate as JSON, for `verify`")
    add_json(new)

    text = "check a saved certificate without repeating the search"
    new = new_command(commands, "verify", _verify, text, "example:\n  analytic verify proof.json")
    new.add_argument("file", type=Path, metavar="FILE", help="a certificate written by `analytic certify --output`")
    new.add_argument("--plain", action="store_true", help="compute in plain NumPy, slowly, without compiled code")
