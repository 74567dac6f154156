"""Contextual filtering: each cell by the even Gabor kernel of its ridge orientation and period."""

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import fast_kernel
from matching.kernels.cells import CELL
from matching.parameters import Gabor


@fast_kernel
def filter_cells(
    image: NDArray[np.float32], choice: NDArray[np.int32], bank: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the (h, w) float32 image filtered cell by cell, 0 in cells whose choice is negative.

    image (h, w) float32; choice (h/8, w/8) int32, index into bank (n, size, size) float32, size odd;
    outside the image is 0. Eight pixels of a row are summed side by side: eight names, because a
    compiler keeps these in vector registers. Hong, Wan and Jain 1998, 2.6.
    """
    height, width = image.shape
    size = bank.shape[1]
    radius = size // 2
    padded = np.zeros((height + 2 * radius, width + 2 * radius), np.float32)
    for y in range(height):  # assigning a slice would take two more seconds to compile
        for x in range(width):
            padded[radius + y, radius + x] = image[y, x]
    filtered = np.zeros((height, width), np.float32)
    for row in range(choice.shape[0]):
        for column in range(choice.shape[1]):
            if choice[row, column] < 0:
                continue
            weights = bank[choice[row, column]]
            x = column * CELL
            for y in range(row * CELL, row * CELL + CELL):
                a = b = c = d = e = f = g = h = np.float32(0)
                for down in range(size):
                    source = padded[y + down]
                    for right in range(size):
                        weight = weights[down, right]
                        i = x + right
                        a += weight * source[i]
                        b += weight * source[i + 1]
                        c += weight * source[i + 2]
                        d += weight * source[i + 3]
                        e += weight * source[i + 4]
                        f += weight * source[i + 5]
                        g += weight * source[i + 6]
                        h += weight * source[i + 7]
                into = filtered[y]
                into[x], into[x + 1], into[x + 2], into[x + 3] = a, b, c, d
                into[x + 4], into[x + 5], into[x + 6], into[x + 7] = e, f, g, h
    return filtered


def choose(
    angle: NDArray[np.float32], period: NDArray[np.float32], mask: NDArray[np.bool_], p: Gabor
) -> NDArray[np.int32]:
    """Return (rows, columns) int32: the index into the bank for each cell, -1 outside the mask."""
    orientation = np.floor(angle * np.float32(p.orientations / np.pi) + np.float32(0.5)).astype(np.int32)
    periods = bank_periods(p)
    nearest = np.searchsorted(np.sqrt(periods[1:] * periods[:-1]).astype(np.float32), period).astype(np.int32)
    index = (orientation % p.orientations) * p.periods + nearest
    return np.where(mask, index, np.int32(-1)).astype(np.int32)


def bank_periods(p: Gabor) -> NDArray[np.float64]:
    """Return the bank's periods in pixels, in equal ratios."""
    return np.geomspace(p.shortest, p.longest, p.periods)


def make_bank(p: Gabor) -> NDArray[np.float32]:
    """Return (orientations * periods, size, size) float32 kernels without response to a constant.

    Scaled so that a wave of the kernel's own period and orientation keeps its amplitude.
    """
    y, x = np.mgrid[-p.radius : p.radius + 1, -p.radius : p.radius + 1].astype(np.float64)
    angle = (np.arange(p.orientations) * np.pi / p.orientations)[:, None, None, None]
    period = bank_periods(p)[None, :, None, None]
    along = x * np.cos(angle) - y * np.sin(angle)
    across = x * np.sin(angle) + y * np.cos(angle)
    sigma = np.clip(p.across * period, p.across_least, p.radius / 2)
    edge = np.maximum(0.0, 1.0 - (np.hypot(x, y) / (p.radius + 1)) ** 4)
    envelope = np.exp(-0.5 * (across / sigma) ** 2 - 0.5 * (along / p.along) ** 2) * edge
    wave = np.cos(2 * np.pi * across / period)
    bank = envelope * wave
    bank -= envelope * (bank.sum(axis=(2, 3), keepdims=True) / envelope.sum(axis=(2, 3), keepdims=True))
    bank /= (bank * wave).sum(axis=(2, 3), keepdims=True)
    kernels: NDArray[np.float32] = bank.reshape(-1, *bank.shape[2:]).astype(np.float32)
    return kernels
