"""What the hub knows of each booth: entries taken once and in order, forks refused, packets followed.

Where several collectors share the booths' reports, an entry may be at one before the one it follows is at
another: it is put ahead and taken as soon as it follows. Nothing is acknowledged for being there.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from edge.hub.tables import Tables
from edge.journal import GENESIS, check_entry
from edge.messages import Digest, JournalEntry, canonical

SEALED, CLOSED = "enrolment.sealed", "packet.acknowledged"
AHEAD = 1000  # entries that may wait for the one they follow; a booth sends 100 beyond the acknowledged one
LARGEST_PACKET = 2**30  # bytes; twenty frames of ten fingers are a hundredth of it

STANDING = "SELECT last_seq, last_hash, highest_seen FROM booth WHERE name = ?"
HEARD = """
INSERT INTO booth VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
    last_seq = excluded.last_seq, last_hash = excluded.last_hash,
    highest_seen = excluded.highest_seen, heard_at = excluded.heard_at
"""
PUT_AHEAD = "INSERT INTO ahead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
AHEAD_OF = "SELECT * FROM ahead WHERE booth = ? AND seq = ?"

Taken = Literal["new", "known", "gap", "refused"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the hub is with one booth."""

    last_seq: int
    last_hash: str
    highest_seen: int = 0  # above last_seq while there is a gap


@dataclass(frozen=True, slots=True)
class OpenPacket:
    """A packet that the hub knows of and that is not over: not held, or held and not yet confirmed."""

    hash: str
    booth: str
    enrolment: str
    size: int
    complete: bool  # on disk, whole and checked
    closed: bool  # the booth let it go: it cannot be asked for any more


class Ledger:
    """Entries and packets; the caller holds the transaction and commits before it acknowledges."""

    def __init__(self, store: Tables, shared: bool = False) -> None:
        self._store, self.db, self._shared = store, store.db, shared
        self._stand: dict[str, Standing] | None = None  # in a batch: read once, written once
        self._moved: dict[str, str] = {}  # booths whose standing is to be written -> when heard

    @contextmanager
    def batch(self, booths: Iterable[str]) -> Iterator[None]:
        """A transaction for entries and packets of these booths and no others."""
        with self._store.batch(booths):
            self._stand = {}
            try:
                yield
                moved = [(booth, self._stand[booth], at) for booth, at in self._moved.items()]
                self.db.executemany(HEARD, [_heard(*one) for one in moved])
            finally:
                self._stand = None
                self._moved.clear()

    def standing(self, booth: str) -> Standing:
        """Return the last entry held of a booth."""
        if self._stand is not None and booth in self._stand:
            return self._stand[booth]
        row = self.db.execute(STANDING, (booth,)).fetchone()
        found = Standing(*row) if row else Standing(0, GENESIS)
        if self._stand is not None:
            self._stand[booth] = found
        return found

    def take(self, booth: str, entry: JournalEntry, at: str) -> Taken:
        """Take one entry, idempotent by (booth, seq); the same seq with another hash is a fork: refused.

        ValueError for one whose words no database holds; nothing is changed then.
        """
        return self.take_checked(booth, entry, at, check_entry(entry))

    def take_checked(self, booth: str, entry: JournalEntry, at: str, verified: bool) -> Taken:
        """Take one entry of which it is known whether its hash verifies."""
        if "\0" in entry.at + entry.kind:
            raise ValueError("kind or time of an entry with a NUL in it")
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
            self.db.execute("INSERT INTO gap VALUES (?, ?) ON CONFLICT DO NOTHING", (booth, at))
            if self._shared and entry.seq <= last.last_seq + AHEAD:
                self.db.execute(PUT_AHEAD, (*_row(booth, entry), at))
            return "gap"
        if why := _unfit(entry, last):
            self._heard(booth, last, entry.seq, at)
            self._alarm(booth, entry, at, why)
            return "refused"
        self._heard(booth, Standing(entry.seq, entry.hash, last.highest_seen), entry.seq, at)
        if last.highest_seen > last.last_seq and entry.seq >= last.highest_seen:
            self.db.execute("DELETE FROM gap WHERE booth = ?", (booth,))
        self._insert(booth, entry, at)
        return "new"

    def following(self, booth: str) -> Iterator[tuple[JournalEntry, str]]:
        """Take what was ahead and follows now; yield each entry, and when it came."""
        while self._shared and (last := self.standing(booth)).highest_seen > last.last_seq:
            row = self.db.execute(AHEAD_OF, (booth, last.last_seq + 1)).fetchone()
            if row is None:
                return
            self.db.execute("DELETE FROM ahead WHERE booth = ? AND seq <= ?", (booth, row["seq"]))
            entry = _entry(row)
            if self.take_checked(booth, entry, row["received_at"], True) != "new":
                return
            yield entry, row["received_at"]

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

    def _hash_at(self, booth: str, seq: int) -> str | None:
        row = self.db.execute("SELECT hash FROM entry WHERE booth = ? AND seq = ?", (booth, seq)).fetchone()
        return str(row["hash"]) if row else None

    def _heard(self, booth: str, stands: Standing, seq: int, at: str) -> None:
        now = Standing(stands.last_seq, stands.last_hash, max(stands.highest_seen, seq))
        if self._stand is None:
            self.db.execute(HEARD, _heard(booth, now, at))
        else:
            self._stand[booth], self._moved[booth] = now, at

    def _insert(self, booth: str, entry: JournalEntry, at: str) -> None:
        self.db.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(booth, entry))
        if entry.kind == SEALED:
            fact = entry.body
            self.db.execute(
                "INSERT INTO packet VALUES (?, ?, ?, ?, NULL, NULL) ON CONFLICT DO NOTHING",
                (fact["packet"], booth, fact["enrolment"], fact["size"]),
            )
        elif entry.kind == CLOSED:
            closed = (at, entry.body["packet"], booth)
            self.db.execute("UPDATE packet SET closed_at = ? WHERE hash = ? AND booth = ?", closed)

    def _alarm(self, booth: str, entry: JournalEntry, at: str, why: str) -> None:
        text = f"entry {entry.seq} of booth {booth} was refused: {why}"
        self.db.execute(  # the first of a kind stands, the others are counted
            "INSERT INTO alarm VALUES (?, ?, ?, ?, ?, 1)"
            " ON CONFLICT (booth, why) DO UPDATE SET count = alarm.count + 1",
            (booth, why, entry.seq, at, text),
        )


def _heard(booth: str, stands: Standing, at: str) -> tuple[str, int, str, int, str]:
    return booth, stands.last_seq, stands.last_hash, stands.highest_seen, at


def _row(booth: str, entry: JournalEntry) -> tuple[str, int, str, str, str, str, str, str]:
    clock, body = canonical(entry.clock.model_dump()).decode(), canonical(entry.body).decode()
    return booth, entry.seq, entry.at, clock, entry.kind, body, entry.previous_hash, entry.hash


def _entry(row: Any) -> JournalEntry:
    said = {name: row[name] for name in ("seq", "at", "kind", "previous_hash", "hash")}
    return JournalEntry(clock=json.loads(row["clock"]), body=json.loads(row["body"]), **said)


def _packet(row: Any) -> OpenPacket:
    complete, closed = row["complete_at"] is not None, row["closed_at"] is not None
    return OpenPacket(row["hash"], row["booth"], row["enrolment"], row["size"], complete, closed)


class _Acted(BaseModel):
    """What the hub acts on in an entry's body; a digest becomes a file's name, a size a place on disk."""

    model_config = ConfigDict(strict=True)
    packet: Digest


class _Sealed(_Acted):
    enrolment: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
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
