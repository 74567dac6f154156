"""Exact places of minutiae, below a pixel, from the enhanced image that the skeleton came from."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.detect import ANGLE, ENDING, TYPE, X, Y
from matching.parameters import Place


@kernel
def exact_places(
    minutiae: NDArray[np.float32], enhanced: NDArray[np.float32], p: Place
) -> NDArray[np.float32]:
    """Return (n, 4) float32 minutiae moved to where the ridge (of an ending) or valley (of a fork) begins.

    Ahead of a minutia, in its direction, lies the ridge that ends or the valley that ends between the two
    ridges of a fork. Its crest is found across the direction by a parabola, its beginning along the direction
    where the enhanced image (h, w) float32 changes sign.
    """
    placed = minutiae.copy()
    for i in range(len(minutiae)):
        x, y, angle = float(minutiae[i, X]), float(minutiae[i, Y]), float(minutiae[i, ANGLE])
        sign = 1.0 if minutiae[i, TYPE] == ENDING else -1.0
        aside = _crest(enhanced, x, y, angle, sign, p)
        x, y = x + aside * math.sin(angle), y + aside * math.cos(angle)
        ahead = _beginning(enhanced, x, y, angle, sign, p)
        placed[i, X], placed[i, Y] = x + ahead * math.cos(angle), y - ahead * math.sin(angle)
    return placed


@kernel
def _crest(enhanced: NDArray[np.float32], x: float, y: float, angle: float, sign: float, p: Place) -> float:
    """Return how many pixels to the right of the direction the crest ahead lies."""
    profile = np.zeros(2 * p.aside + 1)
    for k in range(len(profile)):
        right = k - p.aside
        from_x, from_y = x + right * math.sin(angle), y + right * math.cos(angle)
        for ahead in range(1, p.ahead + 1):
            at_x, at_y = from_x + ahead * math.cos(angle), from_y - ahead * math.sin(angle)
            profile[k] += sign * sample(enhanced, at_x, at_y)
    top = p.aside
    for k in range(1, len(profile) - 1):
        if profile[k] > profile[top]:
            top = k
    bend = profile[top - 1] - 2 * profile[top] + profile[top + 1]
    between = 0.5 * (profile[top - 1] - profile[top + 1]) / bend if bend < -1e-6 else 0.0
    crest = top - p.aside + min(max(between, -0.5), 0.5)
    return float(min(max(crest, -p.most_aside), p.most_aside))


@kernel
def _beginning(
    enhanced: NDArray[np.float32], x: float, y: float, angle: float, sign: float, p: Place
) -> float:
    """Return how many pixels ahead the ridge or valley begins; 0 where it does not within reach."""
    nearest = math.inf
    before = sign * sample(enhanced, x - p.reach * math.cos(angle), y + p.reach * math.sin(angle))
    for k in range(-2 * p.reach + 1, 2 * p.reach + 1):
        value = sign * sample(enhanced, x + 0.5 * k * math.cos(angle), y - 0.5 * k * math.sin(angle))
        if before <= 0.0 < value:
            crossing = 0.5 * (k - 1 - before / (value - before))
            if abs(crossing) < abs(nearest):
                nearest = crossing
        before = value
    if nearest == math.inf:
        return 0.0
    return float(min(max(nearest - p.late, -p.most_ahead), p.most_ahead))


@kernel
def sample(image: NDArray[np.float32], x: float, y: float) -> float:
    """Return the image between its pixels, bilinear; beyond the edge it goes on as at the edge."""
    height, width = image.shape
    across, down = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    column, row = min(int(across), width - 2), min(int(down), height - 2)
    u, v = across - column, down - row
    above = (1 - u) * float(image[row, column]) + u * float(image[row, column + 1])
    below = (1 - u) * float(image[row + 1, column]) + u * float(image[row + 1, column + 1])
    return float((1 - v) * above + v * below)
