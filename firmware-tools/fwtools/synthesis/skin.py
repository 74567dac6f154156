"""What skin has besides ridges: sweat pores on the crests, creases and scars across them, uneven ridges."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.noise import smooth_noise

Image = NDArray[np.float32]
PORE_EVERY = 105.0  # square pixels at 500 ppi: about one pore a period along each ridge; tried 80..160
STAMP = 5  # pixels from the middle of a drawn dot to its edge


def pores(rng: Generator, phase: Image, orientation: Image, period: Image) -> Image:
    """Return (h, w) float32, 0 to 1: how open the skin is; dots of a pixel or two on the ridge crests.

    phase in radians is 0 on a crest and grows along the left-hand normal of orientation (radians, y up).
    """
    height, width = phase.shape
    count = int(height * width / PORE_EVERY)
    x, y = rng.uniform(STAMP, width - STAMP - 1, count), rng.uniform(STAMP, height - STAMP - 1, count)
    row, column = y.astype(int), x.astype(int)
    # move along the normal back to the crest, give or take a little
    shift = -phase[row, column] / (2 * np.pi) * period[row, column] + rng.normal(0, 0.7, count)
    angle = orientation[row, column]
    x, y = x - shift * np.sin(angle), y - shift * np.cos(angle)
    size = rng.uniform(0.6, 1.25, count)
    return dots((height, width), x, y, size, rng.uniform(0.3, 1.0, count))


def creases(rng: Generator, shape: tuple[int, int], usual: float) -> Image:
    """Return (h, w) float32, 0 to 1: thin lines without contact, about `usual`, mostly across the finger."""
    height, width = shape
    lines = np.zeros(shape, np.float32)
    for _ in range(int(rng.poisson(usual))):
        length, bend = rng.gamma(2.0, 36.0) + 12, rng.normal(0, 0.1)
        angle = rng.normal(0.1, 0.35) if rng.random() < 0.75 else rng.uniform(0, np.pi)
        x, y = rng.uniform(0.1, 0.9) * width, rng.beta(2.2, 1.5) * height
        along = np.arange(-length / 2, length / 2, 0.7)
        across = bend * along**2 / length + np.cumsum(rng.normal(0, 0.12, along.size))
        px = x + along * np.cos(angle) + across * np.sin(angle)
        py = y - along * np.sin(angle) + across * np.cos(angle)
        taper = np.sqrt(np.clip(1 - (2 * along / length) ** 2, 0, 1))
        broad = rng.uniform(0.5, 1.9)
        lines = np.maximum(lines, dots(shape, px, py, 0.35 + broad * taper, taper * rng.uniform(0.6, 1.0)))
    return lines


def worn(rng: Generator, shape: tuple[int, int], usual: float) -> Image:
    """Return (h, w) float32, 0 to 1: where ridges are rubbed flat; more and deeper with `usual` (0 to 1)."""
    patches = 0.8 * smooth_noise(rng, shape, 38.0) + 0.45 * smooth_noise(rng, shape, 12.0)
    return np.clip(0.45 * (patches - 2.3 + 2.4 * usual), 0, 0.9).astype(np.float32)


def dots(
    shape: tuple[int, int],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    size: NDArray[np.float64],
    strength: NDArray[np.float64],
) -> Image:
    """Return (h, w) float32, 0 to 1: round soft dots of `size` pixels deviation; the strongest wins."""
    height, width = shape
    image = np.zeros(shape, np.float32)
    reach = np.arange(-STAMP, STAMP + 1)
    inside = (x > STAMP) & (x < width - STAMP - 1) & (y > STAMP) & (y < height - STAMP - 1)
    x, y, size, strength = x[inside], y[inside], size[inside], strength[inside]
    rows = np.rint(y).astype(int)[:, None, None] + reach[:, None]
    columns = np.rint(x).astype(int)[:, None, None] + reach
    distance = (rows - y[:, None, None]) ** 2 + (columns - x[:, None, None]) ** 2
    value = strength[:, None, None] * np.exp(-0.5 * distance / size[:, None, None] ** 2)
    np.maximum.at(image, (np.broadcast_to(rows, value.shape), np.broadcast_to(columns, value.shape)), value)
    return image
