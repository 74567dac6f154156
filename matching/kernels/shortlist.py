"""The most alike pairs of minutiae, one to one."""

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Shortlist
from matching.kernels._jit import fast_kernel, kernel

PARTS = 4  # of a row, each looked at as a whole first; 1 is slower
LEAST = np.float32(1e-30)  # a likeness above 0


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
    places = np.empty(alike.size + 1, np.int32)
    width, found = alike.shape[1], 0
    for index in range(_likely(alike, values, places)):
        value = alike[places[index] // width, places[index] % width]
        if found == len(pool) and value <= values[-1]:
            continue
        found = min(found + 1, len(pool))
        place = found - 1
        while place > 0 and values[place - 1] < value:
            values[place] = values[place - 1]
            pool[place] = pool[place - 1]
            place -= 1
        values[place] = value
        pool[place] = places[index]
    return found


@kernel
def _likely(alike: NDArray[np.float32], best: NDArray[np.float32], places: NDArray[np.int32]) -> int:
    """Fill `places` with entries among which the largest are, in the order of reading; return how many.

    Without a branch on an entry, which no processor could foresee.
    """
    width = alike.shape[1]
    step = (width + PARTS - 1) // PARTS
    peaks = np.empty((alike.shape[0], PARTS), np.float32)
    for row in range(alike.shape[0]):
        for part in range(PARTS):
            peaks[row, part] = _peak(alike[row, part * step : (part + 1) * step])
    floor, count = max(_floor_of(peaks.ravel(), best), LEAST), 0
    for row in range(alike.shape[0]):
        for part in range(PARTS):
            if peaks[row, part] >= floor:
                for column in range(part * step, min((part + 1) * step, width)):
                    places[count] = row * width + column
                    count += int(alike[row, column] >= floor)
    return count


@fast_kernel
def _peak(values: NDArray[np.float32]) -> np.float32:
    largest = np.float32(0)
    for value in values:
        largest = max(largest, value)
    return largest


@kernel
def _floor_of(peaks: NDArray[np.float32], best: NDArray[np.float32]) -> np.float32:
    """Return what as many peaks reach as `best` is long, 0 where there are fewer: so do as many entries."""
    best[:] = 0
    for peak in peaks:
        if peak <= best[-1]:
            continue
        place = len(best) - 1
        while place > 0 and best[place - 1] < peak:
            best[place] = best[place - 1]
            place -= 1
        best[place] = peak
    least: np.float32 = best[-1]
    return least
