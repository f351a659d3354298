"""Checks of trained weights: what is admitted, what is refused with a question, what is said."""

from typing import Any

import numpy as np
import pytest

from analytic.checking.problems import models
from analytic.checking.report import check
from analytic.checking.weights import read_weights, stack
from analytic.testing import assert_converged, assert_minimum

PAIR = np.array([[0.7, 0.3], [1.0, -1.0], [0.2, 0.1]])
PROBLEM: dict[str, Any] = {"importance": 1.0, "sparsity": 0.5}
ROOT = 0.5**0.5


class TorchLike:
    """An array that gives itself away only as a tensor on a device does."""

    dtype = "torch.float32"

    def __init__(self, values):
        self._values = np.asarray(values, np.float32)

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self._values


@pytest.mark.parametrize(
    "W", [PAIR, PAIR.tolist(), PAIR[:, :, None], PAIR[:, None, :], TorchLike(PAIR), TorchLike(PAIR[:, None, :])]
)
def test_all_layouts_mean_the_same(W):
    assert np.array_equal(stack(W).W, np.asarray(PAIR, np.float32) if isinstance(W, TorchLike) else PAIR)


@pytest.mark.parametrize(
    ("W", "b", "bias", "shape"),
    [
        (PAIR, None, "none", None),
        (PAIR, [1, 2, 3], "shared", (3,)),
        (PAIR, 0.5, "shared", (3,)),
        (PAIR, np.zeros((3, 2)), "per-feature", (3, 2)),
        (PAIR, np.zeros((3, 1, 2)), "per-feature", (3, 2)),
        (PAIR, [1, 2], "per-feature", (3, 2)),
        ([1, 2], [1, 2], "per-feature", (1, 2)),
        ([1, 2], [1], "shared", (1,)),
    ],
)
def test_biases_show_their_convention(W, b, bias, shape):
    found = stack(W, b)
    assert found.bias == bias
    assert (None if found.b is None else found.b.shape) == shape


@pytest.mark.parametrize(
    ("call", "question"),
    [
        (lambda: stack(np.ones((2, 2))), r"two models .*\? .* two hidden units\?"),
        (lambda: stack(np.ones((2, 1, 2)), [0, 0]), r"one bias per model or one per feature\?"),
        (lambda: models(2, [1.0, 0.5], 0.5, "none"), r"one value per model or one per feature\?"),
        (lambda: models(2, 1.0, [0.1, 0.5], "none"), r"one value per model or one per feature\?"),
    ],
)
def test_ambiguous_input_is_refused_with_a_question(call, question):
    with pytest.raises(ValueError, match=question):
        call()


def test_a_question_can_be_answered():
    W = np.ones((2, 1, 2))
    for bias, shape in (("shared", (2,)), ("per-feature", (2, 2))):
        b = stack(W, [0, 0], bias=bias).b
        assert b is not None
        assert b.shape == shape
    assert [model.importance for model in models(2, [[1.0], [0.5]], 0.5, "none")] == [(1, 1), (1, 0.5)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"W": np.ones((3, 3))}, "W has shape"),
        ({"W": [1, np.nan]}, "must be finite"),
        ({"W": "weights"}, "W must be"),
        ({"W": PAIR, "b": np.zeros(5)}, "b has shape"),
        ({"W": PAIR, "batch": 10}, "give both or neither"),
        ({"W": PAIR, "batch": 10, "lr": -1}, "lr must be greater than 0, got -1"),
        ({"W": PAIR, "optimizer": "lion"}, "optimizer must be one of 'sgd', 'adam', 'adamw', got 'lion'"),
        ({"W": PAIR, "reduction": "max"}, "reduction must be one of 'sum', 'mean', got 'max'"),
        ({"W": PAIR, "bias": "shared"}, "b is None"),
    ],
)
def test_impossible_input_is_refused(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        check(**arguments, **PROBLEM)


def test_a_model_at_the_confused_minimum_is_told_so():
    # r = 1: W = (1, 1)/sqrt(2) has the loss p/3 − p²/4 for every p
    report = check([ROOT, ROOT], **PROBLEM)
    (each,) = report.models
    assert each.phase == "confused"
    assert each.loss == pytest.approx(0.5 / 3 - 0.25 / 4)
    assert each.converged
    assert not each.at_global_minimum
    assert str(each).startswith("stuck in the confused minimum: 0.02292 above the antipodal minimum")


def test_reductions_scale_losses_and_nothing_else():
    total, mean = (check(PAIR, **PROBLEM, reduction=reduction).models for reduction in ("sum", "mean"))
    for one, other in zip(total, mean, strict=True):
        assert one.target is not None
        assert other.target is not None
        assert other.loss == one.loss / 2
        assert other.excess == one.excess / 2
        assert other.target.phase == one.target.phase
        assert other.distance == one.distance


def test_a_stack_may_mix_problems():
    sparsities = [0.1, 0.5, 0.9]
    report = check(PAIR, importance=1.0, sparsity=sparsities)
    assert [each.model.sparsity[0] for each in report.models] == pytest.approx(sparsities)
    singles = [check(W, importance=1.0, sparsity=S).models[0] for W, S in zip(PAIR, sparsities, strict=True)]
    assert [each.loss for each in report.models] == [each.loss for each in singles]


def test_assertions_pass_and_fail_with_numbers():
    assert_converged([ROOT, ROOT], **PROBLEM)
    assert_minimum([ROOT, ROOT], **PROBLEM, phase="confused")
    with pytest.raises(AssertionError, match="expected the phase 'antipodal'"):
        assert_minimum([ROOT, ROOT], **PROBLEM, phase="antipodal")
    with pytest.raises(AssertionError, match="expected the global minimum"):
        assert_minimum([ROOT, ROOT], **PROBLEM, best=True)
    with pytest.raises(
        AssertionError, match=r"1 of 1 models fail:\n  model 0, W = \[0.9, 0.3\]: not converged: loss 0.1"
    ):
        assert_converged([0.9, 0.3], **PROBLEM)


def test_a_half_stable_point_is_converged_but_no_minimum():
    problem: dict[str, Any] = {"importance": 0.3, "sparsity": 0.2}
    assert_converged([1.0, -1e-9], **problem)
    with pytest.raises(AssertionError, match="this is no minimum"):
        assert_minimum([1.0, -1e-9], **problem)


def test_files(tmp_path):
    arrays: dict[str, Any] = {"model.W": PAIR, "b_final": PAIR, "losses": PAIR}
    np.savez(tmp_path / "m.npz", **arrays)
    W, b = read_weights(tmp_path / "m.npz")
    assert np.array_equal(W, PAIR)
    assert np.array_equal(b, PAIR)
    np.save(tmp_path / "m.npy", PAIR)
    assert read_weights(tmp_path / "m.npy")[1] is None
    np.savez(tmp_path / "two.npz", W=PAIR, weights=PAIR)
    for name, words in (
        ("two.npz", "exactly one"),
        ("none.npz", "does not exist"),
        ("m.txt", "must end in .npz or .npy"),
    ):
        with pytest.raises(ValueError, match=words):
            read_weights(tmp_path / name)


def test_safetensors(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file({"W": PAIR}, str(tmp_path / "m.safetensors"))
    assert np.array_equal(read_weights(tmp_path / "m.safetensors")[0], PAIR)
