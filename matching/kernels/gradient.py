"""Gradients of the image, summed over cells as a structure tensor."""

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import fast_kernel
from matching.kernels.cells import CELL


@fast_kernel
def cell_tensor(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) float32 -> (3, h/8, w/8) float32: ridge flow along 0 and 45 degrees, and gradient energy.

    The first two layers are the doubled-angle vector (counter-clockwise, y up) of the ridges, which run
    across the gradient; the third is its upper bound. Smoothed by 1-2-1 both ways, then central
    differences; the outermost two pixels are left out. Kass and Witkin 1987; Bazen and Gerez 2002.
    """
    height, width = image.shape
    tensor = np.zeros((3, height // CELL, width // CELL), np.float32)
    smoothed = np.zeros((3, width), np.float32)  # rows y - 1, y, y + 1, each at its number modulo 3
    for y in range(1, height - 1):
        row = smoothed[y % 3]
        for x in range(1, width - 1):
            above = image[y - 1, x - 1] + np.float32(2) * image[y - 1, x] + image[y - 1, x + 1]
            here = image[y, x - 1] + np.float32(2) * image[y, x] + image[y, x + 1]
            below = image[y + 1, x - 1] + np.float32(2) * image[y + 1, x] + image[y + 1, x + 1]
            row[x] = np.float32(1 / 16) * (above + np.float32(2) * here + below)
        if y >= 3:
            _add_row(tensor, smoothed[(y - 2) % 3], smoothed[(y - 1) % 3], row, (y - 1) // CELL)
    return tensor


@fast_kernel
def _add_row(
    tensor: NDArray[np.float32],
    above: NDArray[np.float32],
    here: NDArray[np.float32],
    below: NDArray[np.float32],
    row: int,
) -> None:
    width = len(here)
    for column in range(tensor.shape[2]):
        straight, diagonal, energy = np.float32(0), np.float32(0), np.float32(0)
        for x in range(max(column * CELL, 2), min(column * CELL + CELL, width - 2)):
            right = here[x + 1] - here[x - 1]
            up = above[x] - below[x]
            straight += up * up - right * right
            diagonal -= np.float32(2) * right * up
            energy += right * right + up * up
        tensor[0, row, column] += straight
        tensor[1, row, column] += diagonal
        tensor[2, row, column] += energy
