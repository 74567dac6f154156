"""FunctionFS as bytes: what a gadget tells the kernel at its start, and the events it gets back. Pure.

Source: Linux, include/uapi/linux/usb/functionfs.h; descriptors: USB 2.0 section 9.6.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

EVENT_BYTES, MOST_EVENTS = 12, 4  # of one event; that the kernel keeps
FULL_SPEED, HIGH_SPEED = 2, 3  # enum usb_device_speed
BULK, INTERRUPT = 2, 3
_DESCRIPTORS, _STRINGS = 3, 2  # magics
_HAS_FULL, _HAS_HIGH, _EVENTFD, _ALL_REQUESTS = 1, 2, 32, 64  # flags; the last: also requests to the device
_DEVICE, _CONFIGURATION, _INTERFACE, _ENDPOINT = 1, 2, 4, 5  # descriptor types
_BULK_BYTES = {FULL_SPEED: 64, HIGH_SPEED: 512}  # of a packet
_MOST_INTERRUPT_BYTES = 64
_HEAD = struct.Struct("<IIII")
_EVENT = struct.Struct("<8sB3x")
_ENDPOINT_DESCRIPTOR = struct.Struct("<BBBBHB")


class BadDescriptor(ValueError):
    """Descriptors that FunctionFS cannot serve; the text says why."""


class Event(IntEnum):
    """enum usb_functionfs_event_type."""

    BIND, UNBIND, ENABLE, DISABLE, SETUP, SUSPEND, RESUME = range(7)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device says it is."""

    vendor: int
    product: int
    release: int
    device_class: tuple[int, int, int]

    @classmethod
    def parse(cls, data: bytes) -> "Identity":
        """Read a device descriptor, 18 bytes."""
        if len(data) != 18 or data[:2] != bytes([18, _DEVICE]):
            raise BadDescriptor("its device descriptor is none")
        vendor, product, release = struct.unpack_from("<HHH", data, 8)
        return cls(vendor, product, release, (data[4], data[5], data[6]))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint besides 0."""

    address: int  # with its direction
    kind: int
    packet: int  # bytes
    interval: int

    @classmethod
    def parse(cls, data: bytes) -> "Endpoint":
        """Read an endpoint descriptor, at least 7 bytes."""
        if len(data) < _ENDPOINT_DESCRIPTOR.size or data[1] != _ENDPOINT:
            raise BadDescriptor("an endpoint descriptor is none")
        _, _, address, attributes, packet, interval = _ENDPOINT_DESCRIPTOR.unpack_from(data)
        return cls(address, attributes & 3, packet, interval)

    def encode(self) -> bytes:
        """The 7 bytes of its descriptor."""
        head = (_ENDPOINT_DESCRIPTOR.size, _ENDPOINT, self.address)
        return _ENDPOINT_DESCRIPTOR.pack(*head, self.kind, self.packet, self.interval)

    @property
    def incoming(self) -> bool:
        """Whether it brings data to the host."""
        return bool(self.address & 0x80)

    def __str__(self) -> str:
        kind, way = "bulk" if self.kind == BULK else "interrupt", "IN" if self.incoming else "OUT"
        return f"{kind} {way} 0x{self.address:02x}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A configuration with its one interface."""

    attributes: int
    milliamperes: int
    interface: bytes  # descriptor, 9 bytes
    endpoints: tuple[Endpoint, ...]

    @classmethod
    def parse(cls, data: bytes) -> "Layout":
        """Read a configuration descriptor and what follows it; BadDescriptor says what cannot be served."""
        parts = list(_parts(data))
        if not parts or parts[0][1] != _CONFIGURATION or len(parts[0]) != 9:
            raise BadDescriptor("its configuration descriptor is none")
        interfaces = [part for part in parts if part[1] == _INTERFACE]
        if len(interfaces) != 1 or len(interfaces[0]) != 9:
            raise BadDescriptor(f"its configuration has {len(interfaces)} interfaces or settings, not one")
        if interfaces[0][8]:
            raise BadDescriptor("its interface has a name")
        if len(parts) != 2 + interfaces[0][4] or any(part[1] != _ENDPOINT for part in parts[2:]):
            raise BadDescriptor("its configuration holds more than one interface and its endpoints")
        endpoints = tuple(Endpoint.parse(part) for part in parts[2:])
        for one in endpoints:
            _check(one)
        if len({one.address for one in endpoints}) != len(endpoints):
            raise BadDescriptor("two endpoints have one number")
        return cls(parts[0][7], 2 * parts[0][8], interfaces[0], endpoints)

    def descriptors(self, speed: int, eventfd: int) -> bytes:
        """What is written to ep0 first: the interface at full speed, where it is faster at high speed, too.

        The kernel counts `eventfd` up with every event.
        """
        speeds = [FULL_SPEED, HIGH_SPEED] if speed >= HIGH_SPEED else [FULL_SPEED]
        flags = _ALL_REQUESTS | _EVENTFD | _HAS_FULL | (_HAS_HIGH if len(speeds) == 2 else 0)
        count = struct.pack("<I", 1 + len(self.endpoints)) * len(speeds)
        parts = [
            self.interface + b"".join(_at(one, speed).encode() for one in self.endpoints) for speed in speeds
        ]
        body = struct.pack("<I", eventfd) + count + b"".join(parts)
        return struct.pack("<III", _DESCRIPTORS, 12 + len(body), flags) + body


def no_strings() -> bytes:
    """What is written to ep0 next."""
    return _HEAD.pack(_STRINGS, _HEAD.size, 0, 0)


def read_events(data: bytes) -> list[tuple[Event, bytes]]:
    """Events with their setup packets (8 bytes, of SETUP alone); what is not known here is left out."""
    events = []
    for start in range(0, len(data) - EVENT_BYTES + 1, EVENT_BYTES):
        setup, kind = _EVENT.unpack_from(data, start)
        if kind <= max(Event):
            events.append((Event(kind), setup))
    return events


def _parts(data: bytes) -> Iterator[bytes]:
    """The descriptors one after another."""
    while data:
        length = data[0]
        if not 2 <= length <= len(data):
            raise BadDescriptor("its configuration descriptor breaks off")
        yield data[:length]
        data = data[length:]


def _check(one: Endpoint) -> None:
    if not one.address & 0x0F or one.address & 0x70:
        raise BadDescriptor(f"an endpoint has the number 0x{one.address:02x}")
    if one.kind not in (BULK, INTERRUPT):
        raise BadDescriptor(f"endpoint 0x{one.address:02x} is neither bulk nor interrupt")
    if one.kind == INTERRUPT and one.packet > _MOST_INTERRUPT_BYTES:
        raise BadDescriptor(f"the packets of {one} are longer than full speed has them")


def _at(one: Endpoint, speed: int) -> Endpoint:
    return replace(one, packet=_BULK_BYTES[speed]) if one.kind == BULK else one
