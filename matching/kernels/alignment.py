"""The rigid motion that best lays paired minutiae on each other, directions included."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel
from matching.kernels.prepared import PreparedTemplate


class Motion(NamedTuple):
    """Probe to candidate: turn about the pivot by the angle of (cosine, sine), the pivot onto the target."""

    cosine: float
    sine: float
    pivot_x: float  # px in the probe: the centre of what was fitted
    pivot_y: float
    target_x: float  # px in the candidate
    target_y: float


@kernel
def fit_motion(
    probe: PreparedTemplate,
    candidate: PreparedTemplate,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    weights: NDArray[np.float32],
    lever: float,
) -> Motion:
    """Return the motion of least weighted squares over pairs of minutiae; the weights are not all 0.

    Closed form in the plane (Umeyama, IEEE PAMI 13(4), 1991); a direction counts as a point `lever` px away.
    """
    total, pivot_x, pivot_y, target_x, target_y = 0.0, 0.0, 0.0, 0.0, 0.0
    for pair in range(len(rows)):
        weight = weights[pair]
        total += weight
        pivot_x += weight * probe.minutiae[0, rows[pair]]
        pivot_y += weight * probe.minutiae[1, rows[pair]]
        target_x += weight * candidate.minutiae[0, columns[pair]]
        target_y += weight * candidate.minutiae[1, columns[pair]]
    pivot_x, pivot_y, target_x, target_y = (
        pivot_x / total,
        pivot_y / total,
        target_x / total,
        target_y / total,
    )
    along, across = 0.0, 0.0
    for pair in range(len(rows)):
        if weights[pair] == 0:
            continue
        x, y = probe.minutiae[0, rows[pair]] - pivot_x, probe.minutiae[1, rows[pair]] - pivot_y
        to_x = candidate.minutiae[0, columns[pair]] - target_x
        to_y = candidate.minutiae[1, columns[pair]] - target_y
        turn = candidate.minutiae[2, columns[pair]] - probe.minutiae[2, rows[pair]]
        along += weights[pair] * (x * to_x + y * to_y + lever * lever * math.cos(turn))
        across += weights[pair] * (x * to_y - y * to_x + lever * lever * math.sin(turn))
    length = math.hypot(along, across) + 1e-9
    return Motion(along / length, across / length, pivot_x, pivot_y, target_x, target_y)
