"""The hub's file opened to look, also while the hub runs: never written, never waited for."""

import sqlite3
from pathlib import Path

from edge.errors import BadSettings
from edge.hub.store import SCHEMA, HubStore


def opened(path: Path) -> HubStore:
    """Open the file read-only; BadSettings where there is none, or one that another release made."""
    if not path.exists():
        raise BadSettings(f"{path} does not exist: the hub has not run with this configuration yet")
    store = HubStore(path, read_only=True)
    if lacking := _lacking(store.db):
        store.close()
        raise BadSettings(
            f"{path} was made by another release ({lacking}): start the hub of this release once, "
            "or ask with the release that made it"
        )
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
