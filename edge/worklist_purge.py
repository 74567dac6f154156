"""Who goes off the booth's worklist: whoever is done (enrolled, with the hub, and kept for long enough), and
whoever never came for long enough after they were last listed."""

from datetime import date, datetime, timedelta
from typing import Any

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


def never_came(journal: Journal, worklist: Worklist, today: date, keep_days: int) -> list[str]:
    """Return the keyed hashes of those who were last listed so many days ago or more and are not enrolled."""
    subjects = worklist.listed_before(today - timedelta(days=keep_days - 1))
    if not subjects:
        return []
    enrolled = journal.all_enrolled()
    return [s for s in subjects if s not in enrolled]


def purge(worklist: Worklist, subjects: list[str], served: int, by_rule: bool) -> tuple[str, dict[str, Any]]:
    """Take people off the list, `served` of them because they are done; return the journal's entry."""
    for subject in subjects:
        worklist.forget(subject)
    waited = len(subjects) - served
    never = {"never_came": waited} if waited else {}
    return (PURGED, {"people": len(subjects), "by_rule": by_rule, **never})


def _waits(journal: Journal, vault: Vault, subject: str) -> bool:
    last = journal.enrolled_before(subject)
    return last is not None and vault.waits(str(last.body["packet"]))
