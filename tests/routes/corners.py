"""A second route to the moments of h = b + sum_j g_j x_j over a cube: signed sums over its corners, in rationals.

Iterated integration gives E[h_+^q] = q!/(q + k)! sum_corners +- h_+^(q + k) / prod g, and integration by parts along
x_l takes one power of x_l away. Both divide by g and cancel, which is why they are of no use in floating point; in
exact arithmetic they are the definition, worked out. Shares nothing with the package, which has a recurrence instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from math import factorial, prod

Rational = Fraction | int


def subsets(items: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return (chosen for size in range(len(items) + 1) for chosen in combinations(items, size))


@lru_cache(maxsize=200_000)
def power_moment(q: int, b: Fraction, g: tuple[Fraction, ...]) -> Fraction:
    """E[h_+^q] over the unit cube; q = 0 counts h > 0."""
    g = tuple(each for each in g if each)
    k = len(g)
    if k == 0:
        return b**q if b > 0 else Fraction(0)
    unit = max((b.denominator, *(each.denominator for each in g)))  # of binary fractions, so all divide it
    corners = {0: [int(b * unit)]}
    for each in g:
        step = int(each * unit)
        corners = {
            size: corners.get(size, []) + [h + step for h in corners.get(size - 1, [])]
            for size in range(len(corners) + 1)
        }
    total = sum((-1) ** (k - size) * sum(h ** (q + k) for h in values if h > 0) for size, values in corners.items())
    return Fraction(factorial(q) * total, factorial(q + k) * unit ** (q + k)) / prod(g)


def moment(q: int, b: Fraction, g: tuple[Fraction, ...], a: tuple[int, ...]) -> Fraction:
    """E[x^a h_+^q] over the unit cube."""
    for j, power in enumerate(a):
        if power:
            rest_g, rest_a = g[:j] + g[j + 1 :], a[:j] + a[j + 1 :]
            if g[j] == 0:
                return moment(q, b, rest_g, rest_a) / (power + 1)
            lower = (*a[:j], power - 1, *a[j + 1 :])
            border = moment(q + 1, b + g[j], rest_g, rest_a)
            return (border - power * moment(q + 1, b, g, lower)) / ((q + 1) * g[j])
    return power_moment(q, b, tuple(g))


def pattern_moment(
    q: int, b: Fraction, g: Sequence[Fraction], powers: dict[int, int], on: Sequence[int]
) -> Fraction | int:
    """E[prod_j x_j^powers[j] h_+^q] given that the features `on` are on and the others off."""
    if any(j not in on for j, power in powers.items() if power):
        return 0
    return moment(q, b, tuple(g[j] for j in on), tuple(powers.get(j, 0) for j in on))


def probability(on: Sequence[int], density: Sequence[Fraction]) -> Fraction:
    return prod((p if j in on else 1 - p for j, p in enumerate(density)), start=Fraction(1))


def gram(W: Sequence[Sequence[float]]) -> list[list[Fraction]]:
    rows = [[Fraction(w) for w in row] for row in W]
    n = len(rows[0])
    return [[sum((row[i] * row[j] for row in rows), Fraction(0)) for j in range(n)] for i in range(n)]


def loss_and_scale(
    W: Sequence[Sequence[float]], b: Sequence[float], importance: Sequence[Fraction], density: Sequence[Fraction]
) -> tuple[Fraction, Fraction]:
    """The loss, and sum_i I_i (E[x_i^2] + E[ReLU(h_i)^2]), for independent features."""
    loss, scale = Fraction(0), Fraction(0)
    for i, g in enumerate(gram(W)):
        square, cross = Fraction(0), Fraction(0)
        present = [j for j in range(len(g)) if g[j] or j == i]
        inside = {j: density[j] for j in present}
        for on in subsets(present):
            weight = prod((p if j in on else 1 - p for j, p in inside.items()), start=Fraction(1))
            square += weight * pattern_moment(2, Fraction(b[i]), g, {}, on)
            cross += weight * pattern_moment(1, Fraction(b[i]), g, {i: 1}, on)
        loss += importance[i] * (density[i] / 3 - 2 * cross + square)
        scale += importance[i] * (density[i] / 3 + square)
    return loss, scale


def gradient(
    W: Sequence[Sequence[float]], b: Sequence[float], importance: Sequence[Fraction], density: Sequence[Fraction]
) -> tuple[list[list[Fraction]], list[Fraction]]:
    """(dW, db) for independent features."""
    n, G = len(b), gram(W)
    D = [[Fraction(0)] * n for _ in range(n)]
    by_b = [Fraction(0)] * n
    for i, g in enumerate(G):
        for on in subsets(range(n)):
            weight, bias = 2 * importance[i] * probability(on, density), Fraction(b[i])
            by_b[i] += weight * (pattern_moment(1, bias, g, {}, on) - pattern_moment(0, bias, g, {i: 1}, on))
            for j in on:
                square = {i: 1, j: 1} if i != j else {i: 2}
                D[i][j] += weight * pattern_moment(1, bias, g, {j: 1}, on)
                D[i][j] -= weight * pattern_moment(0, bias, g, square, on)
    by_W = [
        [sum((Fraction(row[i]) * (D[i][j] + D[j][i]) for i in range(n)), Fraction(0)) for j in range(n)] for row in W
    ]
    return by_W, by_b


def points(seed: int, counts: dict[int, int]) -> Iterator[tuple[list[list[float]], list[float], list[float]]]:
    """(W, b, density) for `counts` = {features: how many}: ladders, parallel columns, biases on every border."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for n, count in counts.items():
        for k in range(count):
            m = int(rng.integers(1, 4))
            W = rng.normal(size=(m, n)) / np.sqrt(m)
            W /= max(1.0, np.linalg.norm(W, axis=0).max())
            b = rng.normal(size=n) * rng.choice([0.1, 0.5])
            density = (10 ** rng.uniform(-12, 0, n), 1 - 10 ** rng.uniform(-12, 0, n), rng.random(n), np.ones(n))[k % 4]
            if k % 5 in (1, 4):
                W *= 10.0 ** -rng.choice([0, 1, 2, 4, 8, 12, 16, 100, 155, 300], size=n)
            if k % 5 in (2, 4):
                W[:, 1:] = W[:, :1] * rng.choice([-1, 1, 0.5, 1e-8], size=n - 1)
            if k % 5 >= 3:
                g = W.T @ W
                b = -(g * (rng.random((n, n)) < 0.5)).sum(1) * (1 + rng.choice([0, 0, 2e-16, -2e-16, 1e-8, -1e-8], n))
            yield W.tolist(), b.tolist(), density.tolist()
