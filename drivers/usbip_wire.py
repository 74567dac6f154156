"""USB/IP messages as bytes: pure, both directions, as documented with the Linux kernel.

Source: Linux, Documentation/usb/usbip_protocol.rst. Isochronous transfers are not spoken.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

VERSION = 0x0111
REQUEST_DEVICES, REPLY_DEVICES, REQUEST_IMPORT, REPLY_IMPORT = 0x8005, 0x0005, 0x8003, 0x0003
# Status of an import, from tools/usb/usbip/libsrc/usbip_common.h
IMPORTED, REFUSED, BUSY, BROKEN, NO_DEVICE = range(5)
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
HEADER_BYTES = 48
OP_BYTES, BUSID_BYTES, DEVICE_BYTES, INTERFACE_BYTES = 8, 32, 312, 4
MOST_OUT_BYTES = 1 << 20  # of one URB from a client; a scanner takes a few

_OP = struct.Struct(">HHI")
_DEVICE = struct.Struct(">256s32sIIIHHHBBBBBB")
_BASIC = struct.Struct(">IIIII")
_SUBMIT = struct.Struct(">IIIII8s")  # flags, length, start frame, packets, interval, setup
_SUBMITTED = struct.Struct(">iIIII8x")  # status, length, start frame, packets, errors
# Where there are no isochronous packets the documentation's table says 0xffffffff, its capture of the wire
# and Linux itself send 0: both are read, 0 is sent.
_PACKETS, _NO_PACKETS = 0, (0, 0xFFFFFFFF)


class WireError(ValueError):
    """The other side does not speak USB/IP as documented."""


@dataclass(frozen=True, slots=True)
class ExportedDevice:
    """One device as a server lists it; interfaces are (class, subclass, protocol)."""

    path: str
    busid: str
    busnum: int
    devnum: int
    speed: int  # 3 is high speed (480 Mbit/s), enum usb_device_speed
    vendor: int
    product: int
    release: int  # bcdDevice
    device_class: tuple[int, int, int]
    configuration: int
    configurations: int
    interfaces: int

    def encode(self) -> bytes:
        """The 312 bytes of the device, without its interfaces."""
        path, busid = self.path.encode(), self.busid.encode()
        assert len(path) < 256, "a path has at most 255 bytes"
        assert len(busid) < BUSID_BYTES, "a bus id has at most 31 bytes"
        numbers = (self.busnum, self.devnum, self.speed, self.vendor, self.product, self.release)
        rest = (*self.device_class, self.configuration, self.configurations, self.interfaces)
        return _DEVICE.pack(path, busid, *numbers, *rest)

    @classmethod
    def decode(cls, data: bytes) -> "ExportedDevice":
        """Read 312 bytes."""
        path, busid, busnum, devnum, speed, vendor, product, release, *rest = _DEVICE.unpack(data)
        ids = (busnum, devnum, speed, vendor, product, release)
        return cls(_text(path), _text(busid), *ids, (rest[0], rest[1], rest[2]), rest[3], rest[4], rest[5])


def encode_op(code: int, status: int = 0) -> bytes:
    """The eight bytes that begin a request or reply before the device is imported."""
    return _OP.pack(VERSION, code, status)


def decode_op(data: bytes, *codes: int) -> tuple[int, int]:
    """Read eight bytes; (code, status); WireError when the code is none of `codes`."""
    version, code, status = _OP.unpack(data)
    if version != VERSION or code not in codes:
        raise WireError(f"version 0x{version:04x} code 0x{code:04x} is not USB/IP 1.1.1 at this point")
    return code, status


def encode_busid(busid: str) -> bytes:
    """The 32 bytes of a bus id in an import request."""
    return busid.encode().ljust(BUSID_BYTES, b"\0")


def decode_busid(data: bytes) -> str:
    """Read 32 bytes."""
    return _text(data)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Submit:
    """CMD_SUBMIT: one URB. `length` is what an IN wants; an OUT carries its `data`."""

    seqnum: int
    devid: int
    endpoint: int  # number without direction
    incoming: bool
    length: int
    setup: bytes = bytes(8)
    data: bytes = b""
    flags: int = 0
    interval: int = 0

    def encode(self) -> bytes:
        """Header and payload."""
        basic = _BASIC.pack(CMD_SUBMIT, self.seqnum, self.devid, int(self.incoming), self.endpoint)
        rest = _SUBMIT.pack(self.flags, self.length, 0, _PACKETS, self.interval, self.setup)
        return basic + rest + self.data


@dataclass(frozen=True, slots=True)
class Unlink:
    """CMD_UNLINK: give up the URB `target`."""

    seqnum: int
    devid: int
    target: int

    def encode(self) -> bytes:
        """Header."""
        return _BASIC.pack(CMD_UNLINK, self.seqnum, self.devid, 0, 0) + struct.pack(">I24x", self.target)


@dataclass(frozen=True, slots=True)
class Submitted:
    """RET_SUBMIT: an URB is done; `status` is 0 or a negative errno; `length` of an OUT is what went out."""

    seqnum: int
    status: int
    length: int
    data: bytes = b""

    def encode(self) -> bytes:
        """Header and payload."""
        basic = _BASIC.pack(RET_SUBMIT, self.seqnum, 0, 0, 0)
        return basic + _SUBMITTED.pack(self.status, self.length, 0, _PACKETS, 0) + self.data


@dataclass(frozen=True, slots=True)
class Unlinked:
    """RET_UNLINK: `status` is -ECONNRESET when the URB was given up, 0 when it had been answered before."""

    seqnum: int
    status: int

    def encode(self) -> bytes:
        """Header."""
        return _BASIC.pack(RET_UNLINK, self.seqnum, 0, 0, 0) + struct.pack(">i24x", self.status)


Command = Submit | Unlink
Reply = Submitted | Unlinked
M = TypeVar("M")


class Reader(Generic[M]):
    """Cuts a stream of bytes into messages; holds at most one unfinished message beside what was fed last."""

    def __init__(self, parse: Callable[[bytes], tuple[M, int]], finish: Callable[[M, bytes], M]) -> None:
        self._parse, self._finish = parse, finish
        self._bytes = bytearray()
        self._head: M | None = None
        self._payload = 0

    def feed(self, data: bytes) -> list[M]:
        """Take more of the stream and return the messages it completed; WireError when it is no USB/IP."""
        self._bytes += data
        messages: list[M] = []
        while True:
            if self._head is None:
                if len(self._bytes) < HEADER_BYTES:
                    return messages
                self._head, self._payload = self._parse(self._take(HEADER_BYTES))
            if len(self._bytes) < self._payload:
                return messages
            messages.append(self._finish(self._head, self._take(self._payload)))
            self._head = None

    def _take(self, count: int) -> bytes:
        with memoryview(self._bytes) as view:
            taken = bytes(view[:count])
        del self._bytes[:count]
        return taken


def command_reader() -> Reader[Command]:
    """Read what a client sends once it has imported a device."""

    def parse(header: bytes) -> tuple[Command, int]:
        command, seqnum, devid, direction, endpoint = _BASIC.unpack_from(header)
        if command == CMD_UNLINK:
            return Unlink(seqnum, devid, int.from_bytes(header[20:24], "big")), 0
        flags, length, _, packets, interval, setup = _SUBMIT.unpack_from(header, _BASIC.size)
        if command != CMD_SUBMIT or direction > 1 or endpoint > 15 or packets not in _NO_PACKETS:
            raise WireError(f"command {command} to endpoint {endpoint} is not spoken here")
        outgoing = 0 if direction else length
        if outgoing > MOST_OUT_BYTES:
            raise WireError(f"an URB with {outgoing} bytes out is longer than {MOST_OUT_BYTES}")
        return Submit(seqnum, devid, endpoint, direction == 1, length, setup, b"", flags, interval), outgoing

    return Reader(parse, lambda head, data: replace(head, data=data) if isinstance(head, Submit) else head)


def reply_reader(capacity: Callable[[int], int]) -> Reader[Reply]:
    """Read what a server answers; `capacity(seqnum)`: bytes an URB may bring in, KeyError when unknown."""

    def parse(header: bytes) -> tuple[Reply, int]:
        command, seqnum = _BASIC.unpack_from(header)[:2]
        status, length, *_ = _SUBMITTED.unpack_from(header, _BASIC.size)
        if command == RET_UNLINK:
            return Unlinked(seqnum, status), 0
        if command != RET_SUBMIT:
            raise WireError(f"command {command} is no reply")
        try:
            incoming = capacity(seqnum)
        except KeyError:
            raise WireError(f"reply to the unknown request {seqnum}") from None
        if incoming and length > incoming:
            raise WireError(f"reply {seqnum} brings {length} bytes where {incoming} were asked for")
        return Submitted(seqnum, status, length), length if incoming else 0

    return Reader(parse, lambda head, data: replace(head, data=data) if isinstance(head, Submitted) else head)
