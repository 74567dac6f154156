"""The NB-1010-U as its host sees it: requests in, answers and a picture out. Pure: no socket, no clock.

A model made from the fact sheet and one recording. It shows that a driver agrees with these, never that it
agrees with hardware.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivers.usbip_wire import ExportedDevice
from fwtools.virtual.requests import Request, Stall, standard

WIDTH, HEIGHT, PPI = 256, 180, 385
_DEVICE_DESCRIPTOR = bytes.fromhex("12010002000000408d29101001000102 0001")
_CONFIGURATION = bytes.fromhex(
    "09022700010100a032 0904000003000000 00 07058103400005 07050202400000 07058302400000"
)
_EMPTY, _COVERED = 0x05, 0xF7
_INK = 128  # a picture with anything darker has a finger in it


class Nb1010U:
    """One plugged-in device. `shoot(True)` gives the bytes of one picture."""

    bulk_in: int = 3
    bulk_out: int | None = 2
    interrupt_in: int | None = None
    free_running: bool = False
    ends_reads: bool = False
    void: int = 0
    led: bool = False

    def __init__(self, shoot: Callable[[bool], bytes]) -> None:
        self._shoot = shoot
        self.reset()

    def reset(self) -> None:
        """Power-on state."""
        self.void += 1
        self._answers: list[bytes] = []
        self._prepared = False

    @staticmethod
    def exported(busid: str) -> ExportedDevice:
        """How a USB/IP server lists it."""
        path = f"/sys/devices/virtual/{busid}"
        return ExportedDevice(path, busid, 1, 2, 2, 0x298D, 0x1010, 0x0001, (0, 0, 0), 1, 1, 1)

    def control(self, setup: bytes, _data: bytes) -> bytes:
        """Answer one control request; Stall when the device does not know it."""
        request = Request.parse(setup)
        answer = standard(request, _DEVICE_DESCRIPTOR, _CONFIGURATION)
        if answer is None:
            self.reset()
        return (answer or b"")[: request.length]

    def write(self, data: bytes) -> None:
        """Take one message; Stall for one that it does not know."""
        if len(data) < 8 or data[0] != 0x80 or int.from_bytes(data[4:6], "little") != len(data):
            raise Stall
        request, number = data[1], data[2]
        match request:
            case 0x38:
                covered = min(self._shoot(True)) < _INK
                self._answer(0x37, number, bytes([0, 0, 0, 0, _COVERED if covered else _EMPTY, 0, 0, 0]))
            case 0x0D:
                self._prepared = True
                self._answer(0x20, number, bytes(8))
            case 0x12 if self._prepared:
                self._prepared = False
                self._answer(0x20, number, bytes([0, 0, 0, 0, 3, 0, 0, 0]))
                self._answers += _parts(self._shoot(True))
            case _:
                raise Stall

    def _answer(self, code: int, number: int, tail: bytes) -> None:
        self.void += 1
        self._answers = [bytes([0x80, code, number, 0, 16, 0, 0, 0]) + tail]

    def message(self) -> bytes | None:
        """Tell nothing: it has no endpoint for that."""
        return None

    def tick(self) -> None:
        """Nothing: it looks when it is asked."""

    def read(self, length: int) -> bytes | None:
        """Return the next answer, or None while there is none."""
        return self._answers.pop(0)[:length] if self._answers else None


def _parts(picture: bytes) -> list[bytes]:
    parts = []
    for row in range(0, HEIGHT, 2):
        more = int(row + 2 < HEIGHT)
        head = bytes([0x80, 0x21, 0, 0, 0x1C, 0x02, 0, 0]) + bytes(4)
        words = more.to_bytes(4, "little") + (row + 1).to_bytes(4, "little") + bytes([0, 1, 0, 0, 1])
        parts.append(head + words + picture[row * WIDTH : (row + 2) * WIDTH] + bytes(3))
    return parts


class Thermal:
    """How the sensor sees a finger: what lies in the middle of its window, dark on light."""

    def __init__(self) -> None:
        self.empty = self.dark = np.full((HEIGHT, WIDTH), 250, np.uint8)

    def finger(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(400, 300) at 500 ppi -> landing and lying (180, 256) at 385 ppi."""
        height, width = (round(side * PPI / 500) for side in pixels.shape)
        small = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
        top, left = (height - HEIGHT) // 2, (WIDTH - width) // 2
        seen = np.full((HEIGHT, WIDTH), 250, np.uint8)
        seen[:, left : left + width] = small[top : top + HEIGHT]
        return seen, seen

    def shoot(self, picture: NDArray[np.uint8]) -> bytes:
        """Return the bytes of a picture; the sensor has no noise of its own here."""
        return picture.tobytes()
