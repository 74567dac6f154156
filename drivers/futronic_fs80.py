"""Futronic FS80, FS81 and FS88 (one USB id): optical single-finger readers, 320 x 480 pixels. A model only.

Evidence: one description by a third party of traffic it observed; no recording, no hardware. Facts only. Off
unless `MachineOptions.unproved`: other firmware under this id may send its pictures otherwise.

The device: 1491:0020, one vendor interface, bulk OUT 0x01 and bulk IN 0x82, packets of 512 bytes:

    e0         -> 512 bytes: width at 4, height at 6, both u16 big endian
    6c, 50     -> 512 bytes each; what they say is not known, but without them no pictures come
    dd nn 00   the lamp: nn 32 on, 00 off; no answer
    6e         -> one picture, 320 x 480 bytes, the last row first

Answers carry no name: one that nobody fetched is taken for the next. So whatever is asked is read to its
end, and opening begins with e0 and drops packets until one is its answer. Whether ridges come dark on light
is not known; grey levels are passed on as they come.

The machine: open (e0, 6c, 50, and two looks whether the platen is empty) -> at rest, e0 once a second, so
that an unplugged device is noticed. Armed: lamp on, a picture every `poll_seconds`; a finger lies when two
in a row show structure, and is captured when two agree; pictures until two in a row are clear; lamp off.
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

Picture = NDArray[np.uint8]

WIDTH, HEIGHT, PPI = 320, 480, 500.0  # the resolution is the usual one of such readers, not a measured one
OUT, IN = 0x01, 0x82
GEOMETRY, OPEN_1, OPEN_2, PICTURE = b"\xe0", b"\x6c", b"\x50", b"\x6e"
LAMP_ON, LAMP_OFF = b"\xdd\x32\x00", b"\xdd\x00\x00"
PACKET, PIECE = 512, 65_536
STALE_PACKETS = WIDTH * HEIGHT // PACKET + 3  # most that wait: a picture and an answer to each question
SECONDS, PICTURE_SECONDS = 1.0, 5.0
REST_SECONDS = 1.0
BLOCK, FINGER_ON, FINGER_OFF = 8, 300.0, 150.0  # mean variance of blocks; from the description
AGREE = 2  # pictures in a row that change what is believed of the platen
SETTLING_LOOKS = 10  # then a trembling finger is captured as it is; its quality decides
MOVING = 0.15  # change over ink, as for the NB-1010-U
BLACK = np.zeros((HEIGHT, WIDTH), np.uint8)


class Fs80(ProgramMachine):
    """The device's life, told in steps; the protocol notes are on top of the file."""

    def program(self) -> Program[None]:
        """Open, then one acquisition for each order."""
        self._lies, self._against = self.options.empty_first, 0
        yield from self._geometry(STALE_PACKETS)
        yield from self._ask(OPEN_1)
        yield from self._ask(OPEN_2)
        if self.options.empty_first:
            yield BulkOut(OUT, LAMP_ON, SECONDS)
            for _ in range(AGREE):
                yield from self._look()
            yield BulkOut(OUT, LAMP_OFF, SECONDS)
        self.emit(Opened("", ""))
        while True:
            self.resting = True
            while self.order is None:
                yield Wait(REST_SECONDS)
                if self.order is None:
                    yield from self._geometry(0)
            self.resting = False
            yield BulkOut(OUT, LAMP_ON, SECONDS)
            yield from self._acquire()
            yield BulkOut(OUT, LAMP_OFF, SECONDS)

    def _acquire(self) -> Program[None]:
        """Carry out one order: FingerOn, Captured, FingerOff; ends early when the order is withdrawn."""
        order = self.order
        if order is None:  # withdrawn while the lamp went on
            return
        if self._lies:
            for _ in range(AGREE):
                yield from self._look()
            if self._lies:
                self.emit(PlatenOccupied())
                yield from self._until_lifted(order)
        while not self.withdrawn(order):
            pixels = yield from self._look()
            if not self._lies:
                yield from self._show(pixels, order)
                yield Wait(self.options.poll_seconds)
                continue
            self.emit(FingerOn())
            still = yield from self._until_still(pixels, order)
            if still is not None:
                self.emit(Captured(Frame(still, PPI, PPI)))
                self.fulfil()
                yield from self._until_lifted(order)
                return

    def _until_still(self, pixels: Picture, order: int) -> Program[Picture | None]:
        still = 0
        for _ in range(1 + SETTLING_LOOKS):
            yield from self._show(pixels, order)
            if self.withdrawn(order):
                return None
            before, pixels = pixels, (yield from self._look())
            if not self._lies:
                self.emit(FingerOff())
                return None
            if variance(pixels) <= FINGER_ON:
                still = 0  # it is being lifted, or hardly lies
                continue
            moved = change_between(before, pixels)
            still = still + 1 if moved <= MOVING * light_over(~pixels, BLACK) else 0
            if still >= self.options.settle_frames:
                break
        return None if self.withdrawn(order) else pixels

    def _until_lifted(self, order: int) -> Program[None]:
        while not self.withdrawn(order):
            yield Wait(self.options.poll_seconds)
            if self.withdrawn(order):
                return
            pixels = yield from self._look()
            if not self._lies:
                self.emit(FingerOff())
                return
            yield from self._show(pixels, order)

    def _show(self, pixels: Picture, order: int) -> Program[None]:
        if self.options.preview and not self.withdrawn(order):
            yield Wait(0.0)
            if not self.withdrawn(order):
                self.emit(Preview(Frame(pixels, PPI, PPI)))
                yield Wait(0.0)

    def _look(self) -> Program[Picture]:
        """Take one picture; believe something new of the platen when enough in a row say so."""
        yield BulkOut(OUT, PICTURE, SECONDS)
        data = yield BulkIn(IN, WIDTH * HEIGHT, PIECE, PICTURE_SECONDS)
        pixels = np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH)[::-1].copy()
        structure = variance(pixels)
        against = structure < FINGER_OFF if self._lies else structure > FINGER_ON
        self._against = self._against + 1 if against else 0
        if self._against == AGREE:
            self._lies, self._against = not self._lies, 0
        return pixels

    def _geometry(self, stale: int) -> Program[None]:
        """Ask for the size of a picture; at most `stale` packets of before may come first."""
        yield BulkOut(OUT, GEOMETRY, SECONDS)
        for _ in range(1 + stale):
            size = (yield BulkIn(IN, PACKET, PACKET, SECONDS))[4:8]
            if size == WIDTH.to_bytes(2, "big") + HEIGHT.to_bytes(2, "big"):
                return
        raise DeviceFault(
            FaultKind.PROTOCOL,
            f"it does not say that its pictures are {WIDTH} x {HEIGHT}, but has {size.hex(' ')} there",
        )

    def _ask(self, question: bytes) -> Program[None]:
        yield BulkOut(OUT, question, SECONDS)
        yield BulkIn(IN, PACKET, PACKET, SECONDS)


def variance(pixels: Picture) -> float:
    """Mean variance of the 8 x 8 blocks of a picture, in squared grey levels; (480, 320) uint8."""
    blocks = pixels.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK)
    return float(blocks.var(axis=(1, 3), dtype=np.float32).mean())


DRIVER = DriverSpec(
    model="Futronic FS80/FS81",
    ids=(UsbId(0x1491, 0x0020),),
    width=WIDTH,
    height=HEIGHT,
    ppi=PPI,
    impressions=("plain",),
    make_machine=Fs80,
    preview="every look at the platen",
    proved_by="a model of ours only, after a third party's description; off by default",
    not_for_enrolment="the driver was never seen working on hardware and its resolution was never measured",
    checks=(
        "Without `unproved = true` under `[scanner]` the booth refuses it and says how; write that.",
        "Ridges must come dark on light: the description says nothing of it. And upright: it says they do.",
        "It opens again after the program was killed in the middle of a capture.",
        "Note which of FS80, FS80H, FS81 and FS88 it is, and its release number: other firmware may differ.",
    ),
    model_only=True,
)
