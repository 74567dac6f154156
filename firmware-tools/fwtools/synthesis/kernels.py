"""The compiled inner loops of synthesis. They call no kernel of another file (stale callees in the cache)."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import fast_kernel, kernel

TAPS = 16  # side of a filter, pixels; constant, so that the compiler unrolls the row of a filter
CENTRE = 7  # the tap that lies on the pixel; the last row and column of a filter are zero


@fast_kernel
def filter_ridges(
    source: NDArray[np.float32], bank: NDArray[np.float32], choice: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return (h, w) float32: at each pixel the response of the filter chosen for it; 0 where choice < 0.

    source (h + TAPS, w + TAPS) float32 with the image at [CENTRE:, CENTRE:]; bank (n, TAPS, TAPS) float32;
    choice (h, w) int32. Contextual filtering: Maltoni et al., Handbook of Fingerprint Recognition, 3.6.2.
    """
    height, width = choice.shape
    response = np.zeros((height, width), np.float32)
    pixels, taps = source.ravel(), bank.ravel()  # flat indices: a quarter faster
    for y in range(height):
        for x in range(width):
            if choice[y, x] < 0:
                continue
            tap, pixel = int(choice[y, x]) * TAPS * TAPS, y * source.shape[1] + x
            total = np.float32(0.0)
            for _ in range(TAPS):
                for column in range(TAPS):
                    total += taps[tap + column] * pixels[pixel + column]
                tap += TAPS
                pixel += source.shape[1]
            response[y, x] = total
    return response


@kernel
def spline_up(coarse: NDArray[np.float32], height: int, width: int, step: float) -> NDArray[np.float32]:
    """Return (height, width) float32: the cubic B-spline of a grid whose nodes are `step` pixels apart.

    coarse (rows, columns) float32, rows >= height / step + 3, columns likewise; node (1, 1) is pixel (0, 0).
    """
    rows = coarse.shape[0]
    across = np.empty((rows, width), np.float32)
    for x in range(width):
        node = int(x / step)
        a, b, c, d = _spline_weights(x / step - node)
        for row in range(rows):
            across[row, x] = (
                a * coarse[row, node]
                + b * coarse[row, node + 1]
                + c * coarse[row, node + 2]
                + d * coarse[row, node + 3]
            )
    smooth = np.empty((height, width), np.float32)
    for y in range(height):
        node = int(y / step)
        a, b, c, d = _spline_weights(y / step - node)
        for x in range(width):
            smooth[y, x] = (
                a * across[node, x]
                + b * across[node + 1, x]
                + c * across[node + 2, x]
                + d * across[node + 3, x]
            )
    return smooth


@kernel
def _spline_weights(t: float) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return the weights of four nodes around a place a share t of the way from the second to the third."""
    return (
        np.float32((1 - t) ** 3 / 6),
        np.float32((3 * t**3 - 6 * t**2 + 4) / 6),
        np.float32((-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6),
        np.float32(t**3 / 6),
    )


@kernel
def phase_turns(
    even: NDArray[np.float32], odd: NDArray[np.float32], orientation: NDArray[np.float32]
) -> NDArray[np.int8]:
    """Return (h - 1, w - 1) int8: how often the phase turns counter-clockwise around four pixels.

    The ridges are the cosine, `odd` the sine along the left-hand normal of `orientation` (radians, y up). A
    turn of one is a place where a ridge or a valley ends. The normal flips with the orientation's half turn,
    so the sine of three corners is taken along the normal of the first. Larkin and Fletcher, "A coherent
    framework for fingerprint analysis", Optics Express 2007, section 3.
    """
    height, width = even.shape
    turns = np.zeros((height - 1, width - 1), np.int8)
    down, right = (0, 1, 1, 0, 0), (0, 0, 1, 1, 0)
    for y in range(height - 1):
        for x in range(width - 1):
            total, before = 0.0, math.atan2(odd[y, x], even[y, x])
            for corner in range(1, 5):
                row, column = y + down[corner], x + right[corner]
                same = math.cos(orientation[row, column] - orientation[y, x]) >= 0.0
                sine = odd[row, column] if same else -odd[row, column]
                phase = math.atan2(sine, even[row, column])
                step = phase - before
                if step > math.pi:
                    step -= 2 * math.pi
                elif step < -math.pi:
                    step += 2 * math.pi
                total += step
                before = phase
            turns[y, x] = round(total / (2 * math.pi))
    return turns


@kernel
def sample(image: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 like x: the image (h, w) at (x, y) pixels, bilinear, its edge repeated outside."""
    height, width = image.shape
    values = np.empty(x.size, np.float32)
    flat_x, flat_y = x.ravel(), y.ravel()
    for i in range(x.size):
        column = min(max(float(flat_x[i]), 0.0), width - 1.001)
        row = min(max(float(flat_y[i]), 0.0), height - 1.001)
        left, top = int(column), int(row)
        u, v = column - left, row - top
        upper = image[top, left] * (1 - u) + image[top, left + 1] * u
        lower = image[top + 1, left] * (1 - u) + image[top + 1, left + 1] * u
        values[i] = upper * (1 - v) + lower * v
    return values.reshape(x.shape)
