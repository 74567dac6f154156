"""Journal entries out of the hub's database as JSON Lines, so that somebody else can verify and keep them."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from edge.errors import BadCommand, VantayError
from edge.hub.tables import Tables
from edge.messages import canonical, utc

ENTRIES = "SELECT booth, seq, at, clock, kind, body, previous_hash, hash FROM entry"


class Span:
    """From where to where: a number is a seq, a date (UTC) or a time with its offset is the booth's `at`."""

    def __init__(self, first: str | None, last: str | None) -> None:
        self.terms: list[str] = []
        self.values: list[int | str] = []
        self._add("--from", first, ">=", time.min)
        self._add("--to", last, "<=", time.max)
        self.to_the_end = last is None
        match self.values:
            case [int(begin), int(end)] if begin > end:
                self._is_none(first, last)
            case [str(begin), str(end)] if begin > end:
                self._is_none(first, last)

    def _is_none(self, first: str | None, last: str | None) -> None:
        raise BadCommand(f"--from {first} is later than --to {last}: nothing lies between them")

    def _add(self, option: str, text: str | None, sign: str, of_day: time) -> None:
        if text is None:
            return
        if text.isascii() and text.isdigit() and len(text) < 17:  # what JSON keeps exactly has 16 digits
            self.terms.append(f"seq {sign} ?")
            self.values.append(int(text))
            return
        self.terms.append(f"at {sign} ?")
        self.values.append(_moment(option, text, of_day))


def _moment(option: str, text: str, of_day: time) -> str:
    try:
        if len(text) == len("2026-01-05"):
            return utc(datetime.combine(date.fromisoformat(text), of_day, UTC))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return utc(moment)
    except (ValueError, OverflowError):
        raise BadCommand(
            f"{option} must be a seq, a date (2026-01-05), or a time with its offset (2026-01-05T08:00:00Z)"
        ) from None


def lines(store: Tables, booth: str | None, span: Span) -> Iterator[bytes]:
    """Yield one entry a line, booth by booth, in the order of `seq`, as of one moment.

    The last one that is held of a booth says of how many in this file it is the last (`last_of`), so that a
    file that was cut is known; what ends at `--to` does not say so.
    BadCommand for a booth of which nothing is held.
    """
    terms, values = list(span.terms), list(span.values)
    if booth is not None:
        if not store.db.execute("SELECT 1 FROM booth WHERE name = ?", (booth,)).fetchone():
            known = ", ".join(row["name"] for row in store.db.execute("SELECT name FROM booth ORDER BY name"))
            raise BadCommand(f"no booth '{booth}' has reported; there are {known or 'none yet'}")
        terms.append("booth = ?")
        values.append(booth)
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    rows = store.stream(f"{ENTRIES}{where} ORDER BY booth, seq", values)
    for row, number in _counted(rows):
        try:
            entry = {**dict(row), "clock": json.loads(row["clock"]), "body": json.loads(row["body"])}
        except ValueError:
            raise VantayError(
                f"entry {row['seq']} of booth {row['booth']} cannot be read: the hub's database is damaged, "
                "keep it for the technician"
            ) from None
        yield canonical({**entry, "last_of": number} if number and span.to_the_end else entry) + b"\n"


def _counted(rows: Iterable[Any]) -> Iterator[tuple[Any, int | None]]:
    """Yield each row, with the last one of each booth how many the booth has."""
    before, number = None, 0
    for row in rows:
        if before:
            ends = before["booth"] != row["booth"]
            yield before, number if ends else None
            number = 0 if ends else number
        before, number = row, number + 1
    if before:
        yield before, number
