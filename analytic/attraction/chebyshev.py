"""Gradient flow of the exact loss without second derivatives, for many features: stabilised explicit steps.

The flow theta' = F(theta) = -grad L is stiff, but its Jacobian is symmetric: its fast modes lie on the negative real
axis, and there an explicit method with s stages can be stable as far out as 2/3 (s^2 - 1), not just in proportion to s.
This is RKC, the Runge-Kutta-Chebyshev method of order two (Sommeijer, Shampine and Verwer, 1998): with T_s the
Chebyshev polynomial, w0 = 1 + (2/13)/s^2 and w1 = T_s'(w0)/T_s''(w0), its stability polynomial is
1 + T_s''(w0)/T_s'(w0)^2 (T_s(w0 + w1 z) - T_s(w0)), built up by the three-term recurrence of T_s. The error of a step
of length h is estimated by 0.8 (theta_0 - theta_1) + 0.4 h (F_0 + F_1).

How far the spectrum reaches comes from power iteration with differences of the gradient. Between steps cubic Hermite
interpolation serves the times that are asked for. A start is at rest where the gradient is below what the lattice can
tell from zero; there, a saddle and a minimum look alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytic.search.minimiser import Objective

Array = npt.NDArray[np.float64]

_DAMPING = 2 / 13
#: The spectral radius: iterations at first and later, after how many steps of the flow, and the margin.
_POWER, _AGAIN, _EVERY, _MARGIN = 20, 4, 20, 1.2
#: Length of the differences, in units of 1 + |theta|: their error is about that of the lattice over this.
_DIFFERENCE = 1e-4
#: Gradients for one start, and stages of one step.
_MOST_GRADIENTS, _MOST_STAGES = 20_000, 200


def coefficients(stages: int) -> tuple[Array, ...]:
    """mu, nu, mu~ and gamma~ of the stages 1, ..., s; entry 0 is unused."""
    w0 = 1 + _DAMPING / stages**2
    T, dT, ddT = np.zeros((3, stages + 1))
    T[:2], dT[1] = (1, w0), 1
    for j in range(2, stages + 1):
        T[j] = 2 * w0 * T[j - 1] - T[j - 2]
        dT[j] = 2 * T[j - 1] + 2 * w0 * dT[j - 1] - dT[j - 2]
        ddT[j] = 4 * dT[j - 1] + 2 * w0 * ddT[j - 1] - ddT[j - 2]
    w1 = dT[stages] / ddT[stages]
    b = np.empty(stages + 1)
    b[2:] = ddT[2:] / dT[2:] ** 2
    b[:2] = b[2]
    mu, nu, direct, first = np.zeros((4, stages + 1))
    direct[1] = b[1] * w1
    mu[2:], nu[2:] = 2 * b[2:] * w0 / b[1:-1], -b[2:] / b[:-2]
    direct[2:] = 2 * b[2:] * w1 / b[1:-1]
    first[2:] = -(1 - b[1:-1] * T[1:-1]) * direct[2:]
    return mu, nu, direct, first


@dataclass
class _Start:
    """One start on its way: its point, force and time, the next step, and what is known of the spectrum."""

    objective: Objective
    theta: Array
    force: Array
    time: float
    step: float
    mode: Array
    radius: float = 0.0
    gradients: int = 0

    def at(self, theta: Array) -> Array:
        self.gradients += 1
        return np.asarray(-self.objective(theta[None])[1][0])

    def measure(self, iterations: int) -> None:
        """The spectral radius of the Jacobian here, by power iteration from the last mode."""
        length = _DIFFERENCE * (1 + float(np.linalg.norm(self.theta)))
        for _ in range(iterations):
            image = (self.at(self.theta + length * self.mode) - self.force) / length
            found = float(np.linalg.norm(image))
            if found == 0:
                break
            self.mode, self.radius = image / found, _MARGIN * found

    def trial(self, h: float, stages: int) -> Array:
        """The point after a step of length h."""
        mu, nu, direct, first = coefficients(stages)
        before, now = self.theta, self.theta + direct[1] * h * self.force
        for j in range(2, stages + 1):
            then = (1 - mu[j] - nu[j]) * self.theta + mu[j] * now + nu[j] * before
            then += direct[j] * h * self.at(now) + first[j] * h * self.force
            before, now = now, then
        return now


@dataclass
class ExplicitFlow:
    """Like `exponential.Flow`, one start after the other; `rest` is the gradient at which a start is at rest."""

    objective: Objective
    times: Array
    tolerance: float
    rest: float
    theta: Array
    reached: npt.NDArray[np.int64]
    recorded: Array

    @classmethod
    def of(cls, objective: Objective, starts: Array, times: Array, tolerance: float, rest: float) -> ExplicitFlow:
        """The start of the flow; the first of `times` is 0."""
        recorded = np.full((len(times), *starts.shape), np.nan)
        recorded[0] = starts
        return cls(objective, times, tolerance, rest, starts.copy(), np.ones(len(starts), np.int64), recorded)

    def run(self, report: Callable[[float, float], None]) -> bool:
        """Follows all starts to the last time, or until they rest or give up; False if the keyboard interrupted."""
        try:
            for row in range(len(self.theta)):
                self._follow(row, report)
        except KeyboardInterrupt:
            return False
        return True

    def _follow(self, row: int, report: Callable[[float, float], None]) -> None:
        theta = self.theta[row]
        mode = np.random.default_rng(0).standard_normal(len(theta))
        start = _Start(self.objective, theta, theta, 0.0, 0.1 / self.objective.unit, mode / np.linalg.norm(mode))
        start.force = start.at(theta)
        taken = 0
        while self.reached[row] < len(self.times) and start.gradients < _MOST_GRADIENTS:
            if np.linalg.norm(start.force) <= self.rest:
                self.recorded[self.reached[row] :, row], self.reached[row] = start.theta, len(self.times)
                break
            if taken % _EVERY == 0:
                start.measure(_AGAIN if taken else _POWER)
            taken += 1
            self._advance(row, start)
            self.theta[row] = start.theta
            report(float(self.reached.sum()), float(self.reached.size * len(self.times)))

    def _advance(self, row: int, start: _Start) -> None:
        """One step, or a shorter one next time."""
        h = min(start.step, self.times[-1] - start.time)
        stages = max(2, 1 + int(np.sqrt(1 + 1.54 * h * start.radius)))
        if stages > _MOST_STAGES:
            stages, h = _MOST_STAGES, (_MOST_STAGES**2 - 1) / 1.54 / start.radius
        theta = start.trial(h, stages)
        force = start.at(theta)
        moved = float(np.linalg.norm(theta - start.theta))
        wrong = float(np.linalg.norm(0.8 * (start.theta - theta) + 0.4 * h * (start.force + force)))
        error = wrong / (self.tolerance * moved + h * self.rest + 1e-300)
        good = bool(np.isfinite(error)) and error <= 1
        start.step = h * float(np.clip(0.8 * max(error, 1e-12) ** (-1 / 3), 0.1, 5.0)) if np.isfinite(error) else h / 10
        if not good:
            start.measure(_AGAIN)
            return
        passed = int(np.searchsorted(self.times, start.time + h, side="right"))
        for mark in range(int(self.reached[row]), passed):
            share = min((self.times[mark] - start.time) / h, 1.0)
            self.recorded[mark, row] = _between(start, theta, force, h, share)
        start.theta, start.force, start.time = theta, force, start.time + h
        self.reached[row] = max(passed, int(self.reached[row]))


def _between(start: _Start, theta: Array, force: Array, h: float, s: float) -> Array:
    """Cubic Hermite interpolation, a share s of the step after its beginning."""
    value = (1 + 2 * s) * (1 - s) ** 2 * start.theta + s**2 * (3 - 2 * s) * theta
    return np.asarray(value + h * (s * (1 - s) ** 2 * start.force - s**2 * (1 - s) * force))
