"""A shared bias: the stationary points outside the search, derivations/completeness.md, section 9.

They are W = 0 with b at the mean, points with W2 = 0 (or W1 = 0) at equal densities, and points at which both outputs
are on everywhere. There the loss is a polynomial, and on the ray W = rho (1, s v) with the best b it is
c + a rho^2 + q rho^4 with q > 0. Where a < 0 its minimum over rho changes with v as N = 2 a' q - a q' has its sign, so
the points are roots of N at which a < 0 and min h > 0; N from - to + is a minimum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from analytic.landscape.records import Kind
from analytic.proofs.closed_form import alike, enclose
from analytic.proofs.enclosures import Constants
from analytic.proofs.intervals import Interval
from analytic.proofs.records import Bracket, Pair, ProvedPoint
from analytic.proofs.sturm import (
    Polynomial,
    add,
    evaluate,
    isolate,
    sign_after,
    sign_at,
    stationary_polynomial,
    sturm_chain,
    times,
)

if TYPE_CHECKING:
    from analytic.models.toy import ToyModel

_ZERO: Pair = (0.0, 0.0)


@dataclass(frozen=True)
class AffineLoss:
    """The loss where both outputs are affine, on W = rho (1, s v): exact constants, the larger weight first."""

    c: Constants
    sign: int

    @property
    def coupling(self) -> Fraction:
        """I1 I2 / (I1 + I2), the price of a shared bias for two means."""
        return self.c.I1 * self.c.I2 / (self.c.I1 + self.c.I2)

    def misfit(self) -> Polynomial:
        """Q(v): the difference of the two mean errors before b is chosen is rho^2 Q(v) - (p1 - p2) / 2."""
        c, s = self.c, self.sign
        return [c.p1 / 2, s * (c.p2 - c.p1) / 2, -c.p2 / 2]

    def linear(self) -> Polynomial:
        """a."""
        c = self.c
        own = [-2 * c.I1 * c.v1, Fraction(0), -2 * c.I2 * c.v2]
        return add(own, self.misfit(), self.coupling * (c.p2 - c.p1))

    def square(self) -> Polynomial:
        """q."""
        c = self.c
        own = [c.I1 * c.v1, Fraction(0), c.I1 * c.v2 + c.I2 * c.v1, Fraction(0), c.I2 * c.v2]
        return add(own, times(self.misfit(), self.misfit()), self.coupling)

    def bias(self, sigma: Any, v: Any) -> Any:
        """The best b at sigma = rho^2, in the arithmetic of the arguments."""
        c, beta = self.c, self.sign * sigma * v
        first = (sigma - 1) * (c.p1 / 2) + beta * (c.p2 / 2)
        second = (sigma * v**2 - 1) * (c.p2 / 2) + beta * (c.p1 / 2)
        return -((c.I1 * first + c.I2 * second) * (1 / (c.I1 + c.I2)))

    @property
    def offset(self) -> Fraction:
        """c, the loss at W = 0 with the best b."""
        c = self.c
        return c.I1 * c.v1 + c.I2 * c.v2 + self.coupling * ((c.p1 - c.p2) / 2) ** 2


def shared_points(model: ToyModel) -> tuple[list[ProvedPoint], bool]:
    """All stationary points outside the search, and whether that could be decided."""
    c = Constants.exact(model, False)
    mean = enclose(AffineLoss(c, 1).bias(Fraction(0), Fraction(0)))
    points = [ProvedPoint((_ZERO, _ZERO), (mean, mean), enclose(AffineLoss(c, 1).offset), "saddle", False)]
    decided = True
    for swapped in (False, True):
        for affine, bracket, kind in _critical_rays(Constants.exact(model, swapped), swapped):
            point, known = _point(affine, bracket, swapped, kind)
            points += [point] if point else []
            decided &= known
    return points, decided


def _critical_rays(c: Constants, swapped: bool) -> Iterator[tuple[AffineLoss, Bracket, Kind]]:
    """Roots of N with 0 <= v <= 1, v = 0 and v = 1 once only, and the kinds that follow."""
    both = [AffineLoss(c, sign) for sign in (1, -1)]
    equations = [stationary_polynomial(affine.linear(), affine.square()) for affine in both]
    zero, one = Fraction(0), Fraction(1)
    if sign_at(equations[0], zero) == 0:
        minimum = all(sign_after(N, zero) > 0 for N in equations)
        yield both[0], (zero, zero), "minimum" if minimum else "saddle"
    for affine, N in zip(both, equations, strict=True):
        for low, high in isolate(sturm_chain(N)):
            at_one = high == 1 and sign_at(N, one) == 0
            if not (at_one and swapped):
                kind: Kind = "minimum" if sign_at(N, low) < 0 < sign_after(N, high) else "saddle"
                yield affine, (one, one) if at_one else (low, high), kind


def _point(affine: AffineLoss, bracket: Bracket, swapped: bool, kind: Kind) -> tuple[ProvedPoint | None, bool]:
    """The point on a critical ray if both outputs are on there, and whether that is decided."""
    low, high = bracket
    v = low if low == high else Interval.between(low, high)
    a, q = evaluate(affine.linear(), v), evaluate(affine.square(), v)
    sigma = -a / (2 * q)
    b = affine.bias(sigma, v)
    margin = b if affine.sign > 0 else b - sigma * v
    on_edge = low == high and margin == 0 and alike(affine.c)
    falls, inside = _sign(-a), _sign(margin)
    if not on_edge and not (falls > 0 and inside > 0):
        return None, falls < 0 or inside < 0
    root = Interval.of(sigma).sqrt()
    W = [enclose(root), _ZERO if high == 0 else enclose(affine.sign * v * root)]
    loss = enclose(affine.offset - a**2 / (4 * q))
    order = W[::-1] if swapped else W
    return ProvedPoint((order[0], order[1]), (enclose(b), enclose(b)), loss, kind, on_edge), True


def _sign(x: Any) -> int:
    """+1, -1, or 0 if undecided or zero."""
    interval = Interval.of(x)
    return int(interval.lo > 0) - int(interval.hi < 0)
