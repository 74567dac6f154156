"""Template: what extraction keeps of an image and comparison works on. Every unit is stated here."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TYPE_OTHER, TYPE_ENDING, TYPE_BIFURCATION = 0, 1, 2  # ISO/IEC 19794-2:2005, 7.4.2.1
TYPES = ("other", "ending", "bifurcation")
MAXIMUM_MINUTIAE = 255  # ISO/IEC 19794-2:2005, 7.4.1.4
REFERENCE_PPI = 500.0  # every template is in pixels of this resolution, whatever the image had
BLOCK = 8  # pixels of one cell of the ridge evidence

MINUTIA = np.dtype(
    [
        ("x", np.float32),  # pixels at 500 ppi, from the left edge
        ("y", np.float32),  # pixels at 500 ppi, from the top edge, growing down
        ("angle", np.float32),  # radians in [0, 2 pi), counter-clockwise from +x seen by a person (y up)
        ("type", np.uint8),  # 0 other, 1 ridge ending, 2 bifurcation
        ("quality", np.uint8),  # 0 not reported, 1..100
    ]
)

CORE, DELTA = 1, 2  # kinds of singular points
SINGULAR = np.dtype(
    [
        ("x", np.float32),  # pixels at 500 ppi, as of a minutia
        ("y", np.float32),
        (
            "angle",
            np.float32,
        ),  # radians in [0, 2 pi), y up: where a core opens to, or a side of a delta
        ("kind", np.uint8),
    ]
)
MAXIMUM_SINGULAR = 30  # more than a four-finger image has
# of an upright finger as its image shows it: a left loop opens to the left
UNKNOWN_PATTERN, ARCH, TENTED_ARCH, LEFT_LOOP, RIGHT_LOOP, WHORL = range(6)
PATTERNS = ("unknown", "arch", "tented arch", "left loop", "right loop", "whorl")


def _no_points() -> NDArray[np.void]:
    return np.zeros(0, SINGULAR)


@dataclass(frozen=True, slots=True, eq=False)
class RidgeEvidence:
    """The ridge flow, one cell every `BLOCK` pixels at 500 ppi; every array is (rows, columns)."""

    orientation: NDArray[np.uint8]  # of the ridges, units of pi/256, counter-clockwise from +x (y up)
    period: NDArray[np.uint8]  # ridge to ridge, units of 1/16 pixel; 0 unknown
    valid: NDArray[np.bool_]  # inside the segmented foreground
    crests: NDArray[np.bool_] | None = None  # (3 rows, 3 columns): on a ridge, 3 x 3 points of a valid cell


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Minutiae of one impression, and the ridge evidence when it is our own and not read from a record."""

    minutiae: NDArray[np.void]  # (n,) of MINUTIA, n <= 255
    width: int  # pixels at 500 ppi
    height: int  # pixels at 500 ppi
    ridges: RidgeEvidence | None = None
    position: int = 0  # finger position, ISO/IEC 19794-2:2005 table 2: 0 unknown, 1..5 right, 6..10 left
    quality: int = 0  # of the finger, 0..100
    singular: NDArray[np.void] = field(default_factory=_no_points)  # (n,) of SINGULAR: cores and deltas
    pattern: int = UNKNOWN_PATTERN
