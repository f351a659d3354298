"""Energy levels: what models pause beside when their loss falls in steps, and whether exact descent does the same.

Models are trained from small weights, as usual; their exact loss, plateaus and stationary points beside them are found
afterwards. Exact descent with the same rule from the same weights has no noise, and the exact flow no step size: what
they do as well is no work of noise. Descents are kept in a folder; what is there already is not computed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import frame
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm

from analytic import Descent, Plateau, ReluOutputModel, descend, feature_dimensionality, retrace, train
from analytic.search.shares import share
from analytic.tables import as_text


class Setting(NamedTuple):
    """A model and how it is trained: importances 1, r, r^2, ...; weights start normal with deviation `init`."""

    features: int
    hidden: int
    density: float
    ratio: float
    optimizer: str
    lr: float
    init: float | str

    @property
    def model(self) -> ReluOutputModel:
        importance = self.ratio ** np.arange(self.features)
        return ReluOutputModel.from_density(self.features, self.hidden, self.density, importance)

    @property
    def title(self) -> str:
        equal = "equal" if self.ratio == 1 else f"${self.ratio:g}^i$"
        size = f"$n = {self.features}$, $m = {self.hidden}$, density {self.density:g}, importances {equal}"
        return f"{size}\n{self.optimizer}, rate {self.lr:g}, weights from {self.init}"

    @property
    def words(self) -> str:
        size = f"n={self.features} m={self.hidden} p={self.density:g} r={self.ratio:g}"
        return f"{size} {self.optimizer} {self.lr:g} from {self.init}"


SETTINGS = (
    Setting(6, 3, 0.05, 0.5, "sgd", 0.1, 0.001),
    Setting(6, 2, 0.05, 1.0, "adam", 1e-3, 0.01),
    Setting(6, 2, 0.05, 0.7, "sgd", 0.1, 0.001),
    Setting(6, 2, 0.05, 0.7, "adam", 1e-3, 0.01),
    Setting(6, 2, 0.05, 1.0, "sgd", 0.1, 0.001),
    Setting(5, 2, 0.1, 0.9, "adam", 1e-3, 0.01),
    Setting(6, 2, 0.05, 1.0, "adam", 1e-3, "xavier"),
)
#: slow, width and close, as for `find_plateaus`: half and twice the defaults, one at a time.
THRESHOLDS = ((0.25, 0.1, 0.3), (0.125, 0.1, 0.3), (0.5, 0.1, 0.3), (0.25, 0.05, 0.3), (0.25, 0.2, 0.3),
              (0.25, 0.1, 0.15), (0.25, 0.1, 0.6))  # fmt: skip
KINDS = ("noisy", "noiseless", "flow")
#: Losses of one level agree to this share of the silent loss.
SAME = 0.01
#: Runs in the picture, and the largest index in its colours.
SHOWN, MOST_INDEX = 6, 18
#: Weights below this are none.
SMALL = 1e-6


def descents(setting: Setting, runs: int, steps: int, folder: Path) -> tuple[Descent, ...]:
    """The same starts with minibatches, with the exact gradient, and as a flow, from files or computed."""
    names = [folder / f"{setting.words.replace(' ', '_')}-{runs}-{steps}-{kind}.npz" for kind in KINDS]
    model = setting.model
    if not names[0].exists():
        marks = np.unique(np.round([*np.geomspace(1, steps, 150), *np.linspace(0, steps, 201)]).astype(int))
        trained = train(model, runs=runs, optimizer=setting.optimizer, lr=setting.lr, steps=steps, init=setting.init,
                        checkpoints=marks, threads=1)  # fmt: skip
        retrace(model, trained).save(names[0])
    noisy = Descent.load(names[0])
    if not names[1].exists():
        rule = "adam" if setting.optimizer == "adam" else "gd"
        descend(model, noisy.W[0], noisy.b[0], dynamics=rule, lr=setting.lr, steps=steps,
                checkpoints=noisy.time[1:]).save(names[1])  # fmt: skip
    if not names[2].exists():
        descend(model, noisy.W[0], noisy.b[0], checkpoints=600).save(names[2])
    return noisy, Descent.load(names[1]), Descent.load(names[2])


def later(plateaus: Iterable[Plateau]) -> list[Plateau]:
    """All but the plateaus beside W = 0, where small weights start."""
    return [each for each in plateaus if each.stationary is None or np.abs(each.stationary.W).max() > SMALL]


def met(plateau: Plateau, others: Iterable[Plateau], unit: float) -> bool:
    """Whether another descent from the same start pauses at this level."""
    return any(each.start == plateau.start and abs(each.loss - plateau.loss) < SAME * unit for each in others)


def kinds_of(plateaus: Iterable[Plateau]) -> list[str]:
    """How many plateaus lie beside saddles, half-stable points, minima, and nothing that was found."""
    names = Counter("none found" if each.stationary is None else each.stationary.kind for each in plateaus)
    return [str(names[name]) for name in ("saddle", "half-stable", "minimum", "none found")]


def rows_of(setting: Setting, kinds: tuple[Descent, ...]) -> list[list[str]]:
    """What the table says of one setting."""
    unit, everything = setting.model.silent_loss, [later(each.plateaus) for each in kinds]
    rows = []
    for name, descent, found in zip(KINDS, kinds, everything, strict=True):
        same = [str(sum(met(each, others, unit) for each in found)) for others in everything]
        paused = len({each.start for each in found})
        levels = len({round(each.stationary.loss / unit, 3) for each in found if each.stationary is not None})
        rows.append([setting.words, name, str(descent.loss.shape[1]), str(paused), str(len(found)), str(levels),
                     *kinds_of(found), *same])  # fmt: skip
    return rows


HEADER = ("setting", "descent", "runs", "with levels", "plateaus", "levels", "saddles", "half-stable", "minima",
          "none found", *(f"also {name}" for name in KINDS))  # fmt: skip


def sensitivity(all_noisy: list[Descent]) -> list[list[str]]:
    """What is beside plateaus after the first, for other thresholds."""
    rows = []
    for slow, width, close in THRESHOLDS:
        found = [p for one in all_noisy for p in later(one.find_plateaus(slow=slow, width=width, close=close))]
        names = kinds_of(found)
        known = len(found) - int(names[-1])
        chance = share(int(names[0]), known) if known else None
        interval = f"{chance.low:.3f} .. {chance.high:.3f}" if chance else ""
        rows.append([f"{slow:g}", f"{width:g}", f"{close:g}", str(len(found)), *names, interval])
    return rows


def draw_losses(ax: Axes, noisy: Descent, noiseless: Descent, norm: BoundaryNorm) -> None:
    """Loss against step, noisy and (thin) noiseless, on the levels of the stationary points beside plateaus."""
    for plateau in noisy.plateaus:
        if plateau.stationary is not None:
            colour = plt.colormaps["plasma_r"](norm(plateau.stationary.index))
            ax.axhline(plateau.stationary.loss, color=colour, lw=1.2, alpha=0.7, zorder=0)
    for loss in np.unique(np.round(noisy.final.loss[noisy.converged], 9)):
        ax.axhline(loss, color="black", lw=1.0, ls=":", zorder=0)
    fresh = ax.plot(noisy.time, noisy.loss[:, :SHOWN], color="0.25", lw=1.1)
    exact = ax.plot(noiseless.time, noiseless.loss[:, :SHOWN], color="tab:green", lw=0.7, ls="--")
    ax.legend([fresh[0], exact[0]], ["minibatches", "exact gradient"], fontsize=8, loc="upper right")
    ax.set(xlim=(noisy.time[-1] / 300, noisy.time[-1]), xscale="log", ylim=(0, None))


def draw_dimensionalities(ax: Axes, noisy: Descent) -> None:
    """Feature dimensionalities of the run with most plateaus."""
    most = Counter(each.start[0] for each in noisy.plateaus).most_common(1)
    run = most[0][0] if most else 0
    shares = np.where(np.linalg.norm(noisy.W[:, run], axis=1) > 0.1, feature_dimensionality(noisy.W[:, run]), 0.0)
    for feature in range(noisy.model.features):
        ax.plot(noisy.time, shares[:, feature], lw=1.1, label=f"{feature + 1}")
    ax.set(xlim=(noisy.time[-1] / 300, noisy.time[-1]), xscale="log", ylim=(-0.03, 1.05), xlabel="step")


def figure_of(shown: list[tuple[Setting, tuple[Descent, ...]]]) -> plt.Figure:
    """Losses and levels above, dimensionalities below, one column per setting."""
    figure, axes = plt.subplots(
        2, len(shown), figsize=(3.7 * len(shown) + 0.8, 5.4), layout="constrained", squeeze=False
    )
    norm = BoundaryNorm(np.arange(-0.5, MOST_INDEX + 1), 256)
    for (setting, kinds), (top, bottom) in zip(shown, axes.T, strict=True):
        draw_losses(top, kinds[0], kinds[1], norm)
        draw_dimensionalities(bottom, kinds[0])
        top.set_title(setting.title, fontsize=9)
    axes[0, 0].set_ylabel("exact loss")
    axes[1, 0].set_ylabel("feature dimensionality")
    axes[1, -1].legend(title="feature", fontsize=8, ncols=2)
    bar = figure.colorbar(ScalarMappable(norm, "plasma_r"), ax=axes, ticks=range(0, MOST_INDEX + 1, 3), aspect=40)
    bar.set_label("lines: stationary points beside plateaus of all runs, by index")
    return figure


def main() -> None:
    """Prints the tables and draws energy_levels.png."""
    parser = frame.parser(__doc__, "energy_levels.png")
    parser.add_argument("--runs", type=int, default=40, help="training runs of each setting (default 40)")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--settings", type=int, default=len(SETTINGS), help="how many of the settings (default all)")
    parser.add_argument("--folder", type=Path, default=Path("levels"), help="where descents are kept")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    done, table = [], []
    for setting in SETTINGS[: args.settings]:
        done.append((setting, descents(setting, args.runs, args.steps, args.folder)))
        table += rows_of(*done[-1])
        print(f"done: {setting.words}", flush=True)
    print(as_text(HEADER, table))
    header = ("slow", "width", "close", "plateaus", "saddles", "half-stable", "minima", "none found", "saddles, 95 %")
    print(as_text(header, sensitivity([kinds[0] for _, kinds in done])))
    frame.save(figure_of(done[:3]), args.output)


if __name__ == "__main__":
    main()
