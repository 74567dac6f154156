"""Ridge evidence laid onto the grid of cells around the minutiae."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.prepared import POINTS


class Evidence(NamedTuple):
    """Ridge evidence of an image (matching.template.RidgeEvidence)."""

    orientation: NDArray[np.uint8]  # (rows, columns), 256 steps of half a turn, y up
    valid: NDArray[np.bool_]  # (rows, columns)
    crests: NDArray[np.bool_]  # (3 rows, 3 columns), or (0, 0) where they are not known


@kernel
def lay_ridges(
    ridges: Evidence, left: int, top: int, orientation: NDArray[np.int16], crests: NDArray[np.int8]
) -> None:
    """Fill the part of a grid that the evidence covers, where it is valid; angles turn as y grows down.

    left, top: the grid's first cell in the image; orientation (rows, columns), -1 where nothing is known;
    crests (3 rows, 3 columns): 1 ridge, -1 valley, 0 not known.
    """
    rows, columns = orientation.shape
    for row in range(max(top, 0), min(top + rows, ridges.valid.shape[0])):
        for column in range(max(left, 0), min(left + columns, ridges.valid.shape[1])):
            if not ridges.valid[row, column]:
                continue
            down, right = row - top, column - left
            orientation[down, right] = -int(ridges.orientation[row, column]) & 255
            if ridges.crests.size == 0:
                continue
            for y in range(POINTS):
                for x in range(POINTS):
                    ridge = ridges.crests[POINTS * row + y, POINTS * column + x]
                    crests[POINTS * down + y, POINTS * right + x] = 1 if ridge else -1
