"""Cells of 8 x 8 pixels: sums over them, and smoothing from cell to cell."""

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import fast_kernel

CELL = 8  # px; equal to matching.template.BLOCK


@fast_kernel
def cell_energy(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) float32 -> (h/8, w/8) float32: the mean of squares in each cell."""
    rows, columns = image.shape[0] // CELL, image.shape[1] // CELL
    energy = np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for y in range(row * CELL, row * CELL + CELL):
            for column in range(columns):
                total = np.float32(0)
                for x in range(column * CELL, column * CELL + CELL):
                    total += image[y, x] * image[y, x]
                energy[row, column] += total / np.float32(CELL * CELL)
    return energy


@fast_kernel
def smooth(layers: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth each layer of (n, rows, columns) float32 by odd weights, both ways; outside is 0."""
    count, rows, columns = layers.shape
    radius = len(weights) // 2
    along = np.zeros((count, rows, columns), np.float32)
    both = np.zeros((count, rows, columns), np.float32)
    for layer in range(count):
        for shift in range(-radius, radius + 1):
            weight = weights[shift + radius]
            for row in range(rows):
                for column in range(max(0, -shift), min(columns, columns - shift)):
                    along[layer, row, column] += weight * layers[layer, row, column + shift]
        for shift in range(-radius, radius + 1):
            weight = weights[shift + radius]
            for row in range(max(0, -shift), min(rows, rows - shift)):
                for column in range(columns):
                    both[layer, row, column] += weight * along[layer, row + shift, column]
    return both


def gaussian(sigma: float) -> NDArray[np.float32]:
    """Return the weights of a Gaussian of this sigma, cut at three sigma, summing to 1."""
    radius = int(3.0 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    return weights.astype(np.float32)
