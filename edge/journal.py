"""The journal: an append-only, hash-chained table that is audit trail, outbox and crash recovery at once.

It holds no biometric data and no subject's name: a subject is a keyed hash of the identity number.
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator

from pydantic import JsonValue

from edge.errors import VantayError
from edge.messages import Clock, JournalEntry, canonical
from edge.store import Store

GENESIS = "0" * 64


class JournalBroken(VantayError):
    """The chain does not verify: an entry was altered, removed or inserted."""


def entry_hash(seq: int, at: str, clock: Clock, kind: str, body: JsonValue, previous_hash: str) -> str:
    """Return the SHA-256 of everything an entry says, in canonical JSON."""
    return hashlib.sha256(
        canonical([seq, at, clock.model_dump(), kind, body, previous_hash])  # a list: the order is fixed
    ).hexdigest()


def check_entry(entry: JournalEntry) -> bool:
    """Tell whether an entry's hash is the hash of what it says; one with a NaN in it says nothing."""
    said = (entry.seq, entry.at, entry.clock, entry.kind, entry.body, entry.previous_hash)
    try:
        return entry.hash == entry_hash(*said)
    except ValueError:
        return False


class Journal:
    """Append and read. Callers group what belongs together in `store.transaction()`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def tail(self) -> tuple[int, str]:
        """Return seq and hash of the last entry; (0, GENESIS) when there is none."""
        row = self.store.db.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        return (int(row["seq"]), str(row["hash"])) if row else (0, GENESIS)

    def append(self, kind: str, body: dict[str, JsonValue], at: str, clock: Clock) -> JournalEntry:
        """Add one entry; on disk when the transaction around it has returned."""
        seq, previous = self.tail()
        digest = entry_hash(seq + 1, at, clock, kind, body, previous)
        entry = JournalEntry(
            seq=seq + 1, at=at, clock=clock, kind=kind, body=body, previous_hash=previous, hash=digest
        )
        self.adopt(entry)
        return entry

    def adopt(self, entry: JournalEntry) -> None:
        """Write an entry down as it is; the caller has seen that it follows the last one."""
        clock, body = canonical(entry.clock.model_dump()).decode(), canonical(entry.body).decode()
        row = (entry.seq, entry.at, clock, entry.kind, body, entry.previous_hash, entry.hash)
        self.store.db.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def read(self, after: int = 0, limit: int = -1) -> Iterator[JournalEntry]:
        """Yield the entries with seq > after, in order."""
        query = "SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"
        for row in self.store.db.execute(query, (after, limit)):
            yield _entry(row)

    def of_kind(self, kind: str, after: int = 0, limit: int = -1) -> Iterator[JournalEntry]:
        """Yield the entries of a kind behind `after`, in order, at most `limit` of them."""
        query = "SELECT * FROM journal WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?"
        return map(_entry, self.store.db.execute(query, (kind, after, limit)))

    def hash_at(self, seq: int) -> str | None:
        """Return the hash of one entry, None when there is none."""
        if seq == 0:
            return GENESIS
        row = self.store.db.execute("SELECT hash FROM journal WHERE seq = ?", (seq,)).fetchone()
        return str(row["hash"]) if row else None

    def last_of(self, *kinds: str) -> int:
        """Return the seq of the last entry of any of these kinds, 0 when there is none."""
        marks = ",".join("?" * len(kinds))
        query = f"SELECT max(seq) AS seq FROM journal WHERE kind IN ({marks})"  # noqa: S608 - only marks
        return int(self.store.db.execute(query, kinds).fetchone()["seq"] or 0)

    def last(self, *kinds: str) -> JournalEntry | None:
        """Return the last entry of any of these kinds, None when there is none."""
        seq = self.last_of(*kinds)
        return next(self.read(seq - 1, 1)) if seq else None

    def answer_to(self, request_id: str) -> JournalEntry | None:
        """Return the entry that answered a request, None when it is new."""
        row = self.store.db.execute(
            "SELECT * FROM journal WHERE kind = 'command.answered' AND json_extract(body, '$.request_id') = ?"
            " ORDER BY seq LIMIT 1",
            (request_id,),
        ).fetchone()
        return _entry(row) if row else None

    def answers_that_run(self, limit: int) -> list[JournalEntry]:
        """Return the newest answers to commands that went on beyond them, the newest first."""
        query = (
            "SELECT * FROM journal WHERE kind = 'command.answered' AND json_extract(body, '$.runs')"
            " ORDER BY seq DESC LIMIT ?"
        )
        return [_entry(row) for row in self.store.db.execute(query, (limit,))]

    def enrolled_before(self, subject: str) -> JournalEntry | None:
        """Return the last entry that sealed an enrolment of a subject, None when there is none."""
        row = self.store.db.execute(
            "SELECT * FROM journal WHERE kind = 'enrolment.sealed' AND json_extract(body, '$.subject') = ?"
            " AND json_extract(body, '$.outcome') = 'enrolled' ORDER BY seq DESC LIMIT 1",
            (subject,),
        ).fetchone()
        return _entry(row) if row else None

    def enrolments_of(self, subject: str) -> list[str]:
        """Return the enrolments of a subject that were sealed as enrolled, in order."""
        rows = self.store.db.execute(
            "SELECT json_extract(body, '$.enrolment') AS enrolment FROM journal"
            " WHERE kind = 'enrolment.sealed' AND json_extract(body, '$.subject') = ?"
            " AND json_extract(body, '$.outcome') = 'enrolled' ORDER BY seq",
            (subject,),
        )
        return [str(row["enrolment"]) for row in rows]

    def reviewed_with(self, portrait: str, own: Collection[str]) -> str | None:
        """Return the enrolment, none of `own`, that was reviewed last with a portrait of this SHA-256."""
        rows = self.store.db.execute(
            "SELECT json_extract(body, '$.enrolment') AS enrolment FROM journal"
            " WHERE kind = 'enrolment.reviewed' AND json_extract(body, '$.portrait.sha256') = ?"
            " ORDER BY seq DESC",
            (portrait,),
        )
        return next((str(row["enrolment"]) for row in rows if row["enrolment"] not in own), None)

    def all_enrolled(self) -> set[str]:
        """Return every subject whose enrolment was sealed as enrolled."""
        rows = self.store.db.execute(
            "SELECT json_extract(body, '$.subject') AS subject FROM journal WHERE kind = 'enrolment.sealed'"
            " AND json_extract(body, '$.outcome') = 'enrolled'"
        )
        return {str(row["subject"]) for row in rows}

    def delivered_before(self, at: str, clock_was_set: bool) -> Iterator[str]:
        """Yield subjects whose enrolment the hub has had since before a time, by the booth's own clock.

        With `clock_was_set` only those of whom the clock told the time when the hub took them.
        """
        rows = self.store.db.execute(
            "SELECT json_extract(made.body, '$.subject') AS subject FROM journal AS had JOIN journal AS made"
            " ON made.kind = 'enrolment.sealed'"
            " AND json_extract(made.body, '$.packet') = json_extract(had.body, '$.packet')"
            " WHERE had.kind = 'packet.acknowledged' AND had.at < ?"
            " AND json_extract(had.clock, '$.synchronised') >= ?"
            " AND json_extract(made.body, '$.outcome') = 'enrolled' ORDER BY had.seq",
            (at, int(clock_was_set)),
        )
        return (str(row["subject"]) for row in rows)

    def sealing_of(self, packet: str) -> JournalEntry | None:
        """Return the entry that announced a packet, None when there is none."""
        row = self.store.db.execute(
            "SELECT * FROM journal WHERE kind = 'enrolment.sealed' AND json_extract(body, '$.packet') = ?",
            (packet,),
        ).fetchone()
        return _entry(row) if row else None

    def wrong_pins(self, person: str, failed: str, ends: tuple[str, ...]) -> int:
        """Return how many entries of the kind `failed` name a person since the last one of `ends` did."""
        marks = ",".join("?" * len(ends))
        last = f"SELECT coalesce(max(seq), 0) FROM journal WHERE kind IN ({marks})"  # noqa: S608 - only marks
        query = (
            "SELECT count(*) FROM journal WHERE kind = ? AND json_extract(body, '$.person') = ? AND seq > "  # noqa: S608
            f"({last} AND json_extract(body, '$.person') = ?)"
        )
        return int(self.store.db.execute(query, (failed, person, *ends, person)).fetchone()[0])

    def verify(self) -> int:
        """Check the whole chain; return the number of entries; JournalBroken names the first bad seq.

        A last entry that was cut off is not seen here: the hub, which holds it, sees it.
        """
        count, previous = 0, GENESIS
        for row in self.store.db.execute("SELECT * FROM journal ORDER BY seq"):
            if row["seq"] < 1:
                raise JournalBroken(f"journal entry {row['seq']} was inserted: the first one is entry 1")
            if row["seq"] != count + 1:
                raise JournalBroken(f"the journal lacks entry {count + 1}: it was removed")
            entry = _entry(row)
            if entry.previous_hash != previous or not check_entry(entry) or not _as_written(row, entry):
                raise JournalBroken(f"journal entry {entry.seq} was altered: its hash does not verify")
            count, previous = entry.seq, entry.hash
        return count


def _as_written(row: sqlite3.Row, entry: JournalEntry) -> bool:
    """Whether the texts are the canonical ones, too: a key said twice would read differently elsewhere."""
    texts = (canonical(entry.clock.model_dump()).decode(), canonical(entry.body).decode())
    return (row["clock"], row["body"]) == texts


def _entry(row: sqlite3.Row) -> JournalEntry:
    try:
        return JournalEntry(
            seq=row["seq"],
            at=row["at"],
            clock=Clock(**json.loads(row["clock"])),
            kind=row["kind"],
            body=json.loads(row["body"]),
            previous_hash=row["previous_hash"],
            hash=row["hash"],
        )
    except (ValueError, TypeError, RecursionError):
        raise JournalBroken(f"journal entry {row['seq']} was altered: it cannot be read") from None
