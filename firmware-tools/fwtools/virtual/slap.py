"""The virtual slap scanner as its host sees it: requests in, answers and pictures out. Pure.

It knows no socket and no clock. It models no device: its protocol is our own, told in
`drivers/vantay_slap.py`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drivers.usbip_wire import ExportedDevice
from fwtools.virtual.requests import Request, Stall, standard

WIDTH, HEIGHT, PPI = 1600, 1500, 500
ROLL_WIDTH, ROLL_HEIGHT = 800, 750
_DEVICE_DESCRIPTOR = bytes.fromhex("12010002000000400912 0a00 0001 00000001".replace(" ", ""))
_CONFIGURATION = bytes.fromhex("0902190001010080fa 0904000001ffffff00 07058202000200")
_INK = 128  # darker pixels cover the platen


class SlapScanner:
    """One plugged-in device. `shoot(light)` gives the bytes of one picture."""

    bulk_in: int = 2
    bulk_out: int | None = None
    interrupt_in: int | None = None
    free_running: bool = False
    ends_reads: bool = False
    void: int = 0

    def __init__(self, serial: str, shoot: Callable[[bool], bytes]) -> None:
        self._serial, self._shoot = serial, shoot
        self.artefact: Callable[[], int | None] = lambda: None  # 0..100 of what lies there
        self.reset()

    def reset(self) -> None:
        """Power-on state."""
        self.void += 1
        self.led = False
        self.waiting = b""  # of a picture, not fetched yet
        self._score: int | None = None  # of the picture taken last

    @staticmethod
    def exported(busid: str) -> ExportedDevice:
        """How a USB/IP server lists it."""
        path = f"/sys/devices/virtual/{busid}"
        return ExportedDevice(path, busid, 1, 2, 3, 0x1209, 0x000A, 0x0100, (0, 0, 0), 1, 1, 1)

    def control(self, setup: bytes, _data: bytes) -> bytes:
        """Answer one control request; Stall when the device does not know it."""
        request = Request.parse(setup)
        match request:
            case Request(kind=0x40, request=1, value=light):
                self.led, self.waiting, self.void = light == 1, b"", self.void + 1
                return b""
            case Request(kind=0xC0, request=2):
                numbers = np.array([2, WIDTH, HEIGHT, PPI], "<u2").tobytes()
                return (b"VSLP" + numbers + self._serial.encode().ljust(20, b"\0"))[: request.length]
            case Request(kind=0xC0, request=3):
                picture = np.frombuffer(self._shoot(self.led), np.uint8)
                covered = 10_000 * np.count_nonzero(picture < _INK) // picture.size
                return int(covered).to_bytes(2, "little")[: request.length]
            case Request(kind=0x40, request=4):
                self.waiting, self._score = self._shoot(self.led), self.artefact()
                return b""
            case Request(kind=0xC0, request=5):
                return bytes([255 if self._score is None else self._score])[: request.length]
            case Request(kind=0x40, request=6):
                picture = np.frombuffer(self._shoot(self.led), np.uint8).reshape(HEIGHT, WIDTH)
                top, left = (HEIGHT - ROLL_HEIGHT) // 2, (WIDTH - ROLL_WIDTH) // 2
                self.waiting = picture[top : top + ROLL_HEIGHT, left : left + ROLL_WIDTH].tobytes()
                self._score = self.artefact()
                return b""
        answer = standard(request, _DEVICE_DESCRIPTOR, _CONFIGURATION)
        if answer is None:
            self.reset()
        return (answer or b"")[: request.length]

    def write(self, _data: bytes) -> None:
        """Take nothing: it has no endpoint for that."""
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


class Plate:
    """How the sensor sees a hand: as it lies, fainter while it lands."""

    def __init__(self) -> None:
        self.empty = np.full((HEIGHT, WIDTH), 250, np.uint8)
        self.dark = np.full((HEIGHT, WIDTH), 4, np.uint8)

    def finger(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(1500, 1600) at 500 ppi -> landing and lying."""
        return 250 - (250 - np.minimum(pixels, 250)) // 2, np.minimum(pixels, 250)

    def shoot(self, picture: NDArray[np.uint8]) -> bytes:
        """Return the bytes of a picture, the first row first; the sensor has no noise of its own here."""
        return picture.tobytes()
