"""What daemon and workers say to each other: small typed messages over a socket pair, bulk through memory.

A message is one packet of a SOCK_SEQPACKET pair: a JSON object with `type`, and beside it the descriptors of
anonymous memory files that hold its blobs (frames, templates). Memory without a name: whoever is killed, the
kernel cleans up.
"""

import os
import socket
import stat
import struct
from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge.booth.ladder import Rung
from edge.messages import Position, PresentationFault

PACKET_BYTES = 65536
MAXIMUM_BLOBS = 17  # a slap, and four of each finger
SEND_SECONDS = 5  # after which a worker that does not listen is given up
MAXIMUM_BLOB_BYTES = 64 * 1024 * 1024


class Message(BaseModel):
    """A frozen message between this release's own processes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    blobs: ClassVar[int | None] = 0  # that come with it; None: any number


class Arm(Message):
    """Daemon to scanner: look for a finger. Every event it brings repeats `token`."""

    type: Literal["arm"] = "arm"
    token: int
    rolled: bool = False  # a finger that is rolled from nail to nail


class Disarm(Message):
    """Daemon to scanner: stop looking."""

    type: Literal["disarm"] = "disarm"


class Calibration(BaseModel):
    """What was measured of the unit, and which entry says so (its SHA-256)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ppi_x: float
    ppi_y: float
    at: str
    entry: str


class ScannerReady(Message):
    """Scanner to daemon: the device is open."""

    type: Literal["scanner-ready"] = "scanner-ready"
    model: str
    serial: str
    firmware: str
    location: str
    impressions: tuple[str, ...]
    fingers: int = 1
    not_for_enrolment: str | None = None
    calibration: Calibration | None = None


class ScannerFault(Message):
    """Scanner to daemon: the device is gone or broken; what is done about it, and after how many seconds."""

    type: Literal["scanner-fault"] = "scanner-fault"
    kind: str
    detail: str
    rung: Rung
    seconds: float


class Alive(Message):
    """Scanner to daemon, at least every few seconds: the worker does not hang."""

    type: Literal["alive"] = "alive"
    processes: int = 0  # given up since the scanner last served


class Finger(Message):
    """Scanner to daemon: a finger lies on the platen, or it was lifted."""

    type: Literal["finger"] = "finger"
    token: int
    on: bool


class Occupied(Message):
    """Scanner to daemon: a finger lay on the platen before one was asked for."""

    type: Literal["occupied"] = "occupied"
    token: int


class Presented(Message):
    """Scanner to daemon: what is wrong with how the finger lies, or that nothing is any more."""

    type: Literal["presented"] = "presented"
    token: int
    fault: PresentationFault | None


class Attack(Message):
    """What the device's presentation attack detection says of a picture: 0 to 100, all speaks for one."""

    score: Annotated[int, Field(ge=0, le=100)]
    detector: str


class Captured(Message):
    """Scanner to daemon; blob: the frame, uint8, row by row; of a roll its frames one after another."""

    blobs = 1
    type: Literal["captured"] = "captured"
    token: int
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    ppi: float
    attack: Attack | None = None
    frames: Annotated[int, Field(ge=1)] = 1


class GalleryFinger(Message):
    """One finger of the gallery, under its enrolment."""

    enrolment: str
    position: int


class Enrolled(GalleryFinger):
    """One finger that is put into the gallery, and how long its bytes are."""

    subject: str
    length: int


class Load(Message):
    """Daemon to matcher: fingers of the gallery; blob: their search codes, empty where there is none."""

    blobs = 1
    type: Literal["load"] = "load"
    fingers: tuple[Enrolled, ...]


class Fetch(Message):
    """Matcher to daemon, while it examines: give me the templates of these fingers."""

    type: Literal["fetch"] = "fetch"
    fingers: tuple[GalleryFinger, ...]


class Fetched(Message):
    """Daemon to matcher: their lengths, 0 for one that is gone; blob: the templates, one after another."""

    blobs = 1
    type: Literal["fetched"] = "fetched"
    lengths: tuple[int, ...]


class Recoded(Message):
    """Matcher to daemon: search codes made anew, where there was none or another release's; blob: they."""

    blobs = 1
    type: Literal["recoded"] = "recoded"
    fingers: tuple[Enrolled, ...]


class AttendantFinger(Message):
    """One template of somebody who works here; of nobody: taken in the present presenting."""

    person: str
    length: int
    form: Literal["vantay", "iso", "ansi", "iso-normal", "iso-compact"] = "vantay"


class Examine(Message):
    """Daemon to matcher; blobs: the frame, the templates of `accepted`, and those of `attendants` in one."""

    blobs = None
    type: Literal["examine"] = "examine"
    token: int
    position: int
    width: int
    height: int
    ppi: float
    accepted: tuple[int, ...]
    same_finger_fmr: float
    perhaps_fmr: float | None = None  # between it and this one it may be the same finger
    already_enrolled_fmr: float
    suspected: tuple[str, ...] = ()  # earlier subjects whom this one's fingers matched
    renews: tuple[str, ...] = ()  # enrolments that are this one's own: left out
    attendants: tuple[AttendantFinger, ...] = ()
    attendant_fmr: float = 1e-6
    search: bool = True  # among those enrolled
    frames: Annotated[int, Field(ge=1)] = 1  # of a roll
    rolled: bool = False  # put together from its frames
    together: bool = False  # the scanner takes several fingers at once: `position` alone must lie there
    fingers: tuple[Position, ...] = ()  # of a slap: exactly these


class Search(Message):
    """A gallery's daemon to matcher: who has these fingers; blob: their templates, one after another.

    `before`: how many of the person's were looked for before; `leaving_out`: this enrolment is not found.
    """

    blobs = 1
    type: Literal["search"] = "search"
    token: int
    positions: tuple[Position, ...]
    lengths: tuple[int, ...]
    before: int
    fmr: float
    suspected: tuple[str, ...] = ()
    leaving_out: str


class FoundFinger(Message):
    """An enrolled finger that the one shown matches."""

    shown: Position
    enrolment: str
    position: Position
    score: float
    enrolled: Annotated[int, Field(ge=0, le=10)] = 0  # fingers of that enrolment


class Found(Message):
    """Matcher to a gallery's daemon; blob: the search codes of the fingers, one after another."""

    blobs = 1
    type: Literal["found"] = "found"
    token: int
    hits: tuple[FoundFinger, ...]
    lengths: tuple[int, ...]


class Compare(Message):
    """Daemon to matcher: are these two the same finger? blobs: probe and candidate (matching.serial)."""

    blobs = 2
    type: Literal["compare"] = "compare"
    token: int
    fmr: float


class Compared(Message):
    """Matcher to daemon."""

    type: Literal["compared"] = "compared"
    token: int
    match: bool
    score: float
    rate: float  # false match rate at which this score is just a match


class MatcherReady(Message):
    """Matcher to daemon: every kernel is loaded."""

    type: Literal["matcher-ready"] = "matcher-ready"


class Hit(Message):
    """A comparison that decided for the same finger."""

    subject: str | None = None
    position: Position
    score: float
    fmr: Annotated[float, Field(ge=0, le=1)]  # at which the score would just be a match
    enrolled: Annotated[int, Field(ge=0, le=10)] = 0  # fingers of the subject's enrolment


class AttendantHit(Message):
    """A comparison that decided for a finger of somebody who works here."""

    person: str
    score: float


class JudgedFinger(Message):
    """What the matcher says of one finger."""

    quality: Annotated[int, Field(ge=0, le=100)]
    parts: dict[str, float]
    hint: str | None
    minutiae: int
    same_finger: tuple[Hit, ...]
    already: tuple[Hit, ...]
    looked_through: Annotated[int, Field(ge=0)] = 0  # fingers of those enrolled, for `already`
    perhaps: tuple[Hit, ...] = ()  # may be a finger of this subject that was taken
    attendants: tuple[AttendantHit, ...] = ()


class Examined(JudgedFinger):
    """Matcher to daemon; blobs: ISO/IEC 19794-4 record, full template, 19794-2 record, search code."""

    blobs = 4
    type: Literal["examined"] = "examined"
    token: int
    issues: tuple[str, ...] = ()  # of how a finger was rolled
    sentence: str | None = None  # what to do about them
    milliseconds: float


class SlapFinger(JudgedFinger):
    """One finger of a slap; `same_finger` and `perhaps` also name others of the same slap."""

    position: Position


class ExaminedSlap(Message):
    """Matcher to daemon; blobs: the slap's 19794-4 record, then of each finger those of `Examined`."""

    blobs = None
    type: Literal["examined-slap"] = "examined-slap"
    token: int
    hand: str
    certainty: float
    fingers: tuple[SlapFinger, ...]
    milliseconds: float


class NotTaken(Message):
    """Matcher to daemon: the picture does not show the fingers asked for, in one sentence."""

    type: Literal["not-taken"] = "not-taken"
    token: int
    reason: str
    milliseconds: float


AnyMessage = Annotated[
    Arm
    | Disarm
    | ScannerReady
    | ScannerFault
    | Alive
    | Finger
    | Occupied
    | Presented
    | Captured
    | Load
    | Fetch
    | Fetched
    | Recoded
    | Examine
    | Compare
    | Compared
    | Search
    | Found
    | MatcherReady
    | Examined
    | ExaminedSlap
    | NotTaken,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[AnyMessage] = TypeAdapter(AnyMessage)


class Channel:
    """One end of the pair."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @staticmethod
    def pair() -> tuple["Channel", socket.socket]:
        """Return the daemon's channel and the raw end that a worker inherits."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        return Channel(ours), theirs

    @staticmethod
    def inherited(descriptor: int) -> "Channel":
        """Return the channel of a worker that was started with this descriptor."""
        return Channel(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def send(self, message: Message, *blobs: bytes) -> None:
        """Send; OSError when the other side is gone."""
        files = [_memory(blob) for blob in blobs]
        try:
            socket.send_fds(self._socket, [message.model_dump_json().encode()], files)
        finally:
            for file in files:
                os.close(file)

    def receive(self) -> tuple[Message, list[bytes]] | None:
        """Wait for a message; None when the other side is gone; ValueError for what is no message."""
        try:
            data, files, flags, _ = socket.recv_fds(self._socket, PACKET_BYTES, MAXIMUM_BLOBS)
        except OSError:
            return None
        try:
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise ValueError(f"more than {PACKET_BYTES} bytes or {MAXIMUM_BLOBS} blobs in one message")
            return (_read(data, len(files)), [_content(file) for file in files]) if data else None
        finally:
            for file in files:
                os.close(file)

    def close(self) -> None:
        """Wake whoever waits in `receive` and let go."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def joined(parts: Iterable[bytes]) -> tuple[tuple[int, ...], bytes]:
    """Return the lengths of the parts, and all of them in one blob."""
    parts = list(parts)
    return tuple(map(len, parts)), b"".join(parts)


def parted(lengths: Iterable[int], blob: bytes) -> list[bytes]:
    """Return the parts of `joined`; ValueError where the lengths are not those of the blob."""
    ends = list(accumulate(lengths, initial=0))
    if ends[-1] != len(blob) or sorted(ends) != ends:
        raise ValueError(f"a blob of {len(blob)} bytes for parts of {ends[-1]}")
    return [blob[begin:end] for begin, end in pairwise(ends)]


def _read(data: bytes, blobs: int) -> Message:
    try:
        message = _ADAPTER.validate_json(data)
    except ValidationError as error:
        raise ValueError(f"no message of this release: {error.errors()[0]['msg']}") from None
    if message.blobs not in (None, blobs):
        raise ValueError(f"a message '{message.type}' with {blobs} blobs, not {message.blobs}")
    return message


def _memory(data: bytes) -> int:
    file = os.memfd_create("vantay", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(file), "wb") as writer:
        writer.write(data)
    return file


def _content(file: int) -> bytes:
    """Read, not map: a worker that shortens the file meanwhile must not crash the daemon."""
    status = os.fstat(file)
    size = status.st_size
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("a worker sent a descriptor that is no memory file")
    if size > MAXIMUM_BLOB_BYTES:
        raise ValueError(f"a worker sent {size} bytes where at most {MAXIMUM_BLOB_BYTES} are taken")
    with os.fdopen(os.dup(file), "rb") as reader:
        reader.seek(0)
        return reader.read(size)
