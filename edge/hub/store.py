"""The hub's SQLite file: every booth's journal, and how far each packet is. A commit is on disk."""

from edge.campaign.events import event_key
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
CREATE TABLE IF NOT EXISTS delivery (
    hash TEXT PRIMARY KEY, batch TEXT NOT NULL, delivered_at TEXT NOT NULL, accepted_at TEXT, refused TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS alarm (
    booth TEXT NOT NULL, why TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (booth, why)
) STRICT;
CREATE TABLE IF NOT EXISTS gap (booth TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told ( -- by a booth of itself, when it last said anything
    booth TEXT PRIMARY KEY, online INTEGER, release TEXT, trouble TEXT, last_seq INTEGER, heard_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS packet_waiting ON packet (booth) WHERE complete_at IS NULL;
CREATE INDEX IF NOT EXISTS packet_open ON packet (booth) WHERE closed_at IS NULL OR complete_at IS NULL;
CREATE TABLE IF NOT EXISTS campaign_event ( -- appended to, whatever the ids; looked up by short keys of them
    key INTEGER NOT NULL, id TEXT NOT NULL, day INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
    unit TEXT NOT NULL, facts TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS campaign_event_by_key ON campaign_event (key);
CREATE INDEX IF NOT EXISTS campaign_event_on_day ON campaign_event (day, kind);
CREATE TABLE IF NOT EXISTS campaign_count (
    measure TEXT NOT NULL, key TEXT NOT NULL, day INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (measure, key, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS campaign_definition (counted_by TEXT NOT NULL) STRICT;
"""


MOVE = """
ALTER TABLE campaign_event RENAME TO campaign_event_before;
DROP INDEX campaign_event_by_day;
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
        """Make what is lacking; events as files had them before they had keys are carried over."""
        columns = {row[1] for row in self.db.execute("PRAGMA table_info(campaign_event)")}
        if not columns or "key" in columns:
            super().set_up()
            return
        self.db.create_function("event_key", 1, event_key, deterministic=True)
        self.db.executescript(f"BEGIN IMMEDIATE;{MOVE}{SCHEMA}{MOVED}COMMIT;")
