"""Ridges grown from noise by iterated contextual filtering, first coarse, then at full resolution.

Cappelli, Maio and Maltoni, "Synthetic fingerprint-image generation", ICPR 2000 (SFinGe): filters tuned to
the local orientation and period, applied again and again, turn any start into ridges; minutiae appear by
themselves where ridges of different origin meet.
"""

from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.kernels import CENTRE, TAPS, filter_ridges, spline_up
from fwtools.synthesis.noise import smooth_noise

ORIENTATIONS = 48  # of a filter bank, in half a turn
PERIODS = 14  # of a filter bank, in equal ratios
COARSE = 2  # full-resolution pixels of a pixel of the coarse stage; a period stays above 3 pixels
PASSES = (10, 20)  # at the coarse stage, at least and fewer than; tried 4..20: 95 to 58 minutiae a finger
FINE_PASSES = 2
COARSE_ENVELOPE = (0.42, 0.62)  # periods across and along, deviation; along 0.55 leaves 2 % more minutiae
FINE_ENVELOPE = (0.36, 0.36)  # the filters of TAPS pixels hold no more

Image = NDArray[np.float32]


@lru_cache(maxsize=4)
def filter_bank(shortest: float, longest: float, envelope: tuple[float, float], odd: bool) -> Image:
    """Return (ORIENTATIONS * PERIODS, TAPS, TAPS) float32 Gabor filters without response to constants.

    Periods in pixels; envelope: deviations across and along the ridge, in periods. An even filter answers
    ridge crests with 1, an odd one slopes that rise towards the ridge's left-hand normal (-sin, cos), y up.
    """
    taps = np.arange(TAPS) - CENTRE
    x, y = np.meshgrid(taps, -taps)
    angle = np.arange(ORIENTATIONS)[:, None, None, None] * np.pi / ORIENTATIONS
    period = np.geomspace(shortest, longest, PERIODS)[None, :, None, None]
    u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    across, along = envelope
    weight = np.exp(-0.5 * ((u / (along * period)) ** 2 + (v / (across * period)) ** 2))
    weight[..., -1, :] = 0
    weight[..., :, -1] = 0
    wave = np.sin(2 * np.pi * v / period) if odd else np.cos(2 * np.pi * v / period)
    mean = (weight * wave).sum((2, 3), keepdims=True) / weight.sum((2, 3), keepdims=True)
    bank = weight * (wave - mean)
    gain = (bank * wave).sum((2, 3), keepdims=True)
    filters: Image = (bank / gain).reshape(-1, TAPS, TAPS).astype(np.float32)
    return filters


def choose(
    orientation: Image, period: Image, inside: NDArray[np.bool_], shortest: float, longest: float
) -> NDArray[np.int32]:
    """Return (h, w) int32: the filter of each pixel, -1 outside the finger."""
    ratio = np.log(longest / shortest) / (PERIODS - 1)
    which = np.clip(np.rint(np.log(period / shortest) / ratio), 0, PERIODS - 1).astype(np.int32)
    angle = np.rint(orientation * (ORIENTATIONS / np.pi)).astype(np.int32) % ORIENTATIONS
    return np.where(inside, angle * PERIODS + which, -1).astype(np.int32)


def padded(image: Image) -> Image:
    """Return the image with the margin that `filter_ridges` reads."""
    return np.pad(image, ((CENTRE, TAPS - CENTRE), (CENTRE, TAPS - CENTRE)))


def saturate(image: Image) -> Image:
    """Return the image pressed into -1..1: strong ridges stay, weak ones grow."""
    pressed: Image = image / np.sqrt(np.float32(0.2) + image * image)
    return pressed


def grow(
    rng: Generator,
    orientation: Image,
    period: Image,
    inside: NDArray[np.bool_],
    shortest: float,
    longest: float,
) -> tuple[Image, Image]:
    """Return (even, odd), both (h, w) float32: the ridges as a cosine, and the sine that goes with it.

    orientation in radians (counter-clockwise, y up), period in pixels, inside where the finger is; height and
    width are multiples of COARSE. The phase atan2(odd, even) grows towards the ridge's left-hand normal.
    """
    height, width = orientation.shape
    every = slice(None, None, COARSE)
    bank = filter_bank(shortest / COARSE, longest / COARSE, COARSE_ENVELOPE, odd=False)
    choice = choose(
        orientation[every, every],
        period[every, every] / np.float32(COARSE),
        inside[every, every],
        shortest / COARSE,
        longest / COARSE,
    )
    ridges = smooth_noise(rng, (height // COARSE, width // COARSE), 1.0)
    for _ in range(int(rng.integers(*PASSES))):
        ridges = saturate(filter_ridges(padded(ridges), bank, choice))
    ridges = enlarge(ridges)
    bank = filter_bank(shortest, longest, FINE_ENVELOPE, odd=False)
    choice = choose(orientation, period, inside, shortest, longest)
    for _ in range(FINE_PASSES):
        ridges = saturate(filter_ridges(padded(ridges), bank, choice))
    source = padded(ridges)
    slopes = filter_ridges(source, filter_bank(shortest, longest, FINE_ENVELOPE, odd=True), choice)
    turned = orientation > np.pi * (
        1 - 0.5 / ORIENTATIONS
    )  # these took filter 0, whose normal points the other way
    return filter_ridges(source, bank, choice), np.where(turned, slopes, -slopes)


def enlarge(image: Image) -> Image:
    """Return the image COARSE times larger, by a cubic B-spline; the filters undo its softness."""
    height, width = image.shape
    nodes = np.pad(image, ((1, 3), (1, 3)), mode="edge")
    return spline_up(nodes, height * COARSE, width * COARSE, float(COARSE))
