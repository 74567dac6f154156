"""ISO/IEC 19794-4:2005 finger image records: read, write, validate. All numbers are big-endian.

ANSI/INCITS 381-2004 is read too: it begins with the same eight bytes and has four more in its header.
"""

import struct
from collections.abc import Sequence
from typing import Any

from matching.errors import BadRecord
from matching.finger_image import (
    JPEG,
    JPEG2000,
    JPEG2000_LOSSLESS,
    PACKED,
    PNG,
    RAW,
    WSQ,
    FingerImage,
    check_codes,
    check_fields,
    check_raw,
    ppi_of,
)

NAME = "ISO/IEC 19794-4:2005"
MAGIC = b"FIR\x00010\0"
HEADER = struct.Struct(">8s6sHHBBHHHHBBH")  # 32 bytes, 7.1
VIEW = struct.Struct(">IBBBBBHHB")  # 14 bytes, 7.2
ANSI_NAME = "ANSI/INCITS 381-2004"
ANSI_PRODUCT = 4  # bytes of CBEFF product identifier behind the record length, 7.1.4 there
COUNT = 18  # offset of the number of views, without these
COMPRESSIONS = (RAW, PACKED, WSQ, JPEG, JPEG2000, PNG)  # by code; 5 is PNG here, JPEG 2000 in 2011
POSITIONS = frozenset({*range(11), 13, 14, 15, *range(20, 37)})
IMPRESSIONS = frozenset({0, 1, 2, 3, 7, 8, 9})
LEVELS = frozenset({10, 20, 30, 31, 35, 40, 41})  # image acquisition levels, table 1
LEVEL_OF, UNDEFINED_LEVEL = {500: 31, 1000: 41}, 10  # by pixels per inch
UNDEFINED_QUALITY = 254
LARGEST = 0xFFFFFFFF  # bytes of a view


class Writer:
    """A record an image at a time: `add` gives each view, at last `header` what stands before them."""

    def __init__(self, positions: Sequence[int]) -> None:
        """Begin a record of images of these positions, in this order; BadRecord where they are too many."""
        if not 1 <= len(positions) <= 255:
            raise BadRecord(f"{NAME}: {len(positions)} images, 1 to 255 fit")
        self._positions = positions
        self._added: list[int] = []
        self._length = HEADER.size
        self._shared: dict[str, Any] = {}

    def add(self, image: FingerImage) -> bytes:
        """Return the view of the next image; BadRecord names what does not fit."""
        check_codes(image, POSITIONS, IMPRESSIONS, NAME)
        check_fields(image, NAME)
        check_raw(image, 0, NAME)
        for field in ("ppi", "depth", "compression", "device"):
            if self._shared.setdefault(field, getattr(image, field)) != getattr(image, field):
                raise BadRecord(f"{NAME}: all images of a record must have one {field}")
        self._added.append(image.position)
        number, of = self._added.count(image.position), self._positions.count(image.position)
        quality = UNDEFINED_QUALITY if image.quality is None else image.quality
        length = VIEW.size + len(image.data)
        if length > LARGEST:
            raise BadRecord(f"{NAME}: an image takes more than {LARGEST} bytes, which its length cannot say")
        self._length += length
        head = (image.position, of, number, quality, image.impression)
        return VIEW.pack(length, *head, image.width, image.height, 0) + image.data

    def header(self) -> bytes:
        """Return the record header, after the last image."""
        form = self._shared["compression"]
        code = COMPRESSIONS.index(JPEG2000 if form == JPEG2000_LOSSLESS else form)
        rate = round(self._shared["ppi"])
        level = LEVEL_OF.get(rate, UNDEFINED_LEVEL)
        tail = (len(self._added), 1, rate, rate, rate, rate, self._shared["depth"], code, 0)
        return HEADER.pack(MAGIC, self._length.to_bytes(6, "big"), self._shared["device"], level, *tail)


def write(*images: FingerImage) -> bytes:
    """Return one record of these images, which share resolution, depth, compression and device."""
    writer = Writer([image.position for image in images])
    views = [writer.add(image) for image in images]
    return writer.header() + b"".join(views)


def read(data: bytes, warnings: list[str] | None = None) -> list[FingerImage]:
    """Return every image, still compressed; BadRecord and `warnings` as in `iso19794.read_all`."""
    notes = warnings if warnings is not None else []
    if data[:8] != MAGIC:
        raise BadRecord(f"{NAME}: format and version at offset 0 are {data[:8]!r}, not {MAGIC!r}")
    if len(data) < HEADER.size:
        raise BadRecord(f"{NAME}: truncated: {len(data)} bytes, the header has {HEADER.size}")
    more = ANSI_PRODUCT if _is_ansi(data) else 0
    if more:
        notes.append(f"this is {ANSI_NAME}, product {data[14:16].hex().upper()} {data[16:18].hex().upper()}")
    _, coded, device, level, count, units, scan_x, _, x, y, depth, code, reserved = HEADER.unpack(
        data[:14] + data[14 + more : HEADER.size + more]
    )
    declared = int.from_bytes(coded, "big")
    if declared > len(data):
        raise BadRecord(f"{NAME}: truncated: {declared} bytes declared at offset 8, {len(data)} present")
    if not count:
        raise BadRecord(f"{NAME}: the number of images at offset {COUNT + more} is zero")
    if code >= len(COMPRESSIONS):
        raise BadRecord(f"{NAME}: compression {code} at offset {29 + more} is not defined")
    if not 1 <= depth <= 16:
        raise BadRecord(f"{NAME}: {depth} bits a pixel at offset {28 + more} are not 1 to 16")
    ppi = ppi_of(units, x, 24 + more, NAME)
    if x != y:
        raise BadRecord(
            f"{NAME}: image resolutions {x} and {y} at offset {24 + more} differ, which is not read here"
        )
    for wrong, note in (
        (level not in LEVELS, f"acquisition level {level} at offset {16 + more} is not defined"),
        (x > scan_x, f"image resolution {x} at offset {24 + more} is above the scan resolution {scan_x}"),
        (reserved, f"reserved bytes at offset {30 + more} are {reserved}, not 0"),
    ):
        if wrong:
            notes.append(note)
    images = []
    offset = HEADER.size + more
    for _ in range(count):
        image, offset = _view(data, offset, declared, (ppi, COMPRESSIONS[code], device, depth))
        images.append(image)
    if offset < len(data):
        notes.append(f"{len(data) - offset} bytes after the last image")
    return images


def _is_ansi(data: bytes) -> bool:
    """Whether the views fill the declared length behind the longer header, and not behind the shorter."""
    declared = int.from_bytes(data[8:14], "big")
    fits = [_end_of_views(data, more) == declared for more in (0, ANSI_PRODUCT)]
    return declared <= len(data) and fits == [False, True]


def _end_of_views(data: bytes, more: int) -> int:
    offset = HEADER.size + more
    for _ in range(data[COUNT + more]):
        offset += int.from_bytes(data[offset : offset + 4], "big")
    return offset


def _view(data: bytes, offset: int, end: int, shared: tuple[float, str, int, int]) -> tuple[FingerImage, int]:
    if offset + VIEW.size > end:
        raise BadRecord(f"{NAME}: truncated: no view header at offset {offset}")
    length, position, _, _, quality, impression, width, height, _ = VIEW.unpack_from(data, offset)
    if length < VIEW.size or offset + length > end:
        raise BadRecord(f"{NAME}: view length {length} at offset {offset} does not fit the record")
    if position not in POSITIONS:
        raise BadRecord(f"{NAME}: position {position} at offset {offset + 4} is not defined")
    if impression not in IMPRESSIONS:
        raise BadRecord(f"{NAME}: impression type {impression} at offset {offset + 8} is not defined")
    ppi, form, device, depth = shared
    known = quality if quality <= 100 else None
    content = data[offset + VIEW.size : offset + length]
    image = FingerImage(content, width, height, ppi, form, position, impression, known, device, depth)
    check_raw(image, offset + VIEW.size, NAME)
    return image, offset + length
