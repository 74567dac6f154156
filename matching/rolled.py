"""One rolled impression out of the pictures of a finger that rolls over the glass from nail to nail.

A finger that rolls lays its skin down piece by piece: pictures show the same place of the glass, and only the
strip that touches moves on. So the pictures are laid on each other where they are, neighbours are registered
by the little that the skin slips and creeps, and of each place the picture in which it lies deepest inside
the strip prevails (Ratha, Connell and Bolle, "Image mosaicing for rolled fingerprint construction", ICPR
1998, blend without registration).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadImage
from matching.kernels.motion import Window, mismatch, moved_back
from matching.kernels.parts import depth_inside
from matching.rolled_parameters import JOINING, REFUSAL, TOUCH, Joining, Refusal, Touch
from matching.template import REFERENCE_PPI

CELL = 8  # px
MARGIN = 16  # px of empty glass around the picture
DEEPEST = 60  # cells: deeper than any finger
NEARLY = 5.0  # ppi: 1 %, what image scanners are allowed
COARSE = 2  # px between two moves of a whole strip that are tried

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Issue(StrEnum):
    """What is wrong with a roll, the most telling first."""

    LIFTED = "lifted"
    ROLLED_BACK = "rolled-back"
    TOO_FAST = "too-fast"
    SLIPPED = "slipped"
    TOO_SHORT = "too-short"


SENTENCES = {
    Issue.LIFTED: "the finger was lifted on the way: keep it on the glass until it has rolled over",
    Issue.ROLLED_BACK: "the finger was rolled back: roll it in one direction only",
    Issue.TOO_FAST: "the finger was rolled too fast: roll it more slowly",
    Issue.SLIPPED: "the finger slipped over the glass: roll it without pushing",
    Issue.TOO_SHORT: "the finger was not rolled from nail to nail: roll it over farther on both sides",
}


@dataclass(frozen=True, slots=True, eq=False)
class Rolled:
    """One rolled impression, and what is wrong with it."""

    pixels: (
        Pixels  # (h, w) at the pictures' resolution, as large as the impression; dark ridges on light ground
    )
    issues: tuple[Issue, ...]  # none: a whole roll from nail to nail
    frames: int  # pictures that are in it

    @property
    def sentence(self) -> str | None:
        """What the person has to do differently."""
        return SENTENCES[self.issues[0]] if self.issues else None


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    """What touches in one picture."""

    darkness: Floats  # (h, w) grey levels darker than the glass
    light: float  # grey level of the glass
    cells: NDArray[np.bool_]  # (rows, columns)
    middle: float  # px, column

    @property
    def area(self) -> int:
        return int(self.cells.sum())


def compose(
    frames: NDArray[np.uint8],
    ppi: float = REFERENCE_PPI,
    touch: Touch = TOUCH,
    joining: Joining = JOINING,
    refusal: Refusal = REFUSAL,
) -> Rolled:
    """Return the rolled impression of pictures (n, h, w) uint8 in the order they were taken, dark ridges.

    The pictures show the same glass, at 500 ppi or nearly so. Something is returned for a poor roll, too, as
    far as it goes, with its issues. BadImage when no finger is on them, or for another resolution.
    """
    if abs(ppi - REFERENCE_PPI) > NEARLY:
        raise BadImage(f"rolled fingers are put together at {REFERENCE_PPI:g} ppi, not {ppi:g}")
    seen = [_strip(frame, touch) for frame in frames]
    touching = [number for number, one in enumerate(seen) if one.area >= touch.least]
    if not touching:
        raise BadImage("no finger is seen: put it down on one side and roll it over to the other")
    seen = seen[touching[0] : touching[-1] + 1]
    usual = float(np.median([one.area for one in seen if one.area >= touch.least]))
    there = [one for one in seen if one.area >= max(touch.least, refusal.gone * usual)]
    issues = {Issue.LIFTED} if len(there) < len(seen) and _gap(seen, touch, refusal, usual) else set()
    forward, back = _forward(there, refusal)
    issues |= {Issue.ROLLED_BACK} if back else set()
    if any(_overlap(one, other) < refusal.overlap for one, other in pairwise(forward)):
        issues.add(Issue.TOO_FAST)
    used = _apart(_cropped(forward, joining), joining)
    fields, slid = _fields(used, joining)
    if slid > refusal.slipped and Issue.TOO_FAST not in issues:
        issues.add(Issue.SLIPPED)
    pixels, touched = _blended(used, fields, joining)
    if _breadth(touched) < refusal.breadth * float(np.median([_breadth(one.cells) for one in forward])):
        issues.add(Issue.TOO_SHORT)
    return Rolled(_cut(pixels, touched), tuple(one for one in Issue if one in issues), len(used))


def _strip(frame: Pixels, touch: Touch) -> _Strip:
    """Return where the finger touches: cells that are dark with their neighbours, no holes."""
    light = float(np.percentile(frame[::4, ::4], touch.light))
    darkness = np.maximum(np.float32(light) - frame, 0).astype(np.float32)
    rows, columns = frame.shape[0] // CELL, frame.shape[1] // CELL
    cells = darkness[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL).mean((1, 3))
    around = np.pad(cells, 1, mode="edge")
    around = (around[:-2] + around[1:-1] + around[2:]) / 3
    around = (around[:, :-2] + around[:, 1:-1] + around[:, 2:]) / 3
    inside = around > touch.dark
    weights = inside.sum(axis=0)
    middle = float((weights * np.arange(columns)).sum() / max(1, weights.sum())) * CELL + CELL / 2
    return _Strip(darkness, light, inside, middle)


def _gap(seen: Sequence[_Strip], touch: Touch, refusal: Refusal, usual: float) -> bool:
    """Whether the finger left the glass and came back: gone pictures between pictures that show it."""
    there = [one.area >= max(touch.least, refusal.gone * usual) for one in seen]
    first, last = there.index(True), len(there) - there[::-1].index(True)
    return not all(there[first:last])


def _forward(there: Sequence[_Strip], refusal: Refusal) -> tuple[list[_Strip], bool]:
    """Return the pictures up to where the finger turned round, and whether it did."""
    way = np.array([one.middle for one in there]) - there[0].middle
    beyond = np.abs(way) > refusal.back
    facing = np.sign(way[np.argmax(beyond)]) if beyond.any() else 1.0
    farthest = np.maximum.accumulate(way * facing)
    fallen = farthest - way * facing > refusal.back
    if not fallen.any():
        return list(there), False
    return list(there[: int(np.argmax(way[: int(np.argmax(fallen))] * facing)) + 1]), True


def _overlap(one: _Strip, other: _Strip) -> float:
    return float((one.cells & other.cells).sum()) / max(1, min(one.area, other.area))


def _cropped(strips: Sequence[_Strip], joining: Joining) -> list[_Strip]:
    """Return the pictures without the glass that none of them touches, but for what the skin may slide."""
    rows, columns = np.nonzero(np.any([one.cells for one in strips], axis=0))
    room = joining.slide * COARSE // CELL + 2
    top, left = max(0, int(rows.min()) - room), max(0, int(columns.min()) - room)
    bottom, right = int(rows.max()) + room, int(columns.max()) + room
    return [
        replace(
            one,
            darkness=np.ascontiguousarray(
                one.darkness[top * CELL : bottom * CELL, left * CELL : right * CELL]
            ),
            cells=np.ascontiguousarray(one.cells[top:bottom, left:right]),
        )
        for one in strips
    ]


def _apart(strips: Sequence[_Strip], joining: Joining) -> list[_Strip]:
    """Leave out pictures in which the strip has hardly moved since the one before; keep the last."""
    used = [strips[0]]
    for one in strips[1:]:
        if abs(one.middle - used[-1].middle) >= joining.apart:
            used.append(one)
    if used[-1] is not strips[-1]:
        used.append(strips[-1])
    return used


def _fields(strips: Sequence[_Strip], joining: Joining) -> tuple[list[Floats], float]:
    """Return how the skin of each picture has moved against the first, and the most between two of them.

    Each field is (2, rows, columns) float32: px down and right, at nodes.
    """
    height, width = strips[0].darkness.shape
    shape = (2, height // joining.node + 2, width // joining.node + 2)
    fields, most = [np.zeros(shape, np.float32)], 0.0
    before = _known(strips[0], joining)
    for one in strips[1:]:
        after = _known(one, joining)
        field, slid = _moved(before, after, fields[-1], joining)
        fields.append(field)
        most = max(most, slid)
        before = moved_back(after, field, joining.node, -1.0)
    return fields, most


def _known(one: _Strip, joining: Joining) -> Floats:
    """Return the darkness where ridges are to be compared, -1 elsewhere."""
    deep = _by_pixel(depth_inside(one.cells, DEEPEST) >= joining.inside, one.darkness.shape)
    return np.where(deep, one.darkness, np.float32(-1))


def _by_pixel(cells: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    whole = np.zeros(shape, np.bool_)
    large = cells.repeat(CELL, 0).repeat(CELL, 1)
    whole[: large.shape[0], : large.shape[1]] = large
    return whole


def _moved(before: Floats, after: Floats, field: Floats, joining: Joining) -> tuple[Floats, float]:
    """Return the field of a picture; `before` is the one before it, moved back by `field`.

    Also how far the whole strip has slid, px; 0 where nothing of both is alike.
    """
    rows, columns = np.nonzero((before >= 0) & (after >= 0))
    if not len(rows):
        return field, 0.0
    usual = round(float(np.median(field[0]))), round(float(np.median(field[1])))
    whole = Window(
        int(rows.min()),
        int(columns.min()),
        int(rows.max()) + 1,
        int(columns.max()) + 1,
        4,
        joining.slide,
        COARSE,
    )
    slid = _best(mismatch(before, after, whole, usual), joining)
    start = (usual[0] + round(COARSE * slid[0]), usual[1] + round(COARSE * slid[1])) if slid else usual
    moves = np.zeros(field.shape, np.float64)
    belief: NDArray[np.float64] = np.zeros(field.shape[1:], np.float64)
    for row in range(max(0, int(rows.min()) // joining.node), int(rows.max()) // joining.node + 2):
        for column in range(
            max(0, int(columns.min()) // joining.node), int(columns.max()) // joining.node + 2
        ):
            y, x, half = row * joining.node, column * joining.node, joining.half
            part = Window(y - half, x - half, y + half, x + half, 2, joining.near, 1)
            if row >= belief.shape[0] or column >= belief.shape[1] or not _shown(before, part):
                continue
            found = _best(mismatch(before, after, part, start), joining)
            if found:
                moves[:, row, column] = np.array([start[0] + found[0], start[1] + found[1]])
                belief[row, column] = found[2]
    new = _evened(moves, belief, start, joining)
    sure = belief > 0
    if not sure.any():
        return new, 0.0
    down, right = (float(np.median(change[sure])) for change in new - field)
    return new, float(np.hypot(down, right))


def _shown(image: Floats, part: Window) -> bool:
    """Whether at least a third of a part is known."""
    here = image[max(0, part.top) : max(0, part.bottom) : 4, max(0, part.left) : max(0, part.right) : 4]
    return here.size > 0 and 3 * int((here >= 0).sum()) >= here.size


def _best(differences: Floats, joining: Joining) -> tuple[float, float, float] | None:
    """Return the steps from the middle where two pictures are alike, and how surely; None: nowhere."""
    finite = np.isfinite(differences)
    if finite.sum() < 9:
        return None
    row, column = np.unravel_index(int(np.argmin(differences)), differences.shape)
    likeness = float(differences[row, column]) / float(differences[finite].mean() + 1e-6)
    if likeness > joining.likeness:
        return None
    reach = differences.shape[0] // 2
    down = row - reach + _vertex(differences[:, column], int(row))
    right = column - reach + _vertex(differences[row, :], int(column))
    return float(down), float(right), 1 - likeness / joining.likeness


def _vertex(line: Floats, place: int) -> float:
    """Where between its neighbours the least of three values lies: a parabola's vertex."""
    if not 0 < place < len(line) - 1 or not np.isfinite(line[place - 1 : place + 2]).all():
        return 0.0
    left, here, right = (float(value) for value in line[place - 1 : place + 2])
    bend = left - 2 * here + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend > 0 else 0.0


def _evened(
    moves: NDArray[np.float64], belief: NDArray[np.float64], start: tuple[int, int], joining: Joining
) -> Floats:
    """Return the moves at all nodes: means of what was measured around, the whole's where nothing was."""
    total = np.full(moves.shape, 1e-6) * np.array(start, np.float64)[:, None, None]
    weight = np.full(belief.shape, 1e-6)
    for smooth, share in ((joining.smooth, 1.0), (4 * joining.smooth, 1e-3)):
        down, across = (_bell(size, smooth) for size in belief.shape)
        weight += share * (down @ belief @ across)
        total += share * (down @ (belief * moves) @ across)
    evened: Floats = (total / weight).astype(np.float32)
    return evened


def _bell(size: int, smooth: float) -> NDArray[np.float64]:
    places = np.arange(size)
    bell: NDArray[np.float64] = np.exp(-0.5 * ((places[:, None] - places) / smooth) ** 2)
    return bell


def _blended(
    strips: Sequence[_Strip], fields: Sequence[Floats], joining: Joining
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return (h, w) grey levels, and the cells that touched in any picture, moved back."""
    shape = strips[0].darkness.shape
    total, weights = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for one, field in zip(strips, fields, strict=True):
        depth = depth_inside(one.cells, DEEPEST)
        place = _smoothly(depth, shape)
        weight = moved_back(place, field, joining.node, 0.0) ** np.float32(joining.power)
        total += weight * moved_back(one.darkness, field, joining.node, 0.0)
        weights += weight
    light = float(np.median([one.light for one in strips]))
    touched = weights > 0.4**joining.power
    grey = np.where(touched, light - total / np.maximum(weights, 1e-9), light).astype(np.float32)
    rows, columns = shape[0] // CELL, shape[1] // CELL
    whole = touched[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL).mean((1, 3)) > 0.5
    return grey, whole


def _smoothly(cells: Floats, shape: tuple[int, ...]) -> Floats:
    """Return cells' values at pixels (h, w), bilinear between the cells' middles."""
    along = np.clip((np.arange(shape[0]) - (CELL - 1) / 2) / CELL, 0, cells.shape[0] - 1)
    across = np.clip((np.arange(shape[1]) - (CELL - 1) / 2) / CELL, 0, cells.shape[1] - 1)
    top, left = np.floor(along).astype(int), np.floor(across).astype(int)
    below, beside = np.minimum(top + 1, cells.shape[0] - 1), np.minimum(left + 1, cells.shape[1] - 1)
    v, u = (along - top)[:, None], (across - left)[None, :]
    rows = cells[top] * (1 - v) + cells[below] * v
    smooth: Floats = (rows[:, left] * (1 - u) + rows[:, beside] * u).astype(np.float32)
    return smooth


def _breadth(cells: NDArray[np.bool_]) -> float:
    """Return the px from the left to the right of what touches, where it is usual: the median of its rows."""
    broad = [int(np.ptp(np.nonzero(row)[0])) + 1 for row in cells if row.any()]
    return float(np.median(broad)) * CELL if broad else 0.0


def _cut(grey: Floats, touched: NDArray[np.bool_]) -> Pixels:
    """Return the impression with a margin of empty glass."""
    rows, columns = np.nonzero(touched)
    top, left = (max(0, int(low.min()) * CELL - MARGIN) for low in (rows, columns))
    bottom, right = (int(high.max() + 1) * CELL + MARGIN for high in (rows, columns))
    return np.clip(np.rint(grey[top:bottom, left:right]), 0, 255).astype(np.uint8)
