"""Many prepared impressions in a few arrays, so that a loop over them stays inside one kernel."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.prepared import FLOW_WORDS, POINTS, SECTIONS, PreparedTemplate

Kind = TypeVar("Kind", bound=np.generic)

MINUTIAE_ROWS, CYLINDER_ROWS, FLOW_ROWS = 3, SECTIONS + 1, 2 * FLOW_WORDS
COUNT, START, ROW_START, CELL_START, GRID_ROWS, GRID_COLUMNS, HAS_FLOW, DIGEST = range(
    8
)  # columns of `heads`


class Packed(NamedTuple):
    """N impressions end to end; each one's arrays lie as they do alone."""

    heads: NDArray[np.int64]  # (N, 8), columns as named above
    minutiae: NDArray[np.float32]  # (3 * all minutiae)
    cylinders: NDArray[np.uint64]  # (7 * all minutiae)
    flows: NDArray[np.uint64]  # (8 * all minutiae)
    starts: NDArray[np.int16]  # (all rows of cells)
    covered: NDArray[np.bool_]  # (all cells)
    crests: NDArray[np.int8]  # (9 * all cells)


def pack(templates: list[PreparedTemplate]) -> Packed:
    """Return the impressions packed, in their order."""
    heads = np.zeros((len(templates), 8), np.int64)
    start, row_start, cell_start = 0, 0, 0
    for head, one in zip(heads, templates, strict=True):
        rows, columns = one.covered.shape
        count = one.minutiae.shape[1]
        head[:] = (count, start, row_start, cell_start, rows, columns, one.has_flow, one.digest)
        start, row_start, cell_start = start + count, row_start + rows, cell_start + rows * columns
    return Packed(
        heads,
        _joined([one.minutiae for one in templates], np.float32),
        _joined([one.cylinders for one in templates], np.uint64),
        _joined([one.flows for one in templates], np.uint64),
        _joined([one.starts for one in templates], np.int16),
        _joined([one.covered for one in templates], np.bool_),
        _joined([one.crests for one in templates], np.int8),
    )


def _joined(arrays: list[NDArray[Kind]], kind: type[Kind]) -> NDArray[Kind]:
    return np.concatenate([array.ravel() for array in arrays]) if arrays else np.empty(0, kind)


@kernel
def unpacked(packed: Packed, index: int) -> PreparedTemplate:
    """Return one impression as views into the packed arrays."""
    head = packed.heads[index]
    count, start, row_start, cell_start = head[COUNT], head[START], head[ROW_START], head[CELL_START]
    end, rows, columns = start + count, head[GRID_ROWS], head[GRID_COLUMNS]
    points, cells = POINTS * POINTS, rows * columns
    return PreparedTemplate(
        packed.minutiae[MINUTIAE_ROWS * start : MINUTIAE_ROWS * end].reshape((MINUTIAE_ROWS, count)),
        packed.cylinders[CYLINDER_ROWS * start : CYLINDER_ROWS * end].reshape((CYLINDER_ROWS, count)),
        packed.flows[FLOW_ROWS * start : FLOW_ROWS * end].reshape((FLOW_ROWS, count)),
        packed.starts[row_start : row_start + rows],
        packed.covered[cell_start : cell_start + cells].reshape((rows, columns)),
        packed.crests[points * cell_start : points * (cell_start + cells)].reshape(
            (POINTS * rows, POINTS * columns)
        ),
        head[HAS_FLOW] != 0,
        head[DIGEST],
    )
