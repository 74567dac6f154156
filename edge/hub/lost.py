"""Packets that were held and are gone, or not as they came: noticed, told, and fetched anew."""

from edge.hub.packets import PacketFiles
from edge.hub.tables import Tables

WHY = "a packet that was held is gone or damaged"  # of the alarm: one for each booth, counted
ALARM = """
INSERT INTO alarm VALUES (?, ?, 0, ?, ?, 1) ON CONFLICT (booth, why) DO UPDATE SET count = alarm.count + 1
"""


def note_lost(store: Tables, digest: str, at: str) -> bool:
    """Have a packet checked, and fetched again, for the time that runs from now; False when it is known."""
    db = store.db
    with store.transaction():
        query = "SELECT booth, enrolment FROM packet WHERE hash = ? AND complete_at IS NOT NULL"
        if (row := db.execute(query, (digest,)).fetchone()) is None:
            return False
        db.execute("UPDATE packet SET complete_at = NULL WHERE hash = ?", (digest,))
        db.execute("UPDATE packet SET closed_at = ? WHERE hash = ? AND closed_at IS NOT NULL", (at, digest))
        text = (
            f"packet {digest[:12]} of enrolment {row['enrolment']} was held, and its file is gone or "
            f"damaged: booth {row['booth']} is asked for it again"
        )
        db.execute(ALARM, (row["booth"], WHY, at, text))
    return True


def look_for_lost(store: Tables, files: PacketFiles, at: str) -> list[str]:
    """Look whether each packet that the ministry has not accepted is there; return those that are not."""
    query = (
        "SELECT packet.hash, size FROM packet LEFT JOIN delivery USING (hash)"
        " WHERE complete_at IS NOT NULL AND accepted_at IS NULL"
    )
    held = [(str(row["hash"]), int(row["size"])) for row in store.db.execute(query)]
    return [digest for digest, size in held if not files.there(digest, size) and note_lost(store, digest, at)]
