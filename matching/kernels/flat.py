"""Constant areas of the image: they carry no ridges and must not enter local statistics."""

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel

TILE = 4  # px; the image's sides are multiples of 8


@kernel
def tile_range(image: NDArray[np.uint8]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """(h, w) uint8 -> darkest and lightest grey level of each tile, both (h/4, w/4) int16."""
    rows, columns = image.shape[0] // TILE, image.shape[1] // TILE
    darkest = np.full((rows, columns), 255, np.int16)
    lightest = np.zeros((rows, columns), np.int16)
    for y in range(rows * TILE):
        for x in range(columns * TILE):
            value = np.int16(image[y, x])
            darkest[y // TILE, x // TILE] = min(darkest[y // TILE, x // TILE], value)
            lightest[y // TILE, x // TILE] = max(lightest[y // TILE, x // TILE], value)
    return darkest, lightest


@kernel
def flat_tiles(
    darkest: NDArray[np.int16], lightest: NDArray[np.int16], reach: int, tolerance: int
) -> NDArray[np.bool_]:
    """Return (rows, columns) bool: tiles covered by a window of (2 reach + 1)^2 tiles without contrast."""
    rows, columns = darkest.shape
    flat = np.zeros((rows, columns), np.bool_)
    for row in range(rows):
        for column in range(columns):
            top, bottom = max(0, row - reach), min(rows, row + reach + 1)
            left, right = max(0, column - reach), min(columns, column + reach + 1)
            low, high = 255, 0
            for y in range(top, bottom):
                for x in range(left, right):
                    low = min(low, int(darkest[y, x]))
                    high = max(high, int(lightest[y, x]))
            if high - low <= tolerance:
                flat[top:bottom, left:right] = True
    return flat
