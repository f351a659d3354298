"""Pictures as files and in notebooks."""

from __future__ import annotations

import base64
import io
from typing import Any, Protocol

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analytic.files import PICTURES, PathLike, ending, replacing
from analytic.validation import InvalidValue


class Drawable(Protocol):
    """What can draw itself on new axes."""

    def plot(self) -> Axes: ...


def figure_of(ax: Axes) -> Figure:
    """The figure that holds the axes."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise InvalidValue("ax must belong to a figure; make it with matplotlib.pyplot.subplots()")
    return figure


def save_picture(picture: Axes | Figure, path: PathLike, dpi: int = 200) -> None:
    """Writes a figure, whole or not at all; the format is the ending of `path`."""
    figure = picture if isinstance(picture, Figure) else figure_of(picture)
    suffix = ending(path, PICTURES)
    with replacing(path, "wb") as file:
        figure.savefig(file, format=suffix[1:], dpi=dpi)


def as_html(result: Drawable) -> str:
    """The picture of a result as an image element that carries its own data."""
    figure: Any = figure_of(result.plot())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    plt.close(figure)
    return f'<img alt="{result!r}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
