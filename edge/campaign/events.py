"""One event of the campaign: something happened to one person's file, or at one unit, at one time.

The chain of a file:     collected, sent, acknowledged, printed, posted, received (the card), handed-over
e-identity accounts:     account-1, account-2 (received, by level), activated
data cleaning:           cleaned
an operator's doings:    override, exception; `fee` with the dong that were taken
a stop of work:          fault, with its cause and the minutes lost
"""

import re
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from edge.campaign.lists import Units

CHAIN = ("collected", "sent", "acknowledged", "printed", "posted", "received", "handed-over")
ACCOUNTS = ("account-1", "account-2", "activated")
OPERATOR = ("override", "exception", "fee")
KINDS = (*CHAIN, *ACCOUNTS, "cleaned", *OPERATOR, "fault")
PLACES = ("fixed", "mobile")
CAUSES = ("scanner", "software", "network", "power")
FIELDS = (
    "id",
    "at",
    "kind",
    "unit",
    "place",
    "operator",
    "age",
    "issue",
    "seconds",
    "amount",
    "cause",
    "minutes",
)
_KNOWN = frozenset(FIELDS)
_STEPS = {step: number for number, step in enumerate(CHAIN)}
_NO_STEP = 7
_KINDS = frozenset(KINDS)
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,120}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_MOST = {"age": 130, "seconds": 86_400, "amount": 100_000_000, "minutes": 1440}


class Event(NamedTuple):
    """Numbers are -1 and words empty where nothing was said."""

    id: str  # the same event has the same id, whenever and however often it comes
    at: int  # UTC, seconds since 1970
    kind: str
    unit: str  # official code
    place: str = ""
    operator: str = ""
    age: int = -1  # years, on the day of the capture
    issue: str = ""  # first-time, exchange, reissue …
    seconds: int = -1  # that the capture took
    amount: int = -1  # dong taken
    cause: str = ""
    minutes: int = -1  # lost


def event_of(row: dict[str, Any], units: Units) -> Event:
    """Check one imported line; ValueError with one sentence says what is wrong with it."""
    if not row.keys() <= _KNOWN:
        unknown = sorted(set(row) - _KNOWN)
        raise ValueError(f"unknown key {unknown[0]}; known are {', '.join(FIELDS)}")
    name, kind, unit = _word(row, "id"), _word(row, "kind"), _word(row, "unit")
    place, operator, issue = _word(row, "place"), _word(row, "operator"), _word(row, "issue")
    cause = _word(row, "cause")
    age, seconds = _number(row, "age"), _number(row, "seconds")
    amount, minutes = _number(row, "amount"), _number(row, "minutes")
    if not _ID.fullmatch(name):
        raise ValueError("the id must be 1 to 120 letters, digits or ._:/-")
    if kind not in _KINDS:
        raise ValueError(f"the kind must be one of {', '.join(KINDS)}")
    if unit not in units:
        raise ValueError("no unit has this code: units are named by official code")
    if place and place not in PLACES:
        raise ValueError(f"the place must be one of {', '.join(PLACES)}")
    for what, word in (("operator", operator), ("issue", issue)):
        if word and not _NAME.fullmatch(word):
            raise ValueError(f"the {what} must be 1 to 31 small letters, digits or hyphens")
    at = _moment(row.get("at"))
    event = Event(name, at, kind, unit, place, operator, age, issue, seconds, amount, cause, minutes)
    _complete(event)
    return event


def file_of(event: str) -> str:
    """Return the file that the id of an event of the chain names."""
    return event.rpartition(":")[0]


def event_key(event: str) -> int:
    """Return an event's key: 61 bits (BLAKE2b) of its file's name, then three that say which step it is.

    The steps of one file lie side by side, each a number above the one before; an event that is no step has
    the bits of its whole id, and 7. Two ids may share a key: whoever looks for one compares the ids as well.
    """
    file, _, step = event.rpartition(":")
    number = _STEPS.get(step, _NO_STEP)
    name = event if number == _NO_STEP else file
    digest = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
    return digest & ~7 | number


def _complete(event: Event) -> None:
    file, _, suffix = event.id.rpartition(":")
    if event.kind in _STEPS and (suffix != event.kind or not file):
        raise ValueError(f"the id of a file's event is FILE:{event.kind}, so that it counts once")
    if event.kind not in _STEPS and suffix in _STEPS:
        raise ValueError(f"an id that ends in :{suffix} is of a file that was {suffix}, not of {event.kind}")
    if event.kind == "fault" and (event.cause not in CAUSES or event.minutes < 0):
        raise ValueError(f"a fault needs minutes and a cause, one of {', '.join(CAUSES)}")
    if event.kind in OPERATOR and not event.operator:
        raise ValueError(f"{event.kind} needs the operator")
    if event.kind == "fee" and (event.amount < 0 or not event.issue):
        raise ValueError("a fee needs issue and amount")


def _word(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text")
    return value.strip()


def _number(row: dict[str, Any], name: str) -> int:
    value = row.get(name)
    if value is None or value == "":
        return -1
    most = _MOST[name]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name} must be a whole number from 0 to {most}")
    return value


def _moment(value: Any) -> int:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return int(moment.timestamp())
    except (TypeError, ValueError, OverflowError):
        raise ValueError("at must be a time with its offset, as 2023-05-18T09:30:00+07:00") from None
