"""The hub's tables in PostgreSQL, for several collectors at once. The only file that imports psycopg.

What a booth's entries and packets need is done by whoever has the booth's advisory lock; a batch takes the
locks of its booths first, in one order, and the campaign's after them. A lost connection ends as StoreAway:
nothing of the transaction is to be relied on, and the next use connects again.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from edge.errors import BadSettings
from edge.hub.postgres_schema import STEPS
from edge.hub.tables import Rows, StoreAway, Values

DEFAULTS = {  # where the URL says nothing else; seconds, milliseconds
    "application_name": "vantay-hub",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
SESSION = """
SET lock_timeout = '20s'; -- longer than a collector that stopped may keep others waiting:
SET idle_in_transaction_session_timeout = '10s';
SET default_transaction_isolation = 'read committed';
SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3
"""
LOCK = "SELECT pg_advisory_xact_lock(%s)"
LEAD_SECONDS = 2.0  # between two looks whether somebody else does what one does for all
READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
STREAMED = 5000  # rows fetched at once
logging.getLogger("psycopg").setLevel(logging.ERROR)  # what it warns of ends as StoreAway
INDEXED = re.compile(r" INDEXED BY \w+")
NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")


class Row(tuple[Any, ...]):
    """A row by place and by name."""

    places: dict[str, int]

    def __getitem__(self, key: Any) -> Any:
        return tuple.__getitem__(self, self.places[key] if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self.places)


@lru_cache(maxsize=256)
def _row_of(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Row]:
    return type("Row", (Row,), {"places": {name: place for place, name in enumerate(names)}})


def _rows(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    return _row_of(tuple(column.name for column in cursor.description or ()))


@lru_cache(maxsize=256)
def translated(query: str, named: bool) -> bytes:
    """Write SQLite's placeholders as psycopg's; which index is taken PostgreSQL decides by itself."""
    query = INDEXED.sub("", query).replace("%", "%%").replace("?", "%s")
    return (NAMED.sub(r"%(\1)s", query) if named else query).encode()


class Connection:
    """psycopg's connection, asked as sqlite3's is; made anew when it was lost."""

    def __init__(self, url: str, read_only: bool) -> None:
        self._raw: psycopg.Connection[Row] | None = None
        self._url, self._read_only, self.where = url, read_only, _where(url)
        self.schema, self.number = "", 0  # how many connections there were

    @property
    def raw(self) -> psycopg.Connection[Row]:
        """Return a connection that is not known to be lost."""
        if self._raw is None or self._raw.closed:
            self._raw = self._connected()
            self.number += 1
        return self._raw

    def _connected(self) -> psycopg.Connection[Row]:
        with guarded():
            conninfo = make_conninfo(self._url, **{**DEFAULTS, **_said(self._url)})
            raw = psycopg.connect(conninfo, autocommit=True, row_factory=_rows)
            try:
                raw.execute(SESSION.encode())
                if self._read_only:
                    raw.execute("SET default_transaction_read_only = on")
                durable(raw, self.where)
                self.schema = str(raw.execute("SELECT current_schema()").fetchall()[0][0])
            except BaseException:
                raw.close()
                raise
        return raw

    def execute(self, query: str, values: Values = (), /) -> Rows:
        """Carry out one statement; ValueError for a text that cannot be held."""
        with guarded():
            return self.raw.execute(translated(query, isinstance(values, Mapping)), values)

    def executemany(self, query: str, values: Iterable[Values], /) -> None:
        """Carry out a statement for each of many values."""
        with guarded(), self.raw.cursor() as cursor:
            cursor.executemany(translated(query, False), values)

    def close(self) -> None:
        """Let go of it."""
        if self._raw is not None:
            self._raw.close()

    __del__ = close  # as sqlite3's connection: whoever forgets it has let go of it


@contextmanager
def guarded() -> Iterator[None]:
    """Tell a lost database from everything else that may be wrong."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreAway(f"the hub's database is away: {' '.join(str(error).split())}") from None
    except psycopg.DataError as error:
        if error.sqlstate is not None:
            raise
        raise ValueError(str(error)) from None  # nothing was sent: a NUL in a text


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


def durable(raw: psycopg.Connection[Row], where: str) -> None:
    """See that a commit is on disk when it returns, and that every letter can be held."""
    names = "fsync", "synchronous_commit", "server_encoding"
    row = raw.execute(
        "SELECT current_setting(%s), current_setting(%s), current_setting(%s)", names
    ).fetchone()
    assert row is not None
    if row[0] != "on":
        raise BadSettings(
            f"the server of {where} runs with fsync = off: it may lose what it has committed, and the hub "
            "acknowledges only what is on disk. Set fsync = on in postgresql.conf"
        )
    if row[2] != "UTF8":
        raise BadSettings(f"the database {where} is encoded in {row[2]}: make one with ENCODING 'UTF8'")
    if row[1] == "off":
        raw.execute("SET synchronous_commit = on")


def _roll_back(raw: psycopg.Connection[Row]) -> None:
    with suppress(psycopg.Error):
        if not raw.closed and raw.info.transaction_status != TransactionStatus.IDLE:
            raw.execute("ROLLBACK")


def _said(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # which may repeat a password
        raise BadSettings(
            "database in hub.toml is no URL that PostgreSQL takes; one is postgresql://vantay@db.example/vantay"
        ) from None


def _where(url: str) -> str:
    """Name the database without its password."""
    said = _said(url)
    return f"'{said.get('dbname', said.get('user', ''))}' at {said.get('host', 'this machine')}"
