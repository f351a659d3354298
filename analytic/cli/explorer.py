"""The page for the browser: explore."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analytic.cli.common import BIAS, new_command, say_written
from analytic.validation import InvalidValue


def _explore(args: argparse.Namespace) -> None:
    from analytic.explorer.page import explore

    density = args.density if args.sparsity is None else 1 - args.sparsity
    page = explore(density=density, importance=args.importance, bias=args.bias, view=args.view)
    if not args.no_open:
        say_written(page.show(args.output))
    elif args.output is not None:
        page.save(args.output)
        say_written(args.output)
    else:
        raise InvalidValue("--no-open must come with --output FILE, or nothing is left to do")


def add(commands: Any) -> None:
    """Adds the subcommand."""
    new = new_command(
        commands,
        "explore",
        _explore,
        "open the landscape in the browser, as one page that works offline\n\n"
        "The point in the phase diagram can be dragged, the exact loss follows; a click starts a descent.",
        "examples:\n"
        "  analytic explore --density 0.3 --importance 0.7 --bias per-feature\n"
        "  analytic explore --output page.html --no-open       write the page, to be sent or put on a server",
    )
    group = new.add_argument_group("what the page shows first")
    share = group.add_mutually_exclusive_group()
    share.add_argument("--sparsity", type=float, metavar="S", help="P(x = 0), 0 to 0.99")
    share.add_argument("--density", type=float, metavar="P", help="P(x != 0) = 1 - sparsity, 0.01 to 1")
    group.add_argument("--importance", type=float, metavar="R", help="importance of feature 2, 0.1 to 10")
    group.add_argument("--bias", choices=BIAS, help="bias convention")
    group.add_argument("--view", choices=("pair", "network"), default="pair", help="two features in one hidden "
                       "unit, or several in two (default pair)")  # fmt: skip
    new.add_argument("--output", "-o", type=Path, metavar="FILE", help="write the page there, .html")
    new.add_argument("--no-open", action="store_true", help="open no browser")
