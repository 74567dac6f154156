"""The booth's one SQLite file: journal, vault and cursors, so that one transaction covers all of them."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import StoreBusy, VantayError

BUSY_MS = 5000  # how long a statement waits for another process's lock
LEAST_FREE = 64_000_000  # bytes, for a program to write where room is set aside for another one

VAULT_SCHEMA = """
CREATE TABLE IF NOT EXISTS vault (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, enrolment TEXT NOT NULL, subject TEXT NOT NULL,
    position INTEGER NOT NULL, nonce BLOB NOT NULL, data BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS vault_by_enrolment ON vault (enrolment, kind);
CREATE INDEX IF NOT EXISTS vault_by_kind ON vault (kind);
"""
SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, clock TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS journal_keeps BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS journal_stands BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS journal_follows BEFORE INSERT ON journal -- REPLACE asks no other trigger
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal)
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE INDEX IF NOT EXISTS journal_by_request ON journal (json_extract(body, '$.request_id'))
    WHERE kind = 'command.answered';
CREATE INDEX IF NOT EXISTS journal_by_running ON journal (seq)
    WHERE kind = 'command.answered' AND json_extract(body, '$.runs');
CREATE INDEX IF NOT EXISTS journal_by_subject ON journal (json_extract(body, '$.subject'))
    WHERE kind = 'enrolment.sealed';
CREATE INDEX IF NOT EXISTS journal_by_packet ON journal (json_extract(body, '$.packet'))
    WHERE kind = 'enrolment.sealed';
CREATE INDEX IF NOT EXISTS journal_by_portrait ON journal (json_extract(body, '$.portrait.sha256'))
    WHERE kind = 'enrolment.reviewed';
CREATE INDEX IF NOT EXISTS journal_by_kind ON journal (kind, seq);
CREATE TABLE IF NOT EXISTS cursor (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS alive ( -- when the daemon last was; started: seq of its booth.started
    started INTEGER PRIMARY KEY, at TEXT NOT NULL, clock TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS packet (
    hash TEXT PRIMARY KEY, enrolment TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS packet_taken ( -- by the hub; since: NULL until a clock that is set could say
    hash TEXT PRIMARY KEY, since TEXT, ran INTEGER NOT NULL DEFAULT 0 -- seconds that the booth had run then
) STRICT;
CREATE VIEW IF NOT EXISTS packet_waiting AS
    SELECT * FROM packet WHERE hash NOT IN (SELECT hash FROM packet_taken);
"""
OPEN_ENROLMENT = """
SELECT (SELECT max(seq) FROM journal WHERE kind = 'enrolment.started')
    > coalesce((SELECT max(seq) FROM journal WHERE kind IN ('enrolment.sealed', 'enrolment.abandoned')), 0)
"""


class Database:
    """One connection to one file. A commit is on disk when it returns: WAL with synchronous=FULL."""

    schema = ""
    what = "file"
    on_busy: Callable[[float], None] | None = None  # told of so many seconds waited in vain; waits on then
    has_room = False  # set by the program that room is set aside for
    purged = False  # set by who deleted what must leave no bytes: the write-ahead log has them, too

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        try:
            if read_only:
                self.db = sqlite3.connect(
                    f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None
                )
            else:
                path.touch(mode=0o600)  # before SQLite makes its side files, which take the mode over
                path.chmod(0o600)
                self.db = sqlite3.connect(path, isolation_level=None)
                self.db.execute("PRAGMA journal_mode=WAL")
                self.db.execute("PRAGMA synchronous=FULL")
                self.db.execute("PRAGMA secure_delete=ON")  # a purged sample leaves no bytes behind
                self.db.execute("PRAGMA temp_store=MEMORY")  # a full disk stops no statement half-way
            self.db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self.db.row_factory = sqlite3.Row
            if not read_only:
                self.set_up()
            tables = self.db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        except (sqlite3.Error, OSError) as error:
            if _is_busy(error):
                raise self._busy() from None
            raise VantayError(f"the {self.what} {path} cannot be opened: {error}") from None
        if not tables:
            raise VantayError(f"the {self.what} {path} is empty: nothing has run with it yet")

    def set_up(self) -> None:
        """Make the tables that are lacking; a reader sees all or nothing."""
        self.db.executescript(f"BEGIN IMMEDIATE;{self.schema}COMMIT;")

    @contextmanager
    def transaction(self, wait: bool = True) -> Iterator[None]:
        """All or nothing; nested use joins the outer one.

        StoreBusy while another program writes, unless `on_busy` is there and it is to `wait`.
        """
        if self.db.in_transaction:
            yield
            return
        try:
            self._begin(wait)
            self.check_room()
            yield
            self.db.execute("COMMIT")
            if self.purged and not self.keeps_log():
                self.empty_log()
        except sqlite3.OperationalError as error:  # a full disk, a broken card
            self._roll_back()
            raise VantayError(
                f"the {self.what} cannot be written ({error}): make room or mend the disk, then start again; "
                "nothing that was acknowledged is lost"
            ) from None
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A transaction that waits for nobody; StoreBusy where another program writes at this moment."""
        self.db.execute("PRAGMA busy_timeout=0")
        try:
            with self.transaction(wait=False):
                yield
        finally:
            self.db.execute(f"PRAGMA busy_timeout={BUSY_MS}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read what stands at one moment: quicker than many reads that each ask for the file."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    def _begin(self, wait: bool) -> None:
        while True:
            try:
                self.db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
            if not wait or self.on_busy is None:
                raise self._busy()
            self.on_busy(BUSY_MS / 1000)

    def _busy(self) -> StoreBusy:
        return StoreBusy(
            f"the {self.what} is locked: another program has been writing to it for {BUSY_MS // 1000} "
            "seconds; wait until it has ended, an import for example, then do this again; nothing is lost"
        )

    def _roll_back(self) -> None:
        if self.db.in_transaction:  # SQLite may have rolled back itself
            self.db.execute("ROLLBACK")

    def check_room(self) -> None:
        """Refuse to write what would take the room of somebody who is being enrolled."""

    def keeps_log(self) -> bool:
        """Whether the write-ahead log must not be cut off now."""
        return False

    def empty_log(self) -> None:
        """Move the write-ahead log into the file and cut it off; where that cannot be, it stays.

        While somebody reads, or on a full disk, what is committed stays in the log, and `purged` as it is.
        """
        self.db.execute("PRAGMA busy_timeout=0")
        try:
            busy = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self.purged = self.purged and bool(busy)
        except sqlite3.OperationalError:
            pass
        finally:
            self.db.execute(f"PRAGMA busy_timeout={BUSY_MS}")

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()


class Store(Database):
    """The booth's file."""

    schema = f"{VAULT_SCHEMA}{SCHEMA}"
    what = "booth's file"

    def set_up(self) -> None:
        """Make what is lacking; an earlier release's file knows of no running time."""
        super().set_up()
        if "ran" not in {row[1] for row in self.db.execute("PRAGMA table_info(packet_taken)")}:
            self.db.execute("ALTER TABLE packet_taken ADD COLUMN ran INTEGER NOT NULL DEFAULT 0")

    def check_room(self) -> None:
        """VantayError in other programs than the daemon while somebody is enrolled on a nearly full disk."""
        if not self.has_room and self.keeps_log():
            free = shutil.disk_usage(self.path.parent).free
            if free < LEAST_FREE:
                raise VantayError(
                    f"the {self.what} is not written now: somebody is being enrolled, and the disk has only "
                    f"{free // 1_000_000} MB free; make room, or wait until they are done"
                )

    def keeps_log(self) -> bool:
        """Whether somebody is being enrolled: the log holds the room set aside for that, in any program."""
        return bool(self.db.execute(OPEN_ENROLMENT).fetchone()[0])

    def cursor_at(self, name: str) -> int:
        """Return a cursor's place, 0 when it was never moved."""
        row = self.db.execute("SELECT seq FROM cursor WHERE name = ?", (name,)).fetchone()
        return int(row["seq"]) if row else 0

    def move_cursor(self, name: str, seq: int) -> None:
        """Remember a cursor's place."""
        with self.transaction():
            self.db.execute(
                "INSERT INTO cursor VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
                (name, seq),
            )


def _is_busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY
