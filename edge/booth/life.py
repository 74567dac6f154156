"""Whether the booth's last life ended as it should, and if not, when it was last alive.

Once a minute the daemon leaves a mark in the booth's file, in a transaction: whenever it is killed, the last
one stands. It names the `booth.started` that it belongs to: a mark of another life, or of another journal,
says nothing.
"""

import json
from typing import Any

from edge.errors import VantayError
from edge.journal import Journal
from edge.messages import Clock, JournalEntry, canonical

STARTED, STOPPED = "booth.started", "booth.stopped"  # kinds of journal entries
MARK_SECONDS = 60.0
PUT = """
INSERT INTO alive VALUES (?, ?, ?)
ON CONFLICT (started) DO UPDATE SET at = excluded.at, clock = excluded.clock
"""


class Life:
    """The marks of one booth."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._started = journal, 0
        self._marked_at = 0.0

    def last_alive(self, working: bool) -> dict[str, Any] | None:
        """Return what `booth.started` says of the life before; None where that was stopped, or left no mark.

        Call it before this life writes anything. `working`: whether it had somebody to work for.
        """
        started = self._journal.last_of(STARTED)
        if self._journal.last_of(STOPPED) >= started:
            return None
        query = "SELECT at, clock FROM alive WHERE started = ?"
        row = self._journal.store.db.execute(query, (started,)).fetchone()
        if row is None:
            return None
        at, clock = row["at"], Clock(**json.loads(row["clock"]))
        (last,) = self._journal.read(self._journal.tail()[0] - 1, 1)
        if _soon_after(clock, last):
            at, clock = last.at, last.clock
        return {"at": at, "clock": clock.model_dump(), "working": working}

    def begin(self, now: float, at: str, clock: Clock) -> None:
        """Leave the first mark; call it in the transaction that has written `booth.started`."""
        self._started, self._marked_at = self._journal.last_of(STARTED), now
        self._journal.store.db.execute("DELETE FROM alive")
        self._put(at, clock)

    def mark(self, now: float, at: str, clock: Clock) -> None:
        """Leave a mark when it is time; where that cannot be done at once, a minute later."""
        if now - self._marked_at < MARK_SECONDS:
            return
        self._marked_at = now
        try:
            with self._journal.store.at_once():
                self._put(at, clock)
        except VantayError:  # locked, or full: whatever has to be written says so
            return

    def _put(self, at: str, clock: Clock) -> None:
        self._journal.store.db.execute(PUT, (self._started, at, canonical(clock.model_dump()).decode()))


def _soon_after(mark: Clock, entry: JournalEntry) -> bool:
    """Whether an entry is of the same life and later than its last mark: after a minute another is due."""
    passed = entry.clock.monotonic_ms - mark.monotonic_ms
    return entry.clock.boot == mark.boot and 0 < passed <= MARK_SECONDS * 1000
