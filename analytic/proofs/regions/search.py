"""One search for all models of a rectangle: bisection in coordinates and parameters, and in frames near the zeros.

Boxes are excluded, or lie in a tube, or are cut. A box that a zero passes through would have to be cut along density
and importance over and over, because the zero moves; so where one tube is near, the box goes on in the frame of that
tube: the hull of its z, from then on cut along z. Points of that hull outside of the box, its home, need no proof.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analytic.proofs.bisection import HALVINGS, Index, approach, halves, preorder
from analytic.proofs.boxes import examined
from analytic.proofs.intervals import Array
from analytic.proofs.records import Place, Reason, Tree
from analytic.proofs.regions.family import Family, middles
from analytic.proofs.regions.records import Tube
from analytic.proofs.regions.tubes import TooWide, prove_tube
from analytic.proofs.searches import EXCLUDED, UNRESOLVED

#: Tubes by letter: a leaf in the tube, a node that goes on in its frame. x is excluded.
LEAVES, NODES = "ABCDEFGHIJKLMNOPQRSTUVW", "abcdefghijklmnopqrstuvw"
#: Starts of Newton's method per level.
_CANDIDATES = 32
#: Boxes of one level after which a search is given up: halves of the rectangle are cheaper.
_MOST_BOXES = 4000
#: A box goes on in a frame if it has at most so many times the size of the tube, and the zero passes through it; or if
#: its parameters would be cut next, and the zero is nearer than so many times its own size.
_SIZE, _NEAR = 2.0, 4.0


@dataclass
class Boxes:
    """Boxes (n, d + 2, 2) of x or of z, the number of the frame or -1, and their homes (n, d, 2)."""

    sides: Array
    frame: Index
    home: Array

    def __len__(self) -> int:
        return len(self.sides)

    def __getitem__(self, index: npt.NDArray[np.generic]) -> Boxes:
        return Boxes(self.sides[index], self.frame[index], self.home[index])


@dataclass
class Search:
    """Breadth-first search; of every level the letters of its boxes, and which of them have how many children."""

    problem: Family
    tubes: list[Tube] = field(default_factory=list)
    letters: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    parents: list[tuple[Index, Index]] = field(default_factory=list)

    def run(self) -> Reason | None:
        """Search until nothing is left; else why not."""
        d = self.problem.case.dimension
        whole = self.problem.whole[None]
        boxes = Boxes(whole, np.full(1, -1), whole[:, :d])
        for level in range(HALVINGS * (d + 2)):
            boxes, left, axes = self._settle(boxes)
            if not len(boxes):
                return None
            if len(boxes) > _MOST_BOXES:
                return Reason.CROWDED
            if level >= 3 * d and level % (2 * d) == d:
                try:
                    self._look_for_zeros(boxes[boxes.frame < 0])
                except TooWide:
                    return Reason.NARROW
                if any(tube.place is Place.UNDECIDED for tube in self.tubes):
                    return Reason.PLACE
            boxes = self._divided(boxes, left, axes)
        return Reason.NARROW

    def tree(self) -> Tree:
        """The finished tree."""
        leaves = [(np.zeros(0, dtype=int),) * 2] * (len(self.letters) - len(self.parents))
        return Tree(*self.problem.key, preorder(self.letters, self.parents + leaves))

    def _look_for_zeros(self, boxes: Boxes) -> None:
        starts = boxes.sides[:: len(boxes) // _CANDIDATES + 1, :-2].mean(-1)
        for centre in approach(self.problem.middle, starts):
            if len(self.tubes) < len(LEAVES) and not any(holds(self.problem, tube, centre) for tube in self.tubes):
                tube = prove_tube(self.problem, centre)
                self.tubes += [] if tube is None else [tube]

    def _settle(self, boxes: Boxes) -> tuple[Boxes, Index, Index]:
        """A new level: the boxes that no tube and no exclusion settles, their numbers, and the axes to cut."""
        letters, axes = np.full(len(boxes), ord(UNRESOLVED), np.uint8), np.zeros(len(boxes), dtype=int)
        for number in {-1, *boxes.frame.tolist()}:
            of = np.flatnonzero(boxes.frame == number)
            letters[of], axes[of] = self._settle_group(boxes[of], number)
        self.letters.append(letters)
        left = np.flatnonzero(letters == ord(UNRESOLVED))
        return boxes[left], left, axes[left]

    def _settle_group(self, boxes: Boxes, number: int) -> tuple[npt.NDArray[np.uint8], Index]:
        """Letters and axes for boxes of one frame."""
        letters, axes = np.full(len(boxes), ord(UNRESOLVED), np.uint8), np.zeros(len(boxes), dtype=int)
        problem, tubes = self.problem, dict(enumerate(self.tubes))
        if number >= 0:
            tubes = {number: self.tubes[number]}
            problem = problem.seen(self.tubes[number].frame)
            letters[outside(problem, boxes.sides, boxes.home)] = ord(EXCLUDED)
        for i, tube in tubes.items():
            left = np.flatnonzero(letters == ord(UNRESOLVED))
            letters[left[in_tube(problem, boxes.sides[left], tube)]] = ord(LEAVES[i])
        left = np.flatnonzero(letters == ord(UNRESOLVED))
        done, axes[left] = examined(problem, boxes.sides[left])
        letters[left[done]] = ord(EXCLUDED)
        return letters, axes

    def _divided(self, boxes: Boxes, left: Index, axes: Index) -> Boxes:
        """The next level: halves, and boxes that go on in a frame."""
        target, hulls = self._targets(boxes, axes)
        cut, framed = np.flatnonzero(target < 0), np.flatnonzero(target >= 0)
        names = np.frombuffer(NODES.encode(), np.uint8)
        self.letters[-1][left[cut]] = axes[cut] + ord("0")
        self.letters[-1][left[framed]] = names[target[framed]]
        children = np.where(target < 0, 2, 1)
        self.parents.append((left, children))
        sides = np.repeat(boxes.sides, children, axis=0)
        first = np.cumsum(children) - children
        sides[np.sort(np.concatenate([first[cut], first[cut] + 1]))] = halves(boxes.sides[cut], axes[cut])
        sides[first[framed], :-2] = hulls[framed]
        frame, home = np.repeat(boxes.frame, children), np.repeat(boxes.home, children, axis=0)
        frame[first[framed]] = target[framed]
        still = np.repeat((boxes.frame < 0) & (target < 0), children)
        home[still] = sides[still, :-2]
        return Boxes(sides, frame, home)

    def _targets(self, boxes: Boxes, axes: Index) -> tuple[Index, Array]:
        """For each box the number of the frame in which it goes on, or -1, and the hull of its z there."""
        target, hulls = np.full(len(boxes), -1), boxes.sides[:, :-2].copy()
        still = np.flatnonzero(boxes.frame < 0)
        if not len(still) or not self.tubes:
            return target, hulls
        sides, d = boxes.sides[still], self.problem.case.dimension
        z = np.stack([tube.frame.inward(sides, middles(self.problem.rectangle)) for tube in self.tubes])
        width, middle = z[..., 1] - z[..., 0], z.mean(-1)
        distance = (2 * np.abs(middle) / width).max(-1)
        reach = np.array([tube.unique for tube in self.tubes])[:, None, :, 1]
        small = width.max(-1) < 2 * _SIZE * reach.max(-1)
        best = distance.argmin(0)
        at = best, np.arange(len(still))
        alone = (distance <= 1).sum(0) == 1
        useful = (alone | ((axes[still] >= d) & (distance[at] < _NEAR))) & small[at]
        chosen = still[useful]
        target[chosen], hulls[chosen] = best[useful], z[at][useful]
        return target, hulls


def in_tube(problem: Family, boxes: Array, tube: Tube) -> npt.NDArray[np.bool_]:
    """For boxes (n, d + 2, 2) of the problem, in whatever frame it is: where they lie in the tube."""
    unique, z = np.array(tube.unique), boxes[:, :-2]
    if problem.frame != tube.frame:
        x = np.concatenate([problem.outward(boxes), boxes[:, -2:]], 1)
        z = tube.frame.inward(x, middles(problem.rectangle))
    return np.asarray(((z[..., 0] >= unique[:, 0]) & (z[..., 1] <= unique[:, 1])).all(-1))


def outside(problem: Family, boxes: Array, homes: Array) -> npt.NDArray[np.bool_]:
    """Where boxes (n, d + 2, 2) of z have no point in their homes (n, d, 2)."""
    x = problem.outward(boxes)
    return np.asarray(((x[..., 1] < homes[..., 0]) | (x[..., 0] > homes[..., 1])).any(-1))


def holds(problem: Family, tube: Tube, point: Array) -> bool:
    """Whether a point is the zero of a tube for the model in the middle, if it is a zero."""
    middle = np.array(middles(problem.rectangle))
    box = np.concatenate([point, middle])
    return bool(in_tube(problem, np.stack([box, box], -1)[None], tube)[0])
