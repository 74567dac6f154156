"""Ridge flow around a minutia as bits: the orientation at 32 points on three rings, as circular codes.

A level of the half turn is written as a Johnson counter does, so that the Hamming distance of two codes is
the distance of their levels around the circle. After Tico and Kuosmanen, Fingerprint matching using an
orientation-based minutia descriptor, IEEE PAMI 25(8), 2003.
"""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.prepared import CELL, FLOW_WORDS

LEVELS = 16  # of the half turn
RINGS = ((18.0, 6), (36.0, 10), (54.0, 16))  # px of radius, points; three rings fill the 32 points


def ring_points() -> NDArray[np.float32]:
    """Return (32, 2) px: the points around a minutia that points along +x."""
    points = [
        (radius * math.cos(2 * math.pi * step / count), radius * math.sin(2 * math.pi * step / count))
        for radius, count in RINGS
        for step in range(count)
    ]
    return np.array(points, np.float32)


def circular_codes() -> NDArray[np.uint64]:
    """Return (16,): a byte a level; one bit changes from each level to the next, all around."""
    rising = [(1 << level) - 1 for level in range(8)]
    return np.array(rising + [255 ^ code for code in rising], np.uint64)


@kernel
def encode_flows(
    minutiae: NDArray[np.float32],
    orientation: NDArray[np.int16],
    points: NDArray[np.float32],
    codes: NDArray[np.uint64],
) -> NDArray[np.uint64]:
    """(3, n) minutiae -> (8, n) words: codes, then masks, a byte a point.

    The orientation is (rows, columns) cells of pi/256 turning from +x towards +y, -1 where it is not valid.
    """
    count = minutiae.shape[1]
    words = np.zeros((2 * FLOW_WORDS, count), np.uint64)
    for index in range(count):
        x, y, angle = minutiae[0, index], minutiae[1, index], minutiae[2, index]
        cosine, sine = math.cos(angle), math.sin(angle)
        own = math.floor(angle * 256 / math.pi + 0.5)
        for point in range(len(points)):
            column = math.floor((x + cosine * points[point, 0] - sine * points[point, 1]) / CELL)
            row = math.floor((y + sine * points[point, 0] + cosine * points[point, 1]) / CELL)
            if not (0 <= row < orientation.shape[0] and 0 <= column < orientation.shape[1]):
                continue
            if orientation[row, column] < 0:
                continue
            turned = (int(orientation[row, column]) - own) % 256
            level = (turned + 128 // LEVELS) * LEVELS // 256 % LEVELS
            shift = np.uint64(8 * (point % 8))
            words[point // 8, index] |= codes[level] << shift
            words[FLOW_WORDS + point // 8, index] |= np.uint64(255) << shift
    return words
