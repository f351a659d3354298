"""`certify`: the searches of a model run one after the other, and what follows from them as a certificate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from analytic.models.toy import ToyModel, require_pair
from analytic.proofs.bisection import Search
from analytic.proofs.certificate import Certificate
from analytic.proofs.comparison import compare
from analytic.proofs.records import Reason, Searches, Unresolved, Zero
from analytic.proofs.searches import check_provable, conclude, problems
from analytic.proofs.unbiased import isolated_roots, points_from
from analytic.validation import number
from analytic.work import Progress, reporting


def certify(
    model: ToyModel,
    landscape: Any = None,
    *,
    time_limit: float | None = None,
    progress: Progress = None,
) -> Certificate:
    """Prove which stationary points a model has, and compare with a landscape.

    Parameters
    ----------
    model : ToyModel
        With densities above 0. With a bias: features that are sometimes on together and, if they are equal and have a
        bias each, sometimes alone (so not at density 1).
    landscape : Landscape, optional
        A list to hold against the proof: anything with `minima`, `saddles`, `maxima` (points with `W`, `b` and `loss`)
        and `flat_sets`; see `missing`, `unproved` and `differences` of the certificate.
    time_limit : float, optional
        Seconds, at least 0, after which the rest is reported as unresolved; None for no limit.
    progress : None, True, False or progress(done, total)
        See `analytic.work`; done is the fraction of the work that is settled, total 1.

    Returns
    -------
    Certificate
        Also after Ctrl-C, with what was proved by then.

    Raises
    ------
    InvalidInput
        For a model outside the theory, naming the condition; for a landscape of another model; for a time limit that is
        negative or not a number.
    """
    require_pair(model, "search_minima, which finds minima and proves nothing")
    if time_limit is not None:
        number("time_limit", time_limit, least=0)
    check_provable(model)
    start = time.monotonic()
    if model.bias == "none":
        roots = isolated_roots(model)
        proved = Certificate(model, roots, points_from(model, roots))
    else:
        with reporting(progress, "proof", "search") as report:
            proved = _searched(model, None if time_limit is None else start + time_limit, report)
    if landscape is not None:
        proved = replace(proved, **vars(compare(model, proved.points, proved.flat_sets, landscape)))
    return replace(proved, seconds=time.monotonic() - start)


def _searched(model: ToyModel, deadline: float | None, report: Callable[[float, float], None]) -> Certificate:
    """The proof by bisection for a model with bias, as far as it gets."""
    tasks, trees = problems(model), []
    zeros: list[Zero] = []
    left: list[Unresolved] = []
    try:
        for i, problem in enumerate(tasks):
            search = Search(problem, zeros)
            left += search.run(deadline, lambda part, i=i: report((i + part) / len(tasks), 1.0))  # type: ignore[misc]
            trees.append(search.tree())
    except KeyboardInterrupt:
        left.append(Unresolved(Reason.INTERRUPTED, f"{len(tasks) - len(trees)} of {len(tasks)} searches"))
    points, doubts = conclude(model, tasks, zeros)
    return Certificate(model, Searches(tuple(trees), tuple(zeros)), points, (*left, *doubts))
