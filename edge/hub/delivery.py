"""Packets to the ministry: a place gets them batch by batch, whole or not at all; the answer is read back.

    FOLDER/2026-01-05-001/manifest.json          what is in the batch: hash, size, booth, enrolment of each
    FOLDER/2026-01-05-001/HASH.packet            still encrypted to the ministry
    FOLDER/2026-01-05-001/acknowledgement.json   the ministry's answer, put there when it likes

The place (`edge/hub/drop.py`) is a folder of this machine, perhaps a mounted share, or a server's, by SFTP.
A batch is made under a name that begins with a dot and renamed when all of it is on the disk; only then does
the hub's file say that it is delivered. Killed in between, the next delivery finds the batch and notes it. A
packet is delivered once. The folder may be emptied by whoever carries it on.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge import clock
from edge.business_day import VIET_NAM, BusinessDays
from edge.errors import VantayError
from edge.hub.campaign import CampaignBook, Step, moment
from edge.hub.drop import BadPacket, Drop
from edge.hub.lost import note_lost
from edge.hub.packets import PacketFiles
from edge.hub.tables import Tables
from edge.json_once import check_once
from edge.messages import BoothName, Digest, utc
from edge.settings import HubSettings

MOST = 1000  # packets of a batch
WHOLE_DAY = 24  # hours; who gives the ministry as many does not ask for an answer the same day
LAST_CALL = timedelta(minutes=1)  # before a business day ends
SECOND_THOUGHTS = timedelta(days=7)  # after a batch was accepted, in which its answer is still read
AHEAD = timedelta(hours=1)  # by which one machine's clock may be before another's
MANIFEST, ANSWER = "manifest.json", "acknowledgement.json"
Sentence = Annotated[str, Field(min_length=1, max_length=500)]


class Delivered(BaseModel):
    """One packet of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    packet: Digest
    size: int
    booth: BoothName
    enrolment: str
    complete_at: str  # at the hub, UTC


class Manifest(BaseModel):
    """What a batch holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    batch: str
    made_at: str  # UTC
    packets: tuple[Delivered, ...]


class Refused(BaseModel):
    """A packet that the ministry does not take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    packet: Digest
    reason: Sentence


class Acknowledgement(BaseModel):
    """The ministry's answer to a batch; what it names in neither list still waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    batch: str
    accepted: tuple[Digest, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass
class Standing:
    """How far the ministry is."""

    undelivered: int = 0
    waiting: int = 0  # delivered, no answer yet
    accepted: int = 0
    refused: int = 0
    overdue: int = 0  # of those undelivered or waiting
    alarms: list[str] = field(default_factory=list)

    @property
    def warning(self) -> str | None:
        """Say in one sentence what is wrong, None where nothing is."""
        if not self.overdue + self.refused:
            return None
        return (
            f"the ministry: {self.overdue} packets are overdue and {self.refused} refused; "
            "vantay ministry status says which"
        )


class Delivery:
    """One hub's way to the ministry."""

    def __init__(
        self, store: Tables, files: PacketFiles, drop: Drop, book: CampaignBook | None = None
    ) -> None:
        self._store, self._db, self._files, self._drop = store, store.db, files, drop
        self._book = book  # where a campaign is configured

    def deliver(self, at: str) -> list[str]:
        """Deliver all that is complete and was not delivered; return the names of the batches made.

        VantayError when the place cannot be written; and, after all others were delivered, when a packet
        cannot be read or is not what its name says: it counts as lost then (`edge/hub/lost.py`).
        """
        self._drop.open(first=not self._db.execute("SELECT 1 FROM delivery LIMIT 1").fetchone())
        self._note_found()
        made, bad = [], dict[str, str]()
        while packets := self._undelivered(MOST, bad):
            if name := self._make(packets, at, bad):
                made.append(name)
        if bad:
            for digest in bad:
                note_lost(self._store, digest, at)  # the hub checks it, and asks the booth
            more = f" ({len(bad) - 1} more are as bad)" if len(bad) > 1 else ""
            raise VantayError(f"{next(iter(bad.values()))}{more}; the hub asks the booth for what it lacks")
        return made

    def hear(self, at: str) -> list[str]:
        """Read the answers to batches that are not accepted; return a sentence for each that cannot be used.

        What was refused may be accepted by a later answer. What is refused after it was accepted is an alarm
        until it is accepted anew; answers are read for that some days longer.
        """
        complaints = []
        query = (
            "SELECT DISTINCT batch FROM delivery"
            " WHERE accepted_at IS NULL OR refused IS NOT NULL OR accepted_at > ? ORDER BY batch"
        )
        since = utc(datetime.fromisoformat(at) - SECOND_THOUGHTS)
        for row in self._db.execute(query, (since,)).fetchall():
            path = self._drop.where(row["batch"], ANSWER)
            try:
                content = self._drop.read(row["batch"], ANSWER).removeprefix(BOM_UTF8)
                answer = Acknowledgement.model_validate_json(content)
                check_once(content)
                if answer.batch != row["batch"]:
                    raise ValueError(f"it answers batch {answer.batch}")
            except FileNotFoundError:
                continue
            except (OSError, ValidationError, ValueError) as error:
                complaints.append(f"{path} cannot be used: {_why(error)}")
                continue
            complaints += self._take(answer, at, path)
        return complaints

    def _undelivered(self, most: int, without: Collection[str]) -> list[Delivered]:
        query = (
            "SELECT packet.* FROM packet LEFT JOIN delivery USING (hash)"
            " WHERE complete_at IS NOT NULL AND delivered_at IS NULL ORDER BY complete_at, hash LIMIT ?"
        )
        return [
            Delivered(
                packet=row["hash"],
                size=row["size"],
                booth=row["booth"],
                enrolment=row["enrolment"],
                complete_at=row["complete_at"],
            )
            for row in self._db.execute(query, (most + len(without),))
            if row["hash"] not in without
        ][:most]

    def _make(self, packets: list[Delivered], at: str, bad: dict[str, str]) -> str | None:
        """Make a batch of those that can be delivered; None when none can. The others are added to `bad`."""
        name, put = self._next_name(at[:10]), list[Delivered]()
        self._drop.begin(name, frozenset({MANIFEST, *(_file(packet) for packet in packets)}))
        for packet in packets:
            try:
                self._drop.put(name, _file(packet), self._files.path(packet.packet), packet.packet)
                put.append(packet)
            except BadPacket as error:
                bad[packet.packet] = str(error)
        if not put:
            return None
        manifest = Manifest(batch=name, made_at=at, packets=tuple(put))
        self._drop.finish(name, MANIFEST, manifest.model_dump_json(indent=1).encode())
        self._note(manifest)
        return name

    def _next_name(self, day: str) -> str:
        query = "SELECT max(batch) AS last FROM delivery WHERE batch LIKE ?"
        last = self._db.execute(query, (f"{day}-%",)).fetchone()["last"] or "0"
        return f"{day}-{int(last.rpartition('-')[2]) + 1:03d}"

    def _note_found(self) -> None:
        """Note batches that are there and that nobody noted."""
        known = {row["batch"] for row in self._db.execute("SELECT DISTINCT batch FROM delivery")}
        for batch in self._drop.batches():
            if batch not in known:
                where = self._drop.where(batch, MANIFEST)
                try:
                    self._note(Manifest.model_validate_json(self._drop.read(batch, MANIFEST)))
                except (FileNotFoundError, NotADirectoryError):
                    continue
                except (OSError, ValueError) as error:
                    raise VantayError(f"{where} is no manifest of ours: {_why(error)}") from None

    def _note(self, manifest: Manifest) -> None:
        with self._store.transaction():
            for packet in manifest.packets:
                self._db.execute(
                    "INSERT INTO delivery VALUES (?, ?, ?, NULL, NULL) ON CONFLICT DO NOTHING",
                    (packet.packet, manifest.batch, manifest.made_at),
                )
            self._count("sent", manifest.made_at, [packet.packet for packet in manifest.packets])

    def _take(self, answer: Acknowledgement, at: str, path: str) -> list[str]:
        query = "SELECT hash, accepted_at, refused FROM delivery WHERE batch = ?"
        ours = {row["hash"]: row for row in self._db.execute(query, (answer.batch,))}
        named = [*answer.accepted, *(one.packet for one in answer.refused)]
        if strange := set(named) - ours.keys():
            return [f"{path} cannot be used: it names {min(strange)[:12]}, which the batch does not hold"]
        if len(set(named)) != len(named):
            return [f"{path} cannot be used: it names a packet twice"]
        taken = [one for one in answer.accepted if not ours[one]["accepted_at"] or ours[one]["refused"]]
        refused = [one for one in answer.refused if ours[one.packet]["refused"] != one.reason]
        if not taken and not refused:
            return []
        with self._store.transaction():
            for packet in taken:
                self._db.execute(
                    "UPDATE delivery SET accepted_at = coalesce(accepted_at, ?), refused = NULL"
                    " WHERE hash = ?",
                    (at, packet),
                )
            for refusal in refused:
                self._db.execute(
                    "UPDATE delivery SET refused = ? WHERE hash = ?", (refusal.reason, refusal.packet)
                )
            self._count("acknowledged", at, answer.accepted)
        return []

    def _count(self, kind: str, at: str, packets: Iterable[str]) -> None:
        if self._book:
            self._book.follow(Step(packet, kind, moment(at)) for packet in packets)


def limit_of(now: datetime, hours: float, days: BusinessDays) -> str:
    """Return the time before which whatever waits is overdue: so many hours ago.

    Less than a day means the same day: in the last minute of a business day, and ever after, all that has
    waited since before that day's end is overdue.
    """
    limit = now - timedelta(hours=hours)
    if hours < WHOLE_DAY:
        day = days.of(now + LAST_CALL)
        limit = max(limit, min(days.end_of(day - timedelta(days=1)), now))
    return utc(limit)


def standing_of(store: Tables, now: str, hours: float, days: BusinessDays = VIET_NAM) -> Standing:
    """Count, and name what is overdue by so many hours or refused."""
    found = Standing()
    query = (
        "SELECT count(*) AS all_of, count(delivered_at) AS delivered, count(refused) AS refused,"
        " count(CASE WHEN refused IS NULL THEN accepted_at END) AS accepted"
        " FROM packet LEFT JOIN delivery USING (hash)"
        " WHERE complete_at IS NOT NULL"
    )
    row = store.db.execute(query).fetchone()
    found.undelivered = row["all_of"] - row["delivered"]
    found.accepted, found.refused = row["accepted"], row["refused"]
    found.waiting = row["delivered"] - row["accepted"] - row["refused"]
    moment_now = datetime.fromisoformat(now)
    # What waits since a time that is to come was noted by a wrong clock: nobody knows how long it waits.
    limit, ahead = limit_of(moment_now, hours, days), utc(moment_now + AHEAD)
    late = store.db.execute(
        "SELECT batch, count(*) AS packets, min(delivered_at) AS since FROM delivery"
        " WHERE accepted_at IS NULL AND refused IS NULL AND (delivered_at < ? OR delivered_at > ?)"
        " GROUP BY batch ORDER BY batch",
        (limit, ahead),
    )
    for batch in late:
        found.overdue += batch["packets"]
        found.alarms.append(
            f"batch {batch['batch']}: {batch['packets']} packets without an answer since {batch['since']}"
        )
    late = store.db.execute(
        "SELECT count(*) AS packets, min(complete_at) AS since FROM packet"
        " LEFT JOIN delivery USING (hash)"
        " WHERE delivered_at IS NULL AND (complete_at < ? OR complete_at > ?)",
        (limit, ahead),
    ).fetchone()
    found.overdue += late["packets"]
    if late["packets"]:
        found.alarms.append(f"{late['packets']} packets not delivered, the first since {late['since']}")
    for refusal in store.db.execute(
        "SELECT hash, batch, refused, accepted_at FROM delivery"
        " WHERE refused IS NOT NULL ORDER BY batch, hash"
    ):
        when = " after it was accepted" if refusal["accepted_at"] else ""
        found.alarms.append(
            f"batch {refusal['batch']}: packet {refusal['hash'][:12]} was refused{when}: {refusal['refused']}"
        )
    return found


def looker(settings: HubSettings) -> Callable[[Tables], Standing | None]:
    """Return what looks how far the ministry is by now; it finds None where no ministry is configured."""
    ministry, days = settings.ministry, settings.days
    if ministry is None:
        return lambda _: None
    return lambda store: standing_of(store, clock.now(), ministry.answer_hours, days)


def warner(settings: HubSettings) -> Callable[[Tables], str | None]:
    """Return what says in one sentence what is overdue or refused by now; None where nothing is."""
    look = looker(settings)

    def warns(store: Tables) -> str | None:
        found = look(store)
        return found.warning if found else None

    return warns


def _file(packet: Delivered) -> str:
    return f"{packet.packet}.packet"


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
