"""`ToyModel`: one toy model of superposition, and the only place where its input is validated.

Two sparse features x_1, x_2, one hidden unit, x' = ReLU(W^T W x + b), loss sum_i I_i E[(x_i - x'_i)^2], summed over the
features. Feature i is zero with probability S_i, its *sparsity*, and otherwise uniform on [0, 1]; p_i = 1 - S_i is its
*density*. All that the loss sees of the data are the probabilities of the four on/off patterns

    P00 both off    P10 only feature 1 on    P01 only feature 2 on    P11 both on

so that correlated and anticorrelated features cost nothing extra. Parameters are stored as exact rationals: a float
stands for the binary fraction that it is, and decisions about degenerate landscapes are made on those exact values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from analytic.models.bias import Bias, BiasLike
from analytic.models.features import exact_patterns, importance_pair, probabilities
from analytic.models.symmetry import Symmetry
from analytic.validation import InvalidValue, real_array, refuse_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytic.models.relu_output import ReluOutputModel

Number: TypeAlias = float | Fraction
Pair: TypeAlias = tuple[float, float]
#: One number for one point, an array for many.
Values: TypeAlias = "np.float64 | npt.NDArray[np.float64]"


def _shown(pair: tuple[Fraction, Fraction]) -> str:
    """A pair as the user would type it: one number if both are equal."""
    first, second = (repr(float(number)) for number in pair)
    return first if pair[0] == pair[1] else f"({first}, {second})"


@dataclass(frozen=True, init=False, repr=False)
class ToyModel:
    """Two features, one hidden unit: importance, sparsity and the convention for the bias.

    Parameters
    ----------
    importance
        One positive number r for the pair (1, r), or a pair (I1, I2).
    sparsity
        P(x_i = 0) in [0, 1], one number for both features or a pair (S1, S2). Some codes call the *density* 1 - S
        "sparsity"; use `from_density` for those.
    bias
        "none" (b = 0), "shared" (b1 = b2) or "per-feature" (the trained model of the paper).

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.

    Notes
    -----
    Floats are taken at their exact binary value; pass `fractions.Fraction` for exact decimals. Models are hashable and
    equal if they are the same problem: ``ToyModel(sparsity=0.75) == ToyModel.from_density(0.25)``.

    Examples
    --------
    >>> model = ToyModel(importance=0.5, sparsity=0.75, bias="none")
    >>> print(f"{model.loss([1.0, -1.0]):.12f}")
    0.015625000000
    >>> from fractions import Fraction
    >>> model.exact_loss([1, -1])
    Fraction(1, 64)
    """

    exact_importance: tuple[Fraction, Fraction]
    exact_patterns: tuple[Fraction, Fraction, Fraction, Fraction]
    bias: Bias

    def __init__(self, importance: Any = 1.0, sparsity: Any = 0.0, *, bias: BiasLike = "per-feature") -> None:
        s1, s2 = probabilities("sparsity", sparsity, 2)
        self._set(importance, (s1 * s2, (1 - s1) * s2, s1 * (1 - s2), (1 - s1) * (1 - s2)), bias)

    def _set(self, importance: object, patterns: tuple[Fraction, ...], bias: object) -> None:
        object.__setattr__(self, "exact_importance", importance_pair(importance))
        object.__setattr__(self, "exact_patterns", patterns)
        object.__setattr__(self, "bias", Bias.of(bias))

    @classmethod
    def from_density(cls, density: Any, importance: Any = 1.0, bias: BiasLike = "per-feature") -> ToyModel:
        """The model whose features are on with a given probability.

        Parameters
        ----------
        density : number or pair, in [0, 1]
            P(x_i != 0) = 1 - S_i; one number for both features.
        importance, bias
            As for the class.
        """
        p1, p2 = probabilities("density", density, 2)
        return cls(importance, (1 - p1, 1 - p2), bias=bias)

    @classmethod
    def from_patterns(
        cls,
        p00: Number,
        p10: Number,
        p01: Number,
        p11: Number,
        importance: Any = 1.0,
        bias: BiasLike = "per-feature",
    ) -> ToyModel:
        """The model with given on/off probabilities, for correlated or anticorrelated features.

        Parameters
        ----------
        p00, p10, p01, p11 : number
            P(both off), P(only feature 1 on), P(only feature 2 on), P(both on); not negative, of sum one within 1e-12.
            Where P11 P00 = P10 P01 within the rounding of floats, 2^-50 of either side, the features are taken to be
            independent, exactly, with the densities that are given; otherwise `p00` is set to what exactly completes
            the other three.
        importance, bias
            As for the class.
        """
        model = cls.__new__(cls)
        model._set(importance, exact_patterns(p00, p10, p01, p11), bias)
        return model

    @cached_property
    def importance(self) -> Pair:
        """(I1, I2)."""
        first, second = self.exact_importance
        return float(first), float(second)

    @cached_property
    def exact_density(self) -> tuple[Fraction, Fraction]:
        """(p1, p2) as exact rationals."""
        _, p10, p01, p11 = self.exact_patterns
        return p10 + p11, p01 + p11

    @cached_property
    def density(self) -> Pair:
        """(p1, p2): the probability that a feature is not zero."""
        first, second = self.exact_density
        return float(first), float(second)

    @property
    def sparsity(self) -> Pair:
        """(S1, S2): the probability that a feature is zero."""
        first, second = self.exact_density
        return float(1 - first), float(1 - second)

    @cached_property
    def patterns(self) -> tuple[float, float, float, float]:
        """(P00, P10, P01, P11): both off, only feature 1 on, only feature 2 on, both on."""
        p00, p10, p01, p11 = self.exact_patterns
        return float(p00), float(p10), float(p01), float(p11)

    @cached_property
    def independent(self) -> bool:
        """Whether the two features are on or off independently of each other."""
        p1, p2 = self.exact_density
        return self.exact_patterns[3] == p1 * p2

    @cached_property
    def symmetric(self) -> bool:
        """Whether exchanging the features changes nothing."""
        return self == self.exchanged

    @cached_property
    def exchanged(self) -> ToyModel:
        """The same problem with the features in the other order: importances and P10, P01 change places."""
        first, second = self.exact_importance
        p00, p10, p01, p11 = self.exact_patterns
        model = type(self).__new__(type(self))
        model._set((second, first), (p00, p01, p10, p11), self.bias)
        return model

    @property
    def symmetry(self) -> Symmetry:
        """W -> -W, and the exchange of the features where it changes nothing."""
        return Symmetry(1, ((0, 1),) if self.symmetric else ((0,), (1,)))

    @cached_property
    def exact_variances(self) -> tuple[Fraction, Fraction]:
        """Variance of each feature, p_i/3 - p_i^2/4: the loss of an output that is constant at the mean, if I_i = 1."""
        p1, p2 = self.exact_density
        return p1 / 3 - p1**2 / 4, p2 / 3 - p2**2 / 4

    @cached_property
    def exact_silent_losses(self) -> tuple[Fraction, Fraction]:
        """Each output's loss where it is never on, I_i E[x_i^2] = I_i p_i/3."""
        first, second = (weight * p / 3 for weight, p in zip(self.exact_importance, self.exact_density, strict=True))
        return first, second

    @property
    def silent_loss(self) -> float:
        """The loss of a model that answers zero to everything, sum_i I_i p_i/3: the natural unit of all losses."""
        return float(sum(self.exact_silent_losses))

    @property
    def parameters(self) -> npt.NDArray[np.float64]:
        """(I1, I2, P00, P10, P01, P11), as the compiled functions take them."""
        return np.array([*self.importance, *self.patterns])

    def __repr__(self) -> str:
        importance = self.exact_importance
        shown = (
            repr(float(importance[1]))
            if importance[0] == 1
            else f"({float(importance[0])!r}, {float(importance[1])!r})"
        )
        tail = f"importance={shown}, bias={self.bias!r})"
        if not self.independent:
            p00, p10, p01, p11 = self.patterns
            return f"ToyModel.from_patterns({p00!r}, {p10!r}, {p01!r}, {p11!r}, {tail}"
        density = self.exact_density
        sparsity = (1 - density[0], 1 - density[1])
        if all(Fraction(float(s)) == s for s in sparsity):
            return f"ToyModel(importance={shown}, sparsity={_shown(sparsity)}, bias={self.bias!r})"
        return f"ToyModel.from_density({_shown(density)}, {tail}"

    def _arguments(self, W: npt.ArrayLike, b: npt.ArrayLike | None) -> tuple[npt.NDArray[np.float64], ...]:
        """W1, W2, b1, b2 as float64 arrays that broadcast."""
        weights = real_array("W", W)
        if weights.ndim == 0 or weights.shape[-1] != 2:
            raise InvalidValue(f"W must have shape (..., 2), one weight per feature, got shape {weights.shape}")
        if self.bias == "none":
            if b is not None:
                raise InvalidValue("b must be None for a model without bias; set bias='shared' or 'per-feature'")
            return weights[..., 0], weights[..., 1], np.zeros(()), np.zeros(())
        biases = real_array("b", np.zeros(2 if self.bias is Bias.PER_FEATURE else ()) if b is None else b)
        if self.bias is Bias.PER_FEATURE and (biases.ndim == 0 or biases.shape[-1] != 2):
            raise InvalidValue(f"b must have shape (..., 2), one bias per feature, got shape {biases.shape}")
        each = self.bias.each(biases)
        return weights[..., 0], weights[..., 1], each[..., 0], each[..., 1]

    def _evaluate(self, function: Callable, W: npt.ArrayLike, b: npt.ArrayLike | None) -> Any:
        arguments = self._arguments(W, b)
        try:
            np.broadcast_shapes(*(array.shape for array in arguments))
        except ValueError:
            raise InvalidValue(
                f"W and b do not broadcast: {arguments[0].shape} weight pairs against {arguments[2].shape} biases"
            ) from None
        return function(*arguments, self.parameters)

    def as_relu_output(self) -> ReluOutputModel:
        """The same problem as a `ReluOutputModel` of two features and one hidden unit; W then has shape (..., 1, 2)."""
        from analytic.models.relu_output import ReluOutputModel

        if self.independent:
            return ReluOutputModel.from_density(2, 1, self.exact_density, self.exact_importance, self.bias)
        p00, p10, p01, p11 = self.exact_patterns
        return ReluOutputModel.from_patterns(1, [[p00, p01], [p10, p11]], self.exact_importance, self.bias)

    def loss(self, W: npt.ArrayLike, b: npt.ArrayLike | None = None) -> Values:
        """Expected loss, summed over both features.

        Parameters
        ----------
        W : array_like, shape (..., 2)
        b : array_like or None
            None without bias (elsewhere None means zero); (...) if shared; (..., 2) if per-feature. Broadcasts with W.

        Returns
        -------
        float or float64 array, shape (...)
            NaN where an argument is NaN. The absolute error is at most 4 eps sum_i I_i (E[x_i^2] + E[ReLU(h_i)^2]),
            times the condition number of h where its terms cancel; measured against exact rationals in
            tests/loss/test_pair.py.
        """
        from analytic.loss.pair import loss

        return self._evaluate(loss, W, b)[()]

    def gradient(self, W: npt.ArrayLike, b: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
        """Derivatives of the loss by (W1, W2), then b or (b1, b2).

        Parameters
        ----------
        W, b
            As for `loss`.

        Returns
        -------
        float64 array, shape (..., 2), (..., 3) or (..., 4)
            Where W_i = 0 = b_i the loss has a kink; there a ReLU with argument exactly zero counts as off.
        """
        from analytic.loss.pair import loss_and_gradient

        return self.bias.gather(self._evaluate(loss_and_gradient, W, b)[1])

    def hessian(self, W: npt.ArrayLike, b: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
        """Second derivatives of the loss, in the order of `gradient`.

        Parameters
        ----------
        W, b
            As for `loss`.

        Returns
        -------
        float64 array, shape (..., k, k)
            The Hessian jumps across b_i = 0 (both features off) and W_i^2 + b_i = 0 (only feature i on), and depends
            on the direction of approach where W1 W2 = 0 = b_i. There the one-sided value is returned in which a corner
            of the square with h_i exactly zero counts as off. It is no basis for deciding the kind of such a point:
            `find_stationary_points` does that from all directions.
        """
        from analytic.loss.pair import hessian

        return self.bias.gather_hessian(self._evaluate(hessian, W, b))

    def loss_variance(self, W: npt.ArrayLike, b: npt.ArrayLike | None = None) -> Values:
        """Variance of one sample's loss: a batch of n has mean `loss` and variance `loss_variance` / n.

        Parameters
        ----------
        W, b
            As for `loss`.

        Returns
        -------
        float or float64 array, shape (...)

        Examples
        --------
        >>> model = ToyModel(sparsity=0.5, bias="none")
        >>> print(f"{model.loss_variance([0.0, 0.0]):.12f}")  # of x_1^2 + x_2^2: 2 (1/10 - 1/36)
        0.144444444444
        """
        from analytic.loss.variance import loss_variance

        return self._evaluate(loss_variance, W, b)[()]

    def exact_loss(self, W: Sequence[Any], b: Any = None) -> Any:
        """The loss in the arithmetic of its arguments, at one point.

        Parameters
        ----------
        W : pair of numbers
        b : None, number or pair of numbers
            As the convention for the bias says; None means zero.

        Returns
        -------
        Fraction, mpf or SymPy number
            Integers, fractions and floats give a `Fraction`, exactly; if any argument is an mpmath number the result
            is an `mpf` at the working precision; if any is a SymPy number the result is a SymPy number.

        Examples
        --------
        >>> import sympy
        >>> half = 1 / sympy.sqrt(2)
        >>> ToyModel(sparsity=sympy.Rational(1, 2), bias="none").exact_loss([half, half])
        5/48
        """
        from analytic.loss.exact import exact_loss

        return exact_loss(self, W, b)


def require_pair(model: object, larger: str) -> None:
    """Refuses anything but a ToyModel, and a larger model with the name of what serves it."""
    if isinstance(model, ToyModel):
        return
    from analytic.models.relu_output import ReluOutputModel

    hint = f"models of any size have {larger}" if isinstance(model, ReluOutputModel) else ""
    refuse_type("model", "be a ToyModel", model, hint)
