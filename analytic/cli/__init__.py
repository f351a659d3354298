"""The command `analytic`: every question that the package answers, from the shell.

Heavy imports happen inside the functions that need them, after the arguments are checked, so that `analytic --help` and
an error answer at once.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from analytic.cli import diagrams, explorer, landscape, larger, proofs, training, weights
from analytic.cli.common import INTERRUPTED, REFUSED, Parser
from analytic.validation import InvalidInput

_DESCRIPTION = """\
The exact landscape of toy models of superposition: sparse features x, x' = ReLU(W^T W x + b),
loss = sum_i I_i E[(x_i - x'_i)^2].

Words: a feature is zero with probability `sparsity`, else uniform on [0, 1]; density = 1 - sparsity.
For two features and one hidden unit, `importance` r means I = (1, r). The bias is "none", "shared" or "per-feature".
"""

_EPILOG = """\
examples:
  analytic phase-diagram                                   the theoretical phase diagram, as a picture and as numbers
  analytic minima --density 0.3 --importance 0.7 --bias none
  analytic loss 1 -1 --sparsity 0.9 --bias none            the exact loss of W = (1, -1)
  analytic boundaries --bias none                          where the phases meet
  analytic COMMAND --help                                  more about one command

exit status: 0 done, 2 bad input (one sentence on stderr says what), 3 only a part of the result (a certificate that is
not complete, training that was interrupted or diverged), 130 interrupted before there was a result
"""


class _Version(argparse.Action):
    """--version, looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from analytic import __version__

        parser.exit(0, f"analytic {__version__}\n")


@cache
def _parser() -> Parser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="analytic", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=raw)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for family in (diagrams, landscape, larger, proofs, training, weights, explorer):
        family.add(commands)
    return parser


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The arguments that the words of a command line stand for; SystemExit if they are not understood."""
    return _parser().parse_args(landscape.weights_first(list(words)))


@contextmanager
def _few_collections() -> Iterator[None]:
    """Garbage is sought seldom: a compilation makes many objects that live on, and each search visits them."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _in_one_chunk(args: argparse.Namespace) -> int | None:
    status: int | None = args.run(args)
    return status


# CPython 3.11 and later keep frames in chunks of 16 KB, and map and unmap one whenever a recursion crosses its edge, as
# the compiler's does all the time. A frame that asks for more gets a chunk with room for those above it, too.
_in_one_chunk.__code__ = _in_one_chunk.__code__.replace(co_stacksize=100_000)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    args = parsed(sys.argv[1:] if argv is None else argv)
    try:
        with _few_collections():
            status = _in_one_chunk(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output went away, as `head` does; that is no error, and neither is the flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except InvalidInput as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("this needs more memory than the machine has")
    except OSError as error:
        return _refuse(f"the system refused: {error.strerror or error}")
    except KeyboardInterrupt:
        print("analytic: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("ANALYTIC_TRACEBACK"):
            raise
        words = f"{type(error).__name__}: {error}".split()
        return _refuse(
            f"this is a bug in analytic, please report it ({' '.join(words)}); "
            "with ANALYTIC_TRACEBACK=1 in the environment it shows where"
        )
    else:
        return status or 0
    return 0


def _refuse(sentence: str) -> int:
    print(f"analytic: {' '.join(sentence.split())}", file=sys.stderr)
    return REFUSED
