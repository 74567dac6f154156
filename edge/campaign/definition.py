"""What a campaign is: since when, until when, on what legal basis, against which lists. Read from TOML."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from edge.business_day import BEGINS, BusinessDays
from edge.campaign.lists import CODE
from edge.campaign.measures import check_measure
from edge.campaign.slots import Shift, Slots

Code = Annotated[
    str,
    StringConstraints(pattern=CODE),
    Field(description="an official code, 2 to 8 of 0-9A-Z"),
]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$"),
    Field(description="1 to 31 small letters, digits or hyphens"),
]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LONGEST = 1500  # days that a ledger spans
FARTHEST = 36_500  # days from the start to a milestone
LAST_START = date(2200, 1, 1)  # every day of a campaign, and of its milestones, is one of the calendar


class Part(BaseModel):
    """A frozen part of the definition; an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(Part):
    """A list of numbers by unit and what is measured against it: the denominator of these rates only."""

    title: Words
    file: Path | None = None  # CSV: code,quota
    total: Annotated[int, Field(ge=1)] | None = None  # of the whole campaign, where no list by unit exists
    measures: Annotated[tuple[Annotated[str, AfterValidator(check_measure)], ...], Field(min_length=1)] = (
        "collected",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.total is None):
            raise ValueError("a target has either a file or a total")
        return self


class Booth(Part):
    """Where a booth stands: an entry of its journal is counted for this unit."""

    unit: Code
    place: str = Field(default="fixed", pattern="^(fixed|mobile)$")


class Fee(Part):
    """What an issue of a kind costs from a day on, in dong; none is due for kinds that no table names."""

    since: date
    due: dict[Name, Annotated[int, Field(ge=0)]]


class ShiftHours(Part):
    """Work from one local time of day to another."""

    opens: time
    closes: time
    weekdays: frozenset[Annotated[int, Field(ge=1, le=7)]] = frozenset(range(1, 8))  # 1 is Monday

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("a shift closes after it opens, on the same day")
        return self


class Calendar(Part):
    """The table `[campaign.slots]`: shifts cut into slots, and how many people of a hamlet one takes."""

    minutes: Annotated[int, Field(ge=5, le=720)] = 60
    cap: Annotated[int, Field(ge=1, le=1000)]
    shifts: Annotated[tuple[ShiftHours, ...], Field(min_length=1)]
    hamlets: Path | None = None  # CSV: unit,hamlet,cap; none: any hamlet of a commune

    def slots(self, cap: int) -> Slots:
        """Return the calendar of a hamlet with this cap."""
        shifts = (Shift(s.opens, s.closes, frozenset(day - 1 for day in s.weekdays)) for s in self.shifts)
        return Slots(tuple(shifts), self.minutes, cap)


class Campaign(Part):
    """The table `[campaign]` of hub.toml."""

    name: Words
    legal_basis: tuple[Words, ...]  # printed on every report
    start: Annotated[date, Field(ge=date(1970, 1, 2), le=LAST_START)]  # the first business day
    deadlines: dict[Name, date] = {}
    milestones_days: dict[Name, Annotated[int, Field(ge=1, le=FARTHEST)]] = {}  # name -> days after the start
    units: Path  # CSV: district_code,district,commune_code,commune,kind
    targets: dict[Name, Target]
    rounds: Path | None = None  # CSV: round,team,code
    slots: Calendar | None = None  # none: no appointments
    booths: dict[Name, Booth] = {}
    fees: tuple[Fee, ...] = ()
    span_days: Annotated[int, Field(ge=1, le=LONGEST)] = 730  # events later than this are refused
    utc_offset_minutes: Annotated[int, Field(ge=-720, le=840)] = 420  # Viet Nam has no summer time
    day_begins: time = BEGINS  # a record at 00:30 belongs to the evening before
    few_left: Annotated[int, Field(ge=1)] = 50
    sent_share: Annotated[float, Field(gt=0, le=1)] = 0.7  # sent/collected at or below it is flagged
    rate_days: Annotated[int, Field(ge=2)] = 14  # the business days that a forecast looks back on
    publish_seconds: Annotated[float, Field(ge=1, le=86_400)] = 60  # at least, between two reports on the bus
    official_units: dict[Code, int] = {}  # units a district should have, where the list may be wrong

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.targets:
            raise ValueError("a campaign needs at least one target")
        if any(a.since >= b.since for a, b in pairwise(self.fees)):
            raise ValueError("the fee tables must follow each other by 'since'")
        return self

    @property
    def shift_seconds(self) -> int:
        """Seconds to add to UTC so that a business day is a day."""
        return self._days.shift_seconds

    def day_index(self, at: int) -> int:
        """Return the business day of a UTC time (seconds since 1970), counted from the campaign's start."""
        return self._days.number(at) - self.first_day

    @property
    def _days(self) -> BusinessDays:
        return BusinessDays(self.utc_offset_minutes, self.day_begins)

    @property
    def first_day(self) -> int:
        """The start, in days since 1970."""
        return (self.start - date(1970, 1, 1)).days

    def day(self, index: int) -> date:
        """Return the date of a business day."""
        return self.start + timedelta(days=index)

    @property
    def span(self) -> str:
        """Say from when to when it counts."""
        last = self.day(self.span_days - 1)
        return f"began on {self.start} and counts until {last} (span_days = {self.span_days})"

    def local(self, at: int) -> datetime:
        """Return a UTC time (seconds since 1970) as a clock shows it where the campaign is."""
        return datetime.fromtimestamp(at, timezone(timedelta(minutes=self.utc_offset_minutes)))

    def index(self, day: date) -> int:
        """Return the index of a date."""
        return (day - self.start).days

    def begins(self, index: int) -> int:
        """Return when a business day begins, UTC seconds since 1970."""
        midnight = datetime.combine(self.day(index), time(), UTC)
        return int(midnight.timestamp()) - self.shift_seconds

    def milestones(self) -> dict[str, date]:
        """Return every deadline and every milestone by name."""
        counted = {name: self.start + timedelta(days=n) for name, n in self.milestones_days.items()}
        return {**self.deadlines, **counted}

    def fee_due(self, issue: str, day: date) -> int | None:
        """Return the fee of an issue on a day; None where no table says."""
        table = next((fee for fee in reversed(self.fees) if fee.since <= day), None)
        return table.due.get(issue) if table else None
