"""PNG data that says more than it holds."""

import struct
import zlib


def header_only(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no pixels."""
    chunks = (
        b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT" + zlib.compress(bytes(9)),
    )
    parts = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
