"""Minutiae on the skeleton: ridge endings and bifurcations with position, direction, type."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.cells import CELL
from matching.kernels.flow import flow_angle
from matching.kernels.skeleton import DOWN, ENDED, RIGHT, WALKED, arms, first_step, follow, ring_of, run_at
from matching.parameters import Detect

ENDING, BIFURCATION = 1, 2  # ISO/IEC 19794-2:2005, 7.4.2.1
X, Y, ANGLE, TYPE = 0, 1, 2, 3  # columns of a found minutia


@kernel
def find_minutiae(
    skeleton: NDArray[np.uint8], flow: NDArray[np.float32], foreground: NDArray[np.bool_], p: Detect
) -> NDArray[np.float32]:
    """Return (n, 4) float32: x, y in pixels, angle in radians [0, 2 pi) counter-clockwise (y up), type.

    skeleton (h, w) uint8, flow (2, rows, columns), foreground (rows, columns) bool. The angle points
    along the ridge from an ending, and between the two closest ridges from a bifurcation, as ISO/IEC
    19794-2:2005, 6.4.3 has it.
    """
    height, width = skeleton.shape
    found = np.empty((height * width // 4 + 1, 4), np.float32)
    path = np.empty((p.follow, 2), np.int32)
    count = 0
    for y in range(p.border, height - p.border):
        for x in range(p.border, width - p.border):
            if skeleton[y, x] == 0:
                continue
            ring = ring_of(skeleton, y, x)
            kind = arms(ring)
            if kind == 2 or kind == 0 or not _inside(foreground, y, x, p.border):
                continue
            if kind == 1:
                right, up = _ending(skeleton, y, x, ring, path)
            else:
                right, up = _bifurcation(skeleton, y, x, ring, p.arm, path)
            if right == 0.0 and up == 0.0:
                continue
            angle = flow_angle(flow, x, y)
            if right * math.cos(angle) + up * math.sin(angle) < 0.0:
                angle += math.pi
            if kind == 1 and not _stays(foreground, x, y, angle + math.pi, p.exit):
                continue
            found[count, X], found[count, Y], found[count, ANGLE] = x, y, angle
            found[count, TYPE] = ENDING if kind == 1 else BIFURCATION
            count += 1
    return found[:count].copy()


@kernel
def _inside(foreground: NDArray[np.bool_], y: int, x: int, border: int) -> bool:
    for bit in range(8):
        reach = border if bit % 2 == 0 else int(0.7 * border)
        if not foreground[(y + DOWN[bit] * reach) // CELL, (x + RIGHT[bit] * reach) // CELL]:
            return False
    return True


@kernel
def _stays(foreground: NDArray[np.bool_], x: int, y: int, angle: float, distance: int) -> bool:
    column = math.floor((x + distance * math.cos(angle)) / CELL)
    row = math.floor((y - distance * math.sin(angle)) / CELL)
    rows, columns = foreground.shape
    return 0 <= row < rows and 0 <= column < columns and bool(foreground[row, column])


@kernel
def _ending(
    skeleton: NDArray[np.uint8], y: int, x: int, ring: int, path: NDArray[np.int32]
) -> tuple[float, float]:
    """Return the direction (right, up) of the ridge; (0, 0) when it is a short island."""
    walked, why = follow(skeleton, y, x, first_step(ring), path)
    if why == ENDED:
        return 0.0, 0.0
    return float(path[walked - 1, 1] - x), float(y - path[walked - 1, 0])


@kernel
def _bifurcation(
    skeleton: NDArray[np.uint8], y: int, x: int, ring: int, shortest: int, path: NDArray[np.int32]
) -> tuple[float, float]:
    """Return the direction (right, up) between the two closest of three ridges; (0, 0) if one is short."""
    right, up = np.zeros(4), np.zeros(4)
    count = 0
    while ring:
        bit = first_step(ring)
        walked, why = follow(skeleton, y, x, bit, path)
        if why != WALKED and walked < shortest:
            return 0.0, 0.0
        across, down = float(path[walked - 1, 1] - x), float(path[walked - 1, 0] - y)
        length = math.hypot(across, down) + 1e-9
        right[count], up[count] = across / length, -down / length
        count += 1
        ring &= ~run_at(ring, bit)
    if count != 3:
        return 0.0, 0.0
    closest, apart = -2.0, 0
    for other in range(3):
        i, j = (other + 1) % 3, (other + 2) % 3
        cosine = right[i] * right[j] + up[i] * up[j]
        if cosine > closest:
            closest, apart = cosine, other
    i, j = (apart + 1) % 3, (apart + 2) % 3
    return right[i] + right[j], up[i] + up[j]


@kernel
def without_neighbours(minutiae: NDArray[np.float32], p: Detect) -> NDArray[np.float32]:
    """Drop minutiae that broken, bridged or scarred ridges leave: pairs that face each other, crowds."""
    count = len(minutiae)
    dropped = np.zeros(count, np.bool_)
    for i in range(count):
        for j in range(i + 1, count):
            distance = math.hypot(minutiae[j, X] - minutiae[i, X], minutiae[j, Y] - minutiae[i, Y])
            if distance >= p.facing:
                continue
            opposed = math.cos(minutiae[i, ANGLE] - minutiae[j, ANGLE]) < -0.5
            if opposed or distance < p.touch:
                dropped[i] = dropped[j] = True
            elif distance < p.crowd:
                dropped[j] = True
    return minutiae[~dropped]
