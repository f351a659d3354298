"""Validated arithmetic and the enclosures built on it: containment against exact rationals, and sharpness.

What is said of the equations is tested in compiled code and in plain NumPy; `test_machine` has the compiled arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest

from analytic import ToyModel
from analytic.loss import kernels
from analytic.proofs import intervals
from analytic.proofs.boxes import Problem, equations, excluded, jacobian, krawczyk
from analytic.proofs.corners import corner
from analytic.proofs.enclosures import Case, Constants, first_output, second_output, stationarity
from analytic.proofs.fine import Fine
from analytic.proofs.intervals import Interval

MODEL = ToyModel.from_density((Fraction(3, 10), Fraction(7, 10)), (1, Fraction(2, 5)))
OPERATIONS = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "powers": lambda x, y: x**2 + y**3 + x**4,
}


def awkward_floats(rng: np.random.Generator, n: int) -> np.ndarray:
    """Floats of all magnitudes, with exact zeros, ones and neighbours of one among them."""
    values = rng.normal(size=n) * 10.0 ** rng.integers(-9, 9, n)
    special = np.array([0.0, 1.0, -1.0, np.nextafter(1, 0), np.nextafter(1, 2), 0.5, 1e-300, 5e-324])
    return np.where(rng.random(n) < 0.2, rng.choice(special, n), values)


def hull(a: np.ndarray, b: np.ndarray) -> Interval:
    return Interval(np.minimum(a, b), np.maximum(a, b))


@pytest.mark.parametrize("name", OPERATIONS)
def test_fine_operations_contain_the_exact_result(name: str) -> None:
    """And are as narrow as 2^-400 allows."""
    rng = np.random.default_rng(20)
    for _ in range(300):
        a, b, c, d = (Fraction(int(n), 10**6) + Fraction(int(n), 7 * 10**60) for n in rng.integers(-(10**7), 10**7, 4))
        x, y = Fine.between(min(a, b), max(a, b)), Fine.between(min(c, d), max(c, d))
        if name == "/" and y.lo <= 0 <= y.hi:
            with pytest.raises(ZeroDivisionError):
                OPERATIONS[name](x, y)
            continue
        result = OPERATIONS[name](x, y)
        assert all(result.lo <= OPERATIONS[name](s, t) <= result.hi for s in (a, b) for t in (c, d))
        point = OPERATIONS[name](Fine.of(a), Fine.of(d)) if d else Fine.of(0)
        assert point.hi - point.lo < Fraction(1, 2**340)


def test_fine_switches() -> None:
    """What is done at kinks, where the sign is known and where it is not."""
    below, across, above = Fine.between(-2, -1), Fine.between(-1, 1), Fine.between(1, 2)
    assert [(x.positive().lo, x.positive().hi) for x in (below, across, above)] == [(0, 0), (0, 1), (1, 2)]
    assert [(x.step().lo, x.step().hi) for x in (below, across, above)] == [(0, 0), (0, 1), (1, 1)]
    chosen = [x.select(5, 3) for x in (below, across, above)]
    assert [(x.lo, x.hi) for x in chosen] == [(3, 3), (3, 5), (5, 5)]
    assert (across.meet(above).lo, across.join(above).hi, (across**2).lo, across.middle.lo) == (1, 2, 0, 0)


@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("sign", [1, -1])
def test_fine_equations_contain_the_exact_ones(case: Case, sign: int) -> None:
    """The equations are rational in rational coordinates; boxes around them enclose values and mean value forms."""
    c = Constants.exact(MODEL, False)
    at = [Fraction(2, 3), Fraction(1, 5) if sign > 0 else Fraction(4, 5), Fraction(3, 7)][: case.dimension]
    exact = stationarity(case, c, sign, *at)
    box = [Fine.between(x - Fraction(1, 2**60), x + Fraction(1, 2**61)) for x in at]
    for row, value in zip(equations(case, sign, Constants(*map(Fine.of, c.numbers)), box), exact, strict=True):
        tight = row.tight().value
        assert tight.lo <= value <= tight.hi
        assert tight.hi - tight.lo < Fraction(1, 2**50)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_contain_the_exact_result(name: str) -> None:
    rng = np.random.default_rng(1)
    a, b, c, d, u, v = (awkward_floats(rng, 1500) for _ in range(6))
    x, y = hull(a, b), hull(c, d)
    x0, y0 = np.clip(u, x.lo, x.hi), np.clip(v, y.lo, y.hi)
    with np.errstate(all="ignore"):
        result = OPERATIONS[name](x, y)
    assert (result.lo <= result.hi).all()
    for i in range(1500):
        if name == "/" and y0[i] == 0:
            continue
        exact = OPERATIONS[name](Fraction(x0[i]), Fraction(y0[i]))
        low, high = float(result.lo[i]), float(result.hi[i])
        assert low == -np.inf or Fraction(low) <= exact
        assert high == np.inf or exact <= Fraction(high)


def test_one_rounding_too_few_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The containment test has teeth: round the sum inwards, and it fails."""
    monkeypatch.setattr(intervals, "_down", lambda value: np.nextafter(value, np.inf))
    with pytest.raises(AssertionError):
        test_operations_contain_the_exact_result("+")


def test_interval_between_two_fractions() -> None:
    low, high = Fraction(1, 3), Fraction(2, 3)
    between = Interval.between(low, high)
    assert between.contains(low)
    assert between.contains(high)
    assert not between.contains(Fraction(333333, 1000000))
    assert not between.contains(Fraction(666667, 1000000))


@pytest.mark.parametrize(("a", "n"), [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)])
def test_corner_integral(a: int, n: int) -> None:
    """Points contain the exact integral, boxes the values inside, also where k = tau, k = 0 and at the ends."""
    rng = np.random.default_rng(2)
    grid = np.array([0.0, 2.0**-30, 0.25, 0.5, 1.0])
    tau = np.concatenate([rng.random(900) + 1e-9, rng.choice(grid[1:], 300)])
    k = np.concatenate([rng.normal(0.5, 0.6, 600), tau[600:900], rng.choice(grid, 300)])
    wide = Interval(np.maximum(tau - 0.01, 1e-12), tau + 0.01), Interval(k - 0.01, k + 0.01)
    point, box = corner(a, n, Interval(tau), Interval(k)), corner(a, n, *wide)
    for i in range(len(tau)):
        exact = corner(a, n, Fraction(tau[i]), Fraction(k[i]))
        assert Fraction(float(point.lo[i])) <= exact <= Fraction(float(point.hi[i]))
        assert Fraction(float(box.lo[i])) <= exact <= Fraction(float(box.hi[i]))
    assert (point.hi - point.lo <= 20 * np.finfo(float).eps * point.hi + 1e-300).all()


def test_corner_integral_by_definition() -> None:
    """int_0^1 x (k - tau x)^2 dx = k^2/2 - 2 k tau/3 + tau^2/4 for k >= tau; scaling k <-> tau below."""
    k, tau = Fraction(3, 4), Fraction(1, 3)
    assert corner(1, 2, tau, k) == k**2 / 2 - 2 * k * tau / 3 + tau**2 / 4
    assert corner(1, 2, k, tau) == tau**2 * (tau / k) ** 2 * Fraction(1, 4 * comb(3, 1))


def rational_points(n: int, seed: int, sign: int) -> list[tuple[Fraction, Fraction, Fraction]]:
    """(tau, kappa, k) in the domain of the formulas, on the activation borders and beyond them."""
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(n):
        tau, kappa, k = (Fraction(int(x), 16) for x in rng.integers([1, -8, -8], [17, 17, 17]))
        points.append((tau, kappa, k) if sign > 0 else (tau, 1 - kappa, 1 - k))
    return points


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("swapped", [False, True])
def test_outputs_agree_with_the_kernels(sign: int, swapped: bool) -> None:
    """Exact equality of rationals with the formulas derived per activation pattern."""
    c = Constants.exact(MODEL, swapped)
    for tau, kappa, k in rational_points(400, 3, sign):
        _, xh, h, yh, x, xx, xy = kernels.moments(1, sign * tau, -sign * tau * kappa, c.p00, c.q1, c.q2, c.p11)
        divided = ((h - x) / tau, (xh - xx) / tau, (yh - xy) / tau)
        assert first_output(c, sign, tau, kappa) == (h, xh, yh, *divided)
        _, xh, h, yh, x, xx, xy = kernels.moments(tau, sign, -sign * k, c.p00, c.q2, c.q1, c.p11)
        assert second_output(c, sign, tau, k) == (h, xh, yh, x, xx, xy)


def random_boxes(n: int, d: int, seed: int) -> np.ndarray:
    """Boxes in the unit cube, half of them touching a face, of widths 1 to 1e-6."""
    rng = np.random.default_rng(seed)
    width = 10.0 ** rng.uniform(-6, 0, (n, 1))
    low = rng.random((n, d)) * (1 - width)
    low = np.where(rng.random((n, d)) < 0.2, 0.0, low)
    return np.stack([low, np.minimum(low + width, 1.0)], -1)


def ranges(case: Case, sign: int, c: Constants, box: Sequence[Any]) -> list[Any]:
    """Enclosures of the equations: the best there is, and by the mean value form alone."""
    rows = equations(case, sign, c, box)
    return [*(row.tight().value for row in rows), *(row.centre + row.change for row in rows)]


def slopes(case: Case, sign: int, c: Constants, box: Sequence[Any]) -> list[Any]:
    """The generalised Jacobian, row by row."""
    return [entry for row in jacobian(equations(case, sign, c, box)) for entry in row]


both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])


@both
@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("sign", [1, -1])
def test_equations_are_enclosed(case: Case, sign: int, compiled: bool) -> None:
    """Exact values of the equations at random points of boxes lie in every kind of enclosure."""
    problem = Problem(case, False, sign, Constants.exact(MODEL, False), compiled=compiled)
    exact, boxes = Constants.exact(MODEL, False), random_boxes(300, case.dimension, 4)
    rng = np.random.default_rng(5)
    enclosures = problem.evaluate(ranges, boxes)
    inside = boxes[..., 0] + rng.random(boxes.shape[:-1]) * (boxes[..., 1] - boxes[..., 0])
    for i, point in enumerate(np.clip(inside, boxes[..., 0], boxes[..., 1])):
        values = stationarity(case, exact, sign, *map(Fraction, np.maximum(point, 1e-9 * boxes[i, :, 1])))
        for value, enclosure in zip([*values, *values], enclosures, strict=True):
            low, high = float(enclosure.lo[i]), float(enclosure.hi[i])
            assert np.isnan(low) or low == -np.inf or Fraction(low) <= value
            assert np.isnan(high) or high == np.inf or value <= Fraction(high)


@both
@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("sign", [1, -1])
def test_difference_quotients_lie_in_the_jacobian(case: Case, sign: int, compiled: bool) -> None:
    """(R(y) - R(x)) along one axis is in J (y - x), exactly, for boxes across k = tau as well."""
    problem = Problem(case, True, sign, Constants.exact(MODEL, True), compiled=compiled)
    exact, d = Constants.exact(MODEL, True), case.dimension
    boxes = 0.05 + 0.9 * random_boxes(150, d, 6)
    boxes[::3, -1] = boxes[::3, 0]
    entries = problem.evaluate(slopes, boxes)
    for i, box in enumerate(boxes):
        axis = i % d
        x = [Fraction(low) for low in box[:, 0]]
        y = list(x)
        y[axis] = Fraction(box[axis, 1])
        before, after = stationarity(case, exact, sign, *x), stationarity(case, exact, sign, *y)
        for row, (first, second) in enumerate(zip(before, after, strict=True)):
            slope = (second - first) / (y[axis] - x[axis])
            g = entries[row * d + axis]
            low, high = float(g.lo[i]), float(g.hi[i])
            assert np.isnan(low) or low == -np.inf or Fraction(low) <= slope
            assert np.isnan(high) or high == np.inf or slope <= Fraction(high)


def violations(case: Case, sign: int, n: int) -> int:
    """Points of boxes whose float values leave the enclosures, with an allowance of 1e-13 for their own rounding.

    A third of the points are moved to pattern borders (k or kappa at 0 or 1, tau at 1, k = tau, k = 1 - tau), or, where
    the box does not reach the border, to the side of the box that faces it.
    """
    problem = Problem(case, False, sign, Constants.exact(MODEL, False))
    d = case.dimension
    boxes = random_boxes(n, d, 7)
    boxes[..., 0] = np.maximum(boxes[..., 0], 1e-3)
    boxes[..., 1] = np.maximum(boxes[..., 1], boxes[..., 0])
    rng = np.random.default_rng(8)
    inside = boxes[..., 0] + rng.random((n, d)) * (boxes[..., 1] - boxes[..., 0])
    border = rng.integers(18, size=n)
    inside[:, -1] = np.select(
        [border == 0, border == 1, border == 2, border == 3],
        [inside[:, 0], 1 - inside[:, 0], np.zeros(n), np.ones(n)],
        inside[:, -1],
    )
    inside[border == 4, 0] = 1
    inside[border == 5, -1] = boxes[border == 5, -1, 1]
    inside = np.clip(inside, boxes[..., 0], boxes[..., 1])
    with np.errstate(all="ignore"):
        enclosures = problem.evaluate(ranges, boxes)[:d]
        values = stationarity(case, problem.constants, sign, *(Interval(x) for x in inside.T))
    allowed = [1e-13 * np.maximum(1, np.abs(v.mid)) + (v.hi - v.lo) for v in values]
    bad = [(v.mid < r.lo - e) | (v.mid > r.hi + e) for v, r, e in zip(values, enclosures, allowed, strict=True)]
    return int(np.logical_or.reduce(bad).sum())


@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("sign", [1, -1])
def test_many_points_are_contained(case: Case, sign: int) -> None:
    assert violations(case, sign, 10_000) == 0


@pytest.mark.slow
@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("sign", [1, -1])
def test_millions_of_points_are_contained(case: Case, sign: int) -> None:
    assert violations(case, sign, 500_000) == 0


def test_enclosures_shrink_with_the_square_of_the_width() -> None:
    """The excess of the mean value enclosure over the range is of second order: a tenth of the width, about 1 %."""
    problem = Problem(Case.BOTH, False, -1, Constants.exact(MODEL, False))
    centre = np.array([0.6, 0.3, 0.4])
    excess = []
    for width in (1e-2, 1e-3):
        box = np.stack([centre - width, centre + width], -1)[None]
        entries = np.array([abs(g.mid[0]) for g in problem.evaluate(slopes, box)]).reshape(3, 3)
        linear = entries.sum(1) * width
        sizes = [float((x.hi - x.lo)[0]) / 2 for x in problem.evaluate(ranges, box)[:3]]
        excess.append(max(size - line for size, line in zip(sizes, linear, strict=True)))
    assert 0 < excess[1] < excess[0] / 50


def test_positive_is_set_valued_at_its_kink() -> None:
    slope = Interval(np.array([-1.0, -1.0, 0.5, 0.0]), np.array([1.0, -0.5, 1.0, 0.0])).step()
    assert slope.lo.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert slope.hi.tolist() == [1.0, 0.0, 1.0, 1.0]


def test_boxes_around_a_zero_are_never_excluded() -> None:
    """The antipodal minimum at p = 0.3, r = 1 has W2 = -W1, so tau = 1; its kappa = k from the exact equations."""
    model = ToyModel.from_density(Fraction(3, 10), 1)
    problem = Problem(Case.BOTH, False, -1, Constants.exact(model, False))
    zero = np.array([1.0, 0.0173886, 0.0173886])
    for radius in 10.0 ** -np.arange(0.5, 5):
        box = np.stack([np.maximum(zero - radius, 0.0), zero + radius], -1)[None]
        assert not excluded(problem, box)[0]
    assert krawczyk(problem, np.stack([zero - 1e-4, zero + 1e-4], -1)[None])[1][0]
