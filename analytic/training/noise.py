"""Mean and covariance of the gradient of one sample's loss, from which the noise at the end of training follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analytic.training import initial
from analytic.training.draws import draws
from analytic.training.network import Network
from analytic.training.pair import batch_gradient, draw_batch
from analytic.training.problems import Array, Model, Pair, Wide, problem
from analytic.training.workspace import Workspace
from analytic.validation import InvalidValue, whole

#: Parameters for which the whole covariance is returned: more would take more than 128 MiB.
MOST_PARAMETERS = 4096
#: Numbers in the gradients of the samples that are held at once.
_HELD = 2**20


def gradient_moments(
    model: Model, W: Any, b: Any = None, *, samples: int = 2**16, seed: int = 0, diagonal: bool = False
) -> tuple[Array, Array]:
    """Mean and covariance of the gradient of one sample's loss, estimated from `samples`, in double precision.

    Parameters
    ----------
    model
        As for `train`.
    W, b
        One point: W (2,) for the pair, (hidden, features) else; b None, a number if shared, (features,) if per-feature.
    samples
        At least 2; the relative error of the covariance is about sqrt(kurtosis / samples), 1 % to 2 % with the default
        for dense features.
    seed
        Of the samples.
    diagonal
        Variances only. Needed beyond 4096 parameters, where the covariance would not fit.

    Returns
    -------
    tuple of float64 arrays
        Mean (k,), and covariance (k, k) or variances (k,); parameters are W row by row, then b.

    Raises
    ------
    ValueError, TypeError
        For arguments that are not as described, naming the argument.
    """
    known = problem(model)
    parameters = known.parameters
    theta = initial.draw((W, b), np.random.default_rng(0), 1, known.bias, weights=parameters.weights)
    if not diagonal and parameters.size > MOST_PARAMETERS:
        raise InvalidValue(
            f"diagonal must be True for models with more than {MOST_PARAMETERS} parameters, got False for "
            f"{parameters.size}"
        )
    whole("samples", samples, 2)
    rng = np.random.Generator(np.random.SFC64([whole("seed", seed, 0), 1]))
    if isinstance(known, Pair):
        mean, covariance = _pair_moments(known, theta, samples, rng)
        return mean, np.diag(covariance) if diagonal else covariance
    wide = _Moments(known, theta, rng)
    return wide.variances(samples) if diagonal else wide.covariance(samples)


def _pair_moments(model: Pair, theta: Array, samples: int, rng: np.random.Generator) -> tuple[Array, Array]:
    parameters = model.parameters
    space = Workspace([samples] * 4, np.float64)
    batch = draw_batch(rng, np.tile(model.patterns, (samples, 1)), 1, space)
    rows = np.tile(parameters.embed(theta), (samples, 1))
    each = parameters.gather(batch_gradient(rows, np.tile(model.importance, (samples, 1)), batch, space))
    return each.mean(axis=0), np.cov(each.T)


class _Moments:
    """Sums over samples of a network of any size; a sample's gradient is 2 (h (I g)^T + z x^T, I g) in (W, b)."""

    def __init__(self, model: Wide, theta: Array, rng: np.random.Generator) -> None:
        self.parameters, self.importance, self.rng = model.parameters, model.importance, rng
        self.network = Network([model], np.float64)
        self.draws = draws([model])
        self.network.load(self.parameters.embed(theta))

    def _samples(self, samples: int, size: int) -> Iterator[tuple[Array, Array, Array, Array]]:
        """x, I g (n, chunk) and h, z (m, chunk) of all samples, in chunks for which `size` numbers each are held."""
        chunk = max(1, _HELD // size)
        space = self.network.workspace(chunk)
        for at in range(0, samples, chunk):
            x = space.view(0, 1, 1, self.parameters.features, min(chunk, samples - at))
            self.draws.fill(self.rng, x, space, 2)
            h, g, z = self.network.backward(x, space)
            yield x[0, 0], g[0, 0] * self.importance[:, None], h[0, 0, :-1], z[0, 0]

    def covariance(self, samples: int) -> tuple[Array, Array]:
        """Mean (k,) and covariance (k, k)."""
        size = self.parameters.size
        total, square = np.zeros(size), np.zeros((size, size))
        for x, g, h, z in self._samples(samples, size):
            weights = h[:, None] * g[None] + z[:, None] * x[None]
            each = 2.0 * np.concatenate([weights.reshape(-1, x.shape[1]), self._biases(g)])
            total += each.sum(axis=1)
            square += each @ each.T
        mean = total / samples
        return mean, (square - samples * np.outer(mean, mean)) / (samples - 1)

    def variances(self, samples: int) -> tuple[Array, Array]:
        """Mean (k,) and variances (k,), by products of matrices that hold no gradient of a single sample."""
        total, square = np.zeros(self.parameters.size), np.zeros(self.parameters.size)
        for x, g, h, z in self._samples(samples, self.parameters.features):
            bias = self._biases(g)
            total += 2.0 * np.concatenate([(h @ g.T + z @ x.T).reshape(-1), bias.sum(axis=1)])
            squares = (h * h) @ (g * g).T + 2.0 * (h * z) @ (g * x).T + (z * z) @ (x * x).T
            square += 4.0 * np.concatenate([squares.reshape(-1), (bias * bias).sum(axis=1)])
        mean = total / samples
        return mean, np.maximum(square - samples * mean**2, 0.0) / (samples - 1)

    def _biases(self, g: Array) -> Array:
        """Of gradients (n, chunk) in all biases those in the parameters of the convention."""
        return self.parameters.bias.gather(g.T, self.parameters.features, hidden=0).T
