"""Ridge orientation of a finger, from its singular points or, for an arch, from a sinusoid."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.patterns import Core, Layout, Pattern

Field = NDArray[np.float32]

# All found by looking at the ridges they give; lengths are pixels at 500 ppi, angles radians.
HURRY = (0.75, 1.0)  # how much faster ridges turn above a core than on average; 1 is the most without a bulge
WOBBLE, WOBBLE_SIZE = 0.06, 60.0  # deviation of what no model says, and over which length
LEAN = (0.12, 0.30)  # of ridges far to the sides of the fingertip
LEAN_WIDTH, LEAN_FROM, LEAN_HEIGHT = 90.0, -60.0, 40.0  # to which side, from which height on, how suddenly
ARCH_WIDTH = (135.0, 165.0)  # from the middle of the arch to where it is level again
ARCH_STEEP, ARCH_HEIGHT = (0.75, 1.35), 75.0  # slope of its sides, and how far up and down it reaches
ARCH_TIP, ARCH_TIP_FROM, ARCH_TIP_HEIGHT = (0.72, 1.2), 60.0, 35.0  # slope at the fingertip's sides, as LEAN


def orientation_field(rng: Generator, layout: Layout, x: Field, y: Field) -> Field:
    """Return the ridge orientation, radians counter-clockwise from +x modulo pi, at (x, y).

    x, y (h, w) float32: pixels at 500 ppi right of and above the finger's middle, one apart.

    Sherlock and Monro 1993: half the angle to each core less half the angle to each delta. As Vizcaya and
    Gerhardt 1996 do, the angle around a core is corrected so that ridges turn faster above it than below;
    their piecewise linear correction is a sine here, which leaves no kinks.
    """
    if layout.pattern is Pattern.ARCH:
        doubled = 2 * _arch(rng, x, y)
    else:
        doubled = 2 * _fingertip(rng, x, y)
        for core in layout.cores:
            doubled = doubled + _around_core(core, float(rng.uniform(*HURRY)), x, y)
        for right, up in layout.deltas:
            doubled = doubled - np.arctan2(np.float32(right) - x, y - np.float32(up))
    wobble = np.float32(WOBBLE) * smooth_noise(rng, x.shape, WOBBLE_SIZE)
    field: Field = np.mod(0.5 * doubled + wobble, np.float32(np.pi)).astype(np.float32)
    return field


def _around_core(core: Core, hurry: float, x: Field, y: Field) -> Field:
    """Return twice the orientation that this core alone would give: a turn, faster on the side it faces."""
    right, up = x - np.float32(core.x), y - np.float32(core.y)
    cosine, sine = np.float32(np.cos(core.facing)), np.float32(np.sin(core.facing))
    angle = np.arctan2(-right * cosine - up * sine, up * cosine - right * sine)
    turned: Field = angle + np.float32(hurry) * np.sin(angle) + np.float32(core.facing)
    return turned


def _fingertip(rng: Generator, x: Field, y: Field) -> Field:
    """Return the lean of ridges that follow the outline: down to both sides, none near the flexion crease."""
    height = 1 / (1 + np.exp(-(y - LEAN_FROM) / LEAN_HEIGHT))
    lean: Field = np.float32(-rng.uniform(*LEAN)) * np.tanh(x / LEAN_WIDTH) * height
    return lean


def _arch(rng: Generator, x: Field, y: Field) -> Field:
    """Return the orientation of a plain arch: a sine across the finger whose height varies along it."""
    middle_x, middle_y = np.float32(rng.normal(0, 10)), np.float32(rng.normal(-25, 15))
    across = np.float32(np.pi) * np.clip((x - middle_x) / np.float32(rng.uniform(*ARCH_WIDTH)), -1, 1)
    hump = np.float32(rng.uniform(*ARCH_STEEP)) * np.exp(-(((y - middle_y) / ARCH_HEIGHT) ** 2))
    above = 1 / (1 + np.exp(-(y - middle_y - ARCH_TIP_FROM) / ARCH_TIP_HEIGHT))
    tip = np.float32(rng.uniform(*ARCH_TIP)) * above
    field: Field = np.arctan(-hump * np.sin(across) - tip * np.sin(across / 2))
    return field
