"""Our own form of a whole template, ridge evidence included: lossless, versioned, checked; some 2 KB.

    offset  bytes
    0       4      "VNTP"
    4       1      version of this form, 4
    5       1      flags: bit 0, ridge evidence follows; bit 1, singular points follow; bit 2, crests in it
    6       4      length of the whole, CRC included
    10      8      width, height (pixels at 500 ppi, 16 bits each), position, quality, minutiae, pattern
    18      14 n   minutiae as `MINUTIA`, little-endian, a field at a time
    ...     1      singular points
    ...     13 k   singular points as `SINGULAR`, in the same way
    ...     4      rows and columns of the ridge evidence, 16 bits each
    ...     m      the ridge evidence as kernels.ridge_code puts it; cells not valid carry nothing
    end-4   4      CRC-32 of everything before it

Numbers are little-endian, as the machines that read it are. Versions 1 to 3 are still read
(matching.serial_before); 2 had no crests, 1 no singular points either, and zero in place of the pattern.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord
from matching.kernels.binary_coder import consumed, reader, writer, written
from matching.kernels.ridge_code import CONTEXTS, POINTS, Planes, code_flow, code_ridges
from matching.serial_before import GRID, MAXIMUM_CELLS, unpack_ridges_before_4
from matching.template import (
    CORE,
    DELTA,
    MAXIMUM_MINUTIAE,
    MINUTIA,
    PATTERNS,
    SINGULAR,
    TYPES,
    RidgeEvidence,
    Template,
)

MAGIC = b"VNTP"
VERSION = 4
READ = (1, 2, 3, 4)
HAS_RIDGES, HAS_SINGULAR, HAS_CRESTS = 1, 2, 4
HEAD = struct.Struct("<4sBBIHHBBBB")
CHECK = struct.Struct("<I")
MOST_POINTS = 255
MOST_PLACE = 1 << 16  # px
FULL_TURN = np.float32(2 * np.pi)
ROOM = 4096  # bytes tried first for the ridge evidence


def is_serial(data: bytes) -> bool:
    """Tell whether the bytes start as this form does."""
    return data[:4] == MAGIC


def to_bytes(template: Template) -> bytes:
    """Return the template with nothing lost; BadRecord where a field does not fit."""
    count = len(template.minutiae)
    if count > MAXIMUM_MINUTIAE:
        raise BadRecord(f"template: {count} minutiae, at most {MAXIMUM_MINUTIAE} fit")
    if not (0 <= template.width <= 0xFFFF and 0 <= template.height <= 0xFFFF):
        raise BadRecord(f"template: an image of {template.width} x {template.height} does not fit 16 bits")
    if not (0 <= template.position <= 255 and 0 <= template.quality <= 100):
        raise BadRecord(f"template: position {template.position} or quality {template.quality} out of range")
    if not 0 <= template.pattern < len(PATTERNS) or len(template.singular) > MOST_POINTS:
        raise BadRecord(
            f"template: pattern {template.pattern} or {len(template.singular)} singular points do not fit"
        )
    _check_rows(template.minutiae, "minutiae")
    _check_rows(template.singular, "singular points")
    body, flags = _pack_fields(template.minutiae), 0
    if len(template.singular):
        flags |= HAS_SINGULAR
        body += bytes((len(template.singular),)) + _pack_fields(template.singular)
    if template.ridges is not None:
        flags |= HAS_RIDGES if template.ridges.crests is None else HAS_RIDGES | HAS_CRESTS
        body += _pack_ridges(template.ridges)
    size = (template.width, template.height)
    length = HEAD.size + len(body) + CHECK.size
    about = (template.position, template.quality, count, template.pattern)
    head = HEAD.pack(MAGIC, VERSION, flags, length, *size, *about)
    return head + body + CHECK.pack(zlib.crc32(head + body))


def from_bytes(data: bytes, *, flow_only: bool = False) -> Template:
    """Return the template of `to_bytes`; BadRecord says what is wrong with the bytes.

    With `flow_only` the ridges have neither period nor crests, as in a template that was made without: what
    comparison needs at first (matching.gallery), in a quarter of the time.
    """
    if len(data) < HEAD.size + CHECK.size or not is_serial(data):
        raise BadRecord("template: these bytes are not a Vantay template")
    _, version, flags, length, width, height, position, quality, count, pattern = HEAD.unpack_from(data)
    if version not in READ:
        raise BadRecord(f"template: version {version} at offset 4; this program reads versions 1 to 4")
    if length != len(data):
        raise BadRecord(f"template: {length} bytes declared at offset 6, {len(data)} present")
    if CHECK.unpack_from(data, length - CHECK.size)[0] != zlib.crc32(data[: -CHECK.size]):
        raise BadRecord(f"template: the CRC at offset {length - CHECK.size} does not match: it was altered")
    body = data[HEAD.size : -CHECK.size]
    minutiae, end = _unpack_fields(body, 0, MINUTIA, count)
    points = np.zeros(0, SINGULAR)
    if version == 1:
        flags, pattern = flags & HAS_RIDGES, 0
    if version == 2:
        flags &= HAS_RIDGES | HAS_SINGULAR
    if pattern >= len(PATTERNS):
        raise BadRecord(f"template: pattern {pattern} at offset {HEAD.size - 1} is not defined")
    if flags & HAS_SINGULAR:
        if end == len(body):
            raise BadRecord("template: truncated: no singular points behind the minutiae")
        points, end = _unpack_fields(body, end + 1, SINGULAR, body[end])
    ridges = None
    if flags & HAS_RIDGES and version == VERSION:
        ridges = _unpack_ridges(body[end:], bool(flags & HAS_CRESTS), flow_only)
    elif flags & HAS_RIDGES:
        ridges = unpack_ridges_before_4(body[end:], bool(flags & HAS_CRESTS))
    return Template(minutiae, width, height, ridges, position, quality, points, pattern)


def _pack_fields(rows: NDArray[np.void]) -> bytes:
    fields = [rows[name] for name in rows.dtype.names or ()]
    return b"".join(values.astype(values.dtype.newbyteorder("<")).tobytes() for values in fields)


def _unpack_fields(
    body: bytes, offset: int, kind: np.dtype[np.void], count: int
) -> tuple[NDArray[np.void], int]:
    """Return the rows at an offset of the body, and the offset behind them."""
    what = "minutiae" if kind == MINUTIA else "singular points"
    if len(body) - offset < count * kind.itemsize:
        raise BadRecord(f"template: {count} {what} at offset {HEAD.size + offset} do not fit")
    rows = np.zeros(count, kind)
    for name in kind.names or ():
        field = kind[name].newbyteorder("<")
        rows[name] = np.frombuffer(body, field, count, offset)
        offset += count * field.itemsize
    _check_rows(rows, what)
    return rows, offset


def _check_rows(rows: NDArray[np.void], what: str) -> None:
    """Refuse what no extraction gives: BadRecord says what it is."""
    if not all(np.isfinite(rows[name]).all() for name in ("x", "y", "angle")):
        raise BadRecord(f"template: one of the {what} is not made of finite numbers")
    if not all((np.abs(rows[name]) <= MOST_PLACE).all() for name in ("x", "y")):
        raise BadRecord(f"template: one of the {what} is farther out than any image reaches")
    if ((rows["angle"] < 0) | (rows["angle"] > FULL_TURN)).any():
        raise BadRecord(f"template: one of the {what} has an angle outside a full turn")
    if rows.dtype == MINUTIA and ((rows["type"] >= len(TYPES)) | (rows["quality"] > 100)).any():
        raise BadRecord(f"template: one of the {what} has a type or a quality that is not defined")
    if rows.dtype == SINGULAR and not np.isin(rows["kind"], (CORE, DELTA)).all():
        raise BadRecord("template: a singular point is neither a core nor a delta")


def _pack_ridges(ridges: RidgeEvidence) -> bytes:
    rows, columns = ridges.valid.shape
    crests = (
        ridges.crests if ridges.crests is not None else np.zeros((POINTS * rows, POINTS * columns), np.bool_)
    )
    fine = np.repeat(np.repeat(ridges.valid, POINTS, axis=0), POINTS, axis=1)
    planes = Planes(
        np.where(ridges.valid, ridges.orientation, 0),
        np.where(ridges.valid, ridges.period, 0),
        ridges.valid.copy(),
        crests & fine,
    )
    room = ROOM
    while True:
        stream = writer(CONTEXTS, room)
        code_ridges(planes, ridges.crests is not None, stream)
        coded = written(stream)
        if isinstance(coded, bytes):
            return GRID.pack(rows, columns) + coded
        room = coded


def _unpack_ridges(data: bytes, has_crests: bool, flow_only: bool) -> RidgeEvidence:
    if len(data) < GRID.size:
        raise BadRecord("template: truncated: no ridge evidence behind the minutiae")
    rows, columns = GRID.unpack_from(data)
    if rows * columns > MAXIMUM_CELLS:
        raise BadRecord(f"template: ridge evidence of {rows} x {columns} cells is larger than any image here")
    fine = (POINTS * rows, POINTS * columns)
    planes = Planes(
        np.zeros((rows, columns), np.uint8),
        np.zeros((rows, columns), np.uint8),
        np.zeros((rows, columns), np.bool_),
        np.zeros(fine, np.bool_),
    )
    stream = reader(CONTEXTS, data[GRID.size :])
    if flow_only:
        code_flow(planes, stream)
        return RidgeEvidence(planes.orientation, planes.period, planes.valid)
    code_ridges(planes, has_crests, stream)
    if consumed(stream) != len(data) - GRID.size:
        raise BadRecord(f"template: the ridge evidence does not fill {rows} x {columns} cells")
    return RidgeEvidence(
        planes.orientation, planes.period, planes.valid, planes.crests if has_crests else None
    )
