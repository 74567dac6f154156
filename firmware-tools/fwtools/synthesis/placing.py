"""Where the skin of a finger comes to lie in the frame of a sensor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fwtools.synthesis.finger import HEIGHT, WIDTH
from fwtools.synthesis.kernels import sample
from matching.template import MINUTIA

Image = NDArray[np.float32]
Points = NDArray[np.float64]
MIDDLE = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)  # of the finger, pixels of its master
STEPS = 30  # of the fixed-point inversion; the steepest distortion shrinks the error by a quarter each
AHEAD = 3.0  # pixels to the second point that tells a minutia's direction in the frame


@dataclass(frozen=True, slots=True, eq=False)
class Placing:
    """Finger to frame. The skin at frame pixel (column, row) is (skin_x, skin_y) of the finger's master."""

    turn: float  # radians counter-clockwise
    shift: tuple[float, float]  # frame pixels, right and down, of the finger's middle from the frame's
    bend_x: Image  # (h, w) finger pixels added to the rigid motion, the distortion of the skin
    bend_y: Image
    skin_x: Image  # (h, w) finger pixels
    skin_y: Image


def bone(size: tuple[int, int], turn: float, shift: tuple[float, float]) -> tuple[Image, Image]:
    """Return pixels right of and below the finger's middle, (h, w) each, for a frame (width, height)."""
    width, height = size
    right = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2 + shift[0])
    down = np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2 + shift[1])
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return right[None, :] * cosine - down[:, None] * sine, right[None, :] * sine + down[:, None] * cosine


def place(
    size: tuple[int, int], turn: float, shift: tuple[float, float], bend: tuple[Image, Image]
) -> Placing:
    """Return the placing in a frame (width, height) of a finger whose skin is bent, (h, w) pixels each."""
    x, y = bone(size, turn, shift)
    skin_x, skin_y = x + bend[0] + np.float32(MIDDLE[0]), y + bend[1] + np.float32(MIDDLE[1])
    return Placing(turn, shift, bend[0], bend[1], skin_x, skin_y)


def move_minutiae(minutiae: NDArray[np.void], placing: Placing) -> NDArray[np.void]:
    """Return the minutiae of a finger, in the same order, as they lie in the frame (or beyond its edges)."""
    moved = minutiae.astype(MINUTIA)
    angle = minutiae["angle"].astype(np.float64)
    x, y = to_frame(minutiae["x"], minutiae["y"], placing)
    ahead = minutiae["x"] + AHEAD * np.cos(angle), minutiae["y"] - AHEAD * np.sin(angle)
    ahead_x, ahead_y = to_frame(*ahead, placing)
    moved["x"], moved["y"] = x, y
    # a float32 just below 2 pi may round up to it
    moved["angle"] = np.mod(np.mod(np.arctan2(y - ahead_y, ahead_x - x), 2 * np.pi).astype(np.float32), TURN)
    return moved


TURN = np.float32(2 * np.pi)


def to_frame(x: NDArray[np.floating], y: NDArray[np.floating], placing: Placing) -> tuple[Points, Points]:
    """Return where in the frame these points of the finger's master lie: inverts skin_x, skin_y."""
    height, width = placing.skin_x.shape
    cosine, sine = np.cos(placing.turn), np.sin(placing.turn)
    target_x, target_y = x.astype(np.float64) - MIDDLE[0], y.astype(np.float64) - MIDDLE[1]
    bend_x, bend_y = np.zeros_like(target_x), np.zeros_like(target_y)
    column, row = bend_x, bend_y
    for _ in range(STEPS):
        right, down = target_x - bend_x, target_y - bend_y
        column = right * cosine + down * sine + (width - 1) / 2 + placing.shift[0]
        row = down * cosine - right * sine + (height - 1) / 2 + placing.shift[1]
        at = column.astype(np.float32), row.astype(np.float32)
        bend_x, bend_y = (
            sample(placing.bend_x, *at).astype(np.float64),
            sample(placing.bend_y, *at).astype(np.float64),
        )
    return column, row
