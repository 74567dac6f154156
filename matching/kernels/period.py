"""Ridge period: spectra of profiles taken across the ridges."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import fast_kernel
from matching.kernels.cells import CELL


@fast_kernel
def profile_spectra(
    image: NDArray[np.float32],
    angle: NDArray[np.float32],
    mask: NDArray[np.bool_],
    waves: NDArray[np.float32],
    step: int,
    reach: int,
) -> NDArray[np.float32]:
    """Return (periods, rows, columns) float32: the squared share of a profile's power at each period.

    image (h, w) normalised; angle and mask per cell, every step-th cell is looked at; waves (2, periods,
    length) are windowed cosines and sines (see `waves`). A profile runs across the ridges and averages
    every second pixel along them up to reach. Hong, Wan and Jain 1998, 2.4, in the frequency domain.
    """
    periods, length = waves.shape[1], waves.shape[2]
    rows, columns = (angle.shape[0] + step - 1) // step, (angle.shape[1] + step - 1) // step
    spectra = np.zeros((periods, rows, columns), np.float32)
    profile = np.empty(length, np.float32)
    for row in range(rows):
        for column in range(columns):
            cell_row = min(row * step + step // 2, angle.shape[0] - 1)
            cell_column = min(column * step + step // 2, angle.shape[1] - 1)
            if not mask[cell_row, cell_column]:
                continue
            _take_profile(image, angle[cell_row, cell_column], cell_row, cell_column, reach, profile)
            power = np.float32(1e-3)
            for k in range(length):
                power += profile[k] * profile[k]
            for period in range(periods):
                even, odd = np.float32(0), np.float32(0)
                for k in range(length):
                    even += profile[k] * waves[0, period, k]
                    odd += profile[k] * waves[1, period, k]
                share = (even * even + odd * odd) / power
                spectra[period, row, column] = share * share
    return spectra


@fast_kernel
def _take_profile(
    image: NDArray[np.float32], angle: float, row: int, column: int, reach: int, profile: NDArray[np.float32]
) -> None:
    height, width = image.shape
    along_x, along_y = math.cos(angle), -math.sin(angle)
    middle_x, middle_y = column * CELL + CELL // 2, row * CELL + CELL // 2
    mean = np.float32(0)
    for k in range(len(profile)):
        across = k - len(profile) // 2
        total = np.float32(0)
        for along in range(-reach, reach + 1, 2):
            x = math.floor(middle_x + along * along_x + across * along_y + 0.5)
            y = math.floor(middle_y + along * along_y - across * along_x + 0.5)
            total += image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
        profile[k] = total
        mean += total
    mean /= np.float32(len(profile))
    for k in range(len(profile)):
        profile[k] -= mean


def candidate_periods(shortest: float, longest: float, count: int = 25) -> NDArray[np.float32]:
    """Return periods in pixels, equally spaced on a logarithmic scale."""
    return np.geomspace(shortest, longest, count).astype(np.float32)


def waves(periods: NDArray[np.float32], length: int = 40) -> NDArray[np.float32]:
    """Return (2, periods, length) float32: cosine and sine of each period under a Hann window."""
    place = np.arange(length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (place + 0.5) / length)
    phase = 2 * np.pi * (place - length / 2)[None, :] / periods[:, None].astype(np.float64)
    return np.stack([window * np.cos(phase), window * np.sin(phase)]).astype(np.float32)


def most_likely(
    local: NDArray[np.float32], whole: NDArray[np.float32], prior: float, periods: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return (rows, columns) periods in pixels: the peak of local spectra, drawn to the whole finger's.

    local (periods, rows, columns) smoothed spectra; whole (periods,) summed over the finger.
    """
    shares = local / (local.sum(axis=0, keepdims=True) + np.float32(1e-6))
    shares += np.float32(prior) * (whole / (whole.sum() + np.float32(1e-6)))[:, None, None]
    likely: NDArray[np.float32] = periods[np.argmax(shares, axis=0)]
    return likely
