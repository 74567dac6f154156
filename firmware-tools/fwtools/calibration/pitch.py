"""The pitch of ruled lines in one picture, to a fraction of a hundredth of a pixel. Pure.

A ruling is one peak of the picture's spectrum: where it stands says how many cycles there are in a pixel,
across and down. The picture is windowed (Hann), its spectrum sampled five times as finely as the picture is
long, and the peak refined by a parabola through the logarithms of three neighbours each way. Uneven light
does not move the peak: it is real and positive.
"""

from dataclasses import dataclass
from math import atan, cos, degrees, hypot, radians, tan

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

LEAST_PPI, MOST_PPI = 400.0, 640.0  # between these a line's peak is looked for
WEDGE = 20.0  # degrees from across or down in which it is looked for
SIDE = 2048  # of the spectrum, more than five times a picture's longer side at 384
LOBE = 2.5  # cycles of the whole window: half the main lobe of a Hann window, and a little
WEAK = 6.0  # grey levels: lines of less are none
SHARE = 0.15  # of the energy at about the pitch: a family of lines has at least so much
PURE = 0.75  # and all together so much: targets have 0.95 and more, fingers at most 0.51 (160 real images)
COVERED = 0.4  # of the upper quartile of contrast, squared: rows and columns with less are beside the target
LEAST_SIDE = 64  # pixels of what is measured
MOST_PITCH, LEAST_PITCH = 40.0, 3.0  # pixels


@dataclass(frozen=True, slots=True)
class Lines:
    """One family of parallel lines."""

    ppi: float  # along the axis that crosses them
    tilt: float  # degrees from that axis's normal, clockwise as the picture lies
    contrast: float  # grey levels, amplitude of the sine in the middle of the picture
    spread: float  # ppi, most that a quarter of the picture differs


@dataclass(frozen=True, slots=True)
class Seen:
    """What one picture shows: lines that cross the picture's rows (`x`), and its columns (`y`)."""

    x: Lines | None
    y: Lines | None
    pure: float  # share of these lines in what the picture has of about their pitch, 0..1


@dataclass(frozen=True, slots=True)
class _Peak:
    fx: float  # cycles per pixel, across
    fy: float
    contrast: float
    energy: float


class _Spectrum:
    """Upper half of the windowed spectrum of (h, w), sampled SIDE times each way."""

    def __init__(self, picture: NDArray[np.float32]) -> None:
        height, width = picture.shape
        window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]).astype(np.float32)
        mean = float((picture * window).sum() / window.sum())
        self._area = float(window.sum())
        self._lobe = LOBE / height, LOBE / width
        # Both signs of the frequency down, and no negative one across: what a real picture has.
        rows = np.fft.rfft((picture - mean) * window, SIDE, axis=1)
        near = int(SIDE / LEAST_PITCH) + 2
        self.power = np.abs(np.fft.fft(rows[:, :near], SIDE, axis=0)) ** 2
        self.fx = np.arange(near) / SIDE
        self.fy = np.fft.fftfreq(SIDE)

    def ring(self, low: float, high: float) -> NDArray[np.bool_]:
        """Where the frequency, cycles per pixel, is between two; each pair of opposite ones once."""
        radius = np.hypot(self.fx[None, :], self.fy[:, None])
        once = (self.fx[None, :] > 0) | (self.fy[:, None] > 0)
        ring: NDArray[np.bool_] = (radius >= low) & (radius <= high) & once
        return ring

    def peak(self, where: NDArray[np.bool_]) -> _Peak | None:
        """The highest point there, refined; None when it stands at the edge: the slope of something else."""
        if not where.any():
            return None
        masked = np.where(where, self.power, 0)
        row, column = (int(i) for i in np.unravel_index(int(np.argmax(masked)), masked.shape))
        if column == len(self.fx) - 1 or self.power[row, column] <= 0:
            return None
        log = np.log(self._around(row, column) + 1e-12)
        if log[1, 1] < log.max():
            return None
        fx = (column + _vertex(log[1])) / SIDE
        fy = self.fy[row] + _vertex(log[:, 1]) / SIDE
        lobe = self._near(fx, float(fy))
        energy = float(self.power[lobe].sum())
        contrast = 2 * float(self.power[row, column]) ** 0.5 / self._area
        return _Peak(float(fx), float(fy), contrast, energy)

    def _around(self, row: int, column: int) -> NDArray[np.float64]:
        rows = np.arange(row - 1, row + 2) % SIDE
        left = (
            self.power[rows, column - 1] if column else self.power[-rows % SIDE, 1]
        )  # a real picture's mirror
        return np.column_stack((left, self.power[rows, column], self.power[rows, column + 1]))

    def _near(self, fx: float, fy: float) -> NDArray[np.bool_]:
        """The main lobe around a peak; what lies at negative frequencies across is mirrored."""
        down, across = self._lobe
        here = (np.abs(self.fy - fy) <= down)[:, None] & (np.abs(self.fx - fx) <= across)[None, :]
        there = (np.abs(self.fy + fy) <= down)[:, None] & (np.abs(self.fx + fx) <= across)[None, :]
        near: NDArray[np.bool_] = here | (there & (self.fx[None, :] > 0))
        return near


def _vertex(three: NDArray[np.float64]) -> float:
    """Where a parabola through three points has its vertex, from the middle one, in steps."""
    left, middle, right = (float(value) for value in three)
    curve = left - 2 * middle + right
    return 0.0 if curve >= 0 else max(-1.0, min(1.0, (left - right) / (2 * curve)))


def lines_fit(lines_per_mm: float) -> bool:
    """Whether so many lines per mm can be measured: not too few to be seen, nor finer than pixels."""
    return MOST_PPI / 25.4 / MOST_PITCH <= lines_per_mm <= LEAST_PPI / 25.4 / LEAST_PITCH


def look(pixels: Pixels, lines_per_mm: float) -> Seen:
    """Find the lines of a ruling or grid in a picture (h, w) uint8, at least 64 x 64.

    Both families of a grid, or the one of a ruling; `lines_per_mm` as `lines_fit` has it.
    """
    side = 2 * round(500 / 25.4 / lines_per_mm) + 1
    picture = _covered(_levelled(pixels.astype(np.float32), side), side)
    spectrum = _Spectrum(picture)
    low, high = (lines_per_mm * 25.4 / ppi for ppi in (MOST_PPI, LEAST_PPI))
    ring = spectrum.ring(low, high)
    whole = float(spectrum.power[ring].sum())
    slope = tan(radians(WEDGE))
    across, down = spectrum.fx[None, :], spectrum.fy[:, None]
    wedges = ring & (np.abs(down) <= slope * across), ring & (np.abs(across) <= slope * np.abs(down))
    peaks = [_strong(spectrum.peak(wedge), whole) for wedge in wedges]
    x, y = (_lines(picture, peak, lines_per_mm, axis) if peak else None for axis, peak in enumerate(peaks))
    pure = sum(peak.energy for peak in peaks if peak) / whole if whole else 0.0
    return Seen(x, y, min(1.0, pure))


def _levelled(picture: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Less the mean of its surroundings, some two periods wide."""
    mean = picture
    for axis in (0, 1):
        pad = [(side // 2 + 1, side // 2) if one == axis else (0, 0) for one in (0, 1)]
        total = np.cumsum(np.pad(mean, pad, mode="edge"), axis=axis, dtype=np.float64)
        length = picture.shape[axis]
        later, before = (np.take(total, np.arange(at, at + length), axis) for at in (side, 0))
        mean = ((later - before) / side).astype(np.float32)
    return picture - mean


def _covered(levelled: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The part that the target covers: an edge would pull at the peak of a quarter of the picture."""
    box = []
    for axis in (0, 1):
        energy = (levelled**2).mean(axis=1 - axis)
        smooth = np.convolve(np.pad(energy, side // 2, mode="edge"), np.ones(side) / side, mode="valid")
        inside = np.flatnonzero(smooth > COVERED * np.percentile(smooth, 75))
        enough = max(LEAST_SIDE, levelled.shape[axis] // 2)  # what covers less is no target of ours
        box.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) >= enough else slice(None))
    return levelled[tuple(box)]


def _strong(peak: _Peak | None, whole: float) -> _Peak | None:
    return peak if peak and peak.contrast >= WEAK and peak.energy >= SHARE * whole else None


def _lines(picture: NDArray[np.float32], peak: _Peak, lines_per_mm: float, axis: int) -> Lines:
    """Measure the whole picture, and each of its quarters near where the whole has its peak."""
    ppi, tilt = _measured(peak, lines_per_mm, axis)
    height, width = (side // 2 for side in picture.shape)
    spread = 0.0
    for top in (0, picture.shape[0] - height):
        for left in (0, picture.shape[1] - width):
            quarter = _Spectrum(picture[top : top + height, left : left + width])
            near = np.hypot(quarter.fx[None, :] - peak.fx, quarter.fy[:, None] - peak.fy) <= 1.5 / height
            found = quarter.peak(near)
            spread = max(spread, abs(_measured(found, lines_per_mm, axis)[0] - ppi) if found else ppi)
    return Lines(ppi, tilt, peak.contrast, spread)


def _measured(peak: _Peak, lines_per_mm: float, axis: int) -> tuple[float, float]:
    """Pixels per inch along the axis, and the tilt in degrees.

    The lines' pitch lies along their normal. The tilt is taken as if both axes had the same resolution: with
    1 % of difference at 6 degrees that is wrong by 0.01 %.
    """
    along, other = (peak.fx, peak.fy) if axis == 0 else (peak.fy, -peak.fx)
    if along < 0:
        along, other = -along, -other
    tilt = atan(other / along)
    assert hypot(along, other) > 0, "a peak is not at zero"
    return 25.4 * lines_per_mm * cos(tilt) / along, degrees(tilt)
