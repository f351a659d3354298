"""The command `analytic`: every question that the package answers, from the shell.

Heavy imports happen inside the functions that need them, so that `analytic --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from analytic.cli import diagrams, landscape, proofs, training
from analytic.cli.common import Parser

_DESCRIPTION = """\
The exact landscape of the smallest toy model of superposition:
two sparse features x1, x2, one hidden unit, x' = ReLU(W^T W x + b),
loss = I1 E[(x1 - x1')^2] + I2 E[(x2 - x2')^2].

Words: a feature is zero with probability `sparsity`; density = 1 - sparsity.
`importance` r means I = (1, r). The bias is "none", "shared" or "per-feature".
"""

_EPILOG = """\
examples:
  analytic phase-diagram                                   the theoretical phase diagram, as a picture and as numbers
  analytic minima --density 0.3 --importance 0.7 --bias none
  analytic loss 1 -1 --sparsity 0.9 --bias none            the exact loss of W = (1, -1)
  analytic boundaries --bias none                          where the phases meet
  analytic COMMAND --help                                  more about one command
"""


def _parser() -> Parser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="analytic", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=raw)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for family in (diagrams, landscape, proofs, training):
        family.add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output went away, as `head` does; that is no error, and neither is the flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, TypeError, NotImplementedError, OSError) as error:
        print(f"analytic: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("analytic: interrupted", file=sys.stderr)
        return 130
    return 0
