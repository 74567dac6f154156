"""Running every kernel once, so that it is compiled into the cache."""

import numpy as np
from numpy.typing import NDArray

from matching.compare import CONSTANTS, compare, prepare
from matching.extract import at_500_ppi
from matching.gallery import Gallery
from matching.kernels.packed import pack
from matching.kernels.scoring import score_pairs
from matching.quality import examine


def ridge_pattern(side: int = 160) -> NDArray[np.uint8]:
    """Return (side, side) uint8: concentric ridges of 9 px with two edge dislocations, on white."""
    y, x = np.mgrid[:side, :side].astype(np.float64)
    middle = side / 2
    radius = np.hypot(x - middle, y - 1.4 * middle)
    phase = 2 * np.pi * radius / 9
    phase += np.arctan2(y - 0.7 * middle, x - 0.8 * middle) - np.arctan2(y - 0.9 * middle, x - 1.3 * middle)
    inside = np.hypot(x - middle, y - middle) < 0.45 * side
    pattern: NDArray[np.uint8] = np.where(inside, 140 + 90 * np.cos(phase), 255).astype(np.uint8)
    return pattern


def warm() -> None:
    """Run extraction and comparison on a made-up ridge pattern."""
    pattern = ridge_pattern()
    template, _ = examine(pattern)
    examine(at_500_ppi(pattern, 400), 500)
    compare(template, template)
    gallery = Gallery()
    gallery.add("warm", 0, template)
    gallery.search(template)
    score_pairs(pack([prepare(template)]), np.zeros((1, 2), np.int64), CONSTANTS)
