"""Plastic distortion: skin that sticks to the glass in the middle while the finger pushes and turns on."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.parameters import SLIP

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plasticity:
    """Cappelli, Maio and Maltoni 2001, "Modelling plastic distortion in fingerprint images", ICAPR."""

    middle: tuple[float, float]  # of the part that sticks, pixels from the finger's middle, right and down
    axes: tuple[float, float]  # its half axes, pixels
    softness: float  # k: how far beyond its rim, in its own radii, the skin follows the bone fully
    pull: tuple[float, float]  # of the bone against that part, pixels
    twist: float  # of the bone against that part, radians


def draw_plasticity(rng: Generator, haste: float) -> Plasticity:
    """Draw how the finger was pushed and turned on the glass (see `Presentation` and `Slip`)."""
    middle = rng.normal(0, SLIP.middle)
    pull = np.clip(rng.normal(0, np.array(SLIP.pull) * haste), -SLIP.most_pull, SLIP.most_pull)
    twist = np.clip(rng.normal(0, SLIP.twist * haste), -SLIP.most_twist, SLIP.most_twist)
    return Plasticity(
        middle=(float(middle[0]), float(middle[1])),
        axes=(rng.uniform(*SLIP.half_width), rng.uniform(*SLIP.half_height)),
        softness=rng.uniform(*SLIP.softness),
        pull=(float(pull[0]), float(pull[1])),
        twist=float(twist),
    )


def bend(plastic: Plasticity, x: Image, y: Image) -> tuple[Image, Image]:
    """Return how far the bone has moved the skin, pixels right and down: (h, w) float32 each.

    x, y are pixels right of and below the finger's middle. Nothing moves inside the part that sticks; far
    outside the skin follows the bone's whole motion.
    """
    right, down = x - np.float32(plastic.middle[0]), y - np.float32(plastic.middle[1])
    radius = np.hypot(right / np.float32(plastic.axes[0]), down / np.float32(plastic.axes[1]))
    outside = np.clip((radius - 1) / np.float32(plastic.softness), 0, 1)
    brake = np.float32(0.5) * (1 - np.cos(np.float32(np.pi) * outside))
    less, sine = np.float32(np.cos(plastic.twist) - 1), np.float32(np.sin(plastic.twist))
    return (
        brake * (right * less - down * sine + np.float32(plastic.pull[0])),
        brake * (right * sine + down * less + np.float32(plastic.pull[1])),
    )


def waves(rng: Generator, shape: tuple[int, int]) -> Image:
    """Return (h, w) float32 pixels: the small smooth remainder that no model says."""
    return np.float32(SLIP.waves) * smooth_noise(rng, shape, SLIP.wave_length)
