"""Every topic and payload of the wire, version 1. A contract with people outside: additive changes only.

A booth `B` publishes below `vantay/v1/booth/B/`:
    status          retained, last will      Status
    state           retained                 State
    journal         QoS 1                    JournalEntry
    reply           QoS 1                    Reply
and listens there to:
    command/NAME    QoS 1                    Command
    ack             QoS 1                    Acknowledgement
    resend          QoS 1                    Resend
    packet-wanted   QoS 1                    PacketWanted
    packet-ack      QoS 1                    PacketAcknowledgement
    gallery-answer  QoS 1                    GalleryAnswer
and to vantay/v1/hub/status and vantay/v1/gallery/status (retained, last will, GalleryStatus).
The station hub publishes `vantay/v1/hub/status` (retained, last will, HubStatus) and, where a campaign is
configured, its reports on `vantay/v1/campaign/NAME` (retained, CampaignReport).
The bytes of sealed packets travel apart, so that `vantay/v1/#` stays readable and free of biometric data:
    vantay-packet/v1/booth/B/SHA256/OFFSET    QoS 1, at most 256 KiB of the packet from OFFSET
    vantay-gallery/v1/booth/B/ask             QoS 1, a question to the station's gallery, sealed to its key
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from edge.explain import explain

ROOT = "vantay/v1"
PACKET_ROOT = "vantay-packet/v1"
GALLERY_ROOT = "vantay-gallery/v1"
CHUNK_BYTES = 256 * 1024
INBOUND = ("command/+", "ack", "resend", "packet-wanted", "packet-ack", "gallery-answer")
OUTBOUND = ("status", "state", "journal", "reply")

BoothName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$"),
    Field(description="1 to 31 small letters, digits or hyphens"),
]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
REQUEST_ID = r"^[A-Za-z0-9._:-]{1,64}$"
RequestId = Annotated[
    str, StringConstraints(pattern=REQUEST_ID), Field(description="1 to 64 letters, digits or ._:-")
]
ONE_LINE = (  # no control character, none that ends a line or turns the reading direction
    r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"
)
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=ONE_LINE),
    Field(description="one line of 1 to 200 characters, none of them a control character"),
]
IdentityNumber = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9]{9}|[0-9]{12})$"),
    Field(description="12 digits, or the 9 of an old identity card"),
]  # Decree 137/2015, article 13
SubjectName = Annotated[str, StringConstraints(min_length=1, max_length=300)]  # decomposed letters count
BirthText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$"),
    Field(description="a year, or year-month-day as 1990-05-17"),
]
PERSON_NAME = r"^[a-z][a-z0-9-]{1,30}$"
PersonName = Annotated[
    str,
    StringConstraints(pattern=PERSON_NAME),
    Field(description="2 to 31 small letters, digits or hyphens, a letter first"),
]
SealedPin = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9a-f]{2}){60,200}$"),
    Field(description="a PIN sealed to the key that the booth's state shows, hex"),
]
Position = Annotated[int, Field(ge=1, le=10)]  # ISO/IEC 19794-2:2005, table 2
Slap = Annotated[int, Field(ge=13, le=15)]  # ISO/IEC 19794-4:2005, table 6: right four, left four, two thumbs
LARGEST = 2**53  # what every reader of JSON keeps exactly (RFC 8259, 6)
Sequence = Annotated[int, Field(ge=1, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]

POSITION_NAMES = {
    1: "right thumb",
    2: "right index",
    3: "right middle",
    4: "right ring",
    5: "right little",
    6: "left thumb",
    7: "left index",
    8: "left middle",
    9: "left ring",
    10: "left little",
}


def booth_topic(booth: str, name: str) -> str:
    """Return the topic `name` of one booth."""
    return f"{ROOT}/booth/{booth}/{name}"


def packet_topic(booth: str, packet: str, offset: int) -> str:
    """Return the topic that carries the bytes of a packet from `offset`."""
    return f"{PACKET_ROOT}/booth/{booth}/{packet}/{offset}"


def gallery_topic(booth: str) -> str:
    """Return the topic of a booth's questions to the station's gallery."""
    return f"{GALLERY_ROOT}/booth/{booth}/ask"


def campaign_topic(report: str) -> str:
    """Return the topic of one of the campaign's reports."""
    return f"{ROOT}/campaign/{report}"


HUB_STATUS_TOPIC = f"{ROOT}/hub/status"
GALLERY_STATUS_TOPIC = f"{ROOT}/gallery/status"


def utc(moment: datetime) -> str:
    """Write a time as everywhere on the wire: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _in_utc(moment: datetime) -> datetime:
    """Take a time as it is; ValueError for one of the first or the last hours that only an offset can say."""
    try:
        utc(moment)
    except OverflowError:
        raise ValueError("no time of UTC's years 1 to 9999") from None
    return moment


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> bytes:
    """Write JSON in the one form that is hashed: sorted keys, no spaces, UTF-8, no NaN."""
    return _CANONICAL.encode(value).encode()


class Report(BaseModel):
    """What a booth or hub says: frozen; a key that a newer release added is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    def payload(self) -> bytes:
        """Return the JSON of the wire."""
        return self.model_dump_json().encode()


class Clock(Report):
    """How far the time of an entry can be trusted."""

    synchronised: bool
    boot: str  # changes with every start of the machine
    monotonic_ms: int  # since that start


class Status(Report):
    """Whether the booth's daemon is there."""

    booth: BoothName
    online: bool
    release: str
    at: str | None  # null where the broker says it for a daemon that vanished: nobody knows since when


class HubStatus(Report):
    """Whether the hub is there."""

    online: bool
    release: str
    at: str | None  # null where the broker says it for a hub that vanished


class GalleryStatus(Report):
    """Whether the station's gallery is there, and how many people it holds."""

    online: bool
    release: str
    at: str | None  # null where the broker says it for one that vanished
    people: Count = 0


class GalleryHit(Report):
    """A finger of somebody enrolled at the station that one of the fingers asked about matches."""

    shown: Position  # of the finger asked about
    subject: str
    booth: BoothName  # where the person was enrolled
    position: Position  # of the enrolled finger
    score: float
    enrolled: Annotated[int, Field(ge=1, le=10)] | None = None  # how many fingers of that person are


class GalleryAnswer(Report):
    """What the station's gallery says to one question; the fingers themselves are on no such topic."""

    question: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    people: Count  # whom it looked through
    hits: list[GalleryHit]
    refused: str | None = None  # why the question was not answered: nothing was looked for
    this_alone: bool = False  # whether it was refused for what is its own: the booth's others may be answered


class CampaignReport(Report):
    """One report of the campaign, of everything that is counted, as `vantay hub report` gives it."""

    report: str
    title: str
    campaign: str
    legal_basis: list[str]
    at: str  # the business day at whose end it stands, YYYY-MM-DD; today's goes on growing
    made_at: str
    scope: str
    notes: list[str]
    rows: list[dict[str, JsonValue]]  # shares are fractions, dates YYYY-MM-DD
    rows_left_out: Count = 0  # the last rows of a report that is too large for a broker


class Phase(StrEnum):
    """What the booth waits for."""

    IDLE = "idle"  # a command
    PLACE = "place"  # the finger named by `position`
    HOLD = "hold"  # a picture is being taken
    LIFT = "lift"  # the finger to be lifted
    CHECK = "check"  # the sample is being judged
    REVIEW = "review"  # the command `review`: the operator has looked at person, number and portrait
    SEAL = "seal"  # the record is being sealed
    WAIT = "wait"  # scanner or matcher are not ready


class Device(Report):
    """A scanner."""

    model: str
    serial: str  # as the device tells it; empty where it tells none
    firmware: str = ""
    location: str  # the port it is plugged into: "usb:1-1.2" or "usbip://host:port/busid"


class Ended(Report):
    """How the last enrolment at the booth ended."""

    enrolment: str
    outcome: Literal["enrolled", "already-enrolled", "abandoned"]
    text: str  # one sentence


class AttendantShows(Report):
    """A finger is awaited that belongs to no enrolment: of somebody who works here, or of a card's holder."""

    purpose: Literal["register", "log-in", "hand-over", "verify"]
    person: str
    taken: int  # samples that agree so far
    of: int  # how many are needed
    request_id: str | None = None  # of the command that asked for it


class AttendantEnded(Report):
    """How that ended."""

    purpose: Literal["register", "log-in", "hand-over", "verify"]
    person: str
    done: bool
    text: str  # one sentence
    request_id: str | None = None  # of the command that had asked for it


class ShiftShown(Report):
    """The shift that is open."""

    shift: str
    day: str  # the business day it belongs to, YYYY-MM-DD
    opened_at: str
    person: str | None  # who opened it; null where nobody logs in
    overdue: bool  # its business day is over: close it


class PresentationFault(StrEnum):
    """What is wrong with how a finger lies, or with a platen that should be empty."""

    TOO_LIGHT = "too-light"
    TOO_HEAVY = "too-heavy"
    OFF_CENTRE = "off-centre"
    MOVED = "moved"
    WET = "wet"
    DRY = "dry"
    GHOST = "ghost"
    NOT_LIFTED = "not-lifted"


class FoundLater(Report):
    """An enrolment of which the station said after sealing that the person was enrolled before."""

    enrolment: str
    text: str  # one sentence


class CommandProgress(Report):
    """Where an accepted command stands."""

    request_id: str
    command: str
    state: Literal["running", "succeeded", "failed"]
    reason: str  # one sentence
    at: str  # since when


class MissingWhy(StrEnum):
    """Of which class the reason is why a finger cannot be captured."""

    PERMANENT = "permanent"  # the finger is not there, or never will be captured
    TEMPORARY = "temporary"  # it heals
    CANNOT_FLATTEN = "cannot-flatten"  # it is there, bent or deformed
    OTHER = "other"


class State(Report):
    """What the booth does now, for the console and for anyone who looks."""

    booth: BoothName
    at: str
    phase: Phase
    prompt: str  # one sentence for the person or the operator
    trouble: str | None = None  # why nobody should be enrolled here until a technician has come
    operator: str | None = None  # who is logged in
    shift: ShiftShown | None = None
    shift_wanted: bool = False  # one is to be opened before somebody can be enrolled
    login_key: str | None = None  # X25519 public key that PINs are sealed to, hex; null where nobody logs in
    attendant: AttendantShows | None = None  # whose finger is awaited, where it is no subject's
    attendant_ended: AttendantEnded | None = None  # the last one, until another is awaited
    alarm: str | None = None  # what looks like a mix-up and is not settled: the operator must act
    overrides_alone: bool = False  # the plan leaves the alarm to the operator, whom no supervisor signs for
    splits_alone: bool = False  # the same of the command `single-fingers`
    known_as: str | None = None  # the earlier subject found: 'review' says so, 'override' that it is not
    enrolment: str | None = None
    subject: str | None = None
    plan: str | None = None
    positions: list[int] = []  # what is captured of this subject, in this order
    confirming: bool = False  # all fingers are captured: `position` is shown once more, to compare
    second_look: bool = False  # the finger shown last is shown once more, to be sure which it is
    slap: Slap | None = None  # what is to be laid down together; `position` is null then
    fingers: list[Position] = []  # which fingers these are: the slap's, without missing ones
    rolling: bool = False  # `position` is to be rolled from nail to nail
    to_roll: list[int] = []  # what is rolled of this subject after the plain impressions, in this order
    rolled: list[int] = []  # what of it is kept
    position: Position | None = None
    position_name: str | None = None
    attempt: int | None = None  # the next one's number; may pass `attempts` while an alarm stands
    attempts: int | None = None
    hint: str | None = None
    presentation: PresentationFault | None = None  # of the finger that lies there; the prompt says what to do
    accepted: list[int] = []
    missing: list[int] = []
    missing_why: dict[Position, MissingWhy] = {}  # also of fingers that cannot be rolled
    warnings: list[str] = []  # of the subject's data, and rolls that match nothing: to be looked at
    name_stated: bool = False  # a name was stated, never shown here: the review says it once more
    station: str | None = None  # its gallery: "ready", "away" or what is wrong; null where none is asked
    renewal: Literal["to compare", "same", "another"] | None = None  # the earlier record's person; null: none
    unsettled: list[Position] = []  # fingers accepted of which the station has not said whose they are
    unsettled_enrolments: Count = 0  # sealed ones of which it has not said whether the person was enrolled
    found_later: list[FoundLater] = []  # until a supervisor has settled it
    asks: list[str] = []  # keys of `enrol` that the booth compares with its worklist
    scanner: str  # "ready", or what is wrong with it
    device: str | None = None
    scanner_device: Device | None = None  # the scanner that is there
    scanner_change: str | None = None  # it is another one than before; until an enrolment ends
    taken_with: dict[Position, Device] = {}  # which device took the accepted sample of each position
    matcher: str
    ended: Ended | None = None  # the last enrolment before this one, or before now
    commands: list[CommandProgress] = []  # accepted ones that run or ran on: the last 8, the newest last
    notices: list[str] = []  # about the booth, one sentence each: nothing is refused for them yet
    last_seq: int
    acknowledged_seq: int


class JournalEntry(Report):
    """One fact of the journal; `hash` covers all the other fields."""

    seq: Sequence
    at: str
    clock: Clock
    kind: str
    body: dict[str, JsonValue]
    previous_hash: Digest
    hash: Digest


class Acknowledgement(Report):
    """The hub has committed every entry up to `seq`, whose hash it repeats."""

    seq: Count
    hash: Digest


class Resend(Report):
    """The hub misses entries: send again from here."""

    from_seq: Sequence


class PacketWanted(Report):
    """The hub holds `offset` bytes of this packet and wants the next ones."""

    packet: Digest
    offset: Count


class PacketAcknowledgement(Report):
    """The hub has the whole packet, checked by its hash and on disk."""

    packet: Digest
    size: Count


class Command(BaseModel):
    """What a console, a technician or a rig asks for: frozen; an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    request_id: RequestId
    expires_at: AwareDatetime | None = None  # refused when it arrives later than this


CardText = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9+/]{4,40000}={0,2}$"),
    Field(description="a record or a card's template, base64"),
]


class Earlier(BaseModel):
    """The same person's earlier record, at a renewal: of a card or a file, or the one made here."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    record: CardText | None = None  # none: the fingers that were enrolled here with this number
    format: Literal["iso-compact", "iso-normal", "iso", "ansi"] = "iso"
    position: Annotated[Position, Field(strict=True)] | None = None  # whose finger, where it does not say


class Enrol(Command):
    """Begin the enrolment of one subject."""

    identity_number: IdentityNumber
    name: SubjectName | None = None  # kept as typed
    birth: BirthText | None = None
    sex: Literal["male", "female"] | None = None
    missing: dict[Position, Reason] = {}  # where people log in, a supervisor signs by 'override'
    missing_why: dict[Position, MissingWhy] = {}  # of which class each reason is
    again: Reason | None = None  # why a number that was enrolled here before is enrolled once more
    earlier: Earlier | None = None  # it is a renewal: the first fingers must be those of this record

    @model_validator(mode="after")
    def _why_of_missing_ones(self) -> "Enrol":
        if others := sorted(set(self.missing_why) - set(self.missing)):
            raise ValueError(f"'missing_why' names the {POSITION_NAMES[others[0]]}, which 'missing' does not")
        return self


class MarkMissing(Command):
    """A finger cannot be captured; why is kept with the record."""

    position: Annotated[Position, Field(strict=True)]  # true is no thumb
    reason: Reason
    why: MissingWhy | None = None  # of which class the reason is


class Abandon(Command):
    """Give the current enrolment up; what was captured is purged, why is kept.

    Where a finger of no enrolment is awaited, that wait is given up.
    """

    reason: Reason
    awaited: RequestId | None = None  # only the finger that this command had asked for, and no enrolment


class Override(Command):
    """Go on in spite of the state's `alarm`; why, and who signed, is kept with the record."""

    reason: Reason
    alarm: Annotated[str, Field(max_length=2000)] | None = None  # the state's, as it was read; no other one
    person: PersonName | None = None  # a supervisor who is not the operator, where people log in
    pin: SealedPin | None = None


class SingleFingers(Command):
    """Have the fingers of a slap taken one by one, where they cannot be taken together; why is kept."""

    slap: Annotated[Slap, Field(strict=True)]
    reason: Reason
    person: PersonName | None = None  # a supervisor who is not the operator, where people log in
    pin: SealedPin | None = None


class Login(Command):
    """Begin to work at the booth; whoever was logged in is out.

    Of somebody whose fingers are registered the state then asks for one: they are in when it matches.
    """

    person: PersonName
    pin: SealedPin
    without_finger: Reason | None = None  # why none can be shown; signed by a supervisor
    supervisor: PersonName | None = None  # another person
    supervisor_pin: SealedPin | None = None


class Logout(Command):
    """End one's work at the booth."""


class OpenShift(Command):
    """Begin a shift of the booth; one of an earlier business day is closed by rule."""


class CloseShift(Command):
    """End the booth's shift; what is not finished is told."""

    left_open: Reason | None = None  # why an enrolment is left open


class RegisterFinger(Command):
    """Take a finger of somebody who works here: as a subject's it is refused from then on, and it logs in."""

    person: PersonName
    position: Annotated[Position, Field(strict=True)]
    supervisor: PersonName  # who signs
    pin: SealedPin  # the supervisor's


class HandOver(Command):
    """Give a card to its holder: a finger must match the card's template, the record made here, or both."""

    identity_number: IdentityNumber
    card: (
        Annotated[
            str,
            StringConstraints(pattern=r"^[A-Za-z0-9+/]{4,8000}={0,2}$"),
            Field(description="the template that was read from the card, base64"),
        ]
        | None
    ) = None
    card_format: Literal["iso-compact", "iso-normal", "iso", "ansi"] = "iso-compact"
    position: Annotated[Position, Field(strict=True)] | None = None  # needed with a card's template
    without_finger: Reason | None = None  # why none can be shown; signed by a supervisor
    person: PersonName | None = None  # who signs, not the operator
    pin: SealedPin | None = None


class Verify(Command):
    """Compare one finger of a person with a card's template, the record made here, or both; nothing else."""

    identity_number: IdentityNumber
    card: CardText | None = None
    card_format: Literal["iso-compact", "iso-normal", "iso", "ansi"] = "iso-compact"
    position: Annotated[Position, Field(strict=True)] | None = None  # needed with a card's template


class Settle(Command):
    """Say that it was seen that somebody had been enrolled before, found after sealing, and what is done."""

    enrolment: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    reason: Reason
    person: PersonName | None = None  # a supervisor who is not the operator, where people log in
    pin: SealedPin | None = None


class Portrait(BaseModel):
    """The picture that another device took: what binds it to the record."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    sha256: Digest
    taken_at: Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Review(Command):
    """Say, before sealing, whose record this is: number and name once more, and the portrait."""

    identity_number: IdentityNumber
    name: SubjectName | None = None  # as the person says it; where it is given it must be the stated one
    portrait: Portrait | None = None
    no_portrait: Reason | None = None  # why there is none
    looked: Annotated[bool, Field(strict=True)] | None = None  # at one of an odd moment: it is right


COMMANDS: dict[str, type[Command]] = {
    "enrol": Enrol,
    "mark-missing": MarkMissing,
    "abandon": Abandon,
    "override": Override,
    "single-fingers": SingleFingers,
    "review": Review,
    "login": Login,
    "logout": Logout,
    "open-shift": OpenShift,
    "close-shift": CloseShift,
    "register-finger": RegisterFinger,
    "hand-over": HandOver,
    "verify": Verify,
    "settle": Settle,
}


LATER = "later"  # what a command wants that could not be written down just now
EXPIRES_AT = "expires_at"  # what one wants that came too late
LOOKED = "looked"  # what a review wants whose portrait is of an odd moment


class Reply(Report):
    """The one answer to a command. `repeated`: it was answered before, nothing was done again."""

    request_id: str | None  # null when the command was too broken to have one
    command: str
    outcome: Literal["accepted", "refused"]
    reason: str
    wants: str | None = None  # the key with which the same command, sent anew, would be accepted; or LATER
    repeated: bool = False
    at: str
    progress: CommandProgress | None = None  # of an accepted one: where it stands now


class Role(StrEnum):
    """Whom a certificate may be issued to; what each may write and read is in CHANNELS."""

    BOOTH = "booth"
    HUB = "hub"
    GALLERY = "gallery"  # finds at the station who was enrolled before
    CONSOLE = "console"  # at one booth: gives its commands
    TECHNICIAN = "technician"
    INSPECTOR = "inspector"


@dataclass(frozen=True, slots=True)
class Channel:
    """What travels on one kind of topic; everything at QoS 1."""

    name: str
    address: str
    sender: str
    other: str  # who is at the other end
    payload: type[BaseModel] | None  # None: bytes
    says: str
    retained: bool = False
    writers: frozenset[Role] = field(kw_only=True)  # a booth and a console: of their own booth only
    readers: frozenset[Role] = field(kw_only=True)


_BOOTH = f"{ROOT}/booth/{{booth}}"
WHOEVER = "whoever looks"
_FROM = {"sender": "booth", "other": WHOEVER}
_BY_BOOTH, _BY_HUB = frozenset({Role.BOOTH}), frozenset({Role.HUB})
_BY_GALLERY = frozenset({Role.GALLERY})
_WATCHING = frozenset({Role.TECHNICIAN, Role.INSPECTOR})
_AT_CONSOLE = _WATCHING | {Role.CONSOLE}
TECHNICIANS_COMMANDS = frozenset({"abandon", "logout"})  # put a booth in order; no record is made with them
TELLS_NUMBER = frozenset(
    {"enrol", "review", "hand-over", "verify"}
)  # with a number, or a template: for the booth alone
CHANNELS: tuple[Channel, ...] = (
    Channel(
        "status",
        f"{_BOOTH}/status",
        **_FROM,
        payload=Status,
        retained=True,
        writers=_BY_BOOTH,
        readers=_AT_CONSOLE | _BY_HUB,
        says="whether the booth's daemon is there; its last will says that it vanished",
    ),
    Channel(
        "state",
        f"{_BOOTH}/state",
        **_FROM,
        payload=State,
        retained=True,
        writers=_BY_BOOTH,
        readers=_AT_CONSOLE | _BY_HUB,
        says="what the booth does now, and in one sentence what is to be done",
    ),
    Channel(
        "journal",
        f"{_BOOTH}/journal",
        "booth",
        "the hub",
        JournalEntry,
        "the journal, entry by entry, in order, again and again until acknowledged",
        writers=_BY_BOOTH,
        readers=_WATCHING | _BY_HUB,
    ),
    Channel(
        "reply",
        f"{_BOOTH}/reply",
        "booth",
        "who sent a command",
        Reply,
        "the one answer to a command",
        writers=_BY_BOOTH,
        readers=_AT_CONSOLE,
    ),
    Channel(
        "packet",
        f"{PACKET_ROOT}/booth/{{booth}}/{{packet}}/{{offset}}",
        "booth",
        "the hub",
        None,
        "bytes of a sealed packet, when the hub asks for them",
        writers=_BY_BOOTH,
        readers=_BY_HUB,
    ),
    *(
        Channel(
            f"command-{name}",
            f"{_BOOTH}/command/{name}",
            "console",
            "a console, technician or rig",
            model,
            (model.__doc__ or "").splitlines()[0],
            writers=frozenset({Role.CONSOLE, *([Role.TECHNICIAN] if name in TECHNICIANS_COMMANDS else [])}),
            readers=_BY_BOOTH if name in TELLS_NUMBER else _BY_BOOTH | _WATCHING,
        )
        for name, model in COMMANDS.items()
    ),
    Channel(
        "ack",
        f"{_BOOTH}/ack",
        "hub",
        "the hub",
        Acknowledgement,
        "what the hub has on disk: only this moves the booth's cursor",
        writers=_BY_HUB,
        readers=_BY_BOOTH | _WATCHING,
    ),
    Channel(
        "resend",
        f"{_BOOTH}/resend",
        "hub",
        "the hub",
        Resend,
        "a gap: begin again from here",
        writers=_BY_HUB,
        readers=_BY_BOOTH | _WATCHING,
    ),
    Channel(
        "packet-wanted",
        f"{_BOOTH}/packet-wanted",
        "hub",
        "the hub",
        PacketWanted,
        "the next bytes of a packet, please",
        writers=_BY_HUB,
        readers=_BY_BOOTH | _WATCHING,
    ),
    Channel(
        "packet-ack",
        f"{_BOOTH}/packet-ack",
        "hub",
        "the hub",
        PacketAcknowledgement,
        "the packet is whole and on disk: only this lets the booth purge it",
        writers=_BY_HUB,
        readers=_BY_BOOTH | _WATCHING,
    ),
    Channel(
        "hub-status",
        HUB_STATUS_TOPIC,
        "hub",
        "the hub",
        HubStatus,
        "whether the hub is there; its last will says that it vanished",
        retained=True,
        writers=_BY_HUB,
        readers=_AT_CONSOLE | _BY_BOOTH | _BY_HUB,
    ),
    Channel(
        "gallery-ask",
        f"{GALLERY_ROOT}/booth/{{booth}}/ask",
        "booth",
        "the station's gallery",
        None,
        "a question with search templates, sealed to the gallery's key: brokers see ciphertext",
        writers=_BY_BOOTH,
        readers=_BY_GALLERY,
    ),
    Channel(
        "gallery-answer",
        f"{_BOOTH}/gallery-answer",
        "gallery",
        "the station's gallery",
        GalleryAnswer,
        "whom the gallery found, by the keyed hash of the number",
        writers=_BY_GALLERY,
        readers=_BY_BOOTH | _WATCHING,
    ),
    Channel(
        "gallery-status",
        GALLERY_STATUS_TOPIC,
        "gallery",
        "the station's gallery",
        GalleryStatus,
        "whether the station's gallery is there; its last will says that it vanished",
        retained=True,
        writers=_BY_GALLERY,
        readers=_WATCHING | _BY_BOOTH,
    ),
    Channel(
        "campaign-report",
        campaign_topic("{report}"),
        "hub",
        WHOEVER,
        CampaignReport,
        "how far the campaign is, anew when its figures change; nobody by name",
        retained=True,
        writers=_BY_HUB,
        readers=_WATCHING,
    ),
)


def parse(model: type[BaseModel], payload: bytes) -> Any:
    """Read a payload strictly as JSON of `model`; ValueError with one sentence when it is not."""
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        raise ValueError(explain(error, model)) from None
