"""A made-up ridge pattern with minutiae at known places, no finger's: to warm kernels and to test them."""

import numpy as np
from numpy.typing import NDArray

from matching.template import REFERENCE_PPI

PERIOD = 9.0  # px at 500 ppi
DISLOCATIONS = (  # x and y as shares of the side, and to which side the extra ridge lies
    (0.30, 0.25, 1), (0.55, 0.22, -1), (0.72, 0.34, 1), (0.24, 0.50, -1), (0.47, 0.42, 1),
    (0.66, 0.55, -1), (0.40, 0.62, 1), (0.56, 0.74, 1), (0.31, 0.74, -1), (0.77, 0.66, -1),
)  # fmt: skip


def ridge_pattern(side: int = 240, ppi: float = REFERENCE_PPI) -> NDArray[np.uint8]:
    """Return (h, h) uint8, h = side * ppi / 500: a disc of curved ridges on white.

    The phase of a plane wave, bent, plus one turn about each dislocation: there a ridge ends or forks
    (Larkin and Fletcher 2007, a fingerprint as a hologram).
    """
    scale = REFERENCE_PPI / ppi
    y, x = (np.mgrid[: round(side / scale), : round(side / scale)] + 0.5) * scale
    phase = 2 * np.pi / PERIOD * np.hypot(x - 0.4 * side, y - 1.6 * side)
    for across, down, turn in DISLOCATIONS:
        phase += turn * np.arctan2(y - down * side, x - across * side)
    disc = np.hypot(x - side / 2, y - side / 2) < 0.46 * side
    pattern: NDArray[np.uint8] = np.where(disc, 130 + 100 * np.cos(phase), 255).astype(np.uint8)
    return pattern
