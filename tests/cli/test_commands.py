"""The command: every subcommand once, its files, and its answers to nonsense."""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from analytic import PhaseDiagram, ReluOutputModel, TrainingRun
from analytic.checking import noise
from analytic.checking.shapes import LAYOUTS
from analytic.cli import common, main
from analytic.models.bias import Bias
from analytic.training import initial, optimisers


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


def test_phase_diagram_of_three_features_in_two_dimensions(capsys, tmp_path) -> None:
    size = ("--features", "3", "--hidden", "2")
    run(capsys, "phase-diagram", *size, "--bias", "none", "--grid", "3", "-o", str(tmp_path / "d.png"))
    assert PhaseDiagram.load(tmp_path / "d.csv").W.shape == (3, 3, 2, 3)


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


#: The regular pentagon near its minimum at density 0.1, and its loss there.
ANGLE = 2 * np.pi * np.arange(5) / 5
PENTAGON = 1.1004 * np.array([np.cos(ANGLE), np.sin(ANGLE)]), np.full(5, -0.2099)
PENTAGON_LOSS = 0.0263051


@pytest.fixture
def pentagons(tmp_path) -> str:
    """A file of three pentagons, (instances, features, hidden), the second shrunk."""
    W, b = PENTAGON
    path = tmp_path / "pentagons.npz"
    np.savez(path, W=np.stack([W, 0.9 * W, W]).transpose(0, 2, 1), b=np.stack([b] * 3))
    return str(path)


@pytest.mark.parametrize("share", [["--sparsity", "0.9"], ["--density", *["0.1"] * 5]])
@pytest.mark.parametrize("reading", [[], ["--features", "5"], ["--hidden", "2"], ["--layout", "features-hidden"]])
def test_loss_of_weights_in_a_file(capsys, pentagons: str, share: list[str], reading: list[str]) -> None:
    found = json.loads(run(capsys, "loss", "--weights", pentagons, *reading, *share, "--json"))["losses"]
    model = ReluOutputModel.from_density(5, 2, 0.1)
    assert abs(found[0]["loss"] - PENTAGON_LOSS) < 1e-7
    assert found[2] == found[0]
    by_W, by_b = model.gradient(0.9 * PENTAGON[0], PENTAGON[1])
    assert found[1]["gradient_norm"] == pytest.approx(np.hypot(np.linalg.norm(by_W), np.linalg.norm(by_b)), rel=1e-12)
    assert all(0 < each["loss_error"] < 1e-12 for each in found)
    assert "0.0263051" in run(capsys, "loss", "--weights", pentagons, *reading, *share)


def test_loss_of_pairs_in_a_file_is_that_of_their_weights(capsys, tmp_path) -> None:
    """Importance r means (1, r), and a density that no sparsity in float64 stands for is kept."""
    path = tmp_path / "W.npy"
    np.save(path, np.array([[0.8, -0.5], [1.0, 0.3], [0.1, 0.2]]))
    for share in (["--density", "0.3"], ["--density", "1e-20", "1e-19"]):
        model = [*share, "--importance", "0.7", "--json"]
        (first, *others) = json.loads(run(capsys, "loss", "--weights", str(path), *model))["losses"]
        single = json.loads(run(capsys, "loss", "0.8", "-0.5", *model, "--bias", "none"))
        assert first["loss"] == pytest.approx(single["loss"], rel=1e-14)
        assert len(others) == 2


def test_check_of_models_of_any_size(capsys, pentagons: str) -> None:
    problem = ("check", pentagons, "--sparsity", "0.9", "--json")
    good, shrunk, _ = json.loads(run(capsys, *problem))
    assert (good["converged"], shrunk["converged"]) == (True, False)
    assert abs(good["loss"] - PENTAGON_LOSS) < 1e-7
    (mean, *_) = json.loads(run(capsys, *problem, "--reduction", "mean"))
    assert mean["loss"] == pytest.approx(good["loss"] / 5, rel=1e-14)
    assert not any(each["converged"] for each in json.loads(run(capsys, *problem, "--tolerance", "1e-12")))
    trained = ("--batch", "64", "--lr", "0.01", "--optimizer", "sgd")
    constant = json.loads(run(capsys, *problem, *trained))[0]["allowed"]
    falling = json.loads(run(capsys, *problem, *trained, "--schedule", "linear", "--steps", "100000"))[0]["allowed"]
    assert falling < 0.5 * constant
    unequal = run(capsys, *problem[:-1], "--importance", "1", "0.9", "0.8", "0.7", "0.6", "--features", "5")
    assert unequal.count("not converged") == 3


def test_check_settles_what_a_shape_leaves_open(capsys, tmp_path) -> None:
    np.savez(tmp_path / "w.npz", W=np.eye(2))
    problem = ("check", str(tmp_path / "w.npz"), "--sparsity", "0.5")
    assert main(problem) == 2
    assert "Are these two models" in capsys.readouterr().err
    assert "2 singles" in run(capsys, *problem, "--layout", "hidden-features")
    assert run(capsys, *problem, "--hidden", "1").count("(+") == 2


def test_train_models_of_any_size_and_read_them_back(capsys, tmp_path) -> None:
    path = tmp_path / "run.npz"
    settings = ("--lr", "0.01", "--steps", "2000", "--runs", "3", "--schedule", "linear")
    model = ("--sparsity", "0.5", "--importance", "1", "0.9", "0.8")
    out = run(capsys, "train", "--features", "3", "--hidden", "2", *model, *settings, "--json", "-o", str(path))
    found = json.loads(out)
    loaded = TrainingRun.load(path)
    assert loaded.completed
    assert np.array_equal([each["W"] for each in found], loaded.final[0][0])
    exact = ReluOutputModel(3, 2, (1, 0.9, 0.8), 0.5)
    for each in found:
        loss, by_W, by_b = exact.loss_and_gradient(each["W"], each["b"])
        assert each["loss"] == loss
        assert each["gradient_norm"] == pytest.approx(np.hypot(np.linalg.norm(by_W), np.linalg.norm(by_b)), rel=1e-12)
    assert any(each["converged"] for each in found)
    again = json.loads(run(capsys, "loss", "--weights", str(path), *model, "--json"))["losses"]
    assert [each["loss"] for each in again] == [each["loss"] for each in found]


def test_a_run_of_pairs_is_read_back(capsys, tmp_path) -> None:
    path, model = str(tmp_path / "run.npz"), ("--density", "0.5", "--importance", "0.7")
    out = run(capsys, "train", *model, "--runs", "2", "--steps", "9", "--json", "-o", path, "--layout", LAYOUTS[1])
    again = json.loads(run(capsys, "check", path, *model, "--json"))
    assert [each["loss"] for each in again] == [each["loss"] for each in json.loads(out)]


def test_lists_of_names_are_those_of_the_package() -> None:
    """The command spells them again, because their homes load NumPy."""
    assert [*common.BIAS] == [*map(str, Bias)]
    assert common.OPTIMIZERS == optimisers.NAMES
    assert common.OPTIMIZERS[1:] == noise.OPTIMIZERS
    assert tuple(optimisers.SCHEDULES) == common.SCHEDULES
    assert common.INITS == initial.NAMES


def test_every_help_has_an_example(capsys) -> None:
    names = re.findall(r"^    ([a-z-]+)\s", main_help(capsys), flags=re.MULTILINE)
    assert len(names) >= 11
    for name in names:
        text = main_help(capsys, name)
        assert f"  analytic {name}" in text.split("example")[-1], name


def main_help(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


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
        (["check", "nothing.npz"], "say how sparse the features are"),
        (["train", "--density", "0.5", "--steps", "-1"], "steps"),
        (["train", "--density", "0.5", "--features", "0"], "--features must be a whole number, from 1 to 10000, got 0"),
        (["train", "--density", "0.5", "--hidden", "1000000000"], "--hidden must be a whole number"),
        (["train", "--density", "0.5", "--features", "3", "--importance", "1", "2"], "one number or 3, one for each"),
        (["train", "--density", "0.5", "--output", "run.png"], "must end in .npz"),
        (["check", "nothing.npz", "--density", "2"], "--density must be at least 0 and at most 1, got 2.0"),
        (["check", "nothing.npz", "--density", "0.5", "--hidden", "0"], "--hidden must be a whole number"),
        (["loss", "--weights", "nothing.npz", "--density", "0.5"], "does not exist"),
        (["loss", "--weights", "nothing.npz"], "say how sparse the features are"),
        (["loss", "1", "--density", "0.5"], "give the two weights W1 W2, or --weights FILE"),
        (["loss", "1", "1", "--weights", "nothing.npz", "--density", "0.5"], "not both"),
        (["loss", "1", "1", "--features", "2", "--density", "0.5"], "they need --weights FILE"),
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


@pytest.mark.parametrize("argv", [["loss", "one"], ["nothing"], ["minima", "--bias", "some"], []])
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
    assert [line for line in done.stderr.splitlines() if "compiling for this machine" not in line] == []


@pytest.mark.parametrize("density", ["0.5", "2"])
def test_the_garbage_collector_is_left_as_it_was(density: str) -> None:
    usual = gc.get_threshold()
    main(["loss", "1", "-1", "--density", density, "--bias", "none"])
    assert gc.get_threshold() == usual
