"""ISO/IEC 19794-2:2005 finger minutiae records, the record format: read, write, validate.

All numbers are big-endian; angles are units of 360/256 degrees, counter-clockwise with y up. A template holds
pixels at 500 ppi, so `read` converts from the record's resolution and `write` declares 197 px/cm.
"""

import struct
from collections.abc import Sequence

from matching.errors import BadRecord
from matching.template import Template
from matching.views import (
    MAGIC,
    SHARED_IMPRESSIONS,
    Dialect,
    Picture,
    check_length,
    check_magic,
    check_picture,
    picture_of,
    read_views,
    write_views,
)

NAME = "ISO/IEC 19794-2:2005"
DIALECT = Dialect(NAME, 360 / 256, 256, SHARED_IMPRESSIONS, frozenset(), each_point_says=True)
HEADER = struct.Struct(">8sIHHHHHBB")  # 24 bytes, 7.3


def write(*templates: Template, impressions: Sequence[int] = ()) -> bytes:
    """Return one record of these templates, one finger view each; BadRecord names what does not fit.

    `impressions` has the impression type of each; without it all are live plain.
    Coordinates are rounded to pixels and angles to the unit; ridge evidence and pattern class are left out.
    """
    views = write_views(list(templates), DIALECT, impressions)
    picture = picture_of(list(templates))
    header = HEADER.pack(MAGIC, HEADER.size + len(views), 0, *picture, len(templates), 0)
    return header + views


def read(data: bytes, warnings: list[str] | None = None) -> Template:
    """Return the first finger view; BadRecord where there is none. Otherwise as `read_all`."""
    templates = read_all(data, warnings)
    if not templates:
        raise BadRecord(f"{NAME}: number of finger views at offset 22 is zero")
    return templates[0]


def read_all(data: bytes, warnings: list[str] | None = None) -> list[Template]:
    """Return every finger view, in pixels at 500 ppi.

    BadRecord names the field and the offset. What real writers get wrong and is harmless (padding behind the
    record, a length one short, extended data one byte short) is accepted and told in `warnings`.
    """
    notes = warnings if warnings is not None else []
    check_magic(data, NAME)
    if len(data) < HEADER.size:
        raise BadRecord(f"{NAME}: truncated: {len(data)} bytes, the header has {HEADER.size}")
    _, declared, _, width, height, x_ppcm, y_ppcm, count, reserved = HEADER.unpack_from(data)
    check_length(data, declared, HEADER.size, NAME)
    picture = Picture(width, height, x_ppcm, y_ppcm)
    check_picture(picture, 14, NAME)
    if reserved:
        notes.append(f"reserved byte at offset 23 is {reserved}, not 0")
    return read_views(data, HEADER.size, count, picture, DIALECT, declared, notes)
