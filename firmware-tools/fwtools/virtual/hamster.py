"""The Hamster Pro 20 as its host sees it: requests, registers, stream. Pure: no socket, no clock.

A model made from the fact sheet and one recording. It shows that a driver agrees with these, never that
it agrees with hardware.
"""

from collections.abc import Callable

import numpy as np

from drivers.usbip_wire import ExportedDevice
from fwtools.virtual.requests import Request, Stall, standard

_DEVICE_DESCRIPTOR = bytes.fromhex("120100020000004062110022062200000001")
_CONFIGURATION = bytes.fromhex("09021900010100804b 0904000001ffffff00 07058202000200")
_FACTORY_AT = 0x2000
_EXPOSURE = 1116  # at which `shoot` takes its pictures
_BLACK, _PIXELS = 18, 956 * 688  # grey level without light; of a picture, before what ends it


class HamsterPro20:
    """One plugged-in device. `shoot(led)` gives the bytes of one picture; `light`: its own, usually 1."""

    bulk_in: int = 2
    bulk_out: int | None = None
    interrupt_in: int | None = None
    free_running: bool = True
    ends_reads: bool = False
    void: int = 0

    def __init__(
        self, serial: str, factory: bytes, shoot: Callable[[bool], bytes], light: float = 1.0
    ) -> None:
        self._id = serial.ljust(15)[:15].encode("utf-16-le")
        self._factory, self._shoot, self.light = factory, shoot, light
        self.reset()

    def reset(self) -> None:
        """Power-on state."""
        self.void += 1
        self.led = False
        self.exposure = _EXPOSURE
        self._registers: dict[int, int] = {}
        self._started = self.streaming = False
        self._rest = memoryview(b"")  # of the picture under way

    @staticmethod
    def exported(busid: str) -> ExportedDevice:
        """How a USB/IP server lists it."""
        path = f"/sys/devices/virtual/{busid}"
        return ExportedDevice(path, busid, 1, 2, 3, 0x1162, 0x2200, 0x2206, (0, 0, 0), 1, 1, 1)

    def control(self, setup: bytes, data: bytes) -> bytes:
        """Answer one control request; Stall when the device does not know it."""
        request = Request.parse(setup)
        if request.kind == 0xC0:
            return self._vendor_in(request)[: request.length]
        if request.kind == 0x40:
            self._vendor_out(request, data)
            return b""
        answer = standard(request, _DEVICE_DESCRIPTOR, _CONFIGURATION)
        if answer is None:
            self.reset()
        return (answer or b"")[: request.length]

    def write(self, _data: bytes) -> None:
        """Take no bulk data: it has no endpoint for them."""
        raise Stall

    def message(self) -> bytes | None:
        """Tell nothing: it has no endpoint for that."""
        return None

    def tick(self) -> None:
        """Nothing: it looks when it is asked."""

    def read(self, length: int) -> bytes | None:
        """Bytes of the stream for one bulk read, or None while it brings nothing."""
        if not self.streaming:
            return None
        if not self._rest:
            self._rest = memoryview(self._exposed(self._shoot(self.led)))
        taken, self._rest = self._rest[:length], self._rest[length:]
        return bytes(taken)

    def _exposed(self, picture: bytes) -> bytes:
        """The picture as bright as light and exposure make it."""
        factor = self.light * self.exposure / _EXPOSURE
        if factor == 1.0:
            return picture
        grey = np.clip(_BLACK + (np.arange(256) - _BLACK) * factor + 0.5, 0, 255).astype(np.uint8)
        return picture[:_PIXELS].translate(grey.tobytes()) + picture[_PIXELS:]

    def _vendor_in(self, request: Request) -> bytes:
        match request:
            case Request(request=37, value=0, index=0):
                return self._id
            case Request(request=34, value=0x37):
                return bytes([self._registers.get(request.index, 0)])
            case Request(request=8, value=0) if 0 <= request.index - _FACTORY_AT < len(self._factory):
                start = request.index - _FACTORY_AT
                return self._factory[start : start + min(request.length, 4096)]
            case Request(request=22, value=0, index=0):
                return bytes(4)
        raise Stall

    def _vendor_out(self, request: Request, data: bytes) -> None:
        match request:
            case Request(request=34, value=0x37) if len(data) == 1 and request.index < 256:
                self._registers[request.index] = data[0]
            case Request(request=64, value=0, index=0, length=4):
                self.exposure = int.from_bytes(data[:2], "big")
            case Request(request=5, value=1, index=0):
                self._started = True
            case Request(request=1, value=0, index=0):
                self.streaming = self._started
            case Request(request=2, value=0, index=0):
                self._started = self.streaming = False
                self._rest = memoryview(b"")
                self.void += 1
            case Request(request=17, value=0 | 1, index=0):
                self.led = request.value == 1
            case _:
                raise Stall
