"""How many refused commands the journal keeps one by one; what is beyond is counted.

A refused command is remembered like any other, so that the same request gets the same answer. Whoever sends
nonsense without end would fill the journal: of refusals within an hour the first `most` are kept, the others
are answered and not remembered, and one entry says how many there were.
"""

from datetime import datetime, timedelta

from edge.booth.enrolment import Entry

COUNTED = "commands.refused"  # kind of a journal entry
MOST, WINDOW = 100, timedelta(hours=1)


class RefusedCommands:
    """The refusals of one hour; a restart begins a new one. Knows no clock: times come as on the wire."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._since = ""
        self._kept = self._dropped = 0

    def keep(self, at: str) -> bool:
        """Take a refusal; tell whether the journal keeps it."""
        if self._over(at):
            self._since, self._kept = at, 0
        if self._kept < self._most:
            self._kept += 1
            return True
        self._dropped += 1
        return False

    def counted(self, at: str) -> list[Entry]:
        """Return the entry that counts what was not kept, once the hour is over."""
        if not self._dropped or not self._over(at):
            return []
        body = {"times": self._dropped, "since": self._since}
        self._dropped = 0
        return [(COUNTED, body)]

    def _over(self, at: str) -> bool:
        """Whether another hour begins; also where the clock was set back."""
        if not self._since:
            return True
        passed = datetime.fromisoformat(at) - datetime.fromisoformat(self._since)
        return not timedelta(0) <= passed < WINDOW
