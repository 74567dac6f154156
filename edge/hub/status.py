"""What the hub holds, for people: booths, last entries, what is missing, counts."""

import json
from dataclasses import asdict
from typing import Any

from edge.hub.delivery import Standing
from edge.hub.tables import Tables


def status_of(store: Tables, ministry: Standing | None = None) -> dict[str, Any]:
    """Return every figure of `vantay hub status`; `ministry`: how far it is, where one is configured."""
    booths = []
    for row in store.db.execute("SELECT * FROM booth ORDER BY name").fetchall():
        name = row["name"]
        sealed = _bodies(store, name, "enrolment.sealed")
        settled = {one["enrolment"]: one for one in _bodies(store, name, "station.settled")}
        packets = store.db.execute(
            "SELECT count(*) AS announced, count(complete_at) AS held FROM packet WHERE booth = ?", (name,)
        ).fetchone()
        booths.append(
            {
                "booth": name,
                "last_seq": row["last_seq"],
                "missing_entries": max(0, row["highest_seen"] - row["last_seq"]),
                "heard_at": row["heard_at"],
                "enrolled": sum(one["outcome"] == "enrolled" for one in sealed),
                "already_enrolled": sum(one["outcome"] == "already-enrolled" for one in sealed),
                "abandoned": _count(store, name, "enrolment.abandoned"),
                "samples": sum(len(one["samples"]) for one in sealed),
                "packets": packets["held"],
                "unsettled": len(_unsettled(sealed) - settled.keys()),
                "found_later": sum(bool(one.get("known_as")) for one in settled.values()),
                "missing_packets": packets["announced"] - packets["held"],
            }
        )
    alarms = [
        dict(row) for row in store.db.execute("SELECT booth, seq, at, text, count FROM alarm ORDER BY at")
    ]
    return {"booths": booths, "alarms": alarms, "ministry": asdict(ministry) if ministry else None}


def readable(status: dict[str, Any]) -> str:
    """Write the figures as a table."""
    columns = {
        "booth": "booth",
        "last_seq": "last seq",
        "missing_entries": "entries missing",
        "enrolled": "enrolled",
        "already_enrolled": "already enrolled",
        "abandoned": "abandoned",
        "unsettled": "unsettled",
        "found_later": "found later",
        "samples": "samples",
        "packets": "packets",
        "missing_packets": "packets missing",
        "heard_at": "last heard (UTC)",
    }
    lines = aligned(columns, status["booths"])
    if not status["booths"]:
        lines = ["no booth has reported yet"]
    alarms = [f"ALARM {alarm['at']}: {alarm['text']} ({alarm['count']} times)" for alarm in status["alarms"]]
    if ministry := status["ministry"]:
        figures = " ".join(f"{name}={number}" for name, number in ministry.items() if name != "alarms")
        lines.append(f"to the ministry: {figures}")
        alarms += [f"ALARM ministry: {alarm}" for alarm in ministry["alarms"]]
    return "\n".join([*lines, *alarms])


def aligned(columns: dict[str, str], rows: list[dict[str, Any]]) -> list[str]:
    """Write a table: a key of the rows and its title for each column; None is an empty cell."""
    cells = [list(columns.values())]
    cells += [["" if row[key] is None else str(row[key]) for key in columns] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _count(store: Tables, booth: str, kind: str) -> int:
    query = "SELECT count(*) FROM entry WHERE booth = ? AND kind = ?"
    return int(store.db.execute(query, (booth, kind)).fetchone()[0])


def _bodies(store: Tables, booth: str, kind: str) -> list[dict[str, Any]]:
    query = "SELECT body FROM entry WHERE booth = ? AND kind = ?"
    return [json.loads(row["body"]) for row in store.db.execute(query, (booth, kind))]


def _unsettled(sealed: list[dict[str, Any]]) -> set[str]:
    """Return the enrolments that were sealed before the station had said who the person is."""
    return {one["enrolment"] for one in sealed if one.get("station") == "unsettled"}
