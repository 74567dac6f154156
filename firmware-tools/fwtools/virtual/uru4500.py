"""The U.are.U 4500 as its host sees it: registers, messages, a scrambled picture. Pure: no socket, no clock.

A model made from the fact sheet and one recording. It shows that a driver agrees with these, never that it
agrees with hardware. It makes the key's stream in a way of its own, not the driver's.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivers.usbip_wire import ExportedDevice
from fwtools.virtual.requests import Request, Stall, standard

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT, PPI = 384, 290, 512
BLOCKS = ((2, 72), (0, 1), (2, 49), (1, 1), (0, 1), (2, 49), (0, 1), (2, 116))  # as recorded: (flags, rows)
_DEVICE_DESCRIPTOR = bytes.fromhex("1201000200000040ba050a000301010203 01")
_CONFIGURATION = bytes.fromhex("0902200001010080640904000002ffffff00 07058103400008 07058202400000")
_INFO = bytes.fromhex("1a0a1a0a01150000002000108b211130")
_STALE = bytes.fromhex("03910efe0c5402010dee0c4014040c44160402700c5114020f110c440f10").ljust(62, b"\0")
_HEAD = bytes.fromhex("10408001")
_STATUS, _SCRAMBLE, _MODE = 0x07, 0x33, 0x4E
_LOOK, _LIFT, _CAPTURE, _OFF = 0x10, 0x12, 0x20, 0x70
_POWER, _ON, _LIFTED = b"\x56\xaa", b"\x01\x01", b"\x02\x00"
_FEEDBACK, _BYTE = 0x9248144D, (4, 8, 11, 14, 18, 21, 24, 29)
_FINGER = 128  # a raw picture with anything lighter has a finger in it


class Uru4500:
    """One plugged-in device. `shoot(True)` gives the bytes of one raw picture, 290 x 384."""

    bulk_in: int = 2
    bulk_out: int | None = None
    interrupt_in: int | None = 1
    free_running: bool = False
    ends_reads: bool = True
    void: int = 0

    def __init__(self, shoot: Callable[[bool], bytes], key: int = 0x2545F491) -> None:
        self._shoot, self._key = shoot, key
        self.blocks: tuple[tuple[int, int], ...] = BLOCKS
        self.reset()

    def reset(self) -> None:
        """Power-on state: enumerated, not yet switched on."""
        self.void += 1
        self._status, self._mode, self._powered = 0x01, 0, False
        self._messages: list[bytes] = []
        self._picture: bytes | None = None
        self._seed, self._number = 0, 0

    @property
    def led(self) -> bool:
        """Whether it looks at the platen."""
        return self._mode in (_LOOK, _LIFT, _CAPTURE)

    @staticmethod
    def exported(busid: str) -> ExportedDevice:
        """How a USB/IP server lists it."""
        path = f"/sys/devices/virtual/{busid}"
        return ExportedDevice(path, busid, 1, 2, 2, 0x05BA, 0x000A, 0x0103, (0, 0, 0), 1, 1, 1)

    def control(self, setup: bytes, data: bytes) -> bytes:
        """Answer one control request; Stall when the device does not know it."""
        request = Request.parse(setup)
        match request:
            case Request(kind=0xC0, request=4, value=register, index=0):
                return self._read_register(register)[: request.length]
            case Request(kind=0x40, request=4, value=register, index=0) if data:
                self._write_register(register, data)
                return b""
        answer = standard(request, _DEVICE_DESCRIPTOR, _CONFIGURATION)
        if answer is None:
            self.reset()
        return (answer or b"")[: request.length]

    def _read_register(self, register: int) -> bytes:
        match register:
            case 0x07:
                return bytes([self._status])
            case 0x34:
                return ((self._key + self._number & 0xFFFFFFFF) ^ self._seed).to_bytes(4, "little")
            case 0xF0:
                return _INFO
        raise Stall

    def _write_register(self, register: int, data: bytes) -> None:
        if register == _STATUS:
            self._switch(data[0])
        elif register == _SCRAMBLE and len(data) == 5:
            self._number, self._seed = data[0], int.from_bytes(data[1:], "little")
        elif register == _MODE:
            self._set_mode(data[0])
        else:
            raise Stall

    def _switch(self, status: int) -> None:
        if self._status & 0x80 and not status & 0x80:
            self._powered = True
            self._messages += [_POWER] * 3
        elif status & 0x80:
            self._powered, self._mode, self._picture = False, 0, None
            self.void += 1
        self._status = status

    def _set_mode(self, mode: int) -> None:
        if not self._powered:
            return
        self._mode, self._picture = mode, None
        self.void += 1
        self._told = False
        if mode == _OFF:
            self._powered = False
        if mode == _CAPTURE:
            self._picture = self._take()

    def tick(self) -> None:
        """Let the time of one look pass: it tells once, in each mode, what it was to look for."""
        if self._mode not in (_LOOK, _LIFT) or self._told:
            return
        covered = max(self._shoot(True)) > _FINGER
        if covered == (self._mode == _LOOK):
            self._told = True
            self._messages.append(_ON if covered else _LIFTED)

    def message(self) -> bytes | None:
        """Return the next interrupt message, or None while there is none."""
        return self._messages.pop(0) + _STALE if self._messages else None

    def write(self, _data: bytes) -> None:
        """Take no bulk data: it has no endpoint for them."""
        raise Stall

    def read(self, length: int) -> bytes | None:
        """Return the picture, or None while there is none."""
        picture, self._picture = self._picture, None
        return None if picture is None else picture[:length]

    def _take(self) -> bytes:
        raw = np.frombuffer(self._shoot(True), np.uint8).reshape(HEIGHT, WIDTH)
        keys = [self._key + number & 0xFFFFFFFF for number in range(1 + len(self.blocks))]
        data = rows_of(raw, self.blocks, keys)
        table = b"".join(bytes(block) for block in self.blocks).ljust(30, b"\0")
        count = (len(data) // WIDTH).to_bytes(2, "little")
        return _HEAD + count + bytes(10) + table + bytes(18) + data


def rows_of(raw: Pixels, blocks: Sequence[tuple[int, int]], keys: Sequence[int]) -> bytes:
    """Return the rows of a transfer: scrambled where the blocks say so, by one key after the other."""
    number, parts, row, moved = 0, [], 0, 0
    stream = keystream(keys[0])
    for flags, rows in blocks:
        if flags & 0x80:
            number, moved = number + 1, 0
            stream = keystream(keys[number])
        clear = raw[row : row + rows].tobytes()
        if flags & 6 == 2:
            secret = stream[moved : moved + len(clear)] ^ np.frombuffer(clear, np.uint8)
            clear = b"\0" + secret[:-1].tobytes()
        if not flags & 4:
            moved += len(clear)
        if not flags & 1:
            parts.append(clear)
        row += rows
    return b"".join(parts)


def keystream(key: int) -> Pixels:
    """(111360,): the state at the start of each row by jumps, then all rows step by step side by side."""
    states = np.empty(HEIGHT, np.uint32)
    for row in range(HEIGHT):
        states[row] = key
        key = _jumped(key)
    stream = np.zeros((HEIGHT, WIDTH), np.uint8)
    for column in range(WIDTH):
        for bit, tap in enumerate(_BYTE):
            stream[:, column] |= ((states >> np.uint32(tap)) & 1).astype(np.uint8) << bit
        states = (states >> np.uint32(1)) | (_parity(states & np.uint32(_FEEDBACK)) << np.uint32(31))
    return stream.ravel()


def _parity(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    for shift in (16, 8, 4, 2, 1):
        words = words ^ (words >> np.uint32(shift))
    return words & np.uint32(1)


def _jumped(key: int) -> int:
    """The register after one row."""
    after = 0
    for bit, image in enumerate(_row_jump()):
        if key >> bit & 1:
            after ^= image
    return after


@cache
def _row_jump() -> tuple[int, ...]:
    """Where one row takes each single bit of the register: it is linear."""
    images = []
    for bit in range(32):
        key = 1 << bit
        for _ in range(WIDTH):
            key = key >> 1 | ((key & _FEEDBACK).bit_count() & 1) << 31
        images.append(key)
    return tuple(images)


class Prism:
    """How the sensor sees a finger: what lies in the middle of its window, light on dark and upside down."""

    def __init__(self, ppi: tuple[float, float] = (PPI, PPI)) -> None:
        self.empty = self.dark = np.full((HEIGHT, WIDTH), 5, np.uint8)
        self._ppi = ppi  # of this unit, across and down

    def finger(self, pixels: Pixels) -> tuple[Pixels, Pixels]:
        """(400, 300) at 500 ppi -> landing and lying (290, 384) at the unit's resolution."""
        raw = np.ascontiguousarray(~upright(pixels, self._ppi)[::-1, ::-1])
        return raw, raw

    def shoot(self, picture: Pixels) -> bytes:
        """Return the bytes of a raw picture; the sensor has no noise of its own here."""
        return picture.tobytes()


def upright(pixels: Pixels, ppi: tuple[float, float] = (PPI, PPI)) -> Pixels:
    """(400, 300) at 500 ppi -> the (290, 384) that the window shows of it, dark on light."""
    seen = (WIDTH * 500 / ppi[0], HEIGHT * 500 / ppi[1])  # of the picture, whose middle is the window's
    pad = max(0, *(int(size - side) // 2 + 2 for size, side in zip(seen, pixels.shape[::-1], strict=True)))
    padded = np.pad(pixels, pad, constant_values=250)
    left, top = ((side - size) / 2 for size, side in zip(seen, padded.shape[::-1], strict=True))
    window = (left, top, left + seen[0], top + seen[1])
    return np.asarray(Image.fromarray(padded).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS, window))
