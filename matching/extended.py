"""The extended data behind the minutiae of a finger view: cores and deltas; other items are passed over.

ISO/IEC 19794-2:2005, 7.5; ANSI/INCITS 378-2004, 6.6. Items of two bytes of type and two of length, this head
included; some writers leave it out, so the reading that fills the block is taken. A delta has three sides; a
template keeps one, and as the flow around it is linear the others are a third of a turn away.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord
from matching.template import CORE, DELTA, SINGULAR

CORES_AND_DELTAS = 2  # type of an item
SIDES = {CORE: 1, DELTA: 3}  # angles of a point
MOST = 15  # points of one kind
LONGEST = 4 + 2 + MOST * (5 + 7)  # bytes of an item
HAS_ANGLE = 1 << 14  # in X, where each point says so for itself
ALL_HAVE_ANGLES = 1 << 6  # in the count, where the list says so for all
COORDINATE = 0x3FFF


class Coding(NamedTuple):
    """How a standard writes them."""

    angle_step: float  # degrees of one unit of an angle byte
    angle_count: int
    each_says: bool  # whether a point has angles: each for itself, or the list for all


def read_extended(
    data: bytes, offset: int, coding: Coding, standard: str, warnings: list[str]
) -> tuple[NDArray[np.void], int]:
    """Return the cores and deltas (n,) of SINGULAR, in the record's pixels, and the offset behind the block.

    BadRecord where the items do not fill the block. Cores and deltas whose length is too short are read where
    they fill the rest of the record (as NIST's own sample); what cannot be read is left out with a warning:
    no comparison needs it.
    """
    if offset + 2 > len(data):
        raise BadRecord(f"{standard}: truncated: no extended data length at offset {offset}")
    length = int.from_bytes(data[offset : offset + 2], "big")
    begin, end = offset + 2, offset + 2 + length
    if end > len(data) + 1:
        raise BadRecord(f"{standard}: truncated: extended data at offset {offset} needs {length} bytes")
    if end == len(data) + 1:
        warnings.append("the extended data is one byte short")
    for uncounted in (0, 4):
        items = list(_items(data, begin, end, uncounted))
        if begin + sum(items) == end:
            return _points(data, begin, items, coding, warnings), min(end, len(data))
    raise BadRecord(f"{standard}: extended data items at offset {begin} do not fill {length} bytes")


def _items(data: bytes, begin: int, end: int, uncounted: int) -> Iterator[int]:
    """Yield the length of each item, its head included."""
    while begin + 4 <= min(end, len(data)):
        length = int.from_bytes(data[begin + 2 : begin + 4], "big") + uncounted
        if length < 4:
            return
        yield length
        begin += length


def _points(
    data: bytes, begin: int, items: list[int], coding: Coding, warnings: list[str]
) -> NDArray[np.void]:
    points: list[tuple[float, float, float, int]] = []
    for length in items:
        if int.from_bytes(data[begin : begin + 2], "big") == CORES_AND_DELTAS:
            found, note = _points_of(data, begin, begin + length, coding)
            points += found
            warnings += note
        begin += length
    return np.array(points, SINGULAR)


def _points_of(
    data: bytes, begin: int, end: int, coding: Coding
) -> tuple[list[tuple[float, float, float, int]], list[str]]:
    """Return what an item holds, or holds with all that follows it, and what is wrong with it."""
    what = f"the cores and deltas at offset {begin}"
    for stop in (end, len(data)):
        if stop - begin <= LONGEST:
            try:
                found = _read_points(data[begin + 4 : stop], coding)
            except (IndexError, struct.error, ValueError):
                continue
            return found, [f"{what} go on beyond their length, to the end"] if stop > end else []
    return [], [f"{what} cannot be read: they are left out"]


def _read_points(item: bytes, coding: Coding) -> list[tuple[float, float, float, int]]:
    """Return x, y, angle and kind of each; IndexError, struct.error or ValueError where it is none."""
    points, at = [], 0
    for kind in (CORE, DELTA):
        count, all_have = item[at] & MOST, bool(item[at] & ALL_HAVE_ANGLES)
        at += 1
        for _ in range(count):
            x, y = struct.unpack_from(">HH", item, at)
            at += 4
            angle = 0
            if x & HAS_ANGLE if coding.each_says else all_have:
                angle = item[at]
                at += SIDES[kind]
            if at > len(item) or angle >= coding.angle_count:
                raise ValueError
            points.append((x & COORDINATE, y & COORDINATE, np.radians(angle * coding.angle_step), kind))
    if at != len(item):
        raise ValueError
    return points


def write_extended(points: NDArray[np.void], width: int, height: int, coding: Coding) -> bytes:
    """Return the block, its length first, of (n,) SINGULAR in pixels; the first 15 of either kind fit."""
    if len(points) == 0:
        return b"\0\0"
    item = b""
    for kind in (CORE, DELTA):
        chosen = points[points["kind"] == kind][:MOST]
        item += bytes((len(chosen) | (0 if coding.each_says or len(chosen) == 0 else ALL_HAVE_ANGLES),))
        for point in chosen:
            x = int(np.clip(np.rint(point["x"]), 0, min(width - 1, COORDINATE)))
            y = int(np.clip(np.rint(point["y"]), 0, min(height - 1, COORDINATE)))
            item += struct.pack(">HH", x | (HAS_ANGLE if coding.each_says else 0), y)
            for side in range(SIDES[kind]):
                degrees = np.degrees(float(point["angle"])) + 120 * side
                item += bytes((round(degrees / coding.angle_step) % coding.angle_count,))
    return struct.pack(">HHH", 4 + len(item), CORES_AND_DELTAS, 4 + len(item)) + item
