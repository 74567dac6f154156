"""Appointments as a list has them: which slot, of which hamlet, for how many people. Nobody is named."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from edge.campaign.lists import Units, rows_of
from edge.names import bare, fold

COLUMNS = ("id", "unit", "hamlet", "begin", "people")
MOST = 1000  # people of one line
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,60}")
_IDENTITY_NUMBER = re.compile(r"[0-9]{9}|[0-9]{12}")


class Booking(NamedTuple):
    """One line of a plan."""

    id: str  # of the line: given again, it is the same appointment, or the same one moved
    unit: str  # official code of a commune
    hamlet: str
    begin: datetime  # local time, no offset
    people: int  # 0: called off


class Hamlets(NamedTuple):
    """Known hamlets, each with its own cap or None, and a sentence for each line that was not taken."""

    caps: dict[tuple[str, str], int | None]  # (unit, hamlet)
    problems: list[str]


def hamlet_of(text: str) -> str:
    """Return a hamlet's name as it is compared; ValueError when it is none."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise ValueError("the hamlet must be 1 to 60 characters")
    return name


def one_hamlet(one: str, other: str) -> bool:
    """Whether two names may be one hamlet's: words alike but for capitals, or for marks that one leaves out.

    Thon 3 is Thôn 3; Thôn Hạ and Thôn Hà are two, and Thon Ha may be either.
    """
    words, others = fold(one).split(), fold(other).split()
    return len(words) == len(others) and all(
        word == another or bare(word) == another or word == bare(another)
        for word, another in zip(words, others, strict=True)
    )


def read_hamlets(lines: Iterable[str], units: Units) -> Hamlets:
    """Read `unit,hamlet,cap`; an empty cap is the campaign's."""
    found = Hamlets({}, [])
    for line, row in rows_of(lines, ("unit", "hamlet", "cap"), found.problems):
        try:
            key = _unit(row["unit"], units), hamlet_of(row["hamlet"])
            if key in found.caps:
                raise ValueError(f"{key[1]} of {key[0]} is there already")
            found.caps[key] = _number(row["cap"], "the cap") if row["cap"] else None
        except ValueError as error:
            found.problems.append(f"line {line}: {error}")
    return found


def booking_of(row: Mapping[str, str], units: Units, hamlets: Hamlets | None) -> Booking:
    """Check one line; ValueError with one sentence says what is wrong with it."""
    name = row["id"]
    if not _ID.fullmatch(name):
        raise ValueError("the id must be 1 to 60 letters, digits or ._:/-")
    if _IDENTITY_NUMBER.fullmatch(name):
        raise ValueError("the id looks like an identity number: nobody is named here, number the lines")
    unit, hamlet = _unit(row["unit"], units), hamlet_of(row["hamlet"])
    if hamlets is not None and (unit, hamlet) not in hamlets.caps:
        raise ValueError(f"{hamlet} is no hamlet of {unit} in the list of hamlets")
    try:
        begin = datetime.fromisoformat(row["begin"])
        if begin.tzinfo is not None or len(row["begin"]) < len("2021-05-29 07:30"):
            raise ValueError
    except ValueError:
        raise ValueError("begin must be a day and a local time, as 2021-05-29 07:30") from None
    return Booking(name, unit, hamlet, begin, _number(row["people"], "people"))


def _unit(code: str, units: Units) -> str:
    if code not in units.communes:
        raise ValueError(f"no commune has the code {code or '(empty)'}")
    return code


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or int(text) > MOST:
        raise ValueError(f"{what} must be a whole number from 0 to {MOST}")
    return int(text)
