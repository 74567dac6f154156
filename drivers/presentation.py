"""What is wrong with how a finger lies, from pictures of the platen, in time to be told while it lies there.

Pure NumPy on upright frames, dark ridges on light ground, at half their resolution and in blocks of 16 x 16
of their pixels. It advises only: what was captured is judged by the matcher.
"""

import math
from enum import StrEnum
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from drivers.api import Captured, Event, FingerOff, FingerOn, Frame, Opened, PlatenOccupied, Preview, Rolled

T = TypeVar("T", bound=np.generic)
BLOCK = 16  # px of the frame
CELL = BLOCK // 2  # px of the half frame
LOW, HIGH = 6, 57  # of a block's 64 sorted grey levels: its darkest and lightest, short of noise
MM = 25.4


class Advice(StrEnum):
    """What is wrong."""

    TOO_LIGHT = "too-light"
    TOO_HEAVY = "too-heavy"
    OFF_CENTRE = "off-centre"
    MOVED = "moved"
    WET = "wet"
    DRY = "dry"
    GHOST = "ghost"  # the last finger's print, where the platen should be empty
    NOT_LIFTED = "not-lifted"  # a finger, where the platen should be empty


HELPLESSLY = {Advice.TOO_LIGHT: Advice.DRY, Advice.TOO_HEAVY: Advice.WET}


class Limits(NamedTuple):
    """Tuned on 1,349 synthetic impressions whose force, moisture and place are known.

    The darkness of blocks is taken against their own grey levels: its middle is then 0.34 to 0.66 on six
    sensors of the FVC and UareU sets; against one threshold for all of a picture, 0.28 to 0.71.
    """

    spread: float = 12.0  # grey levels of deviation in a block that a ridge crosses; 8..16 alike
    dark: float = 60.0  # grey levels below the ground of a block that is skin without ridges
    flat: float = 30.0  # grey levels between the darkest and lightest of a block without ridges
    finger: float = 25.0  # mm2 of skin, below which there is no finger yet
    landing: float = 1.15  # times the skin of the frame before, from which on a finger still comes down
    aside: float = 2.7  # mm that the middle of the skin may lie off the frame's, across alone; 1.7..2.8
    below: float = 4.3  # mm, along alone; 3.8..5
    cut: float = 0.25  # share of one side's blocks with skin, from which on the finger leaves the frame
    thin: float = 0.35  # share of dark pixels, below which ridges are thin; sound fingers 0.35 to 0.55
    full: float = 0.54  # share of dark pixels, above which valleys close
    still: float = 0.16  # share of the skin's pixels that change between frames
    faint: float = 70.0  # grey levels between ridges and valleys, below which a finger hardly touches
    shallow: float = 50.0  # grey levels that the skin is darker than the ground, on average, there
    fading: float = 0.6  # of its contrast when captured, below which what stays is a finger's print


class Cause(NamedTuple):
    """A straight line between two causes of one look, by least squares on 192 fingers with each of them."""

    area: float  # of 1 mm2
    smeared: float
    coherence: float
    level: float

    def of(self, m: "Measures") -> float:
        """Positive: the first cause."""
        return self.level + self.area * m.area + self.smeared * m.smeared + self.coherence * m.coherence


DRY_NOT_LIGHT = Cause(0.0071, 0.0, -4.17, 1.15)  # a dry finger's ridges are broken, a light one's patch small
WET_NOT_HEAVY = Cause(-0.0129, 12.2, 2.07, 1.27)  # valleys closed in places, against a broad patch


class Measures(NamedTuple):
    """Of one frame; lengths in mm."""

    area: float  # mm2 of skin
    aside: float  # of the skin's middle from the frame's, to the right
    below: float
    cut: float  # share of blocks with skin, on the side of the frame where there are most
    dark: float  # share of dark pixels in the skin
    smeared: float  # share of the skin's blocks that are nearly all dark
    coherence: float  # of the ridges' direction in a block, mean
    contrast: float  # grey levels between ridges and valleys, middle of the blocks
    depth: float  # grey levels that the skin is darker than the ground, mean


EMPTY = Measures(*[0.0] * 9)


class _Seen(NamedTuple):
    measures: Measures
    dark: NDArray[np.bool_]  # pixels of the half frame
    skin: NDArray[np.bool_]  # blocks


def measure(frame: Frame, limits: Limits = Limits()) -> Measures:  # noqa: B008 - frozen
    """Measure one frame (h, w) uint8; ValueError below 32 x 32."""
    return _look(frame, limits).measures


def lies_badly(frame: Frame, limits: Limits = Limits()) -> Advice | None:  # noqa: B008 - frozen
    """Return what one frame (h, w) uint8 with a finger shows to be wrong; ValueError below 32 x 32."""
    return _lies(measure(frame, limits), limits)


class Presentation:
    """Feed it every event of one scanner; it says the one thing that is most wrong now, or nothing.

    A finger is spoken of when it has come down, and when two frames agree. One that was told to press harder
    or more lightly for `HELPLESS` seconds and still does is dry or wet. One that stays longer than `LINGERS`
    seconds after its picture, or lay there before it was asked for, is not lifted, or only a print of one.
    """

    HELPLESS, LINGERS = 2.0, 3.0

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self._limits = limits
        self._advice: Advice | None = None
        self._begin()

    def take(self, event: Event | None, seconds: float) -> Advice | None:
        """Take an event, or None, at this time; ValueError for a frame below 32 x 32."""
        self._advice = self._after(event, seconds)
        return self._advice

    def _after(self, event: Event | None, seconds: float) -> Advice | None:
        match event:
            case FingerOn():
                self._begin(lies=True)
            case FingerOff() | Opened():
                self._begin()
            case PlatenOccupied():
                self._begin(empty_from=seconds)
            case Captured(frame):
                self._begin(empty_from=seconds + self.LINGERS, captured=measure(frame, self._limits))
            case Rolled():
                self._begin(empty_from=seconds + self.LINGERS)
            case Preview(frame) if self._lies:
                return self._finger(frame, seconds)
            case Preview(frame) if seconds >= self._empty_from:
                return self._platen(frame)
        return self._advice

    def _begin(
        self, lies: bool = False, empty_from: float = math.inf, captured: Measures | None = None
    ) -> None:
        self._lies, self._empty_from = lies, empty_from  # when on the platen should be empty
        self._captured = captured
        self._before: _Seen | None = None
        self._last: Advice | None = None  # what the frame before showed
        self._told_at: dict[Advice, float] = {}
        self._advice = None

    def _finger(self, frame: Frame, seconds: float) -> Advice | None:
        seen = _look(frame, self._limits)
        before, self._before = self._before, seen
        last, self._last = self._last, self._judge(before, seen)
        if self._last is None or self._last is not last:
            return None
        since = self._told_at.setdefault(self._last, seconds)
        return self._last if seconds - since < self.HELPLESS else HELPLESSLY.get(self._last, self._last)

    def _platen(self, frame: Frame) -> Advice:
        """The driver says that something is there: a finger, or what one left."""
        m, p = measure(frame, self._limits), self._limits
        least = min(p.faint, p.fading * self._captured.contrast) if self._captured else p.faint
        finger = m.area >= p.finger and (m.contrast >= least or m.depth >= p.shallow)
        return Advice.NOT_LIFTED if finger else Advice.GHOST

    def _judge(self, before: _Seen | None, seen: _Seen) -> Advice | None:
        area, p = seen.measures.area, self._limits
        if before is None or area < p.finger or area > before.measures.area * p.landing:
            return None
        return _lies(seen.measures, p) or (Advice.MOVED if _moved(before, seen, p) else None)


def _lies(m: Measures, p: Limits) -> Advice | None:
    if m.area < p.finger:
        return None
    if m.cut > p.cut and (m.aside / p.aside) ** 2 + (m.below / p.below) ** 2 > 1:
        return Advice.OFF_CENTRE
    if m.dark < p.thin or (m.contrast < p.faint and m.depth < p.shallow):
        return Advice.DRY if DRY_NOT_LIGHT.of(m) > 0 else Advice.TOO_LIGHT
    if m.dark > p.full:
        return Advice.WET if WET_NOT_HEAVY.of(m) > 0 else Advice.TOO_HEAVY
    return None


def _moved(before: _Seen, now: _Seen, p: Limits) -> bool:
    if before.dark.shape != now.dark.shape or before.measures.area < p.finger:
        return False
    both = _pixels(before.skin & now.skin)
    changed = np.count_nonzero((before.dark != now.dark) & both)
    return bool(changed > p.still * np.count_nonzero(both))


def _look(frame: Frame, p: Limits) -> _Seen:
    rows, columns = (side // BLOCK for side in frame.pixels.shape)
    if rows < 2 or columns < 2:
        height, width = frame.pixels.shape
        raise ValueError(f"a frame of {width} x {height} pixels is too small: 32 x 32 at least")
    whole = frame.pixels[: rows * BLOCK, : columns * BLOCK].astype(np.int16)
    half = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) >> 2
    ground = int(np.percentile(half[::3, ::3], 95))
    mean = _blocks(half) / CELL**2
    spread = np.sqrt(np.maximum(_blocks(half.astype(np.int32) ** 2) / CELL**2 - mean**2, 0))
    skin = (spread > p.spread) | (mean < ground - p.dark)
    count = int(skin.sum())
    if not count:
        return _Seen(EMPTY, np.zeros(half.shape, bool), skin)
    levels = half.reshape(rows, CELL, columns, CELL).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    ordered = np.partition(levels[skin], (LOW, HIGH), axis=1)
    darkest, lightest = ordered[:, LOW], ordered[:, HIGH]
    middle = np.full(skin.shape, -1, np.int16)
    level = (int(np.percentile(darkest, 25)) + ground) >> 1  # of a block without ridges: all or nothing
    middle[skin] = np.where(lightest - darkest < p.flat, level, (darkest + lightest) >> 1)
    dark = half < _pixels(middle)
    share = (_blocks(dark) / CELL**2)[skin]
    y, x = np.nonzero(skin)
    mm_x, mm_y = BLOCK / frame.ppi_x * MM, BLOCK / frame.ppi_y * MM
    measures = Measures(
        area=count * mm_x * mm_y,
        aside=float(x.mean() - (columns - 1) / 2) * mm_x,
        below=float(y.mean() - (rows - 1) / 2) * mm_y,
        cut=float(max(skin[0].mean(), skin[-1].mean(), skin[:, 0].mean(), skin[:, -1].mean())),
        dark=float(share.mean()),
        smeared=float((share > 0.85).mean()),
        coherence=float(_coherence(half)[skin].mean()),
        contrast=float(np.median(lightest - darkest)),
        depth=float(ground - mean[skin].mean()),
    )
    return _Seen(measures, dark, skin)


def _coherence(half: NDArray[np.int16]) -> NDArray[np.float64]:
    """How far the grey levels of each block run in one direction: 0 in none, 1 in one."""
    right = np.zeros(half.shape, np.int32)
    down = np.zeros(half.shape, np.int32)
    right[:, :-1], down[:-1] = half[:, 1:] - half[:, :-1], half[1:] - half[:-1]
    across, along, both = _blocks(right * right), _blocks(down * down), _blocks(right * down)
    return np.hypot(across - along, 2 * both) / (across + along + 1)


def _blocks(half: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum of each block."""
    rows, columns = half.shape[0] // CELL, half.shape[1] // CELL
    down = np.add.reduceat(half, np.arange(0, rows * CELL, CELL), axis=0, dtype=np.int64)
    return np.add.reduceat(down, np.arange(0, columns * CELL, CELL), axis=1).astype(np.float64)


def _pixels(blocks: NDArray[T]) -> NDArray[T]:
    return blocks.repeat(CELL, axis=0).repeat(CELL, axis=1)
