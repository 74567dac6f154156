"""The hub's tables in PostgreSQL, for several collectors at once.

What a booth's entries and packets need is done by whoever has the booth's advisory lock; a batch takes the
locks of its booths first, in one order, and the campaign's after them. A lost connection ends as StoreAway:
nothing of the transaction is to be relied on, and the next use connects again.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus

from edge.errors import BadSettings
from edge.hub.postgres_connection import Connection, Row, guarded, translated
from edge.hub.postgres_schema import STEPS
from edge.hub.tables import Values

LOCK = "SELECT pg_advisory_xact_lock(%s)"
LEAD_SECONDS = 2.0  # between two looks whether somebody else does what one does for all
READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
STREAMED = 5000  # rows fetched at once


class PostgresStore:
    """The hub's tables behind one connection."""

    def __init__(self, url: str, read_only: bool = False) -> None:
        self.db = Connection(url, read_only)
        self._led_by, self._looked_at = 0, float("-inf")  # the connection that leads
        try:
            if not read_only:
                self._set_up()
            self._check()
        except psycopg.ProgrammingError as error:
            self.db.close()
            why = str(error).splitlines()[0]
            raise BadSettings(
                f"the database {self.db.where} cannot be used: {why}: "
                "it must belong to whom the hub connects as"
            ) from None
        except BaseException:
            self.db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on disk when it returns; nested use joins the outer one."""
        with guarded():
            raw = self.db.raw
            if raw.info.transaction_status != TransactionStatus.IDLE:
                yield
                return
            try:
                raw.execute("BEGIN")
                yield
                raw.execute("COMMIT")
            except BaseException:
                _roll_back(raw)
                raise

    @contextmanager
    def batch(self, names: Iterable[str]) -> Iterator[None]:
        """A transaction that has these booths to itself; what is written waits for no answer."""
        with guarded():
            raw = self.db.raw
            if raw.info.transaction_status != TransactionStatus.IDLE:
                yield
                return
            try:
                with raw.pipeline():
                    raw.execute("BEGIN")
                    for key in sorted({self._key(f"booth {name}") for name in names}):
                        raw.execute(LOCK, (key,))
                    yield
                    raw.execute("COMMIT")
            except BaseException:
                _roll_back(raw)
                raise

    def hold(self, name: str) -> None:
        """Wait until nobody else has what is known by a name, and keep it until the transaction ends."""
        self.db.execute("SELECT pg_advisory_xact_lock(?)", (self._key(name),))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read what stands at one moment."""
        with guarded():
            raw = self.db.raw
            raw.execute(READING)
            try:
                yield
            finally:
                _roll_back(raw)

    def stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Read rows, some thousand at a time."""
        with guarded():
            alone = self.db.raw.info.transaction_status == TransactionStatus.IDLE
            with self.db.raw.cursor("stream", withhold=alone) as cursor:
                cursor.itersize = STREAMED
                cursor.execute(translated(query, False), values)
                yield from cursor

    def plain(self) -> Connection:
        """Return the connection: its rows are tuples."""
        return self.db

    def each(self, query: str, values: list[Values]) -> Iterator[Any]:
        """Ask for one row for each of many values, all at once."""
        if not values:
            return
        with guarded(), self.db.raw.cursor() as cursor:
            cursor.executemany(translated(query, False), values, returning=True)
            more: bool | None = True
            while more:
                yield cursor.fetchone()
                more = cursor.nextset()

    def version(self) -> int:
        """Return the number of the last event: whoever takes some holds the campaign until the commit."""
        return int(self.db.execute("SELECT coalesce(max(rowid), 0) FROM campaign_event").fetchone()[0])

    def for_import(self) -> None:
        """Nothing to do: the server has its own memory."""

    def leads(self) -> bool:
        """Tell whether this collector does what one does for all; its lock ends with the connection."""
        now = time.monotonic()
        if self._led_by != self.db.number and now - self._looked_at > LEAD_SECONDS:
            got = self.db.execute("SELECT pg_try_advisory_lock(?)", (self._key("leader"),)).fetchone()[0]
            self._looked_at, self._led_by = now, self.db.number if got else 0
        return self._led_by == self.db.number

    def close(self) -> None:
        """Let go of the connection."""
        self.db.close()

    def _key(self, name: str) -> int:
        said = f"vantay {self.db.schema} {name}"
        return int.from_bytes(sha256(said.encode()).digest()[:8], "big", signed=True)

    def _set_up(self) -> None:
        """Carry out the steps that are lacking; a reader sees all or nothing."""
        with self.transaction():
            self.hold("schema")
            self.db.execute("CREATE TABLE IF NOT EXISTS vantay_schema (step INTEGER NOT NULL)")
            for number, step in list(enumerate(STEPS, 1))[self._step() :]:
                self.db.raw.execute(step.encode())
                self.db.execute("INSERT INTO vantay_schema VALUES (?)", (number,))

    def _check(self) -> None:
        if self.db.execute("SELECT to_regclass('vantay_schema') IS NULL").fetchone()[0]:
            raise BadSettings(
                f"the database {self.db.where} is empty: the hub has not run with this configuration yet"
            )
        step = self._step()
        if step != len(STEPS):
            raise BadSettings(
                f"the database {self.db.where} was made by another release (step {step} of {len(STEPS)}): "
                "start the hub of this release once, or ask with the release that made it"
            )

    def _step(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(step), 0) FROM vantay_schema").fetchone()[0])


def _roll_back(raw: psycopg.Connection[Row]) -> None:
    with suppress(psycopg.Error):
        if not raw.closed and raw.info.transaction_status != TransactionStatus.IDLE:
            raw.execute("ROLLBACK")
