"""What the shape of W says: which axis is which, and whether it is one model or a stack.

    shape of W              meaning
    (2,), (2, 1), (1, 2)    one model with two features and one hidden unit
    (N, 2, 1)               N of them, (instances, features, hidden)
    (N, 1, 2)               N of them, (instances, hidden, features)
    (N, 2), N > 2           N of them
    (a, b), (N, a, b)       one model or N models with more features or hidden units

In the last line (a, b) is (hidden, features) or (features, hidden). What that leaves open is settled, in this order, by
`features=`, `hidden=` or `layout=`; by the number of importances per feature; by hidden <= features; else by a
question. (2, 2) is two models of the first kind where `features` = 2 or `hidden` = 1 is said.
"""

from __future__ import annotations

from dataclasses import dataclass

from analytic.validation import InvalidValue, one_of, whole

LAYOUTS = ("features-hidden", "hidden-features")


@dataclass(frozen=True)
class Size:
    """The size of one model, and the order of the axes of W."""

    features: int
    hidden: int
    layout: str

    @property
    def is_pair(self) -> bool:
        """Whether it is the smallest model, whose landscape is solved."""
        return (self.features, self.hidden) == (2, 1)


def size_of(
    shape: tuple[int, ...],
    features: int | None = None,
    hidden: int | None = None,
    layout: str | None = None,
    per_feature: int | None = None,
) -> Size:
    """How W of this shape is read; `per_feature` is the number of importances, where there is one for each feature."""
    given = {
        "features": None if features is None else whole("features", features),
        "hidden": None if hidden is None else whole("hidden", hidden),
        "layout": None if layout is None else one_of("layout", layout, LAYOUTS),
    }
    if features in (None, 2) and hidden in (None, 1):
        pair = _pair(shape, named=features is not None or hidden is not None)
        if pair is not None and layout in (None, pair.layout):
            return pair
    if len(shape) not in (2, 3):
        raise InvalidValue(
            f"W must have two axes for one model or three for a stack, got shape {shape}; (2,) and (N, 2) are two "
            "features and one hidden unit"
        )
    first, second = shape[-2:]
    readings = [Size(second, first, LAYOUTS[1]), Size(first, second, LAYOUTS[0])]
    fitting = [each for each in readings if all(given[k] in (None, getattr(each, k)) for k in given)]
    if not fitting:
        said = ", ".join(f"{name} = {value!r}" for name, value in given.items() if value is not None)
        raise InvalidValue(f"W must fit {said}, got shape {shape}")
    return _settled(fitting, shape, per_feature)


def _pair(shape: tuple[int, ...], named: bool) -> Size | None:
    """The reading as two features and one hidden unit, if there is one."""
    if shape == (1, 2) or (len(shape) == 3 and shape[1:] == (1, 2)):
        return Size(2, 1, LAYOUTS[1])
    if shape in ((2,), (2, 1)) or (len(shape) == 3 and shape[1:] == (2, 1)):
        return Size(2, 1, LAYOUTS[0])
    stacked = len(shape) == 2 and shape[1] == 2 and (shape[0] != 2 or named)
    return Size(2, 1, LAYOUTS[0]) if stacked else None


def _settled(fitting: list[Size], shape: tuple[int, ...], per_feature: int | None) -> Size:
    for narrower in (
        [each for each in fitting if each.features == per_feature],
        [each for each in fitting if each.hidden <= each.features],
    ):
        fitting = narrower or fitting
        if len(fitting) == 1:
            return fitting[0]
    if shape == (2, 2):
        raise InvalidValue(
            "W has shape (2, 2). Are these two models with two features each? Then pass W[:, None, :], or hidden=1. "
            "Or one model with two hidden units? Then say layout='hidden-features' or 'features-hidden'"
        )
    raise InvalidValue(
        f"W has shape {shape}. Which of the last two axes is features, which is hidden? "
        "Say layout='hidden-features' or 'features-hidden'"
    )
