"""Atlases as pictures: where all models are proved to have one list of minima, and which one is the best.

Coloured areas are proved, each number is that of the isolated minima there; grey strips are not. Curves are those of
`phase_boundaries`, found without any proof, each of which has to run through strips only: the script says so, or where
not. `analytic verify FILE` checks an atlas; `analytic atlas` makes one.
"""

from __future__ import annotations

from pathlib import Path

import frame
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

from analytic import Atlas, phase_boundaries
from analytic.diagrams.strips import Comparison, against
from analytic.plotting.atlas import atlas_key, plot_atlas
from analytic.plotting.diagrams import curve_key

STORED = Path(__file__).parent / "atlas"


def main() -> None:
    """Draws atlas.png."""
    parser = frame.parser(__doc__, "atlas.png")
    stored = [STORED / f"{bias}.jsonl.gz" for bias in ("shared", "per-feature")]
    parser.add_argument("files", type=Path, nargs="*", default=stored, help="atlases (default: the stored ones)")
    args = parser.parse_args()
    found = [Atlas.load(path) for path in args.files]
    figure, axes = plt.subplots(1, len(found), figsize=(5.2 * len(found), 6.2), layout="constrained", squeeze=False)
    lines: dict[str, Line2D] = {}
    for atlas, ax in zip(found, axes.flat, strict=True):
        boundaries = phase_boundaries(atlas.bias, importance=atlas.importance, density=atlas.density)
        plot_atlas(atlas, ax, boundaries=boundaries)
        lines |= {str(key.get_label()): key for key in curve_key(boundaries)}
        print(in_words(atlas, against(atlas, boundaries)))
    keys = [*atlas_key(*found), *lines.values()]
    figure.legend(handles=keys, loc="outside lower center", fontsize=8, frameon=False, ncols=len(found))
    frame.save(figure, args.output)


def in_words(atlas: Atlas, result: Comparison) -> str:
    """What is proved, and how it compares with the curves."""
    confirmed = sum(course.confirmed for course in result.courses)
    contradicted = sum(len(course.contradictions) for course in result.courses)
    return (
        f"bias {atlas.bias}: {atlas.finished} of {atlas.total} rectangles, proved on {atlas.proved:.2%} of their area; "
        f"strips that are not: {len(result.strips)}, without a curve: {len(result.empty)}; "
        f"curves: {len(result.courses)}, points confirmed: {confirmed}, contradicted: {contradicted}, "
        f"places where one is missing: {len(result.missing)}"
    )


if __name__ == "__main__":
    main()
