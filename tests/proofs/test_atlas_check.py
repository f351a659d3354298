"""The check of an atlas: it accepts what was made, and names every claim that was tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytic import Atlas, verify_atlas
from analytic.models.bias import Bias
from analytic.proofs.regions.atlas import settle
from analytic.proofs.regions.atlas_file import header
from analytic.proofs.regions.records import at_path
from analytic.proofs.regions.sheets import rectangles
from analytic.proofs.regions.touching import connected, touching
from analytic.validation import InvalidInput

SIDES = (0.3975, 0.4025), (0.693, 0.707)
WIDTH, SMALLEST = 0.01, 0.01
#: The first line, then a line for each rectangle; the cells are lists [path, points, phase, lead, reason].
Lines = list[dict[str, Any]]


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        job: Future[Any] = Future()
        job.set_result(function(*arguments, **options))
        return job


@pytest.fixture(scope="module")
def lines() -> str:
    """An atlas of nine rectangles, one of which is cut in four."""
    made = [settle(sides, "shared", SMALLEST) for sides in rectangles(SIDES, WIDTH)]
    made[4]["cells"] = [[path, *made[4]["cells"][0][1:]] for path in ("pr", "pR", "Pr", "PR")]
    assert len(made) == 9
    assert all(cell[-1] == "" for row in made for cell in row["cells"])
    return json.dumps([header(Bias.SHARED, SIDES, WIDTH, SMALLEST), *made])


def check(path: Path, lines: Lines, again: int = 0) -> Any:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return verify_atlas(path, rectangles=again, executor=Inline())


def cell(lines: Lines, sheet: int = 1) -> Any:
    return lines[sheet]["cells"][0]


def swap_kinds(row: Any) -> None:
    row[1] = sorted(point.replace("minimum", "saddle") for point in row[1])


def reopen(row: Any) -> None:
    row[2], row[3], row[4] = None, 0.0, "LEAD"


TAMPERINGS: dict[str, Callable[[Lines], Any]] = {
    "which touches it": lambda lines: swap_kinds(cell(lines)),
    "confused is best, but antipodal|antipodal is best, but confused": lambda lines: cell(lines).__setitem__(
        2, "confused"
    ),
    "do not cover it once each": lambda lines: lines[5]["cells"].pop(1),
    "cover it once each": lambda lines: lines[5]["cells"].append(lines[5]["cells"][0]),
    "2 times in the file": lambda lines: lines.append(lines[2]),
    "no rectangle of the first cut": lambda lines: lines[3]["rectangle"].__setitem__(1, 0.41),
    "a best minimum and a reason": lambda lines: cell(lines).__setitem__(4, "TIME"),
    "neither a proof nor a reason": lambda lines: cell(lines).__setitem__(3, 0.0),
    "neither a proof nor": lambda lines: cell(lines).__setitem__(1, []),
    "neither a proof": lambda lines: cell(lines).__setitem__(2, None),
}


def test_what_was_made_is_valid(lines: str, tmp_path: Path) -> None:
    found = check(tmp_path / "atlas.jsonl", json.loads(lines), again=100)
    assert (found.objections, found.valid, found.complete) == ((), True, True)
    assert (found.rectangles, found.cells, found.again) == (9, 12, 9)


@pytest.mark.parametrize("words", TAMPERINGS)
def test_tampering_is_named(words: str, lines: str, tmp_path: Path) -> None:
    tampered = json.loads(lines)
    TAMPERINGS[words](tampered)
    found = check(tmp_path / "atlas.jsonl", tampered)
    assert not found.valid
    assert any(part in objection for objection in found.objections for part in words.split("|")), found.objections


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.__setitem__(1, [*row[1], "saddle confused"]),
        lambda row: row.__setitem__(2, "confused"),
        lambda row: row.__setitem__(3, 10 * row[3]),
    ],
)
def test_the_same_error_everywhere_is_found_by_new_proofs_only(change: Any, lines: str, tmp_path: Path) -> None:
    tampered = json.loads(lines)
    for line in tampered[1:]:
        for row in line["cells"]:
            change(row)
    assert check(tmp_path / "atlas.jsonl", tampered).valid
    found = check(tmp_path / "atlas.jsonl", tampered, again=2)
    assert not found.valid
    assert all("does not follow" in objection for objection in found.objections)


def test_what_is_open_claims_nothing(lines: str, tmp_path: Path) -> None:
    part = json.loads(lines)
    del part[-1]
    reopen(cell(part))
    found = check(tmp_path / "atlas.jsonl", part, again=1)
    assert (found.valid, found.complete) == (True, False)
    assert Atlas.load(tmp_path / "atlas.jsonl").proved < 1


@pytest.mark.parametrize(
    ("place", "value"), [(0, "x"), (1, ["heap antipodal"]), (2, "solid"), (4, "BECAUSE"), (1, [3])]
)
def test_words_of_no_atlas_are_refused(place: int, value: Any, lines: str, tmp_path: Path) -> None:
    damaged = json.loads(lines)
    cell(damaged)[place] = value
    with pytest.raises(InvalidInput):
        check(tmp_path / "atlas.jsonl", damaged)


def halved(rng: np.random.Generator, path: str = "") -> list[str]:
    """The leaves of a random tree of halvings."""
    if len(path) > 5 or rng.random() < 0.25:
        return [path]
    return [leaf for half in ("pP", "rR")[rng.integers(2)] for leaf in halved(rng, path + half)]


@pytest.mark.parametrize("seed", range(20))
def test_touching_and_connected_by_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = np.array([at_path(((0.1, 0.3), (1.0, 2.0)), path) for path in halved(rng)])
    sides = sides[rng.permutation(len(sides))[: max(1, int(0.9 * len(sides)))]]  # gaps are allowed
    low, high = sides[..., 0], sides[..., 1]
    expected = [
        (i, j) for i, j in combinations(range(len(sides)), 2) if (low[i] <= high[j]).all() and (low[j] <= high[i]).all()
    ]
    assert list(map(tuple, touching(sides))) == expected
    chosen = rng.random(len(sides)) < 0.6
    label = np.arange(len(sides))
    for _ in sides:
        for i, j in expected:
            if chosen[i] and chosen[j]:
                label[[i, j]] = label[[i, j]].min()
    sets = {frozenset(np.flatnonzero(chosen & (label == k))) for k in label[chosen]}
    assert set(map(frozenset, connected(chosen, touching(sides)))) == sets
