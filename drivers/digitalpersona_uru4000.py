"""DigitalPersona U.are.U 4000, 4000B, 4500 and the first Microsoft readers: optical, 384 x 290 pixels.

Evidence: recordings of a real 4500 and of a real Microsoft reader v2, from libfprint's tests. Facts only;
no code was taken. The v2 reader (045e:00ca) asks for a secret at power-up and is not driven here.

The device: full speed, one vendor interface with an interrupt and a bulk endpoint. Registers are written
and read by vendor request 4, value the first register:

    07  status: bit 7 no power, bit 2 a fault          4e  mode: 10 look for a finger, 12 for its lift,
    33  key number and seed, 5 bytes                       20 take a picture, 70 off
    34  key XOR seed, 4 bytes little endian            f0  16 bytes, the firmware's version at 4 and 10

and it tells by messages (first two bytes, big endian), also before the write that caused them is answered:

    56aa  power is on, up to three times       0101  finger on     0200  finger off
    0800  it is dying: the next picture will be empty; it is switched off and on again

Mode 20 sends one picture (`drivers/uru_descramble.py`), which the host must be reading already. For each
key in it the host writes a seed of its own and reads the key.

The machine: listen -> power up (off first, then on until bit 7 is clear, then the message) -> with
`empty_first` a glance whether the platen is empty -> at rest, mode 70, which only another power-up ends;
after a lift it stays awake a little for the next order. Armed: the device says that there is a finger, one
picture, wait for the lift. It judges by itself when a finger lies; `poll_seconds` and `settle_frames` are
not used, for nothing shows that a second picture may be asked for. For the same reason there is no live
preview: the recordings, and upstream's driver, ask once for each finger. At rest and while it waits the
status is read now and then: a device that hangs is noticed. Beyond the evidence: that a finger which lies
already when mode 10 is set, and an empty platen when mode 12 is, are reported at once (where it is not, the
person is asked to lift); that a mode may be set again when a message or a picture was lost.
"""

import numpy as np

from drivers.api import (
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    DriverSpec,
    FingerOff,
    FingerOn,
    Frame,
    Hear,
    Listen,
    MachineOptions,
    Opened,
    PlatenOccupied,
    UsbId,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.machine import Program, ProgramMachine
from drivers.uru_descramble import HEIGHT, TRANSFER_BYTES, WIDTH, BadPicture, Picture, Pixels

PPI = 512.0  # as its maker says; never measured
REGISTER = 0x04  # the vendor request
STATUS, SCRAMBLE, KEY, MODE, INFO = 0x07, 0x33, 0x34, 0x4E, 0xF0
NO_POWER, STUCK = 0x80, 0x84  # of the status
LOOK, LIFT, CAPTURE, OFF = 0x10, 0x12, 0x20, 0x70  # modes
POWER, FINGER_ON, FINGER_OFF, DYING = 0x56AA, 0x0101, 0x0200, 0x0800  # messages
SECONDS, PICTURE_SECONDS = 5.0, 5.0
POWER_UPS, POWER_TRIES, POWER_SECONDS, POWER_PAUSE = 3, 100, 0.3, 0.01
GLANCE_SECONDS = 0.3  # in which a finger that lies there already, or an empty platen, is reported
AWAKE_SECONDS = 2.0  # after a lift, before it is switched off
REST_SECONDS, CHECK_SECONDS = 1.0, 5.0  # between two reads of the status: at rest, while it waits
MOST_PICTURES = 3  # broken ones in a row, then the device is at fault
MOST_RESTARTS = 3  # of one order
MOST_OTHERS = 64  # messages to pass over while one is waited for
TURNED = UsbId(0x05BA, 0x000A)  # the only one of the recorded devices that gives its picture upside down


class _Dying(Exception):
    """The device has said so, or sent an empty picture."""


class UruReader(ProgramMachine):
    """The device's life, told in steps; the protocol notes are on top of the file."""

    def __init__(self, options: MachineOptions) -> None:
        self._cleared = not options.empty_first  # whether the platen was seen empty since the last finger
        self._on = False  # whether FingerOn was reported, and neither Captured nor FingerOff since
        self._awake = False
        super().__init__(options)

    def program(self) -> Program[None]:
        """Open, then one acquisition for each order."""
        yield Listen()
        firmware = yield from self._power_up()
        if self.options.empty_first:
            self._cleared = yield from self._empty()
            yield from self._off()
        self.emit(Opened("", firmware))
        while True:
            yield from self._rest()
            yield from self._acquire()

    def _rest(self) -> Program[None]:
        while self._awake and self.order is None:
            if not (yield Hear(AWAKE_SECONDS)) and self.order is None:
                yield from self._off()
        self.resting = True
        while self.order is None:
            yield Hear(REST_SECONDS)
            if self.order is None:
                yield from self._status()
        self.resting = False

    def _acquire(self) -> Program[None]:
        """Carry out one order; a device that dies meanwhile is switched off and on again."""
        order = self.order
        assert order is not None, "the rest ends with an order"
        for _ in range(1 + MOST_RESTARTS):
            try:
                if not self._awake:
                    yield from self._power_up()
                yield from self._carry_out(order)
                if self.withdrawn(order):
                    yield from self._off()
                return
            except _Dying:
                self._awake = False
        raise DeviceFault(FaultKind.PROTOCOL, f"the scanner failed {1 + MOST_RESTARTS} times in a row")

    def _carry_out(self, order: int) -> Program[None]:
        """FingerOn, Captured, FingerOff, or what is left of it; ends early when the order is withdrawn."""
        if self.order == order and not self._cleared and not self._on:
            self._cleared = yield from self._empty()
            if not self._cleared:
                self.emit(PlatenOccupied())
                yield from self._until_lifted(order)
        while self.order == order:
            if (yield from self._until_finger(order)):
                yield from self._capture(order)
        yield from self._until_lifted(order)

    def _empty(self) -> Program[bool]:
        """Whether it says that nothing lies there: a message lost or late must not hide the last finger."""
        yield _mode(LIFT)
        return (yield from self._hears(FINGER_OFF, GLANCE_SECONDS))

    def _glance(self) -> Program[bool]:
        """Whether something lies there already."""
        yield _mode(LOOK)
        return (yield from self._hears(FINGER_ON, GLANCE_SECONDS))

    def _until_finger(self, order: int) -> Program[bool]:
        if self._on:  # it lay there before the device was switched on again
            self._on = yield from self._glance()
            if self._on:
                return True
            self._cleared = True
            self.emit(FingerOff())
        yield _mode(LOOK)
        while not self.withdrawn(order):
            if (yield from self._message(order, LOOK)) == FINGER_ON:
                self._cleared, self._on = False, True
                self.emit(FingerOn())
                return True
        return False

    def _until_lifted(self, order: int) -> Program[None]:
        if self._cleared or self.withdrawn(order):
            return
        yield _mode(LIFT)
        while not self.withdrawn(order):
            if (yield from self._message(order, LIFT)) == FINGER_OFF:
                self._cleared = True
                self.emit(FingerOff())
                return

    def _capture(self, order: int) -> Program[None]:
        raw = yield from self._picture()
        if not self.withdrawn(order):
            self.emit(Captured(Frame(self._upright(raw), PPI, PPI)))
            self._on = False
            self.fulfil()

    def _upright(self, raw: Pixels) -> Pixels:
        turned = self.options.usb_id == TURNED
        return np.ascontiguousarray(~raw[::-1, ::-1] if turned else ~raw)

    def _picture(self) -> Program[Pixels]:
        wrong = ""
        for _ in range(MOST_PICTURES):
            data = yield BulkIn(
                None, TRANSFER_BYTES, TRANSFER_BYTES, PICTURE_SECONDS, least=0, begin=_mode(CAPTURE)
            )
            if not data:
                raise _Dying
            try:
                picture = Picture.parse(data)
                return picture.assemble((yield from self._clear(picture)))
            except BadPicture as bad:
                wrong = str(bad)
        raise DeviceFault(FaultKind.PROTOCOL, f"{MOST_PICTURES} broken pictures came, the last: {wrong}")

    def _clear(self, picture: Picture) -> Program[Pixels]:
        """The picture's rows, descrambled where they are scrambled; BadPicture when the key did not fit."""
        if not picture.scrambled:
            return picture.rows
        keys = []
        for number in picture.key_numbers:
            keys.append((yield from self._key(number)))
        rows = picture.descramble(keys)
        if picture.still_noise(rows):
            raise BadPicture("a picture that its key does not open")
        return rows

    def _key(self, number: int) -> Program[int]:
        seed = self.options.choose() & 0xFFFFFFFF
        yield _write(SCRAMBLE, bytes([number]) + seed.to_bytes(4, "little"))
        return int.from_bytes((yield _read(KEY, 4)), "little") ^ seed

    def _message(self, order: int, mode: int) -> Program[int]:
        """Return the code of the next message, or 0; after a long silence the mode is set once more."""
        code = _code((yield Hear(CHECK_SECONDS)))
        if code == DYING:
            raise _Dying
        if not code and not self.withdrawn(order):
            yield from self._status()
            yield _mode(mode)
        return code

    def _hears(self, code: int, seconds: float) -> Program[bool]:
        """Whether a message comes in this time; others are dropped."""
        for _ in range(MOST_OTHERS):
            message = yield Hear(seconds, firm=True)
            if not message or _code(message) == code:
                return bool(message)
        return False

    def _power_up(self) -> Program[str]:
        """Switch it off if need be, and on; returns the firmware's version."""
        for _ in range(POWER_UPS):
            status = yield from self._status()
            if status & STUCK == STUCK:
                status = yield from self._unstick(status)
            if not status & NO_POWER:
                yield _write(STATUS, bytes([status | NO_POWER]))
            yield from self._switch_on(status & 0x0F)
            if (yield from self._hears(POWER, POWER_SECONDS)):
                info = yield _read(INFO, 16)
                self._awake = True
                return f"{info[4:6].hex()}/{info[10:12].hex()}"
        raise DeviceFault(FaultKind.TIMEOUT, "the scanner does not say that its power is on")

    def _switch_on(self, status: int) -> Program[None]:
        for _ in range(POWER_TRIES):
            yield _write(STATUS, bytes([status]))
            if not (yield from self._status()) & NO_POWER:
                return
            yield Wait(POWER_PAUSE)
        raise DeviceFault(FaultKind.PROTOCOL, f"the scanner's power stayed off, {POWER_TRIES} times")

    def _unstick(self, status: int) -> Program[int]:
        """After an unclean end: as Microsoft's keyboard wants it."""
        yield _write(STATUS, bytes([status & 0x0F]))
        for _ in range(POWER_TRIES):
            status = yield from self._status()
            if status & 1:
                return status
            yield Wait(POWER_PAUSE)
        raise DeviceFault(FaultKind.PROTOCOL, f"the scanner's status stayed 0x{status:02x}")

    def _status(self) -> Program[int]:
        return (yield _read(STATUS, 1))[0]

    def _off(self) -> Program[None]:
        yield _mode(OFF)
        self._awake = self._on = False


def _read(register: int, length: int) -> ControlIn:
    return ControlIn(REGISTER, register, 0, length, SECONDS)


def _write(register: int, data: bytes) -> ControlOut:
    return ControlOut(REGISTER, register, 0, data, SECONDS)


def _mode(mode: int) -> ControlOut:
    return _write(MODE, bytes([mode]))


def _code(message: bytes) -> int:
    return int.from_bytes(message[:2], "big") if len(message) >= 2 else 0


DRIVER = DriverSpec(
    model="DigitalPersona U.are.U 4000/4500",
    ids=(
        UsbId(0x05BA, 0x0007),
        UsbId(0x05BA, 0x0008),
        TURNED,
        UsbId(0x045E, 0x00BB),
        UsbId(0x045E, 0x00BC),
        UsbId(0x045E, 0x00BD),
    ),
    width=WIDTH,
    height=HEIGHT,
    ppi=PPI,
    impressions=("plain",),
    make_machine=UruReader,
    preview="none: it sends one picture when a finger comes, and nothing shows that more may be asked for",
    proved_by="a recording of a real 4500, replayed bit for bit; the others by their likeness to it; "
    "not yet run on hardware here",
    checks=(
        "Calibrate it (vantay-fw calibrate): does it see a glass target with a drop of water at all, and are "
        "all quarters of the picture alike?",
        "Capture a hundred times in a row: a scanner that dies or comes back renumbered must go on.",
        "Models other than the 4500: the picture must be upright too.",
    ),
    not_for_enrolment="its resolution was never measured: until this unit is calibrated against a target "
    "(vantay-fw calibrate) it may verify, not enrol",
    until_calibrated=True,
)
