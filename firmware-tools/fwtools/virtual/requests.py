"""Control requests as a virtual device sees them, and the standard ones that every device answers."""

import struct
from dataclasses import dataclass

_SETUP = struct.Struct("<BBHHH")


class Stall(Exception):
    """The device refuses a request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A control request, USB 2.0 section 9.3."""

    kind: int
    request: int
    value: int
    index: int
    length: int

    @classmethod
    def parse(cls, setup: bytes) -> "Request":
        """Read the eight bytes of a setup packet."""
        return cls(*_SETUP.unpack(setup))


def standard(request: Request, device: bytes, configuration: bytes) -> bytes | None:
    """Answer a standard request from both descriptors; None: the port is reset; Stall for an unknown one."""
    match request:
        case Request(kind=0x80, request=6, value=0x0100):
            return device
        case Request(kind=0x80, request=6, value=0x0200):
            return configuration
        case Request(kind=0x80 | 0x81 | 0x82, request=0):
            return bytes(2)
        case Request(kind=0x80, request=8):
            return b"\1"
        case Request(kind=0, request=9, value=1) | Request(kind=1, request=11, value=0, index=0):
            return b""
        case Request(kind=2, request=1, value=0):
            return b""  # an endpoint's halt is cleared; none ever is halted
        case Request(kind=0x23, request=3, value=4):
            return None
    raise Stall
