"""The words of a driver: what a sans-IO machine asks of the wire, and what it reports.

A driver is one file that defines `DRIVER: DriverSpec`. Its machine knows no socket, clock or thread:
`next_step()` says what to do on the wire, `receive(data)` takes what came back and may report an event.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class UsbId:
    """Vendor and product of a USB device."""

    vendor: int
    product: int


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of the platen: (height, width) uint8, dark ridges on light ground, upright as it lay."""

    pixels: NDArray[np.uint8]
    ppi_x: float
    ppi_y: float


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Which device took a sample."""

    model: str
    serial: str  # as the device tells it; empty where it tells none
    firmware: str
    location: str  # the port it is plugged into: "usb:1-1.2" or "usbip://host:port/busid"


# What a machine asks of the wire. Times are seconds.
@dataclass(frozen=True, slots=True)
class ControlIn:
    """A vendor control read; its answer goes to `receive`."""

    request: int
    value: int
    index: int
    length: int
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class ControlOut:
    """A vendor control write; `receive(b"")` follows."""

    request: int
    value: int
    index: int
    data: bytes = b""
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class BulkIn:
    """Read `length` bytes of one endpoint, in pieces of at most `piece` bytes, many in flight."""

    endpoint: int | None  # None: the interface's only one
    length: int
    piece: int
    timeout: float = 10.0
    least: int | None = None  # so few bytes are an answer too; None: all must come
    begin: ControlOut | None = None  # written when the device has the read already


@dataclass(frozen=True, slots=True)
class BulkOut:
    """Write `data` to one endpoint; `receive(b"")` follows."""

    endpoint: int
    data: bytes
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class Listen:
    """From now on a read of the interface's interrupt endpoint is always pending; `receive(b"")` follows."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this many seconds pass, then `receive(b"")`; ends at once when the pump has to arm or disarm."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait for the next message of the interrupt endpoint; `receive(b"")` when none comes in this time."""

    seconds: float
    firm: bool = False  # arm and disarm do not end it


Transfer = ControlIn | ControlOut | BulkIn | BulkOut | Listen
Step = Transfer | Wait | Hear
MESSAGE_BYTES = 64  # most of one message: an interrupt endpoint's packet at full speed


# What a machine reports.
@dataclass(frozen=True, slots=True)
class Opened:
    """The device answered and is ready."""

    serial: str
    firmware: str


@dataclass(frozen=True, slots=True)
class PlatenOccupied:
    """Armed, but something already lies on the platen: it must be lifted before a finger is looked for."""


@dataclass(frozen=True, slots=True)
class FingerOn:
    """A finger lies on the platen; a capture follows as soon as it lies still."""


@dataclass(frozen=True, slots=True)
class AttackScore:
    """What a vendor's presentation attack detection says of one picture (ISO/IEC 30107).

    0: nothing speaks for an artefact, to 100: everything does. Scores of two detectors are not alike.
    """

    score: int
    detector: str  # which, and which version

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 100:
            raise ValueError(f"an attack score is 0 to 100, not {self.score}")


@dataclass(frozen=True, slots=True)
class Captured:
    """The picture taken of the finger that lies on the platen."""

    frame: Frame
    attack: AttackScore | None = None  # from devices that detect attacks


@dataclass(frozen=True, slots=True)
class Rolled:
    """The pictures taken while a finger rolled, in order, from where it touched until it was lifted.

    All show the same part of the platen. Comes in place of Captured where a rolled finger was asked for.
    """

    frames: tuple[Frame, ...]
    attack: AttackScore | None = None  # of all of them, from devices that detect attacks


@dataclass(frozen=True, slots=True)
class FingerOff:
    """The platen is empty again. Without a Captured since FingerOn the machine stays armed."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture of the platen while the driver looks for a finger or one lies on it; never a sample.

    For a live preview and for feedback on how the finger lies. Comes only with `MachineOptions.preview`, from
    devices that can, at any moment of an acquisition; upright like a sample. Not to be written to.
    """

    frame: Frame


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned of the device, told at any time: `MachineOptions.remembered` of later openings."""

    key: str
    data: bytes


Event = Opened | PlatenOccupied | FingerOn | Captured | Rolled | FingerOff | Preview | Learned


class Machine(Protocol):
    """One open device. After `arm`, one acquisition: FingerOn, Captured, FingerOff; then at rest.

    With `MachineOptions.preview` any number of Preview come in between, from devices that can.

    After a DeviceFault the machine stays broken: every further call raises the same fault.
    """

    @property
    def resting(self) -> bool:
        """Whether the device is open and nothing on it is switched on: the wire may be let go."""

    def next_step(self) -> Step:
        """Say what to do on the wire now; the same answer until `receive` is called."""

    def receive(self, data: bytes) -> Event | None:
        """Take what the last step brought; raise DeviceFault when the device breaks its protocol."""

    def arm(self, rolled: bool = False) -> None:
        """Begin to look for a finger; one that was already captured must be lifted first.

        `rolled`: for one that is rolled from nail to nail; only of a device whose `impressions` have it.
        """

    def disarm(self) -> None:
        """Stop looking for a finger; the machine goes to rest in a consistent state."""


class Transport(Protocol):
    """Carries out steps on a real or recorded wire."""

    @property
    def location(self) -> str:
        """Where the device is plugged in, in the words `open_scanner` takes."""

    @property
    def release(self) -> str:
        """The device's release number (bcdDevice) as text: "22.06"."""

    @property
    def serial(self) -> str:
        """The serial number in the device's USB descriptor; empty where it has none or none is known."""

    def perform(self, step: Transfer) -> bytes:
        """Do one step and return what came back; raise DeviceFault when the wire fails."""

    def hear(self, seconds: float) -> bytes | None:
        """The next message since `Listen`; None when none came in this time; raises as `perform` does."""

    def reset(self) -> None:
        """Put the device back to its power-on state, as far as the wire can; never raises."""

    def close(self) -> None:
        """Let go of the device."""


def random_word() -> int:
    """Return 31 random bits."""
    return secrets.randbits(31)


@dataclass(frozen=True, slots=True)
class MachineOptions:
    """What a machine is told when it is made."""

    poll_seconds: float = 0.2  # between two looks at the platen
    settle_frames: int = 1  # pictures that must equal the one before; 0 takes the first with a finger in it
    choose: Callable[[], int] = random_word  # numbers that are the host's to choose: seeds, message numbers
    empty_first: bool = True  # the platen must be seen empty once before the first finger is looked for
    preview: bool = False  # report a Preview of each picture looked at while armed, where the device can
    wait_while: Callable[[Frame], bool] | None = None  # a still finger that lies so is waited for a little
    remembered: Mapping[str, bytes] | None = None  # data of every Learned so far; None: nothing is kept
    unproved: bool = False  # open a device also when its driver is a model only
    usb_id: UsbId | None = None  # which of the driver's devices it is, where that is known


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """What a driver declares."""

    model: str
    ids: tuple[UsbId, ...]
    width: int  # pixels of a frame
    height: int
    ppi: float
    impressions: tuple[str, ...]  # "plain", "rolled"
    make_machine: Callable[[MachineOptions], Machine]
    fingers: int = 1  # most fingers of one picture
    proved_by: str = "a model of ours only"  # what shows that the driver fits the device
    preview: str = "none"  # what a live preview gets, in words
    not_for_enrolment: str | None = None  # why its pictures may not become enrolment records
    until_calibrated: bool = False  # that ends for a unit once signed off (drivers.calibrated)
    checks: tuple[str, ...] = ()  # what whoever has the hardware should find out, one sentence each
    on_hardware: bool = False  # somebody ran the driver on the device and went through its checks
    product: bool = True  # False: a model of ours, no such device is made
    model_only: bool = False  # never seen working with a device or its recording: off unless asked for
