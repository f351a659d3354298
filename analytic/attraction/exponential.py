"""Gradient flow of the exact loss, theta' = -grad L(theta), for many starts together, each with steps of its own.

The flow is stiff: it lingers at saddles and creeps to minima for thousands of times the period of its fastest mode.
Both are nearly linear motions, which an exponential integrator follows in a few steps. With F = -grad L, J = F'(theta)
at the start of a step and N(u) = F(u) - J u, the flow satisfies

    theta(s) = theta + s phi1(s J) F + int_0^s exp((s - r) J) [N(theta(r)) - N(theta)] dr

The bracket vanishes to second order at r = 0, so that two more values, at h/2 and h, give it to third order as
A (r/h)^2 + B (r/h)^3, and

    theta(s) = theta + s phi1(s J) F + 2 s (s/h)^2 phi3(s J) A + 6 s (s/h)^3 phi4(s J) B        for 0 <= s <= h

At s = h this is the method exprb43 (Hochbruck, Ostermann and Schweitzer, 2009), of order 4; its last term is the
difference to the embedded method of order 3, the estimate of the error. In between it serves all times that are asked
for, so results do not depend on them. -J is the Hessian, symmetric: functions of it come from its eigenvectors.

Why so, for five features in two dimensions: a start comes to rest in about 260 steps, where SciPy's explicit pair of
orders 5 and 4 asked for 235,646 gradients. Differences of the gradient instead of the exact Hessian save time but fail
at the commonest minimum, a feature with a dimension of its own: it lies on a kink, and differences across it know
neither side.

The error of a step is held below `tolerance` times its length, which means the same close to a saddle as far from it,
and makes the tolerance a relative one. Where the Hessian jumps steps shrink until the jump is crossed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from analytic.search.minimiser import Objective

Array = npt.NDArray[np.float64]

#: At rest: the gradient is below this, in units of the silent loss, and the loss curves downwards nowhere.
_REST, _DOWNWARDS = 1e-10, 1e-9
#: Below this the gradient is rounding, and the start stays where it is, also on a saddle.
_ROUNDING = 1e-15
#: Rounding of the gradient, of which B has ten times as much, in the same units.
_NOISE = 2e-14
#: Steps of one start, most of which are rejected where it slides along a kink.
_MOST_STEPS = 5000
#: Starts that step together: enough for fast evaluation, few enough for memory.
_TOGETHER = 2048
#: No deviation grows by more than exp of this in one step.
_GROWTH = 10.0
_TAYLOR = 18


def phi(z: Array) -> tuple[Array, Array, Array]:
    """phi1, phi3 and phi4 of real z, where phi_k(z) = sum_j z^j / (j + k)!, to a few eps relative to phi_k(0)."""
    near = np.abs(z) < 1
    small, large = np.where(near, z, 0.0), np.where(near, 1.0, z)
    series = np.zeros_like(z)
    for j in reversed(range(_TAYLOR)):
        series = series * small + 1 / factorial(j + 4)
    first = np.expm1(large) / large
    third = ((first - 1) / large - 1 / 2) / large
    third_near = 1 / 6 + small * series
    first_near = 1 + small * (1 / 2 + small * third_near)
    fourth = np.where(near, series, (third - 1 / 6) / large)
    return np.where(near, first_near, first), np.where(near, third_near, third), fourth


def _times(matrices: Array, vectors: Array) -> Array:
    return np.asarray(matrices @ vectors[..., None])[..., 0]


@dataclass
class _Linear:
    """The flow linearised at points (N, k): F, and J = vectors diag(rates) vectors^T."""

    theta: Array
    force: Array
    jacobian: Array
    rates: Array
    vectors: Array

    @classmethod
    def at(cls, objective: Objective, theta: Array) -> _Linear:
        jacobian = -objective.hessian(theta)
        return cls(theta, -objective(theta)[1], jacobian, *np.linalg.eigh(jacobian))

    def rows(self, rows: npt.NDArray[Any]) -> _Linear:
        return _Linear(*(each[rows] for each in vars(self).values()))

    def inwards(self, vectors: Array) -> Array:
        """Vectors in the basis of eigenvectors."""
        return _times(np.swapaxes(self.vectors, 1, 2), vectors)


@dataclass
class _Piece:
    """The flow over steps of lengths h (N,): coefficients in the basis of eigenvectors."""

    linear: _Linear
    h: Array
    F: Array
    A: Array
    B: Array

    @classmethod
    def over(cls, objective: Objective, linear: _Linear, h: Array) -> _Piece:
        F = linear.inwards(linear.force)
        half, full = h[:, None] / 2, h[:, None]
        middle = linear.theta + _times(linear.vectors, half * phi(half * linear.rates)[0] * F)
        D2 = linear.inwards(_remainder(objective, linear, middle))
        end = linear.theta + _times(linear.vectors, full * phi(full * linear.rates)[0] * (F + D2))
        D3 = linear.inwards(_remainder(objective, linear, end))
        return cls(linear, h, F, 8 * D2 - D3, 2 * D3 - 8 * D2)

    def rows(self, rows: npt.NDArray[Any]) -> _Piece:
        return _Piece(self.linear.rows(rows), *(each[rows] for each in (self.h, self.F, self.A, self.B)))

    def motion(self, s: Array) -> tuple[Array, Array]:
        """The displacement after times s (N,) in the basis of eigenvectors, and its last term."""
        time, share = s[:, None], (s / self.h)[:, None]
        first, third, fourth = phi(time * self.linear.rates)
        last = 6 * time * share**3 * fourth * self.B
        return time * first * self.F + 2 * time * share**2 * third * self.A + last, last

    def at(self, s: Array) -> Array:
        """Points after times s (N,)."""
        return self.linear.theta + _times(self.linear.vectors, self.motion(s)[0])

    def error(self, tolerance: float, noise: float) -> Array:
        """The estimated error of each step, in units of what is allowed; `noise` is the rounding of B."""
        heard = replace(self, B=np.sign(self.B) * np.maximum(np.abs(self.B) - noise, 0))
        moved, last = (np.linalg.norm(each, axis=1) for each in heard.motion(self.h))
        size = np.linalg.norm(self.linear.theta, axis=1)
        error = last / (tolerance * moved + np.finfo(float).eps * (1 + size))
        return np.where(np.isfinite(error), error, np.inf)


def _remainder(objective: Objective, linear: _Linear, theta: Array) -> Array:
    """N(theta) - N at the start of the step."""
    return -objective(theta)[1] - linear.force - _times(linear.jacobian, theta - linear.theta)


def until_still(recorded: Array) -> int:
    """How many checkpoints it took until no start of recorded (c, N, k) moved any more."""
    moved = (np.diff(recorded, axis=0) != 0).any(axis=(1, 2)) & np.isfinite(recorded[1:]).any(axis=(1, 2))
    return int(np.flatnonzero(moved).max(initial=-1)) + 2


@dataclass
class Flow:
    """All starts on their way: where they are, and what has been recorded at `times` (c,).

    recorded : (c, N, k), NaN where a start has not been;  reached : (N,), how many times each start has passed
    """

    objective: Objective
    times: Array
    tolerance: float
    theta: Array
    time: Array
    step: Array
    taken: npt.NDArray[np.int64]
    reached: npt.NDArray[np.int64]
    recorded: Array

    @classmethod
    def of(cls, objective: Objective, starts: Array, times: Array, tolerance: float) -> Flow:
        """The start of the flow; the first of `times` is 0."""
        count = len(starts)
        recorded = np.full((len(times), *starts.shape), np.nan)
        recorded[0] = starts
        zeros, step = np.zeros(count), np.full(count, 0.1 / objective.unit)
        whole = np.zeros(count, np.int64)
        return cls(objective, times, tolerance, starts.copy(), zeros, step, whole, whole + 1, recorded)

    def run(self, report: Callable[[float, float], None]) -> bool:
        """Follows all starts to the last time, or until they rest or give up; False if the keyboard interrupted."""
        try:
            while len(rows := self._on_their_way()):
                self._advance(rows)
                report(float(self.reached.sum()), float(self.reached.size * len(self.times)))
        except KeyboardInterrupt:
            return False
        return True

    def _on_their_way(self) -> npt.NDArray[np.int64]:
        """The next starts to take a step: those that lag most."""
        rows = np.flatnonzero((self.reached < len(self.times)) & (self.taken < _MOST_STEPS))
        return rows[np.argsort(self.time[rows], kind="stable")[:_TOGETHER]]

    def _advance(self, rows: npt.NDArray[np.int64]) -> None:
        """One accepted step of each of these rows."""
        linear = _Linear.at(self.objective, self.theta[rows])
        resting = self._at_rest(linear)
        self._record_rest(rows[resting])
        rows, linear = rows[~resting], linear.rows(~resting)
        while len(rows):
            h = np.minimum(self.step[rows], self.times[-1] - self.time[rows])
            h = np.minimum(h, _GROWTH / np.maximum(linear.rates[:, -1], 1e-300))
            piece = _Piece.over(self.objective, linear, h)
            error = piece.error(self.tolerance, _NOISE * self.objective.unit)
            good = error <= 1
            self._accept(rows[good], piece.rows(good))
            self.step[rows] = h * np.clip(0.9 * np.maximum(error, 1e-12) ** (-1 / 3), 0.2, 5.0)
            self.taken[rows] += 1
            again = ~good & (self.taken[rows] < _MOST_STEPS)
            rows, linear = rows[again], linear.rows(again)

    def _at_rest(self, linear: _Linear) -> npt.NDArray[np.bool_]:
        size = np.linalg.norm(linear.force, axis=1) / self.objective.unit
        stable = linear.rates[:, -1] <= _DOWNWARDS * self.objective.unit
        return np.asarray((size <= _ROUNDING) | (stable & (size <= _REST)))

    def _record_rest(self, rows: npt.NDArray[np.int64]) -> None:
        for row in rows:
            self.recorded[self.reached[row] :, row] = self.theta[row]
        self.reached[rows] = len(self.times)

    def _accept(self, rows: npt.NDArray[np.int64], piece: _Piece) -> None:
        """Records the times that this step passes, and moves on."""
        start = self.time[rows]
        passed = np.searchsorted(self.times, start + piece.h, side="right")
        for ahead in range(int((passed - self.reached[rows]).max(initial=0))):
            mark = self.reached[rows] + ahead
            here = np.flatnonzero(mark < passed)
            elapsed = np.minimum(self.times[mark[here]] - start[here], piece.h[here])
            self.recorded[mark[here], rows[here]] = piece.rows(here).at(elapsed)
        self.theta[rows] = piece.at(piece.h)
        self.time[rows] = start + piece.h
        self.reached[rows] = passed
