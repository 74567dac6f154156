"""Walking on one-pixel ridges, and erasing spurs and islands.

The eight neighbours of a pixel are the bits of a ring: 0 north, 1 north-east, and on clockwise to 7
north-west. A run of neighbouring set bits is one arm of the ridge.
"""

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel

RIGHT = (0, 1, 1, 1, 0, -1, -1, -1)  # of each bit of the ring
DOWN = (-1, -1, 0, 1, 1, 1, 0, -1)

WALKED, ENDED, FORKED = 0, 1, 2  # why a walk stopped: as long as asked, no way on, a fork


@kernel
def ring_of(skeleton: NDArray[np.uint8], y: int, x: int) -> int:
    """Return the neighbours of a pixel as the bits of a ring; the pixel is not on the edge."""
    ring = 0
    for bit in range(8):
        ring |= int(skeleton[y + DOWN[bit], x + RIGHT[bit]]) << bit
    return ring


@kernel
def arms(ring: int) -> int:
    """Return the number of runs of set bits: 1 at an ending, 2 along a ridge, 3 at a bifurcation."""
    return _bits(ring & ~((ring << 1) | (ring >> 7)))


@kernel
def _bits(ring: int) -> int:
    count = 0
    for bit in range(8):
        count += (ring >> bit) & 1
    return count


@kernel
def run_at(ring: int, bit: int) -> int:
    """Return only that run of the ring's bits that holds this bit."""
    run = ring & (1 << bit)
    for _ in range(7):
        run |= ((run << 1) | (run >> 7) | (run >> 1) | (run << 7)) & ring & 255
    return run


@kernel
def first_step(ring: int) -> int:
    """Return the bit to step to: north, east, south or west before the corners; -1 when none is set."""
    for bit in (0, 2, 4, 6, 1, 3, 5, 7):
        if (ring >> bit) & 1:
            return bit
    return -1


@kernel
def follow(skeleton: NDArray[np.uint8], y: int, x: int, bit: int, path: NDArray[np.int32]) -> tuple[int, int]:
    """Walk along a ridge from (y, x) in the direction of a bit; return (pixels walked, why it stopped).

    path (longest, 2) int32 is filled with (y, x) of the pixels after the first one.
    """
    walked = 0
    while True:
        y, x = y + DOWN[bit], x + RIGHT[bit]
        path[walked, 0], path[walked, 1] = y, x
        walked += 1
        ring = ring_of(skeleton, y, x)
        if arms(ring) > 2:
            return walked, FORKED
        onward = first_step(ring & ~run_at(ring, (bit + 4) % 8))
        if onward < 0:
            return walked, ENDED
        if walked == len(path):
            return walked, WALKED
        bit = onward


@kernel
def without_spurs(skeleton: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Erase branches and islands of at most this many pixels; skeleton (h, w) uint8, edge free."""
    cleaned = skeleton.copy()
    path = np.empty((longest, 2), np.int32)
    for y in range(1, skeleton.shape[0] - 1):
        for x in range(1, skeleton.shape[1] - 1):
            if cleaned[y, x] == 0:
                continue
            ring = ring_of(cleaned, y, x)
            if arms(ring) == 0:
                cleaned[y, x] = 0
            elif arms(ring) == 1:
                walked, why = follow(cleaned, y, x, first_step(ring), path)
                if why != WALKED:
                    cleaned[y, x] = 0
                    for k in range(walked - int(why == FORKED)):
                        cleaned[path[k, 0], path[k, 1]] = 0
    return cleaned
