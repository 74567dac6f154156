"""The fold: events in, whole numbers by measure, key and business day out. Nothing is kept of a person.

A measure is a word; its key is the unit's code, or the operator's name where it begins with `operator/`:
    collected, sent, …, account-1, account-2, activated, cleaned, override, exception, fee     by unit
    collected/ISSUE, place/PLACE, age/GROUP        parts of `collected`; what was not said is in `…/unknown`
    account                                        account-1 and account-2 together
    fault/CAUSE, minutes/CAUSE                     by unit
    last/collected                                 the second of the business day of its last file, by unit
    operator/{collected,seconds,timed,override,exception,fee,wrong-fee,most-taken}
"""

from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from edge.campaign.definition import Campaign
from edge.campaign.events import Event

AGES = ((14, "14-17"), (18, "18-24"), (25, "25-39"), (40, "40-59"), (60, "60+"))  # from the lower end on
UNKNOWN = "unknown"
MOST_TAKEN = "operator/most-taken"  # dong
LAST = "last/collected"
MAXIMA = (MOST_TAKEN, LAST)  # all other measures are sums
_GROUPS = tuple(
    f"age/{next((name for least, name in reversed(AGES) if age >= least), 'below-14')}" for age in range(131)
)

MOST_APART = 50_000  # kinds of events held before they are counted
Key = tuple[str, str]  # measure, unit or operator
Alike = tuple[Any, ...]  # day, and every field of an event but id and time


class OutOfSpan(ValueError):
    """An event before the campaign's start or after its span."""


class Tally:
    """Counters; `add` changes them, everything else only reads."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign, self.days = campaign, campaign.span_days
        self.counts: dict[Key, array[int]] = {}

    def add(self, measure: str, key: str, day: int, number: int = 1) -> None:
        """Count."""
        counts = self.counts.get((measure, key))
        if counts is None:
            counts = self.counts[measure, key] = array("i", bytes(4 * self.days))
        if measure in MAXIMA:
            counts[day] = max(counts[day], number)
        else:
            counts[day] += number

    def fold(self, events: Iterable[Event]) -> None:
        """Count events; OutOfSpan for one that is not of this campaign's days, with those before it counted.

        Events of one day that differ in nothing but id and time of day are counted together.
        """
        shift, first, days = self.campaign.shift_seconds, self.campaign.first_day, self.days
        alike: dict[Alike, int] = {}
        latest: dict[tuple[str, int], int] = {}
        try:
            for event in events:
                day, second = divmod(event[1] + shift, 86400)
                day -= first
                if not 0 <= day < days:
                    raise OutOfSpan("the time is before the campaign's start or beyond its span")
                kind, unit = event[2], event[3]
                alike_one = (day, *event[2:])
                alike[alike_one] = alike.get(alike_one, 0) + 1
                if kind == "collected" and second > latest.get((unit, day), 0):
                    latest[unit, day] = second
                if len(alike) >= MOST_APART:
                    self._count_all(alike)
        finally:
            self._count_all(alike)
            for (unit, day), second in latest.items():
                self.add(LAST, unit, day, second)

    def _count_all(self, alike: dict[Alike, int]) -> None:
        for (day, *facts), number in alike.items():
            self._count(Event("", 0, *facts), day, number)
        alike.clear()

    def _count(self, event: Event, day: int, number: int) -> None:
        kind, unit = event.kind, event.unit
        if kind == "fault":
            self.add(f"fault/{event.cause}", unit, day, number)
            self.add(f"minutes/{event.cause}", unit, day, number * event.minutes)
            return
        self.add(kind, unit, day, number)
        if kind == "collected":
            self.add(f"place/{event.place or UNKNOWN}", unit, day, number)
            self.add(_GROUPS[event.age] if event.age >= 0 else "age/unknown", unit, day, number)
            self.add(f"collected/{event.issue or UNKNOWN}", unit, day, number)
        elif kind in ("account-1", "account-2"):
            self.add("account", unit, day, number)
        if event.operator:
            self._count_operator(event, day, number)

    def _count_operator(self, event: Event, day: int, number: int) -> None:
        who = event.operator
        if event.kind in ("collected", "override", "exception", "fee"):
            self.add(f"operator/{event.kind}", who, day, number)
        if event.kind == "collected" and event.seconds >= 0:
            self.add("operator/timed", who, day, number)
            self.add("operator/seconds", who, day, number * event.seconds)
        if event.kind == "fee":
            due = self.campaign.fee_due(event.issue, self.campaign.day(day))
            if due is not None and event.amount != due:
                self.add("operator/wrong-fee", who, day, number)
                self.add(MOST_TAKEN, who, day, event.amount)

    def on(self, measure: str, key: str, day: int) -> int:
        """Return one day's number."""
        counts = self.counts.get((measure, key))
        return counts[day] if counts is not None and 0 <= day < self.days else 0

    def until(self, measure: str, key: str, day: int) -> int:
        """Return the sum to the end of a day."""
        counts = self.counts.get((measure, key))
        return sum(counts[: max(0, day + 1)]) if counts is not None else 0

    def keys(self, measure: str) -> list[str]:
        """Return every key that has something of a measure."""
        return sorted(key for name, key in self.counts if name == measure)

    def cells(self) -> Iterator[tuple[str, str, int, int]]:
        """Yield (measure, key, day, number) of everything that is not 0."""
        for (measure, key), counts in self.counts.items():
            for day in np.flatnonzero(np.frombuffer(counts, np.int32)):
                yield measure, key, int(day), counts[day]
