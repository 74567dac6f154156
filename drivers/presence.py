"""How much finger a raw picture shows, and how much it moved: for sensors that cannot tell by themselves.

A level is in grey levels: the mean of the brightest eighth of a picture's 16 x 16 blocks. A mean of the whole
picture misses a dry finger and one that lies off the centre.
"""

import numpy as np
from numpy.typing import NDArray

BLOCKS, BRIGHTEST = 16, 32
POOL, CELL = 4, 8  # pixels of a mean, against noise; means of a cell: more than a ridge, less than a shadow


def light_over(picture: NDArray[np.uint8], background: NDArray[np.uint8]) -> float:
    """Level of what is lighter than the background; both (height, width), at least 16 x 16."""
    return _level(np.maximum(picture, background) - background)


def change_between(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Level of the difference of two pictures; both (height, width), at least 16 x 16."""
    return _level(np.maximum(before, after) - np.minimum(before, after))


def structure_between(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """How uneven the difference of two pictures is in small cells, in grey levels: ridges are, light is not.

    The mean standard deviation of the most uneven eighth of cells of 32 x 32 pixels; both (height, width).
    """
    rows, columns = (side // (POOL * CELL) for side in before.shape)
    window = np.s_[: rows * POOL * CELL, : columns * POOL * CELL]
    difference = after[window].astype(np.int16) - before[window]
    pooled = difference.reshape(rows * CELL, POOL, columns * CELL, POOL).mean(axis=(1, 3), dtype=np.float32)
    uneven = np.sort(pooled.reshape(rows, CELL, columns, CELL).std(axis=(1, 3)), axis=None)
    return float(uneven[-max(1, uneven.size // 8) :].mean())


def _level(light: NDArray[np.uint8]) -> float:
    height, width = light.shape[0] // BLOCKS, light.shape[1] // BLOCKS
    whole = light[: height * BLOCKS, : width * BLOCKS]
    means = whole.reshape(BLOCKS, height, BLOCKS, width).mean(axis=(1, 3), dtype=np.float32)
    return float(np.sort(means, axis=None)[-BRIGHTEST:].mean())
