"""The day's manifest to the ministry: which files, one hash over all of them, what is acknowledged."""

from collections.abc import Iterable
from hashlib import sha256
from operator import itemgetter
from typing import NamedTuple

from edge.campaign.book import Book, Scope
from edge.campaign.reports.table import Cell, Column, Plot, Table


class File(NamedTuple):
    """One file collected on the day."""

    file: str  # a packet's SHA-256, or what an importing system calls it
    unit: str
    sent: bool
    acknowledged: bool


def manifest_hash(files: Iterable[str]) -> str:
    """Return the SHA-256, hex, of the files' names, sorted, each ended by a line feed."""
    return sha256("\n".join([*sorted(files), ""]).encode()).hexdigest()


def manifest(book: Book, scope: Scope, files: list[File]) -> Table:
    """List the files of one business day; `files` are that day's."""
    wanted = frozenset(book.parts(scope.unit))
    listed = sorted((one for one in files if scope.unit is None or one.unit in wanted), key=itemgetter(0))
    rows: list[dict[str, Cell]] = [
        {"file": file, "unit": unit, "sent": sent, "acknowledged": known}
        for file, unit, sent, known in listed
    ]
    sent, acknowledged = (sum(map(itemgetter(place), listed)) for place in (2, 3))
    columns = (Column("file", "file"), Column("unit", "unit"), Column("sent", "sent", "yes"))
    return Table(
        f"Manifest of {book.campaign.day(scope.day)}",
        (*columns, Column("acknowledged", "acknowledged", "yes")),
        rows,
        [
            f"{len(listed)} files, SHA-256 {manifest_hash(map(itemgetter(0), listed))}",
            f"{sent} sent, {acknowledged} acknowledged, {len(listed) - acknowledged} not yet acknowledged",
            "sent and acknowledged: as it is known when this is made, whatever the day",
        ],
        Plot(
            "files of the day",
            ["collected", "sent", "acknowledged"],
            {"files": [float(len(listed)), float(sent), float(acknowledged)]},
            bars=True,
        ),
    )
