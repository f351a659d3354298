"""What a trainer's script hands over: tensors of every kind, modules, schedules, mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analytic.checking.noise import optimizer_name
from analytic.checking.report import check
from analytic.checking.weights import stack
from analytic.models.toy import ToyModel
from analytic.testing import assert_converged, assert_minimum
from analytic.validation import InvalidInput

ROOT = 0.5**0.5
PROBLEM: dict[str, Any] = {"importance": 1.0, "sparsity": 0.5}


class Tensor:
    """Offers .detach().cpu().numpy() and nothing else, as a parameter on a device does."""

    def __init__(self, values):
        self._values, self._ready = np.asarray(values, np.float32), False

    def detach(self):
        found = Tensor(self._values)
        found._ready = True
        return found

    def cpu(self):
        return self

    def numpy(self):
        if not self._ready:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self._values


class Module:
    def __init__(self, **values):
        self._values = values

    def state_dict(self):
        return self._values


@pytest.mark.parametrize("empty", [np.empty((0, 2)), np.empty((0, 1, 2)), np.empty((0, 5, 2)), []])
def test_an_empty_stack_passes_nothing(empty):
    for assertion in (assert_converged, assert_minimum):
        with pytest.raises(InvalidInput, match=r"W must"):
            assertion(empty, **PROBLEM)


def test_a_phase_that_does_not_exist_is_refused():
    with pytest.raises(InvalidInput, match=r"phase must be one of 'antipodal', .* got 'antipodel'"):
        assert_minimum([ROOT, ROOT], **PROBLEM, phase="antipodel")


def test_tensors_are_numbers_and_arrays_everywhere():
    plain = check([ROOT, ROOT], importance=0.5, sparsity=0.25)[0]
    for W in (Tensor([ROOT, ROOT]), [Tensor(ROOT), Tensor(ROOT)]):
        found = check(W, importance=Tensor(0.5), sparsity=Tensor(0.25))[0]
        assert found.model == plain.model
        assert found.loss == pytest.approx(plain.loss, rel=1e-6)
    assert ToyModel(Tensor(0.5), Tensor(0.25)) == ToyModel(0.5, 0.25)
    rows = check(Tensor(np.ones((3, 1, 2))), importance=Tensor([[1.0], [0.5], [0.25]]), sparsity=Tensor([0.5, 0.5]))
    assert [each.model.importance[1] for each in rows] == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    "source",
    [
        {"W": [[ROOT, ROOT]], "b_final": [0.0, 0.0]},
        {"model.W": Tensor([[ROOT, ROOT]]), "model.b_final": Tensor([0.0, 0.0])},
        Module(W=Tensor([[ROOT, ROOT]]), b_final=Tensor([0.0, 0.0])),
    ],
)
def test_modules_and_their_state(source):
    found = stack(source)
    assert found.bias == "per-feature"
    np.testing.assert_allclose(found.W, [[ROOT, ROOT]], rtol=1e-6)


def test_a_module_with_two_weights_is_refused():
    with pytest.raises(InvalidInput, match="exactly one must be named"):
        check({"a.weight": [1, 1], "c.weight": [1, 1]}, **PROBLEM)


def test_a_bias_of_zeros_is_no_bias_where_that_is_said():
    assert stack([1, 1], [0, 0], bias="none").b is None
    with pytest.raises(InvalidInput, match="is not zero"):
        stack([1, 1], [0, 1e-3], bias="none")


@pytest.mark.parametrize("name", ["AdamW", "adamw", "ADAMW", type("AdamW", (), {}), type("AdamW", (), {})()])
def test_an_optimizer_by_any_spelling(name):
    assert optimizer_name(name) == "adamw"


def test_tolerance_counts_beside_a_batch():
    # an excess of 1e-2 of the silent loss: more than the noise of a small rate, less than a generous tolerance
    W = np.array([1.0, 1.0]) * ROOT * 1.1
    noise: dict[str, Any] = {"batch": 100_000, "lr": 1e-5}
    assert not check(W, **PROBLEM, **noise)[0].converged
    assert check(W, **PROBLEM, **noise, tolerance=0.1)[0].converged
    with pytest.raises(InvalidInput, match="tolerance must be at least 0"):
        check(W, **PROBLEM, tolerance=-1)


def test_a_report_is_a_sequence_with_a_table():
    report = check(np.array([[ROOT, ROOT], [0.9, 0.3], [1, -1]]), **PROBLEM)
    assert len(report) == len(report.table()) == 3
    assert list(report)[1] is report[1]
    assert [row["converged"] for row in report.table()] == [each.converged for each in report]
    assert report._repr_html_().count("<tr>") == 4
    assert repr(report).startswith("CheckReport(1 of 3 models converged") or "of 3" in repr(report)


def test_the_hint_for_a_density_passed_as_sparsity():
    # antipodal minimum at sparsity 0.9: W = sqrt(s) (1, -1), s = (8 - 5p)/(8 - 6p), p = 0.1
    scale = ((8 - 0.5) / (8 - 0.6)) ** 0.5
    with pytest.raises(AssertionError, match="hint: with density and sparsity exchanged"):
        assert_converged([scale, -scale], importance=1.0, sparsity=0.1, tolerance=1e-6)
    assert not check([scale, -scale], importance=1.0, sparsity=0.9, tolerance=1e-6).hints


def test_the_hint_for_a_forgotten_bias():
    # W = (1, 0), b = (0, p/2) is exact; without b feature 2 is not its mean
    report = check([1.0, 1e-9], importance=0.1, sparsity=0.4, tolerance=1e-4)
    assert any("pass the trained b" in hint for hint in report.hints)
    assert not check([1.0, 1e-9], [0.0, 0.3], importance=0.1, sparsity=0.4, tolerance=1e-4).hints


@pytest.mark.parametrize("scale", [1e-9, 1.0])
def test_global_and_stuck_do_not_depend_on_the_scale(scale):
    # the tie was within 1e-12, absolutely
    confused = check([ROOT, ROOT], importance=(scale, scale), sparsity=0.5)[0]
    assert confused.converged
    assert not confused.at_global_minimum
    assert str(confused).startswith("stuck in the confused minimum")


def test_a_half_stable_point_says_what_noise_does():
    found = check([-1.0, 0.0], [0.0, 0.1425], importance=0.351, sparsity=1 - 0.285)[0]
    assert "half-stable point" in str(found)
    assert "noise of minibatches carries training on" in str(found)
    assert not found.at_minimum
