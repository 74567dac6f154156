"""Ridge evidence as a few hundred bytes: each value is foreseen from its neighbours, the rest is coded.

In this order, row by row: which cells are valid; orientation, then period, of the valid cells, each as what
it is off the median of left, above and both less the one between (Weinberger, Seroussi and Sapiro, IEEE TIP
9(8), 2000); crests, each point by seven points already known and the ridges' orientation.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.binary_coder import code_bit, ran_out

POINTS = 3  # crests of a cell, each way
VALID, LENGTH, REST, CREST = 0, 16, 144, 288  # first contexts of each kind
CONTEXTS = CREST + (8 << 7)
STEPS = (3, 8, 20)  # of what the neighbours were off, between four kinds of surroundings


Stream: TypeAlias = NDArray[np.int64]  # of binary_coder


class Planes(NamedTuple):
    """Ridge evidence (matching.template.RidgeEvidence); all cells not valid are 0."""

    orientation: NDArray[np.uint8]  # (rows, columns)
    period: NDArray[np.uint8]  # (rows, columns)
    valid: NDArray[np.bool_]  # (rows, columns)
    crests: NDArray[np.bool_]  # (3 rows, 3 columns)


@kernel
def code_flow(planes: Planes, stream: Stream) -> None:
    """Do as `code_ridges` with what comes first alone: the valid cells and their orientation."""
    _code_valid(planes.valid, stream)
    _code_values(planes.orientation, planes.valid, True, stream)


@kernel
def code_ridges(planes: Planes, with_crests: bool, stream: Stream) -> None:
    """Write the planes into the stream, or fill them from it; its contexts are CONTEXTS.

    A stream that ends before the planes are full leaves the rest as it was.
    """
    code_flow(planes, stream)
    _code_values(planes.period, planes.valid, False, stream)
    if with_crests:
        _code_crests(planes, stream)


@kernel
def _code_valid(valid: NDArray[np.bool_], stream: Stream) -> None:
    rows, columns = valid.shape
    for row in range(rows):
        if ran_out(stream):
            return
        for column in range(columns):
            context = int(column > 0 and valid[row, column - 1])
            if row > 0:
                context += 2 * int(valid[row - 1, column])
                context += 4 * int(column > 0 and valid[row - 1, column - 1])
                context += 8 * int(column + 1 < columns and valid[row - 1, column + 1])
            valid[row, column] = code_bit(stream, VALID + context, int(valid[row, column])) == 1


@kernel
def _code_values(
    values: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    circular: bool,
    stream: Stream,
) -> None:
    """Code what each valid cell is off the value foreseen, by how far its neighbours were off."""
    rows, columns = values.shape
    off_above, plane = np.zeros(columns, np.int64), 0 if circular else 1
    for row in range(rows):
        if ran_out(stream):
            return
        off_left = 0
        for column in range(columns):
            if not valid[row, column]:
                off_left, off_above[column] = 0, 0
                continue
            foreseen, known = _foreseen(values, valid, row, column, circular)
            off = (int(np.int64(values[row, column])) - foreseen + 128) % 256 - 128
            around, kind = off_left + int(off_above[column]), 0
            for step in STEPS:
                kind += int(around >= step)
            off = _code_number(stream, off, LENGTH + ((plane * 4 + kind) * 2 + known) * 8, plane)
            values[row, column] = np.uint8((foreseen + off) & 255)
            off_left = abs(off)
            off_above[column] = off_left


@kernel
def _foreseen(
    values: NDArray[np.uint8], valid: NDArray[np.bool_], row: int, column: int, circular: bool
) -> tuple[int, int]:
    """Return the value that the cells to the left and above suggest, and 1 where there are any, else 0."""
    has_left, has_above = column > 0 and valid[row, column - 1], row > 0 and valid[row - 1, column]
    left = int(np.int64(values[row, column - 1])) if has_left else 0
    above = int(np.int64(values[row - 1, column])) if has_above else 0
    if not has_left:
        return above, int(has_above)
    if not (has_above and valid[row - 1, column - 1]):
        return left, 1
    between = int(np.int64(values[row - 1, column - 1]))
    if circular:
        above = left + (above - left + 128) % 256 - 128
        between = left + (between - left + 128) % 256 - 128
    return min(max(left + above - between, min(left, above)), max(left, above)), 1


@kernel
def _code_number(stream: Stream, number: int, length: int, plane: int) -> int:
    """Code -128..127 folded into 0..255: how many bits that has, one a step, and those behind the first."""
    folded = 2 * abs(number) - int(number < 0)
    bits = 0
    while bits < 8 and code_bit(stream, length + bits, int(folded >> bits > 0)):
        bits += 1
    coded = 1 if bits > 0 else 0
    for place in range(bits - 2, -1, -1):
        context = REST + (plane * 9 + bits) * 8 + place
        coded = coded << 1 | code_bit(stream, context, folded >> place & 1)
    return -(coded + 1) // 2 if coded & 1 else coded // 2


@kernel
def _code_crests(planes: Planes, stream: Stream) -> None:
    """Code each point by the five nearest it in the row above and the two to its left; none counts as 0."""
    rows, columns = planes.crests.shape
    above, now = np.zeros(columns + 3, np.int64), np.zeros(columns + 3, np.int64)
    for row in range(rows):
        if ran_out(stream):
            return
        before, over = 0, above[0] << 1 | above[1]
        for column in range(columns):
            over = (over << 1 | above[column + 2]) & 31
            point = 0
            if planes.valid[row // POINTS, column // POINTS]:
                flow = (int(np.int64(planes.orientation[row // POINTS, column // POINTS])) + 16 & 255) >> 5
                context = CREST + (flow << 7 | before << 5 | over)
                point = code_bit(stream, context, int(planes.crests[row, column]))
                planes.crests[row, column] = point == 1
            before = (before << 1 | point) & 3
            now[column] = point
        above, now = now, above
