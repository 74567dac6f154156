"""Settings: one frozen tree per program, read from TOML; an unknown key is an error, not a surprise."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from edge.booth.plan import enrolling_plans
from edge.business_day import BEGINS, VIET_NAM, BusinessDays
from edge.campaign.definition import Campaign
from edge.errors import BadCommand, BadSettings
from edge.explain import explain
from edge.messages import BoothName
from edge.subject import LEAST_AGE

Port = Annotated[int, Field(ge=1, le=65535)]
Rate = Annotated[float, Field(gt=0, le=0.1)]
Place = Annotated[
    str,
    StringConstraints(pattern=r"^(usb(:[0-9]+-[0-9]+(\.[0-9]+)*)?|usbip://[^/\s]+:[0-9]+(/[0-9.-]+)?)$"),
    Field(description='"usb", "usb:1-1.2" or "usbip://host:port/busid"'),
]

SerialNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]([ -~]{0,62}[!-~])?$"),
    Field(description="1 to 64 printable characters"),
]


class Section(BaseModel):
    """A frozen part of the tree."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Broker(Section):
    """The MQTT broker a program speaks to: a booth to its own box's, the hub to the station's."""

    host: str = "127.0.0.1"
    port: Port = 1883
    keepalive: Annotated[int, Field(ge=2, le=600)] = 15  # seconds
    mqtt: Literal["auto", "5", "3.1.1"] = "auto"  # auto: 5, and 3.1.1 for a broker that does not answer to 5
    ca: Path | None = None  # these three are mutual TLS: the authority's certificate, ours, and its key
    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _all_or_none(self) -> "Broker":
        missing = [name for name in ("ca", "cert", "key") if getattr(self, name) is None]
        if len(missing) in (1, 2):
            raise ValueError(f"ca, cert and key belong together: {' and '.join(missing)} not given")
        return self


PLAN_ALIASES = {"4-4-2": "four-four-two"}  # as BSI TR-03121 calls it


class Scanner(Section):
    """Which scanner: the only one at a place, or the one there that has a serial number."""

    where: Place = "usb"
    serial: SerialNumber | None = None  # as the booth's state shows it; of several scanners this one is ours
    poll_seconds: Annotated[float, Field(ge=0.01, le=2)] = 0.1  # between two looks at the platen
    unproved: bool = False  # take scanners too whose driver was never seen working on hardware


def _known_plan(name: str) -> str:
    name = PLAN_ALIASES.get(name, name)
    if name not in enrolling_plans():
        raise ValueError(f"must be one of {', '.join(enrolling_plans())}")
    return name


class Plan(Section):
    """What an enrolment asks for: a file of edge/booth/plans."""

    name: Annotated[str, AfterValidator(_known_plan)] = "ten-flats"


class Comparison(Section):
    """The false match rates at which the booth's checks decide."""

    same_finger_fmr: Rate = 1e-4  # a finger shown to confirm against the accepted one
    control_fmr: Rate = 1e-3  # a rolled finger against its own plain impression (BSI TR-03121-3 volume 4)
    already_enrolled_fmr: Rate = 1e-5  # one new sample against everyone enrolled here
    already_enrolled_fingers: Annotated[int, Field(ge=1, le=10)] = 2  # that must point to the same subject
    alone_fpir: Rate = 1e-3  # of people with fewer fingers than that, who may pass for somebody enrolled
    hand_over_fmr: Rate = 1e-4  # one finger against the card's or the record's
    station_fmr: Rate = 1e-6  # one new sample against everyone enrolled at the station; as many fingers tell
    renewal_fmr: Rate = 1e-4  # a finger of the person against the earlier record's, at a renewal
    verify_fmr: Rate = 1e-4  # one finger against the card's or the record's, where nothing is handed over
    attendant_fpir: Rate = 2.5e-4  # of subjects of whom any finger may pass for an attendant's


class Subject(Section):
    """The rules on a subject's data."""

    least_age: Annotated[int, Field(ge=6, le=25)] = LEAST_AGE  # years, on the day of the capture
    utc_offset_minutes: Annotated[int, Field(ge=-720, le=840)] = 420  # Viet Nam has no summer time

    def day_of(self, moment: datetime) -> date:
        """Return the day on the calendar where the booth stands."""
        return (moment.astimezone(UTC) + timedelta(minutes=self.utc_offset_minutes)).date()


class ShiftRules(Section):
    """Shifts: whether one must be open, and until when; the calendar is that of `subject`."""

    required: bool = False  # whether somebody is enrolled only while a shift is open
    day_begins: time = BEGINS  # a shift belongs to the business day that it was opened on
    grace_minutes: Annotated[int, Field(ge=0, le=720)] = 60  # after that day, until it is closed by rule


class WorklistRules(Section):
    """How long the worklist keeps people who are done, and people who never came."""

    keep_days: Annotated[float, Field(ge=0, le=3650)] = 30  # since the hub took the sealed record
    keep_waiting_days: Annotated[int, Field(ge=1, le=3650)] = 180  # since who is not enrolled was last listed


class PacketRules(Section):
    """How long the booth keeps a sealed packet that the hub has."""

    keep_days: Annotated[float, Field(ge=0, le=365)] = 7  # since the hub's acknowledgement; 0: not at all


class Station(Section):
    """The station's gallery, which knows everybody enrolled at its booths."""

    key: Path  # its gallery.pub, of `vantay keys gallery`
    wait_seconds: Annotated[float, Field(ge=0, le=30)] = 2.0  # for its answer, before sealing without


class BoothSettings(Section):
    """booth.toml."""

    booth: BoothName
    data: Path  # the folder of the journal and the vault
    keys: Path  # the folder made by `vantay keys booth`
    broker: Broker = Broker()
    scanner: Scanner = Scanner()
    plan: Plan = Plan()
    comparison: Comparison = Comparison()
    subject: Subject = Subject()
    shift: ShiftRules = ShiftRules()
    worklist: WorklistRules = WorklistRules()
    packets: PacketRules = PacketRules()
    station: Station | None = None  # none: only who was enrolled at this booth is found
    refusals_kept: Annotated[int, Field(ge=1, le=10_000_000)] = (
        100  # of commands, an hour; others are counted
    )
    disk_warning: Annotated[int, Field(ge=0, le=100_000)] = 20  # enrolments that still find room; 0: none
    finger_wait_seconds: Annotated[float, Field(ge=5, le=3600)] = 300  # for a finger of no enrolment
    log_file: Path | None = None  # log lines go here, too; 8 MiB, and as much of before
    metrics_file: Path | None = None  # NAME.prom, for node_exporter's textfile collector; none: not written


class Sftp(Section):
    """A server of the ministry's: we know it by its host keys, it knows us by our key."""

    host: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,253}$")]
    port: Port = 22
    user: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
    key: Path  # a private key of OpenSSH's without a passphrase, mode 0600
    host_keys: Annotated[tuple[str, ...], Field(min_length=1)]  # "ssh-ed25519 AAAA…"; no other is spoken to
    folder: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,500}$")]  # there; of this hub alone
    patience_seconds: Annotated[float, Field(ge=1, le=3600)] = 60  # for each answer of the server's


class GallerySettings(Section):
    """gallery.toml."""

    data: Path  # the folder of the templates
    keys: Path  # the folder made by `vantay keys gallery`
    broker: Broker = Broker()  # the station's
    booths: tuple[BoothName, ...] = ()  # whose questions are answered; empty: any booth's
    log_file: Path | None = None  # as a booth's


class Ministry(Section):
    """Where packets are delivered to, and how long an answer may take."""

    folder: Path | None = None
    sftp: Sftp | None = None
    # to an alarm; below 24 no later than the end of the business day, whatever the hour it began
    answer_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 4

    @model_validator(mode="after")
    def _one_place(self) -> "Ministry":
        if (self.folder is None) == (self.sftp is None):
            raise ValueError("a ministry has either a folder or sftp")
        return self


Url = Annotated[
    str,
    StringConstraints(pattern=r"^postgres(ql)?://[!-~]+$"),
    Field(description="a URL, postgresql://vantay@db.example/vantay"),
]
ShareName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$"),
    Field(description="1 to 31 small letters, digits or hyphens"),
]


class HubSettings(Section):
    """hub.toml."""

    data: Path  # the folder of the hub's database and of the packets; each collector has its own
    database: Url | None = None  # PostgreSQL; none: the file hub.db in `data`
    share: ShareName | None = None  # collectors with this word share the booths' reports (MQTT 5, PostgreSQL)
    packets: Path | None = None  # the folder of the packets, one for all collectors; none: in `data`
    broker: Broker = Broker()
    booths: tuple[BoothName, ...] = ()  # whose reports are taken; empty: any booth's
    log_file: Path | None = None  # as a booth's
    metrics_port: Port | None = None  # of http://127.0.0.1:PORT/metrics; none: not served
    campaign: Campaign | None = None  # none: journals and packets are kept, nothing is counted
    ministry: Ministry | None = None  # none: packets stay at the hub

    @property
    def days(self) -> BusinessDays:
        """How the station counts days: the campaign's way, where there is one."""
        one = self.campaign
        return BusinessDays(one.utc_offset_minutes, one.day_begins) if one else VIET_NAM

    @model_validator(mode="after")
    def _fit_to_be_shared(self) -> "HubSettings":
        if self.share and (self.database is None or self.packets is None):
            raise ValueError(
                "share needs database and packets: collectors share one PostgreSQL and one folder of packets"
            )
        if self.share and self.broker.mqtt == "3.1.1":
            raise ValueError("share needs MQTT 5: leave broker.mqtt out")
        return self

    @property
    def place(self) -> Path | str:
        """Where the database is: a file, or a URL."""
        return self.database or self.data / "hub.db"

    @property
    def packet_folder(self) -> Path:
        """Where the packets lie."""
        return self.packets or self.data / "packets"


Settings = TypeVar("Settings", bound=Section)


def read_settings(path: Path, model: type[Settings]) -> Settings:
    """Read and check a file; BadSettings names the key and what is wanted. Paths are relative to the file."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"{path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadSettings(f"{path} is no valid TOML: {error}") from None
    try:
        settings = model.model_validate(tree)
    except ValidationError as error:
        raise BadSettings(f"{path}: {explain(error, model)}") from None
    return _placed(settings, path.parent)


def check_output(output: Path, config: Path, settings: Section) -> None:
    """Refuse to write over what a configuration names, or into a folder that it names: BadCommand."""
    target = output.resolve()
    for own in (config, *_paths(settings)):
        place = own.resolve()
        if target == place or place in target.parents:
            raise BadCommand(
                f"{output} is not written: {own} is what {config.name} works with; name another file"
            )


def _paths(tree: Any) -> Iterator[Path]:
    """Yield every path in a part of the settings."""
    if isinstance(tree, Path):
        yield tree
    elif isinstance(tree, BaseModel):
        for _, value in tree:
            yield from _paths(value)
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _paths(value)


Model = TypeVar("Model", bound=BaseModel)


def _placed(tree: Model, folder: Path) -> Model:
    """Return the tree with its paths taken from a folder."""

    def place(value: Any) -> Any:
        if isinstance(value, Path):
            return folder / value
        if isinstance(value, dict):
            return {key: place(inner) for key, inner in value.items()}
        return _placed(value, folder) if isinstance(value, BaseModel) else value

    return tree.model_copy(update={name: place(value) for name, value in tree})
