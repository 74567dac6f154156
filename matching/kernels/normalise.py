"""Local normalisation of grey levels by running sums."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.flat import TILE
from matching.parameters import Normalise


@kernel
def normalise(
    image: NDArray[np.uint8], flat: NDArray[np.bool_], p: Normalise
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the normalised image, ridges (dark) positive, and the local deviation in grey levels.

    image (h, w) uint8, flat (h/4, w/4) bool; both results (h, w) float32, 0 where constant. All sums are
    of integers and therefore exact.
    """
    height, width = image.shape
    normalised = np.zeros((height, width), np.float32)
    deviation = np.zeros((height, width), np.float32)
    sums = np.zeros((3, width), np.int32)  # of each column within the window: pixels, grey levels, squares
    for entering in range(height + p.radius):
        if entering < height:
            _add_row(sums, image, flat, entering, 1)
        leaving = entering - 2 * p.radius - 1
        if leaving >= 0:
            _add_row(sums, image, flat, leaving, -1)
        y = entering - p.radius
        if y >= 0:
            _normalise_row(sums, image[y], flat[y // TILE], normalised[y], deviation[y], p)
    return normalised, deviation


@kernel
def _add_row(
    sums: NDArray[np.int32], image: NDArray[np.uint8], flat: NDArray[np.bool_], y: int, sign: int
) -> None:
    for x in range(image.shape[1]):
        counted = 0 if flat[y // TILE, x // TILE] else sign
        value = int(image[y, x])
        sums[0, x] += counted
        sums[1, x] += counted * value
        sums[2, x] += counted * value * value


@kernel
def _normalise_row(
    sums: NDArray[np.int32],
    row: NDArray[np.uint8],
    flat: NDArray[np.bool_],
    normalised: NDArray[np.float32],
    deviation: NDArray[np.float32],
    p: Normalise,
) -> None:
    width = len(row)
    pixels, total, squares = 0, 0, 0
    for entering in range(width + p.radius):
        if entering < width:
            pixels += int(sums[0, entering])
            total += int(sums[1, entering])
            squares += int(sums[2, entering])
        leaving = entering - 2 * p.radius - 1
        if leaving >= 0:
            pixels -= int(sums[0, leaving])
            total -= int(sums[1, leaving])
            squares -= int(sums[2, leaving])
        x = entering - p.radius
        if x < 0 or flat[x // TILE] or pixels < p.enough:
            continue
        spread = math.sqrt(float(pixels * squares - total * total)) / pixels
        value = (total / pixels - row[x]) / (spread + p.noise)
        normalised[x] = min(max(value, -p.limit), p.limit)
        deviation[x] = spread
