"""Ridge evidence as templates of versions 1 to 3 have it: read, written no more.

Rows and columns, 16 bits each; deflated: orientation and period (each cell less its left neighbour, modulo
256), valid (bits); then the crests of the valid cells, 9 bits each, row by row.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord
from matching.kernels.ridge_code import POINTS
from matching.template import RidgeEvidence

GRID = struct.Struct("<HH")
MAXIMUM_CELLS = 1 << 19  # a square of 5,800 pixels: what a reader is willing to unpack


def unpack_ridges_before_4(data: bytes, has_crests: bool) -> RidgeEvidence:
    """Return the ridge evidence of a template of versions 1 to 3; BadRecord says what is wrong with it."""
    if len(data) < GRID.size:
        raise BadRecord("template: truncated: no ridge evidence behind the minutiae")
    rows, columns = GRID.unpack_from(data)
    cells = rows * columns
    expected = 2 * cells + (cells + 7) // 8
    if cells > MAXIMUM_CELLS:
        raise BadRecord(f"template: ridge evidence of {rows} x {columns} cells is larger than any image here")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(data[GRID.size :], expected + 1)
    except zlib.error as error:
        raise BadRecord(f"template: the ridge evidence cannot be unpacked: {error}") from error
    if len(raw) != expected or not unpacker.eof:
        raise BadRecord(f"template: the ridge evidence does not fill {rows} x {columns} cells")
    planes = np.frombuffer(raw, np.uint8, 2 * cells).reshape(2, rows, columns)
    orientation, period = np.cumsum(planes, axis=2, dtype=np.uint8)
    packed = np.frombuffer(raw, np.uint8, offset=2 * cells)
    valid = np.unpackbits(packed, count=cells).astype(np.bool_).reshape(rows, columns)
    points = POINTS * POINTS * int(valid.sum()) if has_crests else 0
    if len(unpacker.unused_data) != (points + 7) // 8:
        raise BadRecord(f"template: {len(unpacker.unused_data)} bytes of crests for {points} points")
    crests = None
    if has_crests:
        crests = np.zeros((POINTS * rows, POINTS * columns), np.bool_)
        bits = np.unpackbits(np.frombuffer(unpacker.unused_data, np.uint8), count=points)
        _by_cell(crests)[valid] = bits.reshape(-1, POINTS, POINTS)
    return RidgeEvidence(orientation.copy(), period.copy(), valid, crests)


def _by_cell(crests: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a view (rows, columns, 3, 3) of (3 rows, 3 columns)."""
    rows, columns = (side // POINTS for side in crests.shape)
    return crests.reshape(rows, POINTS, columns, POINTS).swapaxes(1, 2)
