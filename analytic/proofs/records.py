"""What a proof consists of and what it says: plain data, in the words that a certificate's file uses as well.

Two ways of proof exist. `Searches` cut unit squares and cubes into boxes, each excluded or inside the unique box of a
zero (models with bias); `Roots` are brackets around the roots of rational polynomials (models without). Neither holds a
number that has to be believed: the checker evaluates everything again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TypeAlias

from analytic.landscape.records import Kind
from analytic.proofs.enclosures import Case

Pair: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[Pair, ...]
Bracket: TypeAlias = tuple[Fraction, Fraction]


class Reason(str, Enum):
    """Why something could not be decided."""

    TIME = "the time limit was reached"
    INTERRUPTED = "interrupted"
    NARROW = "no test decided, down to the smallest width: two points close to each other, or a point close to an edge"
    CROWDED = "too many boxes in memory at once"
    PLACE = "a zero too close to an edge of its case"
    DOUBLE = "two zeros of one search whose enclosures overlap, so that they may be the same"
    TIE = "a zero with |W1| = |W2| within its enclosure, without its mirror image"
    KIND = "the kind of a point: an eigenvalue of the Hessian too close to zero"
    EQUAL = "importance 1, where the features can be exchanged: minima tie with their images"
    LEAD = "two minima whose losses are too close to tell which is better"
    BOUNDARY = "without bias: a fold or an instability, where the number of points changes"
    BOTH_ON = "both outputs always on: a degenerate coincidence of densities and importances, or too close to the edge"


class Place(str, Enum):
    """Where a proved zero of the equations lies; files keep these sentences, so they stay as they are.

    CORNER includes the twin of that point at density 1, W1 = -W2 with b = W1^2.
    """

    INSIDE = "a stationary point of this case"
    OUTSIDE = "outside this case"
    CORNER = "the point W1 = W2, b = 0 that is known in closed form"
    TIE = "possibly |W1| = |W2|, shared by both halves"
    UNDECIDED = "too close to the edge of the case"


@dataclass(frozen=True)
class ProvedPoint:
    """One stationary point up to W -> -W: enclosures (lo, hi) of W, b and loss, and its kind."""

    W: tuple[Pair, Pair]
    b: tuple[Pair, Pair]
    loss: Pair
    kind: Kind
    on_kink: bool


@dataclass(frozen=True)
class ProvedFlatSet:
    """A family of stationary points with a dead output: its kind, an enclosure of its loss, and its description."""

    kind: Kind
    loss: Pair
    description: str


@dataclass(frozen=True)
class Zero:
    """A box (d, 2) in which the equations of a case have exactly one zero, and a smaller one that holds it."""

    case: Case
    swapped: bool
    sign: int
    unique: Box
    inner: Box
    place: Place
    kind: Kind

    @property
    def key(self) -> tuple[Case, bool, int]:
        """What names the search within its model."""
        return self.case, self.swapped, self.sign


@dataclass(frozen=True)
class Tree:
    """One search, in preorder: an axis to split at the middle, or what settles a leaf."""

    case: Case
    swapped: bool
    sign: int
    code: str

    @property
    def key(self) -> tuple[Case, bool, int]:
        """What names the search within its model."""
        return self.case, self.swapped, self.sign


@dataclass(frozen=True)
class Searches:
    """Proof by bisection: how each search is cut, and the zeros that its leaves name."""

    trees: tuple[Tree, ...]
    zeros: tuple[Zero, ...]


@dataclass(frozen=True)
class Roots:
    """Proof by counting: half-open brackets (low, high] with one root |W2/W1| each, for every arc of `unbiased.ARCS`.

    On a swapped arc the root is |W1/W2|; |W1| = |W2| is listed on both.
    """

    arcs: tuple[tuple[Bracket, ...], ...]


@dataclass(frozen=True)
class Unresolved:
    """Something not proved: a reason, where, and for boxes their number and the hull (d, 2) of them."""

    reason: Reason
    where: str
    box: Box = ()
    boxes: int = 1
