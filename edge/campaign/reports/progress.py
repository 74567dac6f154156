"""How far: finished units by week, units with few left, rates with their own denominators, the ranking."""

from collections import Counter

from edge.campaign.book import Book, Scope, rate, with_quota
from edge.campaign.events import CHAIN
from edge.campaign.reports.table import (
    NAMED,
    UNIT,
    Cell,
    Column,
    Plot,
    Table,
    bars_of,
    number_of,
    target_note,
    unit_cells,
)
from edge.campaign.tally import LAST


def week(book: Book, day: int) -> str:
    """Return the ISO week of a day."""
    return "{}-W{:02}".format(*book.campaign.day(day).isocalendar()[:2])


def finished(book: Book, scope: Scope) -> Table:
    """Units whose quota is reached, in the order in which they reached it.

    Within a day that is the order of the last files that the units collected on it.
    """
    target, measure = book.one_target(scope)
    found: list[tuple[int, int, dict[str, Cell]]] = []
    total = 0
    for code, quota in with_quota(book, scope, target):
        total += 1
        course = book.course(measure, code, scope.day)
        day = next((day for day, done in enumerate(course) if done >= quota), None)
        if day is not None:
            cells: dict[str, Cell] = {"week": week(book, day), "day": book.campaign.day(day)}
            second = max(book.tally.on(LAST, part, day) for part in book.parts(code))
            found.append(
                (day, second, {**cells, **unit_cells(book, code), "done": course[-1], "quota": quota})
            )
    rows = [row for *_, row in sorted(found, key=lambda one: (*one[:2], str(one[2]["code"])))]
    weeks = Counter(str(row["week"]) for row in rows)
    sums = ", ".join(f"{name}: {count}" for name, count in weeks.items()) or "none yet"
    columns = (Column("week", "ISO week"), Column("day", "reached on", "date"), *UNIT)
    return Table(
        "Finished units by week",
        (*columns, Column("done", "done", "number"), Column("quota", "quota", "number")),
        rows,
        [f"{len(rows)} of {total} units are finished ({sums})", target_note(book, target)],
        Plot(
            "units finished in the week",
            list(weeks),
            {"units": [float(n) for n in weeks.values()]},
            bars=True,
        ),
    )


def few_left(book: Book, scope: Scope) -> Table:
    """Units with 0 < remaining < the campaign's limit."""
    target, measure = book.one_target(scope)
    rows: list[dict[str, Cell]] = []
    for code, quota in with_quota(book, scope, target):
        left = quota - book.done(measure, code, scope.day)
        if 0 < left < book.campaign.few_left:
            rows.append({**unit_cells(book, code), "left": left, "quota": quota})
    rows.sort(key=lambda row: (row["left"], row["code"]))
    limit = book.campaign.few_left
    return Table(
        f"Units with fewer than {limit} people left",
        (*UNIT, Column("left", "left", "number"), Column("quota", "quota", "number")),
        rows,
        [f"{len(rows)} units; finished units are not among them", target_note(book, target)],
        bars_of("people left", rows, NAMED, left="left"),
    )


def few_left_trend(book: Book, scope: Scope) -> Table:
    """How many units had 0 < remaining < the limit, day by day; finished ones apart."""
    target, measure = book.one_target(scope)
    few, done = [0] * (scope.day + 1), [0] * (scope.day + 1)
    for code, quota in with_quota(book, scope, target):
        for day, count in enumerate(book.course(measure, code, scope.day)):
            few[day] += 0 < quota - count < book.campaign.few_left
            done[day] += count >= quota
    days = [book.campaign.day(day) for day in range(scope.day + 1)]
    rows: list[dict[str, Cell]] = [
        {"day": day, "few": a, "finished": b} for day, a, b in zip(days, few, done, strict=True)
    ]
    title = f"Units with fewer than {book.campaign.few_left} people left, day by day"
    series = {"few left": [float(n) for n in few], "finished": [float(n) for n in done]}
    return Table(
        title,
        (
            Column("day", "day", "date"),
            Column("few", "few left", "number"),
            Column("finished", "finished", "number"),
        ),
        rows,
        ["finished units are not among those with few left", target_note(book, target)],
        Plot(title, [str(day) for day in days], series),
    )


RATE = (
    Column("what", "what"),
    Column("number", "number", "number"),
    Column("of", "of"),
    Column("base", "base", "number"),
    Column("rate", "rate", "share"),
    Column("beyond", "number less base", "number"),
)


def _rate_row(what: str, number: int, of: str, base: int | None) -> dict[str, Cell]:
    beyond = None if base is None else number - base
    return {
        "what": what,
        "number": number,
        "of": of,
        "base": base,
        "rate": rate(number, base),
        "beyond": beyond,
    }


def summary(book: Book, scope: Scope) -> Table:
    """Every rate with its own denominator: targets, then each step of the chain of the one before."""
    rows = []
    for target in book.targets(scope):
        one = book.campaign.targets[target]
        for measure in one.measures:
            number = book.done(measure, scope.unit, scope.day)
            rows.append(_rate_row(measure, number, one.title, book.quota(target, scope.unit)))
    steps = {name: book.done(name, scope.unit, scope.day) for name in (*CHAIN, "account", "activated")}
    pairs = [("sent", "collected"), ("acknowledged", "sent"), ("received", "sent"), ("received", "collected")]
    for what, of in (*pairs, ("handed-over", "received"), ("activated", "account")):
        rows.append(_rate_row(what, steps[what], of, steps[of]))
    daily = book.daily("collected", scope.unit, scope.day)
    days = [str(book.campaign.day(day)) for day in range(len(daily))]
    return Table(
        "Summary",
        RATE,
        rows,
        ["each rate has the base beside it; rates above 100 % are shown as they are"],
        Plot("collected by day", days, {"collected": [float(n) for n in daily]}),
    )


def ranking(book: Book, scope: Scope) -> Table:
    """Units or districts by rate, for every target and measure."""
    rows: list[dict[str, Cell]] = []
    plot = None
    for target in book.targets(scope):
        for measure in book.campaign.targets[target].measures:
            ranked = []
            for code, quota in with_quota(book, scope, target):
                row = _rate_row(measure, book.done(measure, code, scope.day), target, quota)
                ranked.append({**unit_cells(book, code), **row})
            ranked.sort(key=lambda row: (-(row["number"] or 0) / (row["base"] or 1), row["code"]))  # type: ignore[operator]
            rows += [{"rank": place, **row} for place, row in enumerate(ranked, 1)]
            plot = plot or _plot_of(ranked, f"{measure}, per cent of {target}")
    return Table("Ranking", (Column("rank", "rank", "number"), *UNIT, *RATE), rows, [], plot)


def _plot_of(ranked: list[dict[str, Cell]], title: str) -> Plot:
    shares: list[dict[str, Cell]] = [{**row, "rate": 100 * number_of(row["rate"])} for row in ranked]
    return bars_of(title, shares, NAMED, rate="rate")


def sent(book: Book, scope: Scope) -> Table:
    """Sent of collected; units at or below the campaign's share are flagged."""
    rows: list[dict[str, Cell]] = []
    limit, strange = book.campaign.sent_share, 0
    for code in book.codes(scope):
        collected, gone = (book.done(name, code, scope.day) for name in ("collected", "sent"))
        if not collected:
            strange += gone
        else:
            share = gone / collected
            numbers: dict[str, Cell] = {
                "collected": collected,
                "sent": gone,
                "share": share,
                "low": share <= limit,
            }
            rows.append({**unit_cells(book, code), **numbers})
    rows.sort(key=lambda row: (-float(row["share"] or 0), str(row["code"])))  # type: ignore[arg-type]
    above = sum(not row["low"] for row in rows)
    notes = [
        f"{above} units have sent more than {100 * limit:g} % of their files, {len(rows) - above} have not"
    ]
    if strange:
        notes.append(
            f"{strange:,} more were sent of units that collected nothing: look at the units of the import"
        )
    low: list[dict[str, Cell]] = [{**row, "share": 100 * number_of(row["share"])} for row in reversed(rows)]
    numbers_of = (Column("collected", "collected", "number"), Column("sent", "sent", "number"))
    return Table(
        "Sent to the ministry, of what was collected",
        (*UNIT, *numbers_of, Column("share", "sent / collected", "share"), Column("low", "too low", "yes")),
        rows,
        notes,
        bars_of("per cent sent, the least first", low, NAMED, share="share"),
    )
