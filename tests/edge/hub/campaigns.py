"""A campaign for tests: lists as text, one event for each person, reports as people get them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, ParamSpec

from edge.campaign.book import Book, Scope
from edge.campaign.definition import Campaign, Fee, Target
from edge.campaign.events import Event
from edge.campaign.lists import read_quota, read_rounds, read_units
from edge.campaign.reports.catalogue import BY_DISTRICT, report
from edge.campaign.reports.manifest import File
from edge.campaign.reports.table import Cell, Report, Table
from edge.campaign.tally import Tally

P = ParamSpec("P")
HANOI = timedelta(hours=7)
FEES = (
    Fee(since=date(2021, 1, 1), due={"exchange": 15_000, "damaged": 25_000, "lost": 35_000, "first-time": 0}),
    Fee(since=date(2022, 7, 1), due={"exchange": 30_000, "damaged": 50_000, "lost": 70_000, "first-time": 0}),
)
HEADER = "district_code,district,commune_code,commune,kind"


def at(day: date, hour: int = 9, minute: int = 0, second: int = 0) -> int:
    """Return UTC seconds of a time on a clock in Hanoi."""
    moment = datetime.combine(day, time(hour, minute, second)) - HANOI
    return int((moment - datetime(1970, 1, 1)).total_seconds())


class Again:
    """Events that can be read as often as one likes, made anew each time."""

    def __init__(self, make: Callable[[], Iterator[Event]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Event]:
        return self._make()


def again(function: Callable[P, Iterator[Event]]) -> Callable[P, Again]:
    """Let what a generator function returns be read again."""
    return lambda *words, **facts: Again(lambda: function(*words, **facts))


@again
def people(number: int, kind: str, unit: str, when: int, **facts: Any) -> Iterator[Event]:
    """Yield one event for each of some persons, a second apart within the hour."""
    template = Event("", 0, kind, unit, **facts)[3:]
    for n in range(number):
        yield Event._make((f"{unit}-{when}-{n}:{kind}", when + n % 3600, kind, *template))


def units_csv(communes: dict[str, str], districts: dict[str, str], filler: int = 0) -> list[str]:
    """Return the official list: code -> name, a commune's district after a slash; and some more communes."""
    lines = [HEADER]
    for code, name in communes.items():
        commune, district = name.split("/")
        lines.append(f"{district},{districts[district]},{code},{commune},xa")
    named = {name.split("/")[1] for name in communes.values()}
    lines += [f"{code},{name},,," for code, name in districts.items() if code not in named]
    return lines + [f"999,Elsewhere,{90000 + n},Commune {n},xa" for n in range(filler)]


@dataclass
class Story:
    """What was imported, and what happened."""

    units: list[str]
    quotas: dict[str, dict[str, int]]  # target -> code -> number
    start: date
    measures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    rounds: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    streams: list[Iterable[Event]] = field(default_factory=list)

    def campaign(self) -> Campaign:
        targets = {
            name: Target(
                title=f"list {name}", file=Path("q.csv"), measures=self.measures.get(name, ("collected",))
            )
            for name in self.quotas
        }
        targets |= {
            name: Target(title=f"total {name}", total=total, measures=self.measures.get(name, ("collected",)))
            for name, total in self.totals.items()
        }
        given = {"name": "Campaign", "legal_basis": ("Order 01 of 5-5-2023",), "fees": FEES, **self.settings}
        return Campaign(start=self.start, units=Path("units.csv"), targets=targets, **given)

    def happened(self, *streams: Iterable[Event]) -> "Story":
        self.streams += streams
        return self

    def book(self, until: int | None = None) -> Book:
        units, problems = read_units(self.units)
        quotas = {name: {} for name in self.totals}
        for name, numbers in self.quotas.items():
            lines = read_quota(["code,quota", *(f"{code},{n}" for code, n in numbers.items())], units)
            quotas[name] = lines.numbers
            problems += lines.problems
        stops, told = read_rounds(["round,team,code", *self.rounds], units)
        assert not problems + told
        campaign = self.campaign()
        tally = Tally(campaign)
        events = chain.from_iterable(self.streams)
        tally.fold(events if until is None else (event for event in events if event.at <= until))
        return Book(campaign, units, quotas, tally, stops)


def made(book: Book, name: str, day: date, files: list[File] | None = None, **scope: Any) -> Report:
    """Return a report as `vantay hub report` makes it."""
    by = scope.pop("by", "district" if name in BY_DISTRICT else "commune")
    return report(name, book, Scope(book.campaign.index(day), by=by, **scope), files)


def table(book: Book, name: str, day: date, **scope: Any) -> Table:
    return made(book, name, day, **scope).table


def row(one: Table, **wanted: Cell) -> dict[str, Cell]:
    """Return the one row with these cells."""
    (found,) = [row for row in one.rows if all(row[key] == value for key, value in wanted.items())]
    return found


def spread(number: int, days: int) -> list[int]:
    """Cut a number into whole days that differ by one at most."""
    return [number // days + (day < number % days) for day in range(days)]


@again
def over_days(number: int, start: date, days: int, kind: str, unit: str, **facts: Any) -> Iterator[Event]:
    """Yield one event a person, evenly over some days."""
    for day, count in enumerate(spread(number, days)):
        yield from people(count, kind, unit, at(start + timedelta(days=day)), **facts)
