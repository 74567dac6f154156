"""How the fingers of a made-up hand lie beside each other on a large scanner.

Lengths are pixels at 500 ppi, angles radians counter-clockwise. In the picture a right hand has its index on
the left, a left hand its little finger; of two thumbs the left one is on the left (ten-print cards).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from fwtools.synthesis.contact import Contact, draw_contact
from fwtools.synthesis.people import Person

PX = 500 / 25.4  # of a millimetre
RIGHT_FOUR, LEFT_FOUR, THUMBS = 13, 14, 15  # ISO/IEC 19794-4:2005 table 6
IN_PICTURE = {RIGHT_FOUR: (2, 3, 4, 5), LEFT_FOUR: (10, 9, 8, 7), THUMBS: (6, 1)}  # from left to right


class Hands(NamedTuple):
    """Tuned constants: unit, source. "look" means found by looking at the pictures."""

    # mm that the fingertip lies below the middle finger's, and its spread from person to person, fingers
    # stretched and together: Chatzioglou, Pinar and Govsa, Anat Cell Biol 57(2), 2024: 51 adults
    index_drop: tuple[float, float] = (10.7, 4.1)
    ring_drop: tuple[float, float] = (10.8, 1.4)
    little_drop: tuple[float, float] = (36.4, 3.0)
    bent: float = 2.5  # mm, spread of each fingertip: bent, pressed, rolled forward; a guess
    spread: tuple[float, float] = (0.0, 9.0)  # degrees from finger to finger; a guess
    uneven: float = 2.0  # degrees, spread of each finger's own
    apart: tuple[float, float] = (8.0, 130.0)  # px between fingers that do not touch; look
    together: tuple[float, float] = (-14.0, 3.0)  # px between fingers that touch: below zero they push
    thumb_turn: float = 8.0  # degrees, spread of each thumb's own
    thumb_step: float = 50.0  # px, spread of one thumb's height against the other's
    joint: tuple[float, float] = (-12.0, 45.0)  # px without contact at the first joint; look
    phalanx: tuple[float, float] = (70.0, 320.0)  # px of the second phalanx that touches; look


HANDS = Hands()


@dataclass(frozen=True, slots=True)
class Digit:
    """One finger of the picture; the place is of the middle of what touches, right and down of the hand's."""

    position: int
    place: tuple[float, float]
    turn: float
    contact: Contact  # on the finger's master
    phalanx: Contact | None  # the second phalanx, on a master of its own, where it touches
    joint: float  # px from the finger's contact to that of the second phalanx


@dataclass(frozen=True, slots=True)
class Hand:
    """The fingers from left to right, before the whole is turned."""

    position: int  # 13, 14 or 15
    touching: bool
    digits: tuple[Digit, ...]


def draw_hand(
    rng: Generator, person: Person, position: int, missing: frozenset[int], force: float, haste: float
) -> Hand:
    """Draw how the fingers at a position (13, 14, 15) lie, without the missing ones (1..10)."""
    touching, shown = bool(rng.random() < 0.4), rng.random() < 0.5
    drops = _drops(rng, person, position)
    turns = _turns(rng, position, touching)
    digits: list[Digit] = []
    right_end = 0.0
    for order, finger in enumerate(IN_PICTURE[position]):
        contact = draw_contact(rng, person, finger, force, haste)
        gap = rng.uniform(*(HANDS.together if touching else HANDS.apart))
        phalanx = _phalanx(rng, contact) if shown and rng.random() < 0.85 else None
        joint = rng.uniform(*HANDS.joint)
        across = right_end + contact.axes[0] + (gap if order else 0.0)
        right_end = across + contact.axes[0]
        if finger not in missing:
            place = (across, drops[order] + contact.axes[1])
            digits.append(Digit(finger, place, turns[order], contact, phalanx, joint))
    return Hand(position, touching, _fanned(digits))


def _drops(rng: Generator, person: Person, position: int) -> list[float]:
    """Return how far each fingertip lies below the highest, from left to right."""
    if position == THUMBS:
        return [float(rng.normal(0, HANDS.thumb_step)) for _ in range(2)]
    means = [HANDS.index_drop, (0.0, 0.0), HANDS.ring_drop, HANDS.little_drop]
    drops = [(rng.normal(*own) * person.size + rng.normal(0, HANDS.bent)) * PX for own in means]
    return [float(drop) for drop in (drops if position == RIGHT_FOUR else drops[::-1])]


def _turns(rng: Generator, position: int, touching: bool) -> list[float]:
    """Return how far each finger is turned: fanned out, the left ones to the left."""
    if position == THUMBS:
        return [float(turn) for turn in np.deg2rad(rng.normal(0, HANDS.thumb_turn, 2))]
    spread = rng.uniform(*HANDS.spread) * (0.25 if touching else 1.0)
    own = rng.normal(0, HANDS.uneven * (0.5 if touching else 1.0), 4)
    return [float(turn) for turn in np.deg2rad(spread * np.array([1.5, 0.5, -0.5, -1.5]) + own)]


def _phalanx(rng: Generator, contact: Contact) -> Contact:
    half = rng.uniform(*HANDS.phalanx) / 2
    return Contact((0.0, float(rng.uniform(-40, 40))), (contact.axes[0] * rng.uniform(0.85, 1.0), half))


def _fanned(digits: list[Digit]) -> tuple[Digit, ...]:
    """Move fingers apart so far that fanned ones do not lie on each other below their tips."""
    moved: list[Digit] = []
    shift = 0.0
    for before, digit in zip([None, *digits], digits, strict=False):
        if before is not None:
            reach = before.contact.axes[1] + (2 * before.phalanx.axes[1] if before.phalanx else 0.0)
            shift += max(0.0, 0.9 * reach * np.sin(before.turn - digit.turn))
        place = digit.place[0] + shift, digit.place[1]
        moved.append(Digit(digit.position, place, digit.turn, digit.contact, digit.phalanx, digit.joint))
    return tuple(moved)
