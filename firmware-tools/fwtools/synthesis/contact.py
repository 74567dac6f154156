"""Which part of the finger touches the glass."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.parameters import PRESENTATION
from fwtools.synthesis.people import Person
from fwtools.synthesis.placing import MIDDLE, Placing

Image = NDArray[np.float32]
BY_FINGER = (1.10, 1.0, 1.02, 0.99, 0.90)  # size of the touching pad, thumb to little, middle finger about 1
ROUND_TIP, STRAIGHT_END = 2.1, 3.0  # exponents of the superellipse above and below its middle


@dataclass(frozen=True, slots=True)
class Contact:
    """The rounded patch of the finger that touches; pixels of the finger's master, right and down."""

    middle: tuple[float, float]  # from the finger's middle
    axes: tuple[float, float]  # half axes


WHOLE = Contact((0.0, 0.0), (172.0, 244.0))  # all of the finger that a master has


def draw_contact(rng: Generator, person: Person, position: int, force: float, haste: float) -> Contact:
    """Draw how the finger was rolled and pitched; `force` widens the patch (see `Presentation`)."""
    size = person.size * BY_FINGER[(position - 1) % 5] * (1 + PRESENTATION.swell * force)
    roll = np.clip(rng.normal(0, PRESENTATION.roll * haste), -PRESENTATION.most_roll, PRESENTATION.most_roll)
    pitch = np.clip(
        rng.normal(0, PRESENTATION.pitch * haste), -PRESENTATION.most_pitch, PRESENTATION.most_pitch
    )
    half_width, half_height = rng.uniform(*PRESENTATION.half_width), rng.uniform(*PRESENTATION.half_height)
    return Contact((float(roll), float(pitch)), (size * half_width, size * half_height))


def contact_depth(contact: Contact, placing: Placing) -> Image:
    """Return (h, w) float32: about how many pixels inside the smooth rim of the contact; negative outside.

    The patch is a shape on the glass, whatever the skin inside it did; but beyond the finger nothing touches.
    """
    patch = _depth(contact, placing.skin_x - placing.bend_x, placing.skin_y - placing.bend_y)
    return np.minimum(patch, _depth(WHOLE, placing.skin_x, placing.skin_y))


def ragged(rng: Generator, depth: Image) -> Image:
    """Return the depth with the irregular rim that skin has: a few pixels, long and short waves."""
    rim: Image = (
        depth + 2.6 * smooth_noise(rng, depth.shape, 45.0) + 1.6 * smooth_noise(rng, depth.shape, 9.0)
    )
    return rim


def _depth(contact: Contact, x: Image, y: Image) -> Image:
    right, down = x - np.float32(MIDDLE[0] + contact.middle[0]), y - np.float32(MIDDLE[1] + contact.middle[1])
    across, along = np.abs(right) / np.float32(contact.axes[0]), np.abs(down) / np.float32(contact.axes[1])
    power = np.where(down < 0, np.float32(ROUND_TIP), np.float32(STRAIGHT_END))
    radius = (across**power + along**power) ** (1 / power)
    depth: Image = (1 - radius) * np.float32(min(contact.axes))
    return depth
