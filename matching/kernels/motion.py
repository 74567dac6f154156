"""How the skin has moved from one picture to the next, and pictures moved back by it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel


class Window(NamedTuple):
    """Which part of a picture is looked for in the next one, and where; px."""

    top: int
    left: int
    bottom: int  # the first row and column that do not belong to it
    right: int
    every: int  # rows and columns of the part that are looked at
    reach: int  # moves down and right that are tried, in steps: -reach .. reach
    step: int


@kernel
def mismatch(
    before: NDArray[np.float32], after: NDArray[np.float32], window: Window, around: tuple[int, int]
) -> NDArray[np.float32]:
    """(h, w) twice -> (n, n) float32: mean squared difference of the window for each move down and right.

    The moves are `around` (down, right) and so many steps more or less. Negative pixels are not known and
    left out; infinite where fewer than a third of the window's known ones are known in both. Block matching:
    Jain and Jain, "Displacement measurement and its application in interframe image coding", IEEE Trans.
    Communications 29(12), 1981.
    """
    height, width = before.shape
    moves = 2 * window.reach + 1
    result = np.full((moves, moves), np.inf, np.float32)
    known = 0
    for y in range(max(0, window.top), min(height, window.bottom), window.every):
        for x in range(max(0, window.left), min(width, window.right), window.every):
            if before[y, x] >= 0:
                known += 1
    for row in range(moves):
        down = around[0] + (row - window.reach) * window.step
        for column in range(moves):
            right = around[1] + (column - window.reach) * window.step
            total, count = 0.0, 0
            for y in range(max(0, window.top), min(height, window.bottom), window.every):
                there = y + down
                if there < 0 or there >= height:
                    continue
                for x in range(max(0, window.left), min(width, window.right), window.every):
                    aside = x + right
                    if aside < 0 or aside >= width or before[y, x] < 0 or after[there, aside] < 0:
                        continue
                    difference = float(before[y, x]) - float(after[there, aside])
                    total += difference * difference
                    count += 1
            if count > 0 and 3 * count >= known:
                result[row, column] = total / count
    return result


@kernel
def moved_back(
    image: NDArray[np.float32], field: NDArray[np.float32], spacing: int, outside: float
) -> NDArray[np.float32]:
    """(h, w), (2, rows, columns) -> (h, w) float32: at each pixel the image where its skin has moved to.

    field holds moves down and right in px at nodes `spacing` px apart, the first on the first pixel, enough
    to cover the image; between nodes and pixels it is bilinear. `outside` where that is beyond the image.
    """
    height, width = image.shape
    result = np.full((height, width), outside, np.float32)
    for y in range(height):
        node_y, share_y = y // spacing, (y % spacing) / spacing
        for x in range(width):
            node_x, share_x = x // spacing, (x % spacing) / spacing
            down = _between(field[0], node_y, node_x, share_y, share_x) + y
            right = _between(field[1], node_y, node_x, share_y, share_x) + x
            if down < 0 or right < 0 or down > height - 1 or right > width - 1:
                continue
            row, column = min(int(down), height - 2), min(int(right), width - 2)
            result[y, x] = _between(image, row, column, down - row, right - column)
    return result


@kernel
def _between(values: NDArray[np.float32], row: int, column: int, v: float, u: float) -> float:
    """Return a value between four of (h, w) float32: shares v of the next row and u of the next column."""
    upper = values[row, column] * (1 - u) + values[row, column + 1] * u
    lower = values[row + 1, column] * (1 - u) + values[row + 1, column + 1] * u
    return float(upper * (1 - v) + lower * v)
