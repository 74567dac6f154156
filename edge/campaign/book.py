"""What every report reads: the campaign, its lists and the counted events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from edge.campaign.definition import Campaign
from edge.campaign.lists import Stop, Units
from edge.campaign.tally import Tally


class Scope(NamedTuple):
    """What a reader asks for."""

    day: int  # index of the business day at whose end the report stands
    unit: str | None = None  # a commune, or a district with its communes
    by: str = "commune"  # or district
    target: str | None = None  # one target only; None: the first for forecasts, all for rates
    running: bool = False  # the day is not over: what is counted of it is no day's work yet


@dataclass(frozen=True, slots=True)
class Book:
    """Numbers of units, of districts with their units, and of everybody (`code` None)."""

    campaign: Campaign
    units: Units
    quotas: dict[str, dict[str, int]]  # target -> code -> quota
    tally: Tally
    stops: list[Stop] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # of the lists' import, for every reader to see

    def parts(self, code: str | None) -> list[str]:
        """Return the codes whose events count for a code: a district's are its own and its communes'."""
        if code is None:
            return [*self.units.communes, *self.units.districts]
        return [code] if code in self.units.communes else [code, *self.units.within(code)]

    def done(self, measure: str, code: str | None, day: int) -> int:
        """Return how many of a measure there are at the end of a day."""
        return sum(self.tally.until(measure, part, day) for part in self.parts(code))

    def daily(self, measure: str, code: str | None, last: int) -> list[int]:
        """Return the number of each day from the start to `last`."""
        columns = [
            self.tally.counts[measure, p] for p in self.parts(code) if (measure, p) in self.tally.counts
        ]
        return [sum(column[day] for column in columns) for day in range(min(last + 1, self.tally.days))]

    def course(self, measure: str, code: str | None, last: int) -> list[int]:
        """Return the sum at the end of each day."""
        return list(accumulate(self.daily(measure, code, last)))

    def quota(self, target: str, code: str | None) -> int | None:
        """Return a target's number; a district's is its own line, or else the sum of its communes' lines."""
        numbers = self.quotas[target]
        if code is None:
            total = self.campaign.targets[target].total
            return (
                total if total is not None else sum(self.quota(target, d) or 0 for d in self.units.districts)
            )
        if code in numbers or code in self.units.communes:
            return numbers.get(code)
        lines = [numbers[part] for part in self.units.within(code) if part in numbers]
        return sum(lines) if lines else None

    def codes(self, scope: Scope) -> list[str]:
        """Return the units that a report has rows for."""
        if scope.by == "district":
            return [self.units.district(scope.unit)] if scope.unit else list(self.units.districts)
        return self.units.within(scope.unit) if scope.unit else list(self.units.communes)

    def targets(self, scope: Scope) -> list[str]:
        """Return the targets asked for."""
        return [scope.target] if scope.target else list(self.campaign.targets)

    def one_target(self, scope: Scope) -> tuple[str, str]:
        """Return the target of a forecast, and the measure that is held against it."""
        target = self.targets(scope)[0]
        return target, self.campaign.targets[target].measures[0]


def rate(number: int, base: int | None) -> float | None:
    """Return number/base as it is: above 1 where it is above 1; None where there is no base."""
    return number / base if base else None


def with_quota(book: Book, scope: Scope, target: str) -> Iterable[tuple[str, int]]:
    """Yield the units that have a quota of at least one."""
    for code in book.codes(scope):
        if quota := book.quota(target, code):
            yield code, quota
