"""Shares of random starts, with intervals that mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

#: Probability that is left out on each side of an interval.
_TAIL = 0.025


@dataclass(frozen=True)
class Share:
    """How often something happened: the estimate, and the ends of a 95 % interval."""

    estimate: float
    low: float
    high: float


def share(count: int, total: int) -> Share:
    """The share `count` / `total` with the exact interval of Clopper and Pearson."""
    from scipy.special import betaincinv

    low = betaincinv(count, total - count + 1, _TAIL) if count else 0.0
    high = betaincinv(count + 1, total - count, 1 - _TAIL) if count < total else 1.0
    return Share(count / total, float(low), float(high))


def upper_bound(count: int, total: int) -> float:
    """The one-sided upper 95 % bound on a probability that was met `count` times in `total`; 1 for no trials."""
    from scipy.special import betaincinv

    return float(betaincinv(count + 1, total - count, 1 - 2 * _TAIL)) if count < total else 1.0
