"""SecuGen Hamster Pro 20 (SIDO020A sensor): an optical single-finger reader, 300 x 400 pixels at 500 ppi.

Evidence: one recording of a real device, from libfprint's tests. Facts only; no code was taken.

The device: 1162:2200, high speed, one vendor interface, bulk IN 0x82. It has no finger sensor and no
USB serial number. All requests are vendor requests to the device (OUT 0x40, IN 0xC0):

    37 IN   device id, 30 bytes UTF-16LE            5 OUT  value 1: start a capture
    34      sensor register, value 0x37,            1 OUT  stream on       2 OUT  stream off
            index register, one byte               17 OUT  value 1 / 0: LED (the finger's light) on / off
     8 IN   factory data, index address            22 IN   status, 4 bytes, always zero
    64 OUT  exposure, u16 big endian, 00 00

A picture is 956 x 688 bytes and 192 more on 0x82, read in pieces of 65,536 (usbmon cannot record bigger
ones whole); the 192 are 80 10 again and again on the recording, but not in the first window. Registers
41..48 are the sensor's window: first and last column and row.

The machine: open (id, registers, factory data, dark picture, window, dark picture, and one look whether
the platen is empty: a finger that lay there before nobody knows may be the last person's) -> at rest. Armed:
look every `poll_seconds`; light enough over the background is a finger; look again without pause until two
pictures agree, so that a finger still landing is not captured; with `wait_while` some looks more at a finger
that lies badly, so that it can be told; report the image; look until it is lifted; LED off; at rest. An empty
picture becomes the new background, unless ridges grow in it. At rest the status is read once a second, so
that an unplugged device is noticed. With `preview` each picture of an acquisition is reported once its stream
is off, and looks follow each other sooner.

The exposure is the factory's own. While a finger that lies still is far too dark or too bright, it is changed
in steps (`drivers/exposure.py`) and the finger looked at again; what it came to is remembered for the device.
A device that does not obey goes back to the factory's and is left alone: no recording shows one that obeyed.

The factory data take a second: six blocks. Where they are remembered from an earlier opening, under the
device's id and a digest over both, only the last block is read, and compared; it holds levels and weights.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from drivers.api import (
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    DriverSpec,
    FingerOff,
    FingerOn,
    Frame,
    Learned,
    Opened,
    PlatenOccupied,
    Preview,
    UsbId,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.exposure import STEPS, brightness, next_exposure, obeyed, within
from drivers.machine import Program, ProgramMachine
from drivers.presence import change_between, light_over, structure_between
from drivers.secugen_image import (
    FACTORY_BYTES,
    HEIGHT,
    PPI,
    RAW_HEIGHT,
    RAW_WIDTH,
    WIDTH,
    Calibration,
    parse_calibration,
    render,
)

Raw = NDArray[np.uint8]

STREAM_ON, STREAM_OFF, START, FACTORY = 1, 2, 5, 8  # vendor requests
LED, STATUS, REGISTER, DEVICE_ID, EXPOSURE = 17, 22, 34, 37, 64
SENSOR = 0x37  # I2C address
FRAME_BYTES = RAW_WIDTH * RAW_HEIGHT + 192
TRAILER = b"\x80\x10" * 96  # without it a picture is not believed before a finger has settled for long
FACTORY_AT, FACTORY_BLOCK = 0x2000, 4096  # the last block is shorter
LAST_BLOCK = FACTORY_BYTES // FACTORY_BLOCK * FACTORY_BLOCK  # where it begins
DIGEST_BYTES = 32
DARK_EXPOSURE, USUAL_EXPOSURE = 1000, 1116  # unit of the sensor; the second where the factory states none
EXPOSURE_KEY = " exposure"  # after the device's own key: what it came to, u16 big endian

# Register and value, as recorded. Written, read back and compared.
SETUP = bytes.fromhex(
    "0302 0481 050a 0800 0911 0a11 1011 1123 1285 1300 1427 16b6 3001 31c0 3208 4100 4200 4306 4443 4500 4600"
    "4704 48b3 4900 4a20 4b00 4c00 4d00 4e00 600b 6116 6232 6380 7108 80f8 8106 90aa 9108 9210 9340 9404 9501"
    "9602 9708 9810 9908 9a03 9bb0 9c08 9d24 9e30 b715 b828 b904"
)
SETUP_END = bytes.fromhex("a500 a600 a700 a800")
FIRST_WINDOW = bytes.fromhex("4100 42fa 4304 444f 4500 4628 4703 4823")
WORKING_WINDOW = bytes.fromhex("4101 4248 4303 44bf 4500 46cc 4702 48b3")

# Levels of drivers.presence. (Upstream takes the mean of the central half, 25 for a finger; that misses dry
# fingers and those off the centre.) Tried on 920 real impressions laid on the virtual scanner.
FINGER_ON = 15.0  # the weakest impression gives 22, the recording's side of a finger 79
FINGER_OFF = 10.0  # below FINGER_ON, so that noise cannot make a finger flicker
EMPTY = 5.0  # up to here the picture becomes the new background: an empty platen gives 0.6 to 4
# What comes in steps below EMPTY must not become background when it is a finger: ridges that have grown since
# the picture taken without the finger's light. Noise gives 0.4, even drift by 60 grey levels at most 1.4, a
# finger of level 2.7 already 1.65 (on the virtual scanner).
RIDGES = 1.5
MOVING = 0.10  # change over light: noise gives at most 0.05, a shift by one pixel of the image at least 0.105
PATIENT_LOOKS = 15  # more, in the pace of previews, at a finger that lies badly: time to tell it
SETTLING_LOOKS = 10  # then a trembling finger is captured as it is; its quality decides
REST_SECONDS = 1.0  # between two reads of the status at rest
PREVIEW_PAUSE = 0.1  # most seconds between two looks with a preview; a look takes about 0.06


class HamsterPro20(ProgramMachine):
    """The device's life, told in steps; the protocol notes are on top of the file."""

    _calibration: Calibration
    _background: Raw
    _dark: Raw  # taken at opening without the finger's light, so there is no finger in it
    _raw: Raw  # the last picture
    _shown: tuple[Raw, Frame] | None = None  # the last one rendered, so that it is once only
    _exposure: int  # in force
    _factory_exposure: int
    _obeys = True  # whether pictures follow the exposure, as far as is known
    _key = ""  # under which data of this device are remembered; empty: nothing is
    _whole: bool  # whether the last picture ended as pictures end

    def program(self) -> Program[None]:
        """Open, then one acquisition for each order."""
        serial = yield from self._open()
        self._cleared = True  # whether the platen was seen empty since the last finger
        if self.options.empty_first:
            self._cleared = self._measure((yield from self._look())) < FINGER_OFF
            yield from self._end_look()
            yield ControlOut(LED, 0, 0)
        self.emit(Opened(serial, ""))
        while True:
            yield from self._rest()
            yield from self._acquire()
            yield ControlOut(LED, 0, 0)

    def _open(self) -> Program[str]:
        serial = _text((yield ControlIn(DEVICE_ID, 0, 0, 30)))
        yield from self._set_checked(SETUP)
        yield from self._set(0x03, 0x05)
        yield from self._set_checked(SETUP_END + FIRST_WINDOW)
        yield ControlOut(START, 1, 0)
        yield from self._calibrate(f"{DRIVER.model} {serial}")
        yield from self._set(0x32, 0x00)
        yield _exposure(DARK_EXPOSURE)
        yield from self._stream()
        yield ControlOut(STREAM_OFF, 0, 0)
        yield from self._set_checked(WORKING_WINDOW)
        yield from self._set(0x32, 0x00)
        yield _exposure(self._exposure)
        for register, value in ((0x32, 0x00), (0x30, 0x04), (0x31, 0x5C), (0x32, 0x00), (0x32, 0x24)):
            yield from self._set(register, value)
        yield _exposure(self._exposure)
        yield from self._set(0x32, 0x00)
        self._background = self._dark = yield from self._stream()
        yield ControlOut(STREAM_OFF, 0, 0)
        return serial

    def _calibrate(self, key: str) -> Program[None]:
        """Take the factory data as remembered, if the device still has the same last block, or from it."""
        remembered = self.options.remembered
        factory = recall(key, (remembered or {}).get(key, b""))
        if factory is not None and (yield _factory_block(LAST_BLOCK)) != factory[LAST_BLOCK:]:
            factory = None
        learned = factory is None
        if factory is None:
            factory = b""
            while len(factory) < FACTORY_BYTES:
                factory += yield _factory_block(len(factory))
        try:
            self._calibration = parse_calibration(factory)
        except ValueError as error:
            raise DeviceFault(
                FaultKind.PROTOCOL, f"{error}; the scanner must go back to its maker"
            ) from error
        self._begin_exposure(key)
        if learned and remembered is not None and not key.endswith(" "):  # a key without an id is anybody's
            self.emit(Learned(key, _digest(key, factory) + factory))

    def _begin_exposure(self, key: str) -> None:
        """The factory's exposure where it is credible, or what this device came to before."""
        self._factory_exposure = self._calibration.exposure
        if within(self._factory_exposure, USUAL_EXPOSURE) != self._factory_exposure:
            self._factory_exposure = USUAL_EXPOSURE
        self._exposure = self._factory_exposure
        if self.options.remembered is not None and not key.endswith(" "):
            self._key = key + EXPOSURE_KEY
            kept = int.from_bytes(self.options.remembered.get(self._key, b"")[:2], "big")
            self._exposure = within(kept, self._factory_exposure) if kept else self._factory_exposure

    def _rest(self) -> Program[None]:
        self.resting = True
        while self.order is None:
            yield Wait(REST_SECONDS)
            if self.order is None:
                yield ControlIn(STATUS, 0, 0, 4)
        self.resting = False

    def _acquire(self) -> Program[None]:
        """Carry out one order: FingerOn, Captured, FingerOff; ends early when the order is withdrawn."""
        order = self.order
        assert order is not None, "the rest ends with an order"
        if not self._cleared:
            yield from self._make_sure_empty(order)
        while not self.withdrawn(order):
            raw = yield from self._until_finger(order)
            if raw is not None:
                raw = yield from self._until_still(raw, order)
            before = self._exposure
            if raw is not None:
                raw = yield from self._well_exposed(raw, order)
            if raw is not None:
                raw = yield from self._until_well(raw, order)
            if raw is not None:
                self.emit(Captured(self._frame(raw)))
                self.fulfil()
                yield from self._until_lifted(order)
            if self._exposure != before and self._key:
                yield ControlIn(STATUS, 0, 0, 4)
                self.emit(Learned(self._key, self._exposure.to_bytes(2, "big")))
            if raw is not None:
                return

    def _well_exposed(self, raw: Raw, order: int) -> Program[Raw | None]:
        """The finger that lies, looked at again while the exposure is wrong; None when it went."""
        for _ in range(STEPS if self._obeys and self.options.settle_frames else 0):
            seen, before = brightness(raw), self._exposure
            self._exposure = next_exposure(before, self._factory_exposure, seen)
            if self._exposure == before or self.withdrawn(order):
                break
            again = yield from self._until_still(raw, order)
            if again is None:
                return None
            raw = again
            if not obeyed(seen, brightness(raw), self._exposure / before):
                self._obeys, self._exposure = False, self._factory_exposure
                return (yield from self._until_still(raw, order))
        return raw

    def _make_sure_empty(self, order: int) -> Program[None]:
        light = self._measure((yield from self._look()))
        self._cleared = light < FINGER_OFF
        if not self._cleared:
            self.emit(PlatenOccupied())
        yield from self._end_look(order)
        if not self._cleared:
            yield from self._until_lifted(order)

    def _until_finger(self, order: int) -> Program[Raw | None]:
        while not self.withdrawn(order):
            raw = yield from self._look()
            found = self._measure(raw) >= FINGER_ON
            if found:
                self._cleared = False
                self.emit(FingerOn())
            yield from self._end_look(order)
            if found:
                return raw
            yield self._pause()
        return None

    def _until_still(self, raw: Raw, order: int) -> Program[Raw | None]:
        still = 0
        for _ in range(SETTLING_LOOKS):
            if still >= self.options.settle_frames or self.withdrawn(order):
                break
            before = raw
            raw, light = yield from self._look_again(order)
            if self._cleared:
                return None
            same = self._whole and change_between(before, raw) <= MOVING * light
            still = still + 1 if same else 0
        return None if self.withdrawn(order) else raw

    def _until_well(self, raw: Raw, order: int) -> Program[Raw | None]:
        """Wait a little while the finger lies badly; None when it went."""
        first = raw
        for _ in range(PATIENT_LOOKS):
            if self.withdrawn(order) or not self._waits(raw):
                break
            yield self._pause()
            raw, _ = yield from self._look_again(order)
            if self._cleared:
                return None
        return raw if raw is first else (yield from self._until_still(raw, order))

    def _look_again(self, order: int) -> Program[tuple[Raw, float]]:
        """Look at a finger that lies, and how light it is; FingerOff when it is gone."""
        raw = yield from self._look()
        light = self._measure(raw)
        self._cleared = light < FINGER_OFF
        if self._cleared:
            self.emit(FingerOff())
        yield from self._end_look(order)
        return raw, light

    def _waits(self, raw: Raw) -> bool:
        return self.options.wait_while is not None and self.options.wait_while(self._frame(raw))

    def _until_lifted(self, order: int) -> Program[None]:
        while not self._cleared:
            yield self._pause()
            if self.withdrawn(order):
                return
            self._cleared = self._measure((yield from self._look())) < FINGER_OFF
            if self._cleared:
                self.emit(FingerOff())
            yield from self._end_look(None if self._cleared else order)

    def _look(self) -> Program[Raw]:
        """Take one picture in the finger's light, as recorded; `_end_look` must follow."""
        yield from self._set(0x32, 0x00)
        yield ControlOut(LED, 1, 0)
        yield _exposure(self._exposure)
        return (yield from self._stream())

    def _end_look(self, order: int | None = None) -> Program[None]:
        """End a look; one that was made for an order is shown, unless that was withdrawn."""
        yield ControlOut(STREAM_OFF, 0, 0)
        if self.options.preview and order is not None and not self.withdrawn(order):
            self.emit(Preview(self._frame(self._raw)))
        yield ControlIn(STATUS, 0, 0, 4)

    def _frame(self, raw: Raw) -> Frame:
        if self._shown is None or self._shown[0] is not raw:
            self._shown = raw, Frame(render(raw, self._calibration), PPI, PPI)
        return self._shown[1]

    def _pause(self) -> Wait:
        seconds = self.options.poll_seconds
        return Wait(min(seconds, PREVIEW_PAUSE) if self.options.preview else seconds)

    def _stream(self) -> Program[Raw]:
        yield ControlOut(START, 1, 0)
        yield ControlOut(STREAM_ON, 0, 0)
        data = yield BulkIn(0x82, FRAME_BYTES, 65_536)
        self._whole = data.endswith(TRAILER)
        self._raw = np.frombuffer(data, np.uint8, RAW_WIDTH * RAW_HEIGHT).reshape(RAW_HEIGHT, RAW_WIDTH)
        return self._raw

    def _set(self, register: int, value: int) -> Program[None]:
        yield ControlOut(REGISTER, SENSOR, register, bytes([value]))

    def _set_checked(self, pairs: bytes) -> Program[None]:
        for register, value in zip(pairs[::2], pairs[1::2], strict=True):
            yield from self._set(register, value)
            kept = yield ControlIn(REGISTER, SENSOR, register, 1)
            if kept[0] != value:
                sentence = f"the sensor kept 0x{kept[0]:02x}, not 0x{value:02x}, in register 0x{register:02x}"
                raise DeviceFault(FaultKind.PROTOCOL, sentence)

    def _measure(self, raw: Raw) -> float:
        """Light over the background; an empty picture without ridges becomes the new background."""
        light = light_over(raw, self._background)
        if light <= EMPTY and structure_between(self._dark, raw) <= RIDGES:
            self._background = raw
        return light


def recall(key: str, kept: bytes) -> bytes | None:
    """The factory data in what was kept under a device's key; None when it is another's or damaged."""
    digest, factory = kept[:DIGEST_BYTES], kept[DIGEST_BYTES:]
    return factory if len(factory) == FACTORY_BYTES and digest == _digest(key, factory) else None


def _digest(key: str, factory: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + factory).digest()


def _factory_block(start: int) -> ControlIn:
    length = min(FACTORY_BLOCK, FACTORY_BYTES - start)
    return ControlIn(FACTORY, 0, FACTORY_AT + start, length, timeout=5.0)


def _text(device_id: bytes) -> str:
    text = device_id.decode("utf-16-le", "replace").rstrip("\0 ")
    if not text.isascii() or not text.isprintable():
        raise DeviceFault(FaultKind.PROTOCOL, f"its id {device_id.hex(' ')} is no text")
    return text


def _exposure(units: int) -> ControlOut:
    return ControlOut(EXPOSURE, 0, 0, units.to_bytes(2, "big") + b"\0\0")


DRIVER = DriverSpec(
    model="SecuGen Hamster Pro 20",
    ids=(UsbId(0x1162, 0x2200),),
    width=WIDTH,
    height=HEIGHT,
    ppi=PPI,
    impressions=("plain",),
    make_machine=HamsterPro20,
    preview="every look at the platen; 9 a second on the software bus",
    proved_by="a recording of a real device, replayed through libusb; not yet run on hardware here",
    checks=(
        "Is a picture twice as bright at twice the exposure (request 64), and up to which one?",
        "In sunlight and in the dark, warm and cold: an empty platen stays empty, a dry finger is noticed.",
        "Lay a finger down as slowly as you can, and lift it: it is noticed, and then it is gone.",
        "Open it a second time: the same picture comes with remembered factory data.",
    ),
)
