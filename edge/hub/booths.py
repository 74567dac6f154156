"""Booth by booth: the last sign of life, release, backlog, trouble; and the gaps in their sequences."""

from typing import Any

from edge.hub.status import aligned
from edge.hub.store import HubStore

BOOTHS = """
WITH name AS (SELECT name FROM booth UNION SELECT booth FROM told)
SELECT name.name AS booth, told.online, told.release, told.trouble,
    max(coalesce(booth.heard_at, ''), coalesce(told.heard_at, '')) AS heard_at,
    coalesce(booth.last_seq, 0) AS last_seq,
    max(coalesce(told.last_seq, 0), coalesce(booth.highest_seen, 0)) AS written,
    (SELECT json_extract(body, '$.release') FROM entry INDEXED BY entry_by_kind
        WHERE kind = 'booth.started' AND entry.booth = name.name ORDER BY seq DESC LIMIT 1) AS started
FROM name LEFT JOIN booth ON booth.name = name.name LEFT JOIN told ON told.booth = name.name
ORDER BY name.name
"""
GAPS = """
SELECT name AS booth, last_seq + 1 AS from_seq, highest_seen AS to_seq,
    highest_seen - last_seq AS entries, since
FROM booth LEFT JOIN gap ON gap.booth = name WHERE highest_seen > last_seq ORDER BY name
"""
YES = {1: "yes", 0: "no", None: None}
BOOTH_COLUMNS = {
    "booth": "booth",
    "online": "online",
    "heard_at": "last heard (UTC)",
    "release": "release",
    "last_seq": "last seq",
    "backlog": "backlog",
    "trouble": "trouble",
}
GAP_COLUMNS = {
    "booth": "booth",
    "from_seq": "from seq",
    "to_seq": "to seq",
    "entries": "entries",
    "since": "since (UTC)",
}


def booths_of(store: HubStore) -> list[dict[str, Any]]:
    """Return what is known of each booth; `backlog`: entries it has written and the hub does not hold."""
    alarms: dict[str, list[str]] = {}
    for row in store.db.execute("SELECT booth, text FROM alarm ORDER BY at, why"):
        alarms.setdefault(row["booth"], []).append(row["text"])
    return [
        {
            "booth": row["booth"],
            "online": None if row["online"] is None else bool(row["online"]),
            "heard_at": row["heard_at"] or None,
            "release": row["release"] or row["started"],
            "last_seq": row["last_seq"],
            "backlog": max(0, row["written"] - row["last_seq"]),
            "trouble": "; ".join([*filter(None, [row["trouble"]]), *alarms.get(row["booth"], [])]) or None,
        }
        for row in store.db.execute(BOOTHS).fetchall()
    ]


def gaps_of(store: HubStore) -> list[dict[str, Any]]:
    """Return for each booth with a gap what is missing, and since when the hub has known that."""
    return [dict(row) for row in store.db.execute(GAPS)]


def readable_booths(booths: list[dict[str, Any]]) -> str:
    """Write the booths as a table."""
    rows = [{**booth, "online": YES[booth["online"]]} for booth in booths]
    return "\n".join(aligned(BOOTH_COLUMNS, rows)) if rows else "no booth has reported yet"


def readable_gaps(gaps: list[dict[str, Any]]) -> str:
    """Write the gaps as a table."""
    return "\n".join(aligned(GAP_COLUMNS, gaps)) if gaps else "no gaps: every entry that was seen is held"
