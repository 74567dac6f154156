"""The hub's SQLite file: every booth's journal, and how far each packet is. A commit is on disk."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from edge.campaign.events import event_key
from edge.hub.campaign_files import UNFILED
from edge.hub.tables import Values
from edge.store import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS booth (
    name TEXT PRIMARY KEY, last_seq INTEGER NOT NULL, last_hash TEXT NOT NULL,
    highest_seen INTEGER NOT NULL, heard_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS entry (
    booth TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, clock TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (booth, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_by_kind ON entry (kind, booth);
CREATE TABLE IF NOT EXISTS packet (
    hash TEXT PRIMARY KEY, booth TEXT NOT NULL, enrolment TEXT NOT NULL, size INTEGER NOT NULL,
    complete_at TEXT, closed_at TEXT, UNIQUE (booth, enrolment)
) STRICT;
CREATE TABLE IF NOT EXISTS enrolled ( -- whom each booth enrolled
    subject TEXT NOT NULL, booth TEXT NOT NULL, enrolment TEXT NOT NULL,
    PRIMARY KEY (subject, booth, enrolment)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
    hash TEXT PRIMARY KEY, batch TEXT NOT NULL, delivered_at TEXT NOT NULL, accepted_at TEXT, refused TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS alarm (
    booth TEXT NOT NULL, why TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (booth, why)
) STRICT;
CREATE TABLE IF NOT EXISTS booth_sum ( -- what a booth's entries up to a number come to
    booth TEXT PRIMARY KEY, seq INTEGER NOT NULL, sums TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (booth TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told ( -- by a booth of itself, when it last said anything
    booth TEXT PRIMARY KEY, online INTEGER, release TEXT, trouble TEXT, last_seq INTEGER, heard_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS packet_waiting ON packet (booth) WHERE complete_at IS NULL;
CREATE INDEX IF NOT EXISTS packet_open ON packet (booth) WHERE closed_at IS NULL OR complete_at IS NULL;
CREATE TABLE IF NOT EXISTS campaign_event ( -- appended to, whatever the ids; looked up by keys of them
    step INTEGER NOT NULL, id TEXT NOT NULL, day INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
    unit TEXT NOT NULL, facts TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS campaign_event_by_step ON campaign_event (step);
DROP INDEX IF EXISTS campaign_event_on_day; -- of earlier releases
CREATE INDEX IF NOT EXISTS campaign_event_alike ON campaign_event (day, kind, unit, at) WHERE facts = '';
CREATE INDEX IF NOT EXISTS campaign_event_unlike ON campaign_event (day, kind) WHERE facts <> '';
CREATE TABLE IF NOT EXISTS campaign_file ( -- what is collected, by its time; sent and acknowledged: 0 or 1
    at INTEGER NOT NULL, file TEXT NOT NULL, unit TEXT NOT NULL, sent INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL, PRIMARY KEY (at, file)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS campaign_unfiled ( -- events, by rowid, whose files are not in it yet
    first INTEGER NOT NULL, last INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE IF NOT EXISTS campaign_count (
    measure TEXT NOT NULL, key TEXT NOT NULL, day INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (measure, key, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS campaign_definition (counted_by TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS campaign_booth ( -- how far a booth's journal is counted, and by what
    booth TEXT PRIMARY KEY, rule TEXT NOT NULL, seq INTEGER NOT NULL, outside INTEGER NOT NULL,
    memory TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS campaign_early ( -- cards handed over whose file is not collected yet
    file TEXT PRIMARY KEY, at INTEGER NOT NULL, unit TEXT NOT NULL, place TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS booking ( -- an appointment; begin is local time
    id TEXT PRIMARY KEY, unit TEXT NOT NULL, hamlet TEXT NOT NULL, begin TEXT NOT NULL,
    people INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS booking_of_slot ON booking (begin, unit, hamlet);
"""

ENROLLED = """
INSERT INTO enrolled SELECT json_extract(body, '$.subject'), booth, json_extract(body, '$.enrolment')
FROM entry WHERE kind = 'enrolment.sealed' AND json_extract(body, '$.outcome') = 'enrolled'
    AND json_type(body, '$.subject') = 'text' AND instr(body, '\\u0000') = 0
    AND length(json_extract(body, '$.subject')) <= 200 AND length(json_extract(body, '$.enrolment')) <= 200
ON CONFLICT DO NOTHING;
"""  # of entries that an earlier release took
CACHE_KIB = 384 * 1024  # of the file's pages, while events are taken
LOG_PAGES = 64 * 1024  # of the write-ahead log, before it is moved into the file
MOVE = """
ALTER TABLE campaign_event RENAME TO campaign_event_before;
DROP INDEX IF EXISTS campaign_event_by_day;
DROP INDEX IF EXISTS campaign_event_by_key;
"""
MOVED = """
INSERT INTO campaign_event SELECT event_key(id), id, day, at, kind, unit, facts FROM campaign_event_before;
DROP TABLE campaign_event_before;
"""


class HubStore(Database):
    """The hub's file."""

    schema = SCHEMA
    what = "hub's file"

    def set_up(self) -> None:
        """Make what is lacking; events as earlier files had them are carried over."""
        columns = {row[1] for row in self.db.execute("PRAGMA table_info(campaign_event)")}
        before, after = "", ""
        if columns and "step" not in columns:
            self.db.create_function("event_key", 1, event_key, deterministic=True)
            before, after = MOVE, MOVED
        if columns and not self.db.execute("PRAGMA table_info(campaign_file)").fetchone():
            after += UNFILED
        if columns and not self.db.execute("PRAGMA table_info(enrolled)").fetchone():
            after += ENROLLED
        self.db.executescript(f"BEGIN IMMEDIATE;{before}{SCHEMA}{after}COMMIT;")

    def batch(self, names: Iterable[str]) -> AbstractContextManager[None]:  # noqa: ARG002 - the file is ours
        """A transaction: there is no other writer while it lasts."""
        return self.transaction()

    def hold(self, name: str) -> None:
        """Nothing to do: a transaction has the whole file."""

    def stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Read rows, one after the other."""
        return iter(self.db.execute(query, values))

    def plain(self) -> sqlite3.Cursor:
        """Return a cursor whose rows are tuples."""
        cursor = self.db.cursor()
        cursor.row_factory = None
        return cursor

    def each(self, query: str, values: list[Values]) -> Iterator[Any]:
        """Ask for one row for each of many values, one after the other."""
        cursor = self.plain()
        return (cursor.execute(query, one).fetchone() for one in values)

    def version(self) -> int:
        """Return a number that changes with every commit of another connection."""
        return int(self.db.execute("PRAGMA data_version").fetchone()[0])

    def for_import(self) -> None:
        """Take more memory, and leave more in the log."""
        self.db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self.db.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")

    def leads(self) -> bool:
        """There is one collector of a file."""
        return True
