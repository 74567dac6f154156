"""The campaign in the hub's database: events taken once, counted in the same transaction, read as a book."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from pydantic_core import from_json

from edge import clock
from edge.campaign.book import Book
from edge.campaign.definition import Campaign
from edge.campaign.events import Event, event_key, file_of
from edge.campaign.lists import Imported, Stop, Units, read_quota, read_rounds, read_units
from edge.campaign.reports.manifest import File
from edge.campaign.tally import MAXIMA, Tally
from edge.errors import BadSettings
from edge.hub.campaign_files import NAME, Row, carry_over, files_between, keep, unmark
from edge.hub.list_file import list_file
from edge.hub.tables import Tables
from edge.messages import canonical

FACTS = Event._fields[4:]  # all that is not a column of its own
AT_ONCE = 50_000  # events folded between two writes
ALIKE = """
SELECT max(at), kind, unit, count(*) FROM campaign_event WHERE day = ? AND at <= ? AND facts = ''
GROUP BY kind, unit
"""
UNLIKE = "SELECT '', at, kind, unit, facts FROM campaign_event WHERE day = ? AND at <= ? AND facts <> ''"
COUNTS = "SELECT measure, key, day, number FROM campaign_count WHERE day < ?"
TO_COME = "SELECT coalesce(sum(number), 0) FROM campaign_count WHERE measure = 'collected' AND day > ?"
OF_UNITS = " AND (measure < 'operator/' OR measure >= 'operator0')"  # half of the counts are of operators
SEALERS = """
SELECT name FROM booth WHERE EXISTS (SELECT 1 FROM entry WHERE kind = 'enrolment.sealed' AND booth = name)
"""
HELD = "SELECT at, kind, unit, facts FROM campaign_event WHERE step = ? AND id = ?"
INSERT = "INSERT INTO campaign_event VALUES (?, ?, ?, ?, ?, ?, ?)"
COUNT = """
INSERT INTO campaign_count VALUES (?, ?, ?, ?) ON CONFLICT (measure, key, day) DO UPDATE SET number =
"""
SUM = "campaign_count.number + excluded.number"
GREATER = """
CASE WHEN excluded.number > campaign_count.number THEN excluded.number ELSE campaign_count.number END
"""
Taken = Literal["new", "known", "conflict"]
SAYS_NOTHING = Event("", 0, "", "")[4:]
FORGET = "DELETE FROM campaign_event WHERE step = ? AND id = ? AND at = ?"

Read = TypeVar("Read")


class Step(NamedTuple):
    """A step of a file, wherever it was collected."""

    file: str
    kind: str
    at: int  # UTC, seconds since 1970


class Lists(NamedTuple):
    """The campaign's imported lists, and a sentence for each line that was not taken."""

    units: Units
    quotas: dict[str, dict[str, int]]
    stops: list[Stop]
    problems: list[str]

    @staticmethod
    def none() -> "Lists":
        """Return no lists, for who counts what is counted by unit already."""
        return Lists(Units({}, {}), {}, [], [])


def read_lists(campaign: Campaign) -> Lists:
    """Read every list that the campaign names; BadSettings for a file that is no list at all."""
    units, problems = _read(campaign.units, read_units)
    told = [f"{campaign.units.name} {problem}" for problem in problems]
    quotas = {}
    for name, target in campaign.targets.items():
        found = _read(target.file, lambda lines: read_quota(lines, units)) if target.file else Imported()
        quotas[name] = found.numbers
        told += [f"{target.file.name} {problem}" for problem in found.problems if target.file]
    stops: list[Stop] = []
    if campaign.rounds:
        stops, problems = _read(campaign.rounds, lambda lines: read_rounds(lines, units))
        told += [f"{campaign.rounds.name} {problem}" for problem in problems]
    return Lists(units, quotas, stops, told)


def _read(path: Path, reader: Callable[[Iterable[str]], Read]) -> Read:
    try:
        with list_file(path) as file:
            return reader(file)
    except OSError as error:
        raise BadSettings(f"{path} cannot be read ({error.strerror}): hub.toml names it") from None
    except ValueError as error:
        raise BadSettings(f"{path}: {error}") from None


class CampaignBook:
    """Events and counts of one campaign; the caller holds the transaction of what it writes."""

    def __init__(
        self,
        store: Tables,
        campaign: Campaign,
        lists: Lists,
        warns: Callable[[Tables], str | None] = lambda _: None,  # of what is wrong besides
    ) -> None:
        self.store, self.db, self.campaign, self.lists = store, store.db, campaign, lists
        self.warns = warns
        self._shift, self._first = campaign.shift_seconds, campaign.first_day

    def take(self, event: Event) -> Taken:
        """Take one event once, to be counted when it is new; another one under a known id is a conflict."""
        return self.take_all([self.row(event)])[0]

    def row(self, event: Event) -> Row:
        """Return an event as it is held; needs no transaction."""
        day = (event.at + self._shift) // 86400 - self._first
        return event_key(event.id), event.id, day, event.at, event.kind, event.unit, _facts(event)

    def take_all(self, rows: list[Row]) -> list[Taken]:
        """Take events once each; return what became of each, in their order.

        They are looked up and written in the order of their keys, so that the index is walked once, not leapt
        about in.
        """
        steps = [row[0] for row in rows]
        outcomes: list[Taken] = ["new"] * len(rows)
        fresh: dict[str, Row] = {}
        self.store.hold(NAME)
        order = sorted(range(len(rows)), key=steps.__getitem__)  # of one id the first comes first
        found = self.store.each(HELD, [rows[place][:2] for place in order])
        for place, stored in zip(order, found, strict=True):
            row = rows[place]
            before = fresh.get(row[1])
            held = before[3:] if before else stored
            if held is None:
                fresh[row[1]] = row
            else:
                outcomes[place] = "known" if held == row[3:] else "conflict"
        self.db.executemany(INSERT, fresh.values())
        keep(self.db, fresh.values())
        return outcomes

    def add(self, events: Iterable[Event]) -> int:
        """Take events of the campaign's days, and count those that are new; return how many are."""
        found = [event for event in events if self.in_span(event)]
        taken = self.take_all([self.row(event) for event in found]) if found else []
        fresh = [event for event, one in zip(found, taken, strict=True) if one == "new"]
        if fresh:
            self.count(fresh)
        return len(fresh)

    def follow(self, steps: Iterable[Step]) -> int:
        """Add steps of files, each where its file was collected; one of a file that was not is left out."""
        steps = list(steps)
        if not steps:
            return 0
        self.store.hold(NAME)
        held = self.collected([step.file for step in steps])
        return self.add(
            Event(f"{file}:{kind}", at, kind, held[file].unit, held[file].place)
            for file, kind, at in steps
            if file in held
        )

    def collected(self, files: Iterable[str]) -> dict[str, Event]:
        """Return the events `collected` that are held of these files, by file."""
        names = [f"{file}:collected" for file in files]
        found = self.store.each(HELD, [(event_key(name), name) for name in names])
        return {file_of(name): _event((name, *row)) for name, row in zip(names, found, strict=True) if row}

    def forget(self, events: Iterable[tuple[str, int]]) -> None:
        """Take back events that are no steps of their own, by id and time; others of those ids stay."""
        wanted = list(events)
        rows = self.store.each(HELD, [(event_key(name), name) for name, _ in wanted])
        wrong = [
            _event((name, *row)) for (name, at), row in zip(wanted, rows, strict=True) if row and row[0] == at
        ]
        if not wrong:
            return
        self.db.executemany(FORGET, [(event_key(event.id), event.id, event.at) for event in wrong])
        unmark(self.db, [self.row(event) for event in wrong])
        tally = Tally(self.campaign)
        tally.fold((event for event in wrong if self.in_span(event)), -1)
        self._write(tally)

    def in_span(self, event: Event) -> bool:
        """Tell whether an event is of this campaign's days."""
        return 0 <= (event.at + self._shift) // 86400 - self._first < self.campaign.span_days

    def count(self, events: Iterable[Event]) -> None:
        """Add new events to the counts that the file holds, in the transaction that took them."""
        tally = Tally(self.campaign)
        tally.fold(events)
        self._write(tally)

    def _write(self, tally: Tally) -> None:
        cells = list(tally.cells())
        self.db.executemany(COUNT + SUM, (cell for cell in cells if cell[0] not in MAXIMA))
        self.db.executemany(COUNT + GREATER, (cell for cell in cells if cell[0] in MAXIMA))

    def prepare(self) -> None:
        """Carry over what an earlier release took; count anew what was counted by other days or fees."""
        carry_over(self.store)
        if self._counted_by() == self._rule():
            return
        with self.store.transaction():
            self.store.hold(NAME)
            if self._counted_by() == self._rule():  # another collector was quicker
                return
            self.db.execute("DELETE FROM campaign_count")
            self.db.execute("DELETE FROM campaign_definition")
            self.db.execute("INSERT INTO campaign_definition VALUES (?)", (self._rule(),))
            self._write(self._folded(self._events("")))
            days = f"(at + {self.campaign.shift_seconds}) / 86400 - {self.campaign.first_day}"
            where = f"WHERE day <> {days}"
            self.db.execute(f"UPDATE campaign_event SET day = {days} {where}")  # noqa: S608 - numbers of ours

    def book(self, cut_off: int | None = None, operators: bool = True) -> Book:
        """Return what reports read; with a time (UTC seconds), nothing that happened after it is counted.

        Without `operators`, what each of them did may be left out.
        """
        if self._counted_by() != self._rule():
            where = "" if cut_off is None else f"WHERE at <= {cut_off}"
            tally = self._folded(self._events(where))
        else:
            day = self.campaign.span_days if cut_off is None else self.campaign.day_index(cut_off)
            tally = Tally(self.campaign)
            tally.load(self.store.plain().execute(COUNTS if operators else COUNTS + OF_UNITS, (day,)))
            if cut_off is not None:
                self._fold_part(tally, day, cut_off)
        return self._book(tally)

    def _fold_part(self, tally: Tally, day: int, cut_off: int) -> None:
        """Count a day's events up to a time; the database counts those that say nothing of their own."""
        for at, kind, unit, number in self.store.plain().execute(ALIKE, (day, cut_off)):
            tally.fold([Event("", at, kind, unit)], number)
        tally.fold(map(_event, self.store.plain().execute(UNLIKE, (day, cut_off))))

    def uncounted(self) -> Book:
        """Return a book in which nothing is counted, for a report that needs none of it."""
        return self._book(Tally(self.campaign))

    def _book(self, tally: Tally) -> Book:
        lists = self.lists
        return Book(
            self.campaign, lists.units, lists.quotas, tally, lists.stops, [*lists.problems, *self.apart()]
        )

    def files(self, day: int) -> list[File]:
        """Return the files collected on a business day, and how far each is by now."""
        return files_between(self.store, self.campaign.begins(day), self.campaign.begins(day + 1))

    def apart(self) -> list[str]:
        """Return a sentence for each booth whose files are not counted, and for what is wrong besides."""
        lost = [row["name"] for row in self.db.execute(SEALERS) if row["name"] not in self.campaign.booths]
        told = [
            f"booth {name} is not in [campaign.booths]: what it collected is not counted" for name in lost
        ]
        for name, booth in self.campaign.booths.items():
            if booth.unit not in self.lists.units:
                told.append(
                    f"booth {name}: no unit has the code {booth.unit}; what it collected is not counted"
                )
        besides = self.warns(self.store)
        return [*told, *self._outside(), *self._to_come(), *([besides] if besides else [])]

    def _to_come(self) -> list[str]:
        """Return a sentence where records are of days to come, which no report of today has."""
        today = self.campaign.day_index(int(clock.moment().timestamp()))
        number = self.db.execute(TO_COME, (today,)).fetchone()[0]
        if not number:
            return []
        return [
            f"{number} records are of days to come, after {self.campaign.day(today)} by this machine: "
            "look at this clock, at the booths' and at what was imported"
        ]

    def _outside(self) -> list[str]:
        """Return a sentence for each booth with records of days that are not the campaign's."""
        rows = self.db.execute("SELECT booth, rule, outside FROM campaign_booth WHERE outside > 0").fetchall()
        outside, rules = {row["booth"]: row["outside"] for row in rows}, self.rules()
        days = f"{self.campaign.start} to {self.campaign.day(self.campaign.span_days - 1)}"
        return [
            f"booth {name}: {outside[name]} records are not counted, being of no day of the campaign's "
            f"({days}): look at the booth's clock, and at start and span_days in hub.toml"
            for name in sorted(outside.keys() & rules.keys())
        ]

    def rules(self) -> dict[str, str]:
        """Return by what each booth is counted; a booth whose unit is unknown is not."""
        days = self.campaign.model_dump(
            mode="json", include={"start", "span_days", "utc_offset_minutes", "day_begins"}
        )
        return {
            name: canonical([days, booth.unit, booth.place]).decode()
            for name, booth in self.campaign.booths.items()
            if booth.unit in self.lists.units
        }

    def _events(self, where: str) -> Iterable[Event]:
        query = f"SELECT id, at, kind, unit, facts FROM campaign_event {where}"  # noqa: S608 - numbers of ours
        return (_event(tuple(row)) for row in self.store.stream(query))

    def _folded(self, events: Iterable[Event]) -> Tally:
        tally, rest = Tally(self.campaign), iter(events)
        while batch := list(islice(rest, AT_ONCE)):
            tally.fold(event for event in batch if self.in_span(event))
        return tally

    def _rule(self) -> str:
        rule = self.campaign.model_dump(
            mode="json", include={"start", "span_days", "utc_offset_minutes", "day_begins", "fees"}
        )
        return canonical(rule).decode()

    def _counted_by(self) -> str | None:
        row = self.db.execute("SELECT counted_by FROM campaign_definition").fetchone()
        return str(row["counted_by"]) if row else None


def moment(at: str) -> int:
    """Return UTC seconds since 1970."""
    return int(datetime.fromisoformat(at).timestamp())


def _facts(event: Event) -> str:
    if event[4:] == SAYS_NOTHING:
        return ""
    said = {name: value for name, value in zip(FACTS, event[4:], strict=True) if value not in ("", -1)}
    return canonical(said).decode()


def _event(row: tuple[str, int, str, str, str]) -> Event:
    return Event(*row[:4], **(from_json(row[4]) if row[4] else {}))
