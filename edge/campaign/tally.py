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
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from edge.campaign.definition import Campaign
from edge.campaign.events import Event
from edge.campaign.measures import AGES, UNKNOWN

MOST_TAKEN = "operator/most-taken"  # dong
LAST = "last/collected"
MAXIMA = (MOST_TAKEN, LAST)  # all other measures are sums
_GROUPS = tuple(
    f"age/{next((name for least, name in reversed(AGES) if age >= least), 'below-14')}" for age in range(131)
)

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

    def load(self, cells: Iterable[tuple[str, str, int, int]]) -> None:
        """Take over what `cells` of another tally yielded; each cell once."""
        counts = self.counts
        for measure, key, day, number in cells:
            column = counts.get((measure, key))
            if column is None:
                column = counts[measure, key] = array("i", bytes(4 * self.days))
            column[day] = number

    def fold(self, events: Iterable[Event], times: int = 1) -> None:
        """Count events, each so many times; OutOfSpan for one that is not of this campaign's days, with those
        before it counted.

        Events of one day that differ in nothing that is counted together are counted at once. Ages and
        operators' doings are apart: with them, hardly any two files would be alike.
        """
        shift, first, days = self.campaign.shift_seconds, self.campaign.first_day, self.days
        alike: defaultdict[Alike, int] = defaultdict(int)
        files: defaultdict[tuple[int, str, str, str], int] = defaultdict(int)
        ages: defaultdict[tuple[int, str, int], int] = defaultdict(int)
        taken: defaultdict[tuple[int, str], list[int]] = defaultdict(
            lambda: [0, 0, 0]
        )  # files, timed, seconds
        latest: dict[tuple[str, int], int] = {}
        try:
            for event in events:
                _, at, kind, unit, place, who, age, issue, took, _, _, _ = event
                day, second = divmod(at + shift, 86400)
                day -= first
                if not 0 <= day < days:
                    raise OutOfSpan("the time is before the campaign's start or beyond its span")
                if kind != "collected":
                    alike[(day, *event[2:])] += times
                    continue
                files[day, unit, place, issue] += times
                ages[day, unit, age] += times
                if who:
                    by_one = taken[day, who]
                    by_one[0] += times
                    if took >= 0:
                        by_one[1] += times
                        by_one[2] += times * took
                if second > latest.get((unit, day), 0):
                    latest[unit, day] = second
        finally:
            for (day, *facts), number in alike.items():
                self._count(Event("", 0, *facts), day, number)
            for (day, unit, place, issue), number in files.items():
                self.add("collected", unit, day, number)
                self.add(f"place/{place or UNKNOWN}", unit, day, number)
                self.add(f"collected/{issue or UNKNOWN}", unit, day, number)
            for (day, unit, age), number in ages.items():
                self.add(_GROUPS[age] if age >= 0 else "age/unknown", unit, day, number)
            for (day, who), numbers in taken.items():
                for word, number in zip(("collected", "timed", "seconds"), numbers, strict=True):
                    if number:
                        self.add(f"operator/{word}", who, day, number)
            for (unit, day), second in latest.items():
                self.add(LAST, unit, day, second)

    def _count(self, event: Event, day: int, number: int) -> None:
        kind, unit = event.kind, event.unit
        if kind == "fault":
            self.add(f"fault/{event.cause}", unit, day, number)
            self.add(f"minutes/{event.cause}", unit, day, number * event.minutes)
            return
        self.add(kind, unit, day, number)
        if kind in ("account-1", "account-2"):
            self.add("account", unit, day, number)
        if event.operator:
            self._count_operator(event, day, number)

    def _count_operator(self, event: Event, day: int, number: int) -> None:
        who = event.operator
        if event.kind in ("override", "exception", "fee"):
            self.add(f"operator/{event.kind}", who, day, number)
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
