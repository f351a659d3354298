"""Proofs: certify, verify and atlas."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytic.cli.common import (
    BIAS,
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
from analytic.validation import InvalidValue, refuse

if TYPE_CHECKING:
    from analytic.proofs import Atlas, Certificate, ProvedPoint


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
    if args.file.suffix in (".jsonl", ".gz"):
        _verify_atlas(args)
        return
    from analytic.proofs import verify_certificate

    result = verify_certificate(args.file, compiled=not args.plain)
    _refuse(result.objections, f"{args.file} is no valid certificate")
    print(f"{args.file}: valid, {'complete' if result.complete else 'not complete'}, {result.leaves} boxes checked")


def _verify_atlas(args: argparse.Namespace) -> None:
    from analytic.proofs import Atlas, verify_atlas

    found = Atlas.load(args.file)
    result = verify_atlas(found, rectangles=args.rectangles, seed=args.seed)
    _refuse(result.objections, f"{args.file} is no valid atlas")
    print(
        f"{args.file}: valid, {'complete' if result.complete else 'not complete'}; "
        f"{result.pairs} pairs of {result.cells} cells that touch agree; "
        f"{result.again} of {result.rectangles} rectangles proved again"
    )
    _report_atlas(found)
    if args.boundaries:
        _hold_against_boundaries(found)


def _hold_against_boundaries(found: Atlas) -> None:
    from analytic.diagrams.boundaries import phase_boundaries
    from analytic.diagrams.strips import against

    boundaries = phase_boundaries(found.bias, importance=found.importance, density=found.density)
    result = against(found, boundaries)
    objections = [
        f"{boundaries.curves[course.curve].label}: contradicted at density {p:.6g}, importance {r:.6g}"
        for course in result.courses
        for p, r in course.contradictions
    ]
    objections += [
        f"no curve between density {p:.6g}, importance {r:.6g} and density {q:.6g}, importance {s:.6g}, which differ"
        for (p, r), (q, s) in result.missing
    ]
    _refuse(objections, "the atlas and the curves of `analytic boundaries` contradict each other")
    for course in result.courses:
        label = boundaries.curves[course.curve].label
        print(f"{label}: {course.points} points in open cells, {course.confirmed} confirmed by proofs on both sides")
    print(f"strips of open cells: {len(result.strips)}, without a curve: {len(result.empty)}")
    for strip in result.empty:
        place = "at density {:.6g}, importance {:.6g}".format(*strip.middle)
        print(f"no curve {place}: {len(strip.cells)} cells, {', '.join(strip.reasons)}")


def _refuse(objections: Sequence[str], sentence: str) -> None:
    for objection in objections:
        print(f"objection: {objection}")
    if objections:
        raise InvalidValue(f"{sentence}: {len(objections)} objections")


def _atlas(args: argparse.Namespace) -> int:
    from analytic.files import writable
    from analytic.validation import limits

    writable(args.output, (".jsonl",))
    density, importance = limits("--density", args.density), limits("--importance", args.importance)
    from analytic.proofs import atlas

    with ExitStack() as stack:
        executor = stack.enter_context(_dask(args.scheduler)) if args.scheduler is not None else None
        made = atlas(
            args.output,
            density=density,
            importance=importance,
            bias=args.bias,
            width=args.width,
            smallest=args.smallest,
            executor=executor,
        )
    _report_atlas(made)
    return DONE if made.complete else INCOMPLETE


def _report_atlas(found: Atlas) -> None:
    from analytic.proofs import Reason

    print(f"{found.finished} of {found.total} rectangles, {found.seconds:.0f} s of processor time")
    print(f"proved on {found.proved:.2%} of their area, number and kinds of points on {found.counted:.2%}")
    for reason, share in found.reasons().items():
        print(f"open on {share:.2%}: {Reason[reason].value}")


@contextmanager
def _dask(address: str) -> Iterator[Any]:
    """An executor on a Dask scheduler."""
    from importlib.util import find_spec

    if find_spec("distributed") is None:
        raise InvalidValue("--scheduler needs the package distributed: pip install 'analytic-superposition[dask]'")
    from distributed import Client

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what is wrong is one sentence at the end
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        refuse("--scheduler", "be the address of a running Dask scheduler", address, f"{error}")
    with client:
        yield client.get_executor(pure=False)


def add(commands: Any) -> None:
    """Adds the subcommands."""
    text = (
        "prove that the list of stationary points of one model is complete\n\n"
        "With bias, the features have to be on together sometimes.\n"
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

    text = (
        "check a saved certificate without repeating the search, or an atlas\n\n"
        "An atlas is checked to cover its region once, and to say the same of all cells that touch,\n"
        "for they have models in common. Rectangles drawn at random are proved again, and those proofs are checked."
    )
    example = "examples:\n  analytic verify proof.json\n  analytic verify atlas.jsonl --rectangles 20"
    new = new_command(commands, "verify", _verify, text, example)
    help = "what `analytic certify --output` or `analytic atlas` wrote"
    new.add_argument("file", type=Path, metavar="FILE", help=help)
    new.add_argument("--plain", action="store_true", help="a certificate: compute in plain NumPy, slowly")
    help = "an atlas: so many are proved again, or all if there are not more (default 10)"
    new.add_argument("--rectangles", type=int, default=10, metavar="N", help=help)
    new.add_argument("--seed", type=int, default=0, metavar="N", help="an atlas: of the draw (default 0)")
    help = "an atlas: hold it against the curves of `analytic boundaries`, too"
    new.add_argument("--boundaries", action="store_true", help=help)

    text = (
        "cover a region of the phase diagram with rectangles of models that are proved\n\n"
        "Finished rectangles are kept in the file; the same command goes on where it was stopped or killed.\n\n"
        f"Exit status: 0 when every rectangle is finished, {INCOMPLETE} when some are not, 2 for an error."
    )
    example = "example:\n  analytic atlas --bias shared --density 0.4 0.401 --importance 0.7 0.701 --output atlas.jsonl"
    new = new_command(commands, "atlas", _atlas, text, example)
    new.add_argument("--bias", choices=BIAS, default="per-feature", help="default per-feature")
    for name, default in (("density", (0.05, 0.95)), ("importance", (0.1, 1.0))):
        words = f"default {default[0]:g} {default[1]:g}"
        new.add_argument(f"--{name}", type=float, nargs=2, default=default, metavar=("LOW", "HIGH"), help=words)
    new.add_argument("--width", type=float, default=0.08, help="of the first cut, in logarithms (default 0.08)")
    new.add_argument("--smallest", type=float, default=0.002, help="of undecided rectangles (default 0.002)")
    new.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler that does the work (default: all cores)")
    new.add_argument(
        "--output", "-o", type=Path, default=Path("atlas.jsonl"), metavar="FILE", help="default atlas.jsonl"
    )
