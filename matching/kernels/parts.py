"""Taking apart what touches: how deep each cell lies inside a mask, and the masses between the necks."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel


@kernel
def depth_inside(mask: NDArray[np.bool_], most: int) -> NDArray[np.float32]:
    """(rows, columns) bool -> float32: cells to the nearest cell that is not set, at most `most`.

    Beyond the edge everything counts as set: what the edge cuts is no thinner for it. Exact Euclidean
    distances, first down the columns, then along the rows
    (Saito and Toriwaki, Pattern Recognition 27(11), 1994).
    """
    rows, columns = mask.shape
    down = np.zeros((rows, columns), np.int32)
    for column in range(columns):
        for row in range(rows):
            if mask[row, column]:
                down[row, column] = min(most, (down[row - 1, column] if row > 0 else most) + 1)
        for row in range(rows - 1, -1, -1):
            if mask[row, column]:
                below = down[row + 1, column] if row + 1 < rows else most
                down[row, column] = min(down[row, column], below + 1)
    depth = np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            if not mask[row, column]:
                continue
            least = int(down[row, column]) ** 2
            for step in range(1, most):
                if step * step >= least:
                    break
                left = int(down[row, column - step]) if column >= step else most
                right = int(down[row, column + step]) if column + step < columns else most
                least = min(least, step * step + min(left, right) ** 2)
            depth[row, column] = math.sqrt(least)
    return depth


@kernel
def split_at_necks(depth: NDArray[np.float32], neck: float, least: float) -> NDArray[np.int32]:
    """(rows, columns) depths -> int32: the part each cell belongs to, counted from 1; 0 where depth is 0.

    Cells are taken from the deepest on, each joins its deepest neighbour of eight. Where two parts meet they
    become one when the place is at least `neck` times as deep as the shallower one's deepest cell, or when
    that is shallower than `least`. Watershed by flooding (Vincent and Soille, IEEE TPAMI 13(6), 1991).
    """
    rows, columns = depth.shape
    part = np.zeros((rows, columns), np.int32)
    order = np.argsort(-depth.ravel(), kind="mergesort")
    joined = np.zeros(rows * columns + 1, np.int32)
    deepest = np.zeros(rows * columns + 1, np.float32)
    parts = 0
    for cell in order:
        row, column = cell // columns, cell % columns
        here = depth[row, column]
        if here <= 0:
            break
        nearest = 0
        above = np.float32(0)
        for y in range(max(0, row - 1), min(rows, row + 2)):
            for x in range(max(0, column - 1), min(columns, column + 2)):
                if part[y, x] and depth[y, x] > above:
                    nearest, above = root(joined, part[y, x]), depth[y, x]
        if nearest == 0:
            parts += 1
            joined[parts], deepest[parts], part[row, column] = parts, here, parts
            continue
        part[row, column] = nearest
        for y in range(max(0, row - 1), min(rows, row + 2)):
            for x in range(max(0, column - 1), min(columns, column + 2)):
                if part[y, x] == 0:
                    continue
                one, other = root(joined, part[row, column]), root(joined, part[y, x])
                if deepest[one] < deepest[other] or (deepest[one] == deepest[other] and one > other):
                    one, other = other, one
                if one != other and (here >= neck * deepest[other] or deepest[other] < least):
                    joined[other] = one
    return numbered(part, joined, parts)


@kernel
def root(joined: NDArray[np.int32], part: int) -> int:
    """Return the part that a part has become."""
    while joined[part] != part:
        part = joined[part]
    return part


@kernel
def numbered(part: NDArray[np.int32], joined: NDArray[np.int32], parts: int) -> NDArray[np.int32]:
    """Return the parts after joining, counted from 1 without gaps."""
    number = np.zeros(parts + 1, np.int32)
    count = 0
    for one in range(1, parts + 1):
        if joined[one] == one:
            count += 1
            number[one] = count
    result = np.zeros(part.shape, np.int32)
    for row in range(part.shape[0]):
        for column in range(part.shape[1]):
            if part[row, column]:
                result[row, column] = number[root(joined, part[row, column])]
    return result
