"""The Futronic FS80 as its host sees it: commands in, answers and pictures out. Pure: no socket, no clock.

A model made from a third party's description alone. It shows that a driver agrees with that, never that it
agrees with hardware. Release number and undecoded answers are invented.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drivers.usbip_wire import ExportedDevice
from fwtools.virtual.requests import Request, Stall, standard

WIDTH, HEIGHT = 320, 480
PACKET = 512
_DEVICE_DESCRIPTOR = bytes.fromhex("1201000200000040911420000001000000 01")
_CONFIGURATION = bytes.fromhex("0902200001010080fa 0904000002ffffff00 07050102000200 07058202000200")


class Fs80:
    """One plugged-in device. `shoot(lamp)` gives the bytes of one picture."""

    bulk_in: int = 2
    bulk_out: int | None = 1
    interrupt_in: int | None = None
    free_running: bool = False
    ends_reads: bool = False
    void: int = 0

    def __init__(self, shoot: Callable[[bool], bytes]) -> None:
        self._shoot = shoot
        self.reset()

    def reset(self) -> None:
        """Power-on state."""
        self.void += 1
        self.led = False
        self.waiting = b""  # what was not fetched yet: it stays, and comes before every later answer
        self._ready: set[int] = set()

    @staticmethod
    def exported(busid: str) -> ExportedDevice:
        """How a USB/IP server lists it."""
        path = f"/sys/devices/virtual/{busid}"
        return ExportedDevice(path, busid, 1, 2, 3, 0x1491, 0x0020, 0x0100, (0, 0, 0), 1, 1, 1)

    def control(self, setup: bytes, _data: bytes) -> bytes:
        """Answer one control request; Stall when the device does not know it."""
        request = Request.parse(setup)
        answer = standard(request, _DEVICE_DESCRIPTOR, _CONFIGURATION)
        if answer is None:
            self.reset()
        return (answer or b"")[: request.length]

    def write(self, data: bytes) -> None:
        """Take one command; Stall for one that it does not know."""
        match list(data):
            case [0xE0]:
                size = WIDTH.to_bytes(2, "big") + HEIGHT.to_bytes(2, "big")
                self.waiting += (bytes(4) + size).ljust(PACKET, b"\0")
            case [0x6C | 0x50 as question]:
                self._ready.add(question)
                self.waiting += bytes(PACKET)
            case [0xDD, level, 0]:
                self.led = level > 0
            case [0x6E] if len(self._ready) == 2:
                self.waiting += self._shoot(self.led)
            case _:
                raise Stall

    def message(self) -> bytes | None:
        """Tell nothing: it has no endpoint for that."""
        return None

    def tick(self) -> None:
        """Nothing: it looks when it is asked."""

    def read(self, length: int) -> bytes | None:
        """Return what waits, or None while nothing does."""
        answer, self.waiting = self.waiting[:length], self.waiting[length:]
        return answer or None


class Window:
    """How the sensor sees a finger: in the middle of its window, fainter while it lands."""

    def __init__(self) -> None:
        self.empty = np.full((HEIGHT, WIDTH), 250, np.uint8)
        self.dark = np.full((HEIGHT, WIDTH), 4, np.uint8)

    def finger(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(400, 300) at 500 ppi -> landing and lying (480, 320)."""
        height, width = pixels.shape
        top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
        lying = self.empty.copy()
        lying[top : top + height, left : left + width] = np.minimum(pixels, 250)
        return 250 - (250 - lying) // 2, lying

    def shoot(self, picture: NDArray[np.uint8]) -> bytes:
        """Return the bytes of a picture, the last row first; the sensor has no noise of its own here."""
        return picture[::-1].tobytes()
