"""A template from bytes of any format read here, told apart by what is in them."""

from matching import ansi378, iso19794, serial
from matching.errors import BadRecord
from matching.template import Template
from matching.views import MAGIC, check_magic

FORMAT = MAGIC[:4]  # the format identifier; the version is checked when reading
SHORTEST_ANSI = 26  # bytes: a header with the two-byte length
SHORTEST_ISO = 24  # bytes: a header


def is_record(data: bytes) -> bool:
    """Tell whether bytes start as a minutiae record or a template of our own does, good or bad."""
    return serial.is_serial(data) or data[: len(FORMAT)] == FORMAT


def is_ansi(data: bytes) -> bool:
    """Tell ANSI/INCITS 378-2004 from ISO/IEC 19794-2:2005, which start with the same eight bytes.

    ANSI has a two-byte length at offset 8, or zero and four bytes; ISO has four bytes there, so its upper two
    are zero or, in records above 64 KiB, at most 1.
    """
    if len(data) < 12:
        raise BadRecord(f"{len(data)} bytes are too few for a minutiae record")
    upper, lower = int.from_bytes(data[8:10], "big"), int.from_bytes(data[10:12], "big")
    return upper >= SHORTEST_ANSI or (upper == 0 and lower < SHORTEST_ISO)


def read_any(data: bytes, warnings: list[str] | None = None) -> Template:
    """Return the first finger view of an ISO or ANSI record, or a template of our own serial form.

    BadRecord says what is wrong; what was tolerated is appended to `warnings`.
    """
    if serial.is_serial(data):
        return serial.from_bytes(data)
    check_magic(data, "minutiae record")
    return ansi378.read(data, warnings) if is_ansi(data) else iso19794.read(data, warnings)
