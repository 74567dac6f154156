"""Events from a file, CSV or JSON lines: each line taken once, or refused with its number and a reason."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from edge.campaign.events import FIELDS, Event, event_of
from edge.csv_lines import NOT_UTF8, cells_of, columns_of, read_whole
from edge.errors import VantayError
from edge.hub.campaign import CampaignBook
from edge.hub.campaign_files import Row
from edge.hub.list_file import list_file
from edge.json_once import Twice, check_once

LEAST, FIRST, MOST = 5_000, 10_000, 100_000  # lines of one transaction
HELD_SECONDS = 2.0  # that one is meant to have the file; the collector waits five for it (edge/store.py)
TOLD = 1000  # refusals that are named; the rest is counted


@dataclass(slots=True)
class Outcome:
    """What came of a file."""

    new: int = 0
    known: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, lines: list[tuple[int, str]]) -> None:
        """Note lines that were not taken, and why."""
        self.refused += len(lines)
        room = max(0, TOLD - len(self.reasons))
        self.reasons += [f"line {line}: {reason}" for line, reason in sorted(lines)[:room]]


def import_events(book: CampaignBook, path: Path) -> Outcome:
    """Take every line of a file, a transaction for each batch; run again, it changes nothing."""
    outcome = Outcome()
    book.store.for_import()
    try:
        with list_file(path) as file:
            lines = _csv(file) if path.suffix.lower() == ".csv" else _json_lines(file)
            size = FIRST
            while batch := list(islice(lines, size)):
                refused: list[tuple[int, str]] = []
                good = _checked(book, batch, refused)
                rows = [book.row(event) for _, event in good]
                began = time.monotonic()
                _take(book, good, rows, outcome, refused)
                size = next_size(size, time.monotonic() - began)
                outcome.refuse(refused)
    except OSError as error:
        raise VantayError(
            f"{path} cannot be read ({error.strerror}): {outcome.new} events before that were taken and "
            "stay; mend the file and import it again"
        ) from None
    return outcome


def next_size(size: int, seconds: float) -> int:
    """Return how many lines the next transaction takes, by how long this one had the file."""
    wanted = size * HELD_SECONDS / max(seconds, 0.001)
    return int(min(max(wanted, size / 2, LEAST), size * 2, MOST))


def _checked(
    book: CampaignBook, batch: list[tuple[int, Any]], refused: list[tuple[int, str]]
) -> list[tuple[int, Event]]:
    """Make events of lines, before the database is locked."""
    good = []
    for line, row in batch:
        try:
            if isinstance(row, str):
                raise ValueError(row)
            event = event_of(row, book.lists.units)
            if not book.in_span(event):
                raise ValueError("the time is before the campaign's start or beyond its span")
            good.append((line, event))
        except ValueError as error:
            refused.append((line, str(error)))
    return good


def _take(
    book: CampaignBook,
    batch: list[tuple[int, Event]],
    rows: list[Row],
    outcome: Outcome,
    refused: list[tuple[int, str]],
) -> None:
    fresh, known = [], 0
    with book.store.transaction():
        for (line, event), taken in zip(batch, book.take_all(rows), strict=True):
            if taken == "conflict":
                refused.append((line, "another event is held under this id: nothing is overwritten"))
            elif taken == "new":
                fresh.append(event)
            else:
                known += 1
        book.count(fresh)
    outcome.new += len(fresh)
    outcome.known += known


def _csv(file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    rows = cells_of(file)
    try:
        names = columns_of(next(rows, (1, list[str]()))[1])
    except ValueError as error:
        raise VantayError(f"{error}; nothing was taken") from None
    wrong = sorted(set(names) - set(FIELDS))
    if wrong or not names:
        raise VantayError(
            f"the first line must name columns among {', '.join(FIELDS)}; not {wrong or 'nothing'}"
        )
    for line, cells in rows:
        if isinstance(cells, str):
            yield line, cells
        elif len(cells) != len(names):
            yield line, "the line has another number of cells than the first"
        else:
            yield line, dict(zip(names, cells, strict=True))


def _json_lines(file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, _object(line) if read_whole(line) else NOT_UTF8


def _object(line: str) -> dict[str, Any] | str:
    """Return the object of a line, or what is wrong with it."""
    try:
        row = from_json(line)
        if isinstance(row, dict):
            words = len(row) + sum(type(value) is str for value in row.values())
            if line.count('"') != 2 * words:  # a key is there twice, or there is more in it than plain words
                check_once(line)
            return row
    except Twice as error:
        return str(error)
    except (ValueError, RecursionError):
        pass
    return "the line is no JSON object"
