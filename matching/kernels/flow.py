"""Ridge flow: one doubled-angle vector a cell, its length the coherence."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.cells import CELL
from matching.parameters import Flow


@kernel
def balanced(tensor: NDArray[np.float32], mask: NDArray[np.bool_], balance: float) -> NDArray[np.float32]:
    """Keep masked cells of a (3, rows, columns) tensor, strong cells scaled down to about the others."""
    result = np.zeros_like(tensor)
    _, rows, columns = tensor.shape
    for row in range(rows):
        for column in range(columns):
            if mask[row, column]:
                scale = np.float32(1) / (tensor[2, row, column] + np.float32(balance))
                for layer in range(3):
                    result[layer, row, column] = tensor[layer, row, column] * scale
    return result


@kernel
def blend(fine: NDArray[np.float32], coarse: NDArray[np.float32], p: Flow) -> NDArray[np.float32]:
    """Two smoothed (3, rows, columns) tensors -> (2, rows, columns) flow.

    The direction comes from the fine tensor where that is coherent and from the coarse one where it is
    not; the length is the coherence of the fine one, 0..1.
    """
    _, rows, columns = fine.shape
    flow = np.zeros((2, rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            near = fine[2, row, column] + 1e-6
            far = coarse[2, row, column] + 1e-6
            coherence = math.hypot(fine[0, row, column], fine[1, row, column]) / near
            trust = min(1.0, max(0.0, (coherence - p.unsure) / (p.sure - p.unsure)))
            straight = trust * fine[0, row, column] / near + (1 - trust) * coarse[0, row, column] / far
            diagonal = trust * fine[1, row, column] / near + (1 - trust) * coarse[1, row, column] / far
            scale = coherence / (math.hypot(straight, diagonal) + 1e-9)
            flow[0, row, column] = straight * scale
            flow[1, row, column] = diagonal * scale
    return flow


@kernel
def angle_of(straight: float, diagonal: float) -> float:
    """Return the orientation of a doubled-angle vector, radians in [0, pi), counter-clockwise, y up."""
    angle = 0.5 * math.atan2(diagonal, straight)
    return angle if angle >= 0.0 else angle + math.pi


@kernel
def flow_angle(flow: NDArray[np.float32], x: float, y: float) -> float:
    """Return the orientation at a pixel, interpolated between the centres of cells; radians in [0, pi)."""
    _, rows, columns = flow.shape
    across = min(max((x + 0.5) / CELL - 0.5, 0.0), columns - 1.0)
    down = min(max((y + 0.5) / CELL - 0.5, 0.0), rows - 1.0)
    column, row = min(int(across), max(columns - 2, 0)), min(int(down), max(rows - 2, 0))
    right, below = min(column + 1, columns - 1), min(row + 1, rows - 1)
    u, v = across - column, down - row
    straight, diagonal = 0.0, 0.0
    for r, c, weight in (
        (row, column, (1 - u) * (1 - v)),
        (row, right, u * (1 - v)),
        (below, column, (1 - u) * v),
        (below, right, u * v),
    ):
        length = math.hypot(flow[0, r, c], flow[1, r, c]) + 1e-9
        straight += weight * flow[0, r, c] / length
        diagonal += weight * flow[1, r, c] / length
    return angle_of(straight, diagonal)


@kernel
def angles(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2, rows, columns) flow -> (rows, columns) float32 orientation, radians in [0, pi)."""
    _, rows, columns = flow.shape
    result = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            result[row, column] = angle_of(flow[0, row, column], flow[1, row, column])
    return result
