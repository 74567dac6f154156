"""The slap scanner of our own virtual bench: 1600 x 1500 pixels, four fingers at once, or one that rolls.

No vendor makes it.

No vendor's slap protocol is public. This one is made up, so that everything above the cable can run: it shows
that a booth can take slaps, never that it works with a slap scanner one can buy. Off unless
`MachineOptions.unproved`. Its USB id, 1209:000a, is one of those that pid.codes keeps for private testing:
another device may have it, so opening asks for a word that no other one says.

The device: one vendor interface, bulk IN 0x82, packets of 512 bytes; requests to the device itself:

    out 1        forget what was not fetched; nn of the value: the light, 1 on, 0 off
    in  2        32 bytes: "VSLP", u16 little endian version 2, width, height, ppi, then the serial number
    in  3        2 bytes, u16 little endian: how much of the platen is covered, in 1/10,000
    out 4        take one picture: width * height bytes, first row first, dark ridges on light, on 0x82
    in  5        1 byte: how much speaks for an artefact in the picture taken last, 0 to 100; 255: not known
    out 6        the same of the middle 800 x 750 pixels, where fingers are rolled

The machine: open (1, 2, and two looks whether the platen is empty) -> at rest, 2 once a second. Armed: light
on, a look every `poll_seconds`; a hand lies when two in a row say so, and is captured when two agree; looks
until two in a row say that it is empty; light off. Armed for a rolled finger it takes picture after picture
(6) instead; the roll is what they show from where something lies to where nothing has lain for a while, at
most MOST_FRAMES of them, and its score (5) the highest of theirs. A preview is a picture (4) too: once a
second while something lies there that should be lifted, none of a hand before its picture.
"""

import numpy as np

from drivers.api import (
    AttackScore,
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    DriverSpec,
    FingerOff,
    FingerOn,
    Frame,
    Opened,
    PlatenOccupied,
    Preview,
    Rolled,
    UsbId,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.machine import Program, ProgramMachine

WIDTH, HEIGHT, PPI = 1600, 1500, 500  # 81 x 76 mm
IN = 0x82
ROLL_WIDTH, ROLL_HEIGHT = 800, 750  # 41 x 38 mm, the usual window for rolled fingers
FORGET, TELL, LOOK, TAKE, SCORE, TAKE_ROLL = 1, 2, 3, 4, 5, 6
LIGHT_ON, LIGHT_OFF = 1, 0
WORD, VERSION = b"VSLP", 2
NO_SCORE, DETECTOR = 255, f"virtual {VERSION}"
TOLD_BYTES, LOOK_BYTES, PIECE = 32, 2, 65_536
PICTURE_SECONDS, REST_SECONDS, PREVIEW_SECONDS = 10.0, 1.0, 1.0
COVERED, EMPTY = 20, 10  # 1/10,000 of the platen: a dry fingertip covers 50
AGREE = 2  # looks in a row that change what is believed of the platen
SETTLING_LOOKS = 10  # then a trembling hand is captured as it is; its quality decides
INK = 128  # darker pixels of a roll's picture cover its window
ROLLS, GONE = 60, 20  # 1/10,000 of that window: something lies there, nothing does
FRAME_SECONDS = 0.04  # between two pictures of a roll
LIFTED_FRAMES = 8  # without a finger that end a roll: 0.3 s, so that one lifted for a moment is seen
MOST_FRAMES = 100  # of a roll: 60 MB, 4 s; then it is over, wherever the finger is
MOVING = 0.1  # change of what is covered, as a share of it


class SlapScanner(ProgramMachine):
    """The device's life, told in steps; the protocol notes are on top of the file."""

    def program(self) -> Program[None]:
        """Open, then one acquisition for each order."""
        self._lies, self._against = self.options.empty_first, 0
        yield ControlOut(FORGET, LIGHT_OFF, 0)
        serial = yield from self._tell()
        if self.options.empty_first:
            yield ControlOut(FORGET, LIGHT_ON, 0)
            for _ in range(AGREE):
                yield from self._look()
            yield ControlOut(FORGET, LIGHT_OFF, 0)
        self.emit(Opened(serial, str(VERSION)))
        while True:
            self.resting = True
            while self.order is None:
                yield Wait(REST_SECONDS)
                if self.order is None:
                    yield from self._tell()
            self.resting = False
            yield ControlOut(FORGET, LIGHT_ON, 0)
            yield from self._acquire()
            yield ControlOut(FORGET, LIGHT_OFF, 0)

    def _acquire(self) -> Program[None]:
        """Carry out one order: FingerOn, Captured, FingerOff; ends early when the order is withdrawn."""
        order = self.order
        if order is None:  # withdrawn while the light went on
            return
        if self._lies:
            for _ in range(AGREE):
                yield from self._look()
            if self._lies:
                self.emit(PlatenOccupied())
                yield from self._until_lifted(order, 0.0)
        if self.rolled:
            yield from self._roll(order)
            return
        while not self.withdrawn(order):
            covered = yield from self._look()
            if not self._lies:
                yield Wait(self.options.poll_seconds)
                continue
            self.emit(FingerOn())
            if (yield from self._until_still(covered, order)):
                frame = yield from self._take()
                if self.withdrawn(order):
                    return
                attack = yield from self._score()
                if self.withdrawn(order):
                    return
                self.emit(Captured(frame, attack))
                self.fulfil()
                yield from self._until_lifted(order)
                return

    def _roll(self, order: int) -> Program[None]:
        """Take pictures until a finger has rolled over the window."""
        frames: list[Frame] = []
        scores: list[AttackScore | None] = []
        empty = 0
        while not self.withdrawn(order):
            yield ControlOut(TAKE_ROLL, 0, 0)
            data = yield BulkIn(IN, ROLL_WIDTH * ROLL_HEIGHT, PIECE, PICTURE_SECONDS)
            pixels = np.frombuffer(data, np.uint8).reshape(ROLL_HEIGHT, ROLL_WIDTH).copy()
            covered = 10_000 * int(np.count_nonzero(pixels < INK)) // pixels.size
            if not frames and covered < ROLLS:
                yield Wait(self.options.poll_seconds)
                continue
            if not frames:
                self._lies, self._against = True, 0
                self.emit(FingerOn())
            frames.append(Frame(pixels, PPI, PPI))
            scores.append((yield from self._score()))
            empty = empty + 1 if covered < GONE else 0
            if empty == LIFTED_FRAMES or len(frames) == MOST_FRAMES:
                break
            yield Wait(FRAME_SECONDS)
        yield Wait(FRAME_SECONDS)
        if self.withdrawn(order):
            return
        rolled = len(frames) - empty
        told = [one for one in scores[:rolled] if one is not None]
        self.emit(Rolled(tuple(frames[:rolled]), max(told, key=lambda one: one.score, default=None)))
        self.fulfil()
        yield from self._until_lifted(order)

    def _until_still(self, covered: int, order: int) -> Program[bool]:
        still = 0
        for _ in range(1 + SETTLING_LOOKS):
            yield Wait(self.options.poll_seconds)
            if self.withdrawn(order):
                return False
            before, covered = covered, (yield from self._look())
            if not self._lies:
                self.emit(FingerOff())
                return False
            still = still + 1 if abs(covered - before) <= MOVING * before else 0
            if still >= self.options.settle_frames:
                break
        return not self.withdrawn(order)

    def _until_lifted(self, order: int, rest: float = PREVIEW_SECONDS) -> Program[None]:
        """Look until it is empty; `rest`: seconds until the next preview."""
        while not self.withdrawn(order):
            if self.options.preview and rest <= 0:
                self.emit(Preview((yield from self._take())))
                rest = PREVIEW_SECONDS
            rest -= self.options.poll_seconds
            yield Wait(self.options.poll_seconds)
            if self.withdrawn(order):
                return
            yield from self._look()
            if not self._lies:
                self.emit(FingerOff())
                return

    def _take(self) -> Program[Frame]:
        """Take one picture of all of the platen."""
        yield ControlOut(TAKE, 0, 0)
        data = yield BulkIn(IN, WIDTH * HEIGHT, PIECE, PICTURE_SECONDS)
        return Frame(np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH).copy(), PPI, PPI)

    def _look(self) -> Program[int]:
        """Ask how much is covered; believe something new of the platen when enough in a row say so."""
        covered = int.from_bytes((yield ControlIn(LOOK, 0, 0, LOOK_BYTES)), "little")
        against = covered < EMPTY if self._lies else covered > COVERED
        self._against = self._against + 1 if against else 0
        if self._against == AGREE:
            self._lies, self._against = not self._lies, 0
        return covered

    def _score(self) -> Program[AttackScore | None]:
        """Ask what the attack detection says of the picture taken last."""
        score = (yield ControlIn(SCORE, 0, 0, 1))[0]
        if score == NO_SCORE:
            return None
        if score > 100:
            raise DeviceFault(FaultKind.PROTOCOL, f"its attack score is {score}, not 0 to 100")
        return AttackScore(score, DETECTOR)

    def _tell(self) -> Program[str]:
        """Ask who it is; return its serial number."""
        told = yield ControlIn(TELL, 0, 0, TOLD_BYTES)
        numbers = tuple(np.frombuffer(told[4:12], "<u2").tolist())
        if told[:4] != WORD or numbers != (VERSION, WIDTH, HEIGHT, PPI):
            raise DeviceFault(FaultKind.PROTOCOL, f"it is no virtual slap scanner: it says {told.hex(' ')}")
        serial = told[12:].rstrip(b"\0")
        return serial.decode() if serial.isascii() and serial.decode().isprintable() else serial.hex()


DRIVER = DriverSpec(
    model="Vantay virtual slap scanner",
    ids=(UsbId(0x1209, 0x000A),),
    width=WIDTH,
    height=HEIGHT,
    ppi=PPI,
    impressions=("plain", "rolled"),
    make_machine=SlapScanner,
    fingers=4,
    proved_by="a model of ours only: no such device is made; off by default",
    checks=("Nothing: it stands for a slap scanner in tests and trainings, and is no model of any.",),
    product=False,
    model_only=True,
)
