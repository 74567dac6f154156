"""Our own form of a whole template, ridge evidence included: lossless, versioned, checked; 1 to 4 KB.

    offset  bytes
    0       4      "VNTP"
    4       1      version of this form, 1
    5       1      flags: bit 0, ridge evidence follows
    6       4      length of the whole, CRC included
    10      8      width, height (pixels at 500 ppi, 16 bits each), position, quality, minutiae, zero
    18      14 n   minutiae as `MINUTIA`, little-endian, a field at a time
    ...     4      rows and columns of the ridge evidence, 16 bits each
    ...     m      orientation, period (each cell less its left neighbour, modulo 256), valid (bits); deflated
    end-4   4      CRC-32 of everything before it

Numbers are little-endian, as the machines that read it are.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord
from matching.template import MAXIMUM_MINUTIAE, MINUTIA, RidgeEvidence, Template

MAGIC = b"VNTP"
VERSION = 1
HAS_RIDGES = 1
HEAD = struct.Struct("<4sBBIHHBBBB")
GRID = struct.Struct("<HH")
CHECK = struct.Struct("<I")
FIELDS = ("x", "y", "angle", "type", "quality")
MAXIMUM_CELLS = 1 << 22  # a 16,384 pixel square: what a reader is willing to unpack


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
    body = b"".join(_little(template.minutiae[field]).tobytes() for field in FIELDS)
    flags = 0
    if template.ridges is not None:
        flags = HAS_RIDGES
        body += _pack_ridges(template.ridges)
    size = (template.width, template.height)
    length = HEAD.size + len(body) + CHECK.size
    head = HEAD.pack(MAGIC, VERSION, flags, length, *size, template.position, template.quality, count, 0)
    return head + body + CHECK.pack(zlib.crc32(head + body))


def from_bytes(data: bytes) -> Template:
    """Return the template of `to_bytes`; BadRecord says what is wrong with the bytes."""
    if len(data) < HEAD.size + CHECK.size or not is_serial(data):
        raise BadRecord("template: these bytes are not a Vantay template")
    _, version, flags, length, width, height, position, quality, count, _ = HEAD.unpack_from(data)
    if version != VERSION:
        raise BadRecord(f"template: version {version} at offset 4; this program reads version {VERSION}")
    if length != len(data):
        raise BadRecord(f"template: {length} bytes declared at offset 6, {len(data)} present")
    if CHECK.unpack_from(data, length - CHECK.size)[0] != zlib.crc32(data[: -CHECK.size]):
        raise BadRecord(f"template: the CRC at offset {length - CHECK.size} does not match: it was altered")
    body = data[HEAD.size : -CHECK.size]
    if len(body) < count * MINUTIA.itemsize:
        raise BadRecord(f"template: {count} minutiae at offset {HEAD.size} do not fit")
    minutiae = np.zeros(count, MINUTIA)
    offset = 0
    for field in FIELDS:
        kind = MINUTIA[field].newbyteorder("<")
        minutiae[field] = np.frombuffer(body, kind, count, offset)
        offset += count * kind.itemsize
    if not all(np.isfinite(minutiae[field]).all() for field in ("x", "y", "angle")):
        raise BadRecord(f"template: a minutia at offset {HEAD.size} is not a finite number")
    ridges = _unpack_ridges(body[offset:]) if flags & HAS_RIDGES else None
    return Template(minutiae, width, height, ridges, position, quality)


def _little(values: NDArray[np.void]) -> NDArray[np.void]:
    return values.astype(values.dtype.newbyteorder("<"))


def _pack_ridges(ridges: RidgeEvidence) -> bytes:
    rows, columns = ridges.orientation.shape
    planes = [np.diff(plane, axis=1, prepend=np.uint8(0)) for plane in (ridges.orientation, ridges.period)]
    raw = b"".join(plane.astype(np.uint8).tobytes() for plane in planes) + np.packbits(ridges.valid).tobytes()
    return GRID.pack(rows, columns) + zlib.compress(raw, 9)


def _unpack_ridges(data: bytes) -> RidgeEvidence:
    if len(data) < GRID.size:
        raise BadRecord("template: truncated: no ridge evidence behind the minutiae")
    rows, columns = GRID.unpack_from(data)
    cells = rows * columns
    expected = 2 * cells + (cells + 7) // 8
    if cells > MAXIMUM_CELLS:
        raise BadRecord(f"template: ridge evidence of {rows} x {columns} cells is larger than any image here")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(data[GRID.size :], expected + 1)
    except zlib.error as error:
        raise BadRecord(f"template: the ridge evidence cannot be unpacked: {error}") from error
    if len(raw) != expected or not unpacker.eof:
        raise BadRecord(f"template: the ridge evidence does not fill {rows} x {columns} cells")
    planes = np.frombuffer(raw, np.uint8, 2 * cells).reshape(2, rows, columns)
    orientation, period = np.cumsum(planes, axis=2, dtype=np.uint8)
    packed = np.frombuffer(raw, np.uint8, offset=2 * cells)
    valid = np.unpackbits(packed, count=cells).astype(np.bool_).reshape(rows, columns)
    return RidgeEvidence(orientation.copy(), period.copy(), valid)
