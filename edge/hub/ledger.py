"""What the hub knows of each booth: entries taken once and in order, forks refused, packets followed."""

import sqlite3
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.hub.store import HubStore
from edge.journal import GENESIS, check_entry
from edge.messages import Digest, JournalEntry, canonical

SEALED, CLOSED = "enrolment.sealed", "packet.acknowledged"
LARGEST_PACKET = 2**30  # bytes; twenty frames of ten fingers are a hundredth of it

STANDING = "SELECT last_seq, last_hash, highest_seen FROM booth WHERE name = ?"
HEARD = """
INSERT INTO booth VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
    last_seq = excluded.last_seq, last_hash = excluded.last_hash,
    highest_seen = max(highest_seen, excluded.highest_seen), heard_at = excluded.heard_at
"""

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

    def __init__(self, store: HubStore) -> None:
        self.db = store.db

    def standing(self, booth: str) -> Standing:
        """Return the last entry held of a booth."""
        row = self.db.execute(STANDING, (booth,)).fetchone()
        return Standing(*row) if row else Standing(0, GENESIS)

    def take(self, booth: str, entry: JournalEntry, at: str) -> Taken:
        """Take one entry, idempotent by (booth, seq); the same seq with another hash is a fork: refused."""
        last = self.standing(booth)
        if not check_entry(entry):
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
            self.db.execute("INSERT OR IGNORE INTO gap VALUES (?, ?)", (booth, at))
            return "gap"
        if why := _unfit(entry, last):
            self._heard(booth, last, entry.seq, at)
            self._alarm(booth, entry, at, why)
            return "refused"
        self._heard(booth, Standing(entry.seq, entry.hash), entry.seq, at)
        if last.highest_seen > last.last_seq and entry.seq >= last.highest_seen:
            self.db.execute("DELETE FROM gap WHERE booth = ?", (booth,))
        self._insert(booth, entry, at)
        return "new"

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
        self.db.execute(HEARD, (booth, stands.last_seq, stands.last_hash, seq, at))

    def _insert(self, booth: str, entry: JournalEntry, at: str) -> None:
        clock, body = canonical(entry.clock.model_dump()).decode(), canonical(entry.body).decode()
        self.db.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (booth, entry.seq, entry.at, clock, entry.kind, body, entry.previous_hash, entry.hash),
        )
        if entry.kind == SEALED:
            fact = entry.body
            self.db.execute(
                "INSERT OR IGNORE INTO packet VALUES (?, ?, ?, ?, NULL, NULL)",
                (fact["packet"], booth, fact["enrolment"], fact["size"]),
            )
        elif entry.kind == CLOSED:
            closed = (at, entry.body["packet"], booth)
            self.db.execute("UPDATE packet SET closed_at = ? WHERE hash = ? AND booth = ?", closed)

    def _alarm(self, booth: str, entry: JournalEntry, at: str, why: str) -> None:
        text = f"entry {entry.seq} of booth {booth} was refused: {why}"
        self.db.execute(  # the first of a kind stands, the others are counted
            "INSERT INTO alarm VALUES (?, ?, ?, ?, ?, 1)"
            " ON CONFLICT (booth, why) DO UPDATE SET count = count + 1",
            (booth, why, entry.seq, at, text),
        )


def _packet(row: sqlite3.Row) -> OpenPacket:
    complete, closed = row["complete_at"] is not None, row["closed_at"] is not None
    return OpenPacket(row["hash"], row["booth"], row["enrolment"], row["size"], complete, closed)


class _Acted(BaseModel):
    """What the hub acts on in an entry's body; a digest becomes a file's name, a size a place on disk."""

    model_config = ConfigDict(strict=True)
    packet: Digest


class _Sealed(_Acted):
    enrolment: str
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
