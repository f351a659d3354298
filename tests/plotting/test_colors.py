"""Colours: the blend of the field, and categories that stay apart for colour-blind readers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from analytic.plotting.colors import BLUE, PHASES, RED, WHITE, blend

#: Linear RGB as seen without red, green or blue cones: Machado, Oliveira and Fernandes (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(color: str, seen_by: str) -> np.ndarray:
    """CIE L*a*b* of a colour as a reader with this kind of vision sees it."""
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(BLINDNESS[seen_by]) @ linear, 0, 1)
    x, y, z = XYZ @ seen / (XYZ @ np.ones(3))
    f = [v ** (1 / 3) if v > (6 / 29) ** 3 else v / (3 * (6 / 29) ** 2) + 4 / 29 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen_by", BLINDNESS)
def test_phases_can_be_told_apart(seen_by: str) -> None:
    for (one, first), (other, second) in combinations(PHASES.items(), 2):
        apart = np.linalg.norm(lab(first, seen_by) - lab(second, seen_by))
        assert apart > 20, f"{one} and {other} are {apart:.0f} apart with {seen_by}; a just noticeable step is 2.3"


def test_the_blend_has_the_colours_of_the_field_at_its_corners() -> None:
    np.testing.assert_allclose(blend([0, 1, 1], [0, 0, 1]), [WHITE, BLUE, RED], atol=1e-15)
    np.testing.assert_allclose(blend([7, -1], [9, 0.5]), [RED, WHITE], atol=1e-15)
