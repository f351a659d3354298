"""`verify_atlas`: what an atlas claims is held against itself everywhere, and against new proofs at random.

1. Its rectangles are those of the first cut, once each, and the cells of each cover it without gaps.
2. Every cell says either what is proved or why not.
3. Cells that touch have models in common, so what is proved about them agrees. Where a claim is false, so must be all
   claims around it, out to the next strip of undecided cells.
4. Rectangles drawn at random are proved again, the new proofs are checked as `verify_certificate` checks them, and the
   claims follow from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass

import numpy as np

from analytic.files import PathLike
from analytic.models.bias import Bias
from analytic.proofs.records import Box
from analytic.proofs.regions.atlas import workers
from analytic.proofs.regions.certificate import RegionCertificate
from analytic.proofs.regions.prover import certify_region
from analytic.proofs.regions.records import Cell, tiled
from analytic.proofs.regions.sheets import Atlas, AtlasCell, Sheet, rectangles
from analytic.proofs.regions.verify import verify_region
from analytic.validation import whole
from analytic.work import Progress, reporting


@dataclass(frozen=True)
class AtlasVerification:
    """Whether an atlas is valid, every objection to it, and what was looked at.

    Attributes
    ----------
    valid, complete : bool
        No objections; and every rectangle of the first cut is finished.
    objections : tuple of str
        A sentence for each claim that is contradicted or does not follow.
    rectangles, cells, pairs : int
        How many there are; pairs of cells that touch were compared.
    again : int
        How many rectangles were proved again.
    """

    valid: bool
    complete: bool
    objections: tuple[str, ...]
    rectangles: int
    cells: int
    pairs: int
    again: int

    def __bool__(self) -> bool:
        return self.valid


def verify_atlas(
    source: PathLike | Atlas,
    *,
    rectangles: int = 10,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Progress = None,
) -> AtlasVerification:
    """Check an atlas, or a file of one.

    Parameters
    ----------
    source : Atlas or path of a .jsonl file, or of a compressed one, .jsonl.gz
    rectangles : int, at least 0
        How many, drawn at random, are proved again and compared; if there are not more, all. Only that finds an
        error that is the same everywhere between undecided strips.
    seed : int, at least 0
        Of the draw.
    executor, progress : see `atlas`

    Returns
    -------
    AtlasVerification

    Raises
    ------
    InvalidInput
        If a file is not an atlas; it says why.
    """
    whole("rectangles", rectangles, 0)
    whole("seed", seed, 0)
    found = source if isinstance(source, Atlas) else Atlas.load(source)
    objections = list(_cut(found))
    pairs = 0
    if not objections:
        objections, pairs = [*_words(found), *_disagreements(found)], len(found.touching)
    order = np.random.default_rng(seed).permutation(found.finished)[:rectangles]
    drawn = [found.sheets[k] for k in order] if not objections else []
    objections += _doubts(found, drawn, executor, progress)
    counts = found.finished, len(found.cells), pairs, len(drawn)
    return AtlasVerification(not objections, not objections and found.complete, tuple(objections), *counts)


def _place(sides: Box) -> str:
    return "density {:.6g} to {:.6g}, importance {:.6g} to {:.6g}".format(*(end for side in sides for end in side))


def _cut(found: Atlas) -> Iterator[str]:
    """Rectangles that do not belong there or are not covered by their cells."""
    expected = set(rectangles((found.density, found.importance), found.width))
    for sides, count in Counter(sheet.sides for sheet in found.sheets).items():
        if sides not in expected:
            yield f"{_place(sides)}: no rectangle of the first cut"
        elif count > 1:
            yield f"{_place(sides)}: {count} times in the file"
    for sheet in found.sheets:
        if not tiled([cell.path for cell in sheet.cells]):
            yield f"{_place(sheet.sides)}: its cells do not cover it once each"


def _words(found: Atlas) -> Iterator[str]:
    """Cells that say less than a proof, or more than they can where there is none."""
    for cell in found.cells:
        # Without bias there are no flat minima, and there may be one minimum only.
        alone = found.bias is Bias.NONE and cell.minima == 1
        proved = bool(cell.points) and cell.phase is not None and (cell.lead > 0) is not alone
        if not cell.reason and not proved:
            yield f"{_place(cell.sides)}: neither a proof nor a reason why there is none"
        elif cell.reason and (cell.phase is not None or cell.lead != 0):
            yield f"{_place(cell.sides)}: a best minimum and a reason why it is not proved"


def _disagreements(found: Atlas) -> Iterator[str]:
    """Cells that have a model in common and say different things about it."""
    for a, b in ((found.cells[i], found.cells[j]) for i, j in found.touching):
        if a.points and b.points and a.points != b.points:
            yield f"{_place(a.sides)}: {_counted(a)}, but {_counted(b)} in {_place(b.sides)}, which touches it"
        elif a.phase and b.phase and a.phase != b.phase:
            yield f"{_place(a.sides)}: {a.phase} is best, but {b.phase} in {_place(b.sides)}, which touches it"


def _counted(cell: AtlasCell) -> str:
    return ", ".join(f"{count} {kind} {phase}" for (kind, phase), count in Counter(cell.points).items())


def _doubts(found: Atlas, drawn: list[Sheet], executor: Executor | None, progress: Progress) -> list[str]:
    """What does not follow from new proofs of the rectangles that were drawn."""
    if not drawn:
        return []
    objections: list[str] = []
    with reporting(progress, "verification", "rectangle") as report, workers(executor) as (own, running):
        running.update({own.submit(prove_again, sheet, found.bias, found.smallest): sheet.sides for sheet in drawn})
        for done, job in enumerate(as_completed(list(running)), start=1):
            running.pop(job)
            objections += job.result()
            report(done, len(drawn))
    return objections


def prove_again(sheet: Sheet, bias: Bias, smallest: float) -> list[str]:
    """Objections to the claims about one rectangle; this is what is submitted."""
    proof, objections = _proof(sheet.sides, bias, smallest)
    for cell in sheet.cells:
        if cell.points and not _follows(cell, [new for new in proof.cells if _overlap(cell.path, new.path)]):
            alone, more = _proof(cell.sides, bias, smallest)
            objections += more
            if not _follows(cell, list(alone.cells)):
                objections.append(f"{_place(cell.sides)}: does not follow when it is proved again")
    return objections


def _proof(sides: Box, bias: Bias, smallest: float) -> tuple[RegionCertificate, list[str]]:
    """A new one, and what the checker says against it."""
    density, importance = sides
    proof = certify_region(density=density, importance=importance, bias=bias, smallest=smallest, progress=False)
    return proof, [f"{_place(sides)}: its new proof is wrong: {words}" for words in verify_region(proof).objections]


def _overlap(path: str, other: str) -> bool:
    return path.startswith(other) or other.startswith(path)


def _follows(claim: AtlasCell, proved: list[Cell]) -> bool:
    """Whether what is proved on cells that cover it says at least as much."""
    return all(
        sorted((point.kind, point.phase) for point in cell.points) == list(claim.points)
        and (claim.phase is None or claim.phase == cell.phase)
        and (not claim.lead or (cell.lead is not None and cell.lead[0] >= claim.lead))
        for cell in proved
    )
