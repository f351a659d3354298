"""The biases that are stationary for given weights: roots of piecewise cubics.

For fixed W the loss separates into one function of each bias, and half its derivative over the importance is

    G(b) = E[(h - x) 1(h > 0)],        h = alpha x + beta y + b,

continuous for alpha > 0 and a cubic between the four values of b where a corner of the unit square switches on. At the
lowest of them the output leaves the dead set: G is zero there, and negative just above, because the corner that
switches on first has x = 1 or, for alpha = 0, all of x. Far up G is positive. So live roots are odd in number,
counted with multiplicity; up to three occur. A shared bias adds the two derivatives, weighted by importance, and has up
to seven switching values.

Roots are bracketed between samples at the switching values and inside each piece, then refined by the Illinois
variant of false position.
"""

from __future__ import annotations

from numba import njit

from analytic.loss import kernels
from analytic.loss.pair import COMPILED

_moments = kernels.moments

#: Largest number of roots kept for one pair of weights.
MAX_ROOTS = 5
#: Samples per cubic piece, besides its ends.
_INSIDE = 1
#: Relative accuracy of a root; Newton's method in all parameters does the rest.
_ACCURACY = 1e-10


@njit(**COMPILED)
def output_moments(W1, W2, b, output, model):
    """`kernels.moments` of output 0 or 1."""
    W_own, p_own, p_other = (W1, model[3], model[4]) if output == 0 else (W2, model[4], model[3])
    return _moments(W_own * W_own, W1 * W2, b, model[2], p_own, p_other, model[5])


@njit(**COMPILED)
def slope(W1, W2, b, output, model):
    """G(b) of output 0 or 1, or of both together if `output` is 2, times the importance."""
    total = 0.0
    for i in range(2):
        if output != 1 - i:
            _, _, h, _, x, _, _ = output_moments(W1, W2, b, i, model)
            total += (h - x) * model[i]
    return total


@njit(**COMPILED)
def _refine(W1, W2, low, high, at_low, at_high, output, model):
    """The root of G in a bracket, by false position with Illinois weights."""
    side = 0
    for _ in range(60):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        if not low < middle < high:
            middle = 0.5 * (low + high)
        value = slope(W1, W2, middle, output, model)
        if value == 0.0 or high - low <= _ACCURACY * (abs(low) + abs(high)):
            return middle
        if (value > 0) == (at_high > 0):
            if abs(high - middle) <= _ACCURACY * abs(middle):
                return middle
            high, at_high = middle, value
            if side == 1:
                at_low *= 0.5
            side = 1
        else:
            if abs(middle - low) <= _ACCURACY * abs(middle):
                return middle
            low, at_low = middle, value
            if side == -1:
                at_high *= 0.5
            side = -1
    return 0.5 * (low + high)


@njit(**COMPILED)
def _switching_values(W1, W2, output, knots):
    """Fills `knots` with the sorted biases where a corner switches on and an upper bound of the roots; their count."""
    beta = W1 * W2
    n = 1
    knots[0] = 0.0
    if beta != 0.0:
        knots[n] = -beta
        n += 1
    for i in range(2):
        if output != 1 - i:
            alpha = W1 * W1 if i == 0 else W2 * W2
            knots[n] = -alpha
            knots[n + 1] = -alpha - beta
            n += 2
    knots[n] = 1.0 + abs(beta)
    for i in range(1, n + 1):
        value, j = knots[i], i
        while j > 0 and knots[j - 1] > value:
            knots[j] = knots[j - 1]
            j -= 1
        knots[j] = value
    return n + 1


@njit(**COMPILED)
def bias_roots(W1, W2, output, model, knots, roots):
    """Live roots of G in ascending order into `roots`; returns how many. `knots` is scratch space of length 8."""
    count = 0
    n = _switching_values(W1, W2, output, knots)
    low, at_low = knots[0], -1e-300
    for i in range(n - 1):
        width = (knots[i + 1] - knots[i]) / (_INSIDE + 1)
        if width <= 0.0:
            continue
        for k in range(1, _INSIDE + 2):
            high = knots[i] + k * width if k <= _INSIDE else knots[i + 1]
            at_high = slope(W1, W2, high, output, model)
            if at_high != 0.0:
                if (at_high > 0) != (at_low > 0) and count < MAX_ROOTS:
                    roots[count] = _refine(W1, W2, low, high, at_low, at_high, output, model)
                    count += 1
                low, at_low = high, at_high
    return count
