"""The commands for models of any size: search, descend, geometry."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analytic import Descent, MinimaFound, ReluOutputModel, descend, search_minima
from analytic.cli import main
from analytic.training import initial

MODEL = ("--features", "3", "--hidden", "2", "--density", "0.3")


def run(capsys, *argv: str) -> str:
    assert main(argv) == 0
    return capsys.readouterr().out


def test_search_is_search_minima(capsys, tmp_path) -> None:
    path = tmp_path / "found.npz"
    data = json.loads(run(capsys, "search", *MODEL, "--starts", "40", "--json", "-o", str(path)))
    here = search_minima(ReluOutputModel.from_density(3, 2, 0.3), starts=40)
    assert [each["loss"] for each in data["minima"]] == [each.loss for each in here]
    assert data["unseen"] == here.unseen
    assert [each.loss for each in MinimaFound.load(path)] == [each.loss for each in here]
    table = run(capsys, "search", *MODEL, "--starts", "40")
    assert "digon, single" in table
    assert "one more start ends elsewhere with probability below" in table


def test_descend_is_descend(capsys, tmp_path) -> None:
    path, options = tmp_path / "descent.npz", ("--init", "0.01", "--starts", "2", "--seed", "3")
    data = json.loads(run(capsys, "descend", *MODEL, *options, "--json", "-o", str(path)))
    drawn = initial.draw(0.01, np.random.default_rng([3, 0]), 2, "none", weights=(2, 3))
    here = descend(ReluOutputModel.from_density(3, 2, 0.3), drawn.reshape(2, 2, 3))
    assert [each["loss"] for each in data["ends"]] == here.final.loss.tolist()
    assert [each["loss"] for each in data["plateaus"]] == [each.loss for each in here.plateaus]
    np.testing.assert_array_equal(Descent.load(path).W, here.W)
    table = run(capsys, "descend", *MODEL, *options)
    assert "3 not represented" in table
    assert "escape rate" in table


@pytest.mark.parametrize("options", [("--dynamics", "newton"), ("--dynamics", "gd", "--steps", "5", "--lr", "0.1")])
def test_other_dynamics(capsys, options: tuple[str, ...]) -> None:
    data = json.loads(run(capsys, "descend", *MODEL, "--starts", "2", *options, "--json"))
    assert [each["converged"] for each in data["ends"]] == 2 * [options[1] == "newton"]


def test_geometry(capsys, tmp_path) -> None:
    angle = 2 * np.pi * np.arange(5) / 5
    pentagon = np.array([np.cos(angle), np.sin(angle)])
    crossed = np.array([[1.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0, 0.0]])
    np.savez(tmp_path / "w.npz", W=np.stack([pentagon, crossed]))
    first, second = json.loads(run(capsys, "geometry", str(tmp_path / "w.npz"), "--json"))
    assert [(each["name"], each["features"]) for each in first] == [("pentagon", [0, 1, 2, 3, 4])]
    assert [each["name"] for each in second] == ["digon", "digon", "not represented"]
    table = run(capsys, "geometry", str(tmp_path / "w.npz"))
    assert "0.4000" in table
    np.savez(tmp_path / "pair.npz", W=np.array([[1.0], [-1.0]]))
    assert "digon" in run(capsys, "geometry", str(tmp_path / "pair.npz"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["search", "--features", "3", "--hidden", "2"], "say how sparse the features are"),
        (["search", *MODEL, "--starts", "0"], "--starts must be a whole number, from 1 to 1000000, got 0"),
        (["search", *MODEL, "--importance", "1", "2"], "--importance must be one number or 3, one for each"),
        (["search", *MODEL, "-o", "x.csv"], "must end in .npz"),
        (["search", *MODEL, "--init", "magic"], "init must be one of"),
        (["search", *MODEL, "--init", "1e200"], "init must give weights with a finite loss and gradient"),
        (["descend", *MODEL, "--init", "1e200"], "W and b must have a finite loss and gradient"),
        (["search", "--features", "11", "--hidden", "2", "--density", "0.1"], "at most 10 features"),
        (["search", "--features", "0", "--hidden", "2", "--density", "0.1"], "features must be a whole number"),
        (["descend", *MODEL, "--lr", "0.1"], "lr must be left out where dynamics = 'flow'"),
        (["descend", *MODEL, "--dynamics", "gd", "--lr", "-1"], "lr must be greater than 0"),
        (["descend", *MODEL, "--seed", "-1"], "--seed must be a whole number"),
        (["geometry", "nothing.npz"], "does not exist"),
    ],
)
def test_nonsense_gets_one_sentence_and_status_2(capsys, argv: list[str], words: str) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1


def test_an_interrupted_descent_has_a_status_of_its_own(capsys, monkeypatch) -> None:
    monkeypatch.setattr("analytic.attraction.exponential.Flow._advance", _interrupt)
    assert main(["descend", *MODEL, "--starts", "2"]) == 3
    assert "interrupted" in capsys.readouterr().err


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["search", "descend", "train"])
def test_one_importance_of_a_pair_means_the_same_in_every_command(capsys, command: str) -> None:
    counts = ["--runs", "1", "--steps", "2"] if command == "train" else ["--starts", "1"]
    pair = [command, "--features", "2", "--hidden", "1", "--density", "0.3", "--importance", "0.5", *counts]
    shown = "ToyModel.from_density(0.3, importance=0.5" if command == "train" else "importance=(1.0, 0.5)"
    assert shown in run(capsys, *pair)
    wide = [command, "--features", "2", "--hidden", "2", "--density", "0.3", "--importance", "0.5", *counts]
    assert "importance=0.5" in run(capsys, *wide)


@pytest.mark.parametrize(("command", "layout", "deviation"), [
    ("search", "hidden-features", 0.471), ("descend", "hidden-features", 0.471), ("train", "features-hidden", 0.5),
])  # fmt: skip
def test_output_says_which_layout_gave_the_scale(capsys, command: str, layout: str, deviation: float) -> None:
    """Of a tensor (1, 2, 3): fans 6 and 3; of (1, 3, 2): fans 6 and 2."""
    counts = ["--runs", "1", "--steps", "2", "--search", "0"] if command == "train" else ["--starts", "1"]
    assert f"xavier, {layout}: W has standard deviation {deviation}" in run(capsys, command, *MODEL, *counts)


def test_check_says_where_trained_weights_are_heading(capsys, tmp_path) -> None:
    path = str(tmp_path / "run.npz")
    settings = ("--runs", "2", "--steps", "400", "--lr", "0.01", "--search", "20")
    trained = json.loads(run(capsys, "train", *MODEL, *settings, "--json", "-o", path))
    checked = json.loads(run(capsys, "check", path, "--density", "0.3", "--search", "20", "--json"))
    for data in (trained, checked):
        assert len(data) == 2
        for each in data:
            assert each["shape"] == "digon, single"
            assert each["destination"]["place"] == 0
            assert each["destination"]["shape"] == "digon, single"
            assert each["gap"] == 0
            assert 0 < each["distance"] < 0.1
            assert sorted(i for group in each["groups"] for i in group["features"]) == [0, 1, 2]
    table = run(capsys, "check", path, "--density", "0.3", "--search", "20")
    assert "made of" in table
    assert "minima found" in table or "minimum found" in table
    without = json.loads(run(capsys, "check", path, "--density", "0.3", "--search", "0", "--json"))
    assert [each["destination"] for each in without] == [None, None]
