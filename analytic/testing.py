"""The checks of `analytic.check` as assertions, for other people's test suites.

Both take what `analytic.check` takes, and fail with a message that names the numbers.

>>> from analytic.testing import assert_minimum
>>> report = assert_minimum([0.7072, 0.7069], importance=1.0, sparsity=0.5, phase="confused")
>>> print(report)
model 0: stuck in the confused minimum: 0.02292 above the antipodal minimum; 5.4 of 10 random starts end there
"""

from __future__ import annotations

from typing import Any, get_args

from analytic.checking.pair import ModelCheck
from analytic.checking.report import CheckReport, check
from analytic.landscape.records import Phase
from analytic.validation import InvalidValue, one_of


def assert_converged(W: Any, b: Any = None, **problem: Any) -> CheckReport:
    """Assert that every model of a stack has converged to some minimum.

    Parameters
    ----------
    W, b, problem
        As for `analytic.check`.

    Returns
    -------
    CheckReport

    Raises
    ------
    AssertionError
        With a line for each model that has not.
    ValueError, TypeError
        For input that `check` refuses, an empty stack among it.
    """
    report = check(W, b, **problem)
    _fail_unless(report, {index: str(each) for index, each in enumerate(report.models) if not each.converged})
    return report


def assert_minimum(
    W: Any, b: Any = None, *, phase: str | None = None, best: bool = False, **problem: Any
) -> CheckReport:
    """Assert that every model of a stack, of two features and one hidden unit, has converged to a minimum.

    Parameters
    ----------
    W, b, problem
        As for `analytic.check`.
    phase : str, optional
        That the minimum must have: "antipodal", "confused", "dedicated-1", "dedicated-2" or "silent".
    best : bool
        Whether it must be the global minimum.

    Returns
    -------
    CheckReport

    Raises
    ------
    AssertionError
        With a line for each model for which that is not so.
    ValueError, TypeError
        For input that `check` refuses, an empty stack among it, and for other models, whose minima are not known.
    """
    if phase is not None:
        one_of("phase", phase, get_args(Phase))
    report = check(W, b, **problem)
    if not isinstance(report[0], ModelCheck):
        raise InvalidValue("assert_minimum knows the minima of two features and one hidden unit; use assert_converged")
    complaints = {index: _complaint(each, phase, best) for index, each in enumerate(report.models)}
    _fail_unless(report, {index: text for index, text in complaints.items() if text})
    return report


def _complaint(each: ModelCheck, phase: str | None, best: bool) -> str:
    if not each.converged:
        return str(each)
    if not each.at_minimum:
        return f"{each}; this is no minimum"
    if phase is not None and each.phase != phase:
        return f"{each}; expected the phase {phase!r}"
    if best and not each.at_global_minimum:
        return f"{each}; expected the global minimum"
    return ""


def _fail_unless(report: CheckReport, complaints: dict[int, str]) -> None:
    if complaints:
        lines = (
            f"  model {index}, W = {report.models[index].W.tolist()}: {text}" for index, text in complaints.items()
        )
        hints = (f"hint: {hint}" for hint in report.hints)
        raise AssertionError("\n".join([f"{len(complaints)} of {len(report)} models fail:", *lines, *hints]))
