"""Whether curves account for how the minima of two neighbours on a grid differ.

Each curve says which minima there are more on one of its sides, so along the edge between two models the changes add up
to the difference of their minima, or a curve is missing. Matching points by distance does not see that: where one
minimum ends just after another one began, the nearest point of the neighbour is the other one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from analytic.diagrams.events import Event
from analytic.diagrams.seeds import Node
from analytic.diagrams.tracks import Track
from analytic.landscape.records import phase_of

#: Phases of points off the axes, which are those of a node.
_OFF_AXES = ("antipodal", "confused")


def balanced(one: Node, other: Node, tracks: Iterable[Track]) -> bool:
    """Whether the curves that cross the edge explain the difference."""
    change = _minima(other)
    change.subtract(_minima(one))
    for track in tracks:
        if track.kind not in (Event.FIRST_ORDER, Event.EXACT_TIE):
            for to_the_left in _crossings(track, one, other):
                gained, lost = (track.left, track.right) if to_the_left else (track.right, track.left)
                change.subtract(gained)
                change.update(lost)
    return not any(change[phase] for phase in _OFF_AXES)


def _minima(node: Node) -> Counter[str]:
    return Counter(phase_of(*theta[:2]) for theta, sign in zip(node.points, node.signs, strict=True) if sign > 0)


def _crossings(track: Track, one: Node, other: Node) -> Iterator[bool]:
    """For each time that the edge crosses a curve, whether to its left."""
    way = other.place - one.place
    moving = int(np.argmax(np.abs(way)))
    above = track.places[:, 1 - moving] > one.place[1 - moving]
    for k in np.flatnonzero(above[1:] != above[:-1]):
        here, along = track.places[k], track.places[k + 1] - track.places[k]
        at = here[moving] + along[moving] * (one.place - here)[1 - moving] / along[1 - moving]
        if 0 <= (at - one.place[moving]) / way[moving] < 1:
            yield bool(along[1] * way[0] > along[0] * way[1])
