"""What the explorer computes in the browser: the functions that `kernels` has for compiled code, as JavaScript."""

from __future__ import annotations

from derivations.kernels import module
from derivations.printers import JavaScript


def pair_script() -> str:
    """The text of `analytic/explorer/source/generated/pair.js`."""
    return JavaScript().module(module())
