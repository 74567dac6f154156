"""A spare box takes the place of one that is gone: its journal is what the hub holds of that booth's.

Entries keep their numbers and hashes: the hub sees one journal go on. Should the old box come back, what it
recorded beyond is another entry under a number that is held, which the hub refuses as a fork. The fingers of
the enrolment that stood open, templates of those enrolled, people, worklist, and packets that the hub did not
have are gone with the old box; what was lost of records is told. So nobody can ask the station any more about
records that were sealed unsettled: an entry each says that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from edge.booth import enrolment
from edge.booth.reporter import CURSOR
from edge.booth.station_answer import SETTLED_LATER, never_settled
from edge.errors import BadCommand
from edge.journal import GENESIS, Journal, check_entry
from edge.messages import Clock, JournalEntry
from edge.store import Store

TOOK_OVER = "booth.took-over"


class _Whose(BaseModel):
    booth: str
    last_of: int | None = None  # of the last entry that the hub held: how many the file has


@dataclass(frozen=True, slots=True)
class Taken:
    """What a spare box now stands on, and what the old one took with it."""

    entries: int
    given_up: str | None  # the enrolment that stood open
    packets: tuple[str, ...]  # sealed, and not at the hub when it was told last
    unsettled: tuple[str, ...] = ()  # enrolments of which the station never said who the person is


def take_over(
    store: Store, lines: Iterable[bytes], booth: str, at: str, clock: Clock, without_end: bool = False
) -> Taken:
    """Write the entries of `vantay hub export` into an empty journal: all, or BadCommand and none.

    The last one must say that it is (`last_of`), unless the file is to be taken `without_end`.
    """
    journal = Journal(store)
    if journal.tail()[0]:
        raise BadCommand(
            f"this box has a journal of {journal.tail()[0]} entries: only a box that never ran takes over"
        )
    last, open_packets, last_of = (0, GENESIS), dict[str, str](), None
    unsettled: dict[str, str] = {}  # enrolment -> subject
    current: enrolment.Enrolment | None = None
    with store.transaction():
        for number, line in enumerate(lines, 1):
            entry, last_of = _entry(line, number, booth)
            if (entry.seq, entry.previous_hash) != (last[0] + 1, last[1]) or not check_entry(entry):
                raise BadCommand(
                    f"line {number} is not entry {last[0] + 1} of this journal: export it whole, from entry 1"
                )
            journal.adopt(entry)
            last = entry.seq, entry.hash
            current = enrolment.evolve(current, entry.kind, entry.body)
            packet = str(entry.body.get("packet", ""))
            if entry.kind == enrolment.SEALED:
                open_packets[packet] = str(entry.body["enrolment"])
                if entry.body.get("station") == enrolment.UNSETTLED:
                    unsettled[str(entry.body["enrolment"])] = str(entry.body["subject"])
            elif entry.kind == SETTLED_LATER:
                unsettled.pop(str(entry.body["enrolment"]), None)
            elif entry.kind == "packet.acknowledged":
                open_packets.pop(packet, None)
        if not last[0]:
            raise BadCommand("the file holds no entry: there is nothing to take over, start a new booth")
        if last_of != last[0] and not without_end:
            raise BadCommand(
                f"the file ends with entry {last[0]} and does not say that the hub held no more: it was cut, "
                "or is of --to or an earlier release; export it anew, or say --without-end if it is whole"
            )
        if current:
            reason = "the box was replaced: what was captured is gone with it"
            given_up = {"enrolment": current.id, "subject": current.subject, "reason": reason}
            journal.append(enrolment.ABANDONED, dict(given_up), at, clock)
        journal.append(TOOK_OVER, {"entries": last[0], "packets": [*sorted(open_packets)]}, at, clock)
        for name, subject in unsettled.items():
            journal.append(*never_settled(name, subject), at, clock)
        store.move_cursor(CURSOR, last[0])
    return Taken(last[0], current.id if current else None, tuple(sorted(open_packets)), tuple(unsettled))


def _entry(line: bytes, number: int, booth: str) -> tuple[JournalEntry, int | None]:
    try:
        entry = JournalEntry.model_validate_json(line)
        whose = _Whose.model_validate_json(line)
    except ValidationError:
        raise BadCommand(f"line {number} is no entry of 'vantay hub export'") from None
    if whose.booth != booth:
        raise BadCommand(f"line {number} is of booth {whose.booth}, and this box is {booth}: export that one")
    return entry, whose.last_of
