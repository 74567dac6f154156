"""What tests of recordings share: events of usbmon, packed without the codec, and a bus of them."""

import struct
from collections.abc import Iterable
from pathlib import Path

RECORDINGS = Path(__file__).parents[2] / "recordings"


def usbmon(
    event: str,
    data: bytes = b"",
    *,
    kind: int = 3,
    endpoint: int = 0x82,
    device: int = 9,
    length: int | None = None,
    number: int = 0xFFFF888012345678,
) -> bytes:
    """One event of bus 2 as the kernel writes it."""
    wanted = len(data) if length is None else length
    head = struct.pack(
        "<QBBBBH2sqii", number, ord(event), kind, endpoint, device, 2, b"-\0", 1_700_000_000, 42, 0
    )
    return head + struct.pack("<II8sIIII", wanted, len(data), bytes(8), 0, 0, 0, 0) + data


class Bus:
    """Events that come one after the other, then silence."""

    name = "usbmon2"

    def __init__(self, packets: Iterable[bytes], lost: int = 0) -> None:
        self.packets, self._lost = list(packets), lost

    def take(self, _seconds: float) -> bytes | None:
        return self.packets.pop(0) if self.packets else None

    def lost_since_last(self) -> int:
        return self._lost
