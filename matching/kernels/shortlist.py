"""The most alike pairs of minutiae, one to one."""

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Shortlist
from matching.kernels._jit import kernel


@kernel
def shortlist(
    alike: NDArray[np.float32], constants: Shortlist, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> int:
    """Fill `rows` and `columns` with the pairs, most alike first, and return how many there are.

    Taken greedily from the `pool` largest entries of (n, m), no minutia twice; equal entries in the order of
    reading.
    """
    width = alike.shape[1]
    pool = np.empty(constants.pool, np.int32)
    row_taken = np.zeros(alike.shape[0], np.bool_)
    column_taken = np.zeros(width, np.bool_)
    kept = 0
    for place in range(largest(alike, pool)):
        row, column = pool[place] // width, pool[place] % width
        if kept < constants.size and not row_taken[row] and not column_taken[column]:
            row_taken[row] = True
            column_taken[column] = True
            rows[kept], columns[kept] = row, column
            kept += 1
    return kept


@kernel
def largest(alike: NDArray[np.float32], pool: NDArray[np.int32]) -> int:
    """Fill `pool` with the flat places of the largest positive entries, falling, and return how many."""
    values = np.empty(len(pool), np.float32)
    found, least = 0, np.float32(0)
    for row in range(alike.shape[0]):
        for column in range(alike.shape[1]):
            value = alike[row, column]
            if value <= least:
                continue
            place = min(found, len(pool) - 1)
            while place > 0 and values[place - 1] < value:
                values[place] = values[place - 1]
                pool[place] = pool[place - 1]
                place -= 1
            values[place] = value
            pool[place] = row * alike.shape[1] + column
            found = min(found + 1, len(pool))
            if found == len(pool):
                least = values[found - 1]
    return found
