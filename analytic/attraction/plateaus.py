"""Plateaus of a descent: stretches where the loss hardly falls, and the stationary points beside them.

A plateau is slow beside what came before it and what is still to come. With tau the time in which a feature is learnt
and L_end the loss at the end, the loss falls per unit of log time, relative to what is still to be lost, by

    s = - d log(L - L_end) / d log(t + tau)

free of the scales of loss and time. Where s is small the descent loses little of what is left in a time as long as it
has taken so far. Loss that falls like a power of time has s of order one, an exponential approach to the end a large
and growing s; a plateau is a stretch with s < `slow` that lasts for `width` in log time and ends in a faster fall. The
end itself is none. Two such stretches with less than a tenth of what is left between them are one.

Why the threshold hardly matters. Beside a saddle of escape rate r the loss leaves its level as exp(2 r t), so s passes
from 1/8 to 1/2 in a time log(4) / (2 r), and a plateau that is worth the name lasts many times 1/r: until a small
deviation has grown to order one. The slope is the difference of the mean losses over `width` before and after, so
that neither the number of checkpoints nor the noise of training, which averages out, makes plateaus. What is left has
to be more than 1e-4 of the silent loss, and four times what the loss varies by in the last tenth of the time.

A descent can be slow only where its gradient is small. From the slowest point of a plateau and from three more along it
Newton's method looks for stationary points; they lie beside the plateau if they are close, in place and in loss. Close
is 0.3 unless said: features are about one long, and different stationary points mostly differ by a feature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytic.attraction.stationary import Stationary, newton, stationary
from analytic.search.distinct import distinct
from analytic.search.minimiser import CONVERGED, MOST_FEATURES, Ends, Objective

Array = npt.NDArray[np.float64]

SLOW, WIDTH, CLOSE = 0.25, 0.1, 0.3
#: What is still to be lost has to be more than this, in units of the silent loss, and than so many times the noise.
_LEAST_LEFT, _NOISE = 1e-4, 4.0
#: The share of the time at the end that tells the last loss and its noise.
_LAST = 0.1
#: Losses are alike within this share of the loss still to be lost.
_ALIKE = 0.1
#: Where along a plateau, besides its slowest point, Newton's method starts.
_ALONG = (0.2, 0.5, 0.8)


@dataclass(frozen=True, eq=False)
class Plateau:
    """A stretch of one trajectory where the loss hardly falls.

    Attributes
    ----------
    start : tuple of int
        The trajectory, as an index into the leading axes of W.
    begins, ends : float
        Times.
    loss : float
        At its slowest point.
    beside : tuple of Stationary
        The stationary points that Newton's method found close by, the nearest first.
    distance : float or None
        To the nearest.
    """

    start: tuple[int, ...]
    begins: float
    ends: float
    loss: float
    beside: tuple[Stationary, ...]
    distance: float | None

    @property
    def stationary(self) -> Stationary | None:
        """The nearest stationary point, None if none was found close by."""
        return self.beside[0] if self.beside else None


def stretches(clock: Array, left: Array, least: float, slow: float, width: float) -> Iterator[tuple[int, int]]:
    """First and last checkpoint of every plateau, for log times (c,) and losses still to be lost (c,)."""
    worth = left > least
    gentle = worth & (_fall(clock, np.maximum(left, least), width) < slow)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], gentle, [False]]).astype(int)))
    for first, last in _joined([(int(a), int(z) - 1) for a, z in edges.reshape(-1, 2)], left):
        falls_later = bool((worth & ~gentle)[last:].any())
        if clock[last] - clock[first] >= width and falls_later:
            yield first, last


def _fall(clock: Array, left: Array, width: float) -> Array:
    """s at every checkpoint, from the means of what is left over `width` before and after."""
    area = np.concatenate([[0.0], np.cumsum((left[1:] + left[:-1]) / 2 * np.diff(clock))])
    before, after = np.maximum(clock - width, clock[0]), np.minimum(clock + width, clock[-1])

    def mean(low: Array, high: Array) -> Array:
        difference = np.interp(high, clock, area) - np.interp(low, clock, area)
        found = np.divide(difference, high - low, out=left.copy(), where=high > low)
        return np.asarray(np.maximum(found, left.min()))  # differences of areas may lose all their digits

    ratio, span = mean(before, clock) / mean(clock, after), after - before
    # where time hardly moves beside tau there is no stretch to speak of
    return np.divide(2 * np.log(ratio), span, out=np.zeros_like(span), where=span > 0)


def _joined(runs: list[tuple[int, int]], left: Array) -> list[tuple[int, int]]:
    """Stretches with hardly a fall between them, as one."""
    joined: list[tuple[int, int]] = []
    for first, last in runs:
        if joined and left[first] > (1 - _ALIKE) * left[joined[-1][1]]:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def plateaus(
    objective: Objective,
    time: Array,
    tau: float,
    theta: Array,
    loss: Array,
    norm: Array,
    *,
    slow: float = SLOW,
    width: float = WIDTH,
    close: float = CLOSE,
) -> list[Plateau]:
    """Plateaus of trajectories theta (c, N, k) with loss and gradient norm (c, N); `start` is (number,)."""
    clock, found = np.log(time + tau), []
    final = time >= (1 - _LAST) * time[-1]
    for n in np.flatnonzero(np.isfinite(loss).all(axis=0)):
        left = loss[:, n] - loss[final, n].mean()
        least = max(_LEAST_LEFT * objective.unit, _NOISE * np.ptp(loss[final, n]))
        for first, last in stretches(clock, left, least, slow, width):
            slowest = first + int(np.argmin(norm[first : last + 1, n]))
            points = np.unique([slowest, *(first + round(share * (last - first)) for share in _ALONG)])
            found.append(
                _Slow(int(n), time[first], time[last], theta[points, n], float(loss[slowest, n]), left[slowest])
            )
    if not found:
        return []
    points = np.concatenate([each.points for each in found])
    if objective.model.features > MOST_FEATURES:  # without second derivatives nothing is known of what lies beside them
        ends, norms = points, np.full(len(points), np.inf)
    else:
        ends, norms = newton(objective, points)
    cuts = np.cumsum([len(each.points) for each in found])[:-1]
    parts = zip(found, np.split(ends, cuts), np.split(norms, cuts), strict=True)
    return [each.beside(objective, points, sizes, close) for each, points, sizes in parts]


@dataclass(frozen=True)
class _Slow:
    """A stretch of trajectory `number`: its times, points (p, k) along it, the loss and what is still to be lost."""

    number: int
    begins: float
    ends: float
    points: Array
    loss: float
    left: float

    def beside(self, objective: Objective, found: Array, norm: Array, close: float) -> Plateau:
        """The plateau, with those of the points found from its points that are close by."""
        loss, gap = objective(found)[0], np.linalg.norm(found - self.points, axis=1)
        alike = np.abs(loss - self.loss) <= _ALIKE * self.left
        rows = np.flatnonzero((norm <= CONVERGED * objective.unit) & (gap <= close) & alike)
        ends = Ends(found[rows], loss[rows], norm[rows])
        points = [(gap[rows[list(each.members)]].min(), each) for each in distinct(objective, ends)]
        points.sort(key=lambda pair: pair[0])
        nearest = float(points[0][0]) if points else None
        records = tuple(stationary(objective, each.theta) for _, each in points)
        return Plateau((self.number,), float(self.begins), float(self.ends), self.loss, records, nearest)
