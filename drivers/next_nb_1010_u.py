"""NEXT Biometrics NB-1010-U: a thermal reader, 256 x 180 pixels at 385 ppi: to verify, not to enrol.

Evidence: one recording of a real device, from libfprint's tests. Facts only; no code was taken.

The device: 298d:1010, full speed, no serial number, bulk OUT 0x02 and bulk IN 0x83. It is asked and answers:

    80 | request | number | 00 | length of the whole, u16 LE | 00 00 | body
    80 | answer  | number | 00 | 10 00 | 00 00 | 8 bytes            the number is ours to choose, and echoed

    38 -> 37   how much finger lies there: byte 12 of the answer, 0..255; there is one above 48
    0d -> 20   body 00 04 00 00, before each capture
    12 -> 20   body 02, 19 zeros, 20 00 00 00: capture; then 90 reads of two rows each:
               80 21 00 00 | 1c 02 | 00 00 | 4 zeros | u32: 1 while more follow | u32: first row, from 1
               | 5 bytes | 2 x 256 pixels | 3 zeros

The picture comes with dark ridges and is passed on as it comes: no inversion, turn or flip.

The machine: open (nothing to set up) -> at rest, the level read once a second, so that an unplugged device
is noticed. Armed: the level every `poll_seconds`; with a finger on, pictures until two agree, with a look
at the level before each, so that a finger still landing is not captured; the level until it is lifted. With
`preview` each of these pictures but the captured one is reported, and until the finger is lifted one more
after each look at the level, `PREVIEW_PAUSE` apart; an empty platen is not looked at: the level is enough.
Beyond the evidence: that a picture may be asked for as often as a finger lies.
"""

import numpy as np
from numpy.typing import NDArray

from drivers.api import (
    BulkIn,
    BulkOut,
    Captured,
    DriverSpec,
    FingerOff,
    FingerOn,
    Frame,
    Opened,
    PlatenOccupied,
    Preview,
    UsbId,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.machine import Program, ProgramMachine
from drivers.presence import change_between, light_over

WIDTH, HEIGHT, PPI = 256, 180, 385.0
OUT, IN = 0x02, 0x83
LEVEL, PREPARE, CAPTURE = 0x38, 0x0D, 0x12
ANSWERS = {LEVEL: 0x37, PREPARE: 0x20, CAPTURE: 0x20}
BODIES = {LEVEL: b"", PREPARE: bytes([0, 4, 0, 0]), CAPTURE: bytes([2, *bytes(19), 0x20, 0, 0, 0])}
ANSWER_BYTES, LEVEL_AT = 16, 12
FINGER = 0x30  # the level above which a finger lies there
PART_BYTES, HEAD_BYTES, ROWS = 540, 25, 2
SECONDS = 0.5  # for each transfer
REST_SECONDS = 1.0
PREVIEW_PAUSE = 0.05  # most seconds between two looks at a finger with a preview; a picture takes longer
SETTLING_LOOKS = 10  # then a trembling finger is captured as it is; its quality decides
# Change over ink, levels of drivers.presence: noise of 10 grey levels gives at most 0.09, a shift by a pixel
# at least 0.21 (of the recorded picture 0.33). By how much two pictures of a real device differ is not known.
MOVING = 0.15
BLACK = np.zeros((HEIGHT, WIDTH), np.uint8)


class Nb1010U(ProgramMachine):
    """The device's life, told in steps; the protocol notes are on top of the file."""

    def program(self) -> Program[None]:
        """Open, then one acquisition for each order."""
        self._cleared = True  # whether the platen was seen empty since the last finger
        if self.options.empty_first:
            self._cleared = not (yield from self._finger())
        else:
            yield Wait(0.0)
        self.emit(Opened("", ""))
        while True:
            self.resting = True
            while self.order is None:
                yield Wait(REST_SECONDS)
                if self.order is None:
                    yield from self._finger()
            self.resting = False
            yield from self._acquire()

    def _acquire(self) -> Program[None]:
        """Carry out one order: FingerOn, Captured, FingerOff; ends early when the order is withdrawn."""
        order = self.order
        assert order is not None, "the rest ends with an order"
        if not self._cleared:
            if (yield from self._finger()):
                self.emit(PlatenOccupied())
                yield from self._until_lifted(order)
            else:
                self._cleared = True
        while not self.withdrawn(order):
            if not (yield from self._finger()):
                yield Wait(self.options.poll_seconds)
                continue
            self._cleared = False
            self.emit(FingerOn())
            pixels = yield from self._until_still(order)
            if pixels is not None:
                self.emit(Captured(Frame(pixels, PPI, PPI)))
                self.fulfil()
                yield from self._until_lifted(order)
                return

    def _until_still(self, order: int) -> Program[NDArray[np.uint8] | None]:
        pixels, still = (yield from self._capture()), 0
        if self.options.settle_frames and not self.withdrawn(order):
            self._show(pixels)
        for look in range(1, SETTLING_LOOKS + 1):
            if still >= self.options.settle_frames or self.withdrawn(order):
                break
            self._cleared = not (yield from self._finger())
            if self._cleared:
                self.emit(FingerOff())
                return None
            before, pixels = pixels, (yield from self._capture())
            moved = change_between(before, pixels)
            still = still + 1 if moved <= MOVING * light_over(~pixels, BLACK) else 0
            if still < self.options.settle_frames and look < SETTLING_LOOKS and not self.withdrawn(order):
                self._show(pixels)
        return None if self.withdrawn(order) else pixels

    def _until_lifted(self, order: int) -> Program[None]:
        preview = self.options.preview
        while not self.withdrawn(order):
            yield Wait(
                min(self.options.poll_seconds, PREVIEW_PAUSE if preview else self.options.poll_seconds)
            )
            if self.withdrawn(order):
                return
            if not (yield from self._finger()):
                self._cleared = True
                self.emit(FingerOff())
                return
            if preview and not self.withdrawn(order):
                pixels = yield from self._capture()
                if not self.withdrawn(order):
                    self._show(pixels)

    def _show(self, pixels: NDArray[np.uint8]) -> None:
        if self.options.preview:
            self.emit(Preview(Frame(pixels, PPI, PPI)))

    def _finger(self) -> Program[bool]:
        return (yield from self._ask(LEVEL))[LEVEL_AT] > FINGER

    def _capture(self) -> Program[NDArray[np.uint8]]:
        yield from self._ask(PREPARE)
        yield from self._ask(CAPTURE)
        rows = b""
        for first in range(1, HEIGHT, ROWS):
            part = yield BulkIn(IN, PART_BYTES, PART_BYTES, SECONDS)
            more = int(first + ROWS <= HEIGHT)
            words = part[12:16] + part[16:20]
            expected = more.to_bytes(4, "little") + first.to_bytes(4, "little")
            if part[:6] != bytes([0x80, 0x21, 0, 0, 0x1C, 0x02]) or words != expected:
                raise DeviceFault(FaultKind.PROTOCOL, f"row {first} of the picture did not come in its place")
            rows += part[HEAD_BYTES : HEAD_BYTES + ROWS * WIDTH]
        return np.frombuffer(rows, np.uint8).reshape(HEIGHT, WIDTH).copy()

    def _ask(self, request: int) -> Program[bytes]:
        number, body = self.options.choose() & 0xFF, BODIES[request]
        length = (8 + len(body)).to_bytes(2, "little")
        yield BulkOut(OUT, bytes([0x80, request, number, 0]) + length + b"\0\0" + body, SECONDS)
        answer = yield BulkIn(IN, ANSWER_BYTES, ANSWER_BYTES, SECONDS)
        expected = bytes([0x80, ANSWERS[request], number, 0, ANSWER_BYTES, 0])
        if answer[:6] != expected:
            sentence = (
                f"request 0x{request:02x} was answered by {answer[:6].hex(' ')}, not {expected.hex(' ')}"
            )
            raise DeviceFault(FaultKind.PROTOCOL, sentence)
        return answer


DRIVER = DriverSpec(
    model="NEXT NB-1010-U",
    ids=(UsbId(0x298D, 0x1010),),
    width=WIDTH,
    height=HEIGHT,
    ppi=PPI,
    impressions=("plain",),
    make_machine=Nb1010U,
    preview="while a finger lies, 17 a second on the software bus; an empty platen is not shown",
    proved_by="a recording of a real device, replayed bit for bit; not yet run on hardware here",
    checks=(
        "Two pictures of a finger lying still must agree: it is captured at once, not after ten looks.",
        "Let a finger lie for a minute with a live preview: the pictures stay good, the sensor cool.",
        "Note the level (request 0x38) of an empty, a dry and a wet platen: 48 is taken as the limit.",
    ),
    not_for_enrolment="its 385 ppi are below the 500 ppi of enrolment records: it may verify, not enrol",
)
