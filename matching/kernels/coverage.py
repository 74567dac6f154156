"""The part of the cell grid that the minutiae span: their convex hull, widened."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.prepared import CELL


@kernel
def convex_hull(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the corners, (k, 2) px, in the order that keeps the inside on the left of each edge (x, y up).

    Andrew's monotone chain (Information Processing Letters 9(5), 1979); collinear points are left out.
    """
    order = _by_x_then_y(x, y)
    corners = np.empty((2 * len(x) + 1, 2))
    count, floor = 0, 1
    for step in range(2 * len(x)):
        index = order[step] if step < len(x) else order[2 * len(x) - 1 - step]
        if step == len(x):
            floor = count  # the lower chain is done: its last corner starts the upper one
        while count > floor and _turn(corners[count - 2], corners[count - 1], x[index], y[index]) <= 0:
            count -= 1
        corners[count, 0] = x[index]
        corners[count, 1] = y[index]
        count += 1
    return corners[: max(1, count - 1)]


@kernel
def _by_x_then_y(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.int32]:
    order = np.empty(len(x), np.int32)
    for index in range(len(x)):
        place = index
        while place > 0:
            before = order[place - 1]
            if x[before] < x[index] or (x[before] == x[index] and y[before] <= y[index]):
                break
            order[place] = before
            place -= 1
        order[place] = index
    return order


@kernel
def _turn(first: NDArray[np.float64], second: NDArray[np.float64], x: float, y: float) -> float:
    return (second[0] - first[0]) * (y - first[1]) - (second[1] - first[1]) * (x - first[0])  # type: ignore[no-any-return]


@kernel
def mark_near(corners: NDArray[np.float64], margin: float, inside: NDArray[np.bool_]) -> None:
    """Set the cells of (rows, columns) whose centre is at most `margin` px outside every edge of the hull."""
    inside[:] = True
    for edge in range(len(corners)):
        from_x, from_y = corners[edge - 1]
        to_x, to_y = corners[edge]
        length = math.hypot(to_x - from_x, to_y - from_y)
        if length == 0.0:
            continue
        across_x, across_y = (to_y - from_y) / length, (from_x - to_x) / length  # outward
        limit = margin + across_x * from_x + across_y * from_y
        for row in range(inside.shape[0]):
            rest = limit - across_y * (row * CELL + CELL / 2)
            for column in range(inside.shape[1]):
                if across_x * (column * CELL + CELL / 2) > rest:
                    inside[row, column] = False
