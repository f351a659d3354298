"""Without bias: all stationary points, by counting roots of rational polynomials with Sturm's theorem.

On the ray W = rho (1, s v), s = +1 or -1, 0 < v <= 1, L is c - a rho^2 + q rho^4, where a and q are polynomials in
v of degree at most five: they integrate polynomials over {x1 + s v x2 > 0} or its complement, and for s < 0 the line
x1 = v x2 leaves the square through the side x2 = 1 because v <= 1; the highest power is
v^2 int int (v x2 - x1)_+^2 = v^5/12. They are found by exact interpolation. With the best rho the loss is
c - a^2 / (4 q), its derivative by v has the sign of -N with N = 2 a' q - a q', and a, q > 0. So the stationary points
off the axes are the roots of N, and N from + to - is a minimum.

A certificate lists intervals with rational ends. The checker computes N again and counts: one root in each interval,
and no more in (0, 1]. This route shares with `stationary.unbiased` the moments, and neither its algebra nor
python-flint.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from analytic import kernels
from analytic.proofs.certificate import FORMAT, VERSION, model_data, model_from_data, read_json, write_json
from analytic.proofs.closed_form import Kind, ProvedPoint, enclose
from analytic.proofs.intervals import Interval

if TYPE_CHECKING:
    from analytic.model import ToyModel

#: Coefficients, the constant first.
Polynomial = list[Fraction]
Bracket = tuple[Fraction, Fraction]
_DEGREE = 5
_WIDTH = Fraction(1, 2**70)
_ARCS = tuple((swapped, sign) for swapped in (False, True) for sign in (1, -1))


@dataclass(frozen=True)
class UnbiasedCertificate:
    """Half-open intervals (low, high] with one root v = |W2/W1| each, per arc, and the points that follow.

    `roots` maps (swapped, sign) of `_ARCS`, in this order; `swapped` means v = |W1/W2|. v = 1 is listed in both.
    """

    model: ToyModel
    roots: tuple[tuple[Bracket, ...], ...]
    points: tuple[ProvedPoint, ...]
    missing: tuple[ProvedPoint, ...] = ()
    unproved: tuple[Any, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def complete(self) -> bool:
        """Always true: the count of roots has no undecided outcome."""
        return True

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        roots = [[[str(low), str(high)] for low, high in arc] for arc in self.roots]
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": model_data(self.model),
            "roots": roots,
            "seconds": self.seconds,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON to a temporary name in the same folder, then rename."""
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> UnbiasedCertificate:
        """Read what `save` wrote; a ValueError if the file is something else. Loading proves nothing: verify it."""
        return read_json(path, cls.from_dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> UnbiasedCertificate:
        """The inverse of `as_dict`; the points are computed from the intervals."""
        model = model_from_data(data["model"])
        roots = tuple(tuple((Fraction(low), Fraction(high)) for low, high in arc) for arc in data["roots"])
        return cls(model, roots, points_from(model, roots), seconds=float(data["seconds"]))


# --- polynomials ---------------------------------------------------------------------------------------------------


def _trim(p: Polynomial) -> Polynomial:
    while p and p[-1] == 0:
        p = p[:-1]
    return p


def _add(p: Polynomial, q: Polynomial, factor: Fraction = Fraction(1)) -> Polynomial:
    n = max(len(p), len(q))
    padded = ([*x, *[Fraction(0)] * (n - len(x))] for x in (p, q))
    return _trim([x + factor * y for x, y in zip(*padded, strict=True)])


def _times(p: Polynomial, q: Polynomial) -> Polynomial:
    shifted = [[Fraction(0)] * i + [x * y for y in q] for i, x in enumerate(p)]
    return reduce(_add, shifted, [])


def _derivative(p: Polynomial) -> Polynomial:
    return [i * x for i, x in enumerate(p)][1:]


def _divide(p: Polynomial, q: Polynomial) -> tuple[Polynomial, Polynomial]:
    quotient: Polynomial = []
    while len(p) >= len(q):
        step = [Fraction(0)] * (len(p) - len(q)) + [p[-1] / q[-1]]
        quotient, p = _add(quotient, step), _add(p, _times(step, q), Fraction(-1))
    return quotient, p


def evaluate(p: Polynomial, x: Any) -> Any:
    """The value at x, in its arithmetic."""
    return reduce(lambda total, c: total * x + c, reversed(p), Fraction(0) * x)


def sign_after(p: Polynomial, x: Fraction) -> int:
    """The sign of p just above x."""
    while p:
        if value := evaluate(p, x):
            return 1 if value > 0 else -1
        p = _derivative(p)
    return 0


def sturm_chain(p: Polynomial) -> list[Polynomial]:
    """Sturm's chain of the square-free part of p."""
    chain = [p, _derivative(p)]
    while chain[-1]:
        chain.append([-x for x in _divide(chain[-2], chain[-1])[1]])
    divisor = chain[-2]
    return [_divide(link, divisor)[0] for link in chain[:-1]]


def count_roots(chain: list[Polynomial], low: Fraction, high: Fraction) -> int:
    """Number of distinct roots in (low, high]."""
    return _variations(chain, low) - _variations(chain, high)


def _variations(chain: list[Polynomial], x: Fraction) -> int:
    signs = [value > 0 for value in (evaluate(p, x) for p in chain) if value != 0]
    return sum(a != b for a, b in pairwise(signs))


# --- the loss on rays ----------------------------------------------------------------------------------------------


def ray(model: ToyModel, swapped: bool, sign: int) -> tuple[Polynomial, Polynomial]:
    """a and q on W = rho (1, sign v), from exact values at six points."""
    order = (1, 0) if swapped else (0, 1)
    first, second = (model.exact_importance[i] for i in order)
    p00, *only, p11 = model.exact_patterns
    q1, q2 = (only[i] for i in order)
    nodes = [Fraction(i + 1, _DEGREE + 1) for i in range(_DEGREE + 1)]
    linear, square = [], []
    for v in nodes:
        hh1, xh1, *_ = kernels.moments(Fraction(1), sign * v, Fraction(0), p00, q1, q2, p11)
        hh2, xh2, *_ = kernels.moments(v * v, sign * v, Fraction(0), p00, q2, q1, p11)
        linear.append(2 * (first * xh1 + second * xh2))
        square.append(first * hh1 + second * hh2)
    return _interpolate(nodes, linear), _interpolate(nodes, square)


def _interpolate(nodes: Sequence[Fraction], values: Sequence[Fraction]) -> Polynomial:
    """Lagrange's formula."""
    total: Polynomial = []
    for i, (node, value) in enumerate(zip(nodes, values, strict=True)):
        others = [x for j, x in enumerate(nodes) if j != i]
        basis = reduce(_times, ([-x / (node - x), 1 / (node - x)] for x in others), [Fraction(1)])
        total = _add(total, basis, value)
    return total


def equation(model: ToyModel, swapped: bool, sign: int) -> Polynomial:
    """N = 2 a' q - a q' without its factors v."""
    a, q = ray(model, swapped, sign)
    N = _add(_times([Fraction(2)], _times(_derivative(a), q)), _times(a, _derivative(q)), Fraction(-1))
    return N[next((i for i, x in enumerate(N) if x != 0), 0) :]


def _isolate(chain: list[Polynomial]) -> tuple[Bracket, ...]:
    found, stack = [], [(Fraction(0), Fraction(1))]
    while stack:
        low, high = stack.pop()
        number = count_roots(chain, low, high)
        if number == 1:
            found.append(_narrow(chain[0], low, high))
        elif number:
            middle = (low + high) / 2
            stack += [(middle, high), (low, middle)]
    return tuple(found)


def _narrow(p: Polynomial, low: Fraction, high: Fraction) -> Bracket:
    """Bisect (low, high], which holds one simple root, keeping the root off the lower end."""
    while high - low > _WIDTH or evaluate(p, low) == 0:
        middle = (low + high) / 2
        at_high, at_middle = evaluate(p, high), evaluate(p, middle)
        above = at_middle != 0 and (at_high == 0 or (at_high > 0) != (at_middle > 0))
        low, high = (middle, high) if above else (low, middle)
    return low, high


def certify_unbiased(model: ToyModel) -> UnbiasedCertificate:
    """All stationary points of a model without bias, with densities in (0, 1]."""
    start = time.monotonic()
    roots = tuple(_isolate(sturm_chain(equation(model, *arc))) for arc in _ARCS)
    return UnbiasedCertificate(model, roots, points_from(model, roots), seconds=time.monotonic() - start)


def objections_to(certificate: UnbiasedCertificate) -> list[str]:
    """What is wrong with the intervals: disjoint, one root in each, and together all roots in (0, 1]."""
    if len(certificate.roots) != len(_ARCS):
        return [f"{len(certificate.roots)} arcs instead of {len(_ARCS)}"]
    faults = []
    for arc, brackets in zip(_ARCS, certificate.roots, strict=True):
        chain, name = sturm_chain(equation(certificate.model, *arc)), f"arc swapped {arc[0]}, sign {arc[1]}"
        if any(b[0] < a[1] for a, b in pairwise(brackets)):
            faults.append(f"{name}: intervals overlap or are not in order")
        if not all(0 <= low < high <= 1 and count_roots(chain, low, high) == 1 for low, high in brackets):
            faults.append(f"{name}: an interval without exactly one root")
        if count_roots(chain, Fraction(0), Fraction(1)) != len(brackets):
            faults.append(f"{name}: a root is missing")
    if certificate.points != points_from(certificate.model, certificate.roots):
        faults.append("the list of points does not follow from the roots")
    return faults


# --- points --------------------------------------------------------------------------------------------------------


def points_from(model: ToyModel, roots: tuple[tuple[Bracket, ...], ...]) -> tuple[ProvedPoint, ...]:
    """The points that follow from isolated roots, and W = 0 and the axes, by loss."""
    points = _closed_form(model)
    for (swapped, sign), brackets in zip(_ARCS, roots, strict=True):
        N = equation(model, swapped, sign)
        for low, high in brackets:
            at_one = high == 1 and evaluate(N, Fraction(1)) == 0
            if at_one and swapped:
                continue
            before = evaluate(N, low)
            after = -evaluate(equation(model, True, sign), low) if at_one else sign_after(N, high)
            kind = Kind.MINIMUM if before > 0 > after else Kind.SADDLE
            bracket = (Fraction(1), Fraction(1)) if at_one else (low, high)
            points.append(_point(model, swapped, sign, bracket, kind))
    return tuple(sorted(points, key=lambda point: point.loss))


def _point(model: ToyModel, swapped: bool, sign: int, bracket: Bracket, kind: Kind) -> ProvedPoint:
    v = Interval(Interval.of(bracket[0]).lo, Interval.of(bracket[1]).hi)
    a, q = (evaluate(p, v) for p in ray(model, swapped, sign))
    large = (a / (2 * q)).sqrt()
    W = [large, sign * v * large]
    ends = [(float(x.lo), float(x.hi)) for x in (W[::-1] if swapped else W)]
    loss = _silent_loss(model) - a**2 / (4 * q)
    zero = (0.0, 0.0)
    return ProvedPoint((ends[0], ends[1]), (zero, zero), (float(loss.lo), float(loss.hi)), kind, False)


def _silent_loss(model: ToyModel) -> Fraction:
    return sum((r * p / 3 for r, p in zip(model.exact_importance, model.exact_density, strict=True)), Fraction(0))


def _closed_form(model: ToyModel) -> list[ProvedPoint]:
    """W = 0, a maximum, and the axes, where the loss falls linearly on one side: saddles on a kink."""
    zero, one = (0.0, 0.0), (1.0, 1.0)
    parts = [enclose(r * p / 3) for r, p in zip(model.exact_importance, model.exact_density, strict=True)]
    none = (zero, zero)
    return [
        ProvedPoint(none, none, enclose(_silent_loss(model)), Kind.MAXIMUM, True),
        ProvedPoint((one, zero), none, parts[1], Kind.SADDLE, True),
        ProvedPoint((zero, one), none, parts[0], Kind.SADDLE, True),
    ]
