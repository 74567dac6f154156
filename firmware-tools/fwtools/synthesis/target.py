"""The picture of a ruled target as a scanner of some resolution sees it: lines of known pitch, no finger."""

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

GRID, RULING = "grid", "ruling"  # lines both ways, or only lines that run down
PAPER, INK = 235.0, 45.0
FINE = 4  # samples of a pixel, each way
LEAST_BLUR = 0.1  # samples; less is none


@dataclass(frozen=True, slots=True)
class Target:
    """What lies on the platen, and how well it is seen."""

    lines_per_mm: float = 2.0
    kind: str = GRID
    tilt: float = 0.0  # degrees, clockwise
    duty: float = 0.5  # of a period that is inked
    shift: tuple[float, float] = (0.0, 0.0)  # mm
    ppi: tuple[float, float] = (500.0, 500.0)  # of the scanner, across and down
    blur: float = 0.7  # pixels, standard deviation of the scanner's point spread
    noise: float = 2.0  # grey levels, standard deviation
    uneven: float = 0.2  # how much of the light is missing in the corners


def picture_of(target: Target, width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Return (height, width) uint8: dark lines on light ground."""
    rng = np.random.default_rng(seed)
    across, down = _millimetres(width, target.ppi[0]), _millimetres(height, target.ppi[1])
    turn = radians(target.tilt)
    x = across[None, :] * cos(turn) + down[:, None] * sin(turn) + target.shift[0]
    y = down[:, None] * cos(turn) - across[None, :] * sin(turn) + target.shift[1]
    ink = _inked(x, target)
    if target.kind == GRID:
        ink |= _inked(y, target)
    grey = np.where(ink, INK, PAPER).astype(np.float32)
    grey = _blurred(grey, target.blur * FINE).reshape(height, FINE, width, FINE).mean(axis=(1, 3))
    far = np.linspace(-1, 1, height)[:, None] ** 2 + np.linspace(-1, 1, width)[None, :] ** 2
    grey = grey * (1 - target.uneven * far / 2) + rng.normal(0, target.noise, grey.shape)
    picture: NDArray[np.uint8] = np.clip(grey + 0.5, 0, 255).astype(np.uint8)
    return picture


def _millimetres(pixels: int, ppi: float) -> NDArray[np.float64]:
    """Middles of the samples of a line of pixels."""
    return (np.arange(pixels * FINE) + 0.5) / FINE * 25.4 / ppi


def _inked(at: NDArray[np.float64], target: Target) -> NDArray[np.bool_]:
    inked: NDArray[np.bool_] = (at * target.lines_per_mm) % 1.0 < target.duty
    return inked


def _blurred(grey: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    if sigma < LEAST_BLUR:
        return grey
    reach = int(3 * sigma) + 1
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        padded = np.pad(grey, [(reach, reach) if one == axis else (0, 0) for one in (0, 1)], mode="edge")
        total = np.zeros_like(grey)
        for at, tap in enumerate(taps):
            total += np.float32(tap) * np.take(padded, np.arange(at, at + grey.shape[axis]), axis)
        grey = total
    return grey
