"""A report as data: columns, rows, notes, a plot. What people read in any format is made from this alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

from edge.campaign.book import Book

Cell = str | int | float | bool | date | None
Kind = Literal["text", "number", "share", "date", "yes"]


class Column(NamedTuple):
    """One column; a share is a fraction in data and per cent on paper."""

    key: str
    title: str
    kind: Kind = "text"


class Plot(NamedTuple):
    """Bars, of which several series stand behind each other, or lines over labels; None is no number.

    `marks` are words at labels of lines: deadlines among the days.
    """

    title: str
    labels: list[str]
    series: Mapping[str, Sequence[float | None]]
    bars: bool = False
    marks: Mapping[str, str] = {}  # word -> label

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw: no label, or no number but zero."""
        return not self.labels or not any(value for row in self.series.values() for value in row)


@dataclass(frozen=True, slots=True)
class Table:
    """One report."""

    title: str
    columns: tuple[Column, ...]
    rows: list[dict[str, Cell]]
    notes: list[str] = field(default_factory=list)
    plot: Plot | None = None

    def column(self, key: str) -> list[Cell]:
        """Return one column's cells."""
        return [row[key] for row in self.rows]


class Report(NamedTuple):
    """A table and what stands on every report."""

    name: str
    campaign: str
    legal_basis: tuple[str, ...]
    at: date  # the business day
    scope: str
    table: Table
    until: datetime | None = None  # within that day, after which nothing counts; None: its end


NAMED = "{unit} ({code})"  # a name alone may be of several units
LONGEST_PLOT = 40  # bars
UNIT = (Column("code", "code"), Column("unit", "unit"), Column("district", "district"))


def unit_cells(book: Book, code: str) -> dict[str, Cell]:
    """Return the cells of the columns UNIT."""
    units = book.units
    return {"code": code, "unit": units.name(code), "district": units.districts[units.district(code)]}


def bars_of(title: str, rows: list[dict[str, Cell]], label: str, **series: str) -> Plot:
    """Draw columns of the first rows; `label` is how a row is named, as "{unit} ({code})"."""
    drawn = rows[:LONGEST_PLOT]
    if len(drawn) < len(rows):
        title = f"{title}: the first {len(drawn)} of {len(rows)}"
    numbers = {name.replace("_", " "): [number_of(row[key]) for row in drawn] for name, key in series.items()}
    return Plot(title, [label.format_map(row) for row in drawn], numbers, bars=True)


def number_of(cell: Cell) -> float:
    """Return a cell as the length of a bar; none where there is no number."""
    return float(cell) if isinstance(cell, int | float) else 0.0


def target_note(book: Book, target: str) -> str:
    """Say what is held against what."""
    one = book.campaign.targets[target]
    return f"measured against: {one.title}"


def shown(cell: Cell, kind: Kind) -> str:
    """Write a cell for people."""
    if cell is None:
        return ""
    if kind == "share" and isinstance(cell, int | float):
        return f"{100 * cell:.1f} %"
    if kind == "yes":
        return "yes" if cell else ""
    if isinstance(cell, float):
        return f"{cell:,.1f}"
    if kind == "number" and isinstance(cell, int):
        return f"{cell:,}"
    return str(cell)
