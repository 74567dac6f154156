"""Ground truth: the minutiae of a finger, from the phase of its ridges."""

import numpy as np
from numpy.typing import NDArray

from fwtools.synthesis.kernels import phase_turns, sample
from matching.template import MINUTIA, TYPE_BIFURCATION, TYPE_ENDING

Image = NDArray[np.float32]
JOG = 8.0  # pixels; opposed ends nearer than a ridge period, of which NBIS sees one in three; tried 4..10
FORK = 2.0  # pixels from the end of the added line back to where its two neighbours meet; see find_minutiae


def find_minutiae(
    even: Image, odd: Image, orientation: Image, period: Image, keep: NDArray[np.bool_]
) -> NDArray[np.void]:
    """Return (n,) of MINUTIA: every place where the phase of the ridges turns once, where `keep` is set.

    even, odd, orientation as `growth.grow` has them. On one side of such a place there is one line more than
    on the other. If that line is a ridge, a ridge ends there; if it is a valley, two ridges join there. The
    angle points to the side with the added line; the position is where its neighbours meet: the fork of the
    valley before a ridge ending, the fork of the ridge of a bifurcation (ISO/IEC 19794-2:2005, 6.3, 6.4).
    """
    turns = phase_turns(even, odd, orientation)
    rows, columns = np.nonzero((turns != 0) & keep[:-1, :-1])
    angle = orientation[rows, columns] + np.where(turns[rows, columns] > 0, 0, np.pi)
    x, y = columns + 0.5, rows + 0.5
    reach = 0.6 * period[rows, columns]
    added = sample(
        even, (x + reach * np.cos(angle)).astype(np.float32), (y - reach * np.sin(angle)).astype(np.float32)
    )
    minutiae = np.zeros(len(rows), MINUTIA)
    minutiae["x"] = x - FORK * np.cos(angle)
    minutiae["y"] = y + FORK * np.sin(angle)
    minutiae["angle"] = np.mod(angle, 2 * np.pi)
    minutiae["type"] = np.where(added > 0, TYPE_ENDING, TYPE_BIFURCATION)
    return minutiae[~_jogs(minutiae)]


def _jogs(minutiae: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return which have an opposed neighbour so near that no line ends: the ridge only steps aside."""
    x, y, angle = minutiae["x"], minutiae["y"], minutiae["angle"]
    near = np.hypot(x[:, None] - x, y[:, None] - y) < JOG
    opposed = np.cos(angle[:, None] - angle) < -0.5
    jogs: NDArray[np.bool_] = (near & opposed).any(axis=1)
    return jogs
