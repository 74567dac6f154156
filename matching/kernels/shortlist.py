"""The most alike pairs of minutiae, one to one."""

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Shortlist
from matching.kernels._jit import kernel

ROWS = 8  # looked at together first, column by column
STEPS = 128  # of likeness that a floor is told to
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
    peaks = _peaks(alike)
    values = np.empty(alike.size + 1, np.float32)
    places = np.empty(alike.size + 1, np.int32)
    count = _likely(alike, peaks, _floor_of(peaks.ravel(), len(pool)), values, places)
    floor = _floor_of(values[:count], len(pool))
    likely, count = count, 0
    for index in range(likely):
        values[count], places[count] = values[index], places[index]
        count += int(values[count] >= floor)
    return _best(values[:count], places[:count], pool)


@kernel
def _peaks(alike: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n / ROWS, m): the largest of so many rows, column by column, 0 at least."""
    peaks = np.zeros(((alike.shape[0] + ROWS - 1) // ROWS, alike.shape[1]), np.float32)
    for row in range(alike.shape[0]):
        for column in range(alike.shape[1]):
            peaks[row // ROWS, column] = max(peaks[row // ROWS, column], alike[row, column])
    return peaks


@kernel
def _floor_of(values: NDArray[np.float32], wanted: int) -> np.float32:
    """Return a value that at least so many of those in 0..1 reach, LEAST where there are fewer."""
    counts = np.zeros(STEPS + 1, np.int32)
    for value in values:
        counts[int(value * STEPS)] += 1
    step, above = STEPS, counts[STEPS]
    while step > 0 and above < wanted:
        step -= 1
        above += counts[step]
    return max(np.float32(step) / np.float32(STEPS), LEAST)


@kernel
def _likely(
    alike: NDArray[np.float32],
    peaks: NDArray[np.float32],
    floor: np.float32,
    values: NDArray[np.float32],
    places: NDArray[np.int32],
) -> int:
    """Fill in the entries that reach the floor and return how many; no processor could foresee them."""
    count, width = 0, alike.shape[1]
    for part in range(peaks.shape[0]):
        for column in range(width):
            if peaks[part, column] >= floor:
                for row in range(part * ROWS, min((part + 1) * ROWS, alike.shape[0])):
                    values[count], places[count] = alike[row, column], row * width + column
                    count += int(alike[row, column] >= floor)
    return count


@kernel
def _best(values: NDArray[np.float32], places: NDArray[np.int32], pool: NDArray[np.int32]) -> int:
    """Fill `pool` by falling value, equal ones by rising place; `values` is used up."""
    found = 0
    for index in range(len(values)):
        value, place = values[index], places[index]
        if found == len(pool) and _behind(value, place, values[found - 1], pool[found - 1]):
            continue
        found = min(found + 1, len(pool))
        rank = found - 1
        while rank > 0 and _behind(values[rank - 1], pool[rank - 1], value, place):
            values[rank], pool[rank] = values[rank - 1], pool[rank - 1]
            rank -= 1
        values[rank], pool[rank] = value, place
    return found


@kernel
def _behind(value: np.float32, place: np.int32, other: np.float32, place_of_other: np.int32) -> bool:
    return bool(value < other or (value == other and place > place_of_other))
