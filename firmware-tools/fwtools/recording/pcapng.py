"""A pcapng file of what usbmon saw: packets in, bytes out, and back. Pure: no file, no clock.

Format: the IETF draft "PCAP Next Generation (pcapng) Capture File Format", blocks 1 (interface), 6 (packet)
and the section header. Little endian only, as every machine that this project runs on writes it. A packet is
usbmon's header of 64 bytes and the data behind it (link type 220); its time is in that header.
"""

import struct
from collections.abc import Iterator

LINK_TYPE = 220  # LINKTYPE_USB_LINUX_MMAPPED
MOST_PACKET = 1 << 20  # bytes; usbmon gives at most 245,760 and a header
_SECTION, _INTERFACE, _SIMPLE, _OLD, _PACKET = 0x0A0D0D0A, 1, 3, 2, 6
_ORDER, _SWAPPED = 0x1A2B3C4D, 0x4D3C2B1A
_BLOCK, _PACKET_HEAD = struct.Struct("<II"), struct.Struct("<IIIII")
_HEAD, _TAIL = 8, 4  # bytes of every block around its body


class BadRecording(ValueError):
    """These bytes are no recording; the sentence says what is wrong and where."""


def read_packets(data: bytes) -> Iterator[bytes]:
    """Yield the packets of a file, one after the other; BadRecording at the first wrong block."""
    if len(data) < _HEAD or _BLOCK.unpack_from(data)[0] != _SECTION:
        raise BadRecording("this is no pcapng file: it does not begin with a section header")
    view, at, interfaces = memoryview(data), 0, 0
    while at < len(data):
        kind, body = _block(view, at)
        if kind == _SECTION:
            _check_section(body, at)
            interfaces = 0
        elif kind == _INTERFACE:
            _check_interface(body, at)
            interfaces += 1
        elif kind == _PACKET:
            yield _packet(body, at, interfaces)
        elif kind in (_SIMPLE, _OLD):
            raise BadRecording(
                f"the packet block at byte {at} is of type {kind}: save the file with a present Wireshark"
            )
        at += _HEAD + len(body) + _TAIL


def _block(view: memoryview, at: int) -> tuple[int, memoryview]:
    if len(view) - at < _HEAD + _TAIL:
        raise BadRecording(f"the file ends within the block at byte {at}")
    kind, length = _BLOCK.unpack_from(view, at)
    if kind == _SECTION and len(view) - at >= _HEAD + 4:
        order = int.from_bytes(view[at + 8 : at + 12], "little")
        if order == _SWAPPED:
            raise BadRecording(f"the section at byte {at} is big endian: only little endian is read")
    if length < _HEAD + _TAIL or length % 4:
        raise BadRecording(f"the block at byte {at} claims a length of {length} bytes")
    if length > len(view) - at:
        raise BadRecording(f"the file ends within the block at byte {at}: {length} bytes, it claims")
    if int.from_bytes(view[at + length - 4 : at + length], "little") != length:
        raise BadRecording(f"the two lengths of the block at byte {at} differ")
    return kind, view[at + _HEAD : at + length - _TAIL]


def _check_section(body: memoryview, at: int) -> None:
    if len(body) < 16 or int.from_bytes(body[:4], "little") != _ORDER:
        raise BadRecording(f"the section header at byte {at} is none")
    major = int.from_bytes(body[4:6], "little")
    if major != 1:
        raise BadRecording(f"the section at byte {at} is of version {major}, not 1")


def _check_interface(body: memoryview, at: int) -> None:
    if len(body) < 8:
        raise BadRecording(f"the interface block at byte {at} is too short")
    link = int.from_bytes(body[:2], "little")
    if link != LINK_TYPE:
        raise BadRecording(
            f"the interface at byte {at} has link type {link}, not {LINK_TYPE}: record with usbmon on Linux"
        )


def _packet(body: memoryview, at: int, interfaces: int) -> bytes:
    if len(body) < _PACKET_HEAD.size:
        raise BadRecording(f"the packet block at byte {at} is too short")
    interface, _, _, captured, _ = _PACKET_HEAD.unpack_from(body)
    if interface >= interfaces:
        raise BadRecording(f"the packet at byte {at} is of interface {interface}, which is not described")
    if captured > min(len(body) - _PACKET_HEAD.size, MOST_PACKET):
        raise BadRecording(f"the packet at byte {at} claims {captured} bytes")
    return bytes(body[_PACKET_HEAD.size : _PACKET_HEAD.size + captured])


def file_head(interface: str) -> bytes:
    """Return what a file begins with: the section header and the one interface ("usbmon1")."""
    section = _framed(_SECTION, struct.pack("<IHHq", _ORDER, 1, 0, -1))
    name = interface.encode()
    option = struct.pack("<HH", 2, len(name)) + _padded(name) + bytes(4)  # if_name, then the end of options
    return section + _framed(_INTERFACE, struct.pack("<HHI", LINK_TYPE, 0, 0) + option)


def packet_block(packet: bytes, microseconds: int, original: int) -> bytes:
    """Return the block of one packet; `original`: its bytes on the wire, of which it may be a part."""
    high, low = microseconds >> 32 & 0xFFFFFFFF, microseconds & 0xFFFFFFFF
    return _framed(_PACKET, _PACKET_HEAD.pack(0, high, low, len(packet), original) + _padded(packet))


def _framed(kind: int, body: bytes) -> bytes:
    length = _HEAD + len(body) + _TAIL
    return _BLOCK.pack(kind, length) + body + length.to_bytes(4, "little")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
