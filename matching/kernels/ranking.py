"""The first stage of a search: how alike a probe's surroundings are to those of every enrolled finger.

Sixteen fingers lie side by side, so that one vector holds the same word of the same minutia of all of them.
Single precision in the order written: the same likeness on every machine, and for every place in a block.
"""

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Ranking
from matching.kernels._jit import count_bits, kernel

KEPT = 20  # minutiae of an enrolled finger in the search code; 16 and 24 alike
LANES = 16  # fingers of a block
WORDS = 8  # of a minutia: four planes of ridge flow, and as named here
KNOWN, AROUND, MORE_AROUND, FILLED = 4, 5, 6, 7  # valid points; 8 x 8 cells with a neighbour; how many


@kernel
def rank(
    probe: NDArray[np.uint32],
    blocks: NDArray[np.uint32],
    places: NDArray[np.int64],
    constants: Ranking,
    likeness: NDArray[np.float32],
) -> None:
    """Fill (k, 16) with the likeness of a probe to the fingers of the k blocks at `places`.

    probe (m, 8), blocks (b, 20, 8, 16): 32 points of 4 bits, in planes, and the other words; all zero where a
    finger has no more minutiae. The mean, over the probe's `best` most alike minutiae, of the likeness to the
    most alike of the other.
    """
    largest = np.empty(LANES, np.float32)
    best = np.empty((constants.best, LANES), np.float32)
    for index in range(len(places)):
        best[:] = 0
        for minutia in range(len(probe)):
            if probe[minutia, KNOWN] != 0:
                _most_alike(probe[minutia], blocks[places[index]], constants, largest)
                _insert(best, largest)
        for lane in range(LANES):
            total = np.float32(0)
            for place in range(len(best)):
                total += best[place, lane]
            likeness[index, lane] = total / np.float32(len(best))


@kernel
def _most_alike(
    own: NDArray[np.uint32], block: NDArray[np.uint32], constants: Ranking, largest: NDArray[np.float32]
) -> None:
    """Fill (16,) with the largest likeness of a minutia of the probe to those of each finger of a block."""
    first, second, third, fourth, known = own[0], own[1], own[2], own[3], own[KNOWN]
    around, more, filled = own[AROUND], own[MORE_AROUND], np.int32(own[FILLED])
    least, weight = np.int32(constants.least_points), np.float32(constants.neighbours)
    largest[:] = 0
    for minutia in range(KEPT):
        other = block[minutia]
        for lane in range(LANES):
            points = known & other[KNOWN, lane]
            both = np.int32(count_bits(points))
            differing = np.int32(count_bits((first ^ other[0, lane]) & points))
            differing += np.int32(count_bits((second ^ other[1, lane]) & points))
            differing += np.int32(count_bits((third ^ other[2, lane]) & points))
            differing += np.int32(count_bits((fourth ^ other[3, lane]) & points))
            apart = np.int32(count_bits(around ^ other[AROUND, lane]))
            apart += np.int32(count_bits(more ^ other[MORE_AROUND, lane]))
            cells = np.int32(filled + np.int32(other[FILLED, lane]))
            value = np.float32(1) - np.float32(differing) / np.float32(2 * max(both, np.int32(1)))
            value += weight - weight * np.float32(apart) / np.float32(max(cells, np.int32(1)))
            largest[lane] = max(largest[lane], value if both >= least else np.float32(0))


@kernel
def _insert(best: NDArray[np.float32], values: NDArray[np.float32]) -> None:
    """Put a value of each finger among its falling ones; the last falls out."""
    for place in range(len(best)):
        for lane in range(LANES):
            before, value = best[place, lane], values[lane]
            best[place, lane] = max(before, value)
            values[lane] = min(before, value)
