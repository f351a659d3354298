"""The ReLU output model of any size by sampling: the network, forwards and backwards on a batch.

With h = W x, o = W^T h + b, x' = ReLU(o), g = (x' − x) 1(o > 0) and the importances I on the diagonal,

    dL/dW = 2/batch · sum over samples of [ h (I g)^T + (W I g) x^T ],      dL/db = 2/batch · sum I g

Arrays of samples have the shape (rows, pieces, units, columns): the matrix products of a piece are small enough to stay
in the cache and on one core, as the linear algebra below NumPy starts threads of its own for larger ones, which then
compete with the blocks of the trainer. The bias is the last row of W, and belongs to a hidden unit that is always 1;
so adding it and summing its gradient are part of the same products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from analytic.training.draws import draws
from analytic.training.problems import Array, Wide
from analytic.training.workspace import Streams, Workspace

#: OpenBLAS takes a second thread for products with more multiplications than this.
_PRODUCT = 2**18
#: Values of one array of samples of a section: a batch is worked through in sections that fit the cache.
_SECTION = 2**17
#: Arrays of the workspace: samples, outputs, scratch, hidden units, backward hidden units.
_X, _O, _SCRATCH, _H, _Z = range(5)


def sections(batch: int, rows: int, features: int, hidden: int) -> list[tuple[int, int]]:
    """Pieces and columns of the sections that make up a batch."""
    columns = min(batch, 2 ** max(5, (_PRODUCT // (features * (hidden + 1))).bit_length() - 1))
    whole, rest = divmod(batch, columns)
    most = max(1, _SECTION // (rows * features * columns))
    cut = [(min(most, whole - at), columns) for at in range(0, whole, most)]
    return [*cut, (1, rest)] if rest else cut


class Network:
    """The network of a block of models, with its workspace: weights are (rows, m n + n) in this order, b last."""

    def __init__(self, models: Sequence[Wide], dtype: npt.DTypeLike = np.float32) -> None:
        first = models[0]
        self.rows, self.features, self.hidden = len(models), first.features, first.hidden
        self.dtype = np.dtype(dtype)
        self._importance = np.array([model.importance for model in models])

    def workspace(self, samples: int) -> Workspace:
        """Arrays for this many samples of every row."""
        wide, narrow = (self.rows * samples * units for units in (self.features, self.hidden + 1))
        return Workspace([wide, wide, wide, narrow, narrow], self.dtype)

    def load(self, theta: Array) -> None:
        """Takes the parameters (rows, m n + n) for the next calls."""
        layers = theta.reshape(self.rows, 1, self.hidden + 1, self.features)
        self._layers = layers.astype(self.dtype)
        self._weighted = (layers[:, :, :-1] * self._importance[:, None, None, :]).astype(self.dtype)

    def outputs(self, x: Array, space: Workspace) -> tuple[Array, Array]:
        """Hidden units with the constant one, and outputs before the ReLU, for samples x."""
        h = space.view(_H, *x.shape[:2], self.hidden + 1, x.shape[3])
        h[:, :, -1] = 1
        np.matmul(self._layers[:, :, :-1], x, out=h[:, :, :-1])
        o = space.view(_O, *x.shape)
        np.matmul(self._layers.swapaxes(-1, -2), h, out=o)
        return h, o

    def backward(self, x: Array, space: Workspace) -> tuple[Array, Array, Array]:
        """h, g and z = W I g for samples x."""
        h, g = self.outputs(x, space)
        live = space.view(_SCRATCH, *x.shape)
        np.greater(g, 0, out=live)
        g -= x
        g *= live
        z = space.view(_Z, *x.shape[:2], self.hidden, x.shape[3])
        np.matmul(self._weighted, g, out=z)
        return h, g, z

    def slopes(self, x: Array, space: Workspace) -> Array:
        """Sum over the samples x of half the gradient of their losses, (rows, m n + n)."""
        h, g, z = self.backward(x, space)
        # features first: with fewer columns than rows this order of the product is a quarter faster
        total = np.matmul(g, h.swapaxes(-1, -2)).sum(axis=1) * self._importance[:, :, None]
        total[:, :, :-1] += np.matmul(x, z.swapaxes(-1, -2)).sum(axis=1)
        return np.asarray(total.swapaxes(1, 2).reshape(self.rows, -1))

    def losses(self, x: Array, space: Workspace) -> Array:
        """Sum over the samples x of their losses, (rows,)."""
        _, error = self.outputs(x, space)
        np.maximum(error, 0, out=error)
        error -= x
        np.multiply(error, error, out=error)
        total = error.sum(axis=3).sum(axis=1, dtype=float)
        return np.asarray((total * self._importance).sum(axis=1))


class NetworkSampler:
    """Fresh batches for a block of models of any size, or one batch drawn once; see pair.py for the other one."""

    def __init__(self, models: Sequence[Wide], batch: int, streams: Streams, fixed: bool) -> None:
        self._network = Network(models)
        self._draws, self._streams, self._batch = draws(models), streams, batch
        self._cut = sections(batch, len(models), models[0].features, models[0].hidden)
        self._space = self._network.workspace(max(pieces * columns for pieces, columns in self._cut))
        self._data = [x.copy() for x in self._batches(streams.training)] if fixed else None

    def _batches(self, rng: np.random.Generator) -> Iterator[Array]:
        network = self._network
        for pieces, columns in self._cut:
            x = self._space.view(_X, network.rows, pieces, network.features, columns)
            self._draws.fill(rng, x, self._space, _SCRATCH)
            yield x

    def gradient(self, theta: Array) -> Array:
        """Gradient (rows, m n + n) of the next training batch's mean loss."""
        self._network.load(theta)
        batches = self._data or self._batches(self._streams.training)
        total = np.zeros_like(theta)
        for x in batches:
            total += self._network.slopes(x, self._space)
        return 2.0 / self._batch * total

    def loss(self, theta: Array) -> Array:
        """Mean loss (rows,) over fresh samples, which do not disturb the training stream."""
        self._network.load(theta)
        total = sum(self._network.losses(x, self._space) for x in self._batches(self._streams.testing))
        return np.asarray(total / self._batch)
