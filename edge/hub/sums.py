"""What a booth's entries come to, for `vantay hub status`: kept up to a number, the rest is read when asked.

The hub moves the number on when it starts and now and then, a slice to a transaction. What it has not come
to is read by who asks: the answer is the same. Sums up to a number are those of these entries and of nothing
else, so that two collectors may write the same ones.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from edge.hub.ledger import SEALED, SETTLED_LATER
from edge.hub.tables import Tables
from edge.messages import canonical

ABANDONED = "enrolment.abandoned"
KINDS = (SEALED, ABANDONED, SETTLED_LATER)
SLICE = 5000  # numbers of a journal that one transaction looks through
BEHIND = """
SELECT name, last_seq, seq, sums FROM booth LEFT JOIN booth_sum ON booth = name
WHERE last_seq > coalesce(seq, 0) + ?
"""
ENTRIES = """
SELECT kind, body FROM entry INDEXED BY entry_by_kind
WHERE kind IN (?, ?, ?) AND booth = ? AND seq > ? AND seq <= ? ORDER BY seq
"""
KEEP = """
INSERT INTO booth_sum VALUES (?, ?, ?)
ON CONFLICT (booth) DO UPDATE SET seq = excluded.seq, sums = excluded.sums WHERE excluded.seq > booth_sum.seq
"""


@dataclass(slots=True)
class Sums:
    """Counts of one booth."""

    enrolled: int = 0
    already_enrolled: int = 0
    abandoned: int = 0
    samples: int = 0
    found_later: int = 0
    unsettled: list[str] = field(default_factory=list)  # sealed before the station had said who the person is

    def add(self, kind: str, body: dict[str, Any]) -> None:
        """Count one entry."""
        if kind == ABANDONED:
            self.abandoned += 1
        elif kind == SEALED:
            self.enrolled += body["outcome"] == "enrolled"
            self.already_enrolled += body["outcome"] == "already-enrolled"
            self.samples += len(body["samples"])
            if body.get("station") == "unsettled":
                self.unsettled.append(body["enrolment"])
        else:
            self.found_later += bool(body.get("known_as"))
            if body.get("enrolment") in self.unsettled:
                self.unsettled.remove(body["enrolment"])


def sums_of(store: Tables, booth: str, last_seq: int) -> Sums:
    """Return a booth's sums up to an entry."""
    row = store.db.execute("SELECT seq, sums FROM booth_sum WHERE booth = ?", (booth,)).fetchone()
    sums = Sums(**json.loads(row["sums"])) if row else Sums()
    return _folded(store, booth, sums, row["seq"] if row else 0, last_seq)


def keep_sums(store: Tables, slack: int = 0) -> None:
    """Move on the sums of every booth that has more than so many entries beyond them."""
    while rows := store.db.execute(BEHIND, (slack,)).fetchall():
        for name, last_seq, seq, kept in map(tuple, rows):
            with store.transaction():
                before, end = seq or 0, min((seq or 0) + SLICE, last_seq)
                sums = Sums(**json.loads(kept)) if kept else Sums()
                said = canonical(asdict(_folded(store, name, sums, before, end))).decode()
                store.db.execute(KEEP, (name, end, said))


def _folded(store: Tables, booth: str, sums: Sums, after: int, last: int) -> Sums:
    if after < last:
        for kind, body in _entries(store, booth, after, last):
            sums.add(kind, body)
    return sums


def _entries(store: Tables, booth: str, after: int, last: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for start in range(after, last, SLICE):
        values = (*KINDS, booth, start, min(start + SLICE, last))
        for row in store.db.execute(ENTRIES, values).fetchall():
            yield row["kind"], json.loads(row["body"])
