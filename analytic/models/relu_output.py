"""`ReluOutputModel`: the ReLU output model for any number of features and hidden units.

x' = ReLU(W^T W x + b) with W of shape (hidden, features). Feature i is zero with probability S_i, its *sparsity*, and
otherwise uniform on [0, 1]; p_i = 1 - S_i is its *density*. The loss is sum_i I_i E[(x_i - x'_i)^2], summed over the
features. The features are independent, or have any joint probabilities of being on. As in `ToyModel` all parameters
are stored as exact rationals, and this is the only place where the input of such a model is validated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.models.bias import Bias, BiasLike
from analytic.models.features import importances, joint_patterns, pattern_products, probabilities
from analytic.models.symmetry import Symmetry
from analytic.validation import InvalidValue, number, one_of, real_array, refuse, whole

if TYPE_CHECKING:
    from analytic.loss.relu_output import Evaluation, Problem
    from analytic.loss.relu_variance import SampledVariance

Array: TypeAlias = npt.NDArray[np.float64]
Method: TypeAlias = Literal["recurrence", "lattice"] | None

#: Of the lattice, where the caller names none.
_TOLERANCE = 1e-8
#: The most features whose 2^n pattern probabilities are worth an array.
_MOST_SHOWN = 20
#: A symbolic or very long model is not worth printing in full.
_JOINT_SHOWN = 4


def _shown(values: Sequence[Fraction]) -> str:
    """Numbers as the user would type them: one if all are equal."""
    first, *rest = values
    return repr(float(first)) if all(each == first for each in rest) else repr(tuple(map(float, values)))


@dataclass(frozen=True, init=False, repr=False)
class ReluOutputModel:
    """n features, m hidden units: importance, sparsity and the convention for the bias.

    Parameters
    ----------
    features, hidden
        n >= 1 and m >= 1.
    importance
        One positive number for all features, or n numbers.
    sparsity
        P(x_i = 0) in [0, 1], one number for all features or n numbers. Some codes call the *density* 1 - S
        "sparsity"; use `from_density` for those.
    bias
        "none" (b = 0), "shared" (all b_i equal) or "per-feature" (the trained model of the paper).

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.

    Notes
    -----
    The loss is exact up to rounding wherever an output depends on at most 10 features (12 on request, and with joint
    patterns): features with W_i . W_j = 0 exactly do not count, so ten orthogonal pairs cost ten pairs. Beyond, it is
    integrated on a lattice to a tolerance. Batches use all cores and less than 1 GiB of temporary memory; a batch gives
    bit for bit what a loop gives, on any number of cores.

    Models are hashable, equal if they are the same problem, and pickle.

    Examples
    --------
    >>> import numpy as np
    >>> model = ReluOutputModel.from_density(5, 2, 0.1)
    >>> angle = 2 * np.pi * np.arange(5) / 5
    >>> pentagon = 1.1004 * np.array([np.cos(angle), np.sin(angle)])
    >>> print(f"{model.loss(pentagon, np.full(5, -0.2099)):.7f}")
    0.0263051

    SciPy minimises the exact loss with its exact gradient in one line:

    >>> from scipy.optimize import minimize
    >>> start = np.concatenate([pentagon.ravel(), np.zeros(5)])
    >>> found = minimize(model.loss_and_gradient_at, start, jac=True)
    >>> print(f"{found.fun:.6f}")
    0.026305
    """

    hidden: int
    exact_importance: tuple[Fraction, ...]
    exact_density: tuple[Fraction, ...]
    exact_patterns: tuple[Fraction, ...] | None
    bias: Bias

    def __init__(
        self,
        features: int,
        hidden: int,
        importance: Any = 1.0,
        sparsity: Any = 0.0,
        *,
        bias: BiasLike = "per-feature",
    ) -> None:
        n = whole("features", features)
        density = tuple(1 - each for each in probabilities("sparsity", sparsity, n))
        self._set(hidden, importance, density, None, bias)

    def _set(
        self,
        hidden: int,
        importance: Any,
        density: tuple[Fraction, ...],
        patterns: tuple[Fraction, ...] | None,
        bias: BiasLike,
    ) -> None:
        object.__setattr__(self, "hidden", whole("hidden", hidden))
        object.__setattr__(self, "exact_importance", importances(importance, len(density)))
        object.__setattr__(self, "exact_density", density)
        object.__setattr__(self, "exact_patterns", patterns)
        object.__setattr__(self, "bias", Bias.of(bias))

    @classmethod
    def from_density(
        cls, features: int, hidden: int, density: Any, importance: Any = 1.0, bias: BiasLike = "per-feature"
    ) -> ReluOutputModel:
        """The model whose features are on with a given probability.

        Parameters
        ----------
        density : number or n numbers, in [0, 1]
            P(x_i != 0) = 1 - S_i; one number for all features.
        features, hidden, importance, bias
            As for the class.
        """
        n = whole("features", features)
        return cls(n, hidden, importance, tuple(1 - p for p in probabilities("density", density, n)), bias=bias)

    @classmethod
    def from_patterns(
        cls, hidden: int, patterns: Any, importance: Any = 1.0, bias: BiasLike = "per-feature"
    ) -> ReluOutputModel:
        """The model with given joint on/off probabilities, for up to 12 correlated or anticorrelated features.

        Parameters
        ----------
        patterns : array_like, shape (2,) * n
            One axis per feature, index 1 = on: for two features [[P00, P01], [P10, P11]]. Not negative, of sum one
            within 1e-12. Where they are products of the densities within the rounding of floats the features are taken
            to be independent, exactly; otherwise the probability that all are off is set to what exactly completes
            the others.
        hidden, importance, bias
            As for the class.
        """
        model = cls.__new__(cls)
        density, joint = joint_patterns(patterns)
        model._set(hidden, importance, density, joint, bias)
        return model

    def arrays(self) -> dict[str, Array]:
        """The model as named arrays, exactly, for files of results; `from_arrays` is the inverse."""
        values = {"importance": self.exact_importance, "density": self.exact_density, "patterns": self.exact_patterns}
        text = {f"model_{name}": np.array([str(v) for v in row]) for name, row in values.items() if row is not None}
        return {"model_hidden": np.array(self.hidden), "model_bias": np.array(str(self.bias)), **text}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> ReluOutputModel:
        """The model that `arrays` describes."""
        model = cls.__new__(cls)
        rows = {name: tuple(map(Fraction, arrays[f"model_{name}"].tolist())) for name in ("importance", "density")}
        patterns = arrays.get("model_patterns")
        joint = None if patterns is None else tuple(map(Fraction, patterns.tolist()))
        bias = Bias.of(str(arrays["model_bias"]))
        model._set(int(arrays["model_hidden"]), rows["importance"], rows["density"], joint, bias)
        return model

    @property
    def features(self) -> int:
        """n."""
        return len(self.exact_density)

    @property
    def importance(self) -> Array:
        """(I_1, ..., I_n)."""
        return np.array([float(each) for each in self.exact_importance])

    @property
    def density(self) -> Array:
        """(p_1, ..., p_n): the probability that a feature is not zero."""
        return np.array([float(p) for p in self.exact_density])

    @property
    def sparsity(self) -> Array:
        """(S_1, ..., S_n): the probability that a feature is zero."""
        return np.array([float(1 - p) for p in self.exact_density])

    @property
    def independent(self) -> bool:
        """Whether the features are on or off independently of each other."""
        return self.exact_patterns is None

    @property
    def patterns(self) -> Array:
        """The probabilities of all on/off patterns, shape (2,) * n, index 1 = on; for at most 20 features."""
        if self.features > _MOST_SHOWN:
            raise InvalidValue(
                f"patterns has 2^n entries and serves at most {_MOST_SHOWN} features, not {self.features}"
            )
        flat = self.exact_patterns or pattern_products(self.exact_density)
        return np.array([float(p) for p in flat]).reshape((2,) * self.features).transpose()

    def __repr__(self) -> str:
        tail = f"importance={_shown(self.exact_importance)}, bias={self.bias!r})"
        if not self.independent:
            table = self.patterns.tolist() if self.features <= _JOINT_SHOWN else f"<{2**self.features} probabilities>"
            return f"ReluOutputModel.from_patterns({self.hidden}, {table}, {tail}"
        sparsity = [1 - p for p in self.exact_density]
        if all(Fraction(float(s)) == s for s in sparsity):
            return f"ReluOutputModel({self.features}, {self.hidden}, sparsity={_shown(sparsity)}, {tail}"
        return f"ReluOutputModel.from_density({self.features}, {self.hidden}, {_shown(self.exact_density)}, {tail}"

    @property
    def silent_loss(self) -> float:
        """The loss of a model that answers zero to everything, sum_i I_i E[x_i^2]: the natural unit of all losses."""
        return float(sum(weight * p / 3 for weight, p in zip(self.exact_importance, self.exact_density, strict=True)))

    @property
    def symmetry(self) -> Symmetry:
        """O(hidden), and the permutations of features that are alike: of one importance and exchangeable patterns."""
        classes: list[list[int]] = []
        for i in range(self.features):
            for members in classes:
                if self._alike(members[0], i):
                    members.append(i)
                    break
            else:
                classes.append([i])
        return Symmetry(self.hidden, tuple(map(tuple, classes)))

    def _alike(self, i: int, j: int) -> bool:
        if self.exact_importance[i] != self.exact_importance[j] or self.exact_density[i] != self.exact_density[j]:
            return False
        if self.exact_patterns is None:
            return True
        swapped = (k ^ (1 << i | 1 << j) if (k >> i ^ k >> j) & 1 else k for k in range(2**self.features))
        return all(self.exact_patterns[k] == p for k, p in zip(swapped, self.exact_patterns, strict=True))

    @cached_property
    def problem(self) -> Problem:
        """The model as the compiled functions take it."""
        from analytic.loss.relu_output import Problem

        flat = np.array([float(p) for p in self.exact_patterns or ()])
        third = np.array([float(p / 3) for p in self.exact_density])
        return Problem(self.importance, third, self.density, self.sparsity, flat)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "problem"}

    def _points(self, W: Any, b: Any) -> tuple[tuple[int, ...], Array, Array]:
        """The leading shape, W (N, hidden, features) and the bias of every feature (N, features)."""
        weights, n = real_array("W", W), self.features
        if weights.ndim < 2 or weights.shape[-2:] != (self.hidden, n):
            turned = weights.ndim >= 2 and weights.shape[-2:] == (n, self.hidden)
            hint = "this looks like its transpose (..., features, hidden)" if turned else ""
            refuse("W", f"have shape (..., hidden, features) = (..., {self.hidden}, {n})", np.shape(weights), hint)
        biases = self.bias.each(None if b is None else real_array("b", b), n)
        if biases.ndim == 0 or biases.shape[-1] != n:
            refuse("b", f"have shape (..., {n}), one bias per feature", np.shape(biases))
        lead = weights.shape[:-2]
        if lead != biases.shape[:-1]:
            try:
                lead = np.broadcast_shapes(lead, biases.shape[:-1])
            except ValueError:
                raise InvalidValue(
                    f"W and b must broadcast, got leading shapes {lead} of W and {biases.shape[:-1]} of b"
                ) from None
            weights = np.broadcast_to(weights, (*lead, self.hidden, n))
            biases = np.broadcast_to(biases, (*lead, n))
        weights, biases = np.ascontiguousarray(weights), np.ascontiguousarray(biases)
        return lead, weights.reshape(-1, self.hidden, n), biases.reshape(-1, n)

    def _evaluate(
        self, W: Any, b: Any, tolerance: Any, method: Any, gradient: bool
    ) -> tuple[tuple[int, ...], Evaluation]:
        from analytic.loss.relu_output import evaluate

        lead, weights, biases = self._points(W, b)
        route = None if method is None else one_of("method", method, ("recurrence", "lattice"))
        if tolerance != _TOLERANCE:
            number("tolerance", tolerance, above=0)
        return lead, evaluate(weights, biases, self.problem, tolerance, route, gradient)

    def loss(self, W: Any, b: Any = None, *, tolerance: float = _TOLERANCE, method: Method = None) -> Any:
        """Expected loss, summed over the features.

        Parameters
        ----------
        W : array_like, shape (..., hidden, features)
            As in the paper: h = W x. Lists, NumPy, PyTorch or JAX arrays.
        b : array_like or None
            None without bias (elsewhere None means zero); (...) if shared; (..., features) if per-feature. Broadcasts
            with W over the leading axes.
        tolerance
            Of the lattice, relative to sum_i I_i (E[x_i^2] + E[ReLU(h_i)^2]); the recurrence does not use it.
        method
            "recurrence", "lattice", or None: the recurrence up to 10 features that an output depends on and wherever
            joint patterns are given, else the lattice.

        Returns
        -------
        float or float64 array, shape (...)
            NaN where an argument is not finite. By the recurrence the absolute error is at most
            4 eps sum_i I_i (E[x_i^2] + E[ReLU(h_i)^2]) for columns of W of norm at most 1, measured against exact
            rationals for n up to 8 in tests/loss/test_recurrence.py; `loss_error` bounds it anywhere.
        """
        lead, found = self._evaluate(W, b, tolerance, method, gradient=False)
        return found.loss.reshape(lead)[()]

    def gradient(
        self, W: Any, b: Any = None, *, tolerance: float = _TOLERANCE, method: Method = None
    ) -> tuple[Array, Any]:
        """Derivatives of the loss by W and b.

        Parameters
        ----------
        W, b, tolerance, method
            As for `loss`.

        Returns
        -------
        dW : float64 array, shape (..., hidden, features)
        db : None, float or float64 array
            Shaped as b: (..., features), (...) for a shared bias; None without bias.

        Notes
        -----
        Where W_i = 0 = b_i the loss has a kink; there a ReLU with argument exactly zero counts as off. By the
        recurrence, and away from such points, the error is at most
        1e-13 (1 + |W|) sum_i I_i (E[x_i^2] + E[ReLU(h_i)^2]) beyond the rounding of the result, measured as for `loss`.
        """
        return self.loss_and_gradient(W, b, tolerance=tolerance, method=method)[1:]

    def loss_and_gradient(
        self, W: Any, b: Any = None, *, tolerance: float = _TOLERANCE, method: Method = None
    ) -> tuple[Any, Array, Any]:
        """The loss and its derivatives (loss, dW, db) in one pass, which costs as much as the gradient.

        Parameters
        ----------
        W, b, tolerance, method
            As for `loss`.

        Returns
        -------
        loss, dW, db
            As from `loss` and `gradient`.

        Notes
        -----
        PyTorch differentiates through it with ::

            import torch

            class ExactLoss(torch.autograd.Function):
                @staticmethod
                def forward(ctx, W, b, model):
                    loss, by_W, by_b = model.loss_and_gradient(W, b)
                    ctx.save_for_backward(torch.as_tensor(by_W).to(W), torch.as_tensor(by_b).to(b))
                    return torch.as_tensor(loss).to(W)

                @staticmethod
                def backward(ctx, upstream):
                    by_W, by_b = ctx.saved_tensors
                    return upstream * by_W, upstream * by_b, None

        and ``ExactLoss.apply(W, b, model).backward()``; JAX with ::

            import jax

            def exact_loss(model):
                @jax.custom_vjp
                def loss(W, b):
                    shape = jax.ShapeDtypeStruct((), W.dtype)
                    return jax.pure_callback(lambda W, b: model.loss(W, b).astype(W.dtype), shape, W, b)

                def forward(W, b):
                    shapes = jax.ShapeDtypeStruct(W.shape, W.dtype), jax.ShapeDtypeStruct(b.shape, b.dtype)
                    gradient = lambda W, b: tuple(g.astype(W.dtype) for g in model.gradient(W, b))
                    return loss(W, b), jax.pure_callback(gradient, shapes, W, b)

                loss.defvjp(forward, lambda slopes, upstream: tuple(upstream * slope for slope in slopes))
                return loss
        """
        lead, found = self._evaluate(W, b, tolerance, method, gradient=True)
        by_W = found.by_W.reshape(*lead, self.hidden, self.features)
        loss = found.loss.reshape(lead)[()]
        if self.bias is Bias.NONE:
            return loss, by_W, None
        if self.bias is Bias.SHARED:
            return loss, by_W, found.by_b.sum(-1).reshape(lead)[()]
        return loss, by_W, found.by_b.reshape(*lead, self.features)

    def loss_and_gradient_at(
        self, theta: Any, *, tolerance: float = _TOLERANCE, method: Method = None
    ) -> tuple[float, Array]:
        """The loss and its gradient at one vector of parameters, for minimisers with `jac=True`.

        Parameters
        ----------
        theta : array_like, shape (k,)
            W row by row, then the bias in the model's convention.
        tolerance, method
            As for `loss`.

        Returns
        -------
        loss : float
        gradient : float64 array, shape (k,)
        """
        flat = real_array("theta", theta)
        size = self.hidden * self.features + self.bias.size(self.features)
        if flat.shape != (size,):
            refuse("theta", f"have shape ({size},): W row by row, then b", flat.shape)
        weights, b = self.bias.weights_and_bias(flat, self.features, self.hidden)
        shaped = weights.reshape(self.hidden, self.features)
        loss, by_W, by_b = self.loss_and_gradient(shaped, b, tolerance=tolerance, method=method)
        return float(loss), self.bias.parameters(by_W.ravel(), by_b)

    def hessian(self, W: Any, b: Any = None) -> Array:
        """Second derivatives of the loss, in the order W row by row, then b.

        Parameters
        ----------
        W, b
            As for `loss`.

        Returns
        -------
        float64 array, shape (..., k, k)

        Notes
        -----
        By the recurrence; outputs may depend on at most 12 features each. The Hessian jumps where h_i vanishes at a
        corner of the cube that belongs to an on/off pattern by itself or with its edges: b_i = 0 (all features off),
        W_i . W_i + b_i = 0 (only feature i on); and it depends on the direction of approach where such a corner meets
        W_i . W_j = 0. There the one-sided value is returned in which a corner with h_i exactly zero counts as off.
        """
        from analytic.loss.relu_output import hessians

        lead, weights, biases = self._points(W, b)
        gathered = self.bias.gather_hessian(hessians(weights, biases, self.problem), self.features, self.hidden)
        return gathered.reshape(*lead, *gathered.shape[1:])

    def loss_error(self, W: Any, b: Any = None, *, tolerance: float = _TOLERANCE, method: Method = None) -> Any:
        """How far the result of `loss` with the same arguments can be from the truth.

        Parameters
        ----------
        W, b, tolerance, method
            As for `loss`.

        Returns
        -------
        float or float64 array, shape (...)
            By the recurrence a *bound*, to first order in eps and barring underflow: it counts the roundings of the
            sums and includes the condition of h_i where its terms cancel. It is some hundred times the error that is
            found. By the lattice an *estimate*, from the refinement of the lattice.
        """
        from analytic.loss.relu_output import error_bound, evaluate, takes_recurrence

        lead, weights, biases = self._points(W, b)
        route = None if method is None else one_of("method", method, ("recurrence", "lattice"))
        number("tolerance", tolerance, above=0)
        exactly = takes_recurrence(weights, self.problem, route)
        error = np.empty(len(weights))
        error[exactly] = error_bound(weights[exactly], biases[exactly], self.problem)
        if not exactly.all():
            found = evaluate(weights[~exactly], biases[~exactly], self.problem, tolerance, "lattice", False)
            error[~exactly] = found.error
        return error.reshape(lead)[()]

    def loss_variance(self, W: Any, b: Any = None, *, samples: int = 100_000, seed: int = 0) -> SampledVariance:
        """Variance of one sample's loss, estimated from samples: a batch of B has variance `loss_variance` / B.

        Parameters
        ----------
        W, b
            As for `loss`.
        samples : int
            At least 2.
        seed : int

        Returns
        -------
        variance, standard_error : float or float64 array, shape (...)
            Two features and one hidden unit have it exactly, in `ToyModel.loss_variance`.
        """
        from analytic.loss.relu_variance import SampledVariance, sampled_variance

        lead, weights, biases = self._points(W, b)
        count = whole("samples", samples, least=2)
        found = sampled_variance(weights, biases, self.problem, count, whole("seed", seed, least=0))
        return SampledVariance(*(each.reshape(lead)[()] for each in found))

    def exact_loss(self, W: Sequence[Sequence[Any]], b: Any = None) -> Any:
        """The loss in the arithmetic of its arguments, at one point.

        Parameters
        ----------
        W : hidden rows of n numbers
        b : None, number or n numbers
            As the convention for the bias says; None means zero.

        Returns
        -------
        Fraction, mpf or SymPy number
            Integers, fractions and floats give a `Fraction`, exactly; if any argument is an mpmath number the result
            is an `mpf` at the working precision; if any is a SymPy number the result is a SymPy number. Outputs may
            depend on at most 12 features each; eight take seconds.

        Examples
        --------
        >>> ReluOutputModel(3, 1, sparsity=0.5).exact_loss([[1, 0, 0]], [0, 0, 0])
        Fraction(1, 3)
        """
        from analytic.loss.exact_moments import exact_loss

        return exact_loss(self, W, b)
