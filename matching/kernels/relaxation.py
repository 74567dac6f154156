"""Pairs of minutiae support each other when one motion explains both.

After the local similarity sort with relaxation of Cappelli, Ferrara and Maltoni, IEEE PAMI 32(12), 2010,
section 4.2, with a tolerance that grows with distance.
"""

import math

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Relaxation
from matching.kernels._jit import kernel
from matching.kernels.prepared import PreparedTemplate

CLEARLY = 1 + 1e-6  # what misses a limit by more than rounding needs no slow, exact distance


@kernel
def wrapped(angle: float) -> float:
    """Return a difference of two angles of [-pi, pi) in [-pi, pi]."""
    if angle > math.pi:
        return angle - 2 * math.pi
    if angle < -math.pi:
        return angle + 2 * math.pi
    return angle


@kernel
def mutual_support(
    probe: PreparedTemplate,
    candidate: PreparedTemplate,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    constants: Relaxation,
) -> NDArray[np.float32]:
    """Return (k, k) float32 in 0..1, symmetric, 0 on the diagonal: how well one motion explains two pairs."""
    count = len(rows)
    support = np.zeros((count, count), np.float32)
    turns = np.empty(count, np.float64)
    for pair in range(count):
        turns[pair] = wrapped(candidate.minutiae[2, columns[pair]] - probe.minutiae[2, rows[pair]])
    for first in range(count):
        for second in range(first):
            misturn = wrapped(turns[second] - turns[first])
            if abs(misturn) > 2 * constants.turn:
                continue
            turn = turns[first] + misturn / 2
            cosine, sine = math.cos(turn), math.sin(turn)
            dx = probe.minutiae[0, rows[second]] - probe.minutiae[0, rows[first]]
            dy = probe.minutiae[1, rows[second]] - probe.minutiae[1, rows[first]]
            to_x = candidate.minutiae[0, columns[second]] - candidate.minutiae[0, columns[first]]
            to_y = candidate.minutiae[1, columns[second]] - candidate.minutiae[1, columns[first]]
            off_x, off_y = cosine * dx - sine * dy - to_x, sine * dx + cosine * dy - to_y
            about = math.sqrt(dx * dx + dy * dy) + math.sqrt(to_x * to_x + to_y * to_y)
            limit = CLEARLY * 2 * (constants.distance + constants.stretch * about / 2)
            if off_x * off_x + off_y * off_y > limit * limit:
                continue
            length = (math.hypot(dx, dy) + math.hypot(to_x, to_y)) / 2
            misfit = math.hypot(off_x, off_y) / (constants.distance + constants.stretch * length)
            if misfit > 2:
                continue
            value = 1 / ((1 + misfit**4) * (1 + (misturn / constants.turn) ** 4))
            support[first, second] = value
            support[second, first] = value
    return support


@kernel
def relax(likeness: NDArray[np.float32], support: NDArray[np.float32], constants: Relaxation) -> None:
    """Let supported pairs grow and lonely ones fade, in place, for the stated number of rounds."""
    count = len(likeness)
    share = (1 - constants.memory) * constants.gain / max(count - 1, 1)
    after = np.empty(count, np.float32)
    for _ in range(constants.rounds):
        for pair in range(count):
            gained = np.float32(0)
            for other in range(count):
                gained += support[pair, other] * likeness[other]
            after[pair] = constants.memory * likeness[pair] + share * gained
        likeness[:] = after
