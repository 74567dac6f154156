"""How much finger a raw picture shows, and how much it moved: for sensors that cannot tell by themselves.

A level is in grey levels: the mean of the brightest eighth of a picture's 16 x 16 blocks. A mean of the whole
picture misses a dry finger and one that lies off the centre.
"""

import numpy as np
from numpy.typing import NDArray

BLOCKS, BRIGHTEST = 16, 32


def light_over(picture: NDArray[np.uint8], background: NDArray[np.uint8]) -> float:
    """Level of what is lighter than the background; both (height, width), at least 16 x 16."""
    return _level(np.maximum(picture, background) - background)


def change_between(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Level of the difference of two pictures; both (height, width), at least 16 x 16."""
    return _level(np.maximum(before, after) - np.minimum(before, after))


def _level(light: NDArray[np.uint8]) -> float:
    height, width = light.shape[0] // BLOCKS, light.shape[1] // BLOCKS
    whole = light[: height * BLOCKS, : width * BLOCKS]
    means = whole.reshape(BLOCKS, height, BLOCKS, width).mean(axis=(1, 3), dtype=np.float32)
    return float(np.sort(means, axis=None)[-BRIGHTEST:].mean())
