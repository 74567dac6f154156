"""The hub's database opened: to write, or to look, also while the hub runs: without writing or waiting."""

import sqlite3
from pathlib import Path

from edge.errors import BadSettings
from edge.hub.store import SCHEMA, HubStore
from edge.hub.tables import Place, Tables

UPGRADE = "start the hub of this release once, or ask with the release that made it"


def writable(place: Place) -> Tables:
    """Open the database, and make in it what is lacking."""
    return HubStore(place) if isinstance(place, Path) else _postgres(place, read_only=False)


def opened(place: Place, upgrade: str = UPGRADE) -> Tables:
    """Open the database read-only; BadSettings where there is none, or one that another release made.

    `upgrade` says what to do about the latter.
    """
    return _file(place, upgrade) if isinstance(place, Path) else _postgres(place, read_only=True)


def _postgres(url: str, read_only: bool) -> Tables:
    try:
        from edge.hub.postgres import PostgresStore  # most hubs have a file, and no psycopg
    except ImportError as error:
        raise BadSettings(
            f"database in hub.toml names PostgreSQL, and psycopg cannot be used here ({error}): "
            "pip install 'psycopg[binary]'"
        ) from None
    return PostgresStore(url, read_only)


def _file(path: Path, upgrade: str) -> HubStore:
    if not path.exists():
        raise BadSettings(f"{path} does not exist: the hub has not run with this configuration yet")
    store = HubStore(path, read_only=True)
    if lacking := _lacking(store.db):
        store.close()
        raise BadSettings(f"{path} was made by another release ({lacking}): {upgrade}")
    return store


def _lacking(db: sqlite3.Connection) -> str | None:
    """Say what this release reads and the file does not have."""
    model = sqlite3.connect(":memory:")
    model.executescript(SCHEMA)
    wanted = _columns(model)
    model.close()
    have = _columns(db)
    for table, columns in wanted.items():
        if table not in have:
            return f"it has no table {table}"
        if less := [column for column in columns if column not in have[table]]:
            return f"its table {table} has no {less[0]}"
    return None


def _columns(db: sqlite3.Connection) -> dict[str, list[str]]:
    query = (
        "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
    )
    found: dict[str, list[str]] = {}
    for table, column in db.execute(query):
        found.setdefault(table, []).append(column)
    return found
