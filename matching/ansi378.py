"""ANSI/INCITS 378-2004 finger minutiae records: read, write, validate.

As ISO/IEC 19794-2:2005 except for the record header (a length of two bytes, or six where that is too few, and
the CBEFF product) and the angle, in units of 2 degrees.
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

NAME = "ANSI/INCITS 378-2004"
CONTACTLESS = 9  # impression type
DIALECT = Dialect(
    NAME, 2.0, 180, SHARED_IMPRESSIONS | {CONTACTLESS}, frozenset({254, 255}), each_point_says=False
)
FIELDS = struct.Struct(">HHHHHHHBB")  # what follows the record length, 6.4
SHORT_HEADER, LONG_HEADER = 26, 30  # bytes, by the form of the record length
UNKNOWN_OWNER = 0x0103  # CBEFF product owner "vendor unknown"; zero is not allowed
LARGEST_SHORT_LENGTH = 0xFFFF


def write(*templates: Template, impressions: Sequence[int] = ()) -> bytes:
    """Return one record of these templates, one finger view each; BadRecord names what does not fit.

    `impressions` has the impression type of each; without it all are live plain.
    Coordinates are rounded to pixels and angles to 2 degrees; ridge evidence and pattern class are left out.
    """
    views = write_views(list(templates), DIALECT, impressions)
    picture = picture_of(list(templates))
    length = SHORT_HEADER + len(views)
    if length <= LARGEST_SHORT_LENGTH:
        coded = struct.pack(">H", length)
    else:
        coded = struct.pack(">HI", 0, LONG_HEADER + len(views))
    return MAGIC + coded + FIELDS.pack(UNKNOWN_OWNER, 0, 0, *picture, len(templates), 0) + views


def read(data: bytes, warnings: list[str] | None = None) -> Template:
    """Return the first finger view; BadRecord where there is none. Otherwise as `read_all`."""
    templates = read_all(data, warnings)
    if not templates:
        raise BadRecord(f"{NAME}: the number of finger views is zero")
    return templates[0]


def read_all(data: bytes, warnings: list[str] | None = None) -> list[Template]:
    """Return every finger view, in pixels at 500 ppi; errors and `warnings` as in `iso19794.read_all`."""
    notes = warnings if warnings is not None else []
    check_magic(data, NAME)
    if len(data) < LONG_HEADER:  # a record with no view is shorter, and of no use
        raise BadRecord(f"{NAME}: truncated: {len(data)} bytes are too few for a finger view")
    (declared,) = struct.unpack_from(">H", data, 8)
    header = SHORT_HEADER
    if declared == 0:
        (declared,) = struct.unpack_from(">I", data, 10)
        header = LONG_HEADER
    check_length(data, declared, header, NAME)
    owner, _, _, width, height, x_ppcm, y_ppcm, count, reserved = FIELDS.unpack_from(
        data, header - FIELDS.size
    )
    picture = Picture(width, height, x_ppcm, y_ppcm)
    check_picture(picture, header - FIELDS.size + 6, NAME)
    if not owner:
        notes.append(f"CBEFF product owner at offset {header - FIELDS.size} is zero")
    if reserved:
        notes.append(f"reserved byte at offset {header - 1} is {reserved}, not 0")
    return read_views(data, header, count, picture, DIALECT, declared, notes)
