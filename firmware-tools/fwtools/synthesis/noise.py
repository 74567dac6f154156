"""Random fields: smooth ones for skin and pressure, grainy ones for skin texture and the sensor."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.kernels import spline_up

SPLINE_DEVIATION = (
    0.479  # of a cubic B-spline over white noise of deviation 1, mean over positions, both axes
)


def smooth_noise(rng: Generator, shape: tuple[int, int], step: float) -> NDArray[np.float32]:
    """Return (h, w) float32 of deviation about 1 that varies over `step` pixels; the nodes lie anywhere."""
    height, width = shape
    shift = rng.random(2)
    rows, columns = int(height / step) + 5, int(width / step) + 5
    nodes = rng.standard_normal((rows, columns), np.float32) / np.float32(SPLINE_DEVIATION)
    margin = int(np.ceil(step))
    field = spline_up(nodes, height + margin, width + margin, step)
    top, left = int(shift[0] * step), int(shift[1] * step)
    return field[top : top + height, left : left + width]
