"""Booth by booth: the last sign of life, release, backlog, trouble; and the gaps in their sequences."""

import json
from typing import Any

from edge.hub.status import aligned
from edge.hub.tables import Tables

BOOTHS = """
WITH name AS (SELECT name FROM booth UNION SELECT booth FROM told)
SELECT name.name AS booth, told.online, told.release, told.trouble,
    booth.heard_at AS reported_at, told.heard_at AS told_at,
    coalesce(booth.last_seq, 0) AS last_seq, booth.highest_seen, told.last_seq AS told_seq,
    (SELECT body FROM entry INDEXED BY entry_by_kind
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


def booths_of(store: Tables) -> list[dict[str, Any]]:
    """Return what is known of each booth; `backlog`: entries it has written and the hub does not hold."""
    alarms: dict[str, list[str]] = {}
    for row in store.db.execute("SELECT booth, text FROM alarm ORDER BY at, why"):
        alarms.setdefault(row["booth"], []).append(row["text"])
    return [
        {
            "booth": row["booth"],
            "online": None if row["online"] is None else bool(row["online"]),
            "heard_at": max(row["reported_at"] or "", row["told_at"] or "") or None,
            "release": row["release"]
            or (json.loads(row["started"]).get("release") if row["started"] else None),
            "last_seq": row["last_seq"],
            "backlog": max(
                0, (row["told_seq"] or 0) - row["last_seq"], (row["highest_seen"] or 0) - row["last_seq"]
            ),
            "trouble": "; ".join([*filter(None, [row["trouble"]]), *alarms.get(row["booth"], [])]) or None,
        }
        for row in store.db.execute(BOOTHS).fetchall()
    ]


def gaps_of(store: Tables) -> list[dict[str, Any]]:
    """Return for each booth with a gap what is missing, and since when the hub has known that."""
    return [dict(row) for row in store.db.execute(GAPS)]


def readable_booths(booths: list[dict[str, Any]]) -> str:
    """Write the booths as a table."""
    rows = [{**booth, "online": YES[booth["online"]]} for booth in booths]
    return "\n".join(aligned(BOOTH_COLUMNS, rows)) if rows else "no booth has reported yet"


def readable_gaps(gaps: list[dict[str, Any]]) -> str:
    """Write the gaps as a table."""
    return "\n".join(aligned(GAP_COLUMNS, gaps)) if gaps else "no gaps: every entry that was seen is held"
