"""Every stationary point without bias, algebraically.

With b = 0 the best scale of W is explicit for each direction, and one angle is left (derivations/unbiased.py). Walk
half a turn, from (1, 0) through (0, 1) to (-1, 0); W -> -W gives the other half:

    axis 1    W2 = 0                                   a kink of the loss
    confused  t = W2/W1 from 0 to infinity             stationary where a quartic in t vanishes
    axis 2    W1 = 0                                   a kink
    antipodal v = -W1/W2 from 0 to 1                   stationary where a sextic in v vanishes
    antipodal u = -W2/W1 from 1 to 0                   the same sextic with the features exchanged, in u

The polynomials have the sign of -dL/d(ratio) at the best scale. So the sign changes along the walk decide everything:
from + to - is a minimum, from - to + a saddle, a root without a change a degenerate saddle. Coefficients are exact
integers, roots are isolated with certified error bounds and exact multiplicities, and roots at 0 and 1 are split off
exactly. The list is therefore complete by construction, also at density 1, at importance 1 and on a fold.

*Never both on.* With P11 = 0 the sextic is a multiple of 1 - t^2: its root lies at W = (1, -1), where the loss is 0.
The quartic has a vanishing constant term only then, and vanishes identically only if I1 = I2 and P10 = P01, too: then 3
L = I1 P10 (1 + (|W|^2 - 1)^2) for W1 W2 >= 0, and all of |W| = 1 there is one flat minimum. At its ends, on the axes,
the loss falls towards W1 W2 < 0. The sextic never vanishes identically: with P11 = 0 its coefficient of t^2 is -128 I1
I2 P10 P01.

The axes deserve a word. Towards the confused side the loss falls linearly from them; towards the antipodal side its
one-sided derivative is always zero, and the lowest nonzero coefficient of the sextic tells the sign. An axis is
therefore never a minimum, but always stationary for training that comes from, or stays on, the side W1 W2 <= 0: it is
listed as a saddle on a kink. W = 0 is a maximum, because a > 0 in every direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from math import lcm, nan
from typing import Any

import flint
import mpmath
import numpy as np
import numpy.typing as npt

from analytic.landscape.candidates import full_hessian
from analytic.landscape.records import Family, FlatSet, Kind, Landscape, StationaryPoint
from analytic.loss import kernels
from analytic.models.toy import ToyModel

#: Working precision in bits for results rounded to float64, with room for the condition of the roots.
_BITS = 96
#: Give up refining a root after this many doublings of the precision. Distinct roots of these polynomials separate long
#: before; reaching the limit would mean that a decision which is exact by construction is not.
_DOUBLINGS = 12
#: Estimates of a root: bits of coefficients, with room for powers in floats, Newton steps, and relative accuracy.
_FLOAT_BITS, _ESTIMATES, _CLOSE = 300, 40, 1e-10
_ONE_PLUS = flint.fmpz_poly([1, 1])
#: Rounding error of |W|^2.
_ON_CIRCLE = 1e-15


@dataclass(frozen=True)
class _Stop:
    """A place on the walk: its ratio in some sector, and the sign of -dL/d(angle) just before and just after."""

    sector: str
    swapped: bool
    ratio: Any
    before: int
    after: int

    @property
    def kind(self) -> Kind:
        return "minimum" if self.before > 0 > self.after else "saddle"


def _sign(number: Fraction | int) -> int:
    return (number > 0) - (number < 0)


def _parameters(model: ToyModel, swapped: bool) -> tuple[Fraction, ...]:
    """I1, I2, p10, p01, p11, with the features exchanged on request."""
    (I1, I2), (_, p10, p01, p11) = model.exact_importance, model.exact_patterns
    return (I2, I1, p01, p10, p11) if swapped else (I1, I2, p10, p01, p11)


def _integers(numbers: Sequence[Fraction]) -> list[int]:
    """The numbers times their common denominator."""
    scale = lcm(*(n.denominator for n in numbers))
    return [n.numerator * (scale // n.denominator) for n in numbers]


def _polynomial(model: ToyModel, sector: str, swapped: bool) -> flint.fmpz_poly:
    """The stationary polynomial with integer coefficients; zero where every ratio is stationary."""
    parameters = _parameters(model, swapped)
    coefficients = getattr(kernels, f"{sector}_polynomial")(*_integers(parameters[:2]), *_integers(parameters[2:]))
    return flint.fmpz_poly(list(coefficients))


def _split(polynomial: flint.fmpz_poly, root: int) -> tuple[flint.fmpz_poly, int]:
    """The polynomial without its factor (t - root)^k, and k."""
    factor, multiplicity = flint.fmpz_poly([-root, 1]), 0
    while polynomial(root) == 0:
        polynomial, multiplicity = polynomial // factor, multiplicity + 1
    return polynomial, multiplicity


def _between(root: flint.arb, upper: int | None) -> bool | None:
    """Whether a real root other than 0 and `upper` lies between them; None if its error bound does not tell."""
    if root < 0 or (upper is not None and root > upper):
        return False
    return True if root > 0 and (upper is None or root < upper) else None


def _sign_changes(polynomial: flint.fmpz_poly) -> int:
    """Among its coefficients: as many as it has positive roots, or an even number more (Descartes)."""
    return sum(x != y for x, y in pairwise(term > 0 for term in polynomial.coeffs() if term != 0))


def _estimate(polynomial: flint.fmpz_poly) -> float:
    """About the only positive root of a polynomial with one sign change; NaN where floats do not find it.

    With log x, the logarithm of its positive over that of its negative terms changes at a rate between one and the
    degree, up to the sign, and nearly constant: Newton's method on that converges from anywhere.
    """
    shift, x = max(polynomial.height_bits() - _FLOAT_BITS, 0), 1.0
    terms = [float(int(term) >> shift) for term in polynomial.coeffs()]
    with suppress(ArithmeticError):
        for _ in range(_ESTIMATES):
            sizes = [term * x**k for k, term in enumerate(terms)]
            above, below = sum(size for size in sizes if size > 0), -sum(size for size in sizes if size < 0)
            rate = sum(k * size / (above if size > 0 else below) for k, size in enumerate(sizes))
            last, x = x, x * (below / above) ** (1 / rate)
            if abs(x - last) <= _CLOSE * x:
                return x
    return nan


def _refined(polynomial: flint.fmpz_poly, start: float) -> flint.arb | None:
    """The root next to `start`, by Newton's method on intervals; None if that does not prove that there is one."""
    slope, ball, closer = polynomial.derivative(), flint.arb(start, _CLOSE * start), None
    while True:
        root, middle = closer, ball.mid()
        closer = middle - polynomial(middle) / slope(ball)
        if not ball.contains_interior(closer):
            return root
        ball = closer


def _only_root(polynomial: flint.fmpz_poly, stretched: flint.fmpz_poly, upper: int | None) -> flint.arb | None:
    """The root in (0, upper) where signs change once; None if it has to be isolated in another way."""
    estimate = _estimate(stretched)
    root = _refined(polynomial, estimate if upper is None else upper / (1 + estimate))
    return root if root is not None and _between(root, upper) else None


def _roots(polynomial: flint.fmpz_poly, upper: int | None, bits: int) -> list[tuple[flint.arb, int]]:
    """The real roots in (0, upper), ascending, with multiplicities; neither end may be a root."""
    # In x with t = 1/(1 + x), 0 < t < 1 are all positive x.
    stretched = polynomial if upper is None else flint.fmpz_poly(polynomial.coeffs()[::-1])(_ONE_PLUS)
    changes = _sign_changes(stretched)
    with flint.ctx.workprec(bits):
        only = _only_root(polynomial, stretched, upper) if changes == 1 else None
    if changes == 0 or only is not None:
        return [] if only is None else [(only, 1)]
    for doubling in range(_DOUBLINGS):
        with flint.ctx.workprec(bits << doubling):
            # Pairs (root, multiplicity); real roots have an imaginary part of exactly zero.
            roots: Any = polynomial.complex_roots()
            real = [(root.real, k) for root, k in roots if root.imag == 0]
            inside = [_between(root, upper) for root, _ in real]
            if None not in inside:
                found = [entry for entry, keep in zip(real, inside, strict=True) if keep]
                return sorted(found, key=lambda entry: float(entry[0].mid()))
    raise ArithmeticError("a root of the stationary polynomial could not be separated from the end of its sector")


def _along(model: ToyModel, sector: str, swapped: bool, bits: int) -> tuple[list[_Stop], int, int, bool]:
    """The stops inside a sector for growing ratio, the signs next to both its ends, and whether its end is a root."""
    polynomial = _polynomial(model, sector, swapped)
    if polynomial == 0:
        return [], 0, 0, False
    inner, at_zero = _split(polynomial, 0)
    upper, at_upper = (1, 0) if sector == "antipodal" else (None, 0)
    if upper is not None:
        inner, at_upper = _split(inner, upper)
    sign = first = _sign(int(polynomial[at_zero]))
    stops = []
    for ratio, multiplicity in _roots(inner, upper, bits):
        after = -sign if multiplicity % 2 else sign
        stops.append(_Stop(sector, swapped, ratio, sign, after))
        sign = after
    return stops, first, sign, at_upper > 0


def _walk(model: ToyModel, bits: int) -> Iterator[_Stop]:
    """Every stop of the half turn."""
    confused, c_start, c_end, _ = _along(model, "confused", False, bits)
    far, v_start, v_end, opposite = _along(model, "antipodal", True, bits)
    near, u_start, u_end, _ = _along(model, "antipodal", False, bits)
    axis1 = _Stop("confused", False, 0, -u_start, c_start)
    axis2 = _Stop("confused", True, 0, c_end, v_start)
    yield from chain([axis1], confused, [axis2], far)
    if opposite:
        yield _Stop("antipodal", False, 1, v_end, -u_end)
    # Here the walk runs towards smaller u, so what comes before and what comes after change places.
    yield from (_Stop("antipodal", False, stop.ratio, -stop.after, -stop.before) for stop in near)


def _midpoint(ball: flint.arb, digits: int) -> flint.arb:
    """The midpoint of a ball whose error bound shows that `digits` digits of it are right."""
    if ball.rad() > abs(ball.mid()) * flint.arb(10) ** -(digits + 1):
        raise ArithmeticError(f"precision too low for {digits} digits of {ball}")
    return ball.mid()


def _mpf(midpoint: flint.arb) -> Any:
    """The same number in mpmath."""
    mantissa, exponent = midpoint.man_exp()
    return mpmath.ldexp(int(mantissa), int(exponent))


def _coordinates(model: ToyModel, stop: _Stop) -> tuple[Any, Any, Any]:
    """W1, W2 and the loss as balls at the current precision."""
    parameters = [flint.fmpq(n.numerator, n.denominator) for n in _parameters(model, stop.swapped)]
    I1, I2, p10, p01, p11 = parameters
    a, q = getattr(kernels, f"{stop.sector}_scale")(flint.arb(stop.ratio), *(flint.arb(n) for n in parameters))
    first = (a / (2 * q)).sqrt()
    second = first * stop.ratio if stop.sector == "confused" else -first * stop.ratio
    loss = flint.arb((I1 * (p10 + p11) + I2 * (p01 + p11)) / 3) - a * a / (4 * q)
    if stop.sector == "antipodal" and stop.ratio == 1 and p11 == 0:
        first, second, loss = flint.arb(1), flint.arb(-1), flint.arb(0)
    W1, W2 = (second, first) if stop.swapped else (first, second)
    return (-W1, -W2, loss) if W1 < 0 else (W1, W2, loss)


def _point(model: ToyModel, stop: _Stop, digits: int | None) -> StationaryPoint:
    values = [_midpoint(value, digits or 17) for value in _coordinates(model, stop)]
    on_kink = stop.ratio == 0
    W1, W2, loss = (float(value) for value in values)
    eigenvalues = None
    if not on_kink:
        curvature = full_hessian(model, np.array([W1, W2, 0.0, 0.0]))[:2, :2]
        eigenvalues = np.linalg.eigvalsh(curvature).astype(np.float64)
    if digits:
        with mpmath.workprec(flint.ctx.prec):
            W1, W2, loss = (_mpf(value) for value in values)
    return StationaryPoint(np.array([W1, W2]), None, loss, stop.kind, eigenvalues, on_kink)


def _origin(model: ToyModel, digits: int | None) -> StationaryPoint:
    """W = 0, a maximum: the loss falls in every direction."""
    (I1, I2), (p1, p2) = model.exact_importance, model.exact_density
    loss = (I1 * p1 + I2 * p2) / 3
    if digits is None:
        return StationaryPoint(np.zeros(2), None, float(loss), "maximum", None, True)
    with mpmath.workdps(digits):
        zero, exact = mpmath.mpf(0), mpmath.mpf(loss.numerator) / loss.denominator
    return StationaryPoint(np.array([zero, zero]), None, exact, "maximum", None, True)


def _is_on_circle(W: npt.ArrayLike, b: npt.ArrayLike | None) -> bool:
    """Whether b = 0, W1 W2 > 0 and |W| = 1 up to rounding."""
    W1, W2 = np.asarray(W, float)
    return bool(b is None and W1 * W2 > 0 and abs(W1 * W1 + W2 * W2 - 1) <= _ON_CIRCLE)


def _circle(model: ToyModel, digits: int | None) -> list[FlatSet]:
    """The continuum of features that are alike and never both on."""
    if model.exact_patterns[3] != 0 or not model.symmetric:
        return []
    loss = model.exact_importance[0] * model.exact_density[0] / 3
    with mpmath.workdps((digits or 15) + 5):
        value = float(loss) if digits is None else mpmath.mpf(loss.numerator) / loss.denominator
    words = "both outputs live, |W| = 1 and W1 W2 > 0"
    return [FlatSet("minimum", "confused", value, words, Family.CIRCLE, None, _is_on_circle)]


def unbiased_landscape(model: ToyModel, digits: int | None) -> Landscape:
    """All stationary points of a model with bias="none"."""
    bits = max(_BITS, int((digits or 0) * 3.33) + 64)
    for doubling in range(_DOUBLINGS):
        with flint.ctx.workprec(bits << doubling):
            try:
                points = [_point(model, stop, digits) for stop in _walk(model, bits << doubling)]
            except ArithmeticError:
                continue
            return Landscape.collect(model, [*points, _origin(model, digits)], _circle(model, digits))
    raise ArithmeticError(f"{model!r}: no precision up to {bits << _DOUBLINGS} bits resolves the stationary points")
