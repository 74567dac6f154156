"""Whether the ridges themselves agree where paired minutiae lay one impression on the other.

Square patches of the probe's ridges are laid on the candidate's, turned by the one motion that fits the
pairs and shifted by what the nearest pairs are off, then by a point more or less each way. Under a motion
that chance found, ridges of another flow and another count do not agree over a patch, whatever the shift.
"""

import math

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Ridges
from matching.kernels._jit import fast_kernel, kernel
from matching.kernels.alignment import Motion, fit_motion
from matching.kernels.prepared import CELL, POINTS, PreparedTemplate, X, Y

PITCH = CELL / POINTS  # px between two points of the crests


@kernel
def ridge_agreement(
    probe: PreparedTemplate,
    candidate: PreparedTemplate,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    constants: Ridges,
) -> float:
    """Return 0..1: how far the ridges near the pairs agree, by the mean correlation of patches; 0 of none.

    rows, columns (k,): the paired minutiae of the probe and of the candidate, k at least 1.
    """
    motion = fit_motion(probe, candidate, rows, columns, np.ones(len(rows), np.float32), constants.lever)
    known = misfits(probe, candidate, rows, columns, motion)
    side = 2 * constants.half + 1
    patch = np.empty((side, side), np.float32)
    under = np.empty((side + 2, side + 2), np.float32)
    total, count = 0.0, 0
    step = constants.step * POINTS
    for row in range(POINTS // 2, probe.crests.shape[0], step):
        for column in range(POINTS // 2, probe.crests.shape[1], step):
            if probe.crests[row, column] == 0:
                continue
            x, y = (column + 0.5) * PITCH, (row + 0.5) * PITCH
            off_x, off_y, nearest = displacement(
                known, len(rows), np.float32(x), np.float32(y), constants.soften
            )
            if nearest > constants.near:
                continue
            dx, dy = x - motion.pivot_x, y - motion.pivot_y
            to_x = motion.cosine * dx - motion.sine * dy + motion.target_x + float(off_x)
            to_y = motion.sine * dx + motion.cosine * dy + motion.target_y + float(off_y)
            take_patch(probe.crests, row, column, patch)
            take_turned(candidate.crests, (to_x, to_y), (motion.cosine, motion.sine), under)
            best = best_correlation(patch, under, constants.least)
            if best >= 0:
                total += max(0.0, best - constants.chance)
                count += 1
    return total / (1 - constants.chance) / (count + constants.few)


@kernel
def misfits(
    probe: PreparedTemplate,
    candidate: PreparedTemplate,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    motion: Motion,
) -> NDArray[np.float32]:
    """Return (4, k) px: places of the paired minutiae in the probe, and how far the motion misses them."""
    known = np.empty((4, len(rows)), np.float32)
    for pair in range(len(rows)):
        x, y = probe.minutiae[X, rows[pair]], probe.minutiae[Y, rows[pair]]
        dx, dy = x - motion.pivot_x, y - motion.pivot_y
        known[0, pair], known[1, pair] = x, y
        known[2, pair] = candidate.minutiae[X, columns[pair]] - (
            motion.cosine * dx - motion.sine * dy + motion.target_x
        )
        known[3, pair] = candidate.minutiae[Y, columns[pair]] - (
            motion.sine * dx + motion.cosine * dy + motion.target_y
        )
    return known


@kernel
def displacement(
    known: NDArray[np.float32], count: int, x: np.float32, y: np.float32, soften: float
) -> tuple[np.float32, np.float32, float]:
    """Return what the paired neighbours of a place are off (px), and how far the nearest is (px)."""
    total, off_x, off_y = np.float32(1e-12), np.float32(0), np.float32(0)
    nearest, soft = np.float32(1e12), np.float32(soften)
    for pair in range(count):
        dx, dy = known[0, pair] - x, known[1, pair] - y
        squared = dx * dx + dy * dy
        nearest = min(nearest, squared)
        weight = np.float32(1) / ((squared + soft) * (squared + soft))
        total += weight
        off_x += weight * known[2, pair]
        off_y += weight * known[3, pair]
    return off_x / total, off_y / total, math.sqrt(nearest)


@kernel
def take_patch(crests: NDArray[np.int8], row: int, column: int, patch: NDArray[np.float32]) -> None:
    """Fill (s, s), s odd, with the points around one; 0 outside."""
    half = patch.shape[0] // 2
    for down in range(patch.shape[0]):
        for right in range(patch.shape[1]):
            y, x = row + down - half, column + right - half
            inside = 0 <= y < crests.shape[0] and 0 <= x < crests.shape[1]
            patch[down, right] = crests[y, x] if inside else 0


@kernel
def take_turned(
    crests: NDArray[np.int8],
    place: tuple[float, float],
    turn: tuple[float, float],
    patch: NDArray[np.float32],
) -> None:
    """Fill (s, s), s odd, from a grid of points turned by (cosine, sine) about a place in px, bilinear."""
    cosine, sine = np.float32(turn[0]), np.float32(turn[1])
    half = patch.shape[0] // 2
    middle_x, middle_y = np.float32(place[0] / PITCH - 0.5), np.float32(place[1] / PITCH - 0.5)
    last_x, last_y = np.float32(crests.shape[1] - 1), np.float32(crests.shape[0] - 1)
    for down in range(patch.shape[0]):
        left = middle_x - sine * np.float32(down - half)
        top = middle_y + cosine * np.float32(down - half)
        for right in range(patch.shape[1]):
            x = left + cosine * np.float32(right - half)
            y = top + sine * np.float32(right - half)
            patch[down, right] = 0
            if x >= 0 and y >= 0 and x < last_x and y < last_y:
                column, row = np.uint32(x), np.uint32(y)
                u, v = x - np.float32(column), y - np.float32(row)
                first, second = np.float32(crests[row, column]), np.float32(crests[row, column + 1])
                above = first + u * (second - first)
                first, second = np.float32(crests[row + 1, column]), np.float32(crests[row + 1, column + 1])
                below = first + u * (second - first)
                patch[down, right] = above + v * (below - above)


@kernel
def best_correlation(patch: NDArray[np.float32], under: NDArray[np.float32], least: int) -> float:
    """Return the largest correlation of (s, s) with the nine windows of (s + 2, s + 2).

    Of the points known (not 0) in both, of which there are `least` or more; -1 where there are never so many.
    The patch is widened with zeros, so that each window is one run of memory.
    """
    side, width = patch.shape[0], under.shape[1]
    wide = np.zeros(side * width, np.float32)
    for row in range(side):
        for column in range(side):
            wide[row * width + column] = patch[row, column]
    wide, flat = wide[: side * width - 2], under.ravel()
    best = -1.0
    for down in range(3):
        for right in range(3):
            start = down * width + right
            products, own, others = sums(wide, flat[start : start + len(wide)])
            if own >= least and others > 0:
                best = max(best, float(products / math.sqrt(own * others)))
    return best


@fast_kernel
def sums(own: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[np.float32, np.float32, np.float32]:
    """Return sums over the points known in both: of products, of own squares and of the other's."""
    products, squares, others = np.float32(0), np.float32(0), np.float32(0)
    for place in range(len(own)):
        first, second = own[place], other[place]
        square = first * first
        products += first * second
        squares += square if second != 0 else np.float32(0)
        others += square * second * second
    return products, squares, others
