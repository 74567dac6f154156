"""ISO/IEC 19794-4:2011 finger image records: read, write, validate. All numbers are big-endian."""

import struct
from collections import Counter
from collections.abc import Sequence

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

NAME = "ISO/IEC 19794-4:2011"
MAGIC = b"FIR\x00020\0"
HEADER = struct.Struct(">8sIHBB")  # 16 bytes
START = struct.Struct(">I9sBHHB")  # of a representation, up to the number of quality blocks
QUALITY = struct.Struct(">BHH")
REST = struct.Struct(">BBBHHHHBBBHHI")  # from the position to the length of the image data
COMPRESSIONS = (RAW, PACKED, WSQ, JPEG, JPEG2000, JPEG2000_LOSSLESS, PNG)  # by code; other than in 2005
POSITIONS = frozenset({*range(11), 13, 14, 15, *range(20, 37), *range(40, 51)})
IMPRESSIONS = frozenset({0, 1, 2, 3, 7, 8, 9, 24, 28, 29})
UNKNOWN_TIME = b"\xff" * 9
LARGEST = 0xFFFFFFFF  # bytes of a record
MOST_OF_A_POSITION = 256  # images: a byte numbers them


class Writer:
    """A record an image at a time: `add` gives each representation, at last `header` what precedes them."""

    def __init__(self, positions: Sequence[int]) -> None:
        """Begin a record of images of these positions, in this order; BadRecord where they are too many."""
        if not 1 <= len(positions) <= 0xFFFF:
            raise BadRecord(f"{NAME}: {len(positions)} images, 1 to 65535 fit")
        for position, count in Counter(positions).items():
            if count > MOST_OF_A_POSITION:
                raise BadRecord(
                    f"{NAME}: {count} images of position {position}, 1 to {MOST_OF_A_POSITION} fit"
                )
        self._seen: Counter[int] = Counter()
        self._length = HEADER.size

    def add(self, image: FingerImage) -> bytes:
        """Return the representation of the next image, uncertified, its time unknown."""
        check_codes(image, POSITIONS, IMPRESSIONS, NAME)
        check_fields(image, NAME)
        check_raw(image, 0, NAME)
        scored = image.quality is not None
        quality = QUALITY.pack(image.quality, 0, 0) if scored else b""
        length = START.size + len(quality) + REST.size + len(image.data)
        self._length += length
        if self._length > LARGEST:
            raise BadRecord(f"{NAME}: the images take more than {LARGEST} bytes, which its length cannot say")
        rate, code = round(image.ppi), COMPRESSIONS.index(image.compression)
        number = self._seen[image.position]
        self._seen[image.position] += 1
        tail = (image.depth, code, image.impression, image.width, image.height, len(image.data))
        rest = REST.pack(image.position, number, 1, rate, rate, rate, rate, *tail)
        start = START.pack(length, UNKNOWN_TIME, 0, 0, image.device, scored)
        return start + quality + rest + image.data

    def header(self) -> bytes:
        """Return the record header, after the last image."""
        return HEADER.pack(MAGIC, self._length, self._seen.total(), 0, len(self._seen))


def write(*images: FingerImage) -> bytes:
    """Return one record of these images; BadRecord names what does not fit."""
    writer = Writer([image.position for image in images])
    parts = [writer.add(image) for image in images]
    return writer.header() + b"".join(parts)


def read(data: bytes, warnings: list[str] | None = None) -> list[FingerImage]:
    """Return every image, still compressed; BadRecord names field and offset, `warnings` what is tolerated.

    Extended data behind an image is stepped over by the length of its representation.
    """
    notes = warnings if warnings is not None else []
    if data[:8] != MAGIC:
        raise BadRecord(f"{NAME}: format and version at offset 0 are {data[:8]!r}, not {MAGIC!r}")
    if len(data) < HEADER.size:
        raise BadRecord(f"{NAME}: truncated: {len(data)} bytes, the header has {HEADER.size}")
    _, declared, count, certified, positions = HEADER.unpack_from(data)
    if declared > len(data):
        raise BadRecord(f"{NAME}: truncated: {declared} bytes declared at offset 8, {len(data)} present")
    if not count:
        raise BadRecord(f"{NAME}: the number of images at offset 12 is zero")
    if certified > 1:
        raise BadRecord(f"{NAME}: certification flag {certified} at offset 14 is neither 0 nor 1")
    images = []
    offset = HEADER.size
    for _ in range(count):
        image, offset = _representation(data, offset, declared, bool(certified), notes)
        images.append(image)
    if len({image.position for image in images}) != positions:
        notes.append(f"{positions} distinct positions declared at offset 15, others are present")
    if offset < len(data):
        notes.append(f"{len(data) - offset} bytes after the last image")
    return images


def _representation(
    data: bytes, offset: int, end: int, certified: bool, notes: list[str]
) -> tuple[FingerImage, int]:
    if offset + START.size > end:
        raise BadRecord(f"{NAME}: truncated: no representation header at offset {offset}")
    length, _, _, _, device, scores = START.unpack_from(data, offset)
    stop = offset + length
    if stop > end:
        raise BadRecord(f"{NAME}: representation length {length} at offset {offset} does not fit the record")
    at = offset + START.size
    quality = data[at] if scores and at < stop and data[at] <= 100 else None
    at += QUALITY.size * scores
    if certified:
        at += 1 + 3 * (data[at] if at < stop else 0)
    if at + REST.size > stop:
        raise BadRecord(f"{NAME}: truncated: the header of the representation at offset {offset} ends early")
    position, _, units, _, _, x, y, depth, code, impression, width, height, size = REST.unpack_from(data, at)
    begin = at + REST.size
    for wrong, field, where in (
        (position not in POSITIONS, f"position {position}", at),
        (not 1 <= depth <= 16, f"{depth} bits a pixel", at + 11),
        (code >= len(COMPRESSIONS), f"compression {code}", at + 12),
        (impression not in IMPRESSIONS, f"impression type {impression}", at + 13),
        (x != y, f"unequal image resolution {x} and {y}", at + 7),
        (begin + size > stop, f"image data length {size}", at + 18),
    ):
        if wrong:
            raise BadRecord(f"{NAME}: {field} at offset {where} is not allowed")
    ppi = ppi_of(units, x, at + 7, NAME)
    if begin + size < stop:
        notes.append(f"{stop - begin - size} bytes of extended data at offset {begin + size} are not read")
    content = data[begin : begin + size]
    form = COMPRESSIONS[code]
    image = FingerImage(content, width, height, ppi, form, position, impression, quality, device, depth)
    check_raw(image, begin, NAME)
    return image, stop
