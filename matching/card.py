"""ISO/IEC 19794-2:2005 card formats, normal and compact, and the limits a card states in its BIT.

Neither has a header: five bytes a minutia in units of 0.01 mm (8.2), or three in units of 0.1 mm (8.3). Cards
take and give them in a biometric data template, 7F2E around 81 (ISO/IEC 7816-11). A BIT is the biometric
information template in which a card says how many minutiae it takes, and in which order.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord
from matching.template import MAXIMUM_MINUTIAE, MINUTIA, TYPE_BIFURCATION, Template
from matching.views import NOMINAL_PPCM, check_rows

DIRECTIONS = {1: "ascending", 2: "descending"}
METHODS = {0: "none", 1: "X-Y", 2: "Y-X", 3: "angle", 4: "polar"}
GROUP, BIT, HEADER, DATA, NUMBER = 0x7F61, 0x7F60, 0xA1, 0xB1, 0x02  # tags
WRAPPED, MINUTIAE = b"\x7f\x2e", b"\x81"


class Layout(NamedTuple):
    """What sets one card format apart from the other."""

    name: str
    size: int  # bytes of a minutia
    per_centimetre: int  # units of a coordinate
    largest: int  # value of a coordinate
    angles: int  # units of a full turn


class Limits(NamedTuple):
    """What a card takes, ISO/IEC 19794-2:2005 8.4; without a BIT all of 0 to 255, in any order."""

    minimum: int = 0
    maximum: int = MAXIMUM_MINUTIAE
    method: int = 0  # of sorting, a key of METHODS
    descending: bool = False


NORMAL = Layout("ISO/IEC 19794-2:2005 normal card format", 5, 1000, 0x3FFF, 256)
COMPACT = Layout("ISO/IEC 19794-2:2005 compact card format", 3, 100, 0xFF, 64)
ANY = Limits()


def write(template: Template, layout: Layout, limits: Limits = ANY) -> bytes:
    """Return the minutiae in the card's units, at most `limits.maximum`, sorted as it asks.

    Minutiae beyond the coordinate's field (25.5 mm in the compact format) are left out, then those farthest
    from the centre of mass of all. BadRecord where none or fewer than `limits.minimum` are left.
    """
    minutiae = template.minutiae
    check_rows(template, layout.name)
    scale = layout.per_centimetre / NOMINAL_PPCM
    turns = np.degrees(minutiae["angle"].astype(float)) * layout.angles / 360
    angles = np.floor(turns + 0.5)
    angles = np.clip(angles, 0, 63) if layout is COMPACT else angles % layout.angles
    places = [np.floor(minutiae[name].astype(float) * scale + 0.5) for name in ("x", "y")]
    rows = np.stack([*places, angles, minutiae["type"].astype(float)], axis=1)
    units = rows[((rows[:, :2] >= 0) & (rows[:, :2] <= layout.largest)).all(axis=1)].astype(int)
    units = _sorted(_fewest(units, min(limits.maximum, MAXIMUM_MINUTIAE)), limits)
    if len(units) < limits.minimum:
        raise BadRecord(
            f"{layout.name}: {len(units)} minutiae, the card wants at least {limits.minimum}: "
            "capture again or take another finger"
        )
    if not len(units):
        raise BadRecord(f"{layout.name}: there is no minutia to write")
    return b"".join(_packed(row, layout) for row in units.tolist())


def read(data: bytes, layout: Layout, position: int = 0, warnings: list[str] | None = None) -> Template:
    """Return the minutiae, bare or wrapped, as pixels at 500 ppi; BadRecord names field and offset.

    The format knows no image size: the template is as large as its minutiae reach. `warnings` gets what was
    tolerated; offsets within a wrapped template count from its first minutia.
    """
    data = _unwrapped(data, warnings if warnings is not None else [])
    if not data:
        raise BadRecord(f"{layout.name}: empty: there is not one minutia")
    if len(data) % layout.size:
        raise BadRecord(
            f"{layout.name}: truncated: the minutia at offset {len(data) // layout.size * layout.size} "
            f"has fewer than {layout.size} bytes"
        )
    if len(data) > layout.size * MAXIMUM_MINUTIAE:
        raise BadRecord(f"{layout.name}: {len(data)} bytes are more than {MAXIMUM_MINUTIAE} minutiae")
    minutiae = np.zeros(len(data) // layout.size, MINUTIA)
    scale = NOMINAL_PPCM / layout.per_centimetre
    for index, at in enumerate(range(0, len(data), layout.size)):
        x, y, angle, kind = _unpacked(data[at : at + layout.size], layout)
        if kind > TYPE_BIFURCATION:
            raise BadRecord(f"{layout.name}: minutia type 3 at offset {at + (0, 2)[layout is COMPACT]}")
        minutiae[index] = (x * scale, y * scale, angle * 2 * np.pi / layout.angles, kind, 0)
    width = int(minutiae["x"].max(initial=0)) + 1
    height = int(minutiae["y"].max(initial=0)) + 1
    return Template(minutiae, width, height, None, position)


def wrapped(data: bytes) -> bytes:
    """Return minutiae as cards exchange them, in 7F2E and 81."""
    return _object(WRAPPED, _object(MINUTIAE, data))


def _unwrapped(data: bytes, notes: list[str]) -> bytes:
    """Return what is in 7F2E and 81, or the data where these do not fit each other: then it is bare."""
    length, begin = _length(data, 2, len(data))
    size, start = _length(data, begin + 1, len(data))
    end, stop = begin + length, start + size
    tags = (data[:2], data[begin : begin + 1])
    if tags != (WRAPPED, MINUTIAE) or (stop != end and end != len(data)):
        return data
    if stop != end:
        raise BadRecord(f"card template: 7F2E at offset 0 holds more or less than the one 81 at {begin}")
    if end > len(data):
        raise BadRecord(f"card template: truncated: {end} bytes declared at offset 2, {len(data)} present")
    if end < len(data):
        notes.append(f"{len(data) - end} bytes after the card's template")
    return data[start:stop]


def read_bit(data: bytes) -> list[Limits]:
    """Return the limits of each finger's BIT, alone or in a group; BadRecord names the tag and the offset."""
    limits: list[Limits] = []
    for tag, begin, end in _objects(data, 0, len(data)):
        if tag == BIT:
            limits.append(_limits(data, begin, end))
        elif tag == GROUP:
            inner = list(_objects(data, begin, end))
            limits += [_limits(data, start, stop) for inner_tag, start, stop in inner if inner_tag == BIT]
            numbers = [data[start:stop] for inner_tag, start, stop in inner if inner_tag == NUMBER]
            if numbers and int.from_bytes(numbers[0], "big") != len(limits):
                raise BadRecord(f"BIT group at offset {begin}: its number is not the {len(limits)} present")
    if not limits:
        raise BadRecord("BIT: no tag 7F60 from offset 0 on")
    return limits


def _limits(data: bytes, begin: int, end: int) -> Limits:
    limits = ANY
    headers = [(start, stop) for tag, start, stop in _objects(data, begin, end) if tag == HEADER]
    blocks = [o for start, stop in headers for o in _objects(data, start, stop) if o[0] == DATA]
    for _, start, stop in blocks:
        for tag, first, last in _objects(data, start, stop):
            if tag == 0x81:
                if last - first != 2 or data[first] > data[first + 1]:
                    raise BadRecord(f"BIT: numbers of minutiae at offset {first} are no minimum and maximum")
                limits = limits._replace(minimum=data[first], maximum=data[first + 1])
            elif tag == 0x82:
                method = data[first] >> 2 & 7 if last - first == 1 else -1
                if method not in METHODS or (method and data[first] & 3 not in DIRECTIONS):
                    raise BadRecord(f"BIT: minutiae order at offset {first} is not defined")
                limits = limits._replace(method=method, descending=data[first] & 3 == 2)
    return limits


def _objects(data: bytes, offset: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (tag, begin, end) of each BER-TLV object."""
    while offset < end:
        start, tag, offset = offset, data[offset], offset + 1
        if tag & 0x1F == 0x1F and offset < end:
            tag, offset = tag << 8 | data[offset], offset + 1
        length, offset = _length(data, offset, end)
        if length < 0:
            raise BadRecord(f"BIT: length of tag {tag:X} at offset {start} cannot be read")
        if offset + length > end:
            raise BadRecord(f"BIT: truncated: tag {tag:X} at offset {start} needs {length} bytes")
        yield tag, offset, offset + length
        offset += length


def _length(data: bytes, offset: int, end: int) -> tuple[int, int]:
    """Return a BER length of up to two bytes, as cards write, and the offset behind it; -1 if it is none."""
    length = data[offset] if offset < end else 0xFF
    if length < 0x80:
        return length, offset + 1
    more = {0x81: 1, 0x82: 2}.get(length, 0)
    if not more or offset + 1 + more > end:
        return -1, offset
    return int.from_bytes(data[offset + 1 : offset + 1 + more], "big"), offset + 1 + more


def _object(tag: bytes, content: bytes) -> bytes:
    """Return a BER-TLV object."""
    size = len(content)
    form = b"" if size < 0x80 else b"\x81" if size < 0x100 else b"\x82"
    return tag + form + size.to_bytes(2 if form == b"\x82" else 1, "big") + content


def _fewest(units: NDArray[np.int_], most: int) -> NDArray[np.int_]:
    """Leave out the farthest from the centre of mass; of equals endings first, then the larger angle."""
    if len(units) <= most:
        return units
    far = _distances(units)
    kept = np.lexsort((units[:, 2], -units[:, 3], far))[:most]
    return units[np.sort(kept)]


def _sorted(units: NDArray[np.int_], limits: Limits) -> NDArray[np.int_]:
    x, y, angle = units[:, 0], units[:, 1], units[:, 2]
    if not limits.method or not len(units):
        return units
    keys = {1: (y, x), 2: (x, y), 3: (angle,), 4: (angle, _distances(units))}[limits.method]
    order = np.lexsort(keys)
    return units[order[::-1] if limits.descending else order]


def _distances(units: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return the squared distance from the centre of mass, times the squared number of minutiae: exact."""
    places = units[:, :2]
    return np.asarray(((len(units) * places - places.sum(axis=0)) ** 2).sum(axis=1))


def _packed(row: list[int], layout: Layout) -> bytes:
    x, y, angle, kind = row
    if layout is COMPACT:
        return bytes((x, y, kind << 6 | angle))
    return (kind << 14 | x).to_bytes(2, "big") + y.to_bytes(2, "big") + bytes((angle,))


def _unpacked(data: bytes, layout: Layout) -> tuple[int, int, int, int]:
    if layout is COMPACT:
        return data[0], data[1], data[2] & 63, data[2] >> 6
    x, y = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    return x & 0x3FFF, y & 0x3FFF, data[4], x >> 14
