"""What the hub knows of each booth: entries taken once and in order, forks refused, packets followed.

Where several collectors share the booths' reports, an entry may be at one before the one it follows is at
another: it is put ahead and taken as soon as it follows. Nothing is acknowledged for being there.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from edge.hub.standings import Standing, Standings, words_of
from edge.hub.subjects import ENROLLED, number_used_elsewhere
from edge.hub.tables import LONGEST_NAME, Tables
from edge.journal import check_entry
from edge.messages import Digest, JournalEntry

SEALED, CLOSED = "enrolment.sealed", "packet.acknowledged"
SETTLED_LATER, SET_ASIDE = "station.settled", "station.set-aside"
PURGED_UNHELD = "a packet was destroyed that is not held"  # of the alarm
LONGEST_WHY = 500  # characters by which alarms are told apart: no index holds a page
LARGEST_PACKET = 2**30  # bytes; twenty frames of ten fingers are a hundredth of it

Taken = Literal["new", "known", "gap", "refused"]
Arrived = tuple[str, JournalEntry, str]  # booth, its entry, when it came


@dataclass(frozen=True, slots=True)
class OpenPacket:
    """A packet that the hub knows of and that is not over: not held, or held and not yet confirmed."""

    hash: str
    booth: str
    enrolment: str
    size: int
    complete: bool  # on disk, whole and checked
    # when the booth's word came that it was acknowledged, or it was found lost after that
    closed_at: str | None

    @property
    def closed(self) -> bool:
        """Whether the booth was told that the packet is here."""
        return self.closed_at is not None


class Ledger:
    """Entries and packets; the caller holds the transaction and commits before it acknowledges."""

    def __init__(self, store: Tables, shared: bool = False) -> None:
        self.db, self._store, self._standings = store.db, store, Standings(store, shared)
        self.standing = self._standings.of
        self._sealed: list[Arrived] | None = None  # in a batch: whose numbers are looked at when it ends

    @contextmanager
    def batch(self, booths: Iterable[str]) -> Iterator[None]:
        """A transaction for these booths and no others."""
        with self._standings.batch(booths):
            sealed: list[Arrived] = []
            self._sealed = sealed
            try:
                yield
                self._look_at_numbers(sealed)
            finally:
                self._sealed = None

    def take(self, booth: str, entry: JournalEntry, at: str) -> Taken:
        """Take one entry, idempotent by (booth, seq); the same seq with another hash is a fork: refused.

        ValueError for one whose words no database holds; nothing is changed then.
        """
        return self.take_checked(booth, entry, at, check_entry(entry))

    def take_checked(self, booth: str, entry: JournalEntry, at: str, verified: bool) -> Taken:
        """Take one entry of which it is known whether its hash verifies."""
        if "\0" in entry.at + entry.kind:
            raise ValueError("kind or time of an entry with a NUL in it")
        if len(entry.kind) > LONGEST_NAME:
            raise ValueError(f"kind of an entry with {len(entry.kind)} characters")
        last = self.standing(booth)
        if not verified:
            self._alarm(booth, entry, at, "its hash does not verify: it was altered on the way")
            return "refused"
        if entry.seq <= last.last_seq:
            held = self._hash_at(booth, entry.seq)
            if held == entry.hash:
                return "known"
            self._alarm(
                booth,
                entry,
                at,
                "another entry is held under this number: two boxes use one name, "
                "or an old copy was restored",
            )
            return "refused"
        if entry.seq > last.last_seq + 1:
            self._heard(booth, last, entry.seq, at)
            self._standings.gap(booth, at)
            self._standings.put_ahead(booth, entry, at)
            return "gap"
        if why := _unfit(entry, last):
            self._heard(booth, last, entry.seq, at)
            self._alarm(booth, entry, at, why)
            return "refused"
        self._insert(booth, entry, at)
        self._heard(booth, Standing(entry.seq, entry.hash, last.highest_seen), entry.seq, at)
        if last.highest_seen > last.last_seq and entry.seq >= last.highest_seen:
            self._standings.close(booth)
        return "new"

    def following(self, booth: str) -> Iterator[tuple[JournalEntry, str]]:
        """Take what was ahead and follows now; yield each entry, and when it came."""
        while came := self._standings.next_ahead(booth):
            entry, at = came
            if self.take_checked(booth, entry, at, True) != "new":
                return
            yield came

    def open_packets(self, booth: str) -> list[OpenPacket]:
        """Return a booth's packets that are not complete and closed, oldest first."""
        query = "SELECT * FROM packet WHERE booth = ? AND (closed_at IS NULL OR complete_at IS NULL)"
        return [_packet(row) for row in self.db.execute(f"{query} ORDER BY rowid", (booth,))]

    def packet(self, digest: str) -> OpenPacket | None:
        """Return a packet that a booth announced, None for one that nobody announced."""
        row = self.db.execute("SELECT * FROM packet WHERE hash = ?", (digest,)).fetchone()
        return _packet(row) if row else None

    def packet_complete(self, digest: str, at: str) -> None:
        """Remember that a packet is on disk, whole and checked."""
        self.db.execute(
            "UPDATE packet SET complete_at = ? WHERE hash = ? AND complete_at IS NULL", (at, digest)
        )

    def booths(self) -> list[str]:
        """Return every booth ever heard of."""
        return [str(row["name"]) for row in self.db.execute("SELECT name FROM booth ORDER BY name")]

    def purged_unheld(self, booth: str, entry: JournalEntry, at: str, packet: OpenPacket) -> None:
        """Alarm that a booth destroyed a packet that is not here."""
        what = f"packet {packet.hash[:12]} of enrolment {packet.enrolment}"
        text = f"booth {booth} destroyed {what}, not held here: nobody may have it"
        self._warn(booth, entry, at, PURGED_UNHELD, text)

    def _hash_at(self, booth: str, seq: int) -> str | None:
        row = self.db.execute("SELECT hash FROM entry WHERE booth = ? AND seq = ?", (booth, seq)).fetchone()
        return str(row["hash"]) if row else None

    def _heard(self, booth: str, stands: Standing, seq: int, at: str) -> None:
        seen = max(stands.highest_seen, seq)
        self._standings.heard(booth, Standing(stands.last_seq, stands.last_hash, seen), at)

    def _insert(self, booth: str, entry: JournalEntry, at: str) -> None:
        self.db.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (booth, entry.seq, *words_of(entry))
        )
        if entry.kind == SEALED:
            self._announce(booth, entry, at)
            if self._sealed is None:
                self._look_at_numbers([(booth, entry, at)])
            else:
                self._sealed.append((booth, entry, at))
        elif entry.kind == CLOSED:
            closed = (at, entry.body["packet"], booth)
            self.db.execute("UPDATE packet SET closed_at = ? WHERE hash = ? AND booth = ?", closed)
        elif entry.kind == SETTLED_LATER and entry.body.get("known_as"):
            text = str(entry.body.get("text")).replace("\0", " ")  # PostgreSQL holds none
            self._warn(booth, entry, at, text, text)
        elif entry.kind == SET_ASIDE:
            whose, why = (str(entry.body.get(key)) for key in ("enrolment", "reason"))
            text = f"the station's gallery does not take enrolment {whose} of booth {booth}: {why}"
            text = text.replace("\0", " ")
            self._warn(booth, entry, at, text, text)

    def _look_at_numbers(self, sealed: list[Arrived]) -> None:
        """Last in a transaction: no other collector looks before it has ended."""
        if sealed:
            self._store.hold(ENROLLED)
        for booth, entry, at in sealed:
            if found := number_used_elsewhere(self.db, booth, entry):
                self._warn(booth, entry, at, found, found)

    def _announce(self, booth: str, entry: JournalEntry, at: str) -> None:
        """Know of a packet; alarm where it is another booth's, whose journal comes a second time then.

        Another packet of an enrolment that has one is an alarm, too: the first stands.
        """
        fact = entry.body
        packet, enrolment = str(fact["packet"]), fact["enrolment"]
        before = self.packet(packet)
        if before and before.booth != booth:
            text = (
                f"booth {booth} tells of packet {packet[:12]}, which is booth {before.booth}'s: "
                "a copy of that booth's data is used under another name, and its records are counted twice"
            )
            self._warn(booth, entry, at, f"records of booth {before.booth}", text)
        new = self.db.execute(
            "INSERT INTO packet VALUES (?, ?, ?, ?, NULL, NULL) ON CONFLICT DO NOTHING RETURNING hash",
            (packet, booth, enrolment, fact["size"]),
        ).fetchall()
        if not new and before is None:
            text = (
                f"booth {booth} sealed enrolment {enrolment} again, with another packet ({packet[:12]}), "
                "which is not fetched: keep that booth's data for the technician"
            )
            self._warn(booth, entry, at, "an enrolment was sealed twice, with two packets", text)

    def _alarm(self, booth: str, entry: JournalEntry, at: str, why: str) -> None:
        self._warn(booth, entry, at, why, f"entry {entry.seq} of booth {booth} was refused: {why}")

    def _warn(self, booth: str, entry: JournalEntry, at: str, why: str, text: str) -> None:
        self.db.execute(  # the first of a kind stands, the others are counted
            "INSERT INTO alarm VALUES (?, ?, ?, ?, ?, 1)"
            " ON CONFLICT (booth, why) DO UPDATE SET count = alarm.count + 1",
            (booth, why[:LONGEST_WHY], entry.seq, at, text),
        )


def _packet(row: Any) -> OpenPacket:
    complete = row["complete_at"] is not None
    return OpenPacket(row["hash"], row["booth"], row["enrolment"], row["size"], complete, row["closed_at"])


class _Acted(BaseModel):
    """What the hub acts on in an entry's body; a digest becomes a file's name, a size a place on disk."""

    model_config = ConfigDict(strict=True)
    packet: Digest


class _Sealed(_Acted):
    enrolment: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=LONGEST_NAME)]
    size: Annotated[int, Field(ge=1, le=LARGEST_PACKET)]
    outcome: str
    samples: dict[str, str]


def _unfit(entry: JournalEntry, last: Standing) -> str | None:
    """Say why the next entry is not taken after the one before; None where it is."""
    if entry.previous_hash != last.last_hash:
        return "it does not follow the entry held before it: a copy went its own way"
    return None if _sound(entry) else f"a {entry.kind} must name its packet, enrolment, size and samples"


def _sound(entry: JournalEntry) -> bool:
    """Whether the body of an entry that the hub acts on has what the hub needs."""
    wanted: dict[str, type[_Acted]] = {SEALED: _Sealed, CLOSED: _Acted}
    try:
        if entry.kind in wanted:
            wanted[entry.kind].model_validate(entry.body)
        return True
    except ValidationError:
        return False
