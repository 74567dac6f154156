"""What the hub holds, for people: booths, last entries, what is missing, counts."""

from dataclasses import asdict
from typing import Any

from edge.hub.delivery import Standing
from edge.hub.sums import sums_of
from edge.hub.tables import Tables


def status_of(store: Tables, ministry: Standing | None = None) -> dict[str, Any]:
    """Return every figure of `vantay hub status`; `ministry`: how far it is, where one is configured."""
    booths = []
    for row in store.db.execute("SELECT * FROM booth ORDER BY name").fetchall():
        name = row["name"]
        sums = sums_of(store, name, row["last_seq"])
        packets = store.db.execute(
            "SELECT count(*) AS announced, count(complete_at) AS held FROM packet WHERE booth = ?", (name,)
        ).fetchone()
        booths.append(
            {
                "booth": name,
                "last_seq": row["last_seq"],
                "missing_entries": max(0, row["highest_seen"] - row["last_seq"]),
                "heard_at": row["heard_at"],
                "enrolled": sums.enrolled,
                "already_enrolled": sums.already_enrolled,
                "abandoned": sums.abandoned,
                "samples": sums.samples,
                "packets": packets["held"],
                "unsettled": len(sums.unsettled),
                "found_later": sums.found_later,
                "missing_packets": packets["announced"] - packets["held"],
            }
        )
    alarms = [
        dict(row) for row in store.db.execute("SELECT booth, seq, at, text, count FROM alarm ORDER BY at")
    ]
    told = {"ministry": asdict(ministry)} if ministry else {}
    return {"booths": booths, "alarms": alarms, **told}


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
    if ministry := status.get("ministry"):
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
