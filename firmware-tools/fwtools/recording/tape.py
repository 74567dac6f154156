"""A recording as what went over the wire, from a pcapng file or umockdev's tree of ioctls. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fwtools.recording.pcapng import BadRecording
from fwtools.recording.urb import CONTROL, SUBMITTED, Urb, read_urbs, write_urbs

_REAPED = re.compile(r"( *USBDEVFS_REAPURB(?:NDELAY)? 0 (\d+) (\d+) -?\d+ \d+ \d+ \d+ \d+ )([0-9A-Fa-f]*)\s*")
_CONTROL_IOCTL = 2  # USBDEVFS_URB_TYPE_CONTROL
SETUP_BYTES = 8


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes that went over the wire."""

    endpoint: int  # bit 7: IN
    setup: bytes  # of a control transfer, else empty
    data: bytes


class PcapngTape:
    """A pcapng file of one device; `transfers` in the order in which their data came by."""

    def __init__(self, data: bytes) -> None:
        self._urbs = list(read_urbs(data))
        self.transfers: list[Transfer] = []
        self._places: list[int] = []
        asked: dict[int, bytes] = {}
        for place, urb in enumerate(self._urbs):
            if urb.kind == CONTROL and urb.event == SUBMITTED:
                asked[urb.number] = urb.setup or b""
            if urb.carries:
                self.transfers.append(_transfer(urb, asked))
                self._places.append(place)

    def replaced(self, others: Mapping[int, bytes]) -> bytes:
        """Return the file with other data of the same length for some of the transfers, by their index."""
        urbs = list(self._urbs)
        for index, data in others.items():
            place = self._places[index]
            urbs[place] = urbs[place].with_data(data)
        return b"".join(write_urbs(urbs, "usbmon"))


def _transfer(urb: Urb, asked: Mapping[int, bytes]) -> Transfer:
    return Transfer(urb.endpoint, asked.get(urb.number, b"") if urb.kind == CONTROL else b"", urb.data)


class IoctlTape:
    """umockdev's tree of ioctls: one line for each URB that was reaped."""

    def __init__(self, data: bytes) -> None:
        try:
            self._lines = data.decode("ascii").splitlines()
        except UnicodeDecodeError as error:
            raise BadRecording(f"the tree of ioctls holds a byte at {error.start} that is no ASCII") from None
        self.transfers: list[Transfer] = []
        self._places: list[int] = []
        for place, line in enumerate(self._lines):
            match = _REAPED.fullmatch(line)
            if match is None:
                continue
            _, kind, endpoint, digits = match.groups()
            if len(digits) % 2 or int(endpoint) > 255:
                raise BadRecording(f"line {place + 1} of the tree of ioctls is none of umockdev's")
            raw = bytes.fromhex(digits)
            setup = raw[:SETUP_BYTES] if int(kind) == _CONTROL_IOCTL else b""
            self.transfers.append(Transfer(int(endpoint), setup, raw[len(setup) :]))
            self._places.append(place)

    def replaced(self, others: Mapping[int, bytes]) -> bytes:
        """Return the file with other data of the same length for some of the transfers, by their index."""
        lines = list(self._lines)
        for index, data in others.items():
            transfer = self.transfers[index]
            if len(data) != len(transfer.data):
                raise ValueError(f"{len(data)} bytes cannot stand for {len(transfer.data)}")
            match = _REAPED.fullmatch(lines[self._places[index]])
            assert match is not None, "it was read from there"
            lines[self._places[index]] = match[1] + (transfer.setup + data).hex().upper()
        return ("\n".join(lines) + "\n").encode()


Tape = PcapngTape | IoctlTape
