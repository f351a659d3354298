"""A compiled interval machine: straight-line programs of interval operations, run over many boxes.

The programs come from `tape`, which records what the formulas of `enclosures` do; this module knows 15 operations.

Why the enclosures are right. A register holds one closed interval [lo, hi] per lane. IEEE 754 rounds every sum,
product, quotient and root to nearest, so the exact result lies between the neighbours of the computed c. `_down` and
`_up` move c at least to its neighbours:

    step = fl(fl(phi |c|) + tiny)        phi = 2^-53 (1 + 2^-52),  tiny = 2^-1022
    down = fl(c - step)                  up = fl(c + step)

For |c| >= 2^-969 let u = 2^-53 |c|, a float, and ulp the spacing of floats above |c|, so that u >= ulp / 2. phi |c| is
u (1 + 2^-52), not below the neighbour of u; rounding keeps that, so step > u. Hence c + step lies beyond the midpoint
of c and its neighbour, and rounds to the neighbour or further. A smaller |c| has its neighbours within 2^-1022, which
tiny covers; results that underflow are among these, with an error of at most 2^-1075. Where an end is infinite or not a
number the register becomes the whole line (`hi - lo < inf` fails), which encloses everything. min, max, negation,
comparisons and copies are exact.

Nothing else is assumed: not the order of lanes nor of the two ends. The compiler must not contract a product and a sum
into one rounding, nor reorder: Numba does neither unless told to (`fastmath` is off); a test reads the machine code.
"""

from __future__ import annotations

from enum import IntEnum

import numba
import numpy as np

#: Boxes per block: the registers of the longest program, 120, then take 120 kB, which stays in a core's own cache.
LANES = 64
_PHI, _TINY, _INF = 2.0**-53 * (1 + 2.0**-52), 2.0**-1022, np.inf


class Op(IntEnum):
    """What a line (op, target, a, b, number) of a program does to register `target`."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    MEET = 3  # the intersection
    JOIN = 4  # the lower end of a, the upper end of b
    SELECT = 5  # a where register `number` is positive, b where it is not, else their hull
    POWER = 6  # even `number`
    DIVIDE = 7
    NEGATE = 8
    POSITIVE = 9
    STEP = 10  # the derivative of POSITIVE
    ROOT = 11
    MIDDLE = 12
    LOWER = 13
    UPPER = 14


_compiled = numba.njit(cache=True, error_model="numpy")
_inlined = numba.njit(cache=True, error_model="numpy", inline="always")


@_inlined
def _down(c):
    return c - (abs(c) * _PHI + _TINY)


@_inlined
def _up(c):
    return c + (abs(c) * _PHI + _TINY)


@_inlined
def _store(r, t, i, low, high):
    known = high - low < _INF
    r[t, 0, i] = low if known else -_INF
    r[t, 1, i] = high if known else _INF


@_compiled
def _add(r, t, a, b, sign):
    """a + b, or a - b for sign = -1: the ends of b change places."""
    first, last = (0, 1) if sign > 0 else (1, 0)
    for i in range(r.shape[2]):
        _store(r, t, i, _down(r[a, 0, i] + sign * r[b, first, i]), _up(r[a, 1, i] + sign * r[b, last, i]))


@_compiled
def _multiply(r, t, a, b):
    """The sum of the four products is not a number if one of them is not, or if they differ by infinities."""
    for i in range(r.shape[2]):
        w, x, y, z = r[a, 0, i], r[a, 1, i], r[b, 0, i], r[b, 1, i]
        p, q, u, v = w * y, w * z, x * y, x * z
        low, high = min(min(p, q), min(u, v)), max(max(p, q), max(u, v))
        known = p + q + u + v
        _store(r, t, i, _down(low) if known == known else -_INF, _up(high))


@_compiled
def _combine(r, t, a, b, op):
    """MEET and JOIN."""
    for i in range(r.shape[2]):
        low = max(r[a, 0, i], r[b, 0, i]) if op == 3 else r[a, 0, i]
        high = min(r[a, 1, i], r[b, 1, i]) if op == 3 else r[b, 1, i]
        _store(r, t, i, low, high)


@_compiled
def _select(r, t, a, b, condition):
    for i in range(r.shape[2]):
        yes, no = r[condition, 0, i] > 0, r[condition, 1, i] <= 0
        low, high = min(r[a, 0, i], r[b, 0, i]), max(r[a, 1, i], r[b, 1, i])
        low = r[a, 0, i] if yes else r[b, 0, i] if no else low
        high = r[a, 1, i] if yes else r[b, 1, i] if no else high
        _store(r, t, i, low, high)


@_compiled
def _power(r, t, a, exponent):
    """Even powers: never negative."""
    for i in range(r.shape[2]):
        low, high = r[a, 0, i], r[a, 1, i]
        small = 0.0 if (low <= 0) & (high >= 0) else min(abs(low), abs(high))
        large = max(abs(low), abs(high))
        least, most = max(_down(small * small), 0.0), _up(large * large)
        if exponent == 4:
            least, most = max(_down(least * least), 0.0), _up(most * most)
        _store(r, t, i, least, most)


@_compiled
def _divide(r, t, a, b):
    """By an interval without zero; else the whole line."""
    for i in range(r.shape[2]):
        w, x, y, z = r[a, 0, i], r[a, 1, i], r[b, 0, i], r[b, 1, i]
        p, q, u, v = w / y, w / z, x / y, x / z
        low, high = min(min(p, q), min(u, v)), max(max(p, q), max(u, v))
        known = p + q + u + v
        regular = ((y > 0) | (z < 0)) & (known == known)
        _store(r, t, i, _down(low) if regular else -_INF, _up(high))


@_compiled
def _exact(r, t, a, op):
    """Operations that round nothing, and the root, which is rounded as a quotient is."""
    for i in range(r.shape[2]):
        low, high = r[a, 0, i], r[a, 1, i]
        if op == 8:
            low, high = -high, -low
        elif op == 9:
            low, high = max(low, 0.0), max(high, 0.0)
        elif op == 10:
            low, high = 1.0 if low > 0 else 0.0, 1.0 if high >= 0 else 0.0
        elif op == 11:
            low, high = max(_down(np.sqrt(low)), 0.0), _up(np.sqrt(high))
        elif op == 12:
            low = high = min(max(0.5 * low + 0.5 * high, low), high)
        elif op == 13:
            high = low
        else:
            low = high
        _store(r, t, i, low, high)


@_compiled
def _step(r, op, t, a, b, number):
    """One line of a program."""
    if op <= 1:
        _add(r, t, a, b, 1.0 - 2.0 * op)
    elif op == 2:
        _multiply(r, t, a, b)
    elif op <= 4:
        _combine(r, t, a, b, op)
    elif op == 5:
        _select(r, t, a, b, number)
    elif op == 6:
        _power(r, t, a, number)
    elif op == 7:
        _divide(r, t, a, b)
    else:
        _exact(r, t, a, op)


@_compiled
def run(program, registers, constants, inputs, results):
    """Run `program` (lines, 5) for every box, a block of lanes at a time.

    `constants` (c, 2) fill registers 0 .. c-1, `inputs` (d, 2, n) the next d; the last registers are the `results`
    (outputs, 2, n).
    """
    n = inputs.shape[2]
    r = np.empty((registers, 2, min(n, LANES)))
    lanes, fixed, given, wanted = r.shape[2], len(constants), len(inputs), len(results)
    for t in range(fixed):
        for i in range(lanes):
            r[t, 0, i], r[t, 1, i] = constants[t, 0], constants[t, 1]
    for start in range(0, n, LANES):
        for t in range(given):
            for i in range(lanes):
                at = min(start + i, n - 1)
                r[fixed + t, 0, i], r[fixed + t, 1, i] = inputs[t, 0, at], inputs[t, 1, at]
        for line in range(len(program)):
            _step(r, program[line, 0], program[line, 1], program[line, 2], program[line, 3], program[line, 4])
        for t in range(wanted):
            for i in range(min(lanes, n - start)):
                results[t, 0, start + i] = r[registers - wanted + t, 0, i]
                results[t, 1, start + i] = r[registers - wanted + t, 1, i]
