"""Who is done goes off the booth's worklist: enrolled, with the hub, and kept for long enough."""

from datetime import datetime, timedelta

from edge.journal import Journal
from edge.messages import utc
from edge.vault import Vault
from edge.worklist import Worklist

PURGED = "worklist.purged"  # kind of a journal entry


def done(
    journal: Journal, vault: Vault, worklist: Worklist, now: datetime, keep: timedelta, clock_was_set: bool
) -> list[str]:
    """Return the keyed hashes of the people on the list whose time is over, each once.

    Nobody whose newest record is still here: the hub does not have it. `clock_was_set`: see the journal.
    """
    if not worklist.any:
        return []
    subjects = dict.fromkeys(journal.delivered_before(utc(now - keep), clock_was_set))
    return [s for s in subjects if worklist.has(s) and not _waits(journal, vault, s)]


def _waits(journal: Journal, vault: Vault, subject: str) -> bool:
    last = journal.enrolled_before(subject)
    return last is not None and vault.packet_chunk(str(last.body["packet"]), 0, 1) is not None
