"""How a record came about, pure: the journal's entries of one enrolment, and who signed off on it."""

from collections.abc import Iterable

from edge.booth.entries import FINDING, LOGGED_IN, LOGGED_OUT, REVIEWED, STARTED, Body
from edge.booth.shift import SIGNED
from edge.messages import JournalEntry

OF_PEOPLE = (LOGGED_IN, LOGGED_OUT, SIGNED)  # whose entries name no enrolment
MOST_ENTRIES = 2000  # an enrolment has some forty; of more, those in the middle are left out and counted


def account_of(enrolment: str, entries: Iterable[JournalEntry]) -> Body:
    """Return what the packet's manifest says of it; `entries`: from before its start, in order."""
    own = list[JournalEntry]()
    for entry in entries:
        if entry.body.get("enrolment") == enrolment or (own and entry.kind in OF_PEOPLE):
            own.append(entry)
    kept = own if len(own) <= MOST_ENTRIES else [*own[: MOST_ENTRIES // 2], *own[-MOST_ENTRIES // 2 :]]
    return {
        "journal": [entry.model_dump(mode="json") for entry in kept],
        "journal_left_out": len(own) - len(kept),
        "signed_off": _signed_off(own),
    }


def _signed_off(own: list[JournalEntry]) -> Body:
    """Return who had the enrolment in hand, in turn, whose word ended it, and who signed for an exception."""
    operators, supervisors = list[str](), list[str]()
    at_work, reviewed = None, None
    for entry in own:
        if entry.kind == STARTED:
            at_work = entry.body["operator"]
        elif entry.kind in (LOGGED_IN, LOGGED_OUT):
            at_work = entry.body["person"] if entry.kind == LOGGED_IN else None
        elif entry.kind == REVIEWED:
            reviewed = {"at": entry.at, "by": at_work, "gave_up": entry.body.get("gave_up")}
        elif entry.kind == FINDING and isinstance(of := entry.body.get("of"), dict) and of.get("signed_by"):
            supervisors.append(str(of["signed_by"]))
        if at_work is not None:
            operators.append(str(at_work))
    return {
        "operators": list(dict.fromkeys(operators)),
        "supervisors": list(dict.fromkeys(supervisors)),
        "reviewed": reviewed,
    }
