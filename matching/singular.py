"""Cores and deltas of the ridge flow, and the pattern class they make; on cells, so plain NumPy is enough.

A point is where the smoothed doubled-angle field is zero. Around it the field is linear in the place w (a
complex number, y up): A w + B conj(w). Where A is the larger the flow turns with the place, a core (Poincare
index 1/2), else against it, a delta (-1/2); the arguments of A and B are the directions. This is the local
form of Nilsson and Bigun, Localization of corresponding points in fingerprints by complex filtering, Pattern
Recognition Letters 24(13), 2003; the index as in Kawagoe and Tojo, Fingerprint pattern classification,
Pattern Recognition 17(3), 1984.
"""

import numpy as np
from numpy.typing import NDArray

from matching.kernels import cells
from matching.parameters import Singular
from matching.template import (
    ARCH,
    CORE,
    DELTA,
    LEFT_LOOP,
    MAXIMUM_SINGULAR,
    RIGHT_LOOP,
    SINGULAR,
    TENTED_ARCH,
    UNKNOWN_PATTERN,
    WHORL,
)

Field = NDArray[np.complex128]  # (rows, columns) doubled-angle vectors of length 0..1


def find_singular(flow: NDArray[np.float32], foreground: NDArray[np.bool_], p: Singular) -> NDArray[np.void]:
    """Return the singular points (n,) of SINGULAR of a flow (2, rows, columns), in rows from the top."""
    field = _smooth(flow, foreground, p)
    found = []
    for row, column in zip(*np.nonzero(_turns(field)), strict=True):
        point = _refine(field, foreground, int(row), int(column), p)
        if point is not None:
            found.append(point)
    points = np.array(found, SINGULAR)
    return points[_lasting(points, p)][:MAXIMUM_SINGULAR]


def _smooth(flow: NDArray[np.float32], foreground: NDArray[np.bool_], p: Singular) -> Field:
    """Smooth directions, each cell of the foreground as much as any other."""
    length = np.hypot(flow[0], flow[1]) + np.float32(1e-6)
    layers = np.stack([flow[0] / length, flow[1] / length, np.ones_like(length)]) * foreground
    straight, diagonal, weight = cells.smooth(layers, cells.gaussian(p.smooth)).astype(np.float64)
    field: Field = (straight + 1j * diagonal) / np.maximum(weight, 1e-3)
    return field


def _turns(field: Field) -> NDArray[np.int64]:
    """Return how often the field turns around each square of four cells, (rows - 1, columns - 1)."""
    corners = [field[:-1, :-1], field[1:, :-1], field[1:, 1:], field[:-1, 1:]]  # counter-clockwise, y up
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    steps = [np.angle(after * before.conj()) for before, after in pairs]
    turns: NDArray[np.int64] = np.rint(sum(steps) / (2 * np.pi)).astype(np.int64)
    return turns


def _refine(
    field: Field, foreground: NDArray[np.bool_], row: int, column: int, p: Singular
) -> tuple[float, float, float, int] | None:
    """Fit the linear field around a square; None at the edge of the foreground or where it does not fit."""
    rows, columns = (slice(middle - p.reach + 1, middle + p.reach + 1) for middle in (row, column))
    if rows.start < 0 or columns.start < 0 or not foreground[rows, columns].all():
        return None
    values = field[rows, columns].ravel()
    if len(values) < (2 * p.reach) ** 2:
        return None
    y, x = (np.mgrid[rows, columns] + 0.5).reshape(2, -1)
    place = (x - column - 1) - 1j * (y - row - 1)
    design = np.stack([place, place.conj(), np.ones_like(place)], 1)
    (with_it, against, middle), *_ = np.linalg.lstsq(design, values, rcond=None)
    left = values - design @ np.array([with_it, against, middle])
    if np.sum(np.abs(left) ** 2) > p.misfit * np.sum(np.abs(values) ** 2):
        return None
    strength = abs(with_it) ** 2 - abs(against) ** 2
    zero = (against * np.conj(middle) - np.conj(with_it) * middle) / (strength + 1e-12 * (strength == 0))
    if abs(zero.real) > p.astray or abs(zero.imag) > p.astray:
        return None
    kind = CORE if strength > 0 else DELTA
    angle = np.angle(with_it) if kind == CORE else np.angle(against) / 3
    x_px, y_px = (column + 1 + zero.real) * cells.CELL - 0.5, (row + 1 - zero.imag) * cells.CELL - 0.5
    return x_px, y_px, float(np.mod(np.float32(angle), np.float32(2 * np.pi))), kind


def _lasting(points: NDArray[np.void], p: Singular) -> NDArray[np.bool_]:
    """Drop cores and deltas that are so close that they undo each other, the closest first."""
    kept = np.ones(len(points), np.bool_)
    apart = np.hypot(*(points[name][:, None] - points[name][None, :] for name in ("x", "y")))
    opposite = points["kind"][:, None] != points["kind"][None, :]
    for place in np.argsort(apart, axis=None, kind="stable"):
        i, j = divmod(int(place), max(len(points), 1))
        if apart[i, j] >= p.undone:
            break
        if i < j and kept[i] and kept[j]:
            if opposite[i, j]:
                kept[i] = kept[j] = False
            elif apart[i, j] < p.same:
                kept[j] = False
    return kept


def classify(
    points: NDArray[np.void], flow: NDArray[np.float32], foreground: NDArray[np.bool_], p: Singular
) -> int:
    """Return the pattern class (ARCH ..) of an upright finger; UNKNOWN_PATTERN where too little is seen."""
    cores, deltas = points[points["kind"] == CORE], points[points["kind"] == DELTA]
    if len(cores) > 2 or len(deltas) > 2:
        return UNKNOWN_PATTERN
    if len(cores) == 2 or len(deltas) == 2:
        return WHORL
    if len(cores) == 1:
        return _loop(cores[0], deltas, p)
    if len(deltas) == 1:
        return UNKNOWN_PATTERN
    return ARCH if _rises_and_falls(flow, foreground, p) else UNKNOWN_PATTERN


def _loop(core: np.void, deltas: NDArray[np.void], p: Singular) -> int:
    """Tell by the side of the delta, or else by where the core opens to."""
    opens = float(core["angle"])
    if len(deltas):
        towards = np.arctan2(core["y"] - deltas["y"][0], deltas["x"][0] - core["x"])
        aside = float(np.angle(np.exp(1j * (towards - opens))))
        limit = p.tented
    else:
        aside, limit = float(np.angle(np.exp(1j * (-np.pi / 2 - opens)))), p.leaning
        if abs(aside) < limit:
            return UNKNOWN_PATTERN
    if abs(aside) < limit:
        return TENTED_ARCH
    return LEFT_LOOP if aside > 0 else RIGHT_LOOP


def _rises_and_falls(flow: NDArray[np.float32], foreground: NDArray[np.bool_], p: Singular) -> bool:
    """Tell an arch from a part of something: ridges rise on the left and fall on the right of the middle."""
    if foreground.sum() * (cells.CELL * 0.0508) ** 2 < p.area:
        return False
    columns = np.nonzero(foreground)[1]
    right = np.arange(foreground.shape[1])[None, :] > np.median(columns)
    slope = flow[1] / (np.hypot(flow[0], flow[1]) + 1e-6)
    return bool(slope[foreground & ~right].mean() > p.slope and slope[foreground & right].mean() < -p.slope)
