"""Without bias: all stationary points, by counting roots of rational polynomials with Sturm's theorem.

On the ray W = rho (1, s v), s = +1 or -1, 0 < v <= 1, L is c - a rho^2 + q rho^4, where a and q are polynomials in
v of degree at most five: they integrate polynomials over {x1 + s v x2 > 0} or its complement, and for s < 0 the line
x1 = v x2 leaves the square through the side x2 = 1 because v <= 1; the highest power is
v^2 int int (v x2 - x1)_+^2 = v^5/12. They are found by exact interpolation. With the best rho the loss is
c - a^2 / (4 q), its derivative by v has the sign of -N with N = 2 a' q - a q', and a, q > 0. So the stationary points
off the axes are the roots of N, and N from + to - is a minimum.

A certificate lists intervals with rational ends. The checker computes N again and counts: one root in each interval,
and no more in (0, 1]. This route shares with `landscape.unbiased` the moments, and neither its algebra nor
python-flint.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from analytic.landscape.records import Kind
from analytic.loss import kernels
from analytic.proofs.closed_form import enclose
from analytic.proofs.intervals import Interval
from analytic.proofs.records import Bracket, ProvedPoint, Roots
from analytic.proofs.sturm import (
    Polynomial,
    add,
    count_roots,
    evaluate,
    interpolate,
    isolate,
    sign_after,
    sign_at,
    sign_before,
    stationary_polynomial,
    sturm_chain,
)

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

_DEGREE = 5
#: Whether v = |W1/W2| instead of |W2/W1|, and the sign of W1 W2.
Arc: TypeAlias = tuple[bool, int]
ARCS: tuple[Arc, ...] = tuple((swapped, sign) for swapped in (False, True) for sign in (1, -1))
#: The coefficients a and q of the loss on a ray as polynomials in v, for every arc.
RayLosses: TypeAlias = dict[Arc, tuple[Polynomial, Polynomial]]


def ray(model: ToyModel, swapped: bool, sign: int) -> tuple[Polynomial, Polynomial]:
    """a and q on W = rho (1, sign v): linear in the products of an importance and the probability of a pattern."""
    first, second = (1, 0) if swapped else (0, 1)
    importance, (_, *only, p11) = model.exact_importance, model.exact_patterns
    weights = [importance[first] * q for q in (only[first], only[second], p11)]
    weights += [importance[second] * q for q in (only[second], only[first], p11)]
    linear, square = (_sum(weights, parts) for parts in unit_rays(sign))
    return linear, square


def _sum(weights: Sequence[Fraction], parts: Sequence[Polynomial]) -> Polynomial:
    """The parts, times their weights."""
    total: Polynomial = []
    for weight, part in zip(weights, parts, strict=True):
        total = add(total, part, weight)
    return total


@cache
def unit_rays(sign: int) -> tuple[list[Polynomial], list[Polynomial]]:
    """The parts of a and of q: per output for its own, the other and both features on. From exact values at six points.

    The pattern without features contributes nothing: h = 0 there.
    """
    nodes = [Fraction(i + 1, _DEGREE + 1) for i in range(_DEGREE + 1)]
    linear, square = [], []
    for power in (0, 2):
        for pattern in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
            values = [kernels.moments(v**power, sign * v, Fraction(0), 0, *map(Fraction, pattern)) for v in nodes]
            linear.append(interpolate(nodes, [2 * xh for _, xh, *_ in values]))
            square.append(interpolate(nodes, [hh for hh, *_ in values]))
    return linear, square


def equation(linear: Polynomial, square: Polynomial) -> list[int]:
    """A positive multiple of N = 2 a' q - a q' without its factors v."""
    N = stationary_polynomial(linear, square)
    return N[next((i for i, x in enumerate(N) if x != 0), 0) :]


def ray_losses(model: ToyModel) -> RayLosses:
    """a and q for every arc."""
    return {arc: ray(model, *arc) for arc in ARCS}


def isolated_roots(model: ToyModel) -> Roots:
    """Brackets around every root, for densities in (0, 1]."""
    return Roots(tuple(isolate(sturm_chain(equation(*pair))) for pair in ray_losses(model).values()))


def objections_to(model: ToyModel, roots: Roots) -> list[str]:
    """What is wrong with the brackets: disjoint, one root in each, and together all roots in (0, 1]."""
    if len(roots.arcs) != len(ARCS):
        return [f"{len(roots.arcs)} arcs instead of {len(ARCS)}"]
    faults = []
    for (arc, pair), brackets in zip(ray_losses(model).items(), roots.arcs, strict=True):
        chain, name = sturm_chain(equation(*pair)), f"arc swapped {arc[0]}, sign {arc[1]}"
        if any(b[0] < a[1] for a, b in pairwise(brackets)):
            faults.append(f"{name}: intervals overlap or are not in order")
        if not all(0 <= low < high <= 1 and count_roots(chain, low, high) == 1 for low, high in brackets):
            faults.append(f"{name}: an interval without exactly one root")
        if count_roots(chain, Fraction(0), Fraction(1)) != len(brackets):
            faults.append(f"{name}: a root is missing")
    return faults


def points_from(model: ToyModel, roots: Roots) -> tuple[ProvedPoint, ...]:
    """The points that follow from isolated roots, and W = 0 and the axes, by loss."""
    points, losses = _closed_form(model), ray_losses(model)
    for (swapped, sign), brackets in zip(ARCS, roots.arcs, strict=True):
        N = equation(*losses[swapped, sign])
        for low, high in brackets:
            at_one = high == 1 and sign_at(N, high) == 0
            if at_one and swapped:
                continue
            after = -sign_before(equation(*losses[True, sign]), high) if at_one else sign_after(N, high)
            kind: Kind = "minimum" if sign_at(N, low) > 0 > after else "saddle"
            bracket = (high, high) if at_one else (low, high)
            points.append(_point(model, (swapped, sign), bracket, losses[swapped, sign], kind))
    return tuple(sorted(points, key=lambda point: point.loss))


def _point(
    model: ToyModel, arc: Arc, bracket: Bracket, on_ray: tuple[Polynomial, Polynomial], kind: Kind
) -> ProvedPoint:
    swapped, sign = arc
    v = Interval.between(*bracket)
    a, q = (evaluate(p, v) for p in on_ray)
    large = (a / (2 * q)).sqrt()
    W = [large, sign * v * large]
    first, second = (enclose(x) for x in (W[::-1] if swapped else W))
    loss = _silent_loss(model) - a**2 / (4 * q)
    zero = (0.0, 0.0)
    return ProvedPoint((first, second), (zero, zero), enclose(loss), kind, False)


def _silent_loss(model: ToyModel) -> Fraction:
    return sum((r * p / 3 for r, p in zip(model.exact_importance, model.exact_density, strict=True)), Fraction(0))


def _closed_form(model: ToyModel) -> list[ProvedPoint]:
    """W = 0, a maximum, and the axes, where the loss falls linearly on one side: saddles on a kink."""
    zero, one = (0.0, 0.0), (1.0, 1.0)
    parts = [enclose(r * p / 3) for r, p in zip(model.exact_importance, model.exact_density, strict=True)]
    none = (zero, zero)
    return [
        ProvedPoint(none, none, enclose(_silent_loss(model)), "maximum", True),
        ProvedPoint((one, zero), none, parts[1], "saddle", True),
        ProvedPoint((zero, one), none, parts[0], "saddle", True),
    ]
