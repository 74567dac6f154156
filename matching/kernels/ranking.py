"""The first stage of a search: how alike a probe's surroundings are to those of every enrolled finger."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Ranking
from matching.kernels._jit import count_bits, fast_kernel, kernel

KEPT = 20  # minutiae of an enrolled finger in the search code; 16 and 24 alike
PLANES = 2  # words of the flow of a minutia: two planes of 32 points each in a word


class Codes(NamedTuple):
    """N fingers in the short form; minutiae beyond those a finger has are all zero, and so unknown."""

    flows: NDArray[np.uint64]  # (N, 2, kept): 32 points of 4 bits, in planes
    known: NDArray[np.uint32]  # (N, kept): the points that are valid
    around: NDArray[np.uint64]  # (N, kept): 8 x 8 cells around the minutia with a neighbour in them


@kernel
def rank(
    probe: Codes, gallery: Codes, places: NDArray[np.int64], constants: Ranking, likeness: NDArray[np.float32]
) -> None:
    """Fill (k,) with the likeness of the one finger in `probe` to each of the gallery's at `places`.

    The mean, over the probe's `best` most alike minutiae, of the likeness to the most alike of the other.
    """
    alike = np.empty(gallery.known.shape[1], np.float32)
    best = np.empty(constants.best, np.float32)
    for index in range(len(places)):
        place = places[index]
        best[:] = 0
        for minutia in range(probe.known.shape[1]):
            if probe.known[0, minutia] == 0:
                continue
            value = _most_alike(probe, minutia, gallery, place, constants, alike)
            if value > best[-1]:
                _insert(best, value)
        total = np.float32(0)
        for value in best:
            total += value
        likeness[index] = total / len(best)


@fast_kernel
def _most_alike(
    probe: Codes,
    minutia: int,
    gallery: Codes,
    place: int,
    constants: Ranking,
    alike: NDArray[np.float32],
) -> np.float32:
    """Return the largest likeness of a minutia of the probe to those of one finger of the gallery."""
    own_known, own_around = probe.known[0, minutia], probe.around[0, minutia]
    first, second = probe.flows[0, 0, minutia], probe.flows[0, 1, minutia]
    flows, known, around = gallery.flows[place], gallery.known[place], gallery.around[place]
    of_own = np.int32(count_bits(own_around))
    least, weight = np.int32(constants.least_points), np.float32(constants.neighbours)
    for other in range(len(alike)):
        points = np.uint64(own_known & known[other])
        mask = points | points << np.uint64(32)
        both = np.int32(count_bits(points))
        differing = np.int32(count_bits((first ^ flows[0, other]) & mask))
        differing += np.int32(count_bits((second ^ flows[1, other]) & mask))
        apart = np.int32(count_bits(own_around ^ around[other]))
        filled = of_own + np.int32(count_bits(around[other]))
        value = np.float32(1) - np.float32(differing) / np.float32(2 * max(both, np.int32(1)))
        value += weight - weight * np.float32(apart) / np.float32(max(filled, np.int32(1)))
        alike[other] = value if both >= least else np.float32(0)
    largest = np.float32(0)
    for value in alike:
        largest = max(largest, value)
    return largest


@kernel
def _insert(best: NDArray[np.float32], value: np.float32) -> None:
    """Put a value among falling ones; the last falls out."""
    place = len(best) - 1
    while place > 0 and best[place - 1] < value:
        best[place] = best[place - 1]
        place -= 1
    best[place] = value
