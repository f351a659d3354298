"""The command: every subcommand once, its files, and its answers to nonsense."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import numpy as np
import pytest

from analytic import PhaseDiagram
from analytic.cli import main


def run(capsys, *argv: str) -> str:
    assert main(argv) == 0
    return capsys.readouterr().out


def test_loss(capsys) -> None:
    out = run(capsys, "loss", "1", "-1", "--sparsity", "0.75", "--bias", "none", "--json")
    assert abs(json.loads(out)["loss"] - 2 * 0.0625 / 6) < 1e-15
    assert "gradient" in run(capsys, "loss", "1", "0", "--density", "0.5", "--b", "0", "0.25")


def test_minima(capsys) -> None:
    arguments = ("minima", "--density", "0.5", "--bias", "none")
    data = json.loads(run(capsys, *arguments, "--json"))
    assert [entry["phase"] for entry in data["stationary"] if entry["kind"] == "minimum"] == ["antipodal", "confused"]
    table = run(capsys, *arguments)
    assert "0.08125" in table
    assert "saddle" not in run(capsys, *arguments, "--minima-only")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_phase_diagram_writes_picture_and_numbers(capsys, tmp_path, ending: str) -> None:
    path = tmp_path / f"d.{ending}"
    run(capsys, "phase-diagram", "--bias", "none", "--grid", "12", "-o", str(path))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["d.csv", "d.npz", path.name])
    assert path.stat().st_size > 5000
    assert PhaseDiagram.load(tmp_path / "d.npz").loss.shape == (12, 12)


def test_surface_and_boundaries_write_files(capsys, tmp_path) -> None:
    run(capsys, "surface", "--density", "0.5", "--grid", "31", "-o", str(tmp_path / "s.png"))
    assert np.load(tmp_path / "s.npz")["loss"].shape == (31, 31)
    out = run(capsys, "boundaries", "--bias", "none", "-o", str(tmp_path / "b.svg"))
    assert "(40 - 4 sqrt(14))/43" in out
    assert len(json.loads(run(capsys, "boundaries", "--bias", "none", "--json"))["curves"]) == 6


def test_certify_and_verify(capsys, tmp_path) -> None:
    path = tmp_path / "certificate.json"
    out = run(capsys, "certify", "--density", "0.3", "--importance", "0.7", "--bias", "none", "-o", str(path))
    assert "complete" in out
    assert "not in the list of the search: 0; listed but not proved: 0" in out
    assert "valid, complete" in run(capsys, "verify", str(path))
    model = ("--density", "0.3", "--importance", "0.7", "--bias", "shared")
    assert "complete" in run(capsys, "certify", *model, "-o", str(tmp_path / "shared.json"))
    assert "valid, complete" in run(capsys, "verify", str(tmp_path / "shared.json"))
    assert main(["certify", *model, "--time-limit", "0"]) == 3
    out = capsys.readouterr().out
    assert "NOT complete" in out
    assert out.count("unresolved: the time limit was reached") == 4
    data = json.loads(path.read_text())
    next(arc for arc in data["roots"] if arc).pop()
    path.write_text(json.dumps(data))
    assert main(["verify", str(path)]) == 2
    assert "is no valid certificate" in capsys.readouterr().err
    path.write_text("[]")
    assert main(["verify", str(path)]) == 2
    assert "it holds no JSON object" in capsys.readouterr().err
    for limit in ("nan", "-1"):
        assert main(["certify", *model, "--time-limit", limit]) == 2
        assert "time_limit must be" in capsys.readouterr().err


def test_train_basins_and_check(capsys, tmp_path) -> None:
    model = ("--density", "0.3", "--importance", "0.7", "--bias", "none")
    out = run(capsys, "train", *model, "--runs", "2", "--steps", "200", "--json")
    assert len(json.loads(out)) == 2
    table = run(capsys, "basins", *model, "--grid", "16", "-o", str(tmp_path / "map.png"))
    assert "antipodal minimum" in table
    assert np.load(tmp_path / "map.npz")["labels"].shape == (16, 16)
    np.savez(tmp_path / "w.npz", W=np.array([[[1.032], [-1.012]]]))
    out = run(capsys, "check", str(tmp_path / "w.npz"), "--density", "0.3", "--importance", "0.7")
    assert "converged to the global minimum: antipodal minimum" in out


def test_train_says_that_it_diverged(capsys) -> None:
    model = ("--density", "0.5", "--bias", "none", "--steps", "20", "--runs", "3", "--lr", "1e300", "--json")
    assert main(["train", *model]) == 3
    captured = capsys.readouterr()
    assert "training diverged for 3 of 3 models" in captured.err
    assert json.loads(captured.out) == []


def test_derive(capsys) -> None:
    assert "positive corners {A, E, F}" in run(capsys, "derive", "--bias", "none")
    assert run(capsys, "derive", "--latex").startswith("L = ")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["minima", "--density", "2"], "density must lie in [0, 1], got 2.0"),
        (["minima", "--density", "0.5", "--importance", "-1"], "importance must be positive"),
        (["minima"], "say how sparse the features are"),
        (["phase-diagram", "-o", "x.jpg"], "must end in .png or .svg or .pdf"),
        (["phase-diagram", "--density", "0.5", "0.1"], "--density must be a pair 0 < low < high <= 1"),
        (["phase-diagram", "--grid", "1"], "--grid must be a whole number, from 2 to 3000, got 1"),
        (["check", "nothing.npz", "--density", "0.5"], "does not exist"),
        (["check", "nothing.npz"], "say how sparse the features were"),
        (["train", "--density", "0.5", "--steps", "-1"], "steps"),
        (["basins", "--density", "0.5", "--init", "magic"], "magic"),
        (["loss", "1", "1", "--b", "1", "2", "3", "--density", "0.5"], "--b must be two numbers per feature, got 3"),
        (["phase-diagram", "--grid", "5", "-o", "no/such/folder/x.png"], "its folder does not exist"),
    ],
)
def test_nonsense_gets_one_sentence_and_status_2(capsys, argv: list[str], words: str) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("argv", [["loss", "1"], ["nothing"], ["minima", "--bias", "some"], []])
def test_wrong_usage_gets_one_sentence_and_status_2(capsys, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("pipe", ["derive | head -1", "loss 1 -1 --sparsity 0.9 --bias none | true"])
def test_a_closed_pipe_is_no_error(pipe: str) -> None:
    """The second prints so little that the pipe breaks at the last flush."""
    code = f"PYTHONUNBUFFERED= {sys.executable} -m analytic {pipe}"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {code}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("density", ["0.5", "2"])
def test_the_garbage_collector_is_left_as_it_was(density: str) -> None:
    usual = gc.get_threshold()
    main(["loss", "1", "-1", "--density", density, "--bias", "none"])
    assert gc.get_threshold() == usual
