"""How much of each impression the other one covers, once they lie on each other, and how crowded it is."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.alignment import Motion
from matching.kernels.prepared import CELL, X, Y


@kernel
def backwards(motion: Motion) -> Motion:
    """Return the motion that undoes another."""
    return Motion(
        motion.cosine, -motion.sine, motion.target_x, motion.target_y, motion.pivot_x, motion.pivot_y
    )


@kernel
def count_covered(
    minutiae: NDArray[np.float32], covered: NDArray[np.bool_], motion: Motion, paired: NDArray[np.int32]
) -> int:
    """Return how many of (3, n) minutiae are paired or, moved, fall on (rows, columns) cells covered."""
    counted = np.zeros(minutiae.shape[1], np.bool_)
    counted[paired] = True
    count = len(paired)
    for index in range(minutiae.shape[1]):
        if counted[index]:
            continue
        dx, dy = minutiae[X, index] - motion.pivot_x, minutiae[Y, index] - motion.pivot_y
        column = math.floor((motion.cosine * dx - motion.sine * dy + motion.target_x) / CELL)
        row = math.floor((motion.sine * dx + motion.cosine * dy + motion.target_y) / CELL)
        if 0 <= row < covered.shape[0] and 0 <= column < covered.shape[1] and covered[row, column]:
            count += 1
    return count


@kernel
def spaciousness(count: int, covered: NDArray[np.bool_], room: float) -> float:
    """Return 1 where so many minutiae have `room` px^2 each of (rows, columns) cells covered, else the share.

    In a crowd chance pairs every minutia with some other: no finger is so, but a hostile record can be.
    """
    needed = room * count / (CELL * CELL)
    cells = 0
    for row in range(covered.shape[0]):
        for column in range(covered.shape[1]):
            cells += int(covered[row, column])
        if cells >= needed:
            return 1.0
    return cells / needed
