"""Pattern classes, how often each finger has them, and where their cores and deltas lie."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.random import Generator


class Pattern(Enum):
    """Henry's classes as an image shows them; a loop is named by the side it opens to."""

    ARCH = "arch"
    TENTED_ARCH = "tented arch"
    LEFT_LOOP = "left loop"
    RIGHT_LOOP = "right loop"
    WHORL = "whorl"


# Per cent of plain arch, tented arch, ulnar loop, radial loop, whorl for thumb, index, middle, ring, little.
# By finger these are round figures shaped after what ten-print manuals say (radial loops nearly only on the
# index finger, whorls on thumb and ring finger), not a published table; over all ten they meet the natural
# distribution of Wilson, Candela and Watson 1994 that SFinGe uses: A 3.7, T 2.9, L 33.8, R 31.7, W 27.9.
RIGHT_HAND = (
    (2.0, 0.5, 51.5, 0.5, 45.5),
    (6.5, 8.0, 33.5, 19.0, 33.0),
    (5.5, 3.0, 71.5, 2.0, 18.0),
    (1.5, 0.8, 52.2, 0.5, 45.0),
    (1.0, 0.2, 84.3, 0.5, 14.0),
)
LEFT_HAND = (
    (3.5, 1.0, 59.5, 0.5, 35.5),
    (7.0, 9.5, 34.5, 20.0, 29.0),
    (6.5, 4.5, 71.5, 2.0, 15.5),
    (2.0, 1.0, 63.0, 0.5, 33.5),
    (1.5, 0.5, 87.5, 0.5, 10.0),
)


def proportions(position: int) -> dict[Pattern, float]:
    """Return the share of each class at a finger position, 1..5 right and 6..10 left thumb to little."""
    row = RIGHT_HAND[position - 1] if position <= 5 else LEFT_HAND[position - 6]
    arch, tented, ulnar, radial, whorl = row
    # seen as an image shows them, the little finger of a right hand is on the right
    ulnar_side, radial_side = Pattern.RIGHT_LOOP, Pattern.LEFT_LOOP
    if position > 5:
        ulnar_side, radial_side = radial_side, ulnar_side
    shares = {
        Pattern.ARCH: arch,
        Pattern.TENTED_ARCH: tented,
        ulnar_side: ulnar,
        radial_side: radial,
        Pattern.WHORL: whorl,
    }
    return {pattern: share / 100 for pattern, share in shares.items()}


def draw_pattern(rng: Generator, position: int) -> Pattern:
    """Draw a class as often as nature does at this position."""
    shares = proportions(position)
    patterns = list(shares)
    return patterns[int(rng.choice(len(patterns), p=np.array(list(shares.values())) / sum(shares.values())))]


@dataclass(frozen=True, slots=True)
class Core:
    """A point that ridges turn around; `facing` is where its top points, radians from up (CCW)."""

    x: float  # pixels at 500 ppi, right of the finger's middle
    y: float  # pixels at 500 ppi, above the finger's middle
    facing: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The singular points of one finger, and how high its arch is."""

    pattern: Pattern
    cores: tuple[Core, ...]
    deltas: tuple[tuple[float, float], ...]  # (x, y) as in Core


def draw_layout(rng: Generator, pattern: Pattern) -> Layout:
    """Draw where the singular points of a finger of this class lie."""
    if pattern is Pattern.ARCH:
        return Layout(pattern, (), ())
    if pattern is Pattern.TENTED_ARCH:
        return _tented(rng)
    if pattern is Pattern.WHORL:
        return _whorl(rng)
    return _loop(rng, pattern)


def _tented(rng: Generator) -> Layout:
    x, y = rng.normal(0, 8), rng.normal(-5, 14)
    drop = rng.uniform(45, 85)
    core = Core(x, y, rng.normal(0, 0.06))
    return Layout(Pattern.TENTED_ARCH, (core,), ((x + rng.normal(0, 4), y - drop),))


def _loop(rng: Generator, pattern: Pattern) -> Layout:
    # the delta lies on the side the loop does not open to; ridge counts of 4 to 22 between core and delta
    side = 1.0 if pattern is Pattern.LEFT_LOOP else -1.0
    x, y = rng.normal(-6 * side, 10), rng.normal(12, 16)
    across = float(np.clip(rng.normal(84, 22), 34, 135))
    drop = float(np.clip(rng.normal(92, 20), 50, 145))
    lean = -side * np.clip(rng.normal(0.28, 0.14), 0.0, 0.6)
    return Layout(pattern, (Core(x, y, float(lean)),), ((x + side * across, y - drop),))


def _whorl(rng: Generator) -> Layout:
    x, y = rng.normal(0, 10), rng.normal(14, 14)
    kind = rng.random()
    if kind < 0.62:  # plain: spirals, circles, ellipses
        apart, tilt = rng.uniform(12, 55), rng.normal(0, 0.35)
    elif kind < 0.75:  # central pocket: a tiny whorl within a loop
        apart, tilt = rng.uniform(10, 24), rng.normal(0, 0.5)
    else:  # double loop: the cores beside each other, the ridges an S
        apart, tilt = rng.uniform(45, 80), rng.choice((-1.0, 1.0)) * rng.uniform(0.5, 1.1)
    dx, dy = 0.5 * apart * np.sin(tilt), 0.5 * apart * np.cos(tilt)
    upper = Core(x - dx, y + dy, float(0.6 * tilt))
    lower = Core(x + dx, y - dy, float(np.pi + 0.6 * tilt))
    low = y - rng.normal(96, 16)
    left = (x - np.clip(rng.normal(100, 20), 50, 140), low + rng.normal(0, 16))
    right = (x + np.clip(rng.normal(100, 20), 50, 140), low + rng.normal(0, 16))
    if 0.62 <= kind < 0.75:
        nearer = 0.55
        if rng.random() < 0.5:
            left = (x + (left[0] - x) * nearer, y + (left[1] - y) * 0.8)
        else:
            right = (x + (right[0] - x) * nearer, y + (right[1] - y) * 0.8)
    return Layout(
        Pattern.WHORL, (upper, lower), ((float(left[0]), float(left[1])), (float(right[0]), float(right[1])))
    )
