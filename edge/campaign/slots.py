"""Appointments: shifts of a day, slots in them, and how many people of a hamlet may come in one slot."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from edge.errors import BadCommand


class Shift(NamedTuple):
    """Work from one time of day to another, on some days of the week (Monday is 0)."""

    opens: time
    closes: time
    weekdays: frozenset[int] = frozenset(range(7))


class Slots(NamedTuple):
    """A hamlet's calendar: shifts cut into slots of some minutes with a cap on people."""

    shifts: tuple[Shift, ...]
    minutes: int
    cap: int

    def of(self, day: date) -> Iterator[datetime]:
        """Yield when each slot of a day begins; a slot that would outlast its shift is none."""
        for shift in self.shifts:
            begin, end = datetime.combine(day, shift.opens), datetime.combine(day, shift.closes)
            while day.weekday() in shift.weekdays and begin + timedelta(minutes=self.minutes) <= end:
                yield begin
                begin += timedelta(minutes=self.minutes)


Booked = Mapping[tuple[str, datetime], int]  # (hamlet, slot's begin) -> people


def book(
    slots: Slots, booked: Booked, hamlet: str, begin: datetime, people: int = 1
) -> dict[tuple[str, datetime], int]:
    """Return the bookings with some people more; BadCommand where the slot is none or would be overbooked."""
    if people < 1:
        raise BadCommand("at least one person must come")
    if begin not in slots.of(begin.date()):
        raise BadCommand(f"no slot begins at {begin:%Y-%m-%d %H:%M}: nobody works then")
    taken = booked.get((hamlet, begin), 0)
    if taken + people > slots.cap:
        raise BadCommand(
            f"the slot at {begin:%Y-%m-%d %H:%M} takes {slots.cap} people, {taken} are booked: choose another"
        )
    return {**booked, (hamlet, begin): taken + people}
