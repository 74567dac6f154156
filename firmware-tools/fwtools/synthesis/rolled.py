"""A finger that rolls over the glass from nail to nail: the pictures a live scanner takes, and the truth.

A finger that rolls without slipping lays each piece of its skin down at one place, so that all pictures are
in the same coordinates; only the strip that touches moves on. Lengths are pixels at 500 ppi.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.contact import BY_FINGER, ROUND_TIP, STRAIGHT_END
from fwtools.synthesis.distortion import waves
from fwtools.synthesis.finger import HEIGHT, ROUND, WIDTH, Finger
from fwtools.synthesis.impressions import VISIBLE, draw_condition
from fwtools.synthesis.ink import Laid, clean_ink, lay, pressed
from fwtools.synthesis.kernels import sample
from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.people import stream
from fwtools.synthesis.placing import Placing, bone, move_minutiae, place
from fwtools.synthesis.sensor import clean_picture, picture
from matching.template import MAXIMUM_MINUTIAE, Template

SIZE = (800, 750)  # width, height: 40.6 x 38.1 mm, the usual window for rolled fingers
PATH = 40  # of the random numbers of rolls, beside those of other impressions
ASIDE = (ROUND - WIDTH) / 2  # px from a flat master's left edge to this one's
WHOLE = (ROUND / 2 - 12, HEIGHT / 2 - 12)  # half axes of all that a master has
HALF = 235.0  # px from the middle to the nail's edge of a finger of usual size; a guess

Image = NDArray[np.float32]


class Rolling(NamedTuple):
    """How fingers roll: unit, source. "guess" means that nothing published was found."""

    half_strip: tuple[float, float] = (
        88.0,
        112.0,
    )  # px across what touches at a moment, least and most; guess
    half_height: tuple[float, float] = (160.0, 200.0)  # px along it
    swell: float = 0.06  # share by which a strip's width changes while it rolls, spread; guess
    step: tuple[float, float] = (13.0, 22.0)  # px from picture to picture: 1 to 2 s a finger at 15 a second
    turn: float = 0.10  # radians, spread of the whole finger
    shift: tuple[float, float] = (12.0, 25.0)  # px, spread of the whole finger, across and along
    slip: tuple[float, float] = (0.7, 0.5)  # px, spread from picture to picture, along the way and across it
    creep: float = 2.5  # px, deviation of the skin's own motion over the whole roll
    creep_length: float = 110.0  # px
    shot: float = 3.0  # grey levels, deviation of each picture's own noise
    landing: tuple[float, ...] = (0.55, 0.8)  # of the strip's size in the first pictures, and the last ones


ROLLING = Rolling()


class Mishap(StrEnum):
    """What a person can do wrong."""

    NONE = "none"
    BACK = "back"  # rolls back half the way
    FAST = "fast"  # so fast that neighbouring pictures show different skin
    SLIPPED = "slipped"  # the finger slides over the glass in the middle
    SHORT = "short"  # not from nail to nail
    LIFTED = "lifted"  # off the glass for a moment


@dataclass(frozen=True, slots=True, eq=False)
class Roll:
    """The pictures of one roll, and what they should be put together to."""

    frames: NDArray[np.uint8]  # (n, h, w), ridges dark
    truth: NDArray[np.uint8]  # (h, w): all that touched, undisturbed
    template: Template  # its minutiae


@dataclass(frozen=True, slots=True)
class _Moment:
    """One picture: where the strip is, how large, and how far the finger has slipped."""

    across: float  # px right of the finger's middle
    size: float  # of the usual strip, 0: nothing touches
    slip: tuple[float, float]  # px right and down
    share: float  # of the way that is done, 0..1


def roll(finger: Finger, index: int, mishap: Mishap = Mishap.NONE, size: tuple[int, int] = SIZE) -> Roll:
    """Return roll `index` (1 ..) of a finger of width ROUND; size is (width, height).

    ValueError for a finger that is not wide enough.
    """
    if finger.ridges.shape[1] != ROUND:
        raise ValueError("only a finger from nail to nail can be rolled: synthesise it with the width ROUND")
    path = (finger.seed, finger.subject, finger.position, PATH, index)
    rng = stream(*path)
    turn = float(rng.normal(0, ROLLING.turn))
    across, along = rng.normal(0, ROLLING.shift)
    shift = (float(across), float(along))
    still = waves(rng, (size[1], size[0])), waves(rng, (size[1], size[0]))
    placing = place(size, turn, shift, still)
    condition = draw_condition(rng, finger.person)
    laid = lay(rng, finger, replace(placing, skin_x=placing.skin_x + np.float32(ASIDE)), condition)
    large = finger.person.size * BY_FINGER[(finger.position - 1) % 5]
    strip = large * float(rng.uniform(*ROLLING.half_strip)), large * float(rng.uniform(*ROLLING.half_height))
    pitch = float(rng.normal(0, 10))
    creep = [ROLLING.creep * smooth_noise(rng, (size[1], size[0]), ROLLING.creep_length) for _ in range(2)]
    half = min(WHOLE[0], HALF * large)
    moments = list(_moments(rng, half, strip[0], mishap))
    right, down = bone(size, turn, shift)
    ragged = 2.6 * smooth_noise(rng, right.shape, 45.0) + 1.6 * smooth_noise(rng, right.shape, 9.0)
    whole = _ellipse(right, down, (half, WHOLE[1])) + ragged
    touched = np.full(right.shape, -np.inf, np.float32)
    frames = []
    for number, moment in enumerate(moments):
        depth = _depth(right, down, moment, strip, pitch, whole, ragged)
        touched = np.maximum(touched, depth)
        dark = _moved(laid, depth, moment, creep)
        seen = picture(stream(*path, 1), dark).astype(np.float32)  # dust and light stay as they are
        own = stream(*path, 2, number).standard_normal(dark.shape, np.float32) * np.float32(ROLLING.shot)
        frames.append(np.clip(np.rint(seen + own), 0, 255).astype(np.uint8))
    clean = clean_ink(finger, replace(placing, skin_x=placing.skin_x + np.float32(ASIDE)), touched)
    return Roll(np.stack(frames), clean_picture(clean), _truth(finger, placing, touched))


def _moments(rng: Generator, nail: float, half: float, mishap: Mishap) -> Iterator[_Moment]:
    """Tell where the strip is in each picture: from one nail to the other, to the right or to the left."""
    end = nail - 0.45 * half
    step = float(rng.uniform(*ROLLING.step))
    way = np.arange(-end, end + step / 2, step)
    if mishap is Mishap.FAST:
        way = np.arange(-end, end + half, 2.15 * half)
    if mishap is Mishap.SHORT:
        way = way[len(way) // 3 : 2 * len(way) // 3 + 1]
    if mishap is Mishap.BACK:
        turning = 2 * len(way) // 3
        way = np.concatenate((way[:turning], way[turning : turning // 3 : -1]))
    facing = float(rng.choice([-1.0, 1.0]))
    swell = 1 + ROLLING.swell * smooth_noise(rng, (1, len(way)), 8.0)[0]
    lands = ROLLING.landing
    swell[: len(lands)] *= lands[: len(way)]
    swell[-len(lands) :] *= lands[::-1][-len(way) :]
    slips = np.cumsum(rng.normal(0, ROLLING.slip, (len(way), 2)), axis=0)
    middle = len(way) // 2
    if mishap is Mishap.SLIPPED:
        slips[middle:] += (0.0, 45.0)
    for number, place_ in enumerate(way):
        across, down = slips[number]
        slip = (facing * float(across), float(down))
        share = number / max(1, len(way) - 1)
        yield _Moment(facing * float(place_), float(swell[number]), slip, share)
        if mishap is Mishap.LIFTED and number == middle:
            for _ in range(3):
                yield _Moment(facing * float(place_), 0.0, slip, share)


def _depth(
    right: Image, down: Image, moment: _Moment, strip: tuple[float, float], pitch: float,
    whole: Image, ragged: Image,
) -> Image:  # fmt: skip
    """Return (h, w): about how many px inside the rim of what touches in one picture."""
    if moment.size <= 0:
        return np.full(right.shape, -1.0, np.float32)
    axes = strip[0] * moment.size, strip[1] * moment.size
    patch = _ellipse(right - np.float32(moment.across), down - np.float32(pitch), axes)
    depth: Image = np.minimum(patch + ragged, whole).astype(np.float32)
    return depth


def _ellipse(right: Image, down: Image, axes: tuple[float, float]) -> Image:
    """Return (h, w): px inside a superellipse around the middle, as `contact_depth` has it."""
    across, along = np.abs(right) / np.float32(axes[0]), np.abs(down) / np.float32(axes[1])
    power = np.where(down < 0, np.float32(ROUND_TIP), np.float32(STRAIGHT_END))
    depth: Image = ((1 - (across**power + along**power) ** (1 / power)) * np.float32(min(axes))).astype(
        np.float32
    )
    return depth


def _moved(laid: Laid, depth: Image, moment: _Moment, creep: list[Image]) -> Image:
    """Return the darkness of one picture: the skin has slipped and crept by so much."""
    rows, columns = np.nonzero(depth > 0)
    dark = np.zeros(depth.shape, np.float32)
    if not len(rows):
        return dark
    part = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    y, x = np.mgrid[part].astype(np.float32)
    x = x - np.float32(moment.slip[0]) - np.float32(moment.share) * creep[0][part]
    y = y - np.float32(moment.slip[1]) - np.float32(moment.share) * creep[1][part]
    profile, level, tone, opened = (sample(one.astype(np.float32), x, y) for one in laid)
    here = Laid(profile, level.astype(np.float64), tone.astype(np.float64), opened)
    dark[part] = pressed(here, depth[part])
    return dark


def _truth(finger: Finger, placing: Placing, touched: Image) -> Template:
    """Return the minutiae that lie well inside all that touched."""
    flat = finger.minutiae.copy()
    flat["x"] -= ASIDE
    height, width = touched.shape
    moved = move_minutiae(flat, placing)
    margin = np.minimum.reduce([moved["x"], moved["y"], width - 1 - moved["x"], height - 1 - moved["y"]])
    moved = moved[margin >= VISIBLE]
    seen = moved[sample(touched, moved["x"], moved["y"]) > VISIBLE]
    return Template(seen[:MAXIMUM_MINUTIAE], width, height, position=finger.position)
