"""The exposure of a sensor whose pictures are far too dark or too bright: the next one to try. Pure.

Only faults of the device are meant (a light that has aged, a unit set wrong), not dry or heavy fingers: those
are for whoever gives advice. The recording's finger has 182 at the percentile below and 0.02 % of its pixels
at the end of the scale; of 150 real impressions on the virtual scanner the weakest has 68, one in a hundred
less than 77, and none any pixel at the end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLACK = 18.0  # grey level without light
PERCENTILE = 99.5  # of a picture's grey levels: the brightest ridges, wherever they lie
DARK, AIM = 70.0, 130.0  # at this percentile: below is too dark, and what is tried to reach then
WHITE = 250  # grey levels from here on are at the end of the scale
CLIPPED = 0.05  # of a picture's pixels: more is too bright
LONGER, SHORTER = 1.5, 0.8  # most of one step, and the step down
LEAST, MOST = 0.5, 2.0  # of the factory's own exposure: how far the sensor obeys is not known
STEPS = 3  # for one finger
ANSWERED = 0.25  # of what a step should have changed; less, and the device does not obey


@dataclass(frozen=True, slots=True)
class Seen:
    """How bright a picture with a finger in it is."""

    bright: float  # grey level at the percentile
    clipped: float  # share of pixels at the end of the scale


def brightness(raw: NDArray[np.uint8]) -> Seen:
    """Measure a raw picture, light ridges on dark ground; every fourth pixel each way is enough."""
    some = raw[::4, ::4]
    return Seen(float(np.percentile(some, PERCENTILE)), float((some >= WHITE).mean()))


def next_exposure(now: int, factory: int, seen: Seen) -> int:
    """Return the exposure for the next picture; the same one when nothing is wrong or left to try."""
    wanted = float(now)
    if seen.clipped > CLIPPED:
        wanted = now * SHORTER
    elif seen.bright < DARK:
        wanted = now * min(LONGER, (AIM - BLACK) / max(1.0, seen.bright - BLACK))
    return within(round(wanted), factory)


def within(exposure: int, factory: int) -> int:
    """Return the exposure, or the bound that it lies beyond."""
    return max(round(factory * LEAST), min(round(factory * MOST), exposure))


def obeyed(before: Seen, after: Seen, ratio: float) -> bool:
    """Whether the picture followed an exposure of `ratio` times the one before."""
    if ratio < 1:
        return after.clipped < before.clipped or after.bright < before.bright
    light = max(1.0, before.bright - BLACK)
    return after.bright - BLACK >= light * (1 + ANSWERED * (ratio - 1))
