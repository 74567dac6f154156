"""An optical sensor: background, gradient, dust, softness and noise around what touches the glass."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.parameters import OPTICS
from fwtools.synthesis.skin import dots

Image = NDArray[np.float32]
MOTTLE_SIZE = 90.0  # pixels


def clean_picture(ink: Image) -> NDArray[np.uint8]:
    """Return (h, w) uint8: ridges dark on an even background."""
    return _grey(OPTICS.background - (OPTICS.background - OPTICS.darkest) * ink)


def picture(rng: Generator, ink: Image) -> NDArray[np.uint8]:
    """Return (h, w) uint8: what the sensor makes of a darkness of 0 to 1, (h, w) float32."""
    height, width = ink.shape
    glass = OPTICS.background + light(ink.shape) + OPTICS.mottle * smooth_noise(rng, ink.shape, MOTTLE_SIZE)
    count = int(rng.poisson(OPTICS.dust))
    x, y = rng.uniform(0, width, count), rng.uniform(0, height, count)
    dust = dots(ink.shape, x, y, rng.uniform(0.6, 1.8, count), rng.uniform(0.05, 0.3, count))
    darkest = OPTICS.darkest + rng.uniform(*OPTICS.darkest_range)
    clear = 1 - np.maximum(soften(ink), dust)
    grain = rng.standard_normal(ink.shape, np.float32) * (OPTICS.noise[0] + OPTICS.noise[1] * (1 - clear))
    return _grey(darkest + (glass - darkest) * clear + grain)


def soften(image: Image) -> Image:
    """Return the image through the lens: a blur of three by three pixels."""
    side = np.float32(OPTICS.lens)
    edged = np.pad(image, 1, mode="edge")
    rows = side * (edged[:-2] + edged[2:]) + (1 - 2 * side) * edged[1:-1]
    soft: Image = (side * (rows[:, :-2] + rows[:, 2:]) + (1 - 2 * side) * rows[:, 1:-1]).astype(np.float32)
    return soft


def light(shape: tuple[int, int]) -> Image:
    """Return (h, w) float32 grey levels: light that falls off to the corners and slopes a little."""
    down = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    right = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    grey: Image = OPTICS.slope[0] * right + OPTICS.slope[1] * down - OPTICS.falloff / 2 * (right**2 + down**2)
    return grey


def _grey(image: Image) -> NDArray[np.uint8]:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
