"""The plan of appointments in the hub's database: lines of a list taken one by one, never beyond a cap."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from edge.campaign.bookings import COLUMNS, Booking, Hamlets, booking_of, one_hamlet, read_hamlets
from edge.campaign.definition import Calendar, Campaign
from edge.campaign.lists import Units, rows_of
from edge.campaign.slots import Slots, book
from edge.errors import BadCommand, BadSettings, VantayError
from edge.hub.list_file import list_file
from edge.hub.tables import Tables

NAME = "the slots"  # of whom books, where there are several
HELD = "SELECT unit, hamlet, begin, people FROM booking WHERE id = ?"
TAKEN = """
SELECT hamlet, sum(people) FROM booking WHERE unit = ? AND begin = ? AND id <> ? GROUP BY hamlet
"""
WRITE = """
INSERT INTO booking (id, unit, hamlet, begin, people) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
SET unit = excluded.unit, hamlet = excluded.hamlet, begin = excluded.begin, people = excluded.people
"""
BOOKED = """
SELECT unit, hamlet, begin, sum(people) FROM booking WHERE begin >= ? AND begin < ? AND people > 0
GROUP BY unit, hamlet, begin
"""


@dataclass(slots=True)
class Planned:
    """What came of a list."""

    new: int = 0
    known: int = 0
    moved: int = 0
    reasons: list[str] = field(default_factory=list)


class Slot(NamedTuple):
    """One slot of one hamlet; more are booked than fit where the cap was lowered since."""

    unit: str
    hamlet: str
    begin: str  # local time, 2021-05-29 07:30
    booked: int  # under every spelling of the hamlet
    cap: int

    @property
    def free(self) -> int:
        """How many more may come."""
        return self.cap - self.booked


class SlotBook:
    """Appointments of one campaign."""

    def __init__(self, store: Tables, campaign: Campaign, units: Units) -> None:
        if campaign.slots is None:
            raise BadSettings(
                "hub.toml has no table [campaign.slots]: name shifts, minutes and cap of the slots"
            )
        self._store, self._campaign, self._units = store, campaign, units
        self._calendar: Calendar = campaign.slots
        self.hamlets = _hamlets(campaign.slots.hamlets, units) if campaign.slots.hamlets else None

    def plan(self, path: Path) -> Planned:
        """Take every line of `id,unit,hamlet,begin,people`, or say why not; again, it changes nothing."""
        planned = Planned()
        try:
            with list_file(path) as file, self._store.transaction():
                self._store.hold(NAME)
                for line, row in rows_of(file, COLUMNS, planned.reasons):
                    try:
                        self._take(booking_of(row, self._units, self.hamlets), planned)
                    except (ValueError, BadCommand) as error:
                        planned.reasons.append(f"line {line}: {error}")
        except OSError as error:
            raise VantayError(f"{path} cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise VantayError(f"{path}: {error}; nothing of it was taken") from None
        return planned

    def _take(self, booking: Booking, planned: Planned) -> None:
        name, unit, hamlet, begin, people = booking
        at = f"{begin:%Y-%m-%d %H:%M}"
        held = self._store.db.execute(HELD, (name,)).fetchone()
        if held is not None and tuple(held) == (unit, hamlet, at, people):
            planned.known += 1
            return
        if people:
            day = self._campaign.index(begin.date())
            if not 0 <= day < self._campaign.span_days:
                raise BadCommand(f"{begin:%Y-%m-%d} is not a day of the campaign")
            booked = {row[0]: int(row[1]) for row in self._store.db.execute(TAKEN, (unit, at, name))}
            taken = self._together(unit, hamlet, booked)
            book(self._slots(unit, hamlet), {(hamlet, begin): taken}, hamlet, begin, people)
        self._store.db.execute(WRITE, (name, unit, hamlet, at, people))
        planned.moved += held is not None
        planned.new += held is None

    def _together(self, unit: str, hamlet: str, booked: dict[str, int]) -> int:
        """Add up what is booked for a hamlet, however it is spelled; those in the list are apart."""
        listed = self.hamlets.caps if self.hamlets else {}
        return sum(
            people
            for name, people in booked.items()
            if name == hamlet or ((unit, name) not in listed and one_hamlet(name, hamlet))
        )

    def _slots(self, unit: str, hamlet: str) -> Slots:
        own = self.hamlets.caps.get((unit, hamlet)) if self.hamlets else None
        return self._calendar.slots(self._calendar.cap if own is None else own)

    def slots(self, first: date, last: date, unit: str | None = None) -> Iterator[Slot]:
        """Yield every slot from a day to a day: of each known hamlet, or of each that has appointments."""
        until = last + timedelta(days=1)
        booked: dict[tuple[str, str], dict[str, int]] = {}  # (unit, begin) -> hamlet -> people
        for code, hamlet, at, people in self._store.db.execute(BOOKED, (f"{first} 00:00", f"{until} 00:00")):
            booked.setdefault((code, at), {})[hamlet] = int(people)
        known = self.hamlets.caps.keys() if self.hamlets else set()
        found = {(code, hamlet) for (code, _), of in booked.items() for hamlet in of}
        for code, hamlet in sorted({*known, *found}):
            if unit is not None and code not in self._units.within(unit):
                continue
            slots = self._slots(code, hamlet)
            begins = {f"{begin:%Y-%m-%d %H:%M}" for day in _days(first, last) for begin in slots.of(day)}
            begins |= {at for (at_code, at), of in booked.items() if at_code == code and hamlet in of}
            for at in sorted(begins):
                together = self._together(code, hamlet, booked.get((code, at), {}))
                yield Slot(code, hamlet, at, together, slots.cap)


def span_of(first: str | None, last: str | None, today: date, days: int) -> tuple[date, date]:
    """Read the days to be listed: from today on, unless told otherwise; BadCommand when they are none."""
    try:
        begin = date.fromisoformat(first) if first is not None else today
        end = date.fromisoformat(last) if last is not None else begin + timedelta(days=days - 1)
        end + timedelta(days=1)  # is one of the calendar, too
    except (ValueError, OverflowError):
        raise BadCommand("--from and --to must be dates, as 2021-05-29") from None
    if not 0 <= (end - begin).days < 366:
        raise BadCommand("--to must be a day from --from on, at most a year later")
    return begin, end


def readable(slots: list[Slot], units: Units) -> str:
    """Return a table for people."""
    lines = [f"{'unit':8} {'hamlet':24} {'slot':16} {'booked':>6} {'cap':>4} {'free':>5}"]
    lines += [f"{s.unit:8} {s.hamlet:24} {s.begin:16} {s.booked:6} {s.cap:4} {s.free:5}" for s in slots]
    names = "; ".join(f"{code} {units.name(code)}" for code in sorted({slot.unit for slot in slots}))
    return "\n".join([*lines, names or "no slot: name hamlets in [campaign.slots], or other days"])


def _hamlets(path: Path, units: Units) -> Hamlets:
    try:
        with list_file(path) as file:
            return read_hamlets(file, units)
    except OSError as error:
        raise BadSettings(f"{path} cannot be read ({error.strerror}): hub.toml names it") from None
    except ValueError as error:
        raise BadSettings(f"{path}: {error}") from None


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
