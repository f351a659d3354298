"""The page as one file, and where it is shown."""

from __future__ import annotations

import base64
import html
import tempfile
import webbrowser
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from analytic.explorer.modules import program
from analytic.files import PathLike, replacing, writable
from analytic.models.bias import Bias, BiasLike
from analytic.validation import number, refuse

FOLDER = Path(__file__).parent
SOURCE, STORED = FOLDER / "source", FOLDER / "stored"
#: The same script runs in the page and in its workers, which have no document.
_ENTRIES = {'typeof document === "undefined"': "worker.js", 'typeof document !== "undefined"': "main.js"}
VIEWS = ("pair", "network")
#: Height in a notebook, pixels.
_HEIGHT = 900


@dataclass(frozen=True, repr=False)
class Page:
    """The explorer: one file of HTML that needs neither a server nor the network.

    Attributes
    ----------
    state : what the page shows first, as it stands in its address behind the #
    html : str
    """

    state: str

    @property
    def html(self) -> str:
        return _template().replace("{{state}}", html.escape(self.state))

    def save(self, path: PathLike) -> None:
        """Writes the page to an .html file."""
        writable(path, (".html",))
        with replacing(path, "w") as file:
            file.write(self.html)

    def show(self, path: PathLike | None = None) -> Path:
        """Writes the page, by default to a temporary file, opens it in the system's browser, and returns its path."""
        target = Path(tempfile.mkdtemp(prefix="analytic-")) / "explorer.html" if path is None else Path(path)
        self.save(target)
        webbrowser.open(target.resolve().as_uri())
        return target

    def __repr__(self) -> str:
        return f"<the explorer at {self.state or 'its first view'}; .show() opens it, .save(path) writes it>"

    def _repr_html_(self) -> str:
        """The page in place, for notebooks."""
        inside = html.escape(self.html)
        return f'<iframe srcdoc="{inside}" title="explorer" style="width:100%;height:{_HEIGHT}px;border:0"></iframe>'


@cache
def _template() -> str:
    """The page with everything in it but the state that it shows first."""
    stored = {path.stem: base64.b64encode(path.read_bytes()).decode() for path in sorted(STORED.glob("*.bin"))}
    parts = {
        "style": (SOURCE / "style.css").read_text(encoding="utf-8"),
        "program": program(SOURCE, _ENTRIES),
        "stored": "\n".join(f'<script type="text/plain" data-stored="{k}">{v}</script>' for k, v in stored.items()),
    }
    text = (SOURCE / "index.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text


def explore(
    *, density: float | None = None, importance: float | None = None, bias: BiasLike | None = None, view: str = "pair"
) -> Page:
    """The explorer, a page for the browser with the exact landscape under the hand.

    Parameters
    ----------
    density : in [0.01, 1], optional
        P(x != 0), the same for both features.
    importance : in [0.1, 10], optional
        Importance of feature 2; feature 1 has importance 1.
    bias : the bias convention, optional
    view : "pair" or "network"
        Two features in one hidden unit, or several in two.

    Returns
    -------
    Page
        In a notebook it shows itself in place; `.show()` opens it in the browser, `.save(path)` writes it.
    """
    if view not in VIEWS:
        refuse("view", f"be {' or '.join(map(repr, VIEWS))}", view)
    state: dict[str, object] = {"view": view}
    if density is not None:
        state["density"] = number("density", density, least=0.01, most=1)
    if importance is not None:
        state["importance"] = number("importance", importance, least=0.1, most=10)
    if bias is not None:
        state["bias"] = str(Bias.of(bias))
    return Page(urlencode(state))
