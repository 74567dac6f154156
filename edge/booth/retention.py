"""How long a sealed packet stays at the booth: until the hub has acknowledged it, and a time beyond.

The clock alone ends no time: one that is set may be set wrong. The booth has to have run for a part of the
time meanwhile, which no clock can pretend: seconds of running are added up in the booth's file.
"""

from datetime import datetime, timedelta

from edge.messages import utc
from edge.store import Store
from edge.vault import Vault

PACKETS_PURGED = "packets.purged"  # kind of a journal entry
AT_ONCE = 500
RAN = "ran"  # cursor: seconds that this booth has run
RUNNING = 6  # a sixth of the time: a booth in use runs for four hours a day
OVERDUE = timedelta(days=1)  # of running beyond the time


class Running:
    """How long this booth has run, in seconds, over all its starts; a kill takes off what was not kept."""

    def __init__(self, store: Store) -> None:
        self._store, self._before = store, store.cursor_at(RAN)
        self._since: float | None = None

    def seconds(self, now: float) -> int:
        """Return it, at a monotonic time."""
        if self._since is None:
            self._since = now
        return self._before + int(now - self._since)

    def keep(self, now: float) -> None:
        """Write it down."""
        self._store.move_cursor(RAN, self.seconds(now))


def purge_packets(vault: Vault, now: datetime, keep: timedelta, clock_is_set: bool, ran: int) -> list[str]:
    """Destroy the packets whose time is over, some at once; return them. Call it inside a transaction.

    A clock that is not set ends no time; one that was not set at the acknowledgement began none. `ran`: for
    how many seconds the booth has run.
    """
    if keep and not clock_is_set:
        return []
    vault.date_packets(utc(now))
    due = vault.packets_taken(utc(now - keep), ran - int(keep.total_seconds()) // RUNNING, AT_ONCE)
    for packet in due:
        vault.purge_packet(packet)
    return due


def overdue(vault: Vault, keep: timedelta, ran: int) -> int:
    """Count the packets kept beyond their time by as long as the booth has run: no clock ended it."""
    return vault.packets_kept(ran - int((keep + OVERDUE).total_seconds()))
