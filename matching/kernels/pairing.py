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
from matching.kernels.prepared import ANGLE, CELL, PreparedTemplate, X, Y

NOBODY = -1
LANES = 16  # values of a vector of the widest processors
TURN = np.float32(2 * math.pi)
WEIGHT, OFF_X, OFF_Y, NEAREST = 2, 3, 4, 5  # rows of what is known ahead, after the place; px, px^2
PLACE_SHARE = np.float32(0.6)  # of the cost; direction has the rest


class Pairs(NamedTuple):
    """Who is paired with whom; a workspace as long as the probe has minutiae."""

    rows: NDArray[np.int32]  # minutiae of the probe, in the order of pairing
    columns: NDArray[np.int32]  # their partners in the candidate
    closeness: NDArray[np.float32]  # 0..1, 1 where place and direction are as expected


@kernel
def room_for(count: int) -> Pairs:
    """Return a workspace for a probe with this many minutiae."""
    return Pairs(np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.float32))


@kernel
def pair_outward(
    probe: PreparedTemplate, candidate: PreparedTemplate, motion: Motion, constants: Pairing, pairs: Pairs
) -> int:
    """Fill `pairs` from the pivot outward and return how many there are."""
    minutiae, others = probe.minutiae, candidate.minutiae
    taken = np.zeros(others.shape[1], np.bool_)
    turn = np.float32(math.atan2(motion.sine, motion.cosine))
    order = outward(minutiae, motion.pivot_x, motion.pivot_y)
    ahead = _unvisited(minutiae, order)
    count = 0
    for step in range(len(order)):
        index = order[step]
        own_x, own_y = minutiae[X, index], minutiae[Y, index]
        dx, dy = own_x - motion.pivot_x, own_y - motion.pivot_y
        x = np.float32(motion.cosine * dx - motion.sine * dy + motion.target_x)
        y = np.float32(motion.sine * dx + motion.cosine * dy + motion.target_y)
        reach = constants.reach
        if count > 0:
            nearest = math.sqrt(ahead[NEAREST, step])
            reach = min(constants.tight + constants.loosen * nearest, constants.loose)
        off_x = ahead[OFF_X, step] / ahead[WEIGHT, step]
        off_y = ahead[OFF_Y, step] / ahead[WEIGHT, step]
        expected = (x + off_x, y + off_y, minutiae[ANGLE, index] + turn)
        other, cost = _closest(
            others, candidate.starts, taken, expected, (np.float32(reach), np.float32(constants.turn))
        )
        if other != NOBODY:
            taken[other] = True
            pairs.rows[count], pairs.columns[count] = index, other
            pairs.closeness[count] = np.float32(1) - cost
            off = others[X, other] - x, others[Y, other] - y
            _tell_ahead(ahead, step, off, np.float32(constants.soften))
            count += 1
    return count


@kernel
def outward(minutiae: NDArray[np.float32], x: float, y: float) -> NDArray[np.int32]:
    """Return the minutiae of (3, n) by their distance from a point, the nearest first, by counting."""
    count = minutiae.shape[1]
    away = np.full((count + LANES - 1) // LANES * LANES, np.float32(np.inf), np.float32)
    for index in range(count):
        dx, dy = minutiae[X, index] - x, minutiae[Y, index] - y
        away[index] = np.float32(dx * dx + dy * dy)
    nearer = np.zeros(len(away), np.int32)
    for other in range(count):
        distance = away[other]
        for index in range(len(away)):
            nearer[index] += np.int32(distance < away[index])
    order = np.full(count, NOBODY, np.int32)
    for index in range(count):
        rank = nearer[index]
        while order[rank] != NOBODY:  # one as far away came first
            rank += 1
        order[rank] = index
    return order


@kernel
def _unvisited(minutiae: NDArray[np.float32], order: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return (6, n): place, and the sums over the pairs known so far, of none, in the order of visits."""
    ahead = np.empty((6, len(order)), np.float32)
    for step in range(len(order)):
        ahead[X, step], ahead[Y, step] = minutiae[X, order[step]], minutiae[Y, order[step]]
    ahead[WEIGHT] = np.float32(1e-12)
    ahead[OFF_X] = 0
    ahead[OFF_Y] = 0
    ahead[NEAREST] = np.float32(1e12)
    return ahead


@kernel
def _tell_ahead(
    ahead: NDArray[np.float32], first: int, off: tuple[np.float32, np.float32], soft: np.float32
) -> None:
    """Add the pair of a step to the sums from it on: by how much it is off counts less with distance."""
    own_x, own_y = ahead[X, first], ahead[Y, first]
    for step in range(first, ahead.shape[1]):
        dx, dy = own_x - ahead[X, step], own_y - ahead[Y, step]
        squared = dx * dx + dy * dy
        weight = np.float32(1) / ((squared + soft) * (squared + soft))
        ahead[NEAREST, step] = min(ahead[NEAREST, step], squared)
        ahead[WEIGHT, step] += weight
        ahead[OFF_X, step] += weight * off[0]
        ahead[OFF_Y, step] += weight * off[1]


@kernel
def _closest(
    minutiae: NDArray[np.float32],
    starts: NDArray[np.int16],
    taken: NDArray[np.bool_],
    expected: tuple[np.float32, np.float32, np.float32],
    limits: tuple[np.float32, np.float32],
) -> tuple[int, np.float32]:
    """Return the free minutia nearest in place and direction within the limits (px, rad); cost 0..1."""
    x, y, angle = expected
    reach, turn = limits
    best, least = NOBODY, np.float32(1)
    row = max(0, min(math.floor((y - reach) / CELL), len(starts) - 1))
    for other in range(starts[row], minutiae.shape[1]):
        dy = minutiae[Y, other] - y
        if dy > reach:
            break
        dx = minutiae[X, other] - x
        squared = dx * dx + dy * dy
        if squared >= reach * reach or taken[other]:
            continue
        misturn = minutiae[ANGLE, other] - angle
        misturn = abs(misturn - TURN * np.rint(misturn / TURN))
        if misturn < turn:
            away, turned = squared / (reach * reach), (misturn / turn) * (misturn / turn)
            cost = PLACE_SHARE * away + (np.float32(1) - PLACE_SHARE) * turned
            if cost < least:
                best, least = other, cost
    return best, least
