"""What kernels of comparison work on: one impression with its codes, in one frame.

The frame: x to the right and y down, pixels at 500 ppi from the corner of the coverage grid; angles turn from
+x towards +y. Structure of arrays: loops over the candidate's minutiae run along memory.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CELL = 8  # px
POINTS = 3  # of the crests in a cell, each way
SECTIONS = 6  # words of a cylinder code, one a section of the turn; the mask is the word behind them
FLOW_WORDS = 4  # words of a flow code; as many words of mask behind them
X, Y, ANGLE = 0, 1, 2  # rows of the minutiae


class PreparedTemplate(NamedTuple):
    """One impression; n minutiae, at most 255, by rising y."""

    minutiae: NDArray[np.float32]  # (3, n): x px, y px, angle rad in [-pi, pi)
    cylinders: NDArray[np.uint64]  # (7, n): six sections of 8 x 8 cells, and the mask of valid cells
    flows: NDArray[np.uint64]  # (8, n): 32 points of 8 bits, and their mask; zero without ridge evidence
    starts: NDArray[np.int16]  # (rows,): the first minutia at or below the top of each row of cells
    covered: NDArray[np.bool_]  # (rows, columns) cells of 8 px in which a minutia would have been found
    crests: NDArray[np.int8]  # (3 rows, 3 columns): 1 ridge, -1 valley, 0 not known; points 8/3 px apart
    has_flow: bool  # made from ridge evidence, not from minutiae alone
    digest: int  # of the minutiae: puts any two impressions in one order
