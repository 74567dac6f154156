"""Slaps: an image of several fingers becomes fingers with positions, boxes and turns, on one screen.

Fingers touch, lie at any turn up to 60 degrees, show their second phalanges or not, and some hands lack some.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching import extract
from matching.errors import BadImage, WrongFingers
from matching.hand import LEFT, RIGHT, UNDETERMINED, other_fingers, tell_hand
from matching.image import MOST_PIXELS
from matching.kernels import cells, flat, gradient, mask, normalise, parts
from matching.kernels.cells import CELL
from matching.parameters import EXTRACTION
from matching.slap_parameters import SLAPS, Cut, Parts, Skin, Slaps, Turn
from matching.template import REFERENCE_PPI

RIGHT_FOUR, LEFT_FOUR, THUMBS = 13, 14, 15  # ISO/IEC 19794-4:2005 table 6
IN_PICTURE = {RIGHT_FOUR: (2, 3, 4, 5), LEFT_FOUR: (10, 9, 8, 7), THUMBS: (6, 1)}  # from left to right
KINDS = ("thumb", "index", "middle", "ring", "little")

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Finger:
    """One fingertip above its first joint: a turned box in pixels of the image, and its upright picture."""

    position: int  # ISO/IEC 19794-2:2005 table 2: 1..10, 0 unknown
    x: float  # of the box's middle, from the left edge
    y: float  # from the top edge, growing down
    width: float  # across the finger
    height: float  # along it
    turn: float  # radians counter-clockwise from upright
    pixels: NDArray[np.uint8]  # (h, w) at 500 ppi, upright, the neighbours wiped out


@dataclass(frozen=True, slots=True, eq=False)
class Slap:
    """The fingers of one image, from left to right as they lie in an upright hand."""

    fingers: tuple[Finger, ...]
    turn: float  # radians counter-clockwise, of all of them
    hand: str  # RIGHT, LEFT or UNDETERMINED, by anatomy alone; UNDETERMINED of thumbs
    certainty: float  # probability of the likelier hand, 0.5..1


class Span(NamedTuple):
    """Across and along a finger of some turn, px at 500 ppi; along grows towards the palm."""

    left: float
    right: float
    top: float
    bottom: float


class Box(NamedTuple):
    """A turned box, px at 500 ppi; see `Finger`."""

    x: float
    y: float
    width: float
    height: float
    turn: float


class Part(NamedTuple):
    """One mass of skin between necks; px at 500 ppi."""

    label: int
    x: Floats  # of its cells' middles
    y: Floats
    axis: complex  # doubled direction of its longer side, radians from upright; length 0 round to 1
    flow: complex  # mean doubled direction of its ridges, which lie across a finger: length 0 to 1
    ratio: float  # of the variances along and across


def segment(
    pixels: NDArray[np.uint8],
    position: int | None = None,
    missing: frozenset[int] = frozenset(),
    ppi: float = REFERENCE_PPI,
    p: Slaps = SLAPS,
) -> Slap:
    """Find the fingers of a slap (h, w) uint8, dark ridges; position is 13, 14, 15, None when unknown.

    missing: positions (1..10) known to be missing. WrongFingers when not exactly the others are seen, by
    their number or, where some are missing, clearly by their shape; BadImage for what is no image;
    ValueError for another position, or when all its fingers are missing.
    Without a position any number is taken, and fingers are named when there are four and the hand is told.
    """
    extract.check(pixels, ppi)
    if pixels.size > MOST_PIXELS:
        raise BadImage(
            f"the image has more than {MOST_PIXELS:,} pixels: {pixels.shape[1]} x {pixels.shape[0]}"
        )
    expected = expected_fingers(position, missing)
    image = extract.whole_cells(extract.at_500_ppi(pixels, ppi))
    spread, tensor = measure(image)
    skin = find_skin(spread, tensor, p.skin)
    depth = parts.depth_inside(without_gaps(skin, tensor, p.skin), p.parts.most)
    labels, turn, tips = apart(depth, tensor, p.parts.neck, p)
    if position is not None and len(tips) != len(expected):
        seen = len(tips)
        labels, turn, tips = apart(depth, tensor, p.parts.finer, p)
        if len(tips) != len(expected):
            raise WrongFingers(sentence(seen, expected))
    boxes = [box_of(tip, own_turn(tip, turn, p.turn), p.parts) for tip in tips]
    if likelier := likelier_fingers(boxes, turn, position, missing, p):
        raise WrongFingers(contradiction(likelier, expected))
    hand, certainty = hand_of(boxes, turn, position, missing, p)
    names = expected if position is not None else named(hand, len(boxes))
    ground = int(np.median(image[~whole(skin)])) if not skin.all() else 255
    scale = ppi / REFERENCE_PPI
    fingers = [
        Finger(name, box.x * scale, box.y * scale, box.width * scale, box.height * scale, box.turn,
               upright(image, labels, tip.label, box, ground, p.cut))
        for name, tip, box in zip(names, tips, boxes, strict=True)
    ]  # fmt: skip
    return Slap(tuple(fingers), turn, hand, certainty)


def apart(depth: Floats, tensor: Floats, neck: float, p: Slaps) -> tuple[Labels, float, list[Part]]:
    """Split the skin at necks; return the parts, the turn of all of them and the fingertips."""
    labels = parts.split_at_necks(depth, neck, p.parts.shallow)
    found = describe(labels, tensor, p.skin, p.parts)
    turn = common_turn(found, p.turn)
    tips = fingertips(found, turn, p.parts)
    return labels, turn, [above_joint(tip, own_turn(tip, turn, p.turn), p.parts) for tip in tips]


def expected_fingers(position: int | None, missing: frozenset[int]) -> tuple[int, ...]:
    """Return the fingers at a position that are not missing, from left to right; ValueError for others."""
    if position is None:
        return ()
    if position not in IN_PICTURE:
        raise ValueError(f"position {position} is not 13 (right four), 14 (left four) or 15 (both thumbs)")
    expected = tuple(finger for finger in IN_PICTURE[position] if finger not in missing)
    if not expected:
        raise ValueError(f"every finger of position {position} is missing: there is nothing to capture")
    return expected


def measure(image: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return the local deviation of grey levels (cells) and the structure tensor (3, cells)."""
    p = EXTRACTION
    constant = flat.flat_tiles(*flat.tile_range(image), p.flat.reach, p.flat.tolerance)
    normalised, deviation = normalise.normalise(image, constant, p.normalise)
    return cells.cell_energy(deviation), gradient.cell_tensor(normalised)


def find_skin(energy: Floats, tensor: Floats, p: Skin) -> Bools:
    """Return the cells where ridges touch."""
    spread = np.sqrt(cells.smooth(energy[np.newaxis], cells.gaussian(p.smooth))[0])
    straight, diagonal, total = cells.smooth(tensor, cells.gaussian(p.along))
    enough = max(p.share * extract.quantile(spread, p.quantile), p.least)
    ridged = (spread > enough) & (np.hypot(straight, diagonal) > p.coherence * total)
    return mask.at_least(mask.at_least(ridged, 1, 0.5), 2, 0.5)


def without_gaps(skin: Bools, tensor: Floats, p: Skin) -> Bools:
    """Return skin without the light gaps between fingers, which the window of the deviation fills.

    Of grey levels normalised by what lies around, steep ones are ridges, whether dark or faint.
    """
    if not skin.any():
        return skin
    steep = cells.smooth(tensor[2:], cells.gaussian(p.sharp))[0]
    ridged = skin & (steep > p.gap * np.median(steep[skin]))
    filled: Bools = ridged | (skin & mask.at_least(ridged, 1, p.hole))
    return filled


def describe(labels: Labels, tensor: Floats, skin: Skin, p: Parts) -> list[Part]:
    """Return the parts that are large and ridged enough."""
    straight, diagonal, total = cells.smooth(tensor, cells.gaussian(skin.along))
    doubled = straight + 1j * diagonal
    coherence = np.abs(doubled) / (total + np.float32(1e-6))
    direction = doubled / (np.abs(doubled) + np.float32(1e-6))
    found = []
    for label in range(1, int(labels.max(initial=0)) + 1):
        inside = labels == label
        if inside.sum() >= p.area and coherence[inside].mean() >= skin.ridged:
            y, x = (np.argwhere(inside) * CELL + (CELL - 1) / 2).astype(np.float32).T
            found.append(part_of(label, x, y, complex(direction[inside].mean())))
    return [part for part in found if part.ratio <= p.slender]


def part_of(label: int, x: Floats, y: Floats, flow: complex) -> Part:
    """Measure one part by its cells; the ridges of an upright finger lie across it, which is angle 0."""
    place = (x - x.mean()) - 1j * (y - y.mean())
    variance, lean = float((np.abs(place) ** 2).mean()), complex((place**2).mean())
    ratio = (variance + abs(lean)) / max(variance - abs(lean), 1.0)
    axis = -lean / max(abs(lean), 1e-6) * (1 - 1 / ratio)  # upright is angle 0, not a quarter turn
    return Part(label, x, y, axis, flow, float(ratio))


def common_turn(found: list[Part], p: Turn) -> float:
    """Return the turn most agree on: of long parts their axis, of evenly ridged ones across the ridges."""
    votes = [len(part.x) * (1 - abs(part.flow) ** 2) * part.axis for part in found]
    votes += [p.ridges * len(part.x) * abs(part.flow) ** 4 * part.flow for part in found]
    if not votes:
        return 0.0
    angles, weights = 0.5 * np.angle(votes), np.abs(votes)
    tried = np.arange(-p.most, p.most, p.step)
    off = np.mod(angles - tried[:, np.newaxis] + np.pi / 2, np.pi) - np.pi / 2
    trusted = weights * np.exp(-((off / p.doubt) ** 2))
    best = int(np.argmax(trusted.sum(axis=1) * np.exp(-0.5 * (tried / p.usual) ** 2)))
    return float(tried[best] + (trusted * off)[best].sum() / max(trusted[best].sum(), 1e-9))


def fingertips(found: list[Part], turn: float, p: Parts) -> list[Part]:
    """Return the uppermost part of each finger, from left to right."""
    spans = {part.label: span_of(part, turn) for part in found}
    tips = [
        part for part in found if not any(is_below(spans[part.label], over, p) for over in spans.values())
    ]
    largest = max((len(part.x) for part in tips), default=0)
    tips = [part for part in tips if len(part.x) >= p.share * largest]
    return sorted(tips, key=lambda part: spans[part.label].left + spans[part.label].right)


def span_of(part: Part, turn: float) -> Span:
    """Return where a part lies across and along a finger of this turn."""
    across, along = rotated(part.x, part.y, turn)
    half = CELL / 2
    left, top = float(across.min()) - half, float(along.min()) - half
    return Span(left, float(across.max()) + half, top, float(along.max()) + half)


def rotated(x: Any, y: Any, turn: float) -> tuple[Any, Any]:
    """Return places in the picture as places across and along a finger of this turn."""
    return x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)


def is_below(lower: Span, upper: Span, p: Parts) -> bool:
    """Tell whether one part continues another one's finger beyond a joint."""
    aside = abs(lower.left + lower.right - upper.left - upper.right) / 2
    near = lower.top - upper.bottom < p.joint and aside < p.aside * (upper.right - upper.left)
    return near and lower.top > upper.top and lower.bottom > upper.bottom


def above_joint(tip: Part, turn: float, p: Parts) -> Part:
    """Return what lies above the first joint: the narrowest place below which the finger is broader again."""
    across, along = rotated(tip.x, tip.y, turn)
    row = ((along - along.min()) / CELL).astype(int)
    low, high = np.full(row.max() + 1, np.inf), np.full(row.max() + 1, -np.inf)
    np.minimum.at(low, row, across)
    np.maximum.at(high, row, across)
    breadth = np.maximum(high - low, 0) + CELL
    above, below = np.maximum.accumulate(breadth), np.maximum.accumulate(breadth[::-1])[::-1]
    narrow = np.minimum(above, below) * p.narrow - breadth
    narrow[: int(p.first * above.max() / CELL)] = 0
    joint = int(np.argmax(narrow))
    if narrow[joint] <= 0:
        return tip
    kept = row < joint
    return part_of(tip.label, tip.x[kept], tip.y[kept], tip.flow)


def own_turn(tip: Part, turn: float, p: Turn) -> float:
    """Return a finger's turn: its own as far as it is long enough to have one, and not far off the hand's."""
    off = 0.5 * float(np.angle(tip.axis * np.exp(-2j * turn)))
    trust = min(max((tip.ratio - p.round) / (p.long - p.round), 0.0), 1.0)
    return turn + trust * min(max(off, -p.fanned), p.fanned)


def box_of(tip: Part, turn: float, p: Parts) -> Box:
    """Return the smallest box of this turn around a fingertip, cut off below where it is too tall for one."""
    span = span_of(tip, turn)
    width, height = span.right - span.left, span.bottom - span.top
    height = min(height, p.tall * width)
    x, y = rotated((span.left + span.right) / 2, span.top + height / 2, -turn)
    return Box(float(x), float(y), width, height, turn)


def hand_of(
    boxes: list[Box], turn: float, position: int | None, missing: frozenset[int], p: Slaps
) -> tuple[str, float]:
    """Return the hand that the boxes look like, and how sure that is; thumbs do not tell."""
    if position == THUMBS:
        return UNDETERMINED, 0.5
    known = {
        hand: tuple((finger - 2) % 5 for finger in IN_PICTURE[four] if finger not in missing)
        for hand, four in ((RIGHT, RIGHT_FOUR), (LEFT, LEFT_FOUR))
    }
    return tell_hand(*shape_of(boxes, turn), known, p.anatomy)


def likelier_fingers(
    boxes: list[Box], turn: float, position: int | None, missing: frozenset[int], p: Slaps
) -> tuple[int, ...]:
    """Return the positions that boxes look like, where clearly others are missing than was said."""
    if position not in (RIGHT_FOUR, LEFT_FOUR):
        return ()
    order = {(finger - 2) % 5: finger for finger in IN_PICTURE[position]}
    stated = tuple(kind for kind, finger in order.items() if finger not in missing)
    if not 2 <= len(stated) < len(order):
        return ()
    return tuple(order[kind] for kind in other_fingers(*shape_of(boxes, turn), stated, p.anatomy))


def shape_of(boxes: list[Box], turn: float) -> tuple[Any, Any, Any]:
    """Return where the boxes' tips lie across and along an upright hand, and how broad they are."""
    tips = [
        rotated(box.x - box.height / 2 * np.sin(box.turn), box.y - box.height / 2 * np.cos(box.turn), turn)
        for box in boxes
    ]
    across, along = np.array(tips).reshape(-1, 2).T
    return across, along, np.array([box.width for box in boxes])


def named(hand: str, count: int) -> tuple[int, ...]:
    """Return the positions of fingers nobody has named: 0 unless they are the four of one hand."""
    if count != 4 or hand == UNDETERMINED:
        return (0,) * count
    return IN_PICTURE[RIGHT_FOUR if hand == RIGHT else LEFT_FOUR]


def sentence(count: int, expected: tuple[int, ...]) -> str:
    """Say what was seen, what is wanted and what to do."""
    seen = "no finger is" if count == 0 else "1 finger is" if count == 1 else f"{count} fingers are"
    wanted = f"{len(expected)} {'is' if len(expected) == 1 else 'are'} expected ({names_of(expected)})"
    if count < len(expected):
        return f"{seen} seen and {wanted}: lay all of them down flat, or say which one is missing"
    return f"{seen} seen and {wanted}: lay down these alone, on a clean glass"


def contradiction(likelier: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Say what the fingers look like, what is wanted and what to do."""
    return (
        f"the fingers look rather like {names_of(likelier)}, and {names_of(expected)} are expected: "
        "check which are missing and which hand it is, and lay them down flat and straight"
    )


def names_of(fingers: tuple[int, ...]) -> str:
    """Return the words for several positions."""
    return ", ".join(name_of(finger) for finger in fingers)


def name_of(position: int) -> str:
    """Return the words for a position 0..10."""
    hand = "right" if position <= 5 else "left"
    return f"{hand} {KINDS[(position - 1) % 5]}" if position else "unknown finger"


def whole(skin: NDArray[Any]) -> NDArray[Any]:
    """Return cells as pixels."""
    return np.repeat(np.repeat(skin, CELL, axis=0), CELL, axis=1)


def upright(
    image: NDArray[np.uint8], labels: Labels, label: int, box: Box, ground: int, p: Cut
) -> NDArray[np.uint8]:
    """Return the pixels of a box, turned upright, bilinear; neighbours and what lies outside are `ground`."""
    height, width = round(box.height + 2 * p.margin), round(box.width + 2 * p.margin)
    right, down = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    x, y = rotated(right, down, -box.turn)
    x, y = x + box.x, y + box.y
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    inside = (left >= 0) & (top >= 0) & (left < image.shape[1] - 1) & (top < image.shape[0] - 1)
    left, top = np.where(inside, left, 0), np.where(inside, top, 0)
    u, v = x - left, y - top
    upper = image[top, left] * (1 - u) + image[top, left + 1] * u
    lower = image[top + 1, left] * (1 - u) + image[top + 1, left + 1] * u
    owner = labels[np.rint(y).astype(int).clip(0, image.shape[0] - 1) // CELL,
                   np.rint(x).astype(int).clip(0, image.shape[1] - 1) // CELL]  # fmt: skip
    mine = inside & ((owner == label) | (owner == 0))
    return np.where(mine, np.rint(upper * (1 - v) + lower * v), ground).astype(np.uint8)
