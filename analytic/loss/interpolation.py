"""Functions given at equidistant nodes: means over intervals of any length, finer nodes, and the adjoint of each.

Between two nodes a function is the cubic through the two nodes on either side, at the ends through the last four. Its
integral from node 0, counted in steps, is the running sum J. Positions are real numbers, node i at position i. So

    mean over [i, i + t] = (integral up to i + t - J_i) / t

is exact for cubics. Continued by up to two steps the last cubic still serves; further out, where the lattice was cut
off because nothing weighs there, the function is taken to be constant.

Every adjoint takes weights on the results and adds the weights on the arguments: for a linear map A, A^T. Loops over
the nodes that need no special case are separate and run over slices from 0, so that they compile to vector code.
"""

from __future__ import annotations

import math

from numba import njit

from analytic.loss.pair import COMPILED

#: How far beyond the last node, in steps, the last cubic is used.
_BEYOND = 2


@njit(**COMPILED)
def _cubics(s):
    """The four cubics that are one at -1, 0, 1, 2 in turn and zero at the other three; relatively accurate near 0."""
    w0, w1 = -s * (s - 1) * (s - 2) / 6, (s + 1) * (s - 1) * (s - 2) / 2
    return w0, w1, -(s + 1) * s * (s - 2) / 2, (s + 1) * s * (s - 1) / 6


@njit(**COMPILED)
def _integrals(s):
    """Their integrals over [0, s]."""
    square, cube, fourth = s * s, s * s * s, s * s * s * s / 4
    return (
        (cube - fourth - square) / 6,
        (fourth - 2 * cube / 3 - square / 2 + 2 * s) / 2,
        (cube / 3 + square - fourth) / 2,
        (fourth - square / 2) / 6,
    )


@njit(**COMPILED)
def _anchor(position, count):
    """The node a whose cubic, through a - 1, ..., a + 2, serves a position."""
    return min(max(math.floor(position), 1), count - 3)


@njit(**COMPILED)
def _plain(length, first, last, count):
    """Nodes start, ..., stop - 1 of first, ..., last - 1, for which i + length is between the middle two of four."""
    whole = math.floor(length)
    start = min(max(first, 1 - whole), last)
    return whole, start, max(min(last, count - 2 - whole), start)


@njit(**COMPILED)
def running_integral(v, count, J):
    """J[i]: integral of v from node 0 to node i, in steps."""
    J[0] = 0.0
    J[1] = (9 * v[0] + 19 * v[1] - 5 * v[2] + v[3]) / 24
    for i in range(1, count - 2):
        J[i + 1] = J[i] + (13 * (v[i] + v[i + 1]) - v[i - 1] - v[i + 2]) / 24
    J[count - 1] = J[count - 2] + (v[count - 4] - 5 * v[count - 3] + 19 * v[count - 2] + 9 * v[count - 1]) / 24


@njit(**COMPILED)
def _add_from_integral(weights, count, out):
    """Adjoint of `running_integral`."""
    total = weights[count - 1] / 24
    out[count - 4] += total
    out[count - 3] -= 5 * total
    out[count - 2] += 19 * total
    out[count - 1] += 9 * total
    for i in range(count - 3, 0, -1):
        total += weights[i + 1] / 24
        out[i - 1] -= total
        out[i] += 13 * total
        out[i + 1] += 13 * total
        out[i + 2] -= total
    total += weights[1] / 24
    out[0] += 9 * total
    out[1] += 19 * total
    out[2] -= 5 * total
    out[3] += total


@njit(**COMPILED)
def _integral_to(v, J, count, position):
    """Integral of v from node 0 to any position."""
    if position > count - 1 + _BEYOND:
        return J[count - 1] + (position - count + 1) * v[count - 1]
    if position < -_BEYOND:
        return position * v[0]
    a = _anchor(position, count)
    w0, w1, w2, w3 = _integrals(position - a)
    return J[a] + w0 * v[a - 1] + w1 * v[a] + w2 * v[a + 1] + w3 * v[a + 2]


@njit(**COMPILED)
def _add_from_integral_to(weight, count, position, on_v, on_J):
    """Adjoint of `_integral_to`."""
    if position > count - 1 + _BEYOND:
        on_J[count - 1] += weight
        on_v[count - 1] += weight * (position - count + 1)
    elif position < -_BEYOND:
        on_v[0] += weight * position
    else:
        a = _anchor(position, count)
        w0, w1, w2, w3 = _integrals(position - a)
        on_J[a] += weight
        on_v[a - 1] += weight * w0
        on_v[a] += weight * w1
        on_v[a + 1] += weight * w2
        on_v[a + 2] += weight * w3


@njit(**COMPILED)
def value_at(v, count, position):
    """The function with values v[:count] on nodes 0, 1, ... at a position among them."""
    if position > count - 1 + _BEYOND:
        return v[count - 1]
    if position < -_BEYOND:
        return v[0]
    a = _anchor(position, count)
    w0, w1, w2, w3 = _cubics(position - a)
    return w0 * v[a - 1] + w1 * v[a] + w2 * v[a + 1] + w3 * v[a + 2]


@njit(**COMPILED)
def means(v, J, count, length, first, last, out):
    """out[i - first]: mean of v over [i, i + length], length of either sign, for the nodes first, ..., last - 1."""
    whole, start, stop = _plain(length, first, last, count)
    w0, w1, w2, w3 = _integrals(length - whole)
    inverse = 1 / length
    near, begin, end, plain = v[start + whole - 1 :], J[start:], J[start + whole :], out[start - first :]
    for i in range(stop - start):
        part = w0 * near[i] + w1 * near[i + 1] + w2 * near[i + 2] + w3 * near[i + 3]
        plain[i] = inverse * (end[i] - begin[i] + part)
    for i in range(first, start):
        out[i - first] = inverse * (_integral_to(v, J, count, i + length) - J[i])
    for i in range(stop, last):
        out[i - first] = inverse * (_integral_to(v, J, count, i + length) - J[i])


@njit(**COMPILED)
def add_from_means(weights, count, length, first, last, out, on_J):
    """Adjoint of `running_integral` and `means` together; `on_J` is scratch."""
    whole, start, stop = _plain(length, first, last, count)
    w0, w1, w2, w3 = _integrals(length - whole)
    inverse = 1 / length
    on_J[:count] = 0.0
    for i in range(first, last):
        on_J[i] = -inverse * weights[i - first]
    near, end, plain = out[start + whole - 1 :], on_J[start + whole :], weights[start - first :]
    for i in range(stop - start):
        end[i] += inverse * plain[i]
    for shift, weight in enumerate((w0, w1, w2, w3)):
        shifted = near[shift:]
        for i in range(stop - start):
            shifted[i] += inverse * weight * plain[i]
    for i in range(first, start):
        _add_from_integral_to(inverse * weights[i - first], count, i + length, out, on_J)
    for i in range(stop, last):
        _add_from_integral_to(inverse * weights[i - first], count, i + length, out, on_J)
    _add_from_integral(on_J, count, out)


@njit(**COMPILED)
def slope_by_length(weights, v, mean, count, length, first, last):
    """Derivative by the length, times the length, of the sum of weights times `means`, which are given."""
    whole, start, stop = _plain(length, first, last, count)
    w0, w1, w2, w3 = _cubics(length - whole)
    total = 0.0
    near, plain, plain_mean = v[start + whole - 1 :], weights[start - first :], mean[start - first :]
    for i in range(stop - start):
        value = w0 * near[i] + w1 * near[i + 1] + w2 * near[i + 2] + w3 * near[i + 3]
        total += plain[i] * (value - plain_mean[i])
    for i in range(first, start):
        total += weights[i - first] * (value_at(v, count, i + length) - mean[i - first])
    for i in range(stop, last):
        total += weights[i - first] * (value_at(v, count, i + length) - mean[i - first])
    return total


@njit(**COMPILED)
def _finer_node(offset, ratio, count, centre):
    """Nodes and weights for a finer node, counted from the node `centre` that both have; mirrored on its left.

    The cubic's variable starts at the centre, so that where v vanishes there its values nearby keep all digits.
    """
    side = 1 if offset >= 0 else -1
    position = abs(offset) * ratio
    a = min(math.floor(position), max((count - 1 - centre if side > 0 else centre) - 2, 0))
    return centre + side * a, side, _cubics(position - a)


@njit(**COMPILED)
def finer(v, count, centre, ratio, finer_count, finer_centre, out):
    """out: v at nodes `ratio` < 1 steps apart, where node `finer_centre` lies on node `centre`."""
    for i in range(finer_count):
        a, side, (w0, w1, w2, w3) = _finer_node(i - finer_centre, ratio, count, centre)
        out[i] = w0 * v[a - side] + w1 * v[a] + w2 * v[a + side] + w3 * v[a + 2 * side]


@njit(**COMPILED)
def add_from_finer(weights, count, centre, ratio, finer_count, finer_centre, out):
    """Adjoint of `finer`."""
    for i in range(finer_count):
        a, side, (w0, w1, w2, w3) = _finer_node(i - finer_centre, ratio, count, centre)
        out[a - side] += w0 * weights[i]
        out[a] += w1 * weights[i]
        out[a + side] += w2 * weights[i]
        out[a + 2 * side] += w3 * weights[i]
