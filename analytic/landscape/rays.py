"""The points of one ray W2 = t W1 at which the radius and the biases are stationary, from explicit curves.

h is homogeneous: on the ray W = sqrt(s) (1, t), b_i = s c_i, output i is s g_i with g_i = x_i + t x_j + c_i for the
first and t^2 x_i + t x_j + c_i for the second feature. Its bias is stationary where E[(s g_i - x_i) 1(g_i > 0)] = 0, so

    s = E[x_i 1(g_i > 0)] / E[g_i+]           and along s the loss falls at rate
    F_i = -(s / 2) dL_i/ds = I_i s (E[x_i g_i+] - s E[g_i+^2])

are explicit functions of c_i: no equation is solved. With a bias per feature each output has its own curve
(log s, F_i), and the ray's stationary points are the intersections s_1 = s_2, F_1 + F_2 = 0 of the first with the
second turned upside down. A shared bias has b = s c in both outputs, one s with both sums, and F_1 + F_2 = 0 along c.

*Nodes.* g_i is linear, so the moments are piecewise rational in c, cut where a corner of the square switches on. Next
to such a value they are sums of positive monomials in the distance d to it, so that on a logarithmic scale of d they
change from one power law to the next over a few e-folds, however unequal the probabilities of the patterns are; where
the change happens is a ratio of probabilities, importances and distances of corners. Nodes are therefore spaced evenly
in log d on both sides of each switching value, down to that ratio.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytic.loss import kernels
from analytic.loss.arrays import ZERO
from analytic.loss.pair import COMPILED

_moments = kernels.moments

#: Nodes begin at this fraction of the smallest scale at which two power laws can meet; below it one of them rules.
_BELOW = 1e-2
#: The finest distance that float64 resolves next to a switching value, relative to the largest of them.
_FINEST = 1e-15
#: b_i = s c_i stays below 1, so that c_i is below (1 + t^2) / |W|^2. Nodes end there for this |W|^2 times the smallest
#: ratio, or where float64 does not tell c_i + t from c_i: from there on only W = 0 is left, which is known.
_LEAST_SQUARE, _LARGEST = 1e-4, 1e14
#: Where |F_1 + F_2| has a minimum below this fraction of |F_1| + |F_2|, it may touch zero between nodes.
_TOUCH = 0.5
#: A cell that contains a start is cut into so many pieces, so that Newton's method starts within a few per cent.
_PIECES = 8


@njit(**COMPILED)
def smallest_ratio(model):
    """The smallest ratio of importances times that of the probabilities of patterns that occur."""
    low, high = np.inf, 0.0
    for k in range(2, 6):
        if model[k] > 0.0:
            low, high = min(low, model[k]), max(high, model[k])
    return low / high * min(model[0] / model[1], model[1] / model[0])


@njit(**COMPILED)
def _insert(knots, n, value):
    """Inserts a value into the sorted list of length n unless it is there; the new length."""
    k = n
    while k > 0 and knots[k - 1] > value:
        k -= 1
    if k > 0 and knots[k - 1] == value:
        return n
    for j in range(n, k, -1):
        knots[j] = knots[j - 1]
    knots[k] = value
    return n + 1


@njit(**COMPILED)
def _switching_values(t, output, model, knots):
    """Values of c where a corner that occurs switches on, ascending; `output` is 0, 1, or 2 for a shared bias."""
    n = _insert(knots, ZERO, 0.0)
    for i in range(2):
        if output == 1 - i:
            continue
        alpha = 1.0 if i == 0 else t * t
        if model[3 + i] + model[5] > 0.0:
            n = _insert(knots, n, -alpha)
        if model[4 - i] + model[5] > 0.0:
            n = _insert(knots, n, -t)
        if model[5] > 0.0:
            n = _insert(knots, n, -alpha - t)
    return n


@njit(**COMPILED)
def _graded(start, direction, first, last, factor, nodes, count):
    """Nodes at distances `first`, `first` factor, ... up to `last` from `start`; the new count."""
    distance = first
    while distance < last and count < len(nodes):
        nodes[count] = start + direction * distance
        count += 1
        distance *= factor
    return count


@njit(**COMPILED)
def _nodes(t, output, model, factor, knots, nodes):
    """Ascending values of c for one curve; returns how many."""
    n = _switching_values(t, output, model, knots)
    scale = knots[n - 1] - knots[0]
    gap = scale
    for k in range(n - 1):
        gap = min(gap, knots[k + 1] - knots[k])
    ratio = smallest_ratio(model)
    first, top = max(_BELOW * ratio * gap, _FINEST * scale), min(1.0 / (_LEAST_SQUARE * ratio), _LARGEST)
    count = 0
    for k in range(n - 1):
        middle = 0.5 * (knots[k + 1] - knots[k])
        nodes[count] = knots[k]
        count = _graded(knots[k], 1.0, min(first, middle), middle, factor, nodes, count + 1)
        low = count
        count = _graded(knots[k + 1], -1.0, min(first, middle), middle, factor, nodes, count)
        for j in range((count - low) // 2):
            nodes[low + j], nodes[count - 1 - j] = nodes[count - 1 - j], nodes[low + j]
    nodes[count] = knots[n - 1]
    return _graded(knots[n - 1], 1.0, first, top * (1.0 + t * t), factor, nodes, count + 1)


@njit(**COMPILED)
def _curve(t, output, model, n, out):
    """Rows (c, log s, F) of one curve at the n values of c in `out[0]`, where the output is live; returns how many."""
    kept = 0
    for k in range(n):
        c, on, mean, square, product = out[0, k], 0.0, 0.0, 0.0, 0.0
        for i in range(2):
            if output != 1 - i:
                alpha = 1.0 if i == 0 else t * t
                hh, xh, h, _, x, _, _ = _moments(alpha, t, c, model[2], model[3 + i], model[4 - i], model[5])
                on += model[i] * x
                mean += model[i] * h
                square += model[i] * hh
                product += model[i] * xh
        if on > 0.0 and mean > 0.0:
            s = on / mean
            out[0, kept], out[1, kept], out[2, kept] = c, np.log(s), s * (product - s * square)
            kept += 1
    return kept


@njit(**COMPILED)
def _at(curve, k, ahead, x):
    """c and F at log s = x on the segment from node k to node k + ahead."""
    weight = (x - curve[1, k]) / (curve[1, k + ahead] - curve[1, k])
    return (
        curve[0, k] + weight * (curve[0, k + ahead] - curve[0, k]),
        curve[2, k] + weight * (curve[2, k + ahead] - curve[2, k]),
    )


@njit(**COMPILED)
def _run_end(curve, n, k):
    """The last node of the run from node k along which log s is monotone."""
    rising, end = curve[1, k + 1] > curve[1, k], k + 1
    while end < n - 1 and (curve[1, end + 1] > curve[1, end]) == rising:
        end += 1
    return end


@njit(**COMPILED)
def _add(rows, count, a, b, c, d, e):
    """Adds a row of five numbers while there is room; the new count."""
    if count < len(rows):
        rows[count, 0], rows[count, 1], rows[count, 2], rows[count, 3], rows[count, 4] = a, b, c, d, e
        count += 1
    return count


@njit(**COMPILED)
def _cross_runs(first, i, i_last, second, j, j_last, rows, count, cells):
    """Adds the intersections of two runs, given in the direction of rising log s, by one walk over the nodes of both.

    As starts (log s, c1, c2, 0, crossing), or as cells (c1 from, c1 to, c2 from, c2 to, crossing) that contain them.
    """
    di, dj = (1 if i_last > i else -1), (1 if j_last > j else -1)
    x, end = max(first[1, i], second[1, j]), min(first[1, i_last], second[1, j_last])
    old_i, old_j, old_x, old_c1, old_c2, old, older = i, j, x, 0.0, 0.0, np.nan, np.nan
    while x <= end and old_x < end:
        while i != i_last - di and first[1, i + di] <= x:
            i += di
        while j != j_last - dj and second[1, j + dj] <= x:
            j += dj
        c1, F1 = _at(first, i, di, x)
        c2, F2 = _at(second, j, dj, x)
        new = (F1 + F2) / max(abs(F1) + abs(F2), 1e-300)
        crosses = not np.isnan(old) and (new > 0.0) != (old > 0.0)
        touches = abs(old) < _TOUCH and abs(old) <= min(abs(older), abs(new)) and (older > 0.0) == (new > 0.0)
        if cells and (crosses or touches):
            count = _add(rows, count, first[0, old_i], first[0, i + di], second[0, old_j], second[0, j + dj], crosses)
        elif crosses or touches:
            w = old / (old - new) if crosses else 0.0
            c1_at, c2_at = old_c1 + w * (c1 - old_c1), old_c2 + w * (c2 - old_c2)
            count = _add(rows, count, old_x + w * (x - old_x), c1_at, c2_at, 0.0, crosses)
        old_i, old_j, old_x, old_c1, old_c2, old, older = i, j, x, c1, c2, new, old
        x = min(end, min(first[1, i + di], second[1, j + dj]))
    return count


@njit(**COMPILED)
def _cross(first, n1, second, n2, rows, count, cells):
    """Adds the intersections of two curves, run by run."""
    i = ZERO
    while i < n1 - 1:
        i_end = _run_end(first, n1, i)
        low, high = (i, i_end) if first[1, i_end] > first[1, i] else (i_end, i)
        j = ZERO
        while j < n2 - 1:
            j_end = _run_end(second, n2, j)
            if second[1, j_end] > second[1, j]:
                count = _cross_runs(first, low, high, second, j, j_end, rows, count, cells)
            else:
                count = _cross_runs(first, low, high, second, j_end, j, rows, count, cells)
            j = j_end
        i = i_end
    return count


@njit(**COMPILED)
def _zeros(curve, n, rows, count, cells):
    """Adds the zeros of F along one curve, as `_cross_runs` does for two."""
    older = np.nan
    for k in range(1, n):
        old, new = curve[2, k - 1], curve[2, k]
        crosses = (old > 0.0) != (new > 0.0)
        touches = abs(old) <= min(abs(older), abs(new)) and (older > 0.0) == (new > 0.0)
        older = old
        if cells and (crosses or touches):
            count = _add(rows, count, curve[0, k - 1 if crosses else k - 2], curve[0, k], 0.0, 0.0, crosses)
        elif crosses or touches:
            w = old / (old - new) if crosses else 0.0
            c = curve[0, k - 1] + w * (curve[0, k] - curve[0, k - 1])
            count = _add(rows, count, curve[1, k - 1] + w * (curve[1, k] - curve[1, k - 1]), c, c, 0.0, crosses)
    return count


@njit(**COMPILED)
def _even_nodes(start, end, nodes):
    """Evenly spaced nodes between two values of c, ascending; returns how many."""
    low, width = min(start, end), abs(end - start)
    for k in range(_PIECES + 1):
        nodes[k] = low + width * k / _PIECES
    return _PIECES + 1


@njit(**COMPILED)
def ray_starts(t, shared, model, factor, curves, knots, cells, starts):
    """Rows (log s, c1, c2, 0, crossing) of one ray into `starts`; returns how many.

    A first pass over whole curves finds the cells that contain one, a second one over finer curves in each cell finds
    it; both are one loop, so that the moments are compiled once. `curves`, `knots` and `cells` are scratch space.
    """
    n_cells, count, cell, lengths = ZERO, ZERO, -1, (ZERO, ZERO)
    while cell < n_cells:
        for i in range(1 if shared else 2):
            output = 2 if shared else i
            if cell < 0:
                n = _nodes(t, output, model, factor, knots, curves[i, 0])
            else:
                n = _even_nodes(cells[cell, 2 * i], cells[cell, 2 * i + 1], curves[i, 0])
            n = _curve(t, output, model, n, curves[i])
            lengths = (n, ZERO) if i == 0 else (lengths[0], n)
        rows, known = (cells, ZERO) if cell < 0 else (starts, count)
        if shared:
            known = _zeros(curves[0], lengths[0], rows, known, cell < 0)
        else:
            known = _cross(curves[0], lengths[0], curves[1], lengths[1], rows, known, cell < 0)
        n_cells, count = (known, ZERO) if cell < 0 else (n_cells, known)
        cell += 1
    return count
