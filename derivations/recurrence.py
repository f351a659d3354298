"""Any number of features: the recurrence for moments over a cube, and the sums over its states.

h = b + sum_j g_j x_j, the features uniform on [0, 1]. For any point t with h(t) = 0 the field F = (x - t) x^a h^q has

    div F = (q + sum_j (a_j + 1)) x^a h^q - sum_j t_j a_j x^(a - e_j) h^q

(`field_defect`), and on the kink {h = 0} it is tangent to it, since sum_j g_j (x_j - t_j) = h(x) - h(t) = 0. Integrated
over {h > 0} it therefore leaves the faces of the cube only: that is the recurrence. Everything that the package sums
with it is checked here with symbols, in every activation pattern of the pair, or in rationals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import sympy as sp

from derivations import loss
from derivations.moments import p00, p11, p_other, p_own
from derivations.patterns import alpha, b, beta

#: What a feature of a state is: fixed at 0, fixed at 1, or free.
OFF, ONE, FREE = 0, 1, 2
State = tuple[int, ...]
Numbers = Mapping[Any, Any]

#: Name of a moment of the pair -> (q, exponents of x and y); q = -1 stands for delta(h), 0 for 1(h > 0).
PAIR = {
    **{"hh": (2, (0, 0)), "xh": (1, (1, 0)), "h": (1, (0, 0)), "yh": (1, (0, 1)), "one": (0, (0, 0))},
    **{"x": (0, (1, 0)), "xx": (0, (2, 0)), "xy": (0, (1, 1)), "y": (0, (0, 1)), "yy": (0, (0, 2))},
    **{"dx": (-1, (1, 0)), "dxx": (-1, (2, 0)), "dxy": (-1, (1, 1))},
    **{"dxxx": (-1, (3, 0)), "dxxy": (-1, (2, 1)), "dxyy": (-1, (1, 2))},
}


def field_defect(k: int) -> sp.Expr:
    """What the divergence of (x - t) x^a h^q lacks, for symbolic q, a, g, t in k dimensions, as a factor of x^a h^q."""
    xs, ts, gs, powers = (sp.symbols(f"{name}1:{k + 1}", positive=True) for name in "xtga")
    q = sp.Symbol("q")
    h = sum(g * (x - t) for g, x, t in zip(gs, xs, ts, strict=True))
    log_f = sum(a * sp.log(x) for a, x in zip(powers, xs, strict=True)) + q * sp.log(h)
    divergence = sum(1 + (x - t) * sp.diff(log_f, x) for x, t in zip(xs, ts, strict=True))
    claimed = q + sum(a + 1 - t * a / x for a, t, x in zip(powers, ts, xs, strict=True))
    return sp.cancel(sp.together(divergence - claimed))


def choice_defect(signs: Sequence[int]) -> sp.Expr:
    """h(t) for t_j = tau where g_j > 0 and 1 - tau elsewhere, tau = -lo / (hi - lo)."""
    gs = [sign * sp.Symbol(f"g{j}", positive=True) for j, sign in enumerate(signs)]
    low = b + sum(g for g, sign in zip(gs, signs, strict=True) if sign < 0)
    high = b + sum(g for g, sign in zip(gs, signs, strict=True) if sign > 0)
    tau = -low / (high - low)
    return sp.cancel(b + sum(g * (tau if sign > 0 else 1 - tau) for g, sign in zip(gs, signs, strict=True)))


def _whole(state: State, start: Any, g: Sequence[Any], q: int, a: Sequence[int]) -> Any:
    """The integral of x^a h^q over a state where h is positive throughout."""
    if any(power and kind == OFF for power, kind in zip(a, state, strict=True)):
        return sp.Integer(0)
    xs = sp.symbols(f"x0:{len(state)}")
    free = [j for j, kind in enumerate(state) if kind == FREE]
    value = (start + sum(g[j] * xs[j] for j in free)) ** q * sp.prod(xs[j] ** a[j] for j in free)
    return sp.integrate(sp.expand(value), *((xs[j], 0, 1) for j in free)) if free else value


def moment_of_states(start: Any, g: Sequence[Any], numbers: Numbers) -> Callable[[int, tuple[int, ...], State], Any]:
    """The function (q, a, state) -> E[x^a h^q 1(h > 0)] by the recurrence.

    `numbers` gives values to the symbols; which are positive decides between zero, a polynomial and the recurrence.
    """

    def sign(value: Any) -> Any:
        return sp.sympify(value).subs(numbers)

    @cache
    def moment(q: int, a: tuple[int, ...], state: State) -> Any:
        free = [j for j, kind in enumerate(state) if kind == FREE]
        c = start + sum(g[j] for j, kind in enumerate(state) if kind == ONE)
        low = c + sum(g[j] for j in free if sign(g[j]) < 0)
        high = c + sum(g[j] for j in free if sign(g[j]) > 0)
        if sign(high) <= 0:
            return sp.Integer(0)
        if sign(low) > 0 or (sign(low) == 0 and q >= 0):
            return _whole(state, c, g, q, a) if q >= 0 else sp.Integer(0)
        degree = q + sum(a[j] + 1 for j in free)
        if degree == 0:
            return _whole(state, 1, g, 0, a) / (g[free[0]] if sign(g[free[0]]) > 0 else -g[free[0]])
        tau, total = -low / (high - low), sp.Integer(0)
        for j in free:
            t = tau if sign(g[j]) > 0 else 1 - tau
            total += (1 - t) * moment(q, a, _with(state, j, ONE))
            if a[j]:
                total += t * a[j] * moment(q, (*a[:j], a[j] - 1, *a[j + 1 :]), state)
            else:
                total += t * moment(q, a, _with(state, j, OFF))
        return sp.cancel(total / degree)

    return moment


def _with(state: State, j: int, kind: int) -> State:
    return (*state[:j], kind, *state[j + 1 :])


def samples(pattern: str) -> Iterator[dict[sp.Symbol, int]]:
    """One point inside an activation pattern for each sign that beta has there."""
    for sign in (1, -1):
        for base, rise, size in product((-7, -5, -3, -1, 1, 3, 5, 7), (2, 4, 6, 8), (1, 3, 5, 9, 11)):
            corners = {"A": base + rise, "B": base, "E": base + sign * size, "F": base + rise + sign * size}
            if 0 not in corners.values() and "".join(c for c in "ABEF" if corners[c] > 0) == pattern:
                yield {b: sp.Integer(base), alpha: sp.Integer(rise), beta: sp.Integer(sign * size)}
                break


def _of_pair(moment: Callable[[int, tuple[int, ...], State], Any], name: str) -> sp.Expr:
    """A moment of the pair, over its four on/off patterns; off means fixed at 0."""
    states = {p11: (FREE, FREE), p_own: (FREE, OFF), p_other: (OFF, FREE), p00: (OFF, OFF)}
    return sum((p * moment(*PAIR[name], state) for p, state in states.items()), sp.Integer(0))


def pair_agrees(pattern: str) -> bool:
    """Whether the recurrence for two features gives every stable moment of the pair, for each sign of beta."""
    return all(
        loss.vanishes(_of_pair(moment, name) - loss.evaluated(pattern, name))
        for numbers in samples(pattern)
        for moment in [moment_of_states(b, (alpha, beta), numbers)]
        for name in PAIR
    )


class Sweeps:
    """The sums of the package, in any arithmetic: weights down from the patterns to the leaves, moments up.

    weights : probability of each on/off pattern, keyed by its state
    square, cross : sum_patterns P E[h_+^2], sum_patterns P E[x_0 h_+]
    slopes : sum_patterns P E[(h - x_0) x_j 1(h > 0)]
    """

    def __init__(self, start: Any, g: Sequence[Any], weights: Mapping[State, Any], numbers: Numbers) -> None:
        self.g, self.numbers = g, numbers
        self.moment = moment_of_states(start, g, numbers)
        self.start = start
        self.A: dict[State, Any] = dict(weights)
        self.C: dict[State, Any] = {}
        self.square = self.cross = self.own_square = sp.Integer(0)
        self.slopes = [sp.Integer(0) for _ in g]
        for state in sorted(product((OFF, ONE, FREE), repeat=len(g)), reverse=True):
            self._visit(state, [j for j, kind in enumerate(state) if kind == FREE])
        self.slopes[0] = self.cross - self.own_square

    def _value(self, state: State) -> tuple[Any, Any]:
        """V and M: E[h_+], or E[(h - x_0) 1(h > 0)] where x_0 is free, and E[1(h > 0)]."""
        zero = (0,) * len(self.g)
        value = self.moment(1, zero, state)
        if state[0] == FREE:
            value -= self.moment(0, (1, *zero[1:]), state)
        return value, self.moment(0, zero, state)

    def _visit(self, state: State, free: list[int]) -> None:
        sign = lambda value: sp.sympify(value).subs(self.numbers)  # noqa: E731
        c = self.start + sum(self.g[j] for j, kind in enumerate(state) if kind == ONE)
        low = c + sum(self.g[j] for j in free if sign(self.g[j]) < 0)
        high = c + sum(self.g[j] for j in free if sign(self.g[j]) > 0)
        A, C = self.A.get(state, 0), self.C.get(state, 0)
        if sign(high) <= 0:
            return
        V, M = self._value(state)
        if sign(low) >= 0:
            self._leaf(free, (low + high) / 2, A, C, V, own=state[0] == FREE)
            return
        tau = -low / (high - low)
        t = {j: tau if sign(self.g[j]) > 0 else 1 - tau for j in free}
        A, C = A / (len(free) + 2), C + (A / (len(free) + 2) * t[0] if state[0] == FREE else 0)
        C = C / (len(free) + 1)
        for j in free:
            on, off = _with(state, j, ONE), _with(state, j, OFF)
            V_on, M_on = self._value(on)
            self.A[on] = self.A.get(on, 0) + A * (1 - t[j])
            self.A[off] = self.A.get(off, 0) + A * t[j]
            self.C[on] = self.C.get(on, 0) + (C + (A if j == 0 else 0)) * (1 - t[j])
            self.C[off] = self.C.get(off, 0) + C * t[j]
            self.slopes[j] += t[j] * (A * V - C * M) + (1 - t[j]) * (A * V_on - C * M_on)
            if j == 0:
                self.own_square += (1 - t[0]) * M_on * (A + 2 * C) + t[0] * M * 2 * C

    def _leaf(self, free: list[int], mean: Any, A: Any, C: Any, V: Any, own: bool) -> None:
        """Where h is positive throughout: the moments of the uniform distribution."""
        self.square += A * (mean**2 + sum(self.g[j] ** 2 for j in free) / sp.Integer(12))
        self.cross += C * mean
        if own:
            self.cross += A * (mean / 2 + self.g[0] / sp.Integer(12))
            self.own_square += A / sp.Integer(3) + C
        for j in free:
            self.slopes[j] += (A * V - C) / sp.Integer(2) + A * self.g[j] / sp.Integer(12)


def pair_sweeps_agree(pattern: str) -> bool:
    """Whether the sums of the sweeps are the moments of loss and gradient, for each sign of beta."""
    weights: dict[State, Any] = {(FREE, FREE): p11, (FREE, OFF): p_own, (OFF, FREE): p_other, (OFF, OFF): p00}
    for numbers in samples(pattern):
        sweeps = Sweeps(b, (alpha, beta), weights, numbers)
        found = (sweeps.square, sweeps.cross, *sweeps.slopes)
        named = [loss.evaluated(pattern, name) for name in ("hh", "xh", "xh", "yh")]
        claimed = (*named[:2], named[2] - loss.evaluated(pattern, "xx"), named[3] - loss.evaluated(pattern, "xy"))
        if not all(loss.vanishes(sp.expand(left - right)) for left, right in zip(found, claimed, strict=True)):
            return False
    return True


def chain_rule_holds(m: int, n: int) -> bool:
    """Gradient and Hessian of sum_i F_i(g_i, b_i) by (W, b), g_ij = W_i . W_j, for general quadratic F_i.

    Both sides are linear in the first two derivatives of F_i, so quadratic functions decide.
    """
    W = sp.Matrix(m, n, sp.symbols(f"W:{m * n}"))
    biases = sp.symbols(f"b:{n}")
    theta = [*W, *biases]
    G = W.T * W
    gs = sp.Matrix(n, n, sp.symbols(f"g:{n * n}"))
    total, D, second = sp.Integer(0), sp.zeros(n, n), sp.zeros(len(theta), len(theta))
    by_b = sp.zeros(1, n)
    at = {gs[i, j]: G[i, j] for i in range(n) for j in range(n)}
    for i in range(n):
        u = sp.Matrix([*gs.row(i), biases[i]])
        T = sp.Matrix(n + 1, n + 1, lambda r, c: sp.Symbol(f"T{i}_{min(r, c)}_{max(r, c)}"))  # noqa: B023
        linear = sp.Matrix(sp.symbols(f"c{i}_:{n + 1}"))
        F = (u.T * T * u)[0] / 2 + (linear.T * u)[0]
        chain = sp.Matrix([*G.row(i), biases[i]]).jacobian(theta)
        total += F.subs(at)
        D[i, :] = sp.Matrix([[sp.diff(F, gs[i, j]).subs(at) for j in range(n)]])
        by_b[i] = sp.diff(F, biases[i]).subs(at)
        second += chain.T * T * chain
    for a in range(m):
        second[a * n : (a + 1) * n, a * n : (a + 1) * n] += D + D.T
    gradient = sp.Matrix([total]).jacobian(theta)
    claimed = sp.Matrix([[*(W * (D + D.T)), *by_b]])
    difference = [*(gradient - claimed), *(gradient.jacobian(theta) - second)]
    return all(sp.expand(entry) == 0 for entry in difference)


def jump_of_own(border: str) -> sp.Matrix:
    """With feature i alone on: the jump of E[u u^T 1(h > 0)] - E[x u u^T delta(h)], u = (x, 1), as b passes a border.

    `border` is "A" for alpha + b = 0, where h enters the edge, and "B" for b = 0, where it fills it.
    """
    zero, x = sp.Integer(0), sp.Symbol("x", positive=True)
    root = -b / alpha

    def entries(inside: bool, start: sp.Expr) -> sp.Matrix:
        powers = sp.Matrix([[2, 1], [1, 0]])
        area = powers.applyfunc(lambda power: sp.integrate(x**power, (x, start, 1)))
        line = powers.applyfunc(lambda power: root ** (power + 1) / alpha if inside else zero)
        return area - line

    if border == "A":
        return entries(True, root).subs(b, -alpha)
    return (entries(False, zero) - entries(True, root)).subs(b, 0)


def rational_points(k: int, count: int) -> Iterator[tuple[sp.Rational, list[sp.Rational], list[sp.Rational]]]:
    """(b, g, densities), with g_0 >= 0; a third of them with h exactly zero at a corner of the cube."""
    state = 12345
    for number in range(count):
        values = []
        for _ in range(2 * k + 1):
            state = (1103515245 * state + 12345) % 2**31
            values.append(sp.Rational(state // 2**16 % 17 - 8, 4))
        start, g, p = values[0], [abs(values[1]), *values[2 : k + 1]], [abs(v) / 3 for v in values[k + 1 :]]
        if number % 3 == 0:
            start = -sum(g[: 1 + number % k], sp.Integer(0))
        yield start, g, p


def sweeps_agree_in_rationals(k: int, count: int) -> bool:
    """Whether the sums of the sweeps are sums over patterns of moments, for k features at rational points."""
    unit = [tuple(int(i == j) for i in range(k)) for j in range(k)]
    for start, g, p in rational_points(k, count):
        weights = {
            state: sp.prod(p[j] if kind else 1 - p[j] for j, kind in enumerate(state))
            for state in product((OFF, FREE), repeat=k)
        }
        sweeps = Sweeps(start, g, weights, {})
        total = lambda q, a: sum(w * sweeps.moment(q, a, state) for state, w in weights.items())  # noqa: B023, E731
        claimed = [total(2, (0,) * k), total(1, unit[0])]
        claimed += [total(1, e) - total(0, tuple(map(sum, zip(e, unit[0], strict=True)))) for e in unit]
        if [sweeps.square, sweeps.cross, *sweeps.slopes] != claimed:
            return False
    return True
