"""Trained models against the theory: whether they have converged, to which minimum, and whether that is the best.

With two features and one hidden unit a model is compared with the list of all minima (pair.py), otherwise with the
minima that a search finds, or with the quadratic model of the loss where it is (network.py). It has converged if its
loss exceeds that of its minimum by no more than the noise of its optimiser explains: the excess is a weighted sum of
squared normals with the mean of noise.py, and whatever the weights, it exceeds 10.8 times its mean with probability
below 0.001. Without a batch size and a rate nothing is known about the noise, and the excess has to stay below
`tolerance` times the loss of the silent model.

AdamW's decay is not part of the loss here. It moves the end of training by about decay sqrt(v) W / H, which the
report counts as excess; see optimisers.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from analytic.checking.network import NetworkCheck, Search, check_networks
from analytic.checking.noise import Noise, optimizer_name
from analytic.checking.pair import ModelCheck, check_stack
from analytic.checking.problems import feature_count, models, networks
from analytic.checking.weights import Stack, stack
from analytic.landscape.records import Landscape
from analytic.models.bias import Bias
from analytic.models.relu_output import ReluOutputModel
from analytic.models.toy import ToyModel
from analytic.search.found import MinimaFound
from analytic.tables import as_html
from analytic.training.optimisers import Schedule
from analytic.training.settings import reduction_factor
from analytic.validation import InvalidValue, number, refuse_type
from analytic.work import Progress

#: Rows of a report that a notebook shows.
_SHOWN = 50
#: Columns that not every model has.
_OF_MINIMA = ("phase", "shape", "distance", "gap", "reached")


@dataclass(frozen=True, eq=False)
class CheckReport:
    """The checks of a stack of models, in its order; `print` shows a line for each.

    Attributes
    ----------
    models : tuple
        Of `ModelCheck` for two features and one hidden unit, of `NetworkCheck` for other sizes.
    reduction : "sum" or "mean"
        Over the features, in all losses.
    hints : tuple of str
        What the input should perhaps have been, where most models have not converged.
    """

    models: tuple[Any, ...]
    reduction: str
    hints: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether every model has converged."""
        return all(each.converged for each in self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __getitem__(self, index: int) -> Any:
        return self.models[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.models)

    def table(self) -> list[dict[str, Any]]:
        """A row for each model.

        model (its index), loss, gradient_norm, excess, allowed, converged; phase (of the minimum of a pair, else None);
        shape (what a W of another size is made of, else None); distance, gap and reached (the share of random starts),
        of the minimum where descent ends; verdict.
        """
        names = ("loss", "gradient_norm", "excess", "allowed", "converged", *_OF_MINIMA)
        return [
            {"model": index, **{name: getattr(each, name, None) for name in names}, "verdict": str(each)}
            for index, each in enumerate(self.models)
        ]

    def __str__(self) -> str:
        lines = [f"model {index}: {each}" for index, each in enumerate(self.models)]
        return "\n".join([*lines, *(f"hint: {hint}" for hint in self.hints)])

    def __repr__(self) -> str:
        converged = sum(each.converged for each in self.models)
        return f"CheckReport({converged} of {len(self)} models converged, reduction={self.reduction!r})"

    def _repr_html_(self) -> str:
        rows = self.table()
        told = [name for name in _OF_MINIMA if any(row[name] is not None for row in rows)]
        names = ("model", "loss", "converged", *told, "verdict")
        cells = ([_cell(row[name]) for name in names] for row in rows[:_SHOWN])
        more = f"<p>and {len(rows) - _SHOWN} more</p>" if len(rows) > _SHOWN else ""
        hints = "".join(f"<p>hint: {escape(hint)}</p>" for hint in self.hints)
        return f"{as_html(names, cells)}{more}{hints}"


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)


def check(
    W: Any,
    b: Any = None,
    *,
    importance: Any,
    sparsity: Any,
    bias: str | None = None,
    reduction: str = "sum",
    batch: int | None = None,
    lr: float | None = None,
    optimizer: Any = "adam",
    schedule: Schedule = "constant",
    steps: int | None = None,
    tolerance: float | None = None,
    init: str | float | None = "xavier",
    landscape: Landscape | MinimaFound | None = None,
    search: int | None = None,
    features: int | None = None,
    hidden: int | None = None,
    layout: str | None = None,
    progress: Progress = None,
) -> CheckReport:
    """Compare trained weights with the exact minima.

    Parameters
    ----------
    W, b
        Lists, NumPy, PyTorch or JAX arrays, or as W a state_dict or a module; one model or a stack of one size, in
        any shape of checking/shapes.py and checking/weights.py. In particular (instances, features, hidden) and
        (instances, hidden, features).
    importance, sparsity
        One value for all models, or arrays. With two features and one hidden unit r means (1, r), and the shapes are
        (2,), (N,), (N, 1) and (N, 2); otherwise (n,) per feature, (N, 1) per model, (N, n). `sparsity` is P(x = 0).
    bias
        Says how to read b where its shape has two readings.
    reduction
        "sum" over features, or "mean", which most training code uses: the unit of all losses, and what `lr` means for
        sgd.
    batch, lr, optimizer, schedule, steps
        How it was trained, to tell noise from a model that has not converged: batch size, learning rate at the
        beginning, "sgd", "adam" or "adamw" in any capitals (or PyTorch's class of that name), the schedule as in
        `train`, and for how many steps. Give both numbers or none. Without `steps` the rate of the beginning is used,
        an upper bound for the noise at the end of every schedule that falls.
    tolerance
        The excess that counts as converged in any case, in units of the silent model's loss; 1e-3 where no batch is
        given, else nothing beyond the noise.
    init
        Name or standard deviation of the starts (see `initial.draw`; stack and layout are those of W) for "how often
        does this happen". None not to ask, for two features and one hidden unit; for other sizes it is "xavier".
    landscape
        The minima, if already known and the same problem for all models: from `find_minima`, or, for other sizes than
        two features and one hidden unit, from `search_minima`.
    search
        From how many random starts the minima of other sizes are searched, once for each different problem. None is
        200 for up to eight features and no search beyond; 0 is none. The last 256 searches are kept. Of two features
        and one hidden unit all minima are known anyway.
    features, hidden, layout
        How to read W where its shape leaves it open; layout is "features-hidden" or "hidden-features".
    progress
        None, True, False or progress(done, total): first of the search or searches, then of models; see
        `analytic.work`.

    Returns
    -------
    CheckReport

    Raises
    ------
    ValueError, TypeError
        For impossible or ambiguous input, with the question that would settle it.

    Notes
    -----
    Without a search the excess of a model of more than two features is that of a quadratic model, which holds near a
    minimum. A search finds minima; it does not prove that there are no others.
    """
    trained = stack(
        W,
        b,
        bias=bias,
        features=features,
        hidden=hidden,
        layout=layout,
        per_feature=feature_count(importance, sparsity),
    )
    factor = reduction_factor(reduction, trained.size.features)
    if (batch is None) != (lr is None):
        raise InvalidValue(f"batch = {batch!r} and lr = {lr!r}: give both or neither")
    optimizer = optimizer_name(optimizer)
    if tolerance is not None:
        number("tolerance", tolerance, least=0)
    noise = None if batch is None or lr is None else Noise(batch, lr, optimizer, factor, schedule, steps)
    asked = Search(search, "xavier" if init is None else init, len(trained), trained.size.layout)
    if not trained.size.is_pair:
        problems = networks(trained, importance, sparsity)
        known = asked.found(problems, progress) if landscape is None else _given(landscape, problems)
        return CheckReport(check_networks(problems, trained, noise, tolerance, factor, known, progress), reduction)
    if not (landscape is None or isinstance(landscape, Landscape)):
        refuse_type("landscape", "be a Landscape for two features and one hidden unit", landscape)
    pairs = models(len(trained), importance, sparsity, trained.bias)
    found = check_stack(pairs, trained, noise, tolerance, init, factor, landscape, progress)
    return CheckReport(found, reduction, _hints(found, trained, noise, tolerance))


def _given(landscape: Any, problems: Sequence[ReluOutputModel]) -> dict[ReluOutputModel, MinimaFound]:
    """What the caller has searched before."""
    if not isinstance(landscape, MinimaFound):
        refuse_type("landscape", "be a MinimaFound for models of this size", landscape)
    for each in problems:
        if each != landscape.model:
            raise InvalidValue(f"landscape must be that of {each!r}, got that of {landscape.model!r}")
    return {landscape.model: landscape}


def _hints(
    found: tuple[ModelCheck, ...], trained: Stack, noise: Noise | None, tolerance: float | None
) -> tuple[str, ...]:
    """The two usual mistakes, where one of them explains the first of many models that have not converged."""
    failing = [index for index, each in enumerate(found) if not each.converged]
    if 2 * len(failing) <= len(found):
        return ()
    each, hints = found[failing[0]], []
    one = Stack(each.W[None], None if each.b is None else np.asarray(each.b)[None], trained.bias, trained.layout)
    turned = ToyModel.from_density(each.model.sparsity, each.model.importance, each.model.bias)
    if min(turned.density) > 0 and check_stack([turned], one, noise, tolerance)[0].converged:
        hints.append("with density and sparsity exchanged it would have converged: `sparsity` is the probability of 0")
    if trained.b is None and _fits_with_a_bias(each, noise, tolerance):
        hints.append("with some bias it would have converged: pass the trained b, too")
    return tuple(hints)


def _fits_with_a_bias(each: ModelCheck, noise: Noise | None, tolerance: float | None) -> bool:
    """Whether the best biases for the weights at hand make a model that has converged."""
    from scipy.optimize import minimize

    for bias in (Bias.PER_FEATURE, Bias.SHARED):
        model = ToyModel(each.model.importance, each.model.sparsity, bias=bias)
        start = np.full(bias.size(), min(each.model.density) / 4)

        def fall(b: Any, model: ToyModel = model) -> tuple[float, Any]:
            value = b if model.bias is Bias.PER_FEATURE else b[0]
            scale = model.silent_loss
            return float(model.loss(each.W, value)) / scale, model.gradient(each.W, value)[2:] / scale

        best = minimize(fall, start, jac=True, method="L-BFGS-B").x
        biases = best[None] if bias is Bias.PER_FEATURE else best
        if check_stack([model], Stack(each.W[None], biases, bias, "features-hidden"), noise, tolerance)[0].converged:
            return True
    return False


__all__ = ["CheckReport", "ModelCheck", "NetworkCheck", "check"]
