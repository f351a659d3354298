"""What every script shares: its docstring is its help, it draws without a display and saves whole files or none."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from analytic.files import PICTURES, writable
from analytic.plotting.saving import save_picture

mpl.use("Agg")


def parser(description: str | None, output: str) -> argparse.ArgumentParser:
    """A parser with the script's docstring as help, and --output."""
    new = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    new.add_argument("--output", type=_picture, default=Path(output), metavar="FILE", help=f"default {output}")
    return new


def save(figure: Figure, path: Path) -> None:
    """Writes the figure."""
    save_picture(figure, path, dpi=180)
    print(f"wrote {path}")


def _picture(text: str) -> Path:
    try:
        writable(text, PICTURES)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)
