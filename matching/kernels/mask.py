"""Masks of cells: majority, opening, and dropping of islands."""

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel


@kernel
def at_least(mask: NDArray[np.bool_], radius: int, share: float) -> NDArray[np.bool_]:
    """Return where at least this share of the (2 radius + 1)^2 window, cut at the edge, is set.

    mask (rows, columns) bool. A share of 1 erodes; just above 0 it dilates; 0.5 is the majority.
    """
    rows, columns = mask.shape
    result = np.zeros((rows, columns), np.bool_)
    for row in range(rows):
        for column in range(columns):
            cells, set_cells = 0, 0
            for y in range(max(0, row - radius), min(rows, row + radius + 1)):
                for x in range(max(0, column - radius), min(columns, column + radius + 1)):
                    cells += 1
                    set_cells += int(mask[y, x])
            result[row, column] = set_cells >= share * cells
    return result


@kernel
def without_islands(mask: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Keep the 4-connected components that have at least this share of the largest one's cells."""
    rows, columns = mask.shape
    label = np.zeros((rows, columns), np.int32)
    sizes = np.zeros(rows * columns + 1, np.int32)
    stack = np.empty(rows * columns, np.int32)
    labels, largest = 0, 0
    for start in range(rows * columns):
        if not mask[start // columns, start % columns] or label[start // columns, start % columns]:
            continue
        labels += 1
        label[start // columns, start % columns] = labels
        stack[0] = start
        depth = 1
        while depth > 0:
            depth -= 1
            row, column = stack[depth] // columns, stack[depth] % columns
            sizes[labels] += 1
            largest = max(largest, int(sizes[labels]))
            for y, x in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= y < rows and 0 <= x < columns and mask[y, x] and label[y, x] == 0:
                    label[y, x] = labels
                    stack[depth] = y * columns + x
                    depth += 1
    least = share * largest
    kept = np.zeros((rows, columns), np.bool_)
    for row in range(rows):
        for column in range(columns):
            kept[row, column] = mask[row, column] and sizes[label[row, column]] >= least
    return kept
