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
