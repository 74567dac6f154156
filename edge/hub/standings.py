"""Where the hub stands with each booth, what is missing, and what came ahead of it.

In a batch this is read once for all its booths and written once at its end; outside of one at every step.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from edge.hub.tables import Asked, Tables
from edge.journal import GENESIS
from edge.messages import JournalEntry, canonical

AHEAD = 1000  # entries that may wait for the one they follow; a booth sends 100 beyond the acknowledged one

STANDING = "SELECT name, last_seq, last_hash, highest_seen FROM booth WHERE name IN ({})"
HEARD = """
INSERT INTO booth VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
    last_seq = excluded.last_seq, last_hash = excluded.last_hash,
    highest_seen = excluded.highest_seen, heard_at = excluded.heard_at
"""
GAP, NO_GAP = "INSERT INTO gap VALUES (?, ?) ON CONFLICT DO NOTHING", "DELETE FROM gap WHERE booth = ?"
HELD_AHEAD = "SELECT * FROM ahead WHERE booth IN ({})"
PUT_AHEAD = "INSERT INTO ahead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
NOT_AHEAD = "DELETE FROM ahead WHERE booth = ? AND seq = ?"

Came = tuple[JournalEntry, str]  # an entry, and when it came


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the hub is with one booth."""

    last_seq: int
    last_hash: str
    highest_seen: int = 0  # above last_seq while there is a gap


NOTHING = Standing(0, GENESIS)


@dataclass(slots=True)
class _Batch:
    stands: dict[str, Standing]
    ahead: dict[tuple[str, int], Came]
    stored: frozenset[tuple[str, int]]  # of those ahead, what the table has
    heard: dict[str, str] = field(default_factory=dict)  # booth -> when
    gaps: dict[str, str] = field(default_factory=dict)  # new ones, since when
    closed: set[str] = field(default_factory=set)


class Standings:
    """The tables booth, gap and ahead; the caller holds the transaction."""

    def __init__(self, store: Tables, shared: bool) -> None:
        self._store, self._db, self._shared = store, store.db, shared
        self._batch: _Batch | None = None

    @contextmanager
    def batch(self, booths: Iterable[str]) -> Iterator[None]:
        """A transaction for these booths and no others."""
        names = sorted(set(booths))
        with self._store.batch(names):
            ahead = self._held_ahead(names) if self._shared else {}
            self._batch = batch = _Batch(self._read(names), ahead, frozenset(ahead))
            try:
                yield
                self._write(batch)
            finally:
                self._batch = None

    def of(self, booth: str) -> Standing:
        """Return the last entry held of a booth."""
        stands = self._batch.stands if self._batch else self._read([booth])
        return stands.get(booth, NOTHING)

    def heard(self, booth: str, stands: Standing, at: str) -> None:
        """Note where a booth stands, and when it was heard."""
        if self._batch is None:
            self._db.execute(HEARD, _row_of(booth, stands, at))
        else:
            self._batch.stands[booth], self._batch.heard[booth] = stands, at

    def gap(self, booth: str, at: str) -> None:
        """Note that something is missing; what is known already stands."""
        if self._batch is None:
            self._db.execute(GAP, (booth, at))
        else:
            self._batch.gaps.setdefault(booth, at)

    def close(self, booth: str) -> None:
        """Note that nothing is missing any more."""
        if self._batch is None:
            self._db.execute(NO_GAP, (booth,))
        else:
            self._batch.gaps.pop(booth, None)
            self._batch.closed.add(booth)

    def put_ahead(self, booth: str, entry: JournalEntry, at: str) -> None:
        """Keep an entry until it follows, where collectors share; in a batch only. The first one stays."""
        if self._shared and self._batch and entry.seq <= self.of(booth).last_seq + AHEAD:
            self._batch.ahead.setdefault((booth, entry.seq), (entry, at))

    def next_ahead(self, booth: str) -> Came | None:
        """Take away the entry that follows now, None when it has not come."""
        return self._batch.ahead.pop((booth, self.of(booth).last_seq + 1), None) if self._batch else None

    def _read(self, booths: list[str]) -> dict[str, Standing]:
        rows = _among(self._db, STANDING, booths)
        return {row["name"]: Standing(row["last_seq"], row["last_hash"], row["highest_seen"]) for row in rows}

    def _held_ahead(self, booths: list[str]) -> dict[tuple[str, int], Came]:
        rows = _among(self._db, HELD_AHEAD, booths)
        return {(row["booth"], row["seq"]): (_entry(row), row["received_at"]) for row in rows}

    def _write(self, batch: _Batch) -> None:
        rows = [_row_of(booth, batch.stands[booth], at) for booth, at in batch.heard.items()]
        waiting = {key for key in batch.ahead if key[1] > batch.stands.get(key[0], NOTHING).last_seq}
        fresh = [(*key, *_said(batch.ahead[key])) for key in waiting - batch.stored]
        for query, values in (
            (HEARD, rows),
            (NO_GAP, [(booth,) for booth in batch.closed]),
            (GAP, list(batch.gaps.items())),
            (NOT_AHEAD, list(batch.stored - waiting)),
            (PUT_AHEAD, fresh),
        ):
            if values:
                self._db.executemany(query, values)


def words_of(entry: JournalEntry) -> tuple[str, str, str, str, str, str]:
    """Return an entry as the columns of a table: at, clock, kind, body, previous_hash, hash."""
    clock, body = canonical(entry.clock.model_dump()).decode(), canonical(entry.body).decode()
    return entry.at, clock, entry.kind, body, entry.previous_hash, entry.hash


def _said(came: Came) -> tuple[str, ...]:
    return *words_of(came[0]), came[1]


def _entry(row: Any) -> JournalEntry:
    said = {name: row[name] for name in ("seq", "at", "kind", "previous_hash", "hash")}
    return JournalEntry(clock=json.loads(row["clock"]), body=json.loads(row["body"]), **said)


def _row_of(booth: str, stands: Standing, at: str) -> tuple[str, int, str, int, str]:
    return booth, stands.last_seq, stands.last_hash, stands.highest_seen, at


def _among(db: Asked, query: str, booths: list[str]) -> list[Any]:
    return db.execute(query.format(", ".join("?" * len(booths))), booths).fetchall() if booths else []
