"""One picture of several fingers on a large scanner: a hand's four, or two thumbs, and what it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fwtools.synthesis.contact import Contact, contact_depth, ragged
from fwtools.synthesis.distortion import bend, draw_plasticity, waves
from fwtools.synthesis.finger import Finger
from fwtools.synthesis.hand import Hand, draw_hand
from fwtools.synthesis.impressions import draw_condition
from fwtools.synthesis.ink import Condition, ink
from fwtools.synthesis.parameters import PRESENTATION
from fwtools.synthesis.people import Person, stream
from fwtools.synthesis.phalanx import KINDS, synthesise_phalanx
from fwtools.synthesis.placing import Placing, bone, place
from fwtools.synthesis.sensor import picture
from fwtools.synthesis.skin import dots

SIZE = (1600, 1500)  # width, height: 81 x 76 mm at 500 ppi, a usual four-finger scanner
MOST_TURN = 45.0  # degrees of the whole hand
MARGIN = 24  # px around a contact that its patch of the picture holds
INSIDE = 6.0  # px from the picture's edge that the fingers' contacts keep
TRIES = 60  # poses drawn until the fingers fit into the picture
NOISE = (0.0, 12.0)  # grey levels, deviation added to the sensor's own, least and most
SPECKS = 120.0  # of dirt on the glass, mean

Image = NDArray[np.float32]
Masters = Callable[[int], Finger]  # of a position 1..10


@dataclass(frozen=True, slots=True)
class Shown:
    """Ground truth of one finger above its first joint, a turned box; px from the picture's top left."""

    position: int  # 1..10
    x: float  # of the box's middle
    y: float
    width: float
    height: float
    turn: float  # radians counter-clockwise from upright


class Slap(NamedTuple):
    """A picture and its ground truth."""

    pixels: NDArray[np.uint8]  # (h, w) at 500 ppi, ridges dark
    position: int  # 13 right four, 14 left four, 15 both thumbs
    turn: float  # radians counter-clockwise, of the whole hand
    touching: bool
    phalanges: int  # second phalanges that touch the glass
    fingers: tuple[Shown, ...]  # from left to right in the hand


@dataclass(slots=True, eq=False)
class _Patch:
    """What one piece of skin adds to the picture."""

    position: int  # 0: a second phalanx
    top: int
    left: int
    turn: float
    master: Finger
    placing: Placing
    depth: Image


def synthesise_slap(
    masters: Masters,
    person: Person,
    position: int,
    path: tuple[int, ...],
    missing: frozenset[int] = frozenset(),
    most_turn: float = MOST_TURN,
    size: tuple[int, int] = SIZE,
) -> Slap:
    """Return a slap of a person's fingers; path is the seed and the numbers that name this picture.

    missing: positions 1..10 that the person does not have. ValueError when no finger is left, or when the
    fingers do not fit into a picture of this size (width, height).
    """
    rng = stream(*path, position)
    haste = float(np.exp(rng.normal(0, PRESENTATION.haste)))
    condition = draw_condition(rng, person)
    turn = float(np.deg2rad(rng.uniform(-most_turn, most_turn)))
    hand, places = _pose(
        rng, lambda: draw_hand(rng, person, position, missing, condition.force, haste), turn, size
    )
    patches = _patches(rng, masters, hand, places, turn, size, haste, path[0])
    _part(patches)
    dark = np.zeros((size[1], size[0]), np.float32)
    for patch in patches:
        region = _region(patch)
        own = ink(rng, patch.master, patch.placing, ragged(rng, patch.depth), _varied(rng, condition))
        np.maximum(dark[region], own, out=dark[region])
    shown = tuple(_shown(patch) for patch in patches if patch.position)
    return Slap(
        _dirty(rng, picture(rng, dark)), position, turn, hand.touching, len(patches) - len(shown), shown
    )


def _pose(
    rng: Generator, draw: Callable[[], Hand], turn: float, size: tuple[int, int]
) -> tuple[Hand, list[tuple[float, float]]]:
    """Draw hands until one fits; return it and the places of its contacts' middles in the picture."""
    for _ in range(TRIES):
        hand = draw()
        if not hand.digits:
            raise ValueError("no finger is left to show")
        spots = np.array([_turned(digit.place, turn) for digit in hand.digits])
        reach = np.array([_reach(digit.contact, turn + digit.turn) for digit in hand.digits]) + INSIDE
        low, high = (spots - reach).min(axis=0), (spots + reach).max(axis=0)
        slack = np.array(size) - (high - low)
        if (slack >= 0).all():
            moved = spots - low + slack * rng.beta(2.0, 2.0, 2)
            return hand, [(float(x), float(y)) for x, y in moved]
    raise ValueError(f"the fingers do not fit into {size[0]} x {size[1]} pixels")


def _turned(place: tuple[float, float], turn: float) -> tuple[float, float]:
    """Turn a place (right, down) counter-clockwise as seen."""
    right, down = place
    return right * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - right * np.sin(turn)


def _reach(contact: Contact, turn: float) -> tuple[float, float]:
    """Return how far an ellipse of these half axes reaches right and down when turned."""
    (across, along), cosine, sine = contact.axes, np.cos(turn), np.sin(turn)
    return float(np.hypot(across * cosine, along * sine)), float(np.hypot(across * sine, along * cosine))


def _patches(
    rng: Generator, masters: Masters, hand: Hand, places: list[tuple[float, float]],
    turn: float, size: tuple[int, int], haste: float, seed: int,
) -> list[_Patch]:  # fmt: skip
    patches = []
    for digit, spot in zip(hand.digits, places, strict=True):
        whole = turn + digit.turn
        patches.append(
            _patch(rng, masters(digit.position), digit.contact, spot, whole, size, haste, digit.position)
        )
        if digit.phalanx is not None:
            below = digit.contact.axes[1] + digit.joint + digit.phalanx.axes[1]
            right, down = _turned((0.0, below), whole)
            master = synthesise_phalanx(seed, int(rng.integers(KINDS)))
            spot = spot[0] + right, spot[1] + down
            patches.append(_patch(rng, master, digit.phalanx, spot, whole, size, haste, 0))
    return [patch for patch in patches if patch.depth.size]


def _patch(
    rng: Generator, master: Finger, contact: Contact, spot: tuple[float, float], turn: float,
    size: tuple[int, int], haste: float, position: int,
) -> _Patch:  # fmt: skip
    """Lay a master's contact at a spot of the picture; only the part within the picture is kept."""
    reach = np.array(_reach(contact, turn)) + MARGIN
    left, top = np.maximum(np.floor(np.array(spot) - reach), 0).astype(int)
    right, bottom = np.minimum(np.ceil(np.array(spot) + reach), size).astype(int)
    part = max(0, int(right - left)), max(0, int(bottom - top))
    from_middle = _turned(contact.middle, turn)  # the master's middle is not the contact's
    shift = (
        spot[0] - left - (part[0] - 1) / 2 - from_middle[0],
        spot[1] - top - (part[1] - 1) / 2 - from_middle[1],
    )
    bend_x, bend_y = bend(draw_plasticity(rng, haste), *bone(part, turn, shift))
    if bend_x.size:
        bend_x, bend_y = bend_x + waves(rng, bend_x.shape), bend_y + waves(rng, bend_y.shape)
    placing = place(part, turn, shift, (bend_x, bend_y))
    return _Patch(position, int(top), int(left), turn, master, placing, contact_depth(contact, placing))


def _region(patch: _Patch) -> tuple[slice, slice]:
    height, width = patch.depth.shape
    return slice(patch.top, patch.top + height), slice(patch.left, patch.left + width)


def _part(patches: list[_Patch]) -> None:
    """Where two pieces of skin would lie on each other, each keeps what is deeper inside it."""
    depths = [patch.depth.copy() for patch in patches]
    for one, patch in enumerate(patches):
        for other, neighbour in enumerate(patches):
            top, left = max(patch.top, neighbour.top), max(patch.left, neighbour.left)
            bottom = min(patch.top + depths[one].shape[0], neighbour.top + depths[other].shape[0])
            right = min(patch.left + depths[one].shape[1], neighbour.left + depths[other].shape[1])
            if one == other or bottom <= top or right <= left:
                continue
            here = slice(top - patch.top, bottom - patch.top), slice(left - patch.left, right - patch.left)
            there = (
                slice(top - neighbour.top, bottom - neighbour.top),
                slice(left - neighbour.left, right - neighbour.left),
            )
            rival = np.where(depths[other][there] > 0, (depths[one][here] - depths[other][there]) / 2, np.inf)
            patch.depth[here] = np.minimum(patch.depth[here], rival)


def _varied(rng: Generator, condition: Condition) -> Condition:
    return Condition(condition.force + rng.normal(0, 0.2), condition.moisture + rng.normal(0, 0.15))


def _shown(patch: _Patch) -> Shown:
    """Return the smallest box at the finger's own turn around what touches."""
    rows, columns = np.nonzero(patch.depth > 0)
    cosine, sine = np.cos(patch.turn), np.sin(patch.turn)
    x, y = columns + patch.left, rows + patch.top
    across, along = x * cosine - y * sine, x * sine + y * cosine
    middle = (across.min() + across.max()) / 2, (along.min() + along.max()) / 2
    place = _turned(middle, patch.turn)
    return Shown(
        patch.position, float(place[0]), float(place[1]),
        float(np.ptp(across)) + 1, float(np.ptp(along)) + 1, patch.turn,
    )  # fmt: skip


def _dirty(rng: Generator, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add noise of a deviation drawn for this picture, and specks of dirt anywhere."""
    height, width = pixels.shape
    count = int(rng.poisson(SPECKS))
    x, y = rng.uniform(0, width, count), rng.uniform(0, height, count)
    dirt = dots(pixels.shape, x, y, rng.uniform(0.6, 2.2, count), rng.uniform(0.1, 0.8, count))
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(rng.uniform(*NOISE))
    return np.clip(np.rint(pixels * (1 - dirt) + noise), 0, 255).astype(np.uint8)
