"""psycopg asked as sqlite3 is: placeholders, rows by place and by name, one kind of outage."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from edge.errors import BadSettings
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
