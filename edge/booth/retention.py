"""How long a sealed packet stays at the booth: until the hub has acknowledged it, and a time beyond."""

from datetime import datetime, timedelta

from edge.messages import utc
from edge.vault import Vault

PACKETS_PURGED = "packets.purged"  # kind of a journal entry
AT_ONCE = 500


def purge_packets(vault: Vault, now: datetime, keep: timedelta, clock_is_set: bool) -> list[str]:
    """Destroy the packets whose time is over, some at once; return them. Call it inside a transaction.

    A clock that is not set ends no time; one that was not set at the acknowledgement began none.
    """
    if keep and not clock_is_set:
        return []
    vault.date_packets(utc(now))
    due = vault.packets_taken(utc(now - keep), AT_ONCE)
    for packet in due:
        vault.purge_packet(packet)
    return due
