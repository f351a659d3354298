"""Every stationary point of one model.

`unbiased` solves b = 0 algebraically. `biased` solves shared and per-feature biases: points known in closed form
(`special_points`), points next to an axis (`axis_neighbours`), everything else by Newton's method from explicit curves
on the rays of the plane of weights (`off_axes`, `rays`, `newton`), and flat sets (`flat_sets`). `kinds` tells minima
from saddles, `high_precision` gives more digits, and `records` holds what all of them return.
"""

from __future__ import annotations

from dataclasses import replace

from analytic.landscape.records import FlatSet, Landscape, StationaryPoint
from analytic.landscape.unbiased import unbiased_landscape
from analytic.models.toy import ToyModel, require_pair
from analytic.validation import InvalidValue, whole

__all__ = ["FlatSet", "Landscape", "StationaryPoint", "find_minima", "find_stationary_points"]


def _check(model: ToyModel, digits: int | None) -> None:
    require_pair(model, "search_minima, which lists the minima that it finds")
    if digits is not None:
        whole("digits", digits, 1, 1000)
    if 0 in model.exact_density:
        raise InvalidValue(f"density must be positive to search for minima, got {model.density}: a feature is never on")


def find_stationary_points(model: ToyModel, *, digits: int | None = None) -> Landscape:
    """Every stationary point of the expected loss.

    Parameters
    ----------
    model : ToyModel
        Density in (0, 1].
    digits : int, optional
        Return mpmath numbers that are right to this many digits instead of float64.

    Returns
    -------
    Landscape
        Minima, saddles and maxima sorted by loss, one per W -> -W orbit. Without bias the list is complete by
        construction (see `analytic.landscape.unbiased`), and every coordinate is rounded from a certified enclosure.
        With bias it comes from a search (see `analytic.landscape.biased`), not from a proof; gradients are below
        1e-14 times density times importance. Points whose kind no number of digits tells are in `undecided`.

    Examples
    --------
    >>> from analytic import ToyModel, find_stationary_points
    >>> landscape = find_stationary_points(ToyModel(importance=1.0, sparsity=0.5, bias="none"))
    >>> [(point.phase, f"{point.loss:.6f}") for point in landscape.minima]
    [('antipodal', '0.081250'), ('confused', '0.104167')]
    """
    _check(model, digits)
    if model.bias == "none":
        return unbiased_landscape(model, digits)
    from analytic.landscape.biased import biased_landscape

    return biased_landscape(model, digits)


def find_minima(model: ToyModel, *, digits: int | None = None, certify: bool = False) -> Landscape:
    """Every minimum of the expected loss: `find_stationary_points` under its everyday name.

    Parameters
    ----------
    model, digits
        As for `find_stationary_points`.
    certify : bool
        Whether to prove that the list is complete; see `analytic.certify` for the models that it covers.

    Returns
    -------
    Landscape
        Its `certificate` is None, or that proof, which also says what could not be proved.
    """
    landscape = find_stationary_points(model, digits=digits)
    if not certify:
        return landscape
    from analytic.proofs import certify as prove

    return replace(landscape, certificate=prove(model, landscape))
