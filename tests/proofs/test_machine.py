"""The compiled interval machine: containment against exact rationals, its rounding, its code, and its programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pytest

from analytic import ToyModel
from analytic.proofs import machine
from analytic.proofs.boxes import Formula, Problem, evidence, program
from analytic.proofs.corners import corner
from analytic.proofs.enclosures import Case, Constants
from analytic.proofs.points import hessian, weights_and_loss
from analytic.proofs.tape import Program

SPECIAL = [0.0, 1.0, -1.0, np.nextafter(1, 0), np.nextafter(1, 2), 0.5, 2.0**-969, -(2.0**-970), 1e-300, 5e-324]


def awkward_floats(rng: np.random.Generator, n: int, least: int = -9) -> np.ndarray:
    """Floats of all magnitudes, with zeros, ones, neighbours of one and the smallest numbers among them."""
    values = rng.normal(size=n) * 10.0 ** rng.integers(least, 9, n)
    return np.where(rng.random(n) < 0.2, rng.choice(SPECIAL, n), values)


def intervals(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (1, 2, n) and a point inside each; a third of them have width zero."""
    ends = np.sort([awkward_floats(rng, n), awkward_floats(rng, n)], axis=0)
    ends[1, ::3] = ends[0, ::3]
    return ends[None], np.clip(awkward_floats(rng, n), ends[0], ends[1])


def run(function: Callable[..., Sequence[Any]], *inputs: np.ndarray) -> np.ndarray:
    """A function of intervals on the machine."""
    made = Program.of(lambda fixed, given: function(*given), 0, len(inputs))
    return made(np.empty((0, 2)), np.concatenate(inputs))


OPERATIONS = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "powers": lambda x, y: x**2 + y**3 - x**4,
    "constants": lambda x, y: 1 - x * Fraction(1, 3) + 2 * y / 7 - 0 * x,
    "unary": lambda x, y: -x + y.positive() if hasattr(y, "positive") else -x + max(y, Fraction(0)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_contain_the_exact_result(name: str) -> None:
    rng = np.random.default_rng(1)
    x, x0 = intervals(rng, 2000)
    y, y0 = intervals(rng, 2000)
    found = run(lambda a, b: [OPERATIONS[name](a, b)], x, y)[0]
    for i in range(2000):
        if name == "/" and y0[i] == 0:
            continue
        exact = OPERATIONS[name](Fraction(x0[i]), Fraction(y0[i]))
        low, high = found[:, i]
        assert low == -np.inf or Fraction(low) <= exact
        assert high == np.inf or exact <= Fraction(high)


@pytest.mark.parametrize("least", [-9, -308, -324])
def test_results_move_to_their_neighbours_and_hardly_further(least: int) -> None:
    """x + 0 rounds exactly, so the ends show the rounding: one neighbour, or two where the second is as close."""
    rng = np.random.default_rng(2)
    x = awkward_floats(rng, 20_000, least) * 10.0 ** rng.integers(0, 300 + least // 2, 20_000)
    zero = np.zeros_like(x)
    low, high = run(lambda a, b: [a + b], np.stack([x, x])[None], np.stack([zero, zero])[None])[0]
    assert (low <= np.nextafter(x, -np.inf)).all()
    assert (high >= np.nextafter(x, np.inf)).all()
    spacing = np.maximum(np.spacing(np.abs(x)), 2.0**-1022)
    assert (x - low <= 2 * spacing).all()
    assert (high - x <= 2 * spacing).all()


def test_what_is_not_finite_is_the_whole_line() -> None:
    """Overflow, division by an interval with zero, and 0 times the whole line: nothing is claimed, nothing wrong."""
    ends = np.array([[[1e308, -1.0, 0.0], [1e308, 1.0, 0.0]]])
    for found in run(lambda x: [x * x * x, 1 / x, x * (1 / (x - x)), (1 / (x - x)).positive()], ends)[[0, 1, 2, 3]]:
        assert set(np.isinf(found[0])) <= {False, True}
        for low, high in found.T:
            assert np.isfinite([low, high]).all() or (low, high) == (-np.inf, np.inf)
    assert (run(lambda x: [1 / x], ends)[0, :, 1:] == [[-np.inf] * 2, [np.inf] * 2]).all()


def test_select_decides_only_what_is_certain() -> None:
    ends = np.array([[[-2.0, -1.0, 0.0, 1.0, -1.0], [-1.0, 0.0, 0.0, 2.0, 1.0]]])
    low, high = run(lambda x: [x.select(1, 0)], ends)[0]
    assert low.tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert high.tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(("a", "n"), [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)])
def test_corner_integrals(a: int, n: int) -> None:
    """Points contain the exact integral within 20 eps, boxes the values inside, also where k = tau and k = 0."""
    rng = np.random.default_rng(3)
    grid = np.array([0.0, 2.0**-30, 0.25, 0.5, 1.0])
    tau = np.concatenate([rng.random(900) + 1e-9, rng.choice(grid[1:], 300)])
    k = np.concatenate([rng.normal(0.5, 0.6, 600), tau[600:900], rng.choice(grid, 300)])
    width = np.array([[-0.01], [0.01]])
    point = run(lambda t, x: [corner(a, n, t, x)], np.stack([tau, tau])[None], np.stack([k, k])[None])[0]
    box = run(lambda t, x: [corner(a, n, t, x)], np.maximum(tau + width, 1e-12)[None], (k + width)[None])[0]
    for i in range(len(tau)):
        exact = corner(a, n, Fraction(tau[i]), Fraction(k[i]))
        assert Fraction(point[0, i]) <= exact <= Fraction(point[1, i])
        assert Fraction(box[0, i]) <= exact <= Fraction(box[1, i])
    assert (point[1] - point[0] <= 20 * np.finfo(float).eps * point[1] + 1e-300).all()


def test_machine_code_does_not_contract() -> None:
    """No multiplication is fused with an addition, and nothing is reassociated: no flags are set on any operation."""
    number, registers = numba.int64, numba.float64[:, :, ::1]
    for function, signature in (
        (machine._multiply, (registers, number, number, number)),
        (machine._add, (registers, number, number, number, numba.float64)),
        (machine._power, (registers, number, number, number)),
        (machine._divide, (registers, number, number, number)),
        (machine._exact, (registers, number, number, number)),
    ):
        fresh = numba.njit(signature, error_model="numpy")(function.py_func)
        (code,), (text,) = fresh.inspect_asm().values(), fresh.inspect_llvm().values()
        assert re.search(r"v?(mul|add|sub)[ps]d|fmul|fadd|fsub", code)
        assert not re.search(r"v?fn?m(add|sub)\d*[ps]d|\bfml[as]\b", code)
        assert not re.search(r"\b(fadd|fsub|fmul|fdiv) (fast|reassoc|contract|nnan|ninf|arcp)", text)


MODEL = ToyModel.from_density((Fraction(3, 10), Fraction(7, 10)), (1, Fraction(2, 5)))


@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("formula", [evidence, hessian, weights_and_loss])
def test_programs_are_what_the_formulas_say(case: Case, sign: int, formula: Formula) -> None:
    """Compiled enclosures hold those of plain NumPy, which rounds less, and are hardly wider."""
    rng = np.random.default_rng(4)
    low = rng.uniform(0.05, 0.9, (500, case.dimension))
    boxes = np.stack([low, low + 10.0 ** rng.uniform(-6, -2, (500, 1))], -1)
    c = Constants.exact(MODEL, False)
    found = Problem(case, False, sign, c).evaluate(formula, boxes)
    plain = Problem(case, False, sign, c, compiled=False).evaluate(formula, boxes)
    for one, other in zip(found, plain, strict=True):
        usable = np.isfinite([one.lo, one.hi, other.lo, other.hi]).all(0)
        assert usable.any()
        low, high = other.lo[usable], other.hi[usable]
        slack = 1e-9 * (np.abs(low) + np.abs(high))
        assert (np.abs(one.lo[usable] - low) <= slack).all()
        assert (np.abs(one.hi[usable] - high) <= slack).all()


def test_programs_share_what_is_the_same() -> None:
    """x y and y x are computed once, 0 x and 1 x not at all, and what no output needs is left out."""
    made = Program.of(lambda fixed, given: [given[0] * given[1] + given[1] * given[0] * 1 + 0 * given[0]], 0, 2)
    assert [line[0] for line in made.lines.tolist()] == [machine.Op.MULTIPLY, machine.Op.ADD, machine.Op.MEET]
    assert len(program(evidence, Case.BOTH, 1, 10).lines) < 1500


def test_a_batch_equals_a_loop() -> None:
    """Blocks of lanes do not change a bit, whatever their number."""
    rng = np.random.default_rng(5)
    low = rng.random((machine.LANES + 37, 3)) * 0.9
    boxes = np.stack([low, low + 0.01], -1)
    problem = Problem(Case.BOTH, False, -1, Constants.exact(MODEL, False))
    together = problem.evaluate(evidence, boxes)
    for i in (0, 1, machine.LANES - 1, machine.LANES, len(boxes) - 1):
        alone = problem.evaluate(evidence, boxes[i : i + 1])
        assert [float(x.lo[i]) for x in together] == [float(x.lo[0]) for x in alone]
        assert [float(x.hi[i]) for x in together] == [float(x.hi[0]) for x in alone]
