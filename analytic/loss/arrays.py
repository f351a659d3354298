"""Compiled loops over arrays of points: how they are compiled, and NumPy's broadcasting in front of them.

A loop is an ordinary compiled function of contiguous arrays. `numba.guvectorize` would broadcast by itself, but
what it keeps on disk is broken when two processes compile at once; a cached function that is compiled for one kind of
argument only is not, since both then write the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

#: Compiler settings of every scalar function: IEEE division, no lock on the interpreter, kept on disk, no C callback.
COMPILED: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}

#: The first value of a counter that is passed on. A literal 0 is a type of its own to the compiler, and while the types
#: in a loop are still unknown it compiles whatever is called for that type, too, and for each combination of them.
ZERO = np.int64(0)

#: Points per call of a loop: they fit into the first cache, and the call costs nothing beside them.
_BLOCK = 1024

Point = tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]
Array = npt.NDArray[np.float64]


def _blocks(point: Point, shape: tuple[int, ...]) -> Iterator[tuple[Array, ...]]:
    """The coordinates in C order, as contiguous arrays that cannot be written, of one length up to _BLOCK."""
    if prod(shape) <= _BLOCK:
        table = np.empty((len(point), prod(shape)))
        grid = table.reshape(len(point), *shape)
        for k, coordinate in enumerate(point):
            grid[k] = coordinate
        table.flags.writeable = False
        yield tuple(table)
        return
    yield from np.nditer(  # type: ignore[call-overload]
        point,
        flags=["external_loop", "buffered"],
        op_flags=[["readonly", "contig"]] * len(point),
        op_dtypes=[np.float64] * len(point),
        order="C",
        buffersize=_BLOCK,
    )


def over_points(
    loop: Callable[..., None], point: Point, model: npt.ArrayLike, *inner: tuple[int, ...]
) -> tuple[Array, ...]:
    """Arrays (..., *inner), one for each inner shape, filled by `loop` at the points W1, W2, b1, b2.

    The coordinates broadcast. `loop` gets blocks of each coordinate, the model (I1, I2, P00, P10, P01, P11), and the
    rows of each result. Nothing but the results and one block is allocated.
    """
    shape = np.broadcast(*point).shape
    results = tuple(np.empty((*shape, *each)) for each in inner)
    rows = [result.reshape(-1, *each) for result, each in zip(results, inner, strict=True)]
    parameters, start = np.array(model, dtype=np.float64), 0
    for block in _blocks(point, shape):
        end = start + len(block[0])
        loop(*block, parameters, *(row[start:end] for row in rows))
        start = end
    return results
