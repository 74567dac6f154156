"""ANSI/NIST-ITL 1-2011 transactions with type 14 records (fingerprint images): read, write, validate.

The traditional encoding: fields `TYPE.NUMBER:value` between separators, the image last in its record. Other
types of record are passed over by their length. Field numbers and codes: ANSI/NIST-ITL 1-2011 (NIST SP
500-290), table 22 (type 1) and table 71 (type 14).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from matching.errors import BadRecord
from matching.finger_image import (
    JPEG,
    JPEG2000,
    JPEG2000_LOSSLESS,
    PNG,
    RAW,
    WSQ,
    FingerImage,
    check_codes,
    check_fields,
    check_raw,
    ppi_of,
)

NAME = "ANSI/NIST-ITL type 14"
FS, GS, RS, US = b"\x1c", b"\x1d", b"\x1e", b"\x1f"  # file, group, record, unit separator
BEGINS = re.compile(rb"1\.0{0,2}1:[0-9]{1,12}\x1d")
TAG = re.compile(rb"([0-9]{1,2})\.([0-9]{1,9}):")
BINARY = frozenset({3, 4, 5, 6, 7, 8})  # types that begin with four bytes of length
TAGGED = frozenset({2, *range(9, 23), 98, 99})
VERSIONS = (b"0300", b"0400", b"0500", b"0501", b"0502", b"0600")
VERSION = "0500"  # of 2011
POSITIONS = frozenset({*range(11), 13, 14, 15})
PLAIN_THUMBS = {11: 1, 12: 6}  # codes of their own, for thumbs beside a slap
IMPRESSIONS = frozenset({*range(9), *range(20, 30)})
COMPRESSIONS = {
    RAW: "NONE",
    WSQ: "WSQ20",
    JPEG: "JPEGB",
    JPEG2000: "JP2",
    JPEG2000_LOSSLESS: "JP2L",
    PNG: "PNG",
}
FORMS = {code.encode(): form for form, code in COMPRESSIONS.items()}
WANTED = {3: "IMP", 6: "HLL", 7: "VLL", 8: "SLC", 9: "THPS", 10: "TVPS", 11: "CGA", 12: "BPX", 13: "FGP"}
UNSAID = {4: "SRC", 5: "FCD"}  # mandatory, and not needed here
QUALITY, DATA = 24, 999
WORD = re.compile(r"[ -~]{1,35}")


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a transaction says besides its images; `agency` is its source and destination."""

    made: date
    captured: date
    agency: str = "VANTAY"  # 1 to 35 printable characters


def begins(data: bytes) -> bool:
    """Whether bytes begin as a transaction."""
    return BEGINS.match(data) is not None


class Writer:
    """Writes a transaction record by record: `header` first, then each image; one image is in memory."""

    def __init__(self, images: int, name: str, transaction: Transaction) -> None:
        if not 1 <= images <= 99:
            raise BadRecord(f"{NAME}: {images} images, a transaction takes 1 to 99 here")
        if not WORD.fullmatch(transaction.agency):
            raise BadRecord(f"{NAME}: an agency has 1 to 35 printable ASCII characters")
        self._images, self._name, self._said, self._written = images, name, transaction, 0

    def header(self) -> bytes:
        """Return the records of type 1 and 2."""
        records = [(2, 0), *((14, number) for number in range(1, self._images + 1))]
        content = [f"1\x1f{len(records)}", *(f"{kind}\x1f{number:02}" for kind, number in records)]
        count = "\x1e".join(content)
        agency = self._said.agency
        first = _record(
            1,
            [
                (2, VERSION),
                (3, count),
                (4, "FPS"),
                (5, f"{self._said.made:%Y%m%d}"),
                (7, agency),
                (8, agency),
                (9, self._name),
                (11, "00.00"),  # of type 4 records, of which there is none
                (12, "00.00"),
            ],
        )
        return first + _record(2, [(2, "00")])

    def add(self, image: FingerImage) -> bytes:
        """Return the record of the next image; BadRecord names what does not fit."""
        check_codes(image, POSITIONS, IMPRESSIONS, NAME)
        check_fields(image, NAME)
        check_raw(image, 0, NAME)
        if image.compression not in COMPRESSIONS:
            raise BadRecord(f"{NAME}: compression {image.compression} is not defined")
        if image.depth != 8:
            raise BadRecord(f"{NAME}: {image.depth} bits a pixel, only 8 are written here")
        self._written += 1
        if self._written > self._images:
            raise BadRecord(f"{NAME}: more images than the {self._images} announced")
        rate = str(round(image.ppi))
        fields: list[tuple[int, str | bytes]] = [
            (2, f"{self._written:02}"),
            (3, str(image.impression)),
            (4, self._said.agency),
            (5, f"{self._said.captured:%Y%m%d}"),
            (6, str(image.width)),
            (7, str(image.height)),
            (8, "1"),  # pixels per inch
            (9, rate),
            (10, rate),
            (11, COMPRESSIONS[image.compression]),
            (12, str(image.depth)),
            (13, str(image.position)),
        ]
        if image.quality is not None:
            fields.append((QUALITY, f"{image.position}\x1f{image.quality}\x1f0\x1f0"))
        return _record(14, [*fields, (DATA, image.data)])


def write(images: Sequence[FingerImage], transaction: Transaction) -> bytes:
    """Return one transaction of these images, its control number made of their bytes."""
    writer = Writer(len(images), control_number(images), transaction)
    return writer.header() + b"".join(writer.add(image) for image in images)


def control_number(images: Sequence[FingerImage]) -> str:
    """Return a transaction control number that is the same for the same images."""
    digest = sha256()
    for image in images:
        digest.update(image.data)
    return digest.hexdigest()[:24]


def read(data: bytes, warnings: list[str] | None = None) -> list[FingerImage]:
    """Return the image of every type 14 record, still compressed; BadRecord names field and offset.

    `warnings` gets what was tolerated.
    """
    notes = warnings if warnings is not None else []
    if not begins(data):
        raise BadRecord(f"{NAME}: the first field at offset 0 is not '1.001:' and a length")
    fields, offset = _fields(data, 0, 1)
    version = fields.get(2, b"")
    if version not in VERSIONS:
        notes.append(
            f"version {version.decode('ascii', 'replace')!r} (1.002) is none of ANSI/NIST-ITL 1-2000 on"
        )
    images: list[FingerImage] = []
    content = _content(fields.get(3, b""))
    for kind, number in content:
        start = offset
        if kind in BINARY:
            length = int.from_bytes(data[start : start + 4], "big") if start + 4 <= len(data) else 0
            offset = _end(data, start, length, kind)
            continue
        if kind not in TAGGED:
            raise BadRecord(f"{NAME}: record type {kind} (1.003) is not defined")
        if kind != 14:
            offset = _end(data, start, _length(data, start, kind), kind)
            continue
        fields, offset = _fields(data, start, kind)
        if _number(fields, 2, start) != number:
            notes.append(f"the record at offset {start} is number {number} in 1.003, and another in 14.002")
        images.append(_image(fields, start, notes))
    if not images:
        types = ", ".join(str(kind) for kind, _ in content) or "none"
        raise BadRecord(f"{NAME}: no record of type 14 after the first; types are {types}")
    if offset < len(data):
        notes.append(f"{len(data) - offset} bytes after the last record")
    return images


def _content(text: bytes) -> list[tuple[int, int]]:
    """Return type and number of every record that follows the first, of field 1.003."""
    pairs = [part.split(US) for part in text.split(RS)]
    if any(len(pair) != 2 or not all(re.fullmatch(rb"[0-9]{1,4}", word) for word in pair) for pair in pairs):
        raise BadRecord(f"{NAME}: the content (1.003) is no list of types and numbers")
    (first, count), *others = [(int(kind), int(number)) for kind, number in pairs]
    if first != 1 or count != len(others):
        raise BadRecord(f"{NAME}: the content (1.003) says {count} records and lists {len(others)}")
    return others


def _length(data: bytes, start: int, kind: int) -> int:
    """Return the length that a tagged record's first field declares."""
    tag = re.compile(rb"%d\.0{0,2}1:([0-9]{1,12})[\x1c\x1d]" % kind).match(data, start)
    if tag is None:
        raise BadRecord(f"{NAME}: at offset {start} is no length of a record of type {kind}")
    return int(tag[1])


def _end(data: bytes, start: int, length: int, kind: int) -> int:
    if length < 8 or start + length > len(data):
        raise BadRecord(
            f"{NAME}: truncated: the record of type {kind} at offset {start} declares {length} bytes, "
            f"{max(0, len(data) - start)} are present"
        )
    return start + length


def _fields(data: bytes, start: int, kind: int) -> tuple[dict[int, bytes], int]:
    """Return the fields of a tagged record by number, and where it ends."""
    end = _end(data, start, _length(data, start, kind), kind)
    if data[end - 1 : end] != FS:
        raise BadRecord(
            f"{NAME}: the record of type {kind} at offset {start} does not end with FS at {end - 1}"
        )
    fields: dict[int, bytes] = {}
    offset = start
    while offset < end:
        tag = TAG.match(data, offset, end)
        if tag is None or int(tag[1]) != kind:
            raise BadRecord(f"{NAME}: at offset {offset} is no field of a record of type {kind}")
        number, begin = int(tag[2]), tag.end()
        stop = -1 if number == DATA else data.find(GS, begin, end - 1)
        stop = end - 1 if stop < 0 else stop
        if number in fields:
            raise BadRecord(f"{NAME}: field {kind}.{number:03} stands twice, at offset {offset} again")
        fields[number] = data[begin:stop]
        offset = stop + 1
    return fields, end


def _number(fields: dict[int, bytes], field: int, start: int) -> int:
    value = fields.get(field)
    if value is None or not re.fullmatch(rb"[0-9]{1,6}", value):
        raise BadRecord(f"{NAME}: field 14.{field:03} of the record at offset {start} is no number")
    return int(value)


def _image(fields: dict[int, bytes], start: int, notes: list[str]) -> FingerImage:
    for field, name in WANTED.items():
        if field not in fields:
            raise BadRecord(f"{NAME}: the record at offset {start} lacks 14.{field:03} ({name})")
    notes += [
        f"the record at offset {start} lacks 14.{n:03} ({name})"
        for n, name in UNSAID.items()
        if n not in fields
    ]
    if DATA not in fields:
        raise BadRecord(f"{NAME}: the record at offset {start} has no image (14.999)")
    if (form := FORMS.get(fields[11])) is None:
        raise BadRecord(
            f"{NAME}: compression {fields[11][:12]!r} (14.011) at offset {start} is none of "
            f"{', '.join(COMPRESSIONS.values())}"
        )
    impression, width, height, units, x, y, depth, code = (
        _number(fields, field, start) for field in (3, 6, 7, 8, 9, 10, 12, 13)
    )
    position = PLAIN_THUMBS.get(code, code)
    if position not in POSITIONS:
        raise BadRecord(f"{NAME}: position {code} (14.013) at offset {start} is not read here")
    if impression not in IMPRESSIONS:
        raise BadRecord(f"{NAME}: impression type {impression} (14.003) at offset {start} is not defined")
    if not 1 <= depth <= 16:
        raise BadRecord(f"{NAME}: {depth} bits a pixel (14.012) at offset {start} are not 1 to 16")
    if x != y:
        raise BadRecord(
            f"{NAME}: image resolutions {x} and {y} at offset {start} differ, which is not read here"
        )
    ppi = ppi_of(units, x, start, NAME)
    image = FingerImage(
        fields[DATA], width, height, ppi, form, position, impression, _quality(fields, notes, start), 0, depth
    )
    check_raw(image, start, NAME)
    return image


def _quality(fields: dict[int, bytes], notes: list[str], start: int) -> int | None:
    """Return the quality of the first measure in 14.024, None where there is none or it is unknown."""
    if QUALITY not in fields:
        return None
    parts = fields[QUALITY].split(RS)[0].split(US)
    if len(parts) < 2 or not re.fullmatch(rb"[0-9]{1,3}", parts[1]):
        notes.append(f"the quality (14.024) of the record at offset {start} cannot be read")
        return None
    return int(parts[1]) if int(parts[1]) <= 100 else None  # 254 and 255: not computed


def _record(kind: int, fields: Sequence[tuple[int, str | bytes]]) -> bytes:
    """Return a tagged record: its length, these fields, and the separator at its end."""
    body = b"".join(
        GS + f"{kind}.{number:03}:".encode() + (value if isinstance(value, bytes) else value.encode())
        for number, value in fields
    )
    tag = f"{kind}.001:".encode()
    rest = len(tag) + len(body) + len(FS)
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return tag + str(length).encode() + body + FS
