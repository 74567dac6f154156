"""One to one pairing of minutiae under a motion, following the skin's distortion from where it is known.

The probe's minutiae are visited from the pivot outward; each is moved by the motion and then by what its
paired neighbours were off, so that the tolerance can stay small (the idea of elastic matching: Bazen and
Gerez, Fingerprint matching by thin-plate spline modelling, Pattern Recognition 36(8), 2003, without the
spline).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Pairing
from matching.kernels._jit import kernel
from matching.kernels.alignment import Motion
from matching.kernels.prepared import ANGLE, PreparedTemplate, X, Y

NOBODY = -1


class Pairs(NamedTuple):
    """Who is paired with whom; a workspace as long as the probe has minutiae."""

    rows: NDArray[np.int32]  # minutiae of the probe, in the order of pairing
    columns: NDArray[np.int32]  # their partners in the candidate
    closeness: NDArray[np.float32]  # 0..1, 1 where place and direction are as expected
    off: NDArray[np.float32]  # (2, n) px from where the motion alone leads to the partner


@kernel
def room_for(count: int) -> Pairs:
    """Return a workspace for a probe with this many minutiae."""
    return Pairs(
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.float32),
        np.empty((2, count), np.float32),
    )


@kernel
def pair_outward(
    probe: PreparedTemplate, candidate: PreparedTemplate, motion: Motion, constants: Pairing, pairs: Pairs
) -> int:
    """Fill `pairs` from the pivot outward and return how many there are."""
    taken = np.zeros(candidate.minutiae.shape[1], np.bool_)
    turn = np.float32(math.atan2(motion.sine, motion.cosine))
    known = 0
    for index in _outward(probe.minutiae, motion):
        dx, dy = probe.minutiae[X, index] - motion.pivot_x, probe.minutiae[Y, index] - motion.pivot_y
        x = np.float32(motion.cosine * dx - motion.sine * dy + motion.target_x)
        y = np.float32(motion.sine * dx + motion.cosine * dy + motion.target_y)
        off_x, off_y, nearest = _displacement(probe, index, pairs, known, constants.soften)
        reach = constants.reach
        if known > 0:
            reach = min(constants.tight + constants.loosen * float(nearest), constants.loose)
        angle = probe.minutiae[ANGLE, index] + turn
        place = (x + off_x, y + off_y, angle)
        other, cost = _closest(candidate.minutiae, taken, place, reach, constants.turn)
        if other != NOBODY:
            taken[other] = True
            pairs.rows[known], pairs.columns[known] = index, other
            pairs.closeness[known] = 1 - cost
            pairs.off[X, known] = candidate.minutiae[X, other] - x
            pairs.off[Y, known] = candidate.minutiae[Y, other] - y
            known += 1
    return known


@kernel
def _outward(minutiae: NDArray[np.float32], motion: Motion) -> NDArray[np.int32]:
    """Return the minutiae of (3, n) by their distance from the pivot, the nearest first."""
    count = minutiae.shape[1]
    order = np.empty(count, np.int32)
    away = np.empty(count, np.float32)
    for index in range(count):
        dx, dy = minutiae[X, index] - motion.pivot_x, minutiae[Y, index] - motion.pivot_y
        distance = np.float32(dx * dx + dy * dy)
        place = index
        while place > 0 and away[place - 1] > distance:
            away[place] = away[place - 1]
            order[place] = order[place - 1]
            place -= 1
        away[place] = distance
        order[place] = index
    return order


@kernel
def _displacement(
    probe: PreparedTemplate, index: int, pairs: Pairs, known: int, soften: float
) -> tuple[np.float32, np.float32, np.float32]:
    """Return what the paired neighbours of a minutia are off (px), and how far the nearest is (px)."""
    x, y = probe.minutiae[X, index], probe.minutiae[Y, index]
    total, off_x, off_y = np.float32(1e-12), np.float32(0), np.float32(0)
    nearest = np.float32(1e12)
    for pair in range(known):
        dx, dy = probe.minutiae[X, pairs.rows[pair]] - x, probe.minutiae[Y, pairs.rows[pair]] - y
        squared = dx * dx + dy * dy
        nearest = min(nearest, squared)
        weight = np.float32(1) / (squared + np.float32(soften))
        weight *= weight
        total += weight
        off_x += weight * pairs.off[X, pair]
        off_y += weight * pairs.off[Y, pair]
    return off_x / total, off_y / total, np.sqrt(nearest)


@kernel
def _closest(
    minutiae: NDArray[np.float32],
    taken: NDArray[np.bool_],
    place: tuple[np.float32, np.float32, np.float32],
    reach: float,
    turn: float,
) -> tuple[int, float]:
    """Return the free minutia nearest in place and direction within `reach` px and `turn` rad; cost 0..1."""
    x, y, angle = place
    best, least = NOBODY, 1.0
    for other in range(np.searchsorted(minutiae[Y], np.float32(y - reach)), minutiae.shape[1]):
        dy = minutiae[Y, other] - y
        if dy > reach:
            break
        dx = minutiae[X, other] - x
        squared = dx * dx + dy * dy
        if squared >= reach * reach or taken[other]:
            continue
        misturn = (minutiae[ANGLE, other] - angle + 3 * math.pi) % (2 * math.pi) - math.pi
        if abs(misturn) >= turn:
            continue
        cost = 0.6 * squared / (reach * reach) + 0.4 * (misturn / turn) ** 2
        if cost < least:
            best, least = other, cost
    return best, least
