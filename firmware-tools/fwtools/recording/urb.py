"""One event of usbmon: its header of 64 bytes and its data. Pure.

Layout: `struct usbmon_packet` in the Linux kernel's Documentation/usb/usbmon.rst, little endian.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fwtools.recording.pcapng import BadRecording, file_head, packet_block, read_packets

HEAD_BYTES = 64
SUBMITTED, COMPLETED, FAILED = ord("S"), ord("C"), ord("E")
INTERRUPT, CONTROL, BULK = 1, 2, 3  # transfer types
_HEAD = struct.Struct("<QBBBBHBBqiiII8siiII")


@dataclass(frozen=True, slots=True)
class Urb:
    """One event: a URB was submitted, completed, or could not be submitted."""

    number: int  # the kernel's name of the URB
    event: int
    kind: int
    endpoint: int  # bit 7: IN
    device: int
    bus: int
    status: int
    length: int  # bytes wanted, or brought
    setup: bytes | None  # of a control URB that is submitted
    data: bytes
    head: bytes  # all 64 bytes as they were

    @property
    def microseconds(self) -> int:
        """When it happened, since 1970."""
        seconds, part = _HEAD.unpack(self.head)[8:10]
        return int(seconds) * 1_000_000 + int(part)

    @property
    def carries(self) -> bool:
        """Whether its data went over the wire: those of an OUT when submitted, of an IN when completed."""
        return self.event == (COMPLETED if self.inward else SUBMITTED)

    @property
    def inward(self) -> bool:
        """Whether the device sends."""
        return self.endpoint & 0x80 != 0

    @property
    def whole(self) -> bool:
        """Whether all its data are there."""
        return not self.carries or len(self.data) >= self.length

    def with_data(self, data: bytes) -> "Urb":
        """Return the same event with other data of the same length."""
        if len(data) != len(self.data):
            raise ValueError(f"{len(data)} bytes cannot stand for {len(self.data)}")
        return replace(self, data=data)


def parse(packet: bytes) -> Urb:
    """Read one packet; BadRecording when it is none of usbmon's."""
    if len(packet) < HEAD_BYTES:
        raise BadRecording(f"a packet of {len(packet)} bytes is shorter than usbmon's header of {HEAD_BYTES}")
    head, data = packet[:HEAD_BYTES], packet[HEAD_BYTES:]
    number, event, kind, endpoint, device, bus, no_setup, _, _, _, status, length, captured, setup, *_ = (
        _HEAD.unpack(head)
    )
    if event not in (SUBMITTED, COMPLETED, FAILED) or kind > BULK:
        raise BadRecording(
            f"a packet says event 0x{event:02x} and transfer type {kind}: it is none of usbmon's"
        )
    if captured > len(data):
        raise BadRecording(f"a packet of {len(data)} bytes of data claims {captured}")
    asked = setup if kind == CONTROL and event == SUBMITTED and not no_setup else None
    return Urb(number, event, kind, endpoint, device, bus, status, length, asked, data[:captured], head)


def pack(urb: Urb) -> bytes:
    """Write one packet."""
    return urb.head + urb.data


def read_urbs(data: bytes) -> Iterator[Urb]:
    """Yield the events of a pcapng file; BadRecording at the first that is wrong."""
    return (parse(packet) for packet in read_packets(data))


def write_urbs(urbs: Iterable[Urb], interface: str) -> Iterator[bytes]:
    """Yield a pcapng file in pieces."""
    yield file_head(interface)
    for urb in urbs:
        yield block_of(urb)


def block_of(urb: Urb) -> bytes:
    """Return the block of one event."""
    missing = 0 if urb.whole else urb.length - len(urb.data)
    packet = pack(urb)
    return packet_block(packet, max(0, urb.microseconds), len(packet) + missing)
