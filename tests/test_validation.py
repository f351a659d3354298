"""Bad input: one grammar, one base class, and what Python programmers expect to catch."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from analytic import validation
from analytic.validation import InvalidInput, InvalidType, InvalidValue


class Tensor:
    """The least that a tensor of another library offers."""

    dtype = "float32"

    def __init__(self, values: object) -> None:
        self.values = np.asarray(values)

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self.values


def test_the_errors_are_also_pythons() -> None:
    assert issubclass(InvalidValue, (InvalidInput, ValueError))
    assert issubclass(InvalidType, InvalidInput)
    assert issubclass(InvalidType, TypeError)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: validation.whole("runs", 0), "runs must be a whole number, at least 1, got 0"),
        (lambda: validation.whole("runs", 2.5), "runs must be a whole number, at least 1, got 2.5"),
        (
            lambda: validation.whole("grid", 10**9, 2, 5000),
            "grid must be a whole number, from 2 to 5000, got 10",
        ),
        (lambda: validation.whole("n", float("nan")), "n must be a whole number, at least 1, got nan"),
        (lambda: validation.whole("n", float("inf")), "n must be a whole number, at least 1, got inf"),
        (lambda: validation.whole("n", "3"), "n must be a whole number, at least 1, got '3' of type str"),
        (lambda: validation.whole("n", True), "n must be a whole number, at least 1, got True of type bool"),
        (lambda: validation.number("lr", -1, above=0), "lr must be greater than 0, got -1"),
        (lambda: validation.number("p", 2, least=0, most=1), "p must be at least 0 and at most 1, got 2"),
        (lambda: validation.number("lr", float("nan"), above=0), "lr must be finite, got nan"),
        (lambda: validation.number("lr", "fast"), "lr must be a real number, got 'fast' of type str"),
        (lambda: validation.number("lr", 1j), "lr must be a real number, got 1j of type complex"),
        (lambda: validation.one_of("layout", "xy", ("a", "b")), "layout must be one of 'a', 'b', got 'xy'"),
        (lambda: validation.one_of("layout", ["a"], ("a", "b")), "layout must be one of 'a', 'b', got ['a']"),
        (lambda: validation.real_array("W", [1, "x"]), "W must be an array of real numbers, got [1, 'x'] of type list"),
        (
            lambda: validation.real_array("W", np.array([1 + 2j])),
            "W must be an array of real numbers, got array",
        ),
        (lambda: validation.real_array("W", [[1, 2], [3]]), "W must be an array of real numbers, got [[1, 2], [3]]"),
        (lambda: validation.real_array("W", [1, np.nan], finite=True), "W must be finite, got 1 entries that are not"),
        (lambda: validation.increasing("density", [1, 0.5], 0, 1), "density must be a strictly increasing sequence"),
        (lambda: validation.increasing("density", [0.5, 2], 0, 1), "density must lie in (0, 1], got 'values from 0.5"),
    ],
)
def test_messages(call, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_long_values_are_not_repeated() -> None:
    assert validation.shown(np.zeros((100, 3))) == "an array of shape (100, 3)"
    assert len(validation.shown("x" * 10**6)) < 120


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), np.array(3), Tensor(3), Fraction(3)])
def test_numbers_of_every_library(value: object) -> None:
    assert validation.whole("n", value) == 3
    assert validation.exact("x", value) == 3


def test_decimals_are_no_real_numbers_for_python() -> None:
    with pytest.raises(InvalidType):
        validation.exact("x", Decimal(1))


def test_arrays_of_every_library() -> None:
    for value in ([1, 2], (1.0, 2.0), np.array([1, 2], np.int8), Tensor([1.0, 2.0]), [Tensor(1), Tensor(2)]):
        np.testing.assert_array_equal(validation.real_array("W", value), [1.0, 2.0])
