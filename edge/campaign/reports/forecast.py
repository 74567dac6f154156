"""When: a date for each unit with an interval, held against each deadline."""

from bisect import bisect_right
from datetime import date
from itertools import accumulate
from math import floor, sqrt
from statistics import stdev
from typing import NamedTuple

from edge.campaign.book import Book, Scope, with_quota
from edge.campaign.reports.table import UNIT, Cell, Column, Plot, Table, target_note, unit_cells

Z90 = 1.645  # standard normal, 5 % beyond it on either side
FARTHEST = 10_000  # days; later than this is no date
DRAWN_AHEAD = 1000  # days of a forecast that are drawn


class Forecast(NamedTuple):
    """Where one unit stands; days count from the campaign's start."""

    left: int
    daily: float  # mean of the days looked back on
    day: int | None  # when nothing is left; None: never at this rate
    early: int | None
    late: int | None  # None: the rate may be zero as well


def forecast_of(quota: int, daily: list[int], looked_back: int, running: bool = False) -> Forecast:
    """Extend the mean of the last days in a line; dates are rounded to the nearest day.

    `daily` holds one number for each business day from the start to today. The rate is the mean m of the last
    n = min(looked_back, days so far), days without work included. A day that is `running` is none of them: it
    is taken to end with m, or with what it has where that is more, and what is left then is done on the days
    after. The interval is that of the rate:
    m -/+ 1.645 s / sqrt(n) with s the standard deviation of those n days, 90 % if days were independent and
    alike; its ends give the late and the early date. It knows nothing of holidays to come, of absent people
    who are hard to find at the end, or of a change of plan; with fewer than two days there is none.
    """
    today, done = len(daily) - 1, sum(daily)
    recent = (daily[:-1] if running else daily)[-looked_back:]
    begun = daily[-1] if running and daily else None
    mean = sum(recent) / len(recent) if recent else 0.0
    left = quota - done
    if left <= 0:
        return Forecast(left, mean, None, None, None)
    if len(recent) < 2:
        return Forecast(left, mean, _when(today, left, mean, begun), None, None)
    spread = Z90 * stdev(recent) / sqrt(len(recent))
    dates = (_when(today, left, speed, begun) for speed in (mean, mean + spread, mean - spread))
    return Forecast(left, mean, *dates)


def _when(today: int, left: int, speed: float, begun: int | None) -> int | None:
    """Return the day on which nothing is left; `begun` of today is done where today runs."""
    to_come = 0.0 if begun is None else max(0.0, speed - begun)  # today
    days = max(0, floor((left - to_come) / speed + 0.5)) if speed > 0 else FARTHEST
    return today + days if days < FARTHEST else None


def _whole(book: Book, scope: Scope, quota: int, measure: str) -> tuple[Forecast, list[int]]:
    """Return the forecast of all that is asked for together, and the days that it is made of."""
    daily = book.daily(measure, scope.unit, scope.day)
    return forecast_of(quota, daily, book.campaign.rate_days, _runs(scope, daily)), daily


def _runs(scope: Scope, daily: list[int]) -> bool:
    return scope.running and len(daily) == scope.day + 1


def _in_words(book: Book, cast: Forecast) -> str:
    """Say when nothing is left, and how sure that is."""
    if cast.left <= 0:
        return "finished"
    if cast.day is None:
        return "no date at this rate"
    when, early, late = (_date(book, day) for day in (cast.day, cast.early, cast.late))
    if early is None:
        return f"{when} (no interval from fewer than two days)"
    return f"{when} ({early} to {late})" if late else f"{when} ({early} at the earliest, perhaps never)"


def _date(book: Book, day: int | None) -> date | None:
    return None if day is None else book.campaign.day(day)


def _rows(book: Book, scope: Scope) -> list[tuple[Forecast, dict[str, Cell]]]:
    target, measure = book.one_target(scope)
    found: list[tuple[Forecast, dict[str, Cell]]] = []
    for code, quota in with_quota(book, scope, target):
        found.append(_row(book, scope, code, quota, book.daily(measure, code, scope.day)))
    return found


def _row(
    book: Book, scope: Scope, code: str, quota: int, daily: list[int]
) -> tuple[Forecast, dict[str, Cell]]:
    cast = forecast_of(quota, daily, book.campaign.rate_days, _runs(scope, daily))
    row: dict[str, Cell] = {
        **unit_cells(book, code),
        "left": cast.left,
        "daily": cast.daily,
        "forecast": _date(book, cast.day),
        "early": _date(book, cast.early),
        "late": _date(book, cast.late),
    }
    for name, deadline in book.campaign.milestones().items():
        row[name] = None if cast.day is None else cast.day - book.campaign.index(deadline)
    return cast, row


def _columns(book: Book) -> tuple[Column, ...]:
    numbers = (Column("left", "left", "number"), Column("daily", "a day", "number"))
    dates = (
        Column("forecast", "forecast", "date"),
        Column("early", "early", "date"),
        Column("late", "late", "date"),
    )
    deadlines = (
        Column(name, f"days after {name} ({day})", "number")
        for name, day in book.campaign.milestones().items()
    )
    return (*UNIT, *numbers, *dates, *deadlines)


def forecast(book: Book, scope: Scope) -> Table:
    """Every unit that is not finished, the latest first; the whole campaign in the notes."""
    target, measure = book.one_target(scope)
    open_rows = [(cast, row) for cast, row in _rows(book, scope) if cast.left > 0]
    open_rows.sort(key=lambda one: (-(FARTHEST if one[0].day is None else one[0].day), str(one[1]["code"])))
    over = ", without this one, which is not over" if scope.running else ""
    notes = [
        target_note(book, target),
        f"rate: mean of the last {book.campaign.rate_days} business days at most{over}",
    ]
    quota = book.quota(target, scope.unit)
    if quota:
        cast, _ = _whole(book, scope, quota, measure)
        notes.append(f"all together: {cast.left:,} left, {cast.daily:,.0f} a day, {_in_words(book, cast)}")
    plot = _by_day(book, scope, [cast for cast, _ in open_rows])
    return Table("Forecast by unit", _columns(book), [row for _, row in open_rows], notes, plot)


def _by_day(book: Book, scope: Scope, casts: list[Forecast]) -> Plot:
    """Draw how many units are done by which day: by their forecasts, and by both ends of the intervals."""
    dates = {
        name: sorted(day for cast in casts if (day := getattr(cast, end)) is not None)
        for name, end in (("forecast", "day"), ("early", "early"), ("late", "late"))
    }
    days, marks = _axis(book, scope.day, scope.day, dates["forecast"][-1:])
    series = {
        name: [float(bisect_right(found, day)) for day in range(scope.day, scope.day + len(days))]
        for name, found in dates.items()
    }
    title = f"units done by the day, of {len(casts)} that are not finished"
    return Plot(title, days, series if any(dates.values()) else {}, marks=marks)


def _axis(book: Book, first: int, today: int, ends: list[int]) -> tuple[list[str], dict[str, str]]:
    """Return the days to draw, from `first` to the last end or deadline, and the deadlines among them."""
    deadlines = {name: book.campaign.index(day) for name, day in book.campaign.milestones().items()}
    farthest = today + DRAWN_AHEAD
    last = min(max([today, *ends, *(day for day in deadlines.values() if day <= farthest)]), farthest)
    days = [str(book.campaign.day(day)) for day in range(first, last + 1)]
    return days, {name: days[day - first] for name, day in deadlines.items() if first <= day <= last}


def whole(book: Book, scope: Scope) -> Table:
    """The forecast of everything asked for, in one row for each target and measure."""
    rows: list[dict[str, Cell]] = []
    for target in book.targets(scope):
        for measure in book.campaign.targets[target].measures:
            if not (quota := book.quota(target, scope.unit)):
                continue
            cast, _ = _whole(book, scope, quota, measure)
            row: dict[str, Cell] = {
                "what": measure,
                "of": book.campaign.targets[target].title,
                "left": cast.left,
            }
            row |= {"daily": cast.daily, "forecast": _date(book, cast.day)}
            row |= {"early": _date(book, cast.early), "late": _date(book, cast.late)}
            for name, deadline in book.campaign.milestones().items():
                row[name] = None if cast.day is None else cast.day - book.campaign.index(deadline)
            rows.append(row)
    columns = (Column("what", "what"), Column("of", "of"), *_columns(book)[len(UNIT) :])
    return Table("Forecast of everything together", columns, rows, [], _course(book, scope))


def _course(book: Book, scope: Scope) -> Plot | None:
    """Draw the first target's measure so far, and on to the forecast and both ends of its interval."""
    target, measure = book.one_target(scope)
    if not (quota := book.quota(target, scope.unit)):
        return None
    cast, daily = _whole(book, scope, quota, measure)
    if not daily:  # before the campaign began
        return None
    done = list(accumulate(daily))
    today, ends = len(done) - 1, {"forecast": cast.day, "early": cast.early, "late": cast.late}
    days, marks = _axis(book, 0, today, [day for day in ends.values() if day is not None])
    series: dict[str, list[float | None]] = {measure: [float(number) for number in done]}
    series[measure] += [None] * (len(days) - len(done))
    for name, end in ends.items():
        if end is not None and end > today:
            series[name] = _line(today, done[-1], end, quota, len(days))
    series["target"] = [float(quota)] * len(days)
    return Plot(f"{measure}, of {book.campaign.targets[target].title}", days, series, marks=marks)


def _line(today: int, done: int, end: int, quota: int, days: int) -> list[float | None]:
    """Return the way from what is done today to the quota at its end; nothing before, nor after."""
    steps = [done + (quota - done) * n / (end - today) for n in range(end - today + 1)]
    return [None if not 0 <= day - today < len(steps) else steps[day - today] for day in range(days)]


def expected(book: Book, scope: Scope) -> Table:
    """Units whose forecast lies within the next seven days."""
    target, _ = book.one_target(scope)
    soon = [
        row
        for cast, row in _rows(book, scope)
        if cast.day is not None and scope.day <= cast.day <= scope.day + 7
    ]
    soon.sort(key=lambda row: (str(row["forecast"]), str(row["code"])))
    notes = [f"{len(soon)} units", target_note(book, target)]
    days = [str(book.campaign.day(scope.day + n)) for n in range(8)]
    numbers = [float(sum(str(row["forecast"]) == day for row in soon)) for day in days]
    plot = Plot("units expected on the day", days, {"units": numbers}, bars=True)
    return Table("Units expected within seven days", _columns(book), soon, notes, plot)
